/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as it comes from a socket: chunks of any size in, calls for each value out. yajl parses every byte, straight from the chunk, and
 * never gets half a token (it would scan a split string again with each chunk): a string or number that a chunk ends in is
 * carried until it is whole. The cost is linear in the bytes for any chunk borders; depth and tokens are bounded.
 * Values stand one after another, with nothing, blanks, commas or RS (RFC 7464) between them. */
#ifndef HARRIER_JSON_STREAM_H
#define HARRIER_JSON_STREAM_H

#include "harrier/json.h"

struct json_stream;

/* How bytes of a piece relate to the input. */
enum json_piece {
    JSON_PIECE_GIVEN,    /* of the input, and parsed */
    JSON_PIECE_INSERTED, /* parsed, but not of the input: stands for what was left out */
    JSON_PIECE_LEFT_OUT  /* of the input, over a bound, and not parsed */
};

enum json_bound { JSON_BOUND_DEPTH, JSON_BOUND_TOKEN };

/* Called in the order of the input; slices live until the call returns. Calls must not feed, restart or free the stream. */
struct json_handlers {
    void *context;
    /* The name of the member that comes next, unescaped. */
    void (*key)(void *context, struct slice key);
    /* A null, bool, number or string: text is "null", "true", "false", the number as written, or the string unescaped (lone surrogates as
     * WTF-8). */
    void (*value)(void *context, enum json_type type, struct slice text);
    /* JSON_OBJECT or JSON_ARRAY. The end is called for a skipped container too. */
    void (*begin)(void *context, enum json_type type);
    void (*end)(void *context, enum json_type type);
    /* The next key or value is a string that was cut, or a null that stands for a container that is too deep; also within what is
     * skipped, where that key or value is not told. */
    void (*bound)(void *context, enum json_bound bound);
    /* All of the input, piece by piece, each after the calls for what is in it; not what comes after an error. */
    void (*piece)(void *context, enum json_piece kind, struct slice bytes, uint64_t offset);
    /* The stream's memory is about to grow (or has shrunk, negative) by bytes; false refuses it. May be NULL. */
    bool (*budget)(void *context, ptrdiff_t bytes);
};

/* Where and why parsing ended. */
struct json_stream_error {
    uint64_t offset;      /* of the token, or of the byte in a string, that is wrong */
    const char *detail;   /* in words */
    bool starts_line;     /* only blanks are before it on its line */
    bool earlier_newline; /* the broken top-level value has a newline before the one that starts this line (or before this line, if
                            * starts_line is false): it was written over several lines */
};

/* limits.nodes is not looked at. */
struct json_stream *json_stream_new(const struct json_limits *limits, const struct json_handlers *handlers);
void json_stream_free(struct json_stream *stream);
/* Begins anew after the end or after an error: the next byte fed has this offset and stands on this line. */
void json_stream_restart(struct json_stream *stream, uint64_t offset, uint64_t line);
/* RESULT_OK: all taken. RESULT_INVALID: wrong syntax; json_stream_error tells where (it may be before these bytes), and nothing is taken any more until a
 * restart. RESULT_BUSY: the budget refused (and limits.cut_over_budget is not set, or there was no token to be cut); likewise. */
enum result json_stream_feed(struct json_stream *stream, struct slice bytes);
/* The input has ended. RESULT_OK between values (also if there were none), RESULT_INVALID within one or after wrong syntax. */
enum result json_stream_finish(struct json_stream *stream);
const struct json_stream_error *json_stream_error(const struct json_stream *stream);

/* Within key(): the value that comes is not told. Within begin(): nothing inside the container is told, only its end. yajl parses it all the
 * same, so syntax and bounds hold there too. */
void json_stream_skip(struct json_stream *stream);

/* Within key, value, begin and end: offset in the input of the first byte of that token, and of the first one behind it. */
uint64_t json_stream_token_begin(const struct json_stream *stream);
uint64_t json_stream_token_end(const struct json_stream *stream);
/* The piece that is being parsed, and its offset in the input; after an error, the piece that it is in. */
struct slice json_stream_piece(const struct json_stream *stream, uint64_t *offset);
/* Behind RESULT_INVALID of a finish: the raw beginning of the token that the input ended in, not parsed; may be empty. */
struct slice json_stream_unfinished(const struct json_stream *stream);
/* Line of the top-level value that is being read or comes next, from 1: newlines between top-level values are counted. */
uint64_t json_stream_line(const struct json_stream *stream);
/* Bytes looked at by the stream itself so far (yajl looks at each once more): for tests that cost is linear. */
uint64_t json_stream_steps(const struct json_stream *stream);

/* Makes the text of one JSON value that breaks off anywhere (its beginning being right JSON) whole again: from is where the value begins in the buffer. Strings and
 * containers are closed; a half literal, number, escape, UTF-8 sequence or member goes away. A value of which nothing is left becomes null. */
void json_close(struct buffer *text, size_t from);

#endif
