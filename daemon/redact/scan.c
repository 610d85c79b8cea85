/* SPDX-License-Identifier: Apache-2.0 */
/* Reading text: quotes, separators, words, and where they end. */
#include "scan.h"

#include <string.h>

int scan_at(const struct scan *scan, size_t i)
{
    return i < scan->in.length ? (unsigned char)scan->in.bytes[i] : -1;
}

bool scan_has(const struct scan *scan, size_t i, const char *text)
{
    return slice_starts_with(slice_from(scan->in, i), slice_of(text));
}

struct slice scan_slice(const struct scan *scan, size_t begin, size_t end)
{
    return end > begin ? slice_make(scan->in.bytes + begin, end - begin) : (struct slice){NULL, 0};
}

bool scan_is_newline(int c)
{
    return c == '\n' || c == '\r';
}

static bool is_blank(int c)
{
    return c == ' ' || c == '\t';
}

bool scan_is_number(const struct scan *scan, size_t begin, size_t end)
{
    int64_t ignored;
    return begin >= end || slice_to_int64(scan_slice(scan, begin, end), &ignored);
}

void scan_replace(struct scan *scan, size_t begin, size_t end, bool alone)
{
    char text[REDACT_STAND_IN_SIZE];

    buffer_append(scan->out, scan->in.bytes + scan->copied, begin - scan->copied);
    redact_stand_in_text(scan_slice(scan, begin, end), text);
    buffer_printf(scan->out, alone ? "%s" : "[%s]", text);
    scan->copied = scan->at = end;
    scan->changed = true;
}

void scan_replace_value(struct scan *scan, size_t begin, size_t end, bool alone, bool literal)
{
    if (begin >= end || redact_is_reference(scan_slice(scan, begin, end), literal))
        scan->at = end;
    else
        scan_replace(scan, begin, end, alone);
}

/* --- quotes and separators ------------------------------------------------------------------------------------------------------------------------- */

struct quote scan_quote_at(const struct scan *scan, size_t i)
{
    struct quote quote = {0, 0, 0};

    while (scan_at(scan, i + quote.backslashes) == '\\')
        quote.backslashes++;
    int c = scan_at(scan, i + quote.backslashes);
    if (c == '"' || c == '\'') {
        quote.mark = (char)c;
        quote.length = quote.backslashes + 1;
    } else if (scan_has(scan, i, "%22")) {
        quote = (struct quote){'%', 0, 3};
    }
    return quote;
}

size_t scan_quoted_end(const struct scan *scan, size_t begin, struct quote quote)
{
    size_t backslashes = 0;

    for (size_t i = begin; i < scan->in.length; i++) {
        char c = scan->in.bytes[i];
        if (quote.mark == '%' && c == '%' && scan_has(scan, i, "%22"))
            return i;
        if (c == '\\') {
            backslashes++;
            continue;
        }
        bool closes = quote.backslashes == 0 ? backslashes % 2 == 0 : backslashes <= quote.backslashes;
        if (quote.mark != '%' && c == quote.mark && closes)
            return i - (backslashes < quote.backslashes ? backslashes : quote.backslashes);
        backslashes = 0;
    }
    return scan->in.length;
}

size_t scan_skip_blanks(const struct scan *scan, size_t i)
{
    while (is_blank(scan_at(scan, i)))
        i++;
    return i;
}

size_t scan_skip_space(const struct scan *scan, size_t i)
{
    while (scan_is_newline(scan_at(scan, i)) || is_blank(scan_at(scan, i)))
        i++;
    return i;
}

