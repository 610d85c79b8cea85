/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/json_walk.h"

#include "text.h"

enum { LONGEST_ESCAPE = 12 /* a surrogate pair */ };

enum json_type json_raw_type(char first)
{
    switch (first) {
    case '{': return JSON_OBJECT;
    case '[': return JSON_ARRAY;
    case '"': return JSON_STRING;
    case 't':
    case 'f': return JSON_BOOL;
    case 'n': return JSON_NULL;
    default: return JSON_NUMBER;
    }
}

/* Index of the first byte that is neither blank nor the given separator. */
static size_t pass_blanks(struct slice text, char separator)
{
    size_t index = 0;
    while (index < text.length && (json_text_is_blank(text.bytes[index]) || text.bytes[index] == separator))
        index++;
    return index;
}

/* Length of the string that the text begins with, quotes included. */
static size_t string_length(struct slice text)
{
    size_t index = 1;

    while (index < text.length) {
        const char *quote = memchr(text.bytes + index, '"', text.length - index);
        if (!quote)
            break;
        index = (size_t)(quote - text.bytes) + 1;
        if (!json_text_is_escaped(text.bytes, index - 1))
            return index;
    }
    return text.length;
}

static size_t container_length(struct slice text)
{
    size_t depth = 0, index = 0;

    while (index < text.length) {
        char byte = text.bytes[index];
        if (byte == '"') {
            index += string_length(slice_from(text, index));
            continue;
        }
        index++;
        if (byte == '{' || byte == '[')
            depth++;
        else if ((byte == '}' || byte == ']') && --depth == 0)
            return index;
    }
    return text.length;
}

static size_t scalar_length(struct slice text)
{
    size_t length = 0;
    while (length < text.length && !json_text_is_blank(text.bytes[length]) && !strchr(",]}", text.bytes[length]))
        length++;
    return length;
}

static size_t value_length(struct slice text)
{
    switch (json_raw_type(text.bytes[0])) {
    case JSON_STRING: return string_length(text);
    case JSON_OBJECT:
    case JSON_ARRAY: return container_length(text);
    default: return scalar_length(text);
    }
}

void json_walk_begin(struct json_walk *walk, struct slice object)
{
    struct slice text = slice_from(object, pass_blanks(object, ' '));
    bool is_object = text.length && text.bytes[0] == '{';
    walk->rest = is_object ? slice_from(text, 1) : slice_make("", 0);
}

bool json_walk_next(struct json_walk *walk, struct slice *key, struct json_raw *value)
{
    struct slice rest = slice_from(walk->rest, pass_blanks(walk->rest, ','));

    walk->rest = slice_make("", 0);
    if (rest.length == 0 || rest.bytes[0] != '"')
        return false;
    size_t length = string_length(rest);
    *key = length < 2 ? slice_make("", 0) : slice_make(rest.bytes + 1, length - 2);
    rest = slice_from(rest, length);
    rest = slice_from(rest, pass_blanks(rest, ':'));
    if (rest.length == 0)
        return false;
    length = value_length(rest);
    *value = (struct json_raw){json_raw_type(rest.bytes[0]), slice_first(rest, length)};
    walk->rest = slice_from(rest, length);
    return length > 0;
}

struct slice json_raw_inside(struct json_raw string)
{
    if (string.type != JSON_STRING || string.text.length < 2)
        return slice_make("", 0);
    return slice_make(string.text.bytes + 1, string.text.length - 2);
}

static bool unescaped_is(struct slice raw, const char *text)
{
    enum { LONGEST_NAME = 32, ESCAPED = 6 };
    char plain[LONGEST_NAME * ESCAPED];

    if (!raw.length || !memchr(raw.bytes, '\\', raw.length))
        return slice_is(raw, text);
    if (raw.length > sizeof plain)
        return false;
    return slice_is(slice_make(plain, json_text_unescape(raw, plain)), text);
}

bool json_walk_is(struct slice key, const char *name)
{
    return unescaped_is(key, name);
}

struct json_raw json_walk_member(struct json_raw object, const char *name, enum json_type type)
{
    struct json_raw found = {type, {NULL, 0}}, value;
    struct json_walk walk;
    struct slice key;

    json_walk_begin(&walk, object.text);
    while (json_walk_next(&walk, &key, &value))
        if (value.type == type && json_walk_is(key, name))
            found = value;
    return found;
}

void json_raw_text(struct json_raw string, struct buffer *out)
{
    struct slice raw = json_raw_inside(string);

    buffer_reserve(out, raw.length);
    out->length += json_text_unescape(raw, out->bytes + out->length);
    out->bytes[out->length] = '\0';
}

bool json_raw_is(struct json_raw string, const char *text)
{
    return string.type == JSON_STRING && unescaped_is(json_raw_inside(string), text);
}

/* How many bytes at the beginning, at most limit, can be unescaped alone: no escape is split. */
static size_t piece_length(struct slice raw, size_t limit)
{
    if (raw.length <= limit)
        return raw.length;
    for (size_t index = limit - LONGEST_ESCAPE + 1; index < limit; index++) {
        if (raw.bytes[index] != '\\' || json_text_is_escaped(raw.bytes, index))
            continue;
        size_t length = json_text_escape_length(slice_from(raw, index));
        if (index + length > limit)
            return index;
        index += length - 1;
    }
    return limit;
}

size_t json_raw_beginning(struct json_raw string, char *out, size_t room)
{
    struct slice raw = json_raw_inside(string);
    return json_text_unescape(slice_first(raw, room > LONGEST_ESCAPE ? piece_length(raw, room) : 0), out);
}

struct slice json_raw_next(struct slice *raw, char plain[JSON_TEXT_PIECE])
{
    struct slice piece = slice_first(*raw, JSON_TEXT_PIECE);

    if (piece.length && memchr(piece.bytes, '\\', piece.length)) {
        struct slice escaped = slice_first(*raw, piece_length(*raw, JSON_TEXT_PIECE));
        *raw = slice_from(*raw, escaped.length);
        return slice_make(plain, json_text_unescape(escaped, plain));
    }
    *raw = slice_from(*raw, piece.length);
    return piece;
}

enum result json_raw_give(struct json_raw string, json_text_sink *sink, void *data)
{
    char plain[JSON_TEXT_PIECE];
    struct slice raw = json_raw_inside(string);
    enum result result = RESULT_OK;

    while (raw.length && result == RESULT_OK) {
        struct slice piece = json_raw_next(&raw, plain);
        if (piece.length)
            result = sink(data, piece);
    }
    return result;
}
