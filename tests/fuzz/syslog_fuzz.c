/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a stream of syslog, once as a whole and once in pieces: the messages and the counts must be the same. The first byte of the input is
 * the size of the pieces, and chooses a small bound for messages and the framing. */
#include "tests/unit/source/syslog/syslog_transcript.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer whole = {0}, pieces = {0};
    struct syslog_counts counts, same;

    if (size == 0)
        return 0;
    struct slice input = slice_make((const char *)data + 1, size - 1);
    struct syslog_limits limits = {.message_bytes = data[0] & 0x80 ? SYSLOG_HEADER_BYTES : SYSLOG_MESSAGE_BYTES_MOST,
                                   .framing = data[0] & 0x40 ? SYSLOG_FRAMING_OCTETS : SYSLOG_FRAMING_AUTO};
    syslog_transcribe_all(input, size, &limits, &whole, &counts);
    syslog_transcribe_all(input, 1 + (size_t)data[0] % 64, &limits, &pieces, &same);
    if (!slice_equal(buffer_slice(&whole), buffer_slice(&pieces)) || memcmp(&counts, &same, sizeof counts) != 0)
        __builtin_trap();
    syslog_looks_like(input);
    buffer_free(&whole);
    buffer_free(&pieces);
    return 0;
}
