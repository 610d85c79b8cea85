/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes in, and getting over wrong syntax. */
#include "daemon/audit/reader.h"

#include "harrier/audit_text.h"
#include "harrier/memory.h"

#include <stdio.h>
#include <stdlib.h>

const struct audit_limits audit_default_limits = {
    .depth = 10050, /* a client's object has up to 10,000 levels */
    .value_bytes = (size_t)4 << 20,
    .event_bytes = (size_t)8 << 20, /* a request line of 1 MiB can be escaped to 6, and the user stands behind it */
    .dead_letter_bytes = (size_t)64 << 10,
    .inflated_bytes = (uint64_t)256 << 20,
    .inflate_ratio = 1100, /* DEFLATE packs at most 1032 to 1: what is honest is never over it */
};

enum { KEPT_HEAD_CAPACITY = 4096 };

static const uint64_t no_error = UINT64_MAX;

const char *audit_dead_reason_text(enum audit_dead_reason reason)
{
    switch (reason) {
    case AUDIT_DEAD_SYNTAX: return "wrong syntax";
    case AUDIT_DEAD_SHAPE: return "wrong shape";
    case AUDIT_DEAD_NOT_AN_EVENT: return "not an audit event";
    case AUDIT_DEAD_ENCODING: return "wrong encoding";
    case AUDIT_DEAD_LIMIT: return "over a bound";
    }
    return "unknown";
}

struct audit_reader *audit_reader_new(const struct audit_limits *limits, enum audit_accept accept, enum audit_format format,
                                      const struct audit_sink *sink)
{
    struct audit_reader *reader = xcalloc(1, sizeof *reader);
    struct json_handlers handlers = audit_handlers;
    /* An event is mostly in an EventList: an array in an object. */
    struct json_limits json_limits = {.depth = limits->depth + 2, .token_bytes = limits->value_bytes, .nodes = 0,
                                      .cut_over_budget = limits->cut_over_budget};

    reader->limits = *limits;
    reader->accept = accept;
    reader->format = format;
    reader->sink = *sink;
    reader->root = reader->base = reader;
    reader->last_package = &reader->packages;
    handlers.context = reader;
    reader->stream = json_stream_new(&json_limits, &handlers);
    item_init(&reader->item, &reader->limits, &reader->sink);
    item_init(&reader->held, &reader->limits, &reader->sink);
    audit_reader_reset(reader);
    return reader;
}

void audit_reader_free(struct audit_reader *reader)
{
    if (!reader)
        return;
    audit_reader_free(reader->child);
    unpack_free(reader);
    json_stream_free(reader->stream);
    item_free(&reader->item);
    item_free(&reader->held);
    buffer_free(&reader->owner);
    buffer_free(&reader->log_group);
    buffer_free(&reader->list_cluster);
    buffer_free(&reader->cluster);
    for (size_t i = 0; i < HEAD_MEMBERS; i++)
        buffer_free(&reader->texts[i]);
    buffer_free(&reader->tail.bytes);
    buffer_free(&reader->line_head);
    parts_drop(reader);
    free(reader);
}

static void forget_line_begin(struct audit_reader *reader)
{
    reader->line_state = LINE_BEGINS;
    reader->behind_head = reader->ends_with_line = reader->behind_words = false;
    buffer_reset(&reader->line_head, KEPT_HEAD_CAPACITY);
}

void audit_reader_reset(struct audit_reader *reader)
{
    json_stream_restart(reader->stream, 0, 1);
    reader->stream_at = 0;
    reader->begun = false;
    item_drop(&reader->item);
    reader->item.refused = reader->held.refused = false;
    audit_reader_forget_frames(reader);
    for (size_t i = 0; i < HEAD_MEMBERS; i++)
        buffer_reset(&reader->texts[i], 4096);
    buffer_reset(&reader->tail.bytes, 4096);
    reader->tail.until = TAIL_NONE;
    reader->offset = 0;
    reader->busy = false;
    forget_line_begin(reader);
    memset(reader->text_source, 0, sizeof reader->text_source);
    parts_drop(reader);
    reader->inflated = 0;
    unpack_drop(reader);
    if (reader->child)
        audit_reader_reset(reader->child);
    reader->read_something = false;
    reader->error_offset = no_error;
    reader->counts = (struct audit_counts){0};
}

