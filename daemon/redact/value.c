/* SPDX-License-Identifier: Apache-2.0 */
/* Values by their names: of members of JSON and YAML, of variables, options, headers and attributes. */
#include "scan.h"

#include <string.h>

static bool ends_nocase(struct slice text, const char *end)
{
    size_t length = strlen(end);
    return text.length >= length && slice_equal_ascii_nocase(slice_from(text, text.length - length), slice_of(end));
}

/* A header's value has blanks, commas and semicolons in it. */
static bool is_header(struct slice name)
{
    return ends_nocase(name, "authorization") || ends_nocase(name, "cookie");
}

/* "Bearer", "Basic" and their like before the value of a header stay. */
static size_t skip_scheme(const struct scan *scan, size_t i)
{
    static const char *const schemes[] = {"bearer", "basic", "token", "digest", "negotiate", "apikey", "aws4-hmac-sha256"};

    for (size_t k = 0; k < sizeof schemes / sizeof *schemes; k++) {
        size_t length = strlen(schemes[k]), end = i + length;
        if (!slice_equal_ascii_nocase(slice_first(slice_from(scan->in, i), length), slice_of(schemes[k])))
            continue;
        if (scan_at(scan, end) == ' ')
            return scan_skip_blanks(scan, end);
        if (scan_has(scan, end, "\\ "))
            return end + 2;
        if (scan_has(scan, end, "%20"))
            return end + 3;
        if (scan_at(scan, end) == '+')
            return end + 1;
    }
    return i;
}

static void take_out_header(struct scan *scan, const struct name *name)
{
    size_t value = scan_has(scan, name->value, "\\ ") ? name->value + 2 : name->value, begin = skip_scheme(scan, value), end = scan_line_end(scan, begin);
    int before = name->begin ? scan_at(scan, name->begin - 1) : -1;

    if (!scan->broken && before != '"' && before != '\'' && scan_is_first_on_line(scan, name->begin))
        while (end < scan->in.length && !scan_is_newline(scan_at(scan, end)))
            end++;
    if (scan_has(scan, begin, "$(") || scan_has(scan, begin, "${"))
        end = scan_shell_word_end(scan, begin);
    else if (before != '"' && before != '\'' && !scan_is_first_on_line(scan, name->begin) && scan_at(scan, name->value - 1) != ' ')
        end = scan_shell_word_end(scan, begin); /* -H Authorization:x http://...: a word of a command */
    else if (scan_at(scan, name->end) == '=' || scan_at(scan, name->end) == '%')
        end = scan_word_end(scan, begin);
    scan_replace_value(scan, begin, end, false, false);
}

/* Of a query, the parts are divided by other signs. */
static bool is_in_query(const struct scan *scan, const struct name *name)
{
    int before = name->begin ? scan_at(scan, name->begin - 1) : -1;
    return before == '?' || before == '&' || scan_at(scan, name->end) == '%';
}

/* In YAML a plain value goes to the end of its line. */
static bool is_of_yaml(const struct scan *scan, const struct name *name)
{
    return name->separator == SEPARATOR_COLON && name->value > 0 && scan_at(scan, name->value - 1) == ' ' && scan_is_first_on_line(scan, name->begin);
}

/* password: |- */
static bool is_block_scalar(const struct scan *scan, size_t i)
{
    if (scan_at(scan, i) != '|' && scan_at(scan, i) != '>')
        return false;
    for (i++; scan_at(scan, i) > 0 && strchr("+-123456789 \t", scan_at(scan, i)); i++)
        ;
    return scan_at(scan, i) < 0 || scan_is_newline(scan_at(scan, i)) || scan_at(scan, i) == '\\' || scan_at(scan, i) == '#';
}

/* Of YAML in a string of broken JSON nothing tells where the block ends but the string's end. */
static bool take_out_escaped_block(struct scan *scan, const struct name *name)
{
    size_t i = name->value, end;

    while (scan_at(scan, i) > 0 && strchr("|>+-123456789 ", scan_at(scan, i)))
        i++;
    if (!scan->broken || !scan_has(scan, i, "\\n") || name->quote.mark)
        return false;
    for (end = i + 2; end < scan->in.length && (scan_at(scan, end) != '"' || (scan_at(scan, end - 1) == '\\' && scan_at(scan, end - 2) != '\\')); end++)
        ;
    scan_replace_value(scan, i + 2, end, false, true);
    return true;
}

