/* SPDX-License-Identifier: Apache-2.0 */
/* Framing of syslog over streams, and the texts of the messages. */
#include "harrier/syslog.h"

#include "daemon/source/syslog_header.h"
#include "harrier/buffer.h"
#include "harrier/memory.h"

#include <stdlib.h>

enum { LENGTH_DIGITS = 9, KEPT_HEAD_CAPACITY = 4096, FIRST_TRY = 64 };

const struct syslog_limits syslog_default_limits = {.message_bytes = SYSLOG_MESSAGE_BYTES_MOST};

/* A message's way: BETWEEN → (LENGTH →) HEAD → (HELD →) TEXT → BETWEEN, or from HEAD through OTHER. */
enum reader_state {
    READER_BETWEEN,
    READER_LENGTH, /* inside the digits of a counted message */
    READER_HEAD,   /* what the header is cannot be said yet */
    READER_HELD,   /* the beginning of the text came with the header, and is in `head` */
    READER_TEXT,
    READER_OTHER, /* skipped over */
    READER_CUT,   /* the rest of a line that is too long is skipped over */
    READER_BROKEN
};

/* `head` holds a header that came in pieces. It is read again each time it has doubled, so that single bytes cost no more than whole pieces. */
struct syslog_reader {
    struct syslog_limits limits;
    enum reader_state state;
    bool counted;         /* the message in hand, or the last one, came with its length */
    bool ended;           /* nothing more comes */
    uint64_t left;        /* of a counted message */
    uint64_t taken;       /* of the message */
    uint64_t length;      /* in LENGTH */
    unsigned int digits;  /* in LENGTH */
    struct buffer head;
    size_t next_try;      /* length of head at which it is read again */
    size_t text_at;       /* in HELD */
    struct buffer names;  /* hostname, app and cluster, which header points into */
    struct syslog_header header;
    struct syslog_counts counts;
    const char *error;
};

struct syslog_reader *syslog_reader_new(const struct syslog_limits *limits)
{
    struct syslog_reader *reader = xcalloc(1, sizeof *reader);

    reader->limits = *limits;
    if (reader->limits.message_bytes == 0 || reader->limits.message_bytes > SYSLOG_MESSAGE_BYTES_MOST)
        reader->limits.message_bytes = SYSLOG_MESSAGE_BYTES_MOST;
    if (reader->limits.message_bytes < SYSLOG_HEADER_BYTES)
        reader->limits.message_bytes = SYSLOG_HEADER_BYTES;
    return reader;
}

void syslog_reader_free(struct syslog_reader *reader)
{
    if (!reader)
        return;
    buffer_free(&reader->head);
    buffer_free(&reader->names);
    free(reader);
}

bool syslog_reader_is_between(const struct syslog_reader *reader)
{
    return reader->state == READER_BETWEEN;
}

const struct syslog_header *syslog_reader_header(const struct syslog_reader *reader)
{
    return &reader->header;
}

const char *syslog_reader_error(const struct syslog_reader *reader)
{
    return reader->error ? reader->error : "";
}

const struct syslog_counts *syslog_reader_counts(const struct syslog_reader *reader)
{
    return &reader->counts;
}

void syslog_reader_finish(struct syslog_reader *reader)
{
    reader->ended = true;
}

static struct slice take(struct slice *bytes, size_t length)
{
    struct slice taken = slice_first(*bytes, length);
    *bytes = slice_from(*bytes, length);
    return taken;
}

static enum syslog_step broken(struct syslog_reader *reader, const char *error)
{
    reader->state = READER_BROKEN;
    reader->error = error;
    reader->counts.broken++;
    return SYSLOG_BROKEN;
}

/* --- between messages ------------------------------------------------------------------------------------------------------------------ */

static void begin_message(struct syslog_reader *reader, bool counted, uint64_t length)
{
    reader->state = READER_HEAD;
    reader->counted = counted;
    reader->left = length;
    reader->taken = 0;
    reader->next_try = FIRST_TRY;
}

void syslog_reader_frame(struct syslog_reader *reader, uint64_t length)
{
    begin_message(reader, true, length);
}

static bool is_filler(char byte)
{
    return byte == '\n' || byte == '\r' || byte == ' ' || byte == '\t' || byte == '\0';
}

/* After a counted message only another one or a line with a priority can begin: anything else means that its length was wrong. */
static enum syslog_step find_message(struct syslog_reader *reader, struct slice *bytes)
{
    size_t at = 0;

    while (at < bytes->length && is_filler(bytes->bytes[at]))
        at++;
    take(bytes, at);
    if (bytes->length == 0)
        return SYSLOG_MORE;
    char first = bytes->bytes[0];
    if (first >= '0' && first <= '9') {
        reader->state = READER_LENGTH;
        reader->length = 0;
        reader->digits = 0;
    } else if (first != '<' && reader->counted) {
        return broken(reader, "what follows a counted message is no message: its length was wrong");
    } else {
        begin_message(reader, false, 0);
    }
    return SYSLOG_MORE;
}

