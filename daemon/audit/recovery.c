/* SPDX-License-Identifier: Apache-2.0 */
/* Getting over wrong syntax. */
#include "recovery.h"

#include "line.h"
#include "harrier/audit_text.h"

#include <stdio.h>

void recovery_append(struct audit_reader *reader, struct slice bytes)
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

void recovery_end(struct audit_reader *reader, uint64_t resume)
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
        line_forget_beginning(reader);
}

size_t recovery_take(struct audit_reader *reader, struct slice bytes, uint64_t offset)
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
    recovery_append(reader, slice_first(bytes, length));
    tail->end = offset + length;
    if (found)
        recovery_end(reader, tail->end);
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
void recovery_decide_item(struct audit_reader *reader)
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
    if (verdict == VERDICT_UDM && !audit_shape_is_udm(shape, reader->accept, item_closed_bytes(item)))
        verdict = VERDICT_NONE;
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

/* The first token of the next line may have begun in a chunk before this one: the stream had it, and lets go of it with the restart. */
static void resume_at_next_line(struct audit_reader *reader, uint64_t begin, struct slice behind)
{
    uint64_t offset = reader->offset;
    struct buffer carried = {NULL, 0, 0};

    buffer_append_slice(&carried, slice_first(behind, offset > begin ? (size_t)(offset - begin) : 0));
    recovery_end(reader, begin);
    if (carried.length) {
        reader->offset = begin;
        audit_reader_take_bytes(reader, buffer_slice(&carried));
        reader->offset = offset;
    }
    buffer_free(&carried);
}

/* Is the message text after all? Many logs begin their lines with a word in brackets. */
static bool is_bracketed_text(const struct audit_reader *reader)
{
    return reader->messages && reader->frame_count == 1 && reader->frames[0].is_array && reader->judged == reader->counts.received;
}

size_t recovery_begin(struct audit_reader *reader, struct slice chunk)
{
    const struct json_stream_error *error = json_stream_error(reader->stream);
    struct tail *tail = &reader->tail;
    struct item *item = &reader->item;
    uint64_t piece_offset;
    struct slice piece = json_stream_piece(reader->stream, &piece_offset);
    struct slice behind = slice_from(piece, (size_t)(error->offset - piece_offset));

    if (is_bracketed_text(reader)) {
        line_begin_text(reader, error->offset);
        return error->offset > reader->offset ? (size_t)(error->offset - reader->offset) : 0;
    }
    tail->until = recovery(reader, error);
    tail->begin = item->open ? item->begin : error->offset;
    tail->line = json_stream_line(reader->stream);
    tail->behind_newline = error->starts_line;
    tail->behind_value = reader->frame_count == 0 && !item->open && reader->counts.received > reader->judged;
    snprintf(tail->detail, sizeof tail->detail, "%s", error->detail);
    if (reader->error_offset == AUDIT_NO_ERROR)
        reader->error_offset = error->offset;
    if (item->open) {
        recovery_append(reader, item_beginning(item, error->offset, piece, piece_offset));
        item_broken(item, error->offset, piece, piece_offset);
        recovery_decide_item(reader);
        unpack_if_unbounded(reader);
    }
    item_drop(item);
    audit_reader_forget_frames(reader);

    uint64_t done = error->offset;
    if (is_next_line(reader, error, behind)) {
        tail->line++;
        resume_at_next_line(reader, done, behind);
        if (done < reader->offset)
            return 0;
    } else {
        done += recovery_take(reader, behind, error->offset);
    }
    uint64_t chunk_end = reader->offset + chunk.length;
    if (done < reader->offset)
        done = reader->offset;
    return (size_t)((done < chunk_end ? done : chunk_end) - reader->offset);
}