const struct audit_counts *audit_reader_counts(const struct audit_reader *reader)
{
    return &reader->counts;
}

/* --- wrong syntax ---------------------------------------------------------------------------------------------------------- */

static void tail_append(struct audit_reader *reader, struct slice bytes)
{
    size_t bound = reader->limits.dead_letter_bytes, length = reader->tail.bytes.length;
    buffer_append_slice(&reader->tail.bytes, slice_first(bytes, bound > length ? bound - length : 0));
}

/* Escape sequences of a terminal, NULs and blanks, and all of it is at hand. */
static bool is_trimming(struct slice bytes, uint64_t length)
{
    struct audit_json_place place;

    while (bytes.length && bytes.bytes[bytes.length - 1] == '\0')
        bytes.length--;
    return bytes.length <= length && length <= bytes.length + 16 && audit_find_json(bytes, true, &place) == AUDIT_TEXT_NONE && place.at == bytes.length;
}

/* The tail ends before the offset; reading goes on there. */
static void tail_done(struct audit_reader *reader, uint64_t resume)
{
    struct tail *tail = &reader->tail;

    if (!tail->behind_value || !is_trimming(buffer_slice(&tail->bytes), resume - tail->begin))
        audit_reader_dead(reader, &(struct audit_dead){
                                      .reason = AUDIT_DEAD_SYNTAX,
                                      .bytes = buffer_slice(&tail->bytes),
                                      .length = resume - tail->begin,
                                      .offset = tail->begin,
                                      .line = tail->line,
                                      .detail = tail->detail,
                                  });
    buffer_reset(&tail->bytes, 4096);
    json_stream_restart(reader->stream, resume, tail->line + (tail->until == TAIL_OPENING_LINE));
    reader->stream_at = resume;
    tail->until = TAIL_NONE;
    if (!reader->messages)
        forget_line_begin(reader);
}

/* Takes bytes into the tail, up to where reading can go on; returns how many. */
static size_t tail_take(struct audit_reader *reader, struct slice bytes, uint64_t offset)
{
    struct tail *tail = &reader->tail;
    size_t length = bytes.length;
    bool found = false;

    if (tail->until == TAIL_NEWLINE) {
        ptrdiff_t newline = slice_find_byte(bytes, '\n');
        found = newline >= 0;
        length = found ? (size_t)newline : length;
    }
    for (size_t i = 0; tail->until == TAIL_OPENING_LINE && !found && i < bytes.length; i++) {
        found = tail->behind_newline && bytes.bytes[i] == '{';
        tail->behind_newline = bytes.bytes[i] == '\n';
        length = found ? i : length;
    }
    tail_append(reader, slice_first(bytes, length));
    tail->end = offset + length;
    if (found)
        tail_done(reader, tail->end);
    return length;
}

static bool in_array(const struct audit_reader *reader)
{
    for (size_t i = 0; i < reader->frame_count; i++)
        if (reader->frames[i].is_array)
            return true;
    return false;
}

/* Where may reading go on? NDJSON has one value on a line, so a value that had no newline before it broke costs its line. One that was
 * written over several lines (people's own files) goes on to a line that begins with '{', since inner lines are indented; but if it is a
 * list it costs the rest of the input: what follows are its own items, and they would be taken for values of the top level. */
static enum tail_until recovery(const struct audit_reader *reader, const struct json_stream_error *error)
{
    if (!error->earlier_newline)
        return TAIL_NEWLINE;
    return in_array(reader) ? TAIL_END : TAIL_OPENING_LINE;
}