/* MSG-LEN SP: no leading zero (RFC 6587 section 3.4.1). */
static enum syslog_step read_length(struct syslog_reader *reader, struct slice *bytes)
{
    while (bytes->length) {
        char byte = take(bytes, 1).bytes[0];
        if (byte == ' ') {
            if (reader->length > reader->limits.message_bytes)
                return broken(reader, "a message is longer than is allowed");
            begin_message(reader, true, reader->length);
            return SYSLOG_MORE;
        }
        if (byte < '0' || byte > '9')
            return broken(reader, "a line begins with a digit that begins no length");
        if (byte == '0' && reader->digits == 0)
            return broken(reader, "a length begins with 0");
        if (reader->digits == LENGTH_DIGITS)
            return broken(reader, "a length has more than nine digits");
        reader->length = reader->length * 10 + (uint64_t)(byte - '0');
        reader->digits++;
    }
    if (!reader->ended)
        return SYSLOG_MORE;
    reader->counts.cut++;
    reader->state = READER_BETWEEN;
    return SYSLOG_MORE;
}

/* --- inside a message ------------------------------------------------------------------------------------------------------------------ */

/* What of bytes is the message's; *ends: it has no more after that. A line's LF is not in it. */
static struct slice message_part(const struct syslog_reader *reader, struct slice bytes, bool *ends)
{
    if (reader->counted) {
        *ends = bytes.length >= reader->left || reader->ended;
        return slice_first(bytes, reader->left < bytes.length ? (size_t)reader->left : bytes.length);
    }
    ptrdiff_t end = slice_find_byte(bytes, '\n');
    *ends = end >= 0 || reader->ended;
    return end < 0 ? bytes : slice_first(bytes, (size_t)end);
}

static struct slice take_part(struct syslog_reader *reader, struct slice *bytes, size_t length)
{
    reader->taken += length;
    if (reader->counted)
        reader->left -= length;
    return take(bytes, length);
}

static enum syslog_step end_message(struct syslog_reader *reader, struct slice *bytes, enum syslog_step step)
{
    if (reader->counted && reader->left)
        reader->counts.cut++;
    if (!reader->counted && bytes->length)
        take(bytes, 1);
    if (step == SYSLOG_OTHER)
        reader->counts.other++;
    buffer_reset(&reader->head, KEPT_HEAD_CAPACITY);
    reader->state = READER_BETWEEN;
    return step;
}

static enum syslog_step read_text(struct syslog_reader *reader, struct slice *bytes, struct slice *text)
{
    uint64_t allowed = reader->taken < reader->limits.message_bytes ? reader->limits.message_bytes - reader->taken : 0;
    bool ends;
    struct slice part = message_part(reader, *bytes, &ends);

    if (part.length && !allowed) {
        reader->counts.cut++;
        reader->state = READER_CUT;
        return SYSLOG_END;
    }
    if (part.length) {
        *text = take_part(reader, bytes, part.length < allowed ? part.length : (size_t)allowed);
        return SYSLOG_TEXT;
    }
    return ends ? end_message(reader, bytes, SYSLOG_END) : SYSLOG_MORE;
}

/* To the message's end, which is the step (MORE: it has been said already). */
static enum syslog_step skip(struct syslog_reader *reader, struct slice *bytes, enum syslog_step step)
{
    bool ends;
    struct slice part = message_part(reader, *bytes, &ends);

    take_part(reader, bytes, part.length);
    return ends ? end_message(reader, bytes, step) : SYSLOG_MORE;
}

/* --- the header ------------------------------------------------------------------------------------------------------------------------ */

static struct slice keep_name(struct buffer *names, struct slice name, bool escaped)
{
    size_t from = names->length;

    for (size_t i = 0; i < name.length; i++) {
        /* RFC 5424 section 6.3.3: a backslash before another character stands for itself */
        bool escape = escaped && name.bytes[i] == '\\' && i + 1 < name.length &&
                      (name.bytes[i + 1] == '"' || name.bytes[i + 1] == '\\' || name.bytes[i + 1] == ']');
        buffer_append_byte(names, name.bytes[i += escape]);
    }
    return slice_make(names->bytes + from, names->length - from);
}

static void keep_header(struct syslog_reader *reader, const struct syslog_beginning *beginning)
{
    struct buffer *names = &reader->names;

    buffer_reset(names, KEPT_HEAD_CAPACITY);
    buffer_reserve(names, beginning->hostname.length + beginning->app.length + beginning->cluster.length);
    reader->header.hostname = keep_name(names, beginning->hostname, false);
    reader->header.app = keep_name(names, beginning->app, false);
    reader->header.cluster = keep_name(names, beginning->cluster, true);
}

