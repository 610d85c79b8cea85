/* SPDX-License-Identifier: Apache-2.0 */
/* A look at a few members of an object whose text is at hand and known to be right JSON, without a tree: costs one pass over the bytes and no
 * memory. */
#ifndef HARRIER_JSON_WALK_H
#define HARRIER_JSON_WALK_H

#include "harrier/json.h"

/* A value as it stands in the text, from its first byte to its last. */
struct json_raw {
    enum json_type type;
    struct slice text; /* bytes NULL: there is none */
};

struct json_walk {
    struct slice rest;
};

/* What kind of value begins with the byte. */
enum json_type json_raw_type(char first);

/* object: the text of one JSON object, blanks around it allowed. Anything else has no members. */
void json_walk_begin(struct json_walk *walk, struct slice object);
/* The next member; false behind the last. key is raw, without its quotes: compare it by json_walk_is. */
bool json_walk_next(struct json_walk *walk, struct slice *key, struct json_raw *value);
/* Is a raw key this name, once its escapes are undone? */
bool json_walk_is(struct slice key, const char *name);

/* The last member of that name, of that type; a raw value without text if there is none or object is none. */
struct json_raw json_walk_member(struct json_raw object, const char *name, enum json_type type);

/* The text of a raw string, unescaped, appended to out. Nothing for anything but a string. */
void json_raw_text(struct json_raw string, struct buffer *out);
/* Is it a string with that text? */
bool json_raw_is(struct json_raw string, const char *text);
/* The beginning of the text, unescaped, at most room bytes, into out. Returns how many. */
size_t json_raw_beginning(struct json_raw string, char *out, size_t room);

/* Takes a piece of text, valid during the call. Anything but RESULT_OK ends the giving. */
typedef enum result json_text_sink(void *data, struct slice text);
/* Gives the text of a raw string, unescaped, in pieces of at most JSON_TEXT_PIECE bytes. */
enum { JSON_TEXT_PIECE = 16 * 1024 };
enum result json_raw_give(struct json_raw string, json_text_sink *sink, void *data);
/* The same at the caller's own pace: what stands between the quotes, and the next piece of it, unescaped, in plain or where it stood; it is taken off the
 * front of raw. */
struct slice json_raw_inside(struct json_raw string);
struct slice json_raw_next(struct slice *raw, char plain[JSON_TEXT_PIECE]);

#endif
