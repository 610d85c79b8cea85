/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include "harrier/base/clock.h"

/* WRAPPINGS: heads of the kinds that are known, around each other. */
enum { WORDS_BYTES = 512, WRAPPINGS = 4, ESCAPE = 0x1B, RECORD_SEPARATOR = 0x1E, BLANKS_IN_CRI_HEAD = 3 };

const char audit_unread_event[] = "text that names an audit event (auditID, audit.k8s.io), and none was found in it: JSON in quotes, or behind too many words";

/* --- names ------------------------------------------------------------------------------------------------------------------------ */

/* The length up to the end of the first name; 0: there is none. A slash may be escaped, and whoever speaks of the group in general names no version. */
static size_t first_name_end(struct slice text)
{
    static const char *const names[] = {"auditID", "audit.k8s.io/", "audit.k8s.io\\"};
    size_t first = 0;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct slice name = slice_of(names[i]);
        ptrdiff_t at = slice_find(text, name);
        if (at >= 0 && (first == 0 || (size_t)at + name.length < first))
            first = (size_t)at + name.length;
    }
    return first;
}

bool audit_names_event(struct slice text)
{
    return first_name_end(text) > 0;
}

size_t audit_search_names(struct audit_name_search *search, struct slice bytes)
{
    char border[2 * sizeof search->before];
    struct slice head = slice_first(bytes, sizeof search->before);
    size_t length = search->length;

    if (bytes.length == 0)
        return 0;
    memcpy(border, search->before, length);
    memcpy(border + length, head.bytes, head.length);
    struct slice joined = slice_make(border, length + head.length);
    size_t over_border = first_name_end(joined), within = first_name_end(bytes);
    struct slice end = bytes.length >= sizeof search->before ? bytes : joined;
    end = slice_from(end, end.length > sizeof search->before ? end.length - sizeof search->before : 0);
    memcpy(search->before, end.bytes, end.length);
    search->length = end.length;
    return over_border > length ? over_border - length : within;
}

/* --- a container's line ---------------------------------------------------------------------------------------------------------- */

static struct slice take_word(struct slice *rest)
{
    ptrdiff_t blank = slice_find_byte(*rest, ' ');
    struct slice word = blank < 0 ? *rest : slice_first(*rest, (size_t)blank);

    *rest = slice_from(*rest, word.length + 1);
    return word;
}

/* Tags are separated by colons, and the first one is P or F. */
static bool tag_is(struct slice tags, char tag)
{
    return tags.length >= 1 && tags.bytes[0] == tag && (tags.length == 1 || tags.bytes[1] == ':');
}

/* The length up to the third blank; 0: it is not there. */
static size_t cri_head_length(struct slice line)
{
    size_t blanks = 0;

    for (size_t i = 0; i < line.length && line.bytes[i] != '\n'; i++) {
        blanks += line.bytes[i] == ' ';
        if (blanks == BLANKS_IN_CRI_HEAD)
            return i + 1;
    }
    return 0;
}

enum audit_text_content audit_read_cri_head(struct slice line, bool whole, struct audit_cri_head *head)
{
    struct slice rest = slice_first(line, AUDIT_CRI_HEAD_BYTES);
    clock_nanos ignored;

    *head = (struct audit_cri_head){.length = cri_head_length(rest)};
    if (line.length && !cursor_is_digit(line.bytes[0]))
        return AUDIT_TEXT_NONE;
    if (head->length == 0)
        return whole || rest.length == AUDIT_CRI_HEAD_BYTES || slice_find_byte(rest, '\n') >= 0 ? AUDIT_TEXT_NONE : AUDIT_TEXT_UNKNOWN;
    struct slice instant = take_word(&rest);
    struct slice stream = take_word(&rest);
    struct slice tags = take_word(&rest);
    head->is_stderr = slice_is(stream, "stderr");
    head->is_part = tag_is(tags, 'P');
    bool is_head = (head->is_stderr || slice_is(stream, "stdout")) && (head->is_part || tag_is(tags, 'F')) && clock_parse_rfc3339(instant, &ignored);
    return is_head ? AUDIT_TEXT_FOUND : AUDIT_TEXT_NONE;
}

static bool read_cri_head(struct cursor *cursor, struct audit_cri_head *head)
{
    enum audit_text_content content = audit_read_cri_head(slice_from(cursor->bytes, cursor->at), false, head);

    cursor->missing |= content == AUDIT_TEXT_UNKNOWN;
    return content == AUDIT_TEXT_FOUND;
}

bool text_is_at_cri_head(struct cursor *cursor)
{
    struct audit_cri_head head;
    return read_cri_head(cursor, &head);
}

/* --- what JSON begins with ------------------------------------------------------------------------------------------------------- */

/* The first byte behind blanks, from `ahead` on. */
static int peek_behind_blanks(struct cursor *cursor, size_t *ahead)
{
    while (cursor_is_blank(cursor_peek_at(cursor, *ahead)))
        ++*ahead;
    return cursor_peek_at(cursor, *ahead);
}

