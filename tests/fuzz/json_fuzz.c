/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte is the size of the chunks, the rest the text. What the stream tells is written again and must be what the tree is written
 * as; a tree written and read again is the same; and a text cut off anywhere can be closed. */
#include "harrier/json_stream.h"
#include "harrier/base/memory.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void on_key(void *context, struct slice key)
{
    json_key_slice(context, key);
}

static void on_value(void *context, enum json_type type, struct slice text)
{
    switch (type) {
    case JSON_STRING: json_write_string(context, text); break;
    case JSON_NUMBER: json_write_number_text(context, text); break;
    case JSON_BOOL: json_write_bool(context, slice_is(text, "true")); break;
    default: json_write_null(context); break;
    }
}

static void on_begin(void *context, enum json_type type)
{
    if (type == JSON_OBJECT)
        json_begin_object(context);
    else
        json_begin_array(context);
}

static void on_end(void *context, enum json_type type)
{
    if (type == JSON_OBJECT)
        json_end_object(context);
    else
        json_end_array(context);
}

static void on_bound(void *context, enum json_bound bound)
{
    (void)context;
    (void)bound;
}

static void on_piece(void *context, enum json_piece kind, struct slice bytes, uint64_t offset)
{
    (void)context;
    (void)kind;
    (void)bytes;
    (void)offset;
}

static enum result stream(struct slice text, size_t chunk, struct buffer *out)
{
    struct json_writer *writer = json_writer_new(out, false);
    struct json_handlers handlers = {writer, on_key, on_value, on_begin, on_end, on_bound, on_piece, NULL};
    struct json_stream *stream = json_stream_new(&json_default_limits, &handlers);
    enum result result = RESULT_OK;

    while (text.length && result == RESULT_OK) {
        struct slice piece = slice_first(text, chunk);
        char *copy = xmalloc(piece.length);
        memcpy(copy, piece.bytes, piece.length);
        result = json_stream_feed(stream, slice_make(copy, piece.length));
        free(copy);
        text = slice_from(text, piece.length);
    }
    if (result == RESULT_OK)
        result = json_stream_finish(stream);
    json_stream_free(stream);
    json_writer_free(writer);
    return result;
}

static enum result rewrite(struct slice text, struct buffer *out)
{
    struct arena *arena = arena_new(4096);
    struct json_node *root;
    struct json_writer *writer = json_writer_new(out, false);
    enum result result = json_tree_parse(arena, text, &json_default_limits, &root, NULL);

    json_write_node(writer, root);
    json_writer_free(writer);
    arena_free(arena);
    return result;
}

static void close_at(struct slice text, size_t length)
{
    struct buffer closed = {0}, written = {0};
    buffer_append_slice(&closed, slice_first(text, length));
    json_close(&closed, 0);
    require(rewrite(buffer_slice(&closed), &written) == RESULT_OK);
    buffer_free(&closed);
    buffer_free(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct slice text = slice_make((const char *)data + 1, size - 1);
    struct buffer tree = {0}, streamed = {0}, again = {0};
    enum result tree_result = rewrite(text, &tree);

    enum result stream_result = stream(text, 1 + data[0] % 32, &streamed);
    if (tree_result == RESULT_OK) {
        require(stream_result == RESULT_OK);
        require(slice_equal(buffer_slice(&tree), buffer_slice(&streamed)));
        for (size_t length = 0; length < text.length; length += 1 + text.length / 16)
            close_at(text, length);
    }
    require(rewrite(buffer_slice(&tree), &again) == RESULT_OK);
    require(slice_equal(buffer_slice(&tree), buffer_slice(&again)));
    buffer_free(&tree);
    buffer_free(&streamed);
    buffer_free(&again);
    return 0;
}
