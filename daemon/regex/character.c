/* SPDX-License-Identifier: Apache-2.0 */
/* What stands for characters in a pattern: escapes, and classes in brackets. */
#include "parse.h"

#include "harrier/base/utf8.h"

#include <ctype.h>

/* --- escapes ---------------------------------------------------------------------------------------------------------------- */

/* What follows \x: two digits, or {digits}. */
static bool take_hex(struct parser *parser, size_t start, uint32_t *code_point)
{
    *code_point = 0;
    if (parser_ahead(parser, 0) != '{') {
        int high = slice_hex_digit(parser_ahead(parser, 0)), low = slice_hex_digit(parser_ahead(parser, 1));
        if (high < 0 || low < 0)
            return parser_fail(parser, start, "`\\x` needs two hexadecimal digits, or some in braces: \\x{10FFFF}");
        *code_point = (uint32_t)(high * 16 + low);
        parser->at += 2;
        return true;
    }
    parser->at++;
    size_t digits = 0;
    for (int digit; (digit = slice_hex_digit(parser_ahead(parser, 0))) >= 0; parser->at++, digits++) {
        *code_point = *code_point * 16 + (uint32_t)digit;
        if (*code_point > REGEX_LAST_CODE_POINT)
            return parser_fail(parser, start, "`\\x{...}` is above 10FFFF, the last code point");
    }
    if (digits == 0 || parser_ahead(parser, 0) != '}')
        return parser_fail(parser, start, "`\\x{` needs hexadecimal digits and a closing brace");
    parser->at++;
    return true;
}

/* \0, \01, \012: a zero and at most two octal digits more; \1 to \7 only when another octal digit follows. */
static bool take_octal(struct parser *parser, size_t start, char first, uint32_t *code_point)
{
    if (first != '0' && !(parser_ahead(parser, 0) >= '0' && parser_ahead(parser, 0) <= '7'))
        return parser_fail(parser, start, "backreference `\\%c` is not supported by RE2", first);
    *code_point = (uint32_t)(first - '0');
    for (int i = 0; i < 2 && parser_ahead(parser, 0) >= '0' && parser_ahead(parser, 0) <= '7'; i++)
        *code_point = *code_point * 8 + (uint32_t)(parser->pattern.bytes[parser->at++] - '0');
    return true;
}

static bool bad_escape(struct parser *parser, size_t start, char letter)
{
    static const struct {
        char letter;
        const char *what;
        const char *written;
    } known[] = {
        {'C', "one byte", "\\C"}, {'G', "assertion", "\\G"}, {'K', "reset of the match's start", "\\K"}, {'N', "escape", "\\N"},
        {'R', "line ending", "\\R"}, {'V', "class", "\\V"}, {'X', "grapheme", "\\X"}, {'Z', "assertion", "\\Z"}, {'H', "class", "\\H"},
        {'h', "class", "\\h"}, {'k', "backreference", "\\k"}, {'g', "backreference", "\\g"}, {'8', "backreference", "\\8"},
        {'9', "backreference", "\\9"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].letter == letter)
            return parser_refuse(parser, start, known[i].what, known[i].written);
    }
    if (letter == '\0' && parser_is_at_end(parser))
        return parser_fail(parser, start, "a backslash at the end; write \\\\ for the character");
    if (letter > ' ' && letter < 0x7F)
        return parser_fail(parser, start, "`\\%c` is no escape of RE2", letter);
    return parser_fail(parser, start, "a backslash before a character that needs none");
}

/* An escape that stands for one character, in a class or outside. The parser stands on the backslash. */
bool parser_take_character(struct parser *parser, uint32_t *code_point)
{
    static const char letters[] = "afnrtv", meanings[] = "\a\f\n\r\t\v";
    size_t start = parser->at;
    char letter = parser_ahead(parser, 1);
    bool ended = parser->at + 1 >= parser->pattern.length;
    const char *found;

    parser->at += ended ? 1 : 2;
    if (ended)
        return bad_escape(parser, start, '\0');
    if (letter >= '0' && letter <= '7')
        return take_octal(parser, start, letter, code_point);
    if (letter == 'x')
        return take_hex(parser, start, code_point);
    if (letter && (found = strchr(letters, letter))) {
        *code_point = (unsigned char)meanings[found - letters];
        return true;
    }
    if ((unsigned char)letter < 0x80 && (letter == '_' || !isalnum((unsigned char)letter))) {
        *code_point = (unsigned char)letter;
        return true;
    }
    return bad_escape(parser, start, letter);
}

/* --- classes ---------------------------------------------------------------------------------------------------------------- */

static void builder_add(struct parser *parser, struct class_builder *builder, struct regex_class *item, bool negated, const char *text)
{
    regex_class_normalize(item);
    if (parser->flags & FOLD)
        regex_class_fold(item); /* before negation: (?i)[^k] excludes K, and so does (?i)[^\P{L}] */
    if (negated)
        regex_class_negate(item);
    if (text) {
        builder->has_property = true;
        buffer_append_text(&builder->text, text);
    } else {
        for (size_t i = 0; i < item->count; i++) {
            struct code_range range = item->ranges[i];
            if (regex_range_clip(&range))
                buffer_printf(&builder->text, "\\x{%x}-\\x{%x}", range.low, range.high);
        }
    }
    regex_class_add_class(builder->set, item);
}

