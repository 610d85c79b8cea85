/* SPDX-License-Identifier: Apache-2.0 */
/* Feeding yajl: cutting the input into pieces of whole tokens, within the bounds. The calls that come back are in stream_calls.c. */
#include "stream.h"

#include "scan.h"
#include "text.h"
#include "harrier/base/memory.h"

#include <stdio.h>
#include <stdlib.h>

/* Bytes are scanned and given in windows. After an interruption (an error, a value too deep) the next one is small and
 * they double from there: what was scanned behind an interruption is scanned again, and this bounds how much it is. */
enum { SMALLEST_WINDOW = 256, LARGEST_WINDOW = 64 * 1024 };

/* For a token as long as the carry yajl may fill its lexer's and its decoder's buffer, and this stream one for the text. */
enum { BUFFERS_PER_CARRY = 4, KEPT_CAPACITY = 16 * 1024 };

enum { RECORD_SEPARATOR = 0x1E, LONGEST_LITERAL = 5, LONGEST_STEP = 12 /* of a string: a surrogate pair's escapes */ };

static const uint64_t nowhere = UINT64_MAX;

struct json_stream *json_stream_new(const struct json_limits *limits, const struct json_handlers *handlers)
{
    struct json_stream *stream = xcalloc(1, sizeof *stream);
    stream->limits = *limits;
    if (stream->limits.depth == 0)
        stream->limits.depth = 1;
    stream->handlers = *handlers;
    json_stream_restart(stream, 0, 1);
    return stream;
}

static void release(struct json_stream *stream, size_t keep)
{
    size_t before = stream->carry.capacity;
    buffer_reset(&stream->carry, keep);
    buffer_reset(&stream->unescaped, keep);
    if (stream->handlers.budget && stream->carry.capacity != before)
        stream->handlers.budget(stream->handlers.context, -(ptrdiff_t)(BUFFERS_PER_CARRY * before));
}

void json_stream_free(struct json_stream *stream)
{
    if (!stream)
        return;
    if (stream->yajl)
        yajl_free(stream->yajl);
    release(stream, 0);
    buffer_free(&stream->carry);
    buffer_free(&stream->unescaped);
    free(stream);
}

/* A handle is dead after an error, and one that has read a value takes no comma or RS behind it. */
static void renew_yajl(struct json_stream *stream)
{
    if (stream->yajl)
        yajl_free(stream->yajl);
    json_stream_tell_all(stream);
    stream->yajl = yajl_alloc(&stream->callbacks, NULL, stream);
    if (!stream->yajl)
        abort();
    yajl_config(stream->yajl, yajl_dont_validate_strings, 1);
    yajl_config(stream->yajl, yajl_allow_multiple_values, 1);
}

void json_stream_restart(struct json_stream *stream, uint64_t offset, uint64_t line)
{
    renew_yajl(stream);
    release(stream, KEPT_CAPACITY);
    stream->mode = MODE_READY;
    stream->result = RESULT_OK;
    stream->depth = 0;
    stream->skip = false;
    stream->offset = offset;
    stream->line = line;
    stream->counted = offset;
    stream->value_end = offset;
    stream->last_token = offset;
    stream->first_newline = nowhere;
    stream->blank_newline = false;
    stream->window = SMALLEST_WINDOW;
    stream->piece = slice_make("", 0);
    stream->piece_real = 0;
    stream->piece_offset = offset;
    stream->error = (struct json_stream_error){offset, "", false, false};
}

static bool is_separator(char byte)
{
    return json_text_is_blank(byte) || byte == ',' || byte == RECORD_SEPARATOR;
}

/* --- where things are, for lines and errors ------------------------------------------------------------------------------ */

/* Counts the newlines between top-level values up to the offset. */
void json_stream_count_lines(struct json_stream *stream, uint64_t up_to)
{
    uint64_t from = stream->counted > stream->piece_offset ? stream->counted : stream->piece_offset;
    for (uint64_t at = from; at < up_to; at++)
        stream->line += stream->piece.bytes[at - stream->piece_offset] == '\n';
    if (up_to > stream->counted)
        stream->counted = up_to;
}

