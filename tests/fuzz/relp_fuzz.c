/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a RELP session, once as a whole and once in pieces: the same must be read. The first byte of the input is the size of the pieces, and
 * says whether the session is open already. */
#include "tests/unit/source/syslog/relp_transcript.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer whole = {0}, pieces = {0};

    if (size == 0)
        return 0;
    struct slice input = slice_make((const char *)data + 1, size - 1);
    struct relp start = {.open = data[0] & 0x80, .previous = data[0] & 0x80 ? 1 : 0};
    relp_transcribe_all(input, size, start, &whole);
    relp_transcribe_all(input, 1 + (size_t)data[0] % 64, start, &pieces);
    if (!slice_equal(buffer_slice(&whole), buffer_slice(&pieces)))
        __builtin_trap();
    buffer_free(&whole);
    buffer_free(&pieces);
    return 0;
}
