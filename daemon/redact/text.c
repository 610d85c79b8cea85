/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets in text of any kind: command lines, URLs, YAML, headers, JSON that is broken, or escaped once or more. One pass from left to right over runs of
 * letters: a run may be a secret by its shape, or the name of what follows. Nothing is read twice but for a small factor. */
#include "internal.h"

#include "shapes.h"

struct scan {
    struct slice in;
    size_t at;
    size_t copied; /* all before is in out */
    bool broken;   /* it is JSON that could not be read, or a piece of YAML */
    bool in_block; /* it ended in the data of YAML, of which more may follow */
    struct buffer *out;
    bool changed;
};

static int at(const struct scan *scan, size_t i)
{
    return i < scan->in.length ? (unsigned char)scan->in.bytes[i] : -1;
}

static bool has(const struct scan *scan, size_t i, const char *text)
{
    return slice_starts_with(slice_from(scan->in, i), slice_of(text));
}

static void replace(struct scan *scan, size_t begin, size_t end, bool alone)
{
    char text[REDACT_STAND_IN_SIZE];
    struct slice value = slice_make(scan->in.bytes + begin, end - begin);

    buffer_append(scan->out, scan->in.bytes + scan->copied, begin - scan->copied);
    redact_stand_in_text(value, text);
    buffer_printf(scan->out, alone ? "%s" : "[%s]", text);
    scan->copied = scan->at = end;
    scan->changed = true;
}

/* A value that is there: not a reference to one. */
static void replace_value(struct scan *scan, size_t begin, size_t end, bool alone)
{
    if (redact_is_reference(slice_make(scan->in.bytes + begin, end - begin)))
        scan->at = end;
    else
        replace(scan, begin, end, alone);
}

/* --- quotes and separators ------------------------------------------------------------------------------------------------------------------------- */

/* A quote with the backslashes before it: as many as JSON is deep in JSON. */
struct quote {
    char mark; /* 0: none; '%': %22 */
    size_t backslashes;
    size_t length;
};

static struct quote quote_at(const struct scan *scan, size_t i)
{
    struct quote quote = {0, 0, 0};

    while (at(scan, i + quote.backslashes) == '\\')
        quote.backslashes++;
    int c = at(scan, i + quote.backslashes);
    if (c == '"' || c == '\'') {
        quote.mark = (char)c;
        quote.length = quote.backslashes + 1;
    } else if (has(scan, i, "%22")) {
        quote = (struct quote){'%', 0, 3};
    }
    return quote;
}

