/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of json_stream.h: stream.c cuts the input and gives it to yajl, stream_calls.c hands on what yajl calls,
 * skip.c passes over what is left out. */
#ifndef HARRIER_DAEMON_JSON_STREAM_H
#define HARRIER_DAEMON_JSON_STREAM_H

#include "harrier/json_stream.h"

#include <yajl/yajl_parse.h>

enum json_mode {
    MODE_READY,      /* between tokens */
    MODE_STRING,     /* the carry holds the beginning of a string */
    MODE_SCALAR,     /* the carry holds the beginning of a number or literal */
    MODE_CUT_STRING, /* in the rest of a string that was cut */
    MODE_CUT_SCALAR, /* in the rest of a number that was cut */
    MODE_DEEP,       /* in a container that is too deep */
    MODE_FAILED
};

/* A container that is too deep is skipped by looking at strings and brackets alone. */
struct json_deep {
    size_t depth; /* open in it */
    bool in_string;
    bool escaped;
    bool behind_value; /* no value may begin here: it would be the next line of an NDJSON whose line broke off */
};

/* The handlers see depth `depth`; while silent, everything in the container at silent_depth is passed over. yajl reads the
 * callbacks from here at each token: in a silent container those for scalars and keys are NULL, so yajl neither calls nor unescapes. */
struct json_stream {
    struct json_limits limits;
    struct json_handlers handlers;
    yajl_handle yajl;
    yajl_callbacks callbacks;

    enum json_mode mode;
    enum result result; /* why the mode is MODE_FAILED */
    size_t depth;
    bool skip; /* asked for by a handler: the value to come, or the container just begun */
    bool silent;
    bool silent_end_told; /* end() is called for the silent container */
    size_t silent_depth;  /* depth outside of it */

    struct slice piece; /* what yajl has or had last */
    size_t piece_real;  /* so much of it is of the input */
    uint64_t piece_offset;
    uint64_t offset; /* of the next byte fed */
    size_t window;   /* how many bytes to scan next */
    struct buffer carry;
    bool escaped; /* the carry, or the cut string so far, ends in an unescaped backslash */
    struct json_deep deep;
    struct buffer unescaped;

    uint64_t line;
    uint64_t counted;     /* newlines between top-level values are counted up to here */
    uint64_t value_begin; /* of the last top-level value */
    uint64_t value_end;
    uint64_t first_newline; /* in the top-level value at hand */
    uint64_t last_token;    /* behind the last byte that is not blank, of the pieces that are through */
    bool blank_newline;     /* a newline is among the blanks after it */
    bool newlines;          /* the bytes that are being given hold some */

    struct json_stream_error error;
    char detail[96];
    uint64_t steps;
};

/* Sets the callbacks so that all is told. */
void json_stream_tell_all(struct json_stream *stream);
/* Counts the newlines between top-level values up to the offset, which is within the piece. */
void json_stream_count_lines(struct json_stream *stream, uint64_t up_to);
/* The stream goes no further: what is wrong at the offset, which is within the piece. False, always. */
bool json_stream_fail_at(struct json_stream *stream, uint64_t offset, const char *detail);
/* Tells the handlers of a piece that is through, or left out. */
void json_stream_report(struct json_stream *stream, enum json_piece kind, struct slice bytes, uint64_t offset);

/* skip.c: each passes over bytes in its mode, sets the mode when it is through, and returns how many. */
size_t json_skip_cut_string(struct json_stream *stream, struct slice bytes);
size_t json_skip_cut_scalar(struct json_stream *stream, struct slice bytes);
size_t json_skip_deep(struct json_stream *stream, struct slice bytes);

#endif
