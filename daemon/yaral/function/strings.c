/* SPDX-License-Identifier: Apache-2.0 */
/* strings.*, but for the encodings (encodings.c). Texts are UTF-8 and counted in code points. */
#include "strings.h"

#include "harrier/base/utf8.h"
#include "harrier/base/vector.h"

/* --- yes or no ---------------------------------------------------------------------------------------------------------------- */

static struct yaral_value call_contains(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    (void)prepared, (void)count;
    return yaral_bool(slice_find(function_text(context, &arguments[0]), function_text(context, &arguments[1])) >= 0);
}

static struct yaral_value call_starts_with(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments,
                                           size_t count)
{
    struct slice prefix = function_text(context, &arguments[1]);

    (void)prepared, (void)count;
    return yaral_bool(prefix.length && slice_starts_with(function_text(context, &arguments[0]), prefix));
}

static struct yaral_value call_ends_with(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    struct slice suffix = function_text(context, &arguments[1]);

    (void)prepared, (void)count;
    return yaral_bool(suffix.length && slice_ends_with(function_text(context, &arguments[0]), suffix));
}

static struct yaral_value call_count_substrings(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments,
                                                size_t count)
{
    struct slice text = function_text(context, &arguments[0]), part = function_text(context, &arguments[1]);
    int64_t found = 0;

    (void)prepared, (void)count;
    for (ptrdiff_t at; part.length && (at = slice_find(text, part)) >= 0; found++)
        text = slice_from(text, (size_t)at + part.length);
    return yaral_int(found);
}

static struct yaral_value call_length(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    (void)prepared, (void)count;
    return yaral_int((int64_t)utf8_length(function_text(context, &arguments[0])));
}

/* --- texts of texts -------------------------------------------------------------------------------------------------------------- */

static struct yaral_value call_coalesce(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    (void)prepared;
    for (size_t i = 0; i < count; i++) {
        struct slice text = function_text(context, &arguments[i]);
        if (text.length)
            return yaral_string(text);
    }
    return yaral_string((struct slice){0});
}

static struct yaral_value call_concat(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    struct buffer out = {0};

    (void)prepared;
    for (size_t i = 0; i < count; i++)
        buffer_append_slice(&out, function_text(context, &arguments[i]));
    struct slice result = arena_copy(context->arena, buffer_slice(&out));
    buffer_free(&out);
    return yaral_string(result);
}

static struct yaral_value call_to_lower(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    (void)prepared, (void)count;
    return yaral_string(yaral_map_text(context->arena, function_text(context, &arguments[0]), utf8_to_lower));
}

static struct yaral_value call_to_upper(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    (void)prepared, (void)count;
    return yaral_string(yaral_map_text(context->arena, function_text(context, &arguments[0]), utf8_to_upper));
}

static struct yaral_value call_reverse(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    struct slice text = function_text(context, &arguments[0]);
    char *out = arena_alloc(context->arena, text.length + 1);
    size_t left = text.length;

    (void)prepared, (void)count;
    for (struct slice rest = text; rest.length;) {
        size_t step = utf8_decode(rest, &(uint32_t){0});
        left -= step;
        memcpy(out + left, rest.bytes, step);
        rest = slice_from(rest, step);
    }
    return yaral_string(slice_make(out, text.length));
}

/* --- splitting -------------------------------------------------------------------------------------------------------------------- */

/* How far the first part reaches, and how long the delimiter behind it is (0: there is none; an empty delimiter: between characters). */
static size_t part_length(struct slice text, struct slice delimiter, bool *more)
{
    if (delimiter.length == 0) {
        size_t step = text.length ? utf8_decode(text, &(uint32_t){0}) : 0;
        *more = step < text.length;
        return step;
    }
    ptrdiff_t at = slice_find(text, delimiter);
    *more = at >= 0;
    return at >= 0 ? (size_t)at : text.length;
}

static struct yaral_value call_split(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    struct slice text = function_text(context, &arguments[0]);
    struct slice delimiter = count > 1 ? function_text(context, &arguments[1]) : SLICE(",");
    VECTOR(struct yaral_value) parts = {0};

    (void)prepared;
    for (bool more = true; more;) {
        size_t length = part_length(text, delimiter, &more);
        VECTOR_PUSH(&parts, yaral_string(slice_first(text, length)));
        text = slice_from(text, length + (more ? delimiter.length : 0));
    }
    struct yaral_value *items = arena_calloc(context->arena, parts.count, sizeof *items);
    memcpy(items, parts.items, parts.count * sizeof *items);
    struct yaral_value list = function_list(YARAL_STRING, items, parts.count);
    VECTOR_FREE(&parts);
    return list;
}

/* --- trimming ----------------------------------------------------------------------------------------------------------------------- */

/* The character at the text's beginning as bytes; a bad byte is a character of its own. */
static struct slice first_character(struct slice text)
{
    return slice_first(text, utf8_decode(text, &(uint32_t){0}));
}

static struct slice last_character(struct slice text)
{
    for (size_t length = 2; length <= 4 && length <= text.length; length++) {
        struct slice tail = slice_from(text, text.length - length);
        if (utf8_sequence(tail) == length)
            return tail;
    }
    return slice_from(text, text.length - 1);
}

static bool set_has(struct slice set, struct slice character)
{
    while (set.length) {
        struct slice member = first_character(set);
        if (slice_equal(member, character))
            return true;
        set = slice_from(set, member.length);
    }
    return false;
}

