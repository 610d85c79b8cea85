/* SPDX-License-Identifier: Apache-2.0 */
/* What is left out of a stream: the rest of a string or number that was cut, and containers that are too deep. yajl never sees it. */
#include "scan.h"
#include "stream.h"

static size_t leave_out(struct json_stream *stream, struct slice bytes)
{
    stream->newlines = true;
    json_stream_report(stream, JSON_PIECE_LEFT_OUT, bytes, stream->offset);
    stream->offset += bytes.length;
    stream->steps += bytes.length;
    return bytes.length;
}

size_t json_skip_cut_string(struct json_stream *stream, struct slice bytes)
{
    bool closed;
    size_t length = json_scan_string(bytes, &stream->escaped, &closed);
    bool broken = !closed && bytes.bytes[length - 1] == '\n';

    leave_out(stream, slice_first(bytes, length - broken));
    if (broken) {
        stream->piece = slice_make(bytes.bytes + length - 1, 1);
        stream->piece_real = 1;
        stream->piece_offset = stream->offset;
        json_stream_fail_at(stream, stream->offset, "a string that has a newline");
        stream->offset++;
    } else if (closed) {
        stream->mode = MODE_READY;
    }
    return length;
}

size_t json_skip_cut_scalar(struct json_stream *stream, struct slice bytes)
{
    size_t length = json_scan_scalar(bytes);
    leave_out(stream, slice_first(bytes, length));
    if (length < bytes.length)
        stream->mode = MODE_READY;
    return length;
}

/* False where the byte cannot stand in any JSON. */
static bool deep_byte(struct json_deep *deep, char byte)
{
    if (deep->in_string) {
        deep->in_string = deep->escaped || byte != '"';
        deep->escaped = !deep->escaped && byte == '\\';
        return byte != '\n';
    }
    if (byte == '{' || byte == '[' || byte == '"') {
        if (deep->behind_value)
            return false;
        deep->depth += byte != '"';
        deep->in_string = deep->behind_value = byte == '"';
    } else if (byte == '}' || byte == ']') {
        deep->depth--;
        deep->behind_value = true;
    } else if (byte == ',' || byte == ':') {
        deep->behind_value = false;
    }
    return true;
}

size_t json_skip_deep(struct json_stream *stream, struct slice bytes)
{
    size_t length = 0;
    bool right = true;

    do {
        right = deep_byte(&stream->deep, bytes.bytes[length]);
        length += right;
    } while (right && length < bytes.length && stream->deep.depth > 0);
    leave_out(stream, slice_first(bytes, length));
    if (!right) {
        stream->piece = slice_from(bytes, length);
        stream->piece_real = 1;
        stream->piece_offset = stream->offset;
        json_stream_fail_at(stream, stream->offset, "wrong syntax in a container that is too deep");
    } else if (stream->deep.depth == 0) {
        stream->mode = MODE_READY;
    }
    return length;
}