/* Longer ones first. A mapping, an assignment of some language, and both in the query of a URL or of full width. */
static const struct {
    const char *text;
    enum separator kind;
} separators[] = {
    {"://", SEPARATOR_NONE}, {":\\/\\/", SEPARATOR_NONE}, {"::", SEPARATOR_NONE}, {":=", SEPARATOR_EQUALS}, {":-", SEPARATOR_EQUALS}, {"=>", SEPARATOR_EQUALS}, {"->", SEPARATOR_EQUALS},
    {"==", SEPARATOR_EQUALS}, {"?=", SEPARATOR_EQUALS}, {"+=", SEPARATOR_EQUALS}, {"||=", SEPARATOR_EQUALS}, {"=", SEPARATOR_EQUALS}, {":", SEPARATOR_COLON},
    {"%3D", SEPARATOR_EQUALS}, {"%3d", SEPARATOR_EQUALS}, {"%3A", SEPARATOR_COLON}, {"%3a", SEPARATOR_COLON}, {"\xef\xbc\x9d", SEPARATOR_EQUALS},
    {"\xef\xbc\x9a", SEPARATOR_COLON}, {"\\u003d", SEPARATOR_EQUALS}, {"\\u003D", SEPARATOR_EQUALS},
};

enum separator scan_separator_at(const struct scan *scan, size_t i, size_t *end)
{
    for (size_t k = 0; k < sizeof separators / sizeof *separators; k++) {
        if (scan_has(scan, i, separators[k].text)) {
            *end = i + strlen(separators[k].text);
            return separators[k].kind;
        }
    }
    *end = i;
    return SEPARATOR_NONE;
}

/* --- unquoted values ------------------------------------------------------------------------------------------------------------------------------- */

static bool is_among(int c, const char *set)
{
    return c > 0 && strchr(set, c);
}

/* What can stand behind a value in any text. */
static bool is_behind_value(int c)
{
    return c < 0 || is_among(c, " \t\r\n\"',;)]}&|<>\\`");
}

/* Before another member (`, user=x`, `,user: x`) a comma ends a value; else it is of it, as passwords have them. */
static bool ends_at_comma(const struct scan *scan, size_t i)
{
    enum { LONGEST_NAME = 64 };
    size_t end = i + 1, length, ignored;

    if (is_behind_value(scan_at(scan, end)))
        return true;
    while (end < i + LONGEST_NAME && (length = redact_name_byte_length(slice_from(scan->in, end))))
        end += length;
    return end > i + 1 && scan_separator_at(scan, end, &ignored) != SEPARATOR_NONE;
}

bool scan_ends_word(const struct scan *scan, size_t i)
{
    int c = scan_at(scan, i);

    if (c == ',')
        return ends_at_comma(scan, i);
    if (c == '}' || c == ']') /* of a password if there is more of it */
        return is_behind_value(scan_at(scan, i + 1));
    return c <= 0 || is_among(c, " \t\r\n\"'\\&;)<>|`") || scan_has(scan, i, "%26") || scan_has(scan, i, "%20") || scan_has(scan, i, "%22");
}

size_t scan_stand_in_end(const struct scan *scan, size_t i)
{
    struct slice rest = slice_first(slice_from(scan->in, i), REDACT_STAND_IN_SIZE);
    ptrdiff_t end = scan_at(scan, i) == '[' ? slice_find_byte(rest, ']') : -1;

    return end > 0 && redact_is_stand_in(slice_make(rest.bytes + 1, (size_t)end - 1)) ? i + (size_t)end + 1 : i;
}

/* $(...), ${...}, `...` and what stands for a secret are one with what they stand in. */
static size_t reference_end(const struct scan *scan, size_t i)
{
    bool is_tick = scan_at(scan, i) == '`', is_round = scan_has(scan, i, "$(");
    size_t limit = i + SCAN_NEAR_BYTES;

    if (scan_at(scan, i) == '[')
        return scan_stand_in_end(scan, i);
    if (!is_tick && !is_round && !scan_has(scan, i, "${"))
        return i;
    for (size_t end = i + 1, depth = 0; end < scan->in.length && end < limit; end++) {
        int c = scan_at(scan, end);
        depth += !is_tick && (c == '(' || c == '{');
        if (is_tick ? c == '`' : (c == ')' || c == '}') && --depth == 0)
            return end + 1;
    }
    return i;
}