/* JSON in JSON: a string in whose text an object stands, as who quotes a whole line makes it. Whoever reads the string looks closer. */
static bool begins_enclosed_json(struct cursor *cursor, size_t ahead)
{
    if (cursor_peek_at(cursor, ahead) != '"')
        return false;
    for (size_t end = ++ahead + WORDS_BYTES; ahead < end; ahead++) {
        int byte = cursor_peek_at(cursor, ahead);
        if (byte == CURSOR_END || byte == '"')
            return false;
        if (byte == '{' && cursor_peek_at(cursor, ahead + 1) == '\\' && cursor_peek_at(cursor, ahead + 2) == '"')
            return true;
        ahead += byte == '\\';
    }
    return false;
}

/* "[" alone is too little: the kernel's lines begin with [12345.678901]. The list may begin on a line of its own. */
static bool begins_json(struct cursor *cursor)
{
    size_t ahead = 1;
    int first = cursor_peek(cursor);

    if (first == '"')
        return begins_enclosed_json(cursor, 0);
    if (first != '[')
        return first == '{';
    int next = peek_behind_blanks(cursor, &ahead);
    return next == '{' || next == '[' || next == CURSOR_END || begins_enclosed_json(cursor, ahead);
}

/* Behind a logger's words: an object with a first member, or a list of one. */
static bool begins_object(struct cursor *cursor)
{
    size_t ahead = 0;

    if (cursor_peek(cursor) == '[') {
        ahead++;
        peek_behind_blanks(cursor, &ahead);
    }
    if (cursor_peek_at(cursor, ahead) != '{')
        return false;
    ahead++;
    return peek_behind_blanks(cursor, &ahead) == '"';
}

/* --- what stands in front of it -------------------------------------------------------------------------------------------------- */

/* ESC [, parameters, one letter (ECMA-48 section 5.4). */
static bool skip_escape(struct cursor *cursor)
{
    size_t ahead = 2;
    int byte;

    if (cursor_peek(cursor) != ESCAPE || cursor_peek_at(cursor, 1) != '[')
        return false;
    while ((byte = cursor_peek_at(cursor, ahead)) >= 0x20 && byte <= 0x3F)
        ahead++;
    if (byte < 0x40 || byte > 0x7E)
        return false;
    cursor->at += ahead + 1;
    return true;
}

static bool skip_mark(struct cursor *cursor)
{
    switch (cursor_peek(cursor)) {
    case 0xEF: return cursor_take_text(cursor, SLICE("\xEF\xBB\xBF"));
    case '@': return cursor_take_text(cursor, SLICE("@cee:"));
    case RECORD_SEPARATOR: cursor->at++; return true;
    default: return skip_escape(cursor);
    }
}

void text_skip_dressing(struct cursor *cursor)
{
    do
        cursor_skip_blanks(cursor);
    while (skip_mark(cursor));
}

bool text_is_at_json(struct cursor *cursor)
{
    struct cursor ahead = *cursor;
    bool is_there = cursor_peek(cursor) == CURSOR_END || skip_mark(&ahead) || begins_json(&ahead);

    cursor->missing |= ahead.missing;
    return is_there;
}

static bool ends_word(int byte)
{
    return cursor_is_blank(byte) || (byte > 0 && strchr(":])|=>,;-", byte));
}

static bool is_quote(int byte)
{
    return byte == '"' || byte == '\'' || byte == '`' || byte == '\\';
}

static bool skip_words(struct cursor *cursor)
{
    size_t from = cursor->at;
    int before = CURSOR_END, byte;

    while (cursor->at - from < WORDS_BYTES) {
        if (skip_escape(cursor)) {
            before = ' ';
            continue;
        }
        byte = cursor_peek(cursor);
        if (ends_word(before) && (byte == '{' || byte == '[') && begins_object(cursor))
            return true;
        if (byte == CURSOR_END || byte == '\n' || is_quote(byte))
            return false;
        before = byte;
        cursor->at++;
    }
    return false;
}

/* A head of a kind that is known. */
static bool skip_wrapping(struct cursor *cursor)
{
    struct syslog_beginning ignored = {0};
    struct audit_cri_head cri;

    if (read_cri_head(cursor, &cri)) {
        cursor->at += cri.length;
        return true;
    }
    return cursor_peek(cursor) == '<' && syslog_take_header(cursor, &ignored);
}

bool text_find_json(struct cursor *cursor, bool *behind_words)
{
    *behind_words = false;
    text_skip_dressing(cursor);
    for (int i = 0; i < WRAPPINGS && skip_wrapping(cursor); i++)
        text_skip_dressing(cursor);
    if (begins_json(cursor))
        return true;
    size_t from = cursor->at;
    *behind_words = skip_words(cursor);
    if (!*behind_words)
        cursor->at = from;
    return *behind_words;
}

enum audit_text_content audit_find_json(struct slice line, bool whole, struct audit_json_place *place)
{
    struct cursor cursor = {.bytes = slice_first(line, AUDIT_TEXT_BYTES)};
    bool found = text_find_json(&cursor, &place->behind_words);

    place->at = cursor.at;
    if (cursor.missing && !whole && line.length < AUDIT_TEXT_BYTES)
        return AUDIT_TEXT_UNKNOWN;
    return found ? AUDIT_TEXT_FOUND : AUDIT_TEXT_NONE;
}
