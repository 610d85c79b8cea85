/* SPDX-License-Identifier: Apache-2.0 */
/* What stands before the text of a message. Senders take liberties with every part of it, so nothing here is an error: what is not recognized is
 * where the text begins. A word that begins as JSON does is never taken for a part of the header. */
#include "daemon/source/syslog_header.h"

/* Reading beyond the end sets `missing`: whatever was decided then counts only if the message is whole. So the answer cannot depend on how much
 * of the message has come. */
struct cursor {
    struct slice bytes;
    size_t at;
    bool missing;
};

enum { END = -1 };

static int peek_at(struct cursor *cursor, size_t ahead)
{
    if (cursor->at + ahead < cursor->bytes.length)
        return (unsigned char)cursor->bytes.bytes[cursor->at + ahead];
    cursor->missing = true;
    return END;
}

static int peek(struct cursor *cursor)
{
    return peek_at(cursor, 0);
}

static bool is_digit(int byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_blank(int byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static bool take_byte(struct cursor *cursor, char byte)
{
    if (peek(cursor) != (unsigned char)byte)
        return false;
    cursor->at++;
    return true;
}

static bool take_text(struct cursor *cursor, struct slice text)
{
    for (size_t i = 0; i < text.length; i++)
        if (peek_at(cursor, i) != (unsigned char)text.bytes[i])
            return false;
    cursor->at += text.length;
    return true;
}

static void skip_blanks(struct cursor *cursor)
{
    while (is_blank(peek(cursor)))
        cursor->at++;
}

static bool skip_digits(struct cursor *cursor, size_t most)
{
    size_t count = 0;

    while (count < most && is_digit(peek(cursor))) {
        cursor->at++;
        count++;
    }
    return count > 0;
}

/* --- the text -------------------------------------------------------------------------------------------------------------------------- */

/* "[" alone is too little: the kernel's lines begin with [12345.678901]. */
static bool begins_json(struct cursor *cursor)
{
    size_t ahead = 1;

    if (peek(cursor) == '{')
        return true;
    if (peek(cursor) != '[')
        return false;
    while (is_blank(peek_at(cursor, ahead)))
        ahead++;
    int next = peek_at(cursor, ahead);
    return next == '{' || next == '[';
}

/* Blanks, byte order mark (RFC 5424 section 6.4), and the cookie of CEE. */
static void skip_before_text(struct cursor *cursor)
{
    skip_blanks(cursor);
    if (take_text(cursor, SLICE("\xEF\xBB\xBF")))
        skip_blanks(cursor);
    if (take_text(cursor, SLICE("@cee:")))
        skip_blanks(cursor);
}

static bool at_text(struct cursor *cursor)
{
    int first = peek(cursor);
    struct cursor ahead = *cursor;
    bool is_text = first == END || first == '{' || (first == '[' && begins_json(&ahead)) || (first == '@' && take_text(&ahead, SLICE("@cee:"))) ||
                   (first == 0xEF && take_text(&ahead, SLICE("\xEF\xBB\xBF")));

    cursor->missing |= ahead.missing;
    return is_text;
}

/* --- words ----------------------------------------------------------------------------------------------------------------------------- */

/* Up to a blank, which is taken too. "-" is RFC 5424's for nothing. */
static struct slice take_word(struct cursor *cursor)
{
    size_t from = cursor->at;

    while (peek(cursor) != END && !is_blank(peek(cursor)))
        cursor->at++;
    struct slice word = slice_make(cursor->bytes.bytes + from, cursor->at - from);
    if (peek(cursor) == ' ')
        cursor->at++;
    return slice_is(word, "-") ? slice_make(NULL, 0) : word;
}

/* --- RFC 5424 -------------------------------------------------------------------------------------------------------------------------- */

/* PARAM-VALUE with its quotes (section 6.3.3): escapes are kept. */
static bool take_value(struct cursor *cursor, struct slice *value)
{
    if (!take_byte(cursor, '"'))
        return false;
    size_t from = cursor->at;
    while (peek(cursor) != '"') {
        if (peek(cursor) == '\\')
            cursor->at++;
        if (peek(cursor) == END)
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

    while ((byte = peek(cursor)) != END && !is_blank(byte) && byte != '=' && byte != ']' && byte != '"')
        cursor->at++;
    return slice_make(cursor->bytes.bytes + from, cursor->at - from);
}

/* SD-ELEMENT after its "[". */
static bool take_element(struct cursor *cursor, struct slice *cluster)
{
    take_name(cursor);
    while (peek(cursor) == ' ') {
        struct slice value;
        skip_blanks(cursor);
        if (peek(cursor) == ']')
            break;
        struct slice name = take_name(cursor);
        if (!take_byte(cursor, '=') || !take_value(cursor, &value))
            return false;
        if (slice_is(name, "cluster") && !cluster->bytes)
            *cluster = value;
    }
    return take_byte(cursor, ']');
}

/* False: an element is not well-formed, and nothing in any of them is believed. The cursor then stays where they begin. */
static bool take_structured_data(struct cursor *cursor, struct slice *cluster)
{
    size_t from = cursor->at;

    if (take_byte(cursor, '-'))
        return true;
    while (take_byte(cursor, '['))
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

    if (!take_text(cursor, SLICE("1 ")))
        return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (at_text(cursor))
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
        if (take_text(cursor, slice_make(months[i], 3)))
            return true;
    return false;
}

/* "Nov  4 04:46:20 ", some with a year before or a fraction after the time (section 4.1.2). */
static bool take_old_time(struct cursor *cursor)
{
    if (!take_month(cursor) || !take_byte(cursor, ' '))
        return false;
    skip_blanks(cursor);
    if (!skip_digits(cursor, 2) || !take_byte(cursor, ' '))
        return false;
    if (is_digit(peek(cursor)) && is_digit(peek_at(cursor, 2)) && peek_at(cursor, 4) == ' ')
        cursor->at += 5;
    if (!is_digit(peek(cursor)))
        return false;
    take_word(cursor);
    return true;
}

/* "2026-11-24T04:46:20.123456+01:00 " */
static bool take_iso_time(struct cursor *cursor)
{
    if (!skip_digits(cursor, 4) || !take_byte(cursor, '-') || !skip_digits(cursor, 2) || !take_byte(cursor, '-') || !skip_digits(cursor, 2))
        return false;
    take_word(cursor);
    return true;
}

static bool take_time(struct cursor *cursor)
{
    size_t from = cursor->at;

    if (is_digit(peek(cursor)) ? take_iso_time(cursor) : take_old_time(cursor))
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

    while (!colon && (byte = peek(cursor)) != END && !is_blank(byte)) {
        if (byte == ':') {
            int next = peek_at(cursor, 1);
            colon = next == END || is_blank(next) || next == '{' || next == '[' || next == '@';
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

    if (at_text(cursor))
        return;
    if (take_host_or_tag(cursor, &word)) {
        beginning->app = app_of(word);
        return;
    }
    beginning->hostname = word;
    skip_blanks(cursor);
    if (at_text(cursor))
        return;
    take_host_or_tag(cursor, &word);
    beginning->app = app_of(word);
}

static bool take_priority(struct cursor *cursor)
{
    size_t from = cursor->at;

    if (take_byte(cursor, '<') && skip_digits(cursor, 3) && take_byte(cursor, '>'))
        return true;
    cursor->at = from;
    return false;
}

/* A line without priority has a header if it begins with a time, as lines of log files do. */
static void take_header(struct cursor *cursor, struct syslog_beginning *beginning)
{
    bool has_priority = take_priority(cursor);

    if (has_priority && take_5424(cursor, beginning))
        return;
    if (has_priority)
        skip_blanks(cursor);
    if (take_time(cursor) || has_priority)
        take_host_and_tag(cursor, beginning);
}

enum syslog_content syslog_read_beginning(struct slice message, bool whole, struct syslog_beginning *beginning)
{
    struct cursor cursor = {.bytes = message};

    *beginning = (struct syslog_beginning){0};
    take_header(&cursor, beginning);
    skip_before_text(&cursor);
    bool json = begins_json(&cursor);
    beginning->text = cursor.at;
    if (cursor.missing && !whole)
        return SYSLOG_CONTENT_UNKNOWN;
    return json || beginning->damaged ? SYSLOG_CONTENT_JSON : SYSLOG_CONTENT_OTHER;
}