size_t scan_word_end(const struct scan *scan, size_t i)
{
    size_t begin = i, end = reference_end(scan, i);

    for (i = end; !scan_ends_word(scan, i); i++)
        ;
    return i > begin ? i : begin;
}

size_t scan_query_word_end(const struct scan *scan, size_t i)
{
    for (i = scan_stand_in_end(scan, i); !scan_ends_word(scan, i) && scan_at(scan, i) != '+'; i++)
        ;
    return i;
}

/* A quote in a word: where the part that it opens ends; i: it closes something that the word stands in. */
static size_t quoted_part_end(const struct scan *scan, size_t i)
{
    struct quote quote = scan_quote_at(scan, i);

    if (!quote.mark || quote.mark == '%' || quote.backslashes || is_behind_value(scan_at(scan, i + 1)))
        return i;
    for (size_t end = i + 1; end < scan->in.length && end < i + SCAN_NEAR_BYTES; end++)
        if (scan_at(scan, end) == quote.mark)
            return end + 1;
    return i;
}

bool scan_goes_on(const struct scan *scan, size_t i)
{
    int c = scan_at(scan, i);
    return c == '"' || c == '\'' ? !is_behind_value(scan_at(scan, i + 1)) : c != '+' && !scan_ends_word(scan, i);
}

/* A backslash: behind what it escapes; i: it ends the word, being JSON's before a quote or a newline. */
static size_t escape_end(const struct scan *scan, size_t i)
{
    size_t end = i;

    while (scan_at(scan, end) == '\\')
        end++;
    int c = scan_at(scan, end);
    if (c < 0 || scan_is_newline(c))
        return i;
    if (is_among(c, "\"'"))
        return scan->broken || is_behind_value(scan_at(scan, end + 1)) ? i : end + 1;
    if (is_among(c, "nrt") && end == i + 1)
        return i;
    return end + 1;
}

size_t scan_shell_word_end(const struct scan *scan, size_t i)
{
    for (;;) {
        int c = scan_at(scan, i);
        size_t end = i;
        if (c == '$' || c == '`' || c == '[')
            end = reference_end(scan, i);
        else if (c == '\\')
            end = escape_end(scan, i);
        else if (c == '"' || c == '\'')
            end = quoted_part_end(scan, i);
        if (end == i && scan_ends_word(scan, i))
            return i;
        i = end == i ? i + 1 : end;
    }
}

size_t scan_line_end(const struct scan *scan, size_t i)
{
    while (i < scan->in.length && !scan_is_newline(scan_at(scan, i)) && !is_among(scan_at(scan, i), "\"'\\"))
        i++;
    return i;
}

/* --- names and words --------------------------------------------------------------------------------------------------------------------------------- */

/* Behind the blanks or the comma after the word, with the quote that opens the next one; false: nothing follows. */
static bool find_next_word(const struct scan *scan, size_t i, struct quote *quote, size_t *begin, bool *literal)
{
    struct quote closing = scan_quote_at(scan, i);
    size_t behind = i + closing.length, comma = scan_skip_space(scan, behind);

    *literal = false;
    if (scan_has(scan, i, "&command=")) {
        *begin = i + sizeof "&command=" - 1;
        *literal = true;
    } else if (scan_has(scan, i, "%20")) {
        *begin = i + 3;
    } else if (scan_at(scan, i) == '+') {
        *begin = i + 1;
    } else if (closing.mark && scan_at(scan, comma) == ',') {
        *begin = scan_skip_space(scan, comma + 1);
        *literal = true;
        *quote = scan_quote_at(scan, *begin);
        return quote->mark != 0;
    } else if (scan_is_newline(scan_at(scan, scan_skip_blanks(scan, behind))) && scan_at(scan, comma) == '-' && is_blank(scan_at(scan, comma + 1))) {
        *begin = scan_skip_blanks(scan, comma + 1); /* an item of a list in YAML */
        *literal = true;
    } else if (is_blank(scan_at(scan, behind))) {
        *begin = scan_skip_blanks(scan, behind);
    } else {
        return false;
    }
    *quote = scan_quote_at(scan, *begin);
    return true;
}

