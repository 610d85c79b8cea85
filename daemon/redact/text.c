/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets in text of any kind: command lines, URLs, YAML, headers, JSON that is broken, or escaped once or more. scan.h tells how it is read. */
#include "scan.h"

#include "shapes.h"

/* The last part of a path, or a word between colons, as in /etc/passwd:/mnt and system:node-token:x, is a name only where it is quoted; but an annotation
 * of YAML or of a command is one: example.com/api-token: x, example.com/api-token=x. */
static bool is_part_of_a_path(const struct scan *scan, const struct name *name)
{
    size_t begin = name->begin;
    int before = begin ? scan_at(scan, begin - 1) : -1;

    int first = scan_at(scan, name->value);

    if ((before != '/' && before != ':') || name->separator != SEPARATOR_COLON)
        return false;
    if (name->quote.mark && (before == ':' || first == '{' || first == '[' || scan_quote_at(scan, name->value).mark))
        return false;
    if (before == ':' || scan_at(scan, name->value - 1) == ':')
        return true;
    while (begin > 0 && name->begin - begin < SCAN_NEAR_BYTES && (scan_at(scan, begin - 1) == '/' || redact_name_byte_length(slice_from(scan->in, begin - 1))))
        begin--;
    return scan_at(scan, begin) == '/' || !scan_is_first_on_line(scan, begin);
}

/* Bearer and a token, wherever they stand. */
static bool take_out_bearer(struct scan *scan, const struct name *name)
{
    size_t begin = scan_skip_blanks(scan, name->end), end = begin;
    bool has_digit = false;

    if (!slice_equal_ascii_nocase(name->text, SLICE("bearer")) || begin == name->end)
        return false;
    for (; shapes_is_base64(scan_at(scan, end)) || scan_at(scan, end) == '.' || scan_at(scan, end) == '~'; end++)
        has_digit = has_digit || (scan_at(scan, end) >= '0' && scan_at(scan, end) <= '9');
    if (!has_digit || end - begin < 8)
        return false;
    scan_replace(scan, begin, end, false);
    return true;
}

/* <password>x</password> */
static bool take_out_element(struct scan *scan, const struct name *name)
{
    if (!name->begin || scan_at(scan, name->begin - 1) != '<' || scan_at(scan, name->end) != '>' || !redact_is_secret_name(name->text))
        return false;
    size_t begin = name->end + 1;
    ptrdiff_t end = slice_find_byte(slice_from(scan->in, begin), '<');
    scan_replace_value(scan, begin, end < 0 ? scan->in.length : begin + (size_t)end, false, true);
    return true;
}

/* A newline or tab as JSON's \n or rsyslog's #012 stands before the name and is no part of it. */
static size_t escape_length(const struct scan *scan)
{
    int before = scan->at ? scan_at(scan, scan->at - 1) : -1, c = scan_at(scan, scan->at);

    if (before == '\\' && (c == 'n' || c == 'r' || c == 't'))
        return 1;
    return before == '#' && (scan_has(scan, scan->at, "012") || scan_has(scan, scan->at, "011")) ? 3 : 0;
}

/* - --password, in a list of YAML that comes line by line. */
static bool is_option_of_next_piece(const struct scan *scan, const struct name *name)
{
    return scan->broken && name->end + name->quote.length >= scan->in.length && scan_has(scan, name->begin, "--") && scan_is_first_on_line(scan, name->begin) &&
           redact_is_secret_name(name->text);
}

/* Takes out what the name, or the text that begins with it, gives away, and goes on behind it. Where nothing is taken out scan->at stays. */
static void take_out_at(struct scan *scan, const struct name *name)
{
    size_t length = shapes_length(slice_from(scan->in, scan->at), name->end - name->begin);

    if (length) {
        scan->in_block = scan->in_block || (length > name->end - name->begin && scan->at + length == scan->in.length && scan_has(scan, scan->at, "-----BEGIN"));
        scan_replace(scan, scan->at, scan->at + length, false);
        return;
    }
    if (is_option_of_next_piece(scan, name))
        scan->in_block = true;
    if (scan_take_out_members(scan, name) || take_out_bearer(scan, name) || scan_take_out_webhook(scan, name) || scan_take_out_user_info(scan, name) ||
        scan_take_out_echo(scan, name) || scan_take_out_input(scan, name) || take_out_element(scan, name) || scan_take_out_option(scan, name))
        return;
    if (name->separator != SEPARATOR_NONE && redact_is_secret_name(name->text) && !is_part_of_a_path(scan, name))
        scan_take_out_value(scan, name);
}

/* Every turn gets on: no text may hold a worker for ever. */
static void look_at_run(struct scan *scan)
{
    scan->at += escape_length(scan);
    struct name name = scan_name_at(scan, scan->at);

    take_out_at(scan, &name);
    if (scan->at <= name.begin)
        scan->at = name.end > name.begin ? name.end : name.begin + 1;
}

static void run(struct scan *scan)
{
    while (scan->at < scan->in.length) {
        int c = scan_at(scan, scan->at);
        if (redact_name_byte_length(slice_from(scan->in, scan->at))) {
            look_at_run(scan);
            continue;
        }
        if (c == ';' || c == '|' || (c == '\n' && scan_at(scan, scan_skip_blanks(scan, scan->at + 1)) != '-')) /* an item of YAML goes on with the command */
            scan->program = (struct slice){NULL, 0};
        scan->at++;
    }
    if (scan->changed)
        buffer_append(scan->out, scan->in.bytes + scan->copied, scan->in.length - scan->copied);
}

bool redact_scan(struct slice text, const struct redact_hints *hints, struct buffer *out)
{
    struct scan scan = {.in = text, .broken = hints->broken, .echo_is_harmless = hints->echo_is_harmless, .out = out};

    run(&scan);
    return scan.changed;
}

bool redact_line(struct slice text, struct buffer *out)
{
    struct redact_hints hints = {.broken = false};
    return redact_scan(text, &hints, out);
}

void scan_nested(struct scan *scan, size_t begin, size_t end)
{
    struct buffer text = {NULL, 0, 0};

    if (redact_line(scan_slice(scan, begin, end), &text)) {
        buffer_append(scan->out, scan->in.bytes + scan->copied, begin - scan->copied);
        buffer_append_slice(scan->out, buffer_slice(&text));
        scan->copied = end;
        scan->changed = true;
    }
    buffer_free(&text);
    scan->at = end;
}

void redact_bytes(struct slice bytes, bool *in_block, struct buffer *out)
{
    struct slice text = slice_trim(bytes);
    bool is_json = text.length && (text.bytes[0] == '{' || text.bytes[0] == '[');
    bool is_of_secrets = slice_find(bytes, SLICE("secrets\"")) >= 0 || slice_find(bytes, SLICE("secrets\\\"")) >= 0;
    struct scan scan = {.in = bytes, .broken = true, .is_of_secrets = is_of_secrets, .out = out, .in_block = in_block && *in_block && !is_json};

    if (scan.in_block && bytes.length)
        scan_replace(&scan, 0, bytes.length, true);
    else
        run(&scan);
    if (!scan.changed)
        buffer_append_slice(out, bytes);
    if (in_block)
        *in_block = scan.in_block;
}
