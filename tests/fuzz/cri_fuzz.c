/* SPDX-License-Identifier: Apache-2.0 */
/* Lines from anywhere: the messages do not depend on how the bytes were split, and a boundary that was foretold is one: nothing is
 * unfinished there. */
#include "harrier/base/buffer.h"
#include "harrier/cri.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Messages, each with a byte before and one behind it that tells. */
struct messages {
    struct buffer bytes;
    bool within;
};

static enum result on_text(void *context, struct slice bytes)
{
    struct messages *messages = context;

    if (bytes.length == 0)
        abort();
    if (!messages->within)
        buffer_append_byte(&messages->bytes, '<');
    messages->within = true;
    buffer_append_slice(&messages->bytes, bytes);
    return RESULT_OK;
}

static void on_end(void *context)
{
    struct messages *messages = context;

    if (!messages->within)
        abort();
    messages->within = false;
    buffer_append_byte(&messages->bytes, '>');
}

static void read_in_pieces(struct slice input, size_t piece, struct messages *messages)
{
    struct cri_reader *reader = cri_reader_new(&(struct cri_sink){messages, on_text, on_end});

    for (size_t at = 0; at < input.length; at += piece)
        if (cri_reader_feed(reader, slice_first(slice_from(input, at), piece)) != RESULT_OK)
            abort();
    if (cri_reader_finish(reader) != RESULT_OK || messages->within)
        abort();
    cri_reader_free(reader);
}

/* Fed up to the boundary, and then the rest to a new reader: the same messages as all at once. */
static void check_boundary(struct slice input, const struct messages *expected)
{
    struct messages messages = {0};
    struct cri_reader *reader = cri_reader_new(&(struct cri_sink){&messages, on_text, on_end});
    size_t boundary = cri_reader_boundary(reader, input, NULL);

    if (boundary > input.length)
        abort();
    cri_reader_feed(reader, slice_first(input, boundary));
    if (messages.within)
        abort();
    cri_reader_reset(reader);
    cri_reader_feed(reader, slice_from(input, boundary));
    cri_reader_finish(reader);
    if (!slice_equal(buffer_slice(&messages.bytes), buffer_slice(&expected->bytes)))
        abort();
    cri_reader_free(reader);
    buffer_free(&messages.bytes);
}

/* Where all but what holds others up is whole, finishing ends that alone. */
static void check_boundary_without(struct slice input, uint64_t old)
{
    struct messages messages = {0};
    struct cri_reader *reader = cri_reader_new(&(struct cri_sink){&messages, on_text, on_end});
    size_t boundary;
    uint64_t lines, read;

    if (cri_reader_boundary_without(reader, input, old, &boundary, &lines)) {
        if (!cri_reader_is_held_up(reader, input, &read) || read != input.length || boundary == 0 || boundary > input.length || lines == 0)
            abort();
        if (boundary <= cri_reader_boundary(reader, slice_first(input, boundary), NULL))
            abort();
        cri_reader_feed(reader, slice_first(input, boundary));
        if (cri_reader_finish(reader) != RESULT_OK || messages.within || !cri_reader_is_between_messages(reader))
            abort();
    }
    cri_reader_free(reader);
    buffer_free(&messages.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_make((const char *)data + 1, size ? size - 1 : 0);
    struct messages whole = {0}, pieces = {0};

    if (size == 0)
        return 0;
    read_in_pieces(input, input.length + 1, &whole);
    read_in_pieces(input, (size_t)data[0] % 64 + 1, &pieces);
    if (!slice_equal(buffer_slice(&whole.bytes), buffer_slice(&pieces.bytes)))
        abort();
    check_boundary(input, &whole);
    check_boundary_without(input, input.length);
    check_boundary_without(input, data[0]);
    buffer_free(&whole.bytes);
    buffer_free(&pieces.bytes);
    return 0;
}