static uint64_t find_newline(const struct json_stream *stream, uint64_t end)
{
    uint64_t from = stream->value_begin > stream->piece_offset ? stream->value_begin : stream->piece_offset;
    if (stream->first_newline != nowhere || from >= end)
        return stream->first_newline;
    const char *found = memchr(stream->piece.bytes + (from - stream->piece_offset), '\n', (size_t)(end - from));
    return found ? stream->piece_offset + (uint64_t)(found - stream->piece.bytes) : nowhere;
}

/* Looks back over blanks from the end: where the last token ends, and whether a newline follows it. */
static void look_back(const struct json_stream *stream, uint64_t end, uint64_t *last_token, bool *newline)
{
    uint64_t at = end;
    bool seen = false;
    while (at > stream->piece_offset && json_text_is_blank(stream->piece.bytes[at - stream->piece_offset - 1])) {
        at--;
        seen |= stream->piece.bytes[at - stream->piece_offset] == '\n';
    }
    bool found = at > stream->piece_offset;
    *last_token = found ? at : stream->last_token;
    *newline = found ? seen : seen || stream->blank_newline;
}

/* The bytes of the piece are through. */
static void end_piece(struct json_stream *stream, enum json_piece kind)
{
    if (kind != JSON_PIECE_INSERTED && stream->piece.length) {
        uint64_t end = stream->piece_offset + stream->piece.length;
        if (stream->depth == 0)
            json_stream_count_lines(stream, end);
        else if (stream->newlines)
            stream->first_newline = find_newline(stream, end);
        look_back(stream, end, &stream->last_token, &stream->blank_newline);
    }
    stream->handlers.piece(stream->handlers.context, kind, stream->piece, stream->piece_offset);
}

bool json_stream_fail_at(struct json_stream *stream, uint64_t offset, const char *detail)
{
    uint64_t last_token;
    bool newline;

    if (stream->depth == 0)
        json_stream_count_lines(stream, offset);
    look_back(stream, offset, &last_token, &newline);
    snprintf(stream->detail, sizeof stream->detail, "%.*s", (int)strcspn(detail, "\n"), detail);
    uint64_t first_newline = stream->depth ? find_newline(stream, offset) : nowhere;
    stream->error = (struct json_stream_error){
        .offset = offset,
        .detail = stream->detail,
        .starts_line = newline,
        .earlier_newline = first_newline != nowhere && first_newline < last_token,
    };
    stream->mode = MODE_FAILED;
    stream->result = RESULT_INVALID;
    return false;
}

