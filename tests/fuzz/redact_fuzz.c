/* SPDX-License-Identifier: Apache-2.0 */
/* Any text: it is read to its end, whatever is in it, and what comes out is no longer than stand-ins can make it. */
#include "harrier/redact.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STAND_IN_LONGEST = 64, BESIDE = 4096 };

static void check_length(size_t length, size_t size)
{
    if (length > size * STAND_IN_LONGEST + BESIDE)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make((const char *)data, size);
    struct buffer line = {NULL, 0, 0}, bytes = {NULL, 0, 0};
    struct arena *arena = arena_new(4096);
    bool in_block = false;

    check_length(redact_text(arena, text).length, size);
    redact_line(text, &line);
    check_length(line.length, size);
    redact_bytes(slice_first(text, size / 2), &in_block, &bytes);
    redact_bytes(slice_from(text, size / 2), &in_block, &bytes);
    check_length(bytes.length, size);
    buffer_free(&line);
    buffer_free(&bytes);
    arena_free(arena);
    return 0;
}