/* The value of one line of YAML, or the block below. False: neither. */
static bool take_out_yaml(struct scan *scan, const struct name *name)
{
    int first = scan_at(scan, name->value);
    size_t indentation = name->separator == SEPARATOR_COLON ? scan_indentation_of(scan, name->begin) : 0;

    if (name->separator != SEPARATOR_COLON)
        return false;
    if (take_out_escaped_block(scan, name))
        return true;
    if (is_block_scalar(scan, name->value)) {
        scan_replace(scan, name->value, scan_block_end(scan, scan_line_end(scan, name->value), indentation), false);
        return true;
    }
    if (scan_is_newline(first) && scan_is_first_on_line(scan, name->begin)) {
        size_t end = scan_block_end(scan, name->value, indentation);
        if (end <= name->value + 1)
            return false;
        scan_take_out_block(scan, name->value + 1, end);
        return true;
    }
    if (!is_of_yaml(scan, name) || first == '"' || first == '\'' || first < 0)
        return false;
    size_t end = scan_plain_end(scan, name->value, indentation);
    scan_replace_value(scan, name->value, end, false, false);
    return true;
}

static void take_out_unquoted(struct scan *scan, const struct name *name)
{
    size_t begin = name->value, end;

    if (is_header(name->text) && name->separator != SEPARATOR_WORD) {
        take_out_header(scan, name);
        return;
    }
    if (take_out_yaml(scan, name))
        return;
    if (is_in_query(scan, name) || name->separator == SEPARATOR_COLON)
        end = scan_word_end(scan, begin);
    else
        end = scan_shell_word_end(scan, begin);
    if (redact_is_file_of_secret(name->text, scan_slice(scan, begin, end)))
        scan->at = end;
    else
        scan_replace_value(scan, begin, end, false, false);
}

/* 'a'b and "a""b" are one word of a shell. */
static bool goes_on(const struct scan *scan, const struct name *name, size_t after)
{
    return name->separator == SEPARATOR_EQUALS && !scan->broken && scan_at(scan, after) > 0 && !scan_ends_word(scan, after);
}

static void take_out_quoted(struct scan *scan, const struct name *name, struct quote quote, size_t value)
{
    size_t begin = value + quote.length, end = scan_quoted_end(scan, begin, quote);

    begin = is_header(name->text) ? skip_scheme(scan, begin) : begin;
    if (redact_is_file_of_secret(name->text, scan_slice(scan, begin, end)))
        scan->at = end;
    else if (name->quote.mark && name->separator == SEPARATOR_COLON) /* a member of JSON: no shell looks at its value, $ecret is a password there */
        scan_replace_value(scan, begin, end, true, true);
    else if (goes_on(scan, name, end + quote.length))
        scan_replace_value(scan, value, scan_shell_word_end(scan, end + quote.length), false, quote.mark == '\'');
    else
        scan_replace_value(scan, begin, end, true, quote.mark == '\'');
}

static bool is_ansi_quoted(const struct scan *scan, size_t i)
{
    return scan_at(scan, i) == '$' && (scan_at(scan, i + 1) == '\'' || scan_at(scan, i + 1) == '"');
}

void scan_take_out_value(struct scan *scan, const struct name *name)
{
    size_t value = name->value + (is_ansi_quoted(scan, name->value) ? 1 : 0);
    struct quote quote = scan_quote_at(scan, value);
    int first = scan_at(scan, value);
    struct word word;

    if (name->separator == SEPARATOR_COLON && scan_is_verdict(scan, value))
        return;
    if (name->separator == SEPARATOR_WORD) {
        if (!scan_next_word(scan, name->end, &word))
            return;
        if (redact_is_file_of_secret(name->text, scan_slice(scan, word.begin, word.end)))
            scan->at = word.end;
        else
            scan_replace_value(scan, word.begin, word.end, false, word.literal);
    } else if (quote.mark) {
        take_out_quoted(scan, name, quote, value);
    } else if ((first == '[' || first == '{') && (name->separator == SEPARATOR_COLON || name->quote.mark) && !scan_has(scan, value, "{{")) {
        if (!redact_is_reference(scan_slice(scan, value, scan_word_end(scan, value)), false))
            scan_take_out_container(scan, value, true);
    } else {
        take_out_unquoted(scan, name);
    }
}

