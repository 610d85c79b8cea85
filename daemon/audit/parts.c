/* SPDX-License-Identifier: Apache-2.0 */
#include "reader.h"

#include "harrier/audit_text.h"
#include "harrier/base/memory.h"

enum { DOUBLING_ENDS = 1024 * 1024, SMALLEST_CAPACITY = 32 * 1024 };

struct part_line *parts_find(struct audit_reader *reader, const uint8_t key[DIGEST_SHA256_BYTES])
{
    struct parts *parts = &reader->parts;

    for (size_t i = 0; i < parts->count; i++)
        if (memcmp(parts->lines[i].key, key, DIGEST_SHA256_BYTES) == 0)
            return &parts->lines[i];
    return NULL;
}

/* --- memory ---------------------------------------------------------------------------------------------------------------------- */

static void give_text_back(struct audit_reader *reader, struct part_line *line)
{
    if (line->charged)
        audit_reader_ask_budget(reader, -(ptrdiff_t)line->charged);
    line->charged = 0;
    buffer_free(&line->text);
}

static bool make_room(struct audit_reader *reader, struct part_line *line, size_t extra)
{
    size_t needed = line->text.length + extra + 1;
    size_t capacity = line->charged > SMALLEST_CAPACITY ? line->charged : SMALLEST_CAPACITY;

    if (needed <= line->charged)
        return true;
    while (capacity < needed)
        capacity += capacity < DOUBLING_ENDS ? capacity : DOUBLING_ENDS;
    if (!audit_reader_ask_budget(reader, (ptrdiff_t)(capacity - line->charged)))
        return false;
    line->text.bytes = xrealloc(line->text.bytes, capacity);
    line->text.capacity = line->charged = capacity;
    return true;
}

static void forget_line(struct audit_reader *reader, struct part_line *line)
{
    struct parts *parts = &reader->parts;
    size_t at = (size_t)(line - parts->lines);

    give_text_back(reader, line);
    parts->count--;
    memmove(line, line + 1, (parts->count - at) * sizeof *line);
}

/* --- judging --------------------------------------------------------------------------------------------------------------------- */

static void dead_line(struct audit_reader *reader, const struct part_line *line, enum audit_dead_reason reason, const char *why)
{
    audit_reader_dead(reader, &(struct audit_dead){
                                  .reason = reason,
                                  .bytes = slice_first(buffer_slice(&line->text), reader->limits.dead_letter_bytes),
                                  .length = line->text.length,
                                  .offset = line->begin,
                                  .line = line->line,
                                  .detail = why,
                              });
}

/* What its text had to say is told; this is what is to be said of the line itself. */
static void account_for_line(struct audit_reader *reader, const struct part_line *line, const char *why)
{
    const struct payload *payload = &reader->payload;
    struct audit_json_place ignored;

    reader->counts.other += payload->other;
    bool found = payload->events || payload->deferred;

    if (payload->dead_letter || (found && !payload->left_out && !why))
        return;
    if (!found && audit_names_event(buffer_slice(&line->text)))
        dead_line(reader, line, why ? AUDIT_DEAD_LIMIT : AUDIT_DEAD_NOT_AN_EVENT, why ? why : audit_unread_event);
    else if (!found && audit_find_json(buffer_slice(&line->text), true, &ignored) != AUDIT_TEXT_FOUND)
        reader->counts.other += !payload->other; /* a long line of another log */
    else if (why)
        dead_line(reader, line, AUDIT_DEAD_LIMIT, why);
    else if (!found)
        dead_line(reader, line, AUDIT_DEAD_NOT_AN_EVENT, "a line in parts that is no audit event");
    else
        dead_line(reader, line, AUDIT_DEAD_NOT_AN_EVENT, "part of what this line carries is no audit event");
}

/* why: it is not judged to its end; NULL: it is whole. The object in hand, if there is one, is the record of the last part. */
static void judge_line(struct audit_reader *reader, struct part_line *line, const char *why)
{
    const struct payload payload = reader->payload;
    const uint64_t begin = reader->item.begin, number = reader->item.line;

    reader->item.begin = line->begin;
    reader->item.line = line->line;
    reader->payload = (struct payload){.manner = PAYLOAD_OF_COLLECTOR};
    reader->read_something = true;
    if (payload_read_text(reader, buffer_slice(&line->text)))
        account_for_line(reader, line, why);
    else
        dead_line(reader, line, AUDIT_DEAD_LIMIT, "too many envelopes in each other");
    reader->payload = payload;
    reader->item.begin = begin;
    reader->item.line = number;
}

/* --- lines ----------------------------------------------------------------------------------------------------------------------- */

struct part_line *parts_begin(struct audit_reader *reader, const uint8_t key[DIGEST_SHA256_BYTES], uint64_t offset, uint64_t line)
{
    struct parts *parts = &reader->parts;

    if (parts->count == PARTS_LINES)
        parts_end(reader, parts->lines, false);
    struct part_line *begun = &parts->lines[parts->count++];
    *begun = (struct part_line){.begin = offset, .line = line};
    memcpy(begun->key, key, sizeof begun->key);
    return begun;
}

static void give_up(struct audit_reader *reader, struct part_line *line, const char *why)
{
    judge_line(reader, line, why);
    give_text_back(reader, line);
    line->given_up = true;
}

void parts_append(struct audit_reader *reader, struct part_line *line, struct slice text)
{
    const struct audit_limits *limits = &reader->limits;
    size_t most = limits->event_bytes + 2 * limits->value_bytes; /* no event that is kept whole is longer */

    reader->parts_taken++;
    if (line->given_up)
        return;
    struct slice within = slice_first(text, most - line->text.length);
    if (make_room(reader, line, within.length)) {
        buffer_append_slice(&line->text, within);
        if (within.length < text.length)
            give_up(reader, line, "a line in parts that is longer than event_bytes and value_bytes allow is judged as far as they do");
    } else if (limits->cut_over_budget) {
        give_up(reader, line, "a line in parts for which there is no memory now is judged as far as it came");
    } else {
        reader->busy = true;
    }
}

void parts_end(struct audit_reader *reader, struct part_line *line, bool is_whole)
{
    if (!line->given_up && line->text.length)
        judge_line(reader, line, is_whole ? NULL : "a line in parts of which the last one did not come is judged as far as it came");
    forget_line(reader, line);
}

/* What the child tells is told as what stands in the reader's text. */
static void end_childs_parts(struct audit_reader *reader)
{
    if (!reader->child)
        return;
    const struct payload payload = reader->payload;
    reader->payload = (struct payload){.manner = PAYLOAD_OF_COLLECTOR};
    payload_end_parts(reader);
    reader->counts.other += reader->payload.other;
    reader->payload = payload;
}

void parts_end_all(struct audit_reader *reader)
{
    while (reader->parts.count && !reader->busy)
        parts_end(reader, reader->parts.lines, false);
    end_childs_parts(reader);
}

void parts_drop(struct audit_reader *reader)
{
    while (reader->parts.count)
        forget_line(reader, reader->parts.lines);
}
