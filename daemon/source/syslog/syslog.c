/* SPDX-License-Identifier: Apache-2.0 */
/* Framing of syslog over streams, and the texts of the messages. */
#include "harrier/syslog.h"

#include "frame.h"
#include "harrier/audit_text.h"
#include "harrier/base/buffer.h"
#include "harrier/base/memory.h"
#include "harrier/syslog_header.h"

#include <stdlib.h>

enum { KEPT_HEAD_CAPACITY = 4096, FIRST_TRY = 64 };

const struct syslog_limits syslog_default_limits = {.message_bytes = SYSLOG_MESSAGE_BYTES_MOST, .framing = SYSLOG_FRAMING_AUTO};

/* A message's way: BETWEEN → PROBE → HEAD → (HELD →) TEXT → BETWEEN, or from HEAD through OTHER. */
enum reader_state {
    READER_BETWEEN,
    READER_PROBE, /* inside what may be a frame's head */
    READER_HEAD,  /* what the header is cannot be said yet */
    READER_HELD,  /* the beginning of the text came with the header, and is in `head` */
    READER_TEXT,
    READER_OTHER, /* skipped over */
    READER_CUT    /* the rest of a message that is too long is skipped over */
};

/* A few bytes that were taken and not understood yet. */
struct few_bytes {
    char bytes[SYSLOG_FRAME_HEAD_BYTES];
    size_t length;
};

/* `head` holds a header that came in pieces. It is read again each time it has doubled, so that single bytes cost no more than whole pieces.
 *
 * Where a count was wrong, what follows it is no frame's head. It is not known then where the next message begins, and to close the connection would lose
 * all that is under way, each time (a sender that counts characters for bytes is wrong with every second user's name). So it goes on at what next looks
 * like a head; and since who chose the text of a message may have put that there, counts are not believed beyond the next head from then on:
 * an invented one can cut its own message, which is judged and counted as cut, but it cannot swallow those of others. A line's end is no
 * author's to choose, since JSON has none in it: what stands behind one is a message that its sender did not count, and is read as such, up to its
 * own line's end or the next head. */
struct syslog_reader {
    struct syslog_limits limits;
    enum reader_state state;
    enum syslog_framing framing; /* AUTO until the first message */
    bool distrusted;       /* a count was wrong */
    bool counted;          /* the message in hand came with its length */
    bool ended;            /* nothing more comes */
    bool at_head;          /* distrusted: what stands next is a frame's head, in probe */
    bool behind_digit;     /* distrusted: the last byte taken was one */
    uint64_t left;         /* of a counted message */
    uint64_t taken;        /* of the message */
    struct few_bytes probe;  /* in PROBE, or distrusted in a message: what may be a frame's head */
    struct few_bytes pushed; /* what was none, to be read before what comes, from pushed_at on */
    size_t pushed_at;
    struct buffer head;
    size_t next_try;       /* length of head at which it is read again */
    size_t text_at;        /* in HELD */
    struct buffer names;   /* hostname, app and cluster, which header points into */
    struct syslog_header header;
    bool behind_newline;   /* what was taken last ends a line */
    bool uncounted;        /* octets: the message in hand has no count, and ends with its line or at the next head */
    const char *refused;   /* why the message in hand is none; NULL: it is one */
    struct audit_name_search names_event; /* in OTHER */
    struct syslog_counts counts;
};

struct syslog_reader *syslog_reader_new(const struct syslog_limits *limits)
{
    struct syslog_reader *reader = xcalloc(1, sizeof *reader);