static bool is_shell_quote(const struct scan *scan, size_t i)
{
    return scan_at(scan, i) == '$' && (scan_at(scan, i + 1) == '\'' || scan_at(scan, i + 1) == '"');
}

bool scan_next_word(const struct scan *scan, size_t i, struct word *word)
{
    struct quote quote = {0, 0, 0};

    if (!find_next_word(scan, i, &quote, &word->begin, &word->literal))
        return false;
    if (is_shell_quote(scan, word->begin)) {
        word->begin++;
        quote = scan_quote_at(scan, word->begin);
        word->literal = true;
    }
    word->begin += quote.length;
    if (quote.mark) {
        word->end = scan_quoted_end(scan, word->begin, quote);
        word->literal = word->literal || quote.mark == '\'';
    } else if (scan_at(scan, i) == '+' || scan_has(scan, i, "&command=")) {
        word->end = scan_query_word_end(scan, word->begin);
    } else {
        word->end = scan_shell_word_end(scan, word->begin);
    }
    return word->end > word->begin;
}

/* A word such as -x or --long-name; a password may begin with a dash, but has more than letters behind it. */
bool redact_is_option(struct slice word)
{
    enum { LONGEST = 40 };
    size_t i = 1;

    if (word.length < 2 || word.bytes[0] != '-' || word.length > LONGEST)
        return false;
    while (i < word.length && (word.bytes[i] == '-' || (word.bytes[i] >= 'a' && word.bytes[i] <= 'z')))
        i++;
    return i == word.length || word.bytes[i] == '=' || word.length == 2;
}

static bool has_value_behind(const struct scan *scan, size_t end)
{
    enum { LONGEST_OPTION = 41 };
    struct quote quote = {0, 0, 0};
    size_t begin, i;
    bool literal;

    if (!find_next_word(scan, end, &quote, &begin, &literal))
        return false;
    begin += quote.length;
    for (i = begin; i < begin + LONGEST_OPTION && !scan_ends_word(scan, i); i++)
        ;
    return i > begin && !redact_is_option(scan_slice(scan, begin, i));
}

/* Behind a quoted name: a block of YAML in the next lines, and not a value of JSON. */
static bool has_block_below(const struct scan *scan, size_t i)
{
    enum { LONGEST_NAME = 128 };
    size_t line_end = scan_skip_blanks(scan, i), value = scan_skip_space(scan, i), end = value + 1, ignored;
    int first = scan_at(scan, value);

    if (!scan_is_newline(scan_at(scan, line_end)) || first < 0 || is_among(first, "{[\\"))
        return false;
    if (first != '"' && first != '\'')
        return true;
    while (end < value + LONGEST_NAME && scan_at(scan, end) != first)
        end++;
    return scan_separator_at(scan, scan_skip_blanks(scan, end + 1), &ignored) == SEPARATOR_COLON;
}

struct name scan_name_at(const struct scan *scan, size_t begin)
{
    struct name name = {.begin = begin, .end = begin};
    size_t length, end;

    while ((length = redact_name_byte_length(slice_from(scan->in, name.end))))
        name.end += length;
    name.text = scan_slice(scan, begin, name.end);
    name.quote = scan_quote_at(scan, name.end);
    size_t separator = scan_skip_blanks(scan, name.end + name.quote.length);
    name.separator = scan_separator_at(scan, separator, &end);
    if (name.separator != SEPARATOR_NONE)
        name.value = name.quote.mark && !has_block_below(scan, end) ? scan_skip_space(scan, end) : scan_skip_blanks(scan, end);
    else if (scan_at(scan, begin) == '-' && has_value_behind(scan, name.end))
        name.separator = SEPARATOR_WORD;
    return name;
}