/* Where the value that the quote opens ends; the end of the text if it is cut off. */
static size_t quoted_end(const struct scan *scan, size_t begin, struct quote quote)
{
    size_t backslashes = 0;

    for (size_t i = begin; i < scan->in.length; i++) {
        char c = scan->in.bytes[i];
        if (quote.mark == '%' && c == '%' && has(scan, i, "%22"))
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

static size_t skip_blanks(const struct scan *scan, size_t i)
{
    while (at(scan, i) == ' ' || at(scan, i) == '\t')
        i++;
    return i;
}

static bool is_newline(int c)
{
    return c == '\n' || c == '\r';
}

static size_t skip_space(const struct scan *scan, size_t i)
{
    while (is_newline(at(scan, i)) || at(scan, i) == ' ' || at(scan, i) == '\t')
        i++;
    return i;
}

/* What stands between a name and its value. */
enum separator { SEPARATOR_NONE, SEPARATOR_EQUALS, SEPARATOR_COLON, SEPARATOR_WORD };

static enum separator separator_at(const struct scan *scan, size_t i, size_t *end)
{
    int c = at(scan, i);

    *end = i + (c == '%' ? 3 : 1);
    if (c == '=' || has(scan, i, "%3D") || has(scan, i, "%3d"))
        return SEPARATOR_EQUALS;
    if ((c == ':' && !has(scan, i, "://")) || has(scan, i, "%3A") || has(scan, i, "%3a"))
        return at(scan, *end) == ':' ? SEPARATOR_NONE : SEPARATOR_COLON;
    return SEPARATOR_NONE;
}

/* --- unquoted values ------------------------------------------------------------------------------------------------------------------------------- */

static bool ends_word(const struct scan *scan, size_t i)
{
    static const char enders[] = " \t\r\n\"'\\&;,)}]<>|`";
    int c = at(scan, i);
    return c <= 0 || memchr(enders, c, sizeof enders - 1) || has(scan, i, "%26") || has(scan, i, "%20") || has(scan, i, "%22");
}

static size_t word_end(const struct scan *scan, size_t i)
{
    while (!ends_word(scan, i))
        i++;
    return i;
}

/* In a query a plus is a blank (application/x-www-form-urlencoded), as kubectl exec writes it; one of the word itself is %2B. */
static size_t query_word_end(const struct scan *scan, size_t i)
{
    while (!ends_word(scan, i) && at(scan, i) != '+')
        i++;
    return i;
}

/* Of a header, whose value has blanks and semicolons in it. */
static size_t line_end(const struct scan *scan, size_t i)
{
    while (i < scan->in.length && !is_newline(at(scan, i)) && at(scan, i) != '"' && at(scan, i) != '\'' && at(scan, i) != '\\')
        i++;
    return i;
}

static size_t indentation_of(const struct scan *scan, size_t i)
{
    size_t begin = i;
    while (begin > 0 && !is_newline(at(scan, begin - 1)))
        begin--;
    return skip_blanks(scan, begin) - begin;
}

/* A block of YAML under the line that i is in: up to the first line that is not indented more. i is at the line's end. */
static size_t block_end(const struct scan *scan, size_t i, size_t indentation)
{
    while (i < scan->in.length) {
        size_t line = i + 1, text = skip_blanks(scan, line);
        bool is_empty = text >= scan->in.length || is_newline(at(scan, text));
        if (!is_empty && text - line <= indentation)
            return i;
        for (i = text; i < scan->in.length && at(scan, i) != '\n';)
            i++;
    }
    return scan->in.length;
}

/* --- containers of JSON ---------------------------------------------------------------------------------------------------------------------------- */

static void take_out_string(struct scan *scan, size_t i, struct quote quote)
{
    size_t begin = i + quote.length, end = quoted_end(scan, begin, quote);
    size_t after = end + quote.length, ignored;

    if (separator_at(scan, skip_space(scan, after), &ignored) == SEPARATOR_COLON) {
        scan->at = after; /* a member's name */
    } else {
        if (begin < end && !redact_is_stand_in(slice_make(scan->in.bytes + begin, end - begin)))
            replace(scan, begin, end, true);
        scan->at = after < scan->in.length ? after : scan->in.length;
    }
}

/* All values from the bracket at i to the one that closes it; names stay. */
static void take_out_container(struct scan *scan, size_t i)
{
    size_t depth = 0;

    for (scan->at = i; scan->at < scan->in.length;) {
        int c = at(scan, scan->at);
        struct quote quote = quote_at(scan, scan->at);
        if (quote.mark) {
            take_out_string(scan, scan->at, quote);
        } else if (c == '{' || c == '[' || c == '}' || c == ']') {
            depth = c == '{' || c == '[' ? depth + 1 : depth - 1;
            scan->at++;
            if (depth == 0)
                return;
        } else if (c == '-' || (c >= '0' && c <= '9')) {
            replace_value(scan, scan->at, word_end(scan, scan->at), false);
        } else {
            scan->at += quote.backslashes ? quote.backslashes : 1;
        }
    }
}

/* --- names and what follows them --------------------------------------------------------------------------------------------------------------------- */

/* A run of letters that may be a name, and what stands around it. */
struct name {
    size_t begin, end;
    struct slice text;
    struct quote quote; /* behind it */
    enum separator separator;
    size_t value; /* where it begins */
};

static bool is_name_byte(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

/* "--token", "abc" and --token abc and command=--token&command=abc. */
static void find_separate_word(const struct scan *scan, struct name *name)
{
    size_t i = name->end + name->quote.length;

    if (at(scan, name->begin) != '-')
        return;
    if (name->quote.mark && at(scan, skip_space(scan, i)) == ',')
        name->value = skip_space(scan, skip_space(scan, i) + 1);
    else if (has(scan, i, "&command="))
        name->value = i + sizeof "&command=" - 1;
    else if (at(scan, i) == ' ' || at(scan, i) == '\t')
        name->value = skip_blanks(scan, i);
    else if (has(scan, i, "%20"))
        name->value = i + 3;
    else if (at(scan, i) == '+')
        name->value = i + 1;
    else
        return;
    name->separator = at(scan, name->value) == '-' ? SEPARATOR_NONE : SEPARATOR_WORD;
}

static struct name name_at(const struct scan *scan, size_t begin)
{
    struct name name = {.begin = begin, .end = begin};

    while (is_name_byte(at(scan, name.end)))
        name.end++;
    name.text = slice_make(scan->in.bytes + begin, name.end - begin);
    name.quote = quote_at(scan, name.end);
    size_t separator = skip_blanks(scan, name.end + name.quote.length), end;
    name.separator = separator_at(scan, separator, &end);
    if (name.separator == SEPARATOR_NONE)
        find_separate_word(scan, &name);
    else
        name.value = name.quote.mark ? skip_space(scan, end) : skip_blanks(scan, end);
    return name;
}

/* The last part of a path, or a word between colons, as in /etc/passwd:/mnt and system:node-token:x, is a name only where it is quoted. */
static bool is_part_of_a_path(const struct scan *scan, const struct name *name)
{
    int before = name->begin ? at(scan, name->begin - 1) : -1;
    return !name->quote.mark && (before == '/' || (before == ':' && name->separator == SEPARATOR_COLON));
}

static bool is_header(struct slice name)
{
    return slice_ends_with(name, SLICE("uthorization")) || slice_ends_with(name, SLICE("ookie"));
}

/* "Bearer", "Basic" before the value of a header stay. */
static size_t skip_scheme(const struct scan *scan, size_t i)
{
    static const char *const schemes[] = {"Bearer", "bearer", "Basic", "basic", "Token", "token"};

    for (size_t k = 0; k < sizeof schemes / sizeof *schemes; k++)
        if (has(scan, i, schemes[k]) && at(scan, i + strlen(schemes[k])) == ' ')
            return skip_blanks(scan, i + strlen(schemes[k]));
    return i;
}

static void take_out_unquoted(struct scan *scan, const struct name *name)
{
    int first = at(scan, name->value);
    size_t begin = name->value;

    if (name->separator == SEPARATOR_COLON && (first == '|' || first == '>')) {
        size_t end = block_end(scan, line_end(scan, begin), indentation_of(scan, name->begin));
        replace(scan, begin, end, false);
        return;
    }
    if (is_header(name->text) && name->separator != SEPARATOR_WORD) {
        begin = skip_scheme(scan, begin);
        replace_value(scan, begin, line_end(scan, begin), false);
        return;
    }
    replace_value(scan, begin, at(scan, name->end) == '+' ? query_word_end(scan, begin) : word_end(scan, begin), false);
}

/* The value of a member or option with a secret's name. */
static void take_out_value(struct scan *scan, const struct name *name)
{
    struct quote quote = quote_at(scan, name->value);
    int first = at(scan, name->value);

    if (quote.mark) {
        size_t begin = name->value + quote.length, end = quoted_end(scan, begin, quote);
        begin = is_header(name->text) ? skip_scheme(scan, begin) : begin;
        if (name->quote.mark && begin < end && !redact_is_stand_in(slice_make(scan->in.bytes + begin, end - begin)))
            replace(scan, begin, end, true); /* a member of JSON: no shell looks at its value, $ecret is a password there */
        else
            replace_value(scan, begin, end, true);
    } else if (first == '[' && name->separator == SEPARATOR_COLON) {
        take_out_container(scan, name->value);
    } else if (first == '{' && name->separator == SEPARATOR_COLON && name->quote.mark) {
        scan->at = name->value; /* its members have names of their own */
    } else {
        take_out_unquoted(scan, name);
    }
}

/* `data` of a Secret as JSON or YAML, and in broken JSON what is called `value`. */
static bool take_out_data(struct scan *scan, const struct name *name)
{
    int first = at(scan, name->value);
    bool is_member = name->separator == SEPARATOR_COLON;
    bool is_value = scan->broken && name->quote.mark && redact_is_value_name(name->text);

    if (!is_member || !(is_value || redact_is_data_name(name->text)))
        return false;
    if (first == '{' || first == '[') {
        take_out_container(scan, name->value);
        return true;
    }
    if (name->quote.mark) {
        struct quote quote = quote_at(scan, name->value);
        if (quote.mark)
            take_out_value(scan, name);
        else if (is_value && first > 0)
            replace_value(scan, name->value, word_end(scan, name->value), false);
        return true;
    }
    if (is_part_of_a_path(scan, name))
        return false;
    if (scan->broken) { /* newlines may have been escaped, blanks taken off: nothing tells where the block ends */
        scan->in_block = true;
        scan->at = name->value;
        if (scan->at < scan->in.length)
            replace(scan, scan->at, scan->in.length, false);
        return true;
    }
    if (!is_newline(first))
        return false;
    size_t end = block_end(scan, name->value, indentation_of(scan, name->begin));
    if (end <= name->value + 1)
        return false;
    replace(scan, name->value + 1, end, false);
    return true;
}

/* Bearer and a token, wherever they stand. */
static bool take_out_bearer(struct scan *scan, const struct name *name)
{
    size_t begin = skip_blanks(scan, name->end), end = begin;
    bool has_digit = false;

    if (!slice_equal_ascii_nocase(name->text, SLICE("bearer")) || begin == name->end)
        return false;
    for (; shapes_is_base64(at(scan, end)) || at(scan, end) == '.'; end++)
        has_digit = has_digit || (at(scan, end) >= '0' && at(scan, end) <= '9');
    if (!has_digit || end - begin < 8)
        return false;
    replace(scan, begin, end, false);
    return true;
}

static bool is_number(const struct scan *scan, size_t begin, size_t end)
{
    int64_t ignored;
    return begin == end || slice_to_int64(slice_make(scan->in.bytes + begin, end - begin), &ignored);
}

/* scheme://name:password@; where the text is cut off before the @, what is no port. */
static bool take_out_user_info(struct scan *scan, const struct name *name)
{
    enum { LONGEST = 1024 };
    static const char enders[] = "/?#\"'<>` \t\r\n";
    size_t begin = name->end + 3, i = begin, colon = 0;

    if (!has(scan, name->end, "://"))
        return false;
    for (; at(scan, i) > 0 && at(scan, i) != '@' && !memchr(enders, at(scan, i), sizeof enders - 1) && i < begin + LONGEST; i++)
        if (at(scan, i) == ':' && !colon)
            colon = i;
    bool is_cut = colon && i == scan->in.length && !is_number(scan, colon + 1, i);
    if (!colon || (at(scan, i) != '@' && !is_cut))
        return false;
    replace_value(scan, colon + 1, i, false);
    return true;
}

/* Where the word behind an option begins: in a command line, or in the query of an exec. */
static size_t next_word(const struct scan *scan, size_t i)
{
    if (has(scan, i, "&command="))
        return i + sizeof "&command=" - 1;
    if (has(scan, i, "%20"))
        return i + 3;
    return at(scan, i) == '+' ? i + 1 : skip_blanks(scan, i);
}

/* Behind the first colon of the word, plain or escaped; its end if there is none. */
static size_t behind_colon(const struct scan *scan, size_t i, size_t end)
{
    for (; i < end; i++) {
        if (at(scan, i) == ':')
            return i + 1;
        if (has(scan, i, "%3A") || has(scan, i, "%3a"))
            return i + 3;
    }
    return end;
}

/* curl -u name:password; a name of digits alone is a user's number. */
static bool take_out_basic(struct scan *scan, const struct name *name)
{
    size_t word = next_word(scan, name->end);

    if ((!slice_is(name->text, "-u") && !slice_is(name->text, "--user")) || word == name->end)
        return false;
    word += quote_at(scan, word).length;
    size_t end = query_word_end(scan, word), password = behind_colon(scan, word, end);
    if (at(scan, name->end) == ' ' || at(scan, name->end) == '\t')
        end = word_end(scan, word); /* no query: a plus is of the password */
    if (password == word || is_number(scan, password, end))
        return false;
    replace_value(scan, password, end, false);
    return true;
}

/* The same as take_out_user_info in a query, where all of it is escaped: https%3A%2F%2Fname%3Apassword%40host. */
static bool take_out_escaped_user_info(struct scan *scan, const struct name *name)
{
    enum { LONGEST = 1024 };
    size_t begin = name->end + sizeof "%3A%2F%2F" - 1, i = begin;

    if (!has(scan, name->end, "%3A%2F%2F") && !has(scan, name->end, "%3a%2f%2f"))
        return false;
    while (!ends_word(scan, i) && at(scan, i) != '+' && !has(scan, i, "%40") && !has(scan, i, "%2F") && !has(scan, i, "%2f") && i < begin + LONGEST)
        i++;
    size_t password = behind_colon(scan, begin, i);
    if (password == i || !has(scan, i, "%40"))
        return false;
    replace_value(scan, password, i, false);
    return true;
}

/* A newline or tab as JSON's \n or rsyslog's #012 stands before the name and is no part of it. */
static size_t escape_length(const struct scan *scan)
{
    int before = scan->at ? at(scan, scan->at - 1) : -1, c = at(scan, scan->at);

    if (before == '\\' && (c == 'n' || c == 'r' || c == 't'))
        return 1;
    return before == '#' && (has(scan, scan->at, "012") || has(scan, scan->at, "011")) ? 3 : 0;
}

/* Takes out what the name, or the text that begins with it, gives away, and goes on behind it. Where nothing is taken out scan->at stays. */
static void take_out_at(struct scan *scan, const struct name *name)
{
    size_t length = shapes_length(slice_from(scan->in, scan->at), name->end - name->begin);

    if (length) {
        replace(scan, scan->at, scan->at + length, false);
        return;
    }
    if (take_out_data(scan, name) || take_out_bearer(scan, name) || take_out_user_info(scan, name) || take_out_escaped_user_info(scan, name) ||
        take_out_basic(scan, name))
        return;
    if (name->separator != SEPARATOR_NONE && redact_is_secret_name(name->text) && !is_part_of_a_path(scan, name))
        take_out_value(scan, name);
}

/* Every turn gets on: no text may hold a worker for ever. */
static void look_at_run(struct scan *scan)
{
    scan->at += escape_length(scan);
    struct name name = name_at(scan, scan->at);

    take_out_at(scan, &name);
    if (scan->at <= name.begin)
        scan->at = name.end;
}

static void run(struct scan *scan)
{
    while (scan->at < scan->in.length) {
        if (is_name_byte(at(scan, scan->at)))
            look_at_run(scan);
        else
            scan->at++;
    }
    if (scan->changed)
        buffer_append(scan->out, scan->in.bytes + scan->copied, scan->in.length - scan->copied);
}

bool redact_scan(struct slice text, bool broken, struct buffer *out)
{
    struct scan scan = {.in = text, .broken = broken, .out = out};

    run(&scan);
    return scan.changed;
}

bool redact_line(struct slice text, struct buffer *out)
{
    return redact_scan(text, false, out);
}

void redact_bytes(struct slice bytes, bool *in_block, struct buffer *out)
{
    struct slice text = slice_trim(bytes);
    bool is_json = text.length && (text.bytes[0] == '{' || text.bytes[0] == '[');
    struct scan scan = {.in = bytes, .broken = true, .out = out, .in_block = in_block && *in_block && !is_json};

    if (scan.in_block && bytes.length)
        replace(&scan, 0, bytes.length, true);
    else
        run(&scan);
    if (!scan.changed)
        buffer_append_slice(out, bytes);
    if (in_block)
        *in_block = scan.in_block;
}
