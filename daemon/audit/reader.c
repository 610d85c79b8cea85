/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes in. */
#include "line.h"
#include "recovery.h"

#include "harrier/base/memory.h"

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
    line_forget_beginning(reader);
    memset(reader->text_source, 0, sizeof reader->text_source);
    parts_drop(reader);
    reader->inflated = 0;
    unpack_drop(reader);
    if (reader->child)
        audit_reader_reset(reader->child);
    reader->read_something = false;
    reader->error_offset = AUDIT_NO_ERROR;
    reader->counts = (struct audit_counts){0};
}

const struct audit_counts *audit_reader_counts(const struct audit_reader *reader)
{
    return &reader->counts;
}

/* --- feeding ---------------------------------------------------------------------------------------------------------------- */

/* A line at a time, so that where lines begin is seen whatever the chunks. */
static size_t json_length(const struct audit_reader *reader, struct slice bytes)
{
    ptrdiff_t newline = slice_find_byte(bytes, '\n');

    if (newline < 0)
        return bytes.length;
    return (size_t)newline + !reader->ends_with_line;
}

static bool close_input(struct audit_reader *reader);

/* What is open ends with its line. */
static void close_line(struct audit_reader *reader)
{
    if (!close_input(reader))
        reader->stream_at = UINT64_MAX; /* it failed */
    line_restart_stream(reader, reader->offset);
    line_forget_beginning(reader);
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
    case RESULT_INVALID: return recovery_begin(reader, part);
    default: reader->busy = true; return bytes.length;
    }
    if (part.bytes[part.length - 1] == '\n' && reader->frame_count == 0)
        line_forget_beginning(reader);
    return part.length;
}

static size_t take_part_of_input(struct audit_reader *reader, struct slice bytes)
{
    switch (reader->line_state) {
    case LINE_BEGINS: return line_take_beginning(reader, bytes);
    case LINE_HEAD: return line_take_head(reader, bytes);
    case LINE_PART: return line_take_part(reader, bytes);
    case LINE_TEXT: return line_take_text(reader, bytes);
    case LINE_JSON: break;
    }
    return reader->tail.until != TAIL_NONE ? recovery_take(reader, bytes, reader->offset) : feed_json(reader, bytes);
}

void audit_reader_take_bytes(struct audit_reader *reader, struct slice bytes)
{
    while (bytes.length && !reader->busy) {
        size_t taken = take_part_of_input(reader, bytes);
        reader->offset += taken;
        bytes = slice_from(bytes, taken);
        unpack_if_unbounded(reader);
        reader->busy |= reader->item.refused || reader->held.refused;
    }
}

enum result audit_reader_state(const struct audit_reader *reader)
{
    return reader->busy ? RESULT_BUSY : RESULT_OK;
}

static enum result end_call(struct audit_reader *reader)
{
    unpack_if_unbounded(reader);
    return audit_reader_state(reader);
}

void audit_reader_take_messages(struct audit_reader *reader)
{
    reader->messages = true;
}

enum result audit_reader_feed(struct audit_reader *reader, struct slice bytes)
{
    audit_reader_take_bytes(reader, bytes);
    return end_call(reader);
}

/* --- the end ---------------------------------------------------------------------------------------------------------------- */

static void end_in_item(struct audit_reader *reader)
{
    struct item *item = &reader->item;
    struct buffer *beginning = &reader->tail.bytes; /* as it stands, before it is closed */

    item_unfinished(item, json_stream_unfinished(reader->stream));
    recovery_append(reader, buffer_slice(&item->kept));
    recovery_decide_item(reader);
    unpack_if_unbounded(reader);
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
        recovery_begin(reader, slice_make("", 0));
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
        recovery_end(reader, reader->offset);
    if (reader->line_state == LINE_TEXT)
        line_end_text(reader);
    item_drop(&reader->item);
    audit_reader_forget_frames(reader);
    reader->busy |= reader->item.refused || reader->held.refused;
    return clean;
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
    line_finish(reader);
    bool text = reader->messages && reader->line_state == LINE_TEXT, fed = reader->line_state == LINE_JSON;
    bool clean = close_input(reader);
    if (!clean || !fed)
        json_stream_restart(reader->stream, reader->offset, json_stream_line(reader->stream) + (text ? reader->text_lines : 0));
    reader->stream_at = reader->offset;
    reader->begun = false;
    line_forget_beginning(reader);
    return end_call(reader);
}

enum result audit_reader_finish(struct audit_reader *reader, uint64_t *error_offset)
{
    if (reader->busy)
        return RESULT_BUSY;
    line_finish(reader);
    close_input(reader);
    parts_end_all(reader);
    if (end_call(reader) != RESULT_OK)
        return RESULT_BUSY;
    if (reader->read_something)
        return RESULT_OK;
    if (error_offset)
        *error_offset = reader->error_offset == AUDIT_NO_ERROR ? reader->offset : reader->error_offset;
    return RESULT_INVALID;
}