/* A line that broke off between two tokens shows only at the first token of the next line: that one is whole. */
static bool is_next_line(const struct audit_reader *reader, const struct json_stream_error *error, struct slice behind)
{
    return error->starts_line && !error->earlier_newline && behind.length &&
           (behind.bytes[0] == '{' || behind.bytes[0] == '[' || (reader->behind_words && !reader->messages));
}

/* An event that broke off is decided on as far as it goes, beside being a dead letter: who can make an event longer than a transport's lines
 * could hide in it otherwise. So is one in an envelope that broke off. */
static void decide_broken_item(struct audit_reader *reader)
{
    struct item *item = &reader->item;
    const char *why;
    const struct frame *frame = &reader->frames[reader->frame_count - 1];
    const struct audit_shape *shape = &frame->shape;
    enum audit_verdict verdict = audit_shape_judge(shape, reader->accept, &why);

    if (verdict == VERDICT_LIST && reader->counts.events == frame->events)
        verdict = audit_shape_judge_beside_list(shape, reader->accept, &why);
    if (verdict == VERDICT_NONE && reader->accept != AUDIT_ACCEPT_UDM && audit_shape_begins_event(shape))
        verdict = VERDICT_EVENT;
    bool at_hand = !item->unwanted && !item->refused && reader->frame_count < FRAMES;
    if (verdict == VERDICT_LOG_ENTRY && at_hand)
        envelope_log_entry(reader, item_closed_bytes(item), false);
    if (verdict == VERDICT_NONE && at_hand && !audit_shape_is_event(shape))
        envelope_open(reader, item_closed_bytes(item), true);
    if (verdict != VERDICT_EVENT && verdict != VERDICT_UDM)
        return;
    reader->head.complete = false;
    if (verdict == VERDICT_EVENT && !item->unwanted)
        item->unwanted = !reader->sink.wanted(reader->sink.context, &reader->head);
    struct slice bytes = item->unwanted ? slice_make("", 0) : item_closed_bytes(item);
    audit_reader_deliver(reader, verdict == VERDICT_EVENT ? AUDIT_KIND_K8S : AUDIT_KIND_UDM, bytes, false);
}

/* Is the message text after all? Many logs begin their lines with a word in brackets. */
static bool is_bracketed_text(const struct audit_reader *reader)
{
    return reader->messages && reader->frame_count == 1 && reader->frames[0].is_array && reader->judged == reader->counts.received;
}

static void begin_text(struct audit_reader *reader)
{
    reader->line_state = LINE_TEXT;
    reader->read_something = true;
    reader->text_lines = 0;
    reader->counts.other++;
}

/* The stream has met wrong syntax. Returns how many of the chunk's bytes are done with. */
static size_t begin_tail(struct audit_reader *reader, struct slice chunk)
{
    const struct json_stream_error *error = json_stream_error(reader->stream);
    struct tail *tail = &reader->tail;
    struct item *item = &reader->item;
    uint64_t piece_offset;
    struct slice piece = json_stream_piece(reader->stream, &piece_offset);
    struct slice behind = slice_from(piece, (size_t)(error->offset - piece_offset));

    if (is_bracketed_text(reader)) {
        begin_text(reader);
        return error->offset > reader->offset ? (size_t)(error->offset - reader->offset) : 0;
    }
    tail->until = recovery(reader, error);
    tail->begin = item->open ? item->begin : error->offset;
    tail->line = json_stream_line(reader->stream);
    tail->behind_newline = error->starts_line;
    tail->behind_value = reader->frame_count == 0 && !item->open && reader->counts.received > reader->judged;
    snprintf(tail->detail, sizeof tail->detail, "%s", error->detail);
    if (reader->error_offset == no_error)
        reader->error_offset = error->offset;
    if (item->open) {
        tail_append(reader, item_beginning(item, error->offset, piece, piece_offset));
        item_broken(item, error->offset, piece, piece_offset);
        decide_broken_item(reader);
    }
    item_drop(item);
    audit_reader_forget_frames(reader);

    uint64_t done = error->offset;
    if (is_next_line(reader, error, behind)) {
        tail->line++;
        tail_done(reader, done);
        reader->tail.until = TAIL_NONE;
    } else {
        done += tail_take(reader, behind, error->offset);
    }
    uint64_t chunk_end = reader->offset + chunk.length;
    if (done < reader->offset)
        done = reader->offset;
    return (size_t)((done < chunk_end ? done : chunk_end) - reader->offset);
}

