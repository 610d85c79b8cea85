/* SPDX-License-Identifier: Apache-2.0 */
/* Several values under one name: containers of JSON and of YAML's flow style, blocks of YAML. */
#include "scan.h"

/* --- containers of JSON ---------------------------------------------------------------------------------------------------------------------------- */

/* The word is a member's name, and what stands behind it its value. */
static bool is_member_name(const struct scan *scan, size_t after)
{
    size_t ignored;
    return scan_separator_at(scan, scan_skip_space(scan, after), &ignored) == SEPARATOR_COLON;
}

/* NAME=value in a list of variables: behind the sign; begin: it is none. */
static size_t behind_assignment(const struct scan *scan, size_t begin, size_t end)
{
    ptrdiff_t sign = slice_find_byte(scan_slice(scan, begin, end), '=');
    return sign > 0 ? begin + (size_t)sign + 1 : begin;
}

/* A string, or a plain word of YAML. keeps: it is the value of a place's name. */
static void take_out_item(struct scan *scan, size_t begin, size_t end, size_t after, bool keeps_places, bool *keeps)
{
    if (is_member_name(scan, after)) {
        *keeps = keeps_places && redact_is_place_name(scan_slice(scan, begin, end));
        scan->at = after;
        return;
    }
    size_t begin_of_string = begin;
    if (keeps_places && !*keeps)
        begin = behind_assignment(scan, begin, end);
    if (*keeps)
        scan_nested(scan, begin, end);
    else if (begin < end && !redact_is_stand_in(scan_slice(scan, begin, end)))
        scan_replace_value(scan, begin, end, begin_of_string == begin, true);
    scan->at = after < scan->in.length ? after : scan->in.length;
}

static void take_out_quoted(struct scan *scan, struct quote quote, bool keeps_places, bool *keeps)
{
    size_t begin = scan->at + quote.length, end = scan_quoted_end(scan, begin, quote);
    take_out_item(scan, begin, end, end + quote.length, keeps_places, keeps);
}

static void take_out_plain(struct scan *scan, bool keeps_places, bool *keeps)
{
    size_t begin = scan->at, end = begin;

    while (!scan_ends_word(scan, end) && scan_at(scan, end) != ':' && scan_at(scan, end) != '[' && scan_at(scan, end) != ']' && scan_at(scan, end) != '}')
        end++;
    struct slice word = scan_slice(scan, begin, end);
    if (!word.length)
        scan->at++;
    else if (is_member_name(scan, end))
        take_out_item(scan, begin, end, end, keeps_places, keeps);
    else if (!*keeps)
        scan_replace_value(scan, begin, end, false, false);
    else
        scan->at = end;
}

void scan_take_out_container(struct scan *scan, size_t i, bool keeps_places)
{
    size_t depth = 0, behind = scan_stand_in_end(scan, i);
    bool keeps = false;

    for (scan->at = behind; behind == i && scan->at < scan->in.length;) {
        int c = scan_at(scan, scan->at);
        struct quote quote = scan_quote_at(scan, scan->at);
        size_t stand_in_end = scan_stand_in_end(scan, scan->at);
        if (stand_in_end > scan->at) {
            scan->at = stand_in_end;
        } else if (quote.mark) {
            take_out_quoted(scan, quote, keeps_places, &keeps);
        } else if (c == '{' || c == '[' || c == '}' || c == ']') {
            depth = c == '{' || c == '[' ? depth + 1 : depth - 1;
            keeps = false;
            scan->at++;
            if (depth == 0)
                return;
        } else if (c == ',') {
            keeps = false;
            scan->at++;
        } else if (c == '-' || redact_name_byte_length(slice_from(scan->in, scan->at))) {
            take_out_plain(scan, keeps_places, &keeps);
        } else {
            scan->at += quote.backslashes ? quote.backslashes : 1;
        }
    }
}

/* --- lines of YAML ----------------------------------------------------------------------------------------------------------------------------------- */

/* Of a line that is longer than any of YAML is, as far back as is looked. */
static size_t line_begin(const struct scan *scan, size_t from)
{
    size_t i = from;

    while (i > 0 && from - i < SCAN_NEAR_BYTES && !scan_is_newline(scan_at(scan, i - 1)))
        i--;
    return i;
}