/* --- variables, data, and the value of a pair --------------------------------------------------------------------------------------------------------- */

static const char *const pair_names[] = {"name", "key", "path", "headername"};

static bool is_pair_name(struct slice name)
{
    for (size_t i = 0; i < sizeof pair_names / sizeof *pair_names; i++)
        if (slice_equal_ascii_nocase(name, slice_of(pair_names[i])))
            return true;
    return false;
}

/* The text of a name, key or path. */
static struct slice pair_text(const struct scan *scan, const struct name *name)
{
    struct quote quote = scan_quote_at(scan, name->value);
    size_t begin = name->value + quote.length, end = begin, limit = begin + SCAN_NEAR_BYTES;

    while (end < limit && scan_at(scan, end) > 0 && !scan_is_newline(scan_at(scan, end)) && scan_at(scan, end) != '"' && scan_at(scan, end) != '\'' &&
           scan_at(scan, end) != '\\' && (quote.mark || (scan_at(scan, end) != ' ' && scan_at(scan, end) != ',')))
        end++;
    return scan_slice(scan, begin, end);
}

static enum scan_pair pair_of(const struct scan *scan, const struct name *name)
{
    struct slice text = pair_text(scan, name);

    if (slice_equal_ascii_nocase(name->text, SLICE("path")))
        return redact_target_of(text) == REDACT_TARGET_OTHER ? SCAN_PAIR_OTHER : SCAN_PAIR_SECRET;
    if (redact_is_secret_name(text))
        return SCAN_PAIR_SECRET;
    return slice_equal_ascii_nocase(name->text, SLICE("name")) && name->separator == SEPARATOR_COLON ? SCAN_PAIR_NAME : SCAN_PAIR_OTHER;
}

/* {"value": "x", "name": "A"}: behind the value. */
static enum scan_pair pair_behind(const struct scan *scan, const struct name *name)
{
    struct quote quote = scan_quote_at(scan, name->value);
    size_t i = name->value + quote.length, limit = i + SCAN_NEAR_BYTES / 2;

    if (!name->quote.mark && scan_is_first_on_line(scan, name->begin)) /* - value: x, and in the next line name: A */
        return slice_find(slice_first(slice_from(scan->in, i), SCAN_NEAR_BYTES / 2), SLICE("\n  name: ")) >= 0 ? SCAN_PAIR_NAME : SCAN_PAIR_OTHER;
    if (!quote.mark || !name->quote.mark)
        return SCAN_PAIR_OTHER;
    for (; i < limit && scan_at(scan, i) > 0 && scan_at(scan, i) != '}'; i++) {
        struct quote open = scan_quote_at(scan, i);
        if (!open.mark || open.mark == '%')
            continue;
        struct name other = {.begin = i + open.length, .end = i + open.length};
        while (other.end < limit && redact_name_byte_length(slice_from(scan->in, other.end)))
            other.end++;
        other.text = scan_slice(scan, other.begin, other.end);
        size_t separator = scan_skip_blanks(scan, other.end + open.length);
        other.separator = scan_separator_at(scan, separator, &other.value);
        other.value = scan_skip_blanks(scan, other.value);
        if (is_pair_name(other.text) && other.separator == SEPARATOR_COLON)
            return pair_of(scan, &other);
        i += open.length - 1;
    }
    return SCAN_PAIR_OTHER;
}

static bool take_out_pair(struct scan *scan, const struct name *name)
{
    if (name->separator != SEPARATOR_COLON && name->separator != SEPARATOR_EQUALS)
        return false;
    if (is_pair_name(name->text)) {
        scan->pair = pair_of(scan, name);
        scan->pair_at = name->begin;
        return false;
    }
    if (!redact_is_value_name(name->text))
        return false;
    enum scan_pair pair = scan->pair;
    if (pair == SCAN_PAIR_NONE || name->begin - scan->pair_at > SCAN_NEAR_BYTES)
        pair = pair_behind(scan, name);
    scan->pair = SCAN_PAIR_NONE;
    bool is_secret = pair == SCAN_PAIR_SECRET || (pair == SCAN_PAIR_NAME && name->separator == SEPARATOR_COLON);
    if (!is_secret && !(scan->broken && name->separator == SEPARATOR_COLON && (name->quote.mark || scan_is_first_on_line(scan, name->begin))))
        return false;
    scan_take_out_value(scan, name);
    return true;
}