/* \p{^Greek}, \PN and the like; the parser stands on the backslash. */
bool parser_take_property(struct parser *parser, struct class_builder *builder)
{
    size_t start = parser->at;
    bool negated = parser_ahead(parser, 1) == 'P';
    struct slice name;

    parser->at += 2;
    if (parser_ahead(parser, 0) == '{') {
        ptrdiff_t end = slice_find_byte(parser_rest(parser), '}');
        if (end < 0)
            return parser_fail(parser, start, "`\\p{` needs a closing brace");
        name = slice_make(parser_rest(parser).bytes + 1, (size_t)end - 1);
        parser->at += (size_t)end + 1;
    } else {
        size_t length = parser_is_at_end(parser) ? 0 : utf8_decode(parser_rest(parser), &(uint32_t){0});
        name = slice_first(parser_rest(parser), length);
        parser->at += length;
    }
    if (slice_starts_with(name, SLICE("^"))) {
        negated = !negated;
        name = slice_from(name, 1);
    }
    struct regex_class *item = regex_class_new(parser->arena);
    const char *pcre2 = NULL;
    if (name.length > 40 || !regex_class_add_property(item, name, &pcre2))
        return parser_fail(parser, start, "RE2 knows no category or script of this name; it takes L, Lu, Greek and the like");
    /* What is folded, or is several items (C) and negated, or is no property (Any), must be said by its ranges. */
    bool is_short = !(parser->flags & FOLD) && pcre2[1] == 'p' && !(negated && strchr(pcre2 + 1, '\\'));
    const char *text = is_short ? arena_printf(parser->arena, "\\%c%s", negated ? 'P' : 'p', pcre2 + 2).bytes : NULL;
    builder_add(parser, builder, item, negated, text);
    return true;
}

/* \d, \W and so on; false if it is none of them. */
bool parser_take_perl_class(struct parser *parser, struct class_builder *builder)
{
    char letter = parser_ahead(parser, 1);

    if (parser_ahead(parser, 0) != '\\' || !letter || !strchr("dDsSwW", letter))
        return false;
    struct regex_class *item = regex_class_new(parser->arena);
    regex_class_add_perl(item, (char)tolower((unsigned char)letter));
    builder_add(parser, builder, item, isupper((unsigned char)letter), NULL);
    parser->at += 2;
    return true;
}

/* [:alpha:] inside a class. *is_one: it was one. */
static bool take_posix_class(struct parser *parser, struct class_builder *builder, bool *is_one)
{
    ptrdiff_t end = parser_is_at(parser, "[:") ? slice_find(slice_from(parser_rest(parser), 2), SLICE(":]")) : -1;

    *is_one = end >= 0;
    if (end < 0)
        return true;
    struct slice name = slice_make(parser_rest(parser).bytes + 2, (size_t)end);
    bool negated = slice_starts_with(name, SLICE("^"));
    struct regex_class *item = regex_class_new(parser->arena);
    if (!regex_class_add_posix(item, negated ? slice_from(name, 1) : name))
        return parser_fail(parser, parser->at, "no such class; RE2 takes [:alpha:], [:digit:], [:word:] and the like");
    builder_add(parser, builder, item, negated, NULL);
    parser->at += (size_t)end + 4;
    return true;
}

static bool take_class_character(struct parser *parser, size_t start, uint32_t *code_point)
{
    if (parser_is_at_end(parser))
        return parser_fail(parser, start, "`[` without `]`");
    if (parser_ahead(parser, 0) == '\\')
        return parser_take_character(parser, code_point);
    *code_point = parser_take_code_point(parser);
    return true;
}

static bool take_class_range(struct parser *parser, size_t start, struct class_builder *builder)
{
    size_t at = parser->at;
    uint32_t low, high;

    if (!take_class_character(parser, start, &low))
        return false;
    high = low;
    if (parser_ahead(parser, 0) == '-' && parser->at + 1 < parser->pattern.length && parser_ahead(parser, 1) != ']') {
        parser->at++;
        if (!take_class_character(parser, start, &high))
            return false;
        if (high < low)
            return parser_fail(parser, at, "a range in a class must go upwards");
    }
    struct regex_class *item = regex_class_new(parser->arena);
    regex_class_add(item, low, high);
    builder_add(parser, builder, item, false, NULL);
    return true;
}

static bool take_class_items(struct parser *parser, size_t start, struct class_builder *builder)
{
    for (bool first = true; first || parser_ahead(parser, 0) != ']'; first = false) {
        bool is_posix;
        if (parser_is_at_end(parser))
            return parser_fail(parser, start, "`[` without `]`");
        if (!take_posix_class(parser, builder, &is_posix))
            return false;
        if (is_posix || parser_take_perl_class(parser, builder))
            continue;
        bool is_property = parser_ahead(parser, 0) == '\\' && (parser_ahead(parser, 1) == 'p' || parser_ahead(parser, 1) == 'P');
        if (is_property ? !parser_take_property(parser, builder) : !take_class_range(parser, start, builder))
            return false;
    }
    return true;
}

void parser_append_built(struct parser *parser, struct class_builder *builder, bool negated)
{
    struct slice text = {0};

    if (builder->has_property)
        text = arena_printf(parser->arena, "[%s%s]", negated ? "^" : "", builder->text.bytes);
    if (negated)
        regex_class_negate(builder->set);
    parser_append_class(parser, builder->set, text);
}

bool parser_take_class(struct parser *parser)
{
    struct class_builder builder = {.set = regex_class_new(parser->arena)};
    size_t start = parser->at++;
    bool negated = parser_ahead(parser, 0) == '^';

    if (negated)
        parser->at++;
    bool good = take_class_items(parser, start, &builder);
    if (good) {
        parser->at++;
        parser_append_built(parser, &builder, negated);
    }
    buffer_free(&builder.text);
    return good;
}
