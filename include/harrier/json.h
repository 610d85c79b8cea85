/* SPDX-License-Identifier: Apache-2.0 */
/* JSON (RFC 8259): trees, their paths, and writing. The stream that feeds yajl from a socket is in json_stream.h.
 * Text is not validated as UTF-8 on reading: audit events hold the client's own bytes (invalid UTF-8, lone surrogates,
 * U+0000). Writing always gives valid UTF-8. */
#ifndef HARRIER_JSON_H
#define HARRIER_JSON_H

#include "harrier/base/arena.h"
#include "harrier/base/buffer.h"
#include "harrier/base/result.h"
#include "harrier/base/slice.h"

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* A value of a tree. Children hang in a list in the order of the document; an object keeps every member, so a key that
 * stands twice is there twice. Everything lives in the arena (text without escapes may point into the input instead). */
struct json_node {
    enum json_type type;
    bool boolean;            /* JSON_BOOL */
    bool incomplete;         /* the input ended, or a bound was hit, inside this value */
    uint32_t index;          /* place among its parent's children, from 0 */
    uint32_t count;          /* children */
    struct slice key;        /* name in the parent object, unescaped; empty in an array */
    struct slice text;       /* JSON_STRING: unescaped (a lone surrogate as its 3-byte form); JSON_NUMBER: as written */
    struct json_node *parent; /* NULL at the root */
    struct json_node *first;  /* children */
    struct json_node *last;
    struct json_node *next;   /* next child of the same parent */
};

struct json_limits {
    size_t depth;       /* containers in each other */
    size_t token_bytes; /* one string or number, as written; longer strings are cut and marked incomplete */
    size_t nodes;       /* values in a tree */
    /* Member of the root object whose value is read over and becomes null; NULL: none. */
    const char *skip_member;
    bool cut_over_budget; /* of a stream: a token that the budget refuses more memory for is cut there, as over token_bytes */
};

/* Limits that fit one audit event: depth 10,000 and a bit, tokens of 4 MiB, 400,000 values (about 45 MB; the largest object that an API
 * server takes, full of the shortest members that mean something, has a tenth of that). */
extern const struct json_limits json_default_limits;

/* One JSON value that is all of text (blanks around it allowed). On RESULT_OK *root is the tree. On RESULT_INVALID (syntax, or
 * the text ends early) and RESULT_LIMIT (a limit, or the arena is full) *root is what was read until then, closed and marked incomplete, or NULL if nothing was;
 * *error_offset (may be NULL) tells where. The text must live as long as the tree. */
enum result json_tree_parse(struct arena *arena, struct slice text, const struct json_limits *limits, struct json_node **root, size_t *error_offset);

/* Values that the text can have at most, and that a tree of it within the default limits can; each takes a struct json_node. */
size_t json_most_values(struct slice text);

/* First member of that name; NULL if there is none or node is NULL or no object. */
struct json_node *json_member(const struct json_node *node, const char *name);
/* Last member of that name: the one that a server takes where a name stands twice. */
struct json_node *json_last_member(const struct json_node *node, const char *name);
/* Follows names; NULL as soon as one is missing. json_at(node, "user", "username", NULL) */
struct json_node *json_at(const struct json_node *node, ...) __attribute__((sentinel));
/* The next node of a walk through all of top, in the order of the document, top itself being the first; NULL behind the last. Without
 * recursion: clients nest deeper than a stack bears. */
struct json_node *json_next(const struct json_node *node, const struct json_node *top, bool skips_children);
/* The text of a string node, or an empty slice with bytes NULL for anything else (NULL too). */
struct slice json_string(const struct json_node *node);
bool json_is(const struct json_node *node, enum json_type type);
/* Appends the path of the node from its root as people write it in Kubernetes: requestObject.spec.containers[0].image;
 * names that are not [A-Za-z0-9_-]+ come as ["a.b/c"] with JSON escapes. The root itself is the empty path. */
void json_path(const struct json_node *node, struct buffer *out);

/* --- writing, by yajl_gen ---------------------------------------------------------------------------------------------- */

/* Appends JSON text to a buffer. Calls follow the grammar: begin/end nest, a key before each value in an object. Not yet
 * valid UTF-8, lone surrogates and such come out as U+FFFD; '<', '>' and '&' are left alone. */
struct json_writer;

struct json_writer *json_writer_new(struct buffer *out, bool pretty);
void json_writer_free(struct json_writer *writer);
void json_begin_object(struct json_writer *writer);
void json_end_object(struct json_writer *writer);
void json_begin_array(struct json_writer *writer);
void json_end_array(struct json_writer *writer);
void json_key(struct json_writer *writer, const char *key);
void json_key_slice(struct json_writer *writer, struct slice key);
void json_write_string(struct json_writer *writer, struct slice text);
void json_write_text(struct json_writer *writer, const char *text);
void json_write_int(struct json_writer *writer, int64_t number);
/* Shortest form that reads back the same; whole numbers without ".0"; not a number and infinity as null. */
void json_write_double(struct json_writer *writer, double number);
void json_write_bool(struct json_writer *writer, bool boolean);
void json_write_null(struct json_writer *writer);
/* A number as written in other JSON. */
void json_write_number_text(struct json_writer *writer, struct slice number);
/* A tree, as it is. */
void json_write_node(struct json_writer *writer, const struct json_node *node);

/* Object members in one call each. */
void json_put_string(struct json_writer *writer, const char *key, struct slice text);
void json_put_text(struct json_writer *writer, const char *key, const char *text);
void json_put_int(struct json_writer *writer, const char *key, int64_t number);
void json_put_bool(struct json_writer *writer, const char *key, bool boolean);

#endif