    reader->limits = *limits;
    if (reader->limits.message_bytes == 0 || reader->limits.message_bytes > SYSLOG_MESSAGE_BYTES_MOST)
        reader->limits.message_bytes = SYSLOG_MESSAGE_BYTES_MOST;
    if (reader->limits.message_bytes < SYSLOG_HEADER_BYTES)
        reader->limits.message_bytes = SYSLOG_HEADER_BYTES;
    reader->framing = limits->framing;
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

const char *syslog_reader_misframed(const struct syslog_reader *reader)
{
    static const char wrong[] = "octet counting: no count stands where a message should begin, so that the one before was wrong, or this one has none";
    return reader->uncounted ? wrong : NULL;
}

const char *syslog_reader_refused(const struct syslog_reader *reader)
{
    return reader->refused;
}

const struct syslog_counts *syslog_reader_counts(const struct syslog_reader *reader)
{
    return &reader->counts;
}

void syslog_reader_finish(struct syslog_reader *reader)
{
    reader->ended = true;
}

static struct slice take_bytes(struct slice *bytes, size_t length)
{
    struct slice taken = slice_first(*bytes, length);
    *bytes = slice_from(*bytes, length);
    return taken;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static struct slice few_slice(const struct few_bytes *few)
{
    return slice_make(few->bytes, few->length);
}

/* --- between messages ------------------------------------------------------------------------------------------------------------------ */

/* `beginning` was taken already, and is of the message. */
static void begin_message(struct syslog_reader *reader, bool counted, uint64_t length, struct slice beginning)
{
    reader->state = READER_HEAD;
    reader->counted = counted;
    reader->uncounted = false;
    reader->refused = NULL;
    reader->names_event = (struct audit_name_search){0};
    reader->behind_newline = false;
    reader->left = length - (counted ? beginning.length : 0);
    reader->taken = beginning.length;
    reader->behind_digit = beginning.length && is_digit(beginning.bytes[beginning.length - 1]);
    buffer_append_slice(&reader->head, beginning);
    reader->next_try = FIRST_TRY;
}

void syslog_reader_frame(struct syslog_reader *reader, uint64_t length)
{
    begin_message(reader, true, length, slice_make(NULL, 0));
}

static void drop_probe(struct few_bytes *probe, size_t length)
{
    probe->length -= length;
    memmove(probe->bytes, probe->bytes + length, probe->length);
}

/* How much of a probe that is no head is certainly none: what was to be the digits of a priority may be a count. */
static size_t length_of_no_head(struct slice probe)
{
    ptrdiff_t bracket = slice_find_byte(probe, '<');
    return bracket < 0 ? probe.length : (size_t)bracket + 1;
}

/* The first bytes of the probe are read as what they are. */
static void push_probe(struct syslog_reader *reader, size_t length)
{
    reader->pushed = reader->probe;
    reader->pushed.length = length;
    drop_probe(&reader->probe, length);
}

/* Given on as a message that is none. What of it was taken is in `head`. */
static enum syslog_step begin_refused(struct syslog_reader *reader, const char *why)
{
    reader->refused = why;
    reader->header = (struct syslog_header){0};
    reader->text_at = 0;
    reader->state = reader->head.length ? READER_HELD : READER_TEXT;
    return SYSLOG_BEGIN;
}

/* No frame's head where one should be. Behind a line's end it is a message all the same, if it looks like one; anywhere else it may be the rest of one,
 * of which its author chose where it begins. */
static enum syslog_step begin_uncounted(struct syslog_reader *reader)
{
    bool is_line = reader->behind_newline;
    size_t length = length_of_no_head(few_slice(&reader->probe));

    begin_message(reader, false, 0, slice_first(few_slice(&reader->probe), length));
    drop_probe(&reader->probe, length);
    reader->distrusted = true;
    reader->uncounted = true;
    reader->counts.broken++;
    return is_line ? SYSLOG_MORE : begin_refused(reader, syslog_reader_misframed(reader));
}

static bool is_filler(char byte)
{
    return byte == '\n' || byte == '\r' || byte == ' ' || byte == '\t' || byte == '\0';
}

static enum syslog_step find_message(struct syslog_reader *reader, struct slice *bytes)
{
    size_t at = 0;

    while (!reader->at_head && at < bytes->length && is_filler(bytes->bytes[at]))
        at++;
    for (size_t i = 0; i < at; i++)
        reader->behind_newline |= bytes->bytes[i] == '\n' || bytes->bytes[i] == '\0';
    take_bytes(bytes, at);
    if (bytes->length || reader->at_head)
        reader->state = READER_PROBE;
    return SYSLOG_MORE;
}

/* With what is in the probe. */
static enum syslog_step begin_line(struct syslog_reader *reader)
{
    reader->framing = SYSLOG_FRAMING_LINES;
    begin_message(reader, false, 0, few_slice(&reader->probe));
    reader->probe.length = 0;
    return SYSLOG_MORE;
}

static void take_count(struct syslog_reader *reader, const struct syslog_frame_head *head, struct slice *bytes)
{
    struct few_bytes *probe = &reader->probe;

    if (probe->length == 0) {
        take_bytes(bytes, head->message_at);
        return;
    }
    drop_probe(probe, head->message_at);
}

/* A frame's head is in the probe, or at the front of bytes. In front of a line it says nothing: where that ends is known. */
static enum syslog_step begin_frame(struct syslog_reader *reader, const struct syslog_frame_head *head, struct slice *bytes)
{
    reader->at_head = false;
    take_count(reader, head, bytes);
    if (reader->framing == SYSLOG_FRAMING_LINES)
        return begin_line(reader);
    reader->framing = SYSLOG_FRAMING_OCTETS;
    begin_message(reader, true, head->count, few_slice(&reader->probe));
    reader->probe.length = 0;
    return SYSLOG_MORE;
}

static enum syslog_step end_in_probe(struct syslog_reader *reader)
{
    if (reader->framing != SYSLOG_FRAMING_OCTETS)
        return begin_line(reader);
    reader->counts.cut++;
    reader->probe.length = 0;
    reader->state = READER_BETWEEN;
    return SYSLOG_MORE;
}

/* Takes bytes until they are a frame's head, or are not. */
static enum syslog_frame_answer take_probe(struct syslog_reader *reader, struct slice *bytes, bool bare, struct syslog_frame_head *head)
{
    struct few_bytes *probe = &reader->probe;
    enum syslog_frame_answer answer = syslog_read_frame_head(few_slice(probe), bare, head);

