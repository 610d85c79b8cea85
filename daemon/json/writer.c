/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/json.h"
#include "harrier/base/memory.h"
#include "harrier/base/utf8.h"
#include "harrier/base/vector.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <yajl/yajl_gen.h>

/* yajl_gen knows YAJL_MAX_DEPTH (128) levels, and events have 10,000. So a value below this many levels is written by
 * another generator into the same buffer; to the one above it looks like one atom. */
enum { LEVELS_PER_GENERATOR = 100 };

struct generator {
    yajl_gen yajl;
    size_t levels; /* containers open in it */
};

struct json_writer {
    struct buffer *out;
    bool pretty;
    struct buffer cleaned;
    VECTOR(struct generator) generators; /* the last one is in use; the first is always there */
};

/* U+0085, U+2028 and U+2029 end a line for many readers (Python's splitlines, JavaScript before 2019): escaped, one document stays one line. Returns the
 * length of such a character at the start of text, 0 if there is none; text is valid UTF-8, and yajl hands out whole characters. */
static size_t line_separator(const char *text, size_t length, const char **escape)
{
    if (length >= 2 && memcmp(text, "\xc2\x85", 2) == 0) {
        *escape = "\\u0085";
        return 2;
    }
    if (length >= 3 && memcmp(text, "\xe2\x80", 2) == 0 && ((unsigned char)text[2] & 0xfe) == 0xa8) {
        *escape = text[2] == '\xa8' ? "\\u2028" : "\\u2029";
        return 3;
    }
    return 0;
}

static void print(void *context, const char *text, size_t length)
{
    size_t copied = 0;

    for (size_t i = 0; i < length; i++) {
        const char *escape;
        size_t separator = (unsigned char)text[i] < 0xc2 ? 0 : line_separator(text + i, length - i, &escape);
        if (!separator)
            continue;
        buffer_append(context, text + copied, i - copied);
        buffer_append_text(context, escape);
        i += separator - 1;
        copied = i + 1;
    }
    buffer_append(context, text + copied, length - copied);
}

static void push_generator(struct json_writer *writer)
{
    yajl_gen yajl = yajl_gen_alloc(NULL);
    if (!yajl)
        abort();
    yajl_gen_config(yajl, yajl_gen_print_callback, print, writer->out);
    yajl_gen_config(yajl, yajl_gen_beautify, writer->pretty ? 1 : 0);
    yajl_gen_config(yajl, yajl_gen_indent_string, "  ");
    VECTOR_PUSH(&writer->generators, ((struct generator){yajl, 0}));
}

static struct generator *top(struct json_writer *writer)
{
    return &writer->generators.items[writer->generators.count - 1];
}

struct json_writer *json_writer_new(struct buffer *out, bool pretty)
{
    struct json_writer *writer = xcalloc(1, sizeof *writer);
    writer->out = out;
    writer->pretty = pretty;
    push_generator(writer);
    return writer;
}

void json_writer_free(struct json_writer *writer)
{
    if (!writer)
        return;
    for (size_t i = 0; i < writer->generators.count; i++)
        yajl_gen_free(writer->generators.items[i].yajl);
    VECTOR_FREE(&writer->generators);
    buffer_free(&writer->cleaned);
    free(writer);
}

/* The generator for the next atom. One that has written a whole value begins the next one. */
static yajl_gen atom(struct json_writer *writer)
{
    struct generator *generator = top(writer);
    if (generator->levels == 0)
        yajl_gen_reset(generator->yajl, NULL);
    return generator->yajl;
}

/* The generator for the next container. */
static yajl_gen open_level(struct json_writer *writer)
{
    yajl_gen yajl = atom(writer);
    if (top(writer)->levels == LEVELS_PER_GENERATOR) {
        yajl_gen_number(yajl, "", 0); /* separator and state, and no bytes of its own */
        push_generator(writer);
    }
    top(writer)->levels++;
    return top(writer)->yajl;
}

static void close_level(struct json_writer *writer)
{
    struct generator *generator = top(writer);
    if (--generator->levels == 0 && writer->generators.count > 1) {
        yajl_gen_free(generator->yajl);
        writer->generators.count--;
    }
}

void json_begin_object(struct json_writer *writer)
{
    yajl_gen_map_open(open_level(writer));
}

void json_end_object(struct json_writer *writer)
{
    yajl_gen_map_close(top(writer)->yajl);
    close_level(writer);
}

void json_begin_array(struct json_writer *writer)
{
    yajl_gen_array_open(open_level(writer));
}

