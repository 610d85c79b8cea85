/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes in, and getting over wrong syntax. */
#include "daemon/audit/reader.h"

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

static const char message_prefix[] = "\xEF\xBB\xBF@cee:"; /* RFC 5424 section 6.4; the cookie of CEE's syslog mapping */
enum { MARK_BYTES = 3, PREFIX_BYTES = sizeof message_prefix - 1 };
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
    free(reader);
}

void audit_reader_reset(struct audit_reader *reader)
{
    json_stream_restart(reader->stream, 0, 1);
    item_drop(&reader->item);
    reader->item.refused = reader->held.refused = false;
    audit_reader_forget_frames(reader);
    for (size_t i = 0; i < HEAD_MEMBERS; i++)
        buffer_reset(&reader->texts[i], 4096);
    buffer_reset(&reader->tail.bytes, 4096);
    reader->tail.until = TAIL_NONE;
    reader->offset = 0;
    reader->busy = false;
    reader->prefix = 0;
    reader->in_text = false;
    reader->inflated = 0;
    unpack_drop(reader);
    reader->split = (struct split){0};
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

/* The tail ends before the offset; reading goes on there. */
static void tail_done(struct audit_reader *reader, uint64_t resume)
{
    struct tail *tail = &reader->tail;

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
    tail->until = TAIL_NONE;
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
static bool is_next_line(const struct json_stream_error *error, struct slice behind)
{
    return error->starts_line && !error->earlier_newline && behind.length && (behind.bytes[0] == '{' || behind.bytes[0] == '[');
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
    reader->in_text = reader->read_something = true;
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
    if (is_next_line(error, behind)) {
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

/* --- feeding ---------------------------------------------------------------------------------------------------------------- */

/* The message's first byte that is neither mark nor cookie: text is not for the stream. */
static void end_prefix(struct audit_reader *reader, char first)
{
    if (reader->prefix)
        json_stream_restart(reader->stream, reader->offset, json_stream_line(reader->stream));
    reader->prefix = PREFIX_DONE;
    reader->judged = reader->counts.received;
    if (reader->messages && first != '{' && first != '[')
        begin_text(reader);
}

/* At the beginning of a message; takes what is mark, blank or cookie. */
static size_t take_prefix(struct audit_reader *reader, struct slice bytes)
{
    char byte = bytes.bytes[0];
    bool between = reader->prefix == 0 || reader->prefix == MARK_BYTES || reader->prefix == PREFIX_BYTES;

    if (between && (byte == ' ' || (byte >= '\t' && byte <= '\r'))) {
        json_stream_feed(reader->stream, slice_first(bytes, 1));
        return 1;
    }
    if (reader->prefix == 0 && byte == '@')
        reader->prefix = MARK_BYTES;
    if (reader->prefix < PREFIX_BYTES && byte == message_prefix[reader->prefix]) {
        reader->prefix++;
        return 1;
    }
    end_prefix(reader, byte);
    return 0;
}

static size_t take_text(struct audit_reader *reader, struct slice bytes)
{
    size_t length = bytes.length;

    for (ptrdiff_t at; (at = slice_find_byte(bytes, '\n')) >= 0; bytes = slice_from(bytes, (size_t)at + 1))
        reader->text_lines++;
    return length;
}

static size_t take(struct audit_reader *reader, struct slice bytes)
{
    if (reader->prefix != PREFIX_DONE) {
        size_t taken = take_prefix(reader, bytes);
        if (taken || reader->prefix != PREFIX_DONE)
            return taken;
    }
    if (reader->in_text)
        return take_text(reader, bytes);
    if (reader->tail.until != TAIL_NONE)
        return tail_take(reader, bytes, reader->offset);
    switch (json_stream_feed(reader->stream, bytes)) {
    case RESULT_OK: return bytes.length;
    case RESULT_INVALID: return begin_tail(reader, bytes);
    default: reader->busy = true; return bytes.length;
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
    while (bytes.length && !reader->busy) {
        size_t taken = take(reader, bytes);
        reader->offset += taken;
        bytes = slice_from(bytes, taken);
        reader->busy |= reader->item.refused || reader->held.refused;
    }
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
    bool clean = reader->tail.until == TAIL_NONE && !reader->in_text && finish_stream(reader);

    if (reader->tail.until != TAIL_NONE)
        tail_done(reader, reader->offset);
    item_drop(&reader->item);
    audit_reader_forget_frames(reader);
    reader->busy |= reader->item.refused || reader->held.refused;
    return clean;
}

void audit_reader_refuse_message(struct audit_reader *reader, const char *why)
{
    struct tail *tail = &reader->tail;

    reader->prefix = PREFIX_DONE;
    tail->until = TAIL_END;
    tail->begin = reader->offset;
    tail->line = json_stream_line(reader->stream);
    snprintf(tail->detail, sizeof tail->detail, "%s", why);
}

enum result audit_reader_end_message(struct audit_reader *reader)
{
    if (reader->busy)
        return RESULT_BUSY;
    bool clean = close_input(reader);
    bool only_prefix = reader->prefix && reader->prefix != PREFIX_DONE; /* which the stream has not seen */
    if (!clean || only_prefix)
        json_stream_restart(reader->stream, reader->offset, json_stream_line(reader->stream) + (reader->in_text ? reader->text_lines : 0));
    reader->prefix = 0;
    reader->in_text = false;
    return end_call(reader);
}

enum result audit_reader_finish(struct audit_reader *reader, uint64_t *error_offset)
{
    if (reader->busy)
        return RESULT_BUSY;
    close_input(reader);
    if (end_call(reader) != RESULT_OK)
        return RESULT_BUSY;
    if (reader->read_something)
        return RESULT_OK;
    if (error_offset)
        *error_offset = reader->error_offset == no_error ? reader->offset : reader->error_offset;
    return RESULT_INVALID;
}