    while (answer == SYSLOG_FRAME_MORE && bytes->length) {
        probe->bytes[probe->length++] = bytes->bytes[0];
        answer = syslog_read_frame_head(few_slice(probe), bare, head);
        if (answer == SYSLOG_FRAME_NONE)
            probe->length--;
        else
            take_bytes(bytes, 1);
    }
    return answer;
}

static enum syslog_step probe_message(struct syslog_reader *reader, struct slice *bytes)
{
    bool counts = reader->framing == SYSLOG_FRAMING_OCTETS;
    struct syslog_frame_head head;
    enum syslog_frame_answer answer = SYSLOG_FRAME_MORE;

    if (reader->probe.length == 0) /* as a rule it is in one piece, and need not be copied */
        answer = syslog_read_frame_head(*bytes, counts, &head);
    if (answer == SYSLOG_FRAME_MORE)
        answer = take_probe(reader, bytes, counts, &head);
    switch (answer) {
    case SYSLOG_FRAME_MORE: return reader->ended ? end_in_probe(reader) : SYSLOG_MORE;
    case SYSLOG_FRAME_HEAD: return begin_frame(reader, &head, bytes);
    case SYSLOG_FRAME_NONE: break;
    }
    return counts ? begin_uncounted(reader) : begin_line(reader);
}

/* --- inside a message ------------------------------------------------------------------------------------------------------------------ */

/* A line ends with LF, or with NUL, which some senders put in its place (RFC 6587 section 3.4.2). */
static size_t line_length(struct slice bytes)
{
    ptrdiff_t newline = slice_find_byte(bytes, '\n');
    struct slice line = newline < 0 ? bytes : slice_first(bytes, (size_t)newline);
    ptrdiff_t nul = slice_find_byte(line, '\0');

    return nul < 0 ? line.length : (size_t)nul;
}

/* What of bytes is the message's; *ends: it has no more after that. A line's end is not in it. */
static struct slice message_part(const struct syslog_reader *reader, struct slice bytes, bool *ends)
{
    size_t length = reader->at_head ? 0 : bytes.length;

    if (reader->counted && reader->left < length)
        length = (size_t)reader->left;
    else if (!reader->counted)
        length = line_length(slice_first(bytes, length));
    *ends = length < bytes.length || reader->ended || reader->at_head || (reader->counted && length == reader->left);
    return slice_first(bytes, length);
}

static struct slice take_part(struct syslog_reader *reader, struct slice *bytes, size_t length)
{
    struct slice part = take_bytes(bytes, length);

    reader->taken += length;
    if (reader->counted)
        reader->left -= length;
    if (length) {
        reader->behind_digit = is_digit(part.bytes[length - 1]);
        reader->behind_newline = part.bytes[length - 1] == '\n';
    }
    return part;
}

static enum syslog_step end_message(struct syslog_reader *reader, struct slice *bytes, enum syslog_step step)
{
    if (reader->counted && reader->left)
        reader->counts.cut++;
    if (!reader->counted && !reader->at_head && bytes->length && line_length(*bytes) == 0) {
        take_bytes(bytes, 1);
        reader->behind_newline = true;
    }
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

/* To the message's end, which has been said already. */
static enum syslog_step skip_cut(struct syslog_reader *reader, struct slice *bytes)
{
    bool ends;
    struct slice part = message_part(reader, *bytes, &ends);

    take_part(reader, bytes, part.length);
    return ends ? end_message(reader, bytes, SYSLOG_MORE) : SYSLOG_MORE;
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

/* No JSON is in the text, whose beginning this is; it was taken. */
static enum syslog_step begin_other(struct syslog_reader *reader, struct slice beginning)
{
    if (reader->uncounted)
        return begin_refused(reader, syslog_reader_misframed(reader));
    if (audit_search_names(&reader->names_event, beginning))
        return begin_refused(reader, audit_unread_event);
    reader->state = READER_OTHER;
    return SYSLOG_MORE;
}

/* To the end of a text without JSON, or until it names an event. Then what is given of it is its beginning and what stands behind the name. */
static enum syslog_step skip_other(struct syslog_reader *reader, struct slice *bytes)
{
    bool ends;
    struct slice part = message_part(reader, *bytes, &ends);
    size_t named = audit_search_names(&reader->names_event, part);

