/* SPDX-License-Identifier: Apache-2.0 */
/* What stands before the text of a message. Senders take liberties with every part of it, so nothing here is an error: what is not recognized is
 * where the text begins. A word that begins as JSON does is never taken for a part of the header. */
#include "text.h"

/* --- words ----------------------------------------------------------------------------------------------------------------------------- */

/* Up to a blank, which is taken too. "-" is RFC 5424's for nothing. */
static struct slice take_word(struct cursor *cursor)
{
    size_t from = cursor->at;

    while (cursor_peek(cursor) != CURSOR_END && !cursor_is_blank(cursor_peek(cursor)))
        cursor->at++;
    struct slice word = slice_make(cursor->bytes.bytes + from, cursor->at - from);
    if (cursor_peek(cursor) == ' ')
        cursor->at++;
    return slice_is(word, "-") ? slice_make(NULL, 0) : word;
}

/* --- RFC 5424 -------------------------------------------------------------------------------------------------------------------------- */

/* PARAM-VALUE with its quotes (section 6.3.3): escapes are kept. */
static bool take_value(struct cursor *cursor, struct slice *value)
{
    if (!cursor_take_byte(cursor, '"'))
        return false;
    size_t from = cursor->at;
    while (cursor_peek(cursor) != '"') {
        if (cursor_peek(cursor) == '\\')
            cursor->at++;
        if (cursor_peek(cursor) == CURSOR_END)
            return false;
        cursor->at++;
    }
    *value = slice_make(cursor->bytes.bytes + from, cursor->at - from);
    cursor->at++;
    return true;
}

static struct slice take_name(struct cursor *cursor)
{
    size_t from = cursor->at;
    int byte;

    while ((byte = cursor_peek(cursor)) != CURSOR_END && !cursor_is_blank(byte) && byte != '=' && byte != ']' && byte != '"')
        cursor->at++;
    return slice_make(cursor->bytes.bytes + from, cursor->at - from);
}

/* SD-ELEMENT after its "[". */
static bool take_element(struct cursor *cursor, struct slice *cluster)
{
    take_name(cursor);
    while (cursor_peek(cursor) == ' ') {
        struct slice value;
        cursor_skip_blanks(cursor);
        if (cursor_peek(cursor) == ']')
            break;
        struct slice name = take_name(cursor);
        if (!cursor_take_byte(cursor, '=') || !take_value(cursor, &value))
            return false;
        if (slice_is(name, "cluster") && !cluster->bytes)
            *cluster = value;
    }
    return cursor_take_byte(cursor, ']');
}

/* False: an element is not well-formed, and nothing in any of them is believed. The cursor then stays where they begin. */
static bool take_structured_data(struct cursor *cursor, struct slice *cluster)
{
    size_t from = cursor->at;

    if (cursor_take_byte(cursor, '-'))
        return true;
    while (cursor_take_byte(cursor, '['))
        if (!take_element(cursor, cluster)) {
            cursor->at = from;
            *cluster = slice_make(NULL, 0);
            return false;
        }
    return true;
}

/* VERSION SP TIMESTAMP SP HOSTNAME SP APP-NAME SP PROCID SP MSGID SP STRUCTURED-DATA (section 6); false: another format. */
static bool take_5424(struct cursor *cursor, struct syslog_beginning *beginning)
{
    struct slice ignored;
    struct slice *const words[] = {&ignored, &beginning->hostname, &beginning->app, &ignored, &ignored};

    if (!cursor_take_text(cursor, SLICE("1 ")))
        return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (text_is_at_json(cursor))
            return true;
        *words[i] = take_word(cursor);
    }
    beginning->damaged = !take_structured_data(cursor, &beginning->cluster);
    return true;
}

/* --- RFC 3164 and rsyslog's forward format --------------------------------------------------------------------------------------------- */

static bool take_month(struct cursor *cursor)
{
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

    for (size_t i = 0; i < 12; i++)
        if (cursor_take_text(cursor, slice_make(months[i], 3)))
            return true;
    return false;
}

/* "Nov  4 04:46:20 ", some with a year before or a fraction after the time (section 4.1.2). */
static bool take_old_time(struct cursor *cursor)
{
    if (!take_month(cursor) || !cursor_take_byte(cursor, ' '))
        return false;
    cursor_skip_blanks(cursor);
    if (!cursor_skip_digits(cursor, 2) || !cursor_take_byte(cursor, ' '))
        return false;
    if (cursor_is_digit(cursor_peek(cursor)) && cursor_is_digit(cursor_peek_at(cursor, 2)) && cursor_peek_at(cursor, 4) == ' ')
        cursor->at += 5;
    if (!cursor_is_digit(cursor_peek(cursor)))
        return false;
    take_word(cursor);
    return true;
}