static struct slice trim_left(struct slice text, struct slice set)
{
    while (text.length && set_has(set, first_character(text)))
        text = slice_from(text, first_character(text).length);
    return text;
}

static struct slice trim_right(struct slice text, struct slice set)
{
    while (text.length && set_has(set, last_character(text)))
        text = slice_first(text, text.length - last_character(text).length);
    return text;
}

static struct yaral_value call_ltrim(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    (void)prepared, (void)count;
    return yaral_string(trim_left(function_text(context, &arguments[0]), function_text(context, &arguments[1])));
}

static struct yaral_value call_rtrim(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    (void)prepared, (void)count;
    return yaral_string(trim_right(function_text(context, &arguments[0]), function_text(context, &arguments[1])));
}

static struct yaral_value call_trim(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    struct slice set = function_text(context, &arguments[1]);

    (void)prepared, (void)count;
    return yaral_string(trim_right(trim_left(function_text(context, &arguments[0]), set), set));
}

/* --- host names ----------------------------------------------------------------------------------------------------------------------- */

/* The host of a URL (RFC 3986, 3.2.2), or of what stands where one should: scheme, user, port and all behind the authority go. */
static struct yaral_value call_extract_hostname(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments,
                                                size_t count)
{
    struct slice text = function_text(context, &arguments[0]);
    ptrdiff_t at = slice_find(text, SLICE("//"));

    (void)prepared, (void)count;
    if (at == 0 || (at > 0 && text.bytes[at - 1] == ':'))
        text = slice_from(text, (size_t)at + 2);
    for (const char *end = "/?#"; *end; end++) {
        at = slice_find_byte(text, *end);
        if (at >= 0)
            text = slice_first(text, (size_t)at);
    }
    at = slice_find_last_byte(text, '@');
    text = slice_from(text, (size_t)(at + 1));
    if (slice_starts_with(text, SLICE("["))) {
        at = slice_find_byte(text, ']');
        return yaral_string(at > 0 ? slice_make(text.bytes + 1, (size_t)at - 1) : (struct slice){0});
    }
    at = slice_find_byte(text, ':');
    return yaral_string(at >= 0 ? slice_first(text, (size_t)at) : text);
}

#define STRINGS(function, result, wants, takes, says) \
    {.name = "strings." #function, .signature = "strings." #function takes, .parameters = wants, .help = says, \
     .places = FUNCTION_ANYWHERE, .type = result, .check = function_check, .call = call_##function}

static const struct yaral_function functions[] = {
    STRINGS(base64_decode, YARAL_STRING, "s", "(text) -> string", "base64 decoded; what is no base64 stays as it is"),
    STRINGS(coalesce, YARAL_STRING, "s*", "(text, text, ...) -> string", "the first that is not empty"),
    STRINGS(concat, YARAL_STRING, "a*", "(value, value, ...) -> string", "strings, ints and floats joined"),
    STRINGS(contains, YARAL_BOOL, "ss", "(text, part) -> bool", "does the text hold the part? Case counts"),
    STRINGS(count_substrings, YARAL_INT, "ss", "(text, part) -> int", "how often the part stands in the text, without overlap"),
    STRINGS(ends_with, YARAL_BOOL, "ss", "(text, suffix) -> bool", "does the text end so? Never with an empty suffix"),
    {.name = "strings.extract_domain", .signature = "strings.extract_domain(url) -> string", .help = "the registered domain of a URL or host",
     .refused = "needs a public suffix list, not in this version; strings.extract_hostname gives the whole host name"},
    STRINGS(extract_hostname, YARAL_STRING, "s", "(url) -> string", "the host of a URL, without port"),
    STRINGS(from_base64, YARAL_BYTES, "s", "(text) -> bytes", "base64 decoded; empty when it is none"),
    STRINGS(from_hex, YARAL_BYTES, "s", "(text) -> bytes", "hexadecimal digits decoded; empty when it is none"),
    {.name = "strings.length", .signature = "strings.length(text) -> int", .parameters = "s", .help = "characters (code points)",
     .places = FUNCTION_ANYWHERE, .type = YARAL_INT, .google_lacks = true, .check = function_check, .call = call_length},
    STRINGS(ltrim, YARAL_STRING, "ss", "(text, characters) -> string", "without these characters at the beginning"),
    STRINGS(reverse, YARAL_STRING, "s", "(text) -> string", "the last character first"),
    STRINGS(rtrim, YARAL_STRING, "ss", "(text, characters) -> string", "without these characters at the end"),
    {.name = "strings.split", .signature = "strings.split(text [, delimiter]) -> list of strings", .parameters = "s?s",
     .help = "the parts between delimiters (\",\" when none is given; \"\": the characters)", .places = FUNCTION_ANYWHERE, .type = YARAL_STRING,
     .is_list = true, .check = function_check, .call = call_split},
    STRINGS(starts_with, YARAL_BOOL, "ss", "(text, prefix) -> bool", "does the text begin so? Never with an empty prefix"),
    STRINGS(to_lower, YARAL_STRING, "s", "(text) -> string", "in small letters"),
    STRINGS(to_upper, YARAL_STRING, "s", "(text) -> string", "in capital letters"),
    STRINGS(trim, YARAL_STRING, "ss", "(text, characters) -> string", "without these characters at both ends"),
    STRINGS(url_decode, YARAL_STRING, "s", "(text) -> string", "percent escapes decoded, + left alone; \"\" when one is broken"),
};

FUNCTION_GROUP(function_group_strings, functions);