static bool begins_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* Where the wrong token or byte is. yajl stands before a wrong byte of a token; behind one that begins no token, and behind a token that is
 * out of place; but behind a member's value it goes back by the token's length (a string's without its quotes). */
static uint64_t error_place(const struct json_stream *stream, const char *detail)
{
    size_t stand = yajl_get_bytes_consumed(stream->yajl);

    if (begins_with(detail, "lexical error: invalid char in json text"))
        return stream->piece_offset + stand - (stand > 0);
    if (begins_with(detail, "lexical error"))
        return stream->piece_offset + stand;
    if (!begins_with(detail, "parse error: after key and value"))
        return json_stream_token_begin(stream);
    struct slice before = slice_first(stream->piece, stand);
    return stream->piece_offset + (json_scan(before).in_string ? json_scan_last_quote(before) : stand);
}

static bool fail(struct json_stream *stream)
{
    unsigned char *text = yajl_get_error(stream->yajl, 0, NULL, 0);
    const char *detail = text ? (const char *)text : "wrong syntax";

    json_stream_fail_at(stream, error_place(stream, detail), detail);
    if (text)
        yajl_free_error(stream->yajl, text);
    return false;
}

/* --- giving --------------------------------------------------------------------------------------------------------------- */

/* yajl stopped behind a comma or RS, and only those stand between it and the last top-level value. */
static bool stopped_at_separator(const struct json_stream *stream, size_t stop)
{
    uint64_t from = stream->value_end > stream->piece_offset ? stream->value_end - stream->piece_offset : 0;
    if (stream->depth != 0 || stop <= from)
        return false;
    for (size_t i = from; i < stop; i++)
        if (!is_separator(stream->piece.bytes[i]))
            return false;
    return !json_text_is_blank(stream->piece.bytes[stop - 1]);
}

static size_t leading_separators(struct slice bytes)
{
    size_t count = 0;
    while (count < bytes.length && is_separator(bytes.bytes[count]))
        count++;
    return count;
}

static bool parse(struct json_stream *stream, struct slice bytes, size_t real, uint64_t offset)
{
    stream->piece = bytes;
    stream->piece_real = real;
    stream->piece_offset = offset;
    return yajl_parse(stream->yajl, (const unsigned char *)bytes.bytes, bytes.length) == yajl_status_ok;
}

void json_stream_report(struct json_stream *stream, enum json_piece kind, struct slice bytes, uint64_t offset)
{
    if (bytes.length == 0)
        return;
    stream->piece = bytes;
    stream->piece_real = kind == JSON_PIECE_INSERTED ? 0 : bytes.length;
    stream->piece_offset = offset;
    end_piece(stream, kind);
}

/* Gives yajl whole tokens. */
static bool give(struct json_stream *stream, struct slice bytes, uint64_t offset)
{
    while (bytes.length) {
        size_t done = stream->depth ? 0 : leading_separators(bytes);
        if (done == 0) {
            if (parse(stream, bytes, bytes.length, offset)) {
                end_piece(stream, JSON_PIECE_GIVEN);
                return true;
            }
            done = yajl_get_bytes_consumed(stream->yajl);
            if (!stopped_at_separator(stream, done))
                return fail(stream);
            renew_yajl(stream);
        }
        json_stream_report(stream, JSON_PIECE_GIVEN, slice_first(bytes, done), offset);
        bytes = slice_from(bytes, done);
        offset += done;
    }
    return true;
}

/* A null in the place of something that is left out. */
static bool insert_null(struct json_stream *stream, enum json_bound bound, uint64_t offset)
{
    stream->handlers.bound(stream->handlers.context, bound);
    if (!parse(stream, SLICE("null"), 0, offset))
        return fail(stream);
    end_piece(stream, JSON_PIECE_INSERTED);
    return true;
}

/* --- tokens that a chunk ends in ------------------------------------------------------------------------------------------ */

/* A token of which something is there can be cut: its caller sees that the mode is none of failure. */
static void refuse(struct json_stream *stream)
{
    if (stream->limits.cut_over_budget && stream->carry.length)
        return;
    stream->mode = MODE_FAILED;
    stream->result = RESULT_BUSY;
}

static bool carry_append(struct json_stream *stream, struct slice bytes)
{
    struct buffer *carry = &stream->carry;
    size_t needed = carry->length + bytes.length + 2; /* a quote may be added, and the NUL */

    if (needed > carry->capacity) {
        size_t capacity = carry->capacity ? carry->capacity : 1024;
        while (capacity < needed)
            capacity *= 2;
        ptrdiff_t growth = (ptrdiff_t)(BUFFERS_PER_CARRY * (capacity - carry->capacity));
        if (stream->handlers.budget && !stream->handlers.budget(stream->handlers.context, growth)) {
            refuse(stream);
            return false;
        }
        carry->bytes = xrealloc(carry->bytes, capacity);
        carry->capacity = capacity;
    }
    buffer_append_slice(carry, bytes);
    return true;
}

static uint64_t carry_offset(const struct json_stream *stream)
{
    return stream->offset - stream->carry.length;
}

static void carry_done(struct json_stream *stream)
{
    if (stream->mode == MODE_FAILED) /* the error's piece lies in it */
        return;
    release(stream, KEPT_CAPACITY);
    stream->mode = MODE_READY;
}

/* The carried string is over the bound, or over the budget: its beginning is given, closed; the rest is left out as it comes. */
static bool cut_string(struct json_stream *stream, size_t bound)
{
    struct slice all = buffer_slice(&stream->carry);
    uint64_t offset = carry_offset(stream);
    size_t kept = 1 + json_text_cut(slice_from(all, 1), bound);
    char behind = all.bytes[kept];

    if (kept + LONGEST_STEP <= bound) /* nothing that long cannot be cut: yajl shall say what is wrong */
        return give(stream, all, offset) || json_stream_fail_at(stream, offset, "wrong syntax in a string");
    stream->handlers.bound(stream->handlers.context, JSON_BOUND_TOKEN);
    stream->carry.bytes[kept] = '"';
    if (!parse(stream, slice_make(all.bytes, kept + 1), kept, offset))
        return fail(stream);
    stream->carry.bytes[kept] = behind;
    json_stream_report(stream, JSON_PIECE_GIVEN, slice_first(all, kept), offset);
    json_stream_report(stream, JSON_PIECE_INSERTED, SLICE("\""), offset + kept);
    json_stream_report(stream, JSON_PIECE_LEFT_OUT, slice_from(all, kept), offset + kept);
    stream->mode = MODE_CUT_STRING;
    release(stream, KEPT_CAPACITY);
    return true;
}

/* The string in the carry goes on; it is given when it is whole, and at a newline, where yajl will refuse it: what comes
 * behind a newline then still is in the chunk, and can be read anew. */
static size_t go_on_string(struct json_stream *stream, struct slice bytes)
{
    bool closed;
    size_t room = stream->limits.token_bytes + 2 - stream->carry.length;
    struct slice looked_at = slice_first(bytes, room > LARGEST_WINDOW ? LARGEST_WINDOW : room);
    bool escaped = stream->escaped;
    size_t length = json_scan_string(looked_at, &stream->escaped, &closed);
    bool broken = !closed && looked_at.bytes[length - 1] == '\n';

    stream->steps += length;
    if (!carry_append(stream, slice_first(bytes, length))) {
        stream->escaped = escaped;
        if (stream->mode != MODE_FAILED)
            cut_string(stream, stream->carry.length - 1);
        return 0;
    }
    stream->offset += length;
    if (closed || broken) {
        uint64_t offset = carry_offset(stream);
        if (give(stream, buffer_slice(&stream->carry), offset) && broken)
            json_stream_fail_at(stream, offset, "a string that has a newline");
        carry_done(stream);
    } else if (stream->carry.length > stream->limits.token_bytes + 1) {
        cut_string(stream, stream->limits.token_bytes);
    }
    return length;
}

/* Only a number may be long; anything else goes to yajl before it can grow. */
static bool is_long_scalar(struct slice scalar)
{
    bool number = scalar.length && (scalar.bytes[0] == '-' || (scalar.bytes[0] >= '0' && scalar.bytes[0] <= '9'));
    return !number && scalar.length > LONGEST_LITERAL;
}

/* With a blank behind it, so that yajl knows that it is whole; the blank is not of the input. */
static void give_scalar(struct json_stream *stream)
{
    uint64_t offset = carry_offset(stream);
    size_t length = stream->carry.length;

    buffer_append_byte(&stream->carry, ' ');
    if (parse(stream, buffer_slice(&stream->carry), length, offset))
        json_stream_report(stream, JSON_PIECE_GIVEN, slice_first(buffer_slice(&stream->carry), length), offset);
    else
        fail(stream);
    carry_done(stream);
}

/* Bytes that the carried scalar may still have. A literal ends at its own length, as it does for yajl: `true10` are two values. */
static size_t scalar_room(struct slice carry)
{
    size_t whole = carry.bytes[0] == 't' || carry.bytes[0] == 'n' ? 4 : carry.bytes[0] == 'f' ? 5 : SIZE_MAX;
    return whole - carry.length;
}

/* The carried number is over the bound, or over the budget. */
static void cut_scalar(struct json_stream *stream)
{
    struct slice all = buffer_slice(&stream->carry);
    uint64_t offset = carry_offset(stream);

    if (!insert_null(stream, JSON_BOUND_TOKEN, offset)) { /* the error's piece is what the null stands for */
        stream->piece = all;
        stream->piece_real = all.length;
        return;
    }
    json_stream_report(stream, JSON_PIECE_LEFT_OUT, all, offset);
    stream->mode = MODE_CUT_SCALAR;
    release(stream, KEPT_CAPACITY);
}

static size_t go_on_scalar(struct json_stream *stream, struct slice bytes)
{
    size_t room = scalar_room(buffer_slice(&stream->carry));
    size_t length = json_scan_scalar(slice_first(bytes, room < LARGEST_WINDOW ? room : LARGEST_WINDOW));
    bool ended = length == room || (length < bytes.length && length < LARGEST_WINDOW);

    stream->steps += length + 1;
    if (!carry_append(stream, slice_first(bytes, length))) {
        if (stream->mode != MODE_FAILED)
            cut_scalar(stream);
        return 0;
    }
    stream->offset += length;
    if (stream->carry.length > stream->limits.token_bytes && !is_long_scalar(buffer_slice(&stream->carry))) {
        cut_scalar(stream);
    } else if (ended || is_long_scalar(buffer_slice(&stream->carry))) {
        give_scalar(stream);
    }
    return length;
}

/* --- windows -------------------------------------------------------------------------------------------------------------- */

/* The containers of the bytes may be too deep: gives what is before the first that is, or all. */
static size_t give_up_to_depth(struct json_stream *stream, struct slice bytes)
{
    size_t length = json_scan_too_deep(bytes, stream->limits.depth - stream->depth);

    stream->steps += bytes.length;
    if (length < bytes.length && json_scan_last_scalar(slice_first(bytes, length)) < length)
        length++; /* a bracket right behind a number is no value: yajl shall refuse it */
    if (!give(stream, slice_first(bytes, length), stream->offset))
        return length;
    stream->offset += length;
    if (length < bytes.length && insert_null(stream, JSON_BOUND_DEPTH, stream->offset)) {
        stream->deep = (struct json_deep){0};
        stream->mode = MODE_DEEP;
        stream->window = SMALLEST_WINDOW;
    }
    return length;
}

static size_t begin_carry(struct json_stream *stream, struct slice token, bool is_string)
{
    if (!carry_append(stream, slice_first(token, 1)))
        return 0;
    stream->offset++;
    stream->mode = is_string ? MODE_STRING : MODE_SCALAR;
    stream->escaped = false;
    return 1;
}

static size_t go_on(struct json_stream *stream, struct slice bytes)
{
    /* No token within a window is over its bound; one that goes on behind it is measured in the carry. */
    size_t size = stream->window < stream->limits.token_bytes ? stream->window : stream->limits.token_bytes;
    struct slice window = slice_first(bytes, size ? size : 1);
    struct json_scan scan = json_scan(window);
    /* A number is given with what ends it; where that is a quote (which is wrong, but for values at the top) it is carried. */
    size_t whole = json_scan_last_scalar(slice_first(window, scan.in_string ? json_scan_last_quote(window) : window.length));

    stream->steps += window.length;
    stream->newlines = scan.newlines > 0;
    if (stream->window < LARGEST_WINDOW)
        stream->window *= 2;
    if (whole == 0)
        return begin_carry(stream, window, window.bytes[0] == '"');
    if (stream->depth + scan.openings > stream->limits.depth)
        return give_up_to_depth(stream, slice_first(window, whole));
    if (!give(stream, slice_first(window, whole), stream->offset))
        return whole;
    stream->offset += whole;
    return whole;
}

static size_t take(struct json_stream *stream, struct slice bytes)
{
    switch (stream->mode) {
    case MODE_READY: return go_on(stream, bytes);
    case MODE_STRING: return go_on_string(stream, bytes);
    case MODE_SCALAR: return go_on_scalar(stream, bytes);
    case MODE_CUT_STRING: return json_skip_cut_string(stream, bytes);
    case MODE_CUT_SCALAR: return json_skip_cut_scalar(stream, bytes);
    case MODE_DEEP: return json_skip_deep(stream, bytes);
    case MODE_FAILED: break;
    }
    return 0;
}

enum result json_stream_feed(struct json_stream *stream, struct slice bytes)
{
    while (bytes.length && stream->mode != MODE_FAILED)
        bytes = slice_from(bytes, take(stream, bytes));
    return stream->result;
}

enum result json_stream_finish(struct json_stream *stream)
{
    if (stream->mode == MODE_SCALAR)
        give_scalar(stream);
    if (stream->mode == MODE_FAILED)
        return stream->result;
    return stream->mode == MODE_READY && stream->depth == 0 ? RESULT_OK : RESULT_INVALID;
}

const struct json_stream_error *json_stream_error(const struct json_stream *stream)
{
    return &stream->error;
}

struct slice json_stream_unfinished(const struct json_stream *stream)
{
    return stream->mode == MODE_STRING ? buffer_slice(&stream->carry) : slice_make("", 0);
}

uint64_t json_stream_steps(const struct json_stream *stream)
{
    return stream->steps;
}