/* --- the beginning of a line ------------------------------------------------------------------------------------------------- */

static void feed_bytes(struct audit_reader *reader, struct slice bytes);

/* The stream has not seen what was taken since. */
static void restart_stream(struct audit_reader *reader, uint64_t offset)
{
    if (reader->stream_at == offset)
        return;
    reader->stream_at = offset;
    json_stream_restart(reader->stream, offset, json_stream_line(reader->stream));
}

static void begin_json(struct audit_reader *reader, uint64_t offset)
{
    restart_stream(reader, offset);
    reader->line_state = LINE_JSON;
}

/* No JSON begins on the line. A container's is of another log for sure; anything else in a body is damage, which the stream tells. */
static void begin_other(struct audit_reader *reader, uint64_t offset)
{
    if (reader->messages || reader->behind_head)
        begin_text(reader);
    else
        begin_json(reader, offset);
}

static void make_part_key(struct audit_reader *reader, bool is_stderr)
{
    struct digest *digest = reader->item.digest;

    digest_begin(digest);
    digest_update(digest, slice_make((const char *)reader->text_source, sizeof reader->text_source));
    digest_update(digest, is_stderr ? SLICE("stderr") : SLICE("stdout"));
    digest_end(digest, reader->part_key);
}

/* UDM records come in no containers' lines. */
static bool begins_part(struct audit_reader *reader, const struct audit_cri_head *head)
{
    if (reader->accept == AUDIT_ACCEPT_UDM)
        return false;
    make_part_key(reader, head->is_stderr);
    return head->is_part || parts_find(reader, reader->part_key);
}

/* What is the line, whose beginning this is? Takes what stands in front of its text off. False: it cannot be said yet, and nothing was taken. */
static bool tell_line(struct audit_reader *reader, struct slice line, bool whole, size_t *taken)
{
    struct audit_json_place place = {0};
    struct audit_cri_head head = {0};
    enum audit_text_content content = reader->behind_head ? AUDIT_TEXT_NONE : audit_read_cri_head(line, whole, &head);

    *taken = 0;
    if (content == AUDIT_TEXT_UNKNOWN)
        return false;
    if (content == AUDIT_TEXT_FOUND) {
        reader->behind_head = true;
        reader->ends_with_line = !reader->messages;
        *taken = head.length;
        if (begins_part(reader, &head)) {
            reader->line_state = LINE_PART;
            reader->is_last_part = !head.is_part;
        }
        return true;
    }
    content = audit_find_json(line, whole, &place);
    if (content == AUDIT_TEXT_UNKNOWN)
        return false;
    bool is_empty = content == AUDIT_TEXT_NONE && whole && place.at == line.length; /* a cookie alone */
    *taken = content == AUDIT_TEXT_FOUND || is_empty ? place.at : 0;
    reader->behind_words = content == AUDIT_TEXT_FOUND && place.behind_words;
    reader->ends_with_line |= !reader->messages && *taken && (line.bytes[0] == '<' || (line.bytes[0] >= '0' && line.bytes[0] <= '9'));
    if (content == AUDIT_TEXT_FOUND || is_empty)
        begin_json(reader, reader->head_at + *taken);
    else
        begin_other(reader, reader->head_at);
    return true;
}