    part = slice_first(part, named ? named : part.length);
    buffer_append_slice(&reader->head, slice_first(part, SYSLOG_HEADER_BYTES - reader->head.length));
    take_part(reader, bytes, part.length);
    if (named)
        return begin_refused(reader, audit_unread_event);
    return ends ? end_message(reader, bytes, SYSLOG_OTHER) : SYSLOG_MORE;
}

/* The header is known, or given up on. Of a text without JSON the beginning is given, all that was taken of it. */
static enum syslog_step decide(struct syslog_reader *reader, enum syslog_content content, const struct syslog_beginning *beginning)
{
    static const struct syslog_beginning nothing;

    if (content == SYSLOG_CONTENT_OTHER)
        return begin_other(reader, buffer_slice(&reader->head));
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
        if (content == SYSLOG_CONTENT_OTHER)
            buffer_append_slice(&reader->head, part);
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
    case READER_PROBE: return probe_message(reader, bytes);
    case READER_HEAD: return read_head(reader, bytes);
    case READER_HELD:
        *text = slice_from(buffer_slice(&reader->head), reader->text_at);
        reader->state = READER_TEXT;
        return SYSLOG_TEXT;
    case READER_TEXT: return read_text(reader, bytes, text);
    case READER_OTHER: return skip_other(reader, bytes);
    case READER_CUT: break;
    }
    return skip_cut(reader, bytes);
}

static bool is_in_message(const struct syslog_reader *reader)
{
    return reader->state == READER_HEAD || reader->state == READER_TEXT || reader->state == READER_OTHER || reader->state == READER_CUT;
}

/* The bytes begin with what may be a head, as far as the message reaches. */
static enum syslog_step probe_in_message(struct syslog_reader *reader, struct slice *bytes)
{
    uint64_t room = reader->counted ? reader->left - reader->probe.length : bytes->length;
    struct slice within = slice_first(*bytes, room < bytes->length ? (size_t)room : bytes->length);
    size_t before = within.length;
    struct syslog_frame_head head;
    enum syslog_frame_answer answer = take_probe(reader, &within, false, &head);

    take_bytes(bytes, before - within.length);
    reader->at_head = answer == SYSLOG_FRAME_HEAD;
    bool is_last = reader->ended || (reader->counted && reader->probe.length == reader->left);
    if (answer == SYSLOG_FRAME_NONE)
        push_probe(reader, length_of_no_head(few_slice(&reader->probe)));
    else if (answer == SYSLOG_FRAME_MORE && is_last)
        push_probe(reader, reader->probe.length);
    return SYSLOG_MORE;
}

/* Distrusted: a message ends where a frame's head stands, if that is before its count says. */
static enum syslog_step step_to_head(struct syslog_reader *reader, struct slice *bytes, struct slice *text)
{
    if (reader->probe.length)
        return probe_in_message(reader, bytes);
    struct slice before = slice_first(*bytes, syslog_find_frame_head(*bytes, reader->behind_digit));
    if (reader->counted && reader->left < before.length)
        before = slice_first(before, (size_t)reader->left);
    size_t length = before.length;
    if (length == 0 && bytes->length && !(reader->counted && reader->left == 0))
        return probe_in_message(reader, bytes);
    enum syslog_step next = step(reader, &before, text);
    take_bytes(bytes, length - before.length);
    return next;
}

static enum syslog_step next_step(struct syslog_reader *reader, struct slice *bytes, struct slice *text)
{
    struct few_bytes *pushed = &reader->pushed;

    if (pushed->length) {
        struct slice rest = slice_from(few_slice(pushed), reader->pushed_at);
        enum syslog_step next = step(reader, &rest, text);
        reader->pushed_at = rest.length ? pushed->length - rest.length : 0;
        pushed->length = rest.length ? pushed->length : 0;
        return next;
    }
    return reader->distrusted && is_in_message(reader) && !reader->at_head ? step_to_head(reader, bytes, text) : step(reader, bytes, text);
}

/* There is a step to make without bytes. */
static bool is_pending(const struct syslog_reader *reader)
{
    switch (reader->state) {
    case READER_BETWEEN: return reader->pushed.length || reader->at_head;
    case READER_PROBE: return reader->pushed.length || reader->at_head || reader->ended;
    case READER_HELD: return true;
    case READER_HEAD:
    case READER_TEXT:
    case READER_OTHER:
    case READER_CUT: break;
    }
    return reader->pushed.length || reader->at_head || reader->ended || (reader->counted && reader->left == 0);
}

/* A step that says MORE may have changed the state and left bytes, or an end, for the next. */
enum syslog_step syslog_next(struct syslog_reader *reader, struct slice *bytes, struct slice *text)
{
    enum syslog_step next = SYSLOG_MORE;

    *text = slice_make(NULL, 0);
    while (next == SYSLOG_MORE && (bytes->length || is_pending(reader)))
        next = next_step(reader, bytes, text);
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