/* The header is known, or given up on. */
static enum syslog_step decide(struct syslog_reader *reader, enum syslog_content content, const struct syslog_beginning *beginning)
{
    static const struct syslog_beginning nothing;

    if (content == SYSLOG_CONTENT_OTHER) {
        reader->state = READER_OTHER;
        return SYSLOG_MORE;
    }
    if (content == SYSLOG_CONTENT_UNKNOWN) {
        reader->counts.long_headers++;
        beginning = &nothing;
    }
    keep_header(reader, beginning);
    reader->text_at = beginning->text;
    reader->state = reader->head.length > reader->text_at ? READER_HELD : READER_TEXT;
    reader->counts.messages++;
    return SYSLOG_BEGIN;
}

/* The answer must not depend on the pieces: what is undecided after exactly SYSLOG_HEADER_BYTES is given up on, also where the message's end is in
 * sight. */
static enum syslog_step read_head(struct syslog_reader *reader, struct slice *bytes)
{
    struct syslog_beginning beginning;
    bool ends;
    struct slice part = message_part(reader, slice_first(*bytes, SYSLOG_HEADER_BYTES), &ends);
    size_t room = SYSLOG_HEADER_BYTES - reader->head.length;
    bool whole = ends && part.length < room;
    bool full = part.length >= room;

    if (reader->head.length == 0) {
        enum syslog_content content = syslog_read_beginning(part, whole, &beginning);
        if (content != SYSLOG_CONTENT_UNKNOWN) {
            take_part(reader, bytes, content == SYSLOG_CONTENT_JSON ? beginning.text : part.length);
            return decide(reader, content, &beginning);
        }
    }
    part = slice_first(part, room);
    buffer_append_slice(&reader->head, part);
    take_part(reader, bytes, part.length);
    if (!whole && !full && reader->head.length < reader->next_try)
        return SYSLOG_MORE;
    reader->next_try = 2 * reader->head.length;
    enum syslog_content content = syslog_read_beginning(buffer_slice(&reader->head), whole, &beginning);
    return content == SYSLOG_CONTENT_UNKNOWN && !full ? SYSLOG_MORE : decide(reader, content, &beginning);
}

/* --- steps ----------------------------------------------------------------------------------------------------------------------------- */

static enum syslog_step step(struct syslog_reader *reader, struct slice *bytes, struct slice *text)
{
    switch (reader->state) {
    case READER_BETWEEN: return find_message(reader, bytes);
    case READER_LENGTH: return read_length(reader, bytes);
    case READER_HEAD: return read_head(reader, bytes);
    case READER_HELD:
        *text = slice_from(buffer_slice(&reader->head), reader->text_at);
        reader->state = READER_TEXT;
        return SYSLOG_TEXT;
    case READER_TEXT: return read_text(reader, bytes, text);
    case READER_OTHER: return skip(reader, bytes, SYSLOG_OTHER);
    case READER_CUT: return skip(reader, bytes, SYSLOG_MORE);
    case READER_BROKEN: break;
    }
    return SYSLOG_BROKEN;
}

/* There is a step to make without bytes. */
static bool is_pending(const struct syslog_reader *reader)
{
    switch (reader->state) {
    case READER_BETWEEN:
    case READER_BROKEN: return false;
    case READER_LENGTH: return reader->ended;
    case READER_HELD: return true;
    case READER_HEAD:
    case READER_TEXT:
    case READER_OTHER:
    case READER_CUT: break;
    }
    return reader->ended || (reader->counted && reader->left == 0);
}

/* A step that says MORE may have changed the state and left bytes, or an end, for the next. */
enum syslog_step syslog_next(struct syslog_reader *reader, struct slice *bytes, struct slice *text)
{
    enum syslog_step next = SYSLOG_MORE;

    *text = slice_make(NULL, 0);
    while (next == SYSLOG_MORE && (bytes->length || is_pending(reader)))
        next = step(reader, bytes, text);
    return next;
}

bool syslog_looks_like(struct slice beginning)
{
    size_t at = 0;

    while (at < beginning.length && beginning.bytes[at] >= '0' && beginning.bytes[at] <= '9')
        at++;
    if (at && (at >= beginning.length || beginning.bytes[at++] != ' '))
        return false;
    size_t digit = at + 1;
    if (digit >= beginning.length || beginning.bytes[at] != '<')
        return false;
    while (digit < beginning.length && beginning.bytes[digit] >= '0' && beginning.bytes[digit] <= '9')
        digit++;
    return digit > at + 1 && digit < beginning.length && beginning.bytes[digit] == '>';
}