/* "2026-11-24T04:46:20.123456+01:00 " */
static bool take_iso_time(struct cursor *cursor)
{
    if (!cursor_skip_digits(cursor, 4) || !cursor_take_byte(cursor, '-') || !cursor_skip_digits(cursor, 2) || !cursor_take_byte(cursor, '-') || !cursor_skip_digits(cursor, 2))
        return false;
    take_word(cursor);
    return true;
}

static bool take_time(struct cursor *cursor)
{
    size_t from = cursor->at;

    if (cursor_is_digit(cursor_peek(cursor)) ? take_iso_time(cursor) : take_old_time(cursor))
        return true;
    cursor->at = from;
    return false;
}

/* A host or a tag, up to the blank after it or the colon that ends a tag: one that a blank or the text follows, as IPv6 addresses and some tags have
 * colons inside. True: it was the colon. */
static bool take_host_or_tag(struct cursor *cursor, struct slice *word)
{
    size_t from = cursor->at;
    bool colon = false;
    int byte;

    while (!colon && (byte = cursor_peek(cursor)) != CURSOR_END && !cursor_is_blank(byte)) {
        if (byte == ':') {
            int next = cursor_peek_at(cursor, 1);
            colon = next == CURSOR_END || cursor_is_blank(next) || next == '{' || next == '[' || next == '@';
        }
        cursor->at++;
    }
    *word = slice_make(cursor->bytes.bytes + from, cursor->at - from - colon);
    return colon;
}

/* A tag's process id is left away. */
static struct slice app_of(struct slice tag)
{
    ptrdiff_t bracket = slice_find_byte(tag, '[');
    return bracket < 0 ? tag : slice_first(tag, (size_t)bracket);
}

/* HOSTNAME SP TAG, of which either may be missing: what ends with a colon is the tag. */
static void take_host_and_tag(struct cursor *cursor, struct syslog_beginning *beginning)
{
    struct slice word;

    if (text_is_at_json(cursor))
        return;
    if (take_host_or_tag(cursor, &word)) {
        beginning->app = app_of(word);
        return;
    }
    beginning->hostname = word;
    cursor_skip_blanks(cursor);
    if (text_is_at_json(cursor))
        return;
    take_host_or_tag(cursor, &word);
    beginning->app = app_of(word);
}

static bool take_priority(struct cursor *cursor)
{
    size_t from = cursor->at;

    if (cursor_take_byte(cursor, '<') && cursor_skip_digits(cursor, 3) && cursor_take_byte(cursor, '>'))
        return true;
    cursor->at = from;
    return false;
}

bool syslog_take_header(struct cursor *cursor, struct syslog_beginning *beginning)
{
    if (!take_priority(cursor))
        return false;
    if (take_5424(cursor, beginning))
        return true;
    cursor_skip_blanks(cursor);
    if (text_is_at_cri_head(cursor))
        return true;
    take_time(cursor);
    take_host_and_tag(cursor, beginning);
    return true;
}

/* A line without priority has a header if it begins with a time, as lines of log files do. */
static void take_header(struct cursor *cursor, struct syslog_beginning *beginning)
{
    if (syslog_take_header(cursor, beginning) || text_is_at_cri_head(cursor))
        return;
    if (take_time(cursor))
        take_host_and_tag(cursor, beginning);
}

/* What stands between the header and JSON is for who reads the text; a part of a container's line need not have JSON. */
enum syslog_content syslog_read_beginning(struct slice message, bool whole, struct syslog_beginning *beginning)
{
    struct cursor cursor = {.bytes = message};
    bool ignored;

    *beginning = (struct syslog_beginning){0};
    take_header(&cursor, beginning);
    text_skip_dressing(&cursor);
    beginning->text = cursor.at;
    bool json = text_is_at_cri_head(&cursor) || text_find_json(&cursor, &ignored);
    if (cursor.missing && !whole)
        return SYSLOG_CONTENT_UNKNOWN;
    return json || beginning->damaged ? SYSLOG_CONTENT_JSON : SYSLOG_CONTENT_OTHER;
}