static bool take_out_env(struct scan *scan, const struct name *name)
{
    struct quote quote = scan_quote_at(scan, name->value);
    int first = scan_at(scan, name->value);

    if (name->separator != SEPARATOR_COLON || !redact_is_env_name(name->text))
        return false;
    if (first == '{' || first == '[') {
        bool is_map = first == '{' && slice_find(slice_first(slice_from(scan->in, name->value), SCAN_NEAR_BYTES), SLICE("value")) < 0;
        scan_take_out_container(scan, name->value, !is_map);
    } else if (scan_is_newline(first) && scan_is_first_on_line(scan, name->begin)) {
        size_t end = scan_block_end(scan, name->value, scan_indentation_of(scan, name->begin));
        scan_take_out_block(scan, name->value + 1, end);
    } else if (take_out_escaped_block(scan, name)) {
        return true;
    } else if (quote.mark && name->quote.mark) {
        size_t begin = name->value + quote.length, end = scan_quoted_end(scan, begin, quote);
        ptrdiff_t sign = slice_find_byte(scan_slice(scan, begin, end), '=');
        if (sign > 0)
            scan_replace_value(scan, begin + (size_t)sign + 1, end, false, true);
        scan->at = end;
    } else {
        return false;
    }
    return true;
}

/* Newlines may have been escaped, blanks taken off: nothing tells where the block of broken YAML ends. */
static bool take_out_data_block(struct scan *scan, const struct name *name)
{
    size_t end;

    if (scan->broken) {
        scan->in_block = true;
        scan->at = name->value;
        if (scan->at < scan->in.length)
            scan_replace(scan, scan->at, scan->in.length, false);
        return true;
    }
    if (!scan_is_newline(scan_at(scan, name->value)))
        return false;
    end = scan_block_end(scan, name->value, scan_indentation_of(scan, name->begin));
    if (end <= name->value + 1)
        return false;
    scan_replace(scan, name->value + 1, end, false);
    return true;
}

static bool take_out_data(struct scan *scan, const struct name *name)
{
    int first = scan_at(scan, name->value), before = name->begin ? scan_at(scan, name->begin - 1) : -1;

    if (name->separator != SEPARATOR_COLON || !redact_is_data_name(name->text))
        return false;
    if (first == '{' || first == '[') {
        scan_take_out_container(scan, name->value, false);
        return true;
    }
    if (name->quote.mark && !scan_is_newline(first)) {
        if (scan_quote_at(scan, name->value).mark)
            scan_take_out_value(scan, name);
        return true;
    }
    return before != '/' && before != ':' && take_out_data_block(scan, name);
}

/* Of a piece of YAML: what the name is of comes in the next one, or a block scalar does. */
static bool is_in_next_piece(const struct scan *scan, const struct name *name)
{
    size_t i = name->value;

    if (!scan->broken || name->separator != SEPARATOR_COLON || !scan_is_first_on_line(scan, name->begin))
        return false;
    while (i < name->value + 8 && scan_at(scan, i) > 0 && strchr("|>+-0123456789 \t\r\n", scan_at(scan, i)))
        i++;
    return i >= scan->in.length;
}

/* What a request about Secrets writes, and the answer, of an event that is cut off. */
static bool take_out_body(struct scan *scan, const struct name *name)
{
    static const char *const bodies[] = {"requestObject", "responseObject", "responseStatus"};
    int first = scan_at(scan, name->value);

    for (size_t i = 0; scan->is_of_secrets && name->separator == SEPARATOR_COLON && i < sizeof bodies / sizeof *bodies; i++) {
        if (!slice_is(name->text, bodies[i]))
            continue;
        if (first == '{' || first == '[')
            scan_take_out_container(scan, name->value, true);
        else
            scan_take_out_value(scan, name);
        return true;
    }
    return false;
}

bool scan_take_out_members(struct scan *scan, const struct name *name)
{
    if (is_in_next_piece(scan, name) && (redact_is_env_name(name->text) || redact_is_secret_name(name->text))) {
        scan->in_block = true;
        scan->at = scan->in.length;
        return true;
    }
    return take_out_body(scan, name) || take_out_data(scan, name) || take_out_pair(scan, name) || take_out_env(scan, name);
}
