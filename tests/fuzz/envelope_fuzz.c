/* SPDX-License-Identifier: Apache-2.0 */
/* The first two bytes choose chunks, limits, format and whether lines are messages; the rest is the input. Any chunks must give what one chunk gives. */
#include "tests/unit/audit/transcript.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct audit_limits small = {
        .depth = 6, .value_bytes = 120, .event_bytes = 300, .dead_letter_bytes = 30, .inflated_bytes = 2000, .inflate_ratio = 3};
    if (size < 2)
        return 0;
    const struct audit_limits *limits = data[0] & 1 ? &small : &audit_default_limits;
    enum audit_accept accept = data[1] & 0x80 ? AUDIT_ACCEPT_AUTO : AUDIT_ACCEPT_K8S;
    struct slice input = slice_make((const char *)data + 2, size - 2);
    struct transcript whole = {
        .unwanted = data[0] & 0x80,
        .format = (enum audit_format)((data[1] & 0x3F) % (AUDIT_FORMAT_COLLECTOR + 1)),
        .lines = data[1] & 0x40,
    };
    struct transcript parts = whole;

    transcript_read(&whole, input, SIZE_MAX, limits, accept);
    transcript_read(&parts, input, 1 + data[0] / 2 % 32, limits, accept);
    require(slice_equal(buffer_slice(&whole.text), buffer_slice(&parts.text)));
    require(whole.counts.received == whole.counts.events + whole.counts.dead);
    require(!whole.broken && !parts.broken);
    require(whole.memory == 0 && parts.memory == 0);
    transcript_free(&whole);
    transcript_free(&parts);
    return 0;
}