/* Can JSON that was written over several lines have it at a line's beginning? Then it need not be looked at whether a line of a log begins. */
static bool goes_on_with(char byte)
{
    return byte == '\0' || strchr(" \t\r\n{}],\"", byte) != NULL;
}

static struct slice line_of(struct slice bytes, bool *whole)
{
    ptrdiff_t newline = slice_find_byte(slice_first(bytes, AUDIT_TEXT_BYTES), '\n');

    *whole = newline >= 0;
    return newline < 0 ? bytes : slice_first(bytes, (size_t)newline);
}

/* Behind blanks, which the stream may have: it counts the lines. Returns how many bytes are done with. */
static size_t take_line_begin(struct audit_reader *reader, struct slice bytes)
{
    size_t blanks = 0, taken;
    bool whole;

    while (blanks < bytes.length && (bytes.bytes[blanks] == ' ' || (bytes.bytes[blanks] >= '\t' && bytes.bytes[blanks] <= '\r')))
        blanks++;
    if (blanks) {
        restart_stream(reader, reader->offset);
        json_stream_feed(reader->stream, slice_first(bytes, blanks));
        reader->stream_at += blanks;
        return blanks;
    }
    if (!reader->behind_head) {
        reader->judged = reader->counts.received;
        reader->line_events = reader->counts.events;
    }
    reader->head_at = reader->offset;
    struct slice line = line_of(bytes, &whole);
    bool goes_on = reader->begun || !reader->messages;
    reader->begun = true;
    if (bytes.bytes[0] == '{' || (goes_on && !reader->behind_head && goes_on_with(bytes.bytes[0])))
        begin_json(reader, reader->offset);
    else if (tell_line(reader, line, whole, &taken))
        return taken;
    else
        reader->line_state = LINE_HEAD;
    return 0;
}

/* The head is known, or as it will never be. */
static void end_head(struct audit_reader *reader, size_t taken)
{
    struct buffer head = reader->line_head;

    reader->line_head = (struct buffer){NULL, 0, 0};
    reader->offset = reader->head_at + taken;
    if (reader->line_state == LINE_HEAD)
        reader->line_state = LINE_BEGINS; /* behind a container's head */
    feed_bytes(reader, slice_from(buffer_slice(&head), taken));
    buffer_free(&head);
}

/* Gathers a beginning that came in pieces. */
static size_t take_line_head(struct audit_reader *reader, struct slice bytes)
{
    bool whole;
    struct slice line = line_of(bytes, &whole);
    struct slice part = slice_first(line, AUDIT_TEXT_BYTES - reader->line_head.length);
    uint64_t offset = reader->offset;
    size_t taken;

    whole = whole && part.length == line.length;
    buffer_append_slice(&reader->line_head, part);
    if (!tell_line(reader, buffer_slice(&reader->line_head), whole || reader->line_head.length >= AUDIT_TEXT_BYTES, &taken))
        return part.length;
    reader->offset += part.length;
    end_head(reader, taken);
    reader->offset = offset;
    return part.length;
}

/* --- the rest of a line ------------------------------------------------------------------------------------------------------ */

static void end_line(struct audit_reader *reader)
{
    forget_line_begin(reader);
    restart_stream(reader, reader->offset);
}

static size_t take_text(struct audit_reader *reader, struct slice bytes)
{
    size_t length = bytes.length;
    ptrdiff_t newline = slice_find_byte(bytes, '\n');

    if (!reader->messages && newline == 0)
        end_line(reader);
    if (!reader->messages && newline >= 0)
        return (size_t)newline;
    for (ptrdiff_t at; (at = slice_find_byte(bytes, '\n')) >= 0; bytes = slice_from(bytes, (size_t)at + 1))
        reader->text_lines++;
    return length;
}

static void end_part(struct audit_reader *reader)
{
    struct part_line *line = parts_find(reader, reader->part_key);

    if (line && reader->is_last_part)
        parts_end(reader, line, true);
}