/* Behind blanks and the dashes of items. */
static size_t skip_dashes(const struct scan *scan, size_t i)
{
    for (;;) {
        i = scan_skip_blanks(scan, i);
        if (scan_at(scan, i) != '-' || (scan_at(scan, i + 1) != ' ' && scan_at(scan, i + 1) != '\t'))
            return i;
        i++;
    }
}

/* Of an item its first name's: the others stand below it. */
size_t scan_indentation_of(const struct scan *scan, size_t i)
{
    size_t begin = line_begin(scan, i);
    return skip_dashes(scan, begin) - begin;
}

bool scan_is_first_on_line(const struct scan *scan, size_t begin)
{
    size_t i = begin;

    while (i > 0 && begin - i < SCAN_NEAR_BYTES) {
        int c = scan_at(scan, i - 1);
        if (scan_is_newline(c))
            break;
        if (c == 'n' && i > 1 && scan_at(scan, i - 2) == '\\' && scan->broken)
            break;
        if ((c == '"' || c == '\'') && i == begin && scan->broken)
            return true; /* of a string of JSON */
        if (c != ' ' && c != '\t' && c != '-' && c != '?' && c != '"' && c != '\'')
            return false;
        i--;
    }
    return begin - i < SCAN_NEAR_BYTES;
}

static size_t newline_from(const struct scan *scan, size_t i)
{
    while (i < scan->in.length && scan_at(scan, i) != '\n')
        i++;
    return i;
}

size_t scan_block_end(const struct scan *scan, size_t i, size_t indentation)
{
    while (i < scan->in.length) {
        size_t line = i + 1, text = scan_skip_blanks(scan, line);
        bool is_empty = text >= scan->in.length || scan_is_newline(scan_at(scan, text));
        bool is_item = scan_at(scan, text) == '-' && scan_at(scan, text + 1) == ' ' && text - line == indentation;
        if (!is_empty && text - line <= indentation && !is_item)
            return i;
        i = newline_from(scan, text);
    }
    return scan->in.length;
}

size_t scan_plain_end(const struct scan *scan, size_t i, size_t indentation)
{
    size_t end = i;

    while (end < scan->in.length && !scan_is_newline(scan_at(scan, end)) && !scan_has(scan, end, " #") && !(scan->broken && (scan_has(scan, end, "\\n") || scan_at(scan, end) == '"' || scan_at(scan, end) == '\\')))
        end++;
    if (!scan_is_newline(scan_at(scan, end)))
        return end;
    size_t block = scan_block_end(scan, end, indentation);
    return block > end + 1 ? block : end;
}

/* Behind the name and the colon of the line from i on; i: it has none. */
static size_t behind_name(const struct scan *scan, size_t i, size_t end, struct slice *name)
{
    size_t colon = i, length = 0;

    if (scan_at(scan, i) == '"' || scan_at(scan, i) == '\'')
        length = 1;
    for (colon = i + length; colon < end && scan_at(scan, colon) != ' ' && scan_at(scan, colon) != '"' && scan_at(scan, colon) != '\''; colon++)
        if (!length && scan_at(scan, colon) == ':' && (colon + 1 >= end || scan_at(scan, colon + 1) == ' '))
            break;
    *name = scan_slice(scan, i + length, colon);
    colon += length;
    return scan_at(scan, colon) == ':' && colon < end ? scan_skip_blanks(scan, colon + 1) : i;
}

/* A line's value, unless its name says where a secret lies. */
static void take_out_line(struct scan *scan, size_t begin, size_t end)
{
    struct slice name = {NULL, 0};
    size_t text = skip_dashes(scan, begin), value = behind_name(scan, text, end, &name);
    bool is_item = text > begin && scan_at(scan, text - 1) != '\n' && value == text;

    if (value >= end || scan_at(scan, value) == '|' || scan_at(scan, value) == '>' || (value > text && redact_is_place_name(name))) {
        scan->at = end;
        return;
    }
    if (is_item) {
        size_t behind = behind_assignment(scan, text, end);
        value = behind < end ? behind : value;
    }
    scan_replace_value(scan, value, end, false, true);
}

void scan_take_out_block(struct scan *scan, size_t begin, size_t end)
{
    for (size_t line = begin; line < end;) {
        size_t line_end = newline_from(scan, line);
        line_end = line_end < end ? line_end : end;
        if (scan_skip_blanks(scan, line) < line_end)
            take_out_line(scan, line, line_end);
        line = line_end + 1;
    }
    scan->at = end;
}