void json_end_array(struct json_writer *writer)
{
    yajl_gen_array_close(top(writer)->yajl);
    close_level(writer);
}

/* One U+FFFD for a surrogate's 3 bytes, which to UTF-8 are three bad ones. */
static size_t next_code_point(struct slice text, uint32_t *code_point)
{
    const unsigned char *byte = (const unsigned char *)text.bytes;
    if (text.length >= 3 && byte[0] == 0xED && byte[1] >= 0xA0 && byte[1] <= 0xBF && (byte[2] & 0xC0) == 0x80) {
        *code_point = 0xFFFD;
        return 3;
    }
    return utf8_decode(text, code_point);
}

static struct slice clean(struct json_writer *writer, struct slice text)
{
    if (utf8_valid(text))
        return text;
    buffer_reset(&writer->cleaned, (size_t)64 * 1024);
    while (text.length) {
        uint32_t code_point;
        char encoded[4];
        text = slice_from(text, next_code_point(text, &code_point));
        buffer_append(&writer->cleaned, encoded, utf8_encode(code_point, encoded));
    }
    return buffer_slice(&writer->cleaned);
}

void json_write_string(struct json_writer *writer, struct slice text)
{
    struct slice cleaned = clean(writer, text);
    const char *bytes = cleaned.bytes ? cleaned.bytes : "";
    yajl_gen_string(atom(writer), (const unsigned char *)bytes, cleaned.length);
}

void json_write_text(struct json_writer *writer, const char *text)
{
    json_write_string(writer, slice_of(text));
}

void json_key(struct json_writer *writer, const char *key)
{
    json_write_string(writer, slice_of(key));
}

void json_key_slice(struct json_writer *writer, struct slice key)
{
    json_write_string(writer, key);
}

void json_write_int(struct json_writer *writer, int64_t number)
{
    yajl_gen_integer(atom(writer), number);
}

void json_write_double(struct json_writer *writer, double number)
{
    char text[40];
    int length = 0;

    if (!isfinite(number)) {
        json_write_null(writer);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        length = snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    for (int i = 0; i < length; i++) /* the locale's decimal point */
        if (!strchr("0123456789+-e.", text[i]))
            text[i] = '.';
    yajl_gen_number(atom(writer), text, (size_t)length);
}

void json_write_bool(struct json_writer *writer, bool boolean)
{
    yajl_gen_bool(atom(writer), boolean);
}

void json_write_null(struct json_writer *writer)
{
    yajl_gen_null(atom(writer));
}

void json_write_number_text(struct json_writer *writer, struct slice number)
{
    if (number.length == 0)
        json_write_null(writer);
    else
        yajl_gen_number(atom(writer), number.bytes, number.length);
}

static void begin_node(struct json_writer *writer, const struct json_node *node)
{
    switch (node->type) {
    case JSON_NULL: json_write_null(writer); break;
    case JSON_BOOL: json_write_bool(writer, node->boolean); break;
    case JSON_NUMBER: json_write_number_text(writer, node->text); break;
    case JSON_STRING: json_write_string(writer, node->text); break;
    case JSON_ARRAY: json_begin_array(writer); break;
    case JSON_OBJECT: json_begin_object(writer); break;
    }
}

static void end_node(struct json_writer *writer, const struct json_node *node)
{
    if (node->type == JSON_ARRAY)
        json_end_array(writer);
    else if (node->type == JSON_OBJECT)
        json_end_object(writer);
}

void json_write_node(struct json_writer *writer, const struct json_node *node)
{
    const struct json_node *at = node;

    if (!node) {
        json_write_null(writer);
        return;
    }
    for (;;) {
        if (at != node && at->parent->type == JSON_OBJECT)
            json_key_slice(writer, at->key);
        begin_node(writer, at);
        if (at->first) {
            at = at->first;
            continue;
        }
        end_node(writer, at);
        while (at != node && !at->next) {
            at = at->parent;
            end_node(writer, at);
        }
        if (at == node)
            return;
        at = at->next;
    }
}

void json_put_string(struct json_writer *writer, const char *key, struct slice text)
{
    json_key(writer, key);
    json_write_string(writer, text);
}

void json_put_text(struct json_writer *writer, const char *key, const char *text)
{
    json_key(writer, key);
    json_write_text(writer, text);
}

void json_put_int(struct json_writer *writer, const char *key, int64_t number)
{
    json_key(writer, key);
    json_write_int(writer, number);
}

void json_put_bool(struct json_writer *writer, const char *key, bool boolean)
{
    json_key(writer, key);
    json_write_bool(writer, boolean);
}