static size_t take_part(struct audit_reader *reader, struct slice bytes)
{
    ptrdiff_t newline = slice_find_byte(bytes, '\n');
    struct slice text = newline < 0 ? bytes : slice_first(bytes, (size_t)newline);
    struct part_line *line = parts_find(reader, reader->part_key);

    if (newline == 0) {
        end_part(reader);
        end_line(reader);
        return 0;
    }
    if (!line)
        line = parts_begin(reader, reader->part_key, reader->head_at, json_stream_line(reader->stream));
    parts_append(reader, line, text);
    return text.length;
}

/* --- feeding ---------------------------------------------------------------------------------------------------------------- */

/* Up to where a line of a log may begin, or this one ends. */
static size_t json_length(const struct audit_reader *reader, struct slice bytes)
{
    size_t from = 0;

    for (ptrdiff_t newline; (newline = slice_find_byte(slice_from(bytes, from), '\n')) >= 0;) {
        size_t at = from + (size_t)newline;
        if (reader->ends_with_line)
            return at;
        from = at + 1;
        if (from < bytes.length && !goes_on_with(bytes.bytes[from]))
            return from;
    }
    return bytes.length;
}

static bool close_input(struct audit_reader *reader);

/* What is open ends with its line. */
static void close_line(struct audit_reader *reader)
{
    if (!close_input(reader))
        reader->stream_at = UINT64_MAX; /* it failed */
    restart_stream(reader, reader->offset);
    forget_line_begin(reader);
}

static size_t feed_json(struct audit_reader *reader, struct slice bytes)
{
    struct slice part = slice_first(bytes, json_length(reader, bytes));

    if (part.length == 0) {
        close_line(reader);
        return 0;
    }
    switch (json_stream_feed(reader->stream, part)) {
    case RESULT_OK: reader->stream_at += part.length; break;
    case RESULT_INVALID: return begin_tail(reader, part);
    default: reader->busy = true; return bytes.length;
    }
    if (part.bytes[part.length - 1] == '\n' && reader->frame_count == 0)
        forget_line_begin(reader);
    return part.length;
}

static size_t take(struct audit_reader *reader, struct slice bytes)
{
    switch (reader->line_state) {
    case LINE_BEGINS: return take_line_begin(reader, bytes);
    case LINE_HEAD: return take_line_head(reader, bytes);
    case LINE_PART: return take_part(reader, bytes);
    case LINE_TEXT: return take_text(reader, bytes);
    case LINE_JSON: break;
    }
    return reader->tail.until != TAIL_NONE ? tail_take(reader, bytes, reader->offset) : feed_json(reader, bytes);
}

static void feed_bytes(struct audit_reader *reader, struct slice bytes)
{
    while (bytes.length && !reader->busy) {
        size_t taken = take(reader, bytes);
        reader->offset += taken;
        bytes = slice_from(bytes, taken);
        reader->busy |= reader->item.refused || reader->held.refused;
    }
}

enum result audit_reader_state(const struct audit_reader *reader)
{
    return reader->busy ? RESULT_BUSY : RESULT_OK;
}

/* Without a bound all is unpacked before the call returns. */
static enum result end_call(struct audit_reader *reader)
{
    if (!reader->limits.turn_bytes && reader == reader->root)
        audit_reader_go_on(reader);
    return audit_reader_state(reader);
}

void audit_reader_take_messages(struct audit_reader *reader)
{
    reader->messages = true;
}

enum result audit_reader_feed(struct audit_reader *reader, struct slice bytes)
{
    feed_bytes(reader, bytes);
    return end_call(reader);
}

/* --- the end ---------------------------------------------------------------------------------------------------------------- */

