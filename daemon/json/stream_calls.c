/* SPDX-License-Identifier: Apache-2.0 */
/* From yajl's callbacks to the stream's handlers. None ever cancels: a cancelled yajl handle is dead. */
#include "stream.h"
#include "text.h"

/* Where yajl stands in the piece, as far as that is of the input. */
static size_t consumed(const struct json_stream *stream)
{
    size_t bytes = yajl_get_bytes_consumed(stream->yajl);
    return bytes < stream->piece_real ? bytes : stream->piece_real;
}

uint64_t json_stream_token_end(const struct json_stream *stream)
{
    return stream->piece_offset + consumed(stream);
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* Does the byte before index belong to the number that index is within? An exponent's letter does, that of a literal glued to the number does not. */
static bool is_number_before(const char *bytes, size_t index)
{
    char byte = bytes[index - 1];
    if (byte == 'e' || byte == 'E')
        return index > 1 && is_digit(bytes[index - 2]);
    return is_digit(byte) || byte == '-' || byte == '+' || byte == '.';
}

/* Length of the number, literal or bracket that ends at end. Values may be glued to each other, but a literal has its own length. */
static size_t token_length(const char *bytes, size_t end)
{
    static const struct slice literals[] = {{"true", 4}, {"null", 4}, {"false", 5}};
    size_t begin = end - 1;
    bool may_be_literal = bytes[begin] == 'e' || bytes[begin] == 'l';

    for (size_t i = 0; may_be_literal && i < sizeof literals / sizeof *literals; i++)
        if (slice_ends_with(slice_make(bytes, end), literals[i]))
            return literals[i].length;
    while (is_number_before(bytes, end) && begin > 0 && is_number_before(bytes, begin))
        begin--;
    return end - begin;
}

uint64_t json_stream_token_begin(const struct json_stream *stream)
{
    size_t end = yajl_get_bytes_consumed(stream->yajl);
    const char *bytes = stream->piece.bytes;
    struct slice raw;

    if (end == 0 || stream->piece_real == 0)
        return stream->piece_offset;
    if (bytes[end - 1] == '"' && json_text_before_quote(stream->piece, end - 1, &raw))
        return stream->piece_offset + (uint64_t)(raw.bytes - 1 - bytes);
    /* at the top level a value begins no sooner than the last has ended */
    size_t least = stream->depth == 0 && stream->value_end > stream->piece_offset ? (size_t)(stream->value_end - stream->piece_offset) : 0;
    size_t begin = end - token_length(bytes, end);
    if (begin < least)
        begin = least;
    return stream->piece_offset + begin;
}

struct slice json_stream_piece(const struct json_stream *stream, uint64_t *offset)
{
    *offset = stream->piece_offset;
    return slice_first(stream->piece, stream->piece_real);
}

uint64_t json_stream_line(const struct json_stream *stream)
{
    return stream->line;
}

void json_stream_skip(struct json_stream *stream)
{
    stream->skip = true;
}

static void top_level_begins(struct json_stream *stream)
{
    stream->value_begin = json_stream_token_begin(stream);
    stream->first_newline = UINT64_MAX;
    json_stream_count_lines(stream, stream->value_begin);
}

static void top_level_ends(struct json_stream *stream)
{
    stream->value_end = json_stream_token_end(stream);
    stream->counted = stream->value_end;
}

/* yajl's own text where it points into the piece. Elsewhere it is the first token of a piece, or yajl has undone escapes (and made "?" of a
 * lone surrogate): then it is taken from the piece again. */
static struct slice string_text(struct json_stream *stream, const unsigned char *bytes, size_t length)
{
    struct slice given = slice_make((const char *)bytes, length), raw;

    if (given.bytes >= stream->piece.bytes && given.bytes + length <= stream->piece.bytes + stream->piece.length)
        return given;
    size_t end = yajl_get_bytes_consumed(stream->yajl);
    if (end == 0 || !json_text_before_quote(stream->piece, end - 1, &raw))
        return given;
    if (raw.length == 0 || !memchr(raw.bytes, '\\', raw.length))
        return raw;
    stream->unescaped.length = 0;
    buffer_reserve(&stream->unescaped, raw.length);
    stream->unescaped.length = json_text_unescape(raw, stream->unescaped.bytes);
    return buffer_slice(&stream->unescaped);
}

static int tell_value(struct json_stream *stream, enum json_type type, struct slice text)
{
    if (stream->depth == 0) {
        top_level_begins(stream);
        stream->handlers.value(stream->handlers.context, type, text);
        top_level_ends(stream);
    } else {
        stream->handlers.value(stream->handlers.context, type, text);
    }
    return 1;
}

static bool is_skipped(struct json_stream *stream)
{
    bool skip = stream->skip;
    stream->skip = false;
    return skip;
}

static int on_null(void *context)
{
    struct json_stream *stream = context;
    return is_skipped(stream) ? 1 : tell_value(stream, JSON_NULL, SLICE("null"));
}

static int on_boolean(void *context, int boolean)
{
    struct json_stream *stream = context;
    return is_skipped(stream) ? 1 : tell_value(stream, JSON_BOOL, boolean ? SLICE("true") : SLICE("false"));
}

static int on_number(void *context, const char *bytes, size_t length)
{
    struct json_stream *stream = context;
    return is_skipped(stream) ? 1 : tell_value(stream, JSON_NUMBER, slice_make(bytes, length));
}

static int on_string(void *context, const unsigned char *bytes, size_t length)
{
    struct json_stream *stream = context;
    return is_skipped(stream) ? 1 : tell_value(stream, JSON_STRING, string_text(stream, bytes, length));
}

static int on_key(void *context, const unsigned char *bytes, size_t length)
{
    struct json_stream *stream = context;
    stream->handlers.key(stream->handlers.context, string_text(stream, bytes, length));
    return 1;
}

static int silent_begin(void *context)
{
    struct json_stream *stream = context;
    stream->depth++;
    return 1;
}

static int silent_end_of(struct json_stream *stream, enum json_type type)
{
    if (--stream->depth > stream->silent_depth)
        return 1;
    json_stream_tell_all(stream);
    if (stream->silent_end_told)
        stream->handlers.end(stream->handlers.context, type);
    if (stream->depth == 0)
        top_level_ends(stream);
    return 1;
}

static int silent_end_object(void *context)
{
    return silent_end_of(context, JSON_OBJECT);
}

static int silent_end_array(void *context)
{
    return silent_end_of(context, JSON_ARRAY);
}

static void fall_silent(struct json_stream *stream, bool end_told)
{
    stream->silent = true;
    stream->silent_end_told = end_told;
    stream->silent_depth = stream->depth - 1;
    stream->callbacks = (yajl_callbacks){
        .yajl_start_map = silent_begin,
        .yajl_end_map = silent_end_object,
        .yajl_start_array = silent_begin,
        .yajl_end_array = silent_end_array,
    };
}

static int begin(struct json_stream *stream, enum json_type type)
{
    if (stream->depth == 0)
        top_level_begins(stream);
    stream->depth++;
    if (is_skipped(stream)) {
        fall_silent(stream, false);
        return 1;
    }
    stream->handlers.begin(stream->handlers.context, type);
    if (is_skipped(stream))
        fall_silent(stream, true);
    return 1;
}

static int on_begin_object(void *context)
{
    return begin(context, JSON_OBJECT);
}

static int on_begin_array(void *context)
{
    return begin(context, JSON_ARRAY);
}

static int end(struct json_stream *stream, enum json_type type)
{
    stream->depth--;
    stream->handlers.end(stream->handlers.context, type);
    if (stream->depth == 0)
        top_level_ends(stream);
    return 1;
}

static int on_end_object(void *context)
{
    return end(context, JSON_OBJECT);
}

static int on_end_array(void *context)
{
    return end(context, JSON_ARRAY);
}

void json_stream_tell_all(struct json_stream *stream)
{
    stream->silent = false;
    stream->callbacks = (yajl_callbacks){
        .yajl_null = on_null,
        .yajl_boolean = on_boolean,
        .yajl_number = on_number,
        .yajl_string = on_string,
        .yajl_start_map = on_begin_object,
        .yajl_map_key = on_key,
        .yajl_end_map = on_end_object,
        .yajl_start_array = on_begin_array,
        .yajl_end_array = on_end_array,
    };
}
