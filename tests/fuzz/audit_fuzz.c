/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte chooses the chunks and the limits; the rest is the input. Any chunks must give what one chunk gives. */
#include "tests/unit/audit/transcript.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct audit_limits small = {.depth = 6, .value_bytes = 60, .event_bytes = 200, .dead_letter_bytes = 30};
    if (size == 0)
        return 0;
    const struct audit_limits *limits = data[0] & 1 ? &small : &audit_default_limits;
    enum audit_accept accept = (enum audit_accept)(data[0] / 2 % 3);
    struct slice input = slice_make((const char *)data + 1, size - 1);
    struct transcript whole = {.unwanted = data[0] & 0x80}, parts = {.unwanted = data[0] & 0x80};

    transcript_read(&whole, input, SIZE_MAX, limits, accept);
    transcript_read(&parts, input, 1 + data[0] / 8 % 16, limits, accept);
    require(slice_equal(buffer_slice(&whole.text), buffer_slice(&parts.text)));
    require(whole.counts.received == whole.counts.events + whole.counts.dead);
    require(!whole.broken && !parts.broken);
    require(whole.memory == 0 && parts.memory == 0);
    transcript_free(&whole);
    transcript_free(&parts);
    return 0;
}