static void end_in_item(struct audit_reader *reader)
{
    struct item *item = &reader->item;
    struct buffer *beginning = &reader->tail.bytes; /* as it stands, before it is closed */

    item_unfinished(item, json_stream_unfinished(reader->stream));
    tail_append(reader, buffer_slice(&item->kept));
    decide_broken_item(reader);
    audit_reader_dead(reader, &(struct audit_dead){
                                  .reason = AUDIT_DEAD_SYNTAX,
                                  .bytes = buffer_slice(beginning),
                                  .length = reader->offset - item->begin,
                                  .offset = item->begin,
                                  .line = item->line,
                                  .detail = "the input ends within it",
                              });
    buffer_reset(beginning, 4096);
}

static void end_between_items(struct audit_reader *reader)
{
    struct slice unfinished = json_stream_unfinished(reader->stream);
    audit_reader_dead(reader, &(struct audit_dead){
                                  .reason = AUDIT_DEAD_SYNTAX,
                                  .bytes = slice_first(unfinished, reader->limits.dead_letter_bytes),
                                  .length = unfinished.length,
                                  .offset = reader->offset - unfinished.length,
                                  .line = json_stream_line(reader->stream),
                                  .detail = reader->frame_count ? "the input ends within a list" : "the input ends within a value",
                              });
}

/* True: it ended between values. */
static bool finish_stream(struct audit_reader *reader)
{
    bool failed_before = json_stream_feed(reader->stream, slice_make("", 0)) != RESULT_OK;

    if (json_stream_finish(reader->stream) == RESULT_OK)
        return true;
    if (failed_before || json_stream_feed(reader->stream, slice_make("", 0)) == RESULT_INVALID)
        begin_tail(reader, slice_make("", 0));
    else if (reader->item.open)
        end_in_item(reader);
    else
        end_between_items(reader);
    return false;
}

/* What is unfinished is judged. True: nothing was. */
static bool close_input(struct audit_reader *reader)
{
    bool clean = reader->line_state != LINE_TEXT && reader->line_state != LINE_PART && reader->tail.until == TAIL_NONE && finish_stream(reader);

    if (reader->tail.until != TAIL_NONE)
        tail_done(reader, reader->offset);
    item_drop(&reader->item);
    audit_reader_forget_frames(reader);
    reader->busy |= reader->item.refused || reader->held.refused;
    return clean;
}

/* The line in hand has no more bytes. */
static void finish_line(struct audit_reader *reader)
{
    size_t taken;

    while (reader->line_state == LINE_HEAD) {
        tell_line(reader, buffer_slice(&reader->line_head), true, &taken);
        end_head(reader, taken);
    }
    if (reader->line_state == LINE_PART)
        end_part(reader);
}

void audit_reader_refuse_message(struct audit_reader *reader, const char *why)
{
    struct tail *tail = &reader->tail;

    reader->line_state = LINE_JSON;
    tail->until = TAIL_END;
    tail->begin = reader->offset;
    tail->line = json_stream_line(reader->stream);
    snprintf(tail->detail, sizeof tail->detail, "%s", why);
}

enum result audit_reader_end_message(struct audit_reader *reader)
{
    if (reader->busy)
        return RESULT_BUSY;
    finish_line(reader);
    bool text = reader->messages && reader->line_state == LINE_TEXT, fed = reader->line_state == LINE_JSON;
    bool clean = close_input(reader);
    if (!clean || !fed)
        json_stream_restart(reader->stream, reader->offset, json_stream_line(reader->stream) + (text ? reader->text_lines : 0));
    reader->stream_at = reader->offset;
    reader->begun = false;
    forget_line_begin(reader);
    return end_call(reader);
}

enum result audit_reader_finish(struct audit_reader *reader, uint64_t *error_offset)
{
    if (reader->busy)
        return RESULT_BUSY;
    finish_line(reader);
    close_input(reader);
    parts_end_all(reader);
    if (end_call(reader) != RESULT_OK)
        return RESULT_BUSY;
    if (reader->read_something)
        return RESULT_OK;
    if (error_offset)
        *error_offset = reader->error_offset == no_error ? reader->offset : reader->error_offset;
    return RESULT_INVALID;
}
