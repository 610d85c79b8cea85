/* SPDX-License-Identifier: Apache-2.0 */
/* What a line of text begins with, and whether JSON stands behind it. */
#include "line.h"
#include "recovery.h"

#include "harrier/audit_text.h"

enum { KEPT_HEAD_CAPACITY = 4096 };

void line_forget_beginning(struct audit_reader *reader)
{
    reader->line_state = LINE_BEGINS;
    reader->behind_head = reader->ends_with_line = reader->behind_words = false;
    buffer_reset(&reader->line_head, KEPT_HEAD_CAPACITY);
}

void line_begin_text(struct audit_reader *reader, uint64_t offset)
{
    reader->line_state = LINE_TEXT;
    reader->read_something = true;
    reader->text_lines = 0;
    reader->text_names = (struct audit_name_search){0};
    reader->text_is_named = false;
    reader->text_begin = offset;
    reader->text_length = 0;
    buffer_reset(&reader->tail.bytes, KEPT_HEAD_CAPACITY);
}

void line_end_text(struct audit_reader *reader)
{
    struct buffer *beginning = &reader->tail.bytes;

    if (reader->text_is_named)
        audit_reader_dead(reader, &(struct audit_dead){
                                      .reason = AUDIT_DEAD_NOT_AN_EVENT,
                                      .bytes = buffer_slice(beginning),
                                      .length = reader->text_length,
                                      .offset = reader->text_begin,
                                      .line = json_stream_line(reader->stream),
                                      .detail = audit_unread_event,
                                  });
    else
        reader->counts.other++;
    buffer_reset(beginning, KEPT_HEAD_CAPACITY);
}

static void keep_text(struct audit_reader *reader, struct slice bytes)
{
    reader->text_length += bytes.length;
    recovery_append(reader, bytes);
    reader->text_is_named = reader->text_is_named || audit_search_names(&reader->text_names, bytes) > 0;
}

/* --- the beginning of a line ------------------------------------------------------------------------------------------------- */

void line_restart_stream(struct audit_reader *reader, uint64_t offset)
{
    if (reader->stream_at == offset)
        return;
    reader->stream_at = offset;
    json_stream_restart(reader->stream, offset, json_stream_line(reader->stream));
}

static void begin_json(struct audit_reader *reader, uint64_t offset)
{
    line_restart_stream(reader, offset);
    reader->line_state = LINE_JSON;
}

/* No JSON begins on the line. A container's is of another log for sure; anything else in a body is damage, which the stream tells. */
static void begin_other(struct audit_reader *reader, uint64_t offset)
{
    if (reader->messages || reader->behind_head)
        line_begin_text(reader, offset);
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

/* Can JSON that was written over several lines have the byte at a line's beginning? Then it need not be looked at whether a line of a log begins. */
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
size_t line_take_beginning(struct audit_reader *reader, struct slice bytes)
{
    size_t blanks = 0, taken;
    bool whole;

    while (blanks < bytes.length && (bytes.bytes[blanks] == ' ' || (bytes.bytes[blanks] >= '\t' && bytes.bytes[blanks] <= '\r')))
        blanks++;
    if (blanks) {
        line_restart_stream(reader, reader->offset);
        json_stream_feed(reader->stream, slice_first(bytes, blanks));
        reader->stream_at += blanks;
        return blanks;
    }
    if (!reader->behind_head) {
        reader->judged = reader->counts.received;
        reader->line_events = reader->counts.events;
    }
    reader->head_at = reader->offset;
    bool goes_on = reader->begun || !reader->messages;
    reader->begun = true;
    if (bytes.bytes[0] == '{' || (goes_on && !reader->behind_head && goes_on_with(bytes.bytes[0]))) {
        begin_json(reader, reader->offset);
        return 0;
    }
    struct slice line = line_of(bytes, &whole);
    if (tell_line(reader, line, whole, &taken))
        return taken;
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
    audit_reader_take_bytes(reader, slice_from(buffer_slice(&head), taken));
    buffer_free(&head);
}

/* Gathers a beginning that came in pieces. */
size_t line_take_head(struct audit_reader *reader, struct slice bytes)
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
    line_forget_beginning(reader);
    line_restart_stream(reader, reader->offset);
}

size_t line_take_text(struct audit_reader *reader, struct slice bytes)
{
    size_t length = bytes.length;
    ptrdiff_t newline = slice_find_byte(bytes, '\n');

    if (!reader->messages && newline == 0) {
        line_end_text(reader);
        end_line(reader);
        return 0;
    }
    if (!reader->messages && newline >= 0)
        length = (size_t)newline;
    keep_text(reader, slice_first(bytes, length));
    if (length < bytes.length)
        return length;
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

size_t line_take_part(struct audit_reader *reader, struct slice bytes)
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

void line_finish(struct audit_reader *reader)
{
    size_t taken;

    while (reader->line_state == LINE_HEAD) {
        tell_line(reader, buffer_slice(&reader->line_head), true, &taken);
        end_head(reader, taken);
    }
    if (reader->line_state == LINE_PART)
        end_part(reader);
}
