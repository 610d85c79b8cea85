/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of lines in the records of log shippers that did not join them. */
#include "daemon/audit/reader.h"

#include "harrier/audit_text.h"
#include "harrier/base/memory.h"

#include <stdlib.h>

/* moby daemon/logger/copier.go, defaultBufSize: so many bytes has each part but the last. What was no UTF-8 in them becomes longer. */
enum { RUNTIME_PART_BYTES = 16 * 1024 };

/* Two ways of telling parts: containerd and CRI-O tag each line with P (more come) or F, which Fluent Bit's parser `cri` passes on as logtag;
 * Docker's fluentd driver says partial_message, partial_ordinal and partial_last. Docker's json-file says nothing, but its text has the newline
 * only in the last part. */
struct record {
    struct json_raw tag, partial, last, ordinal, text, stream;
};

/* What the first part is told by. */
struct text_state {
    size_t skip; /* bytes in front of JSON, which are no part of it */
    uint64_t length;
    char last;
    bool in_string, escaped;
    bool ended; /* JSON */
    size_t depth;
};

static bool is_true(struct json_raw value)
{
    return json_raw_is(value, "true") || (value.text.bytes && value.type == JSON_BOOL && value.text.bytes[0] == 't');
}

static bool is_first(struct json_raw ordinal)
{
    return json_raw_is(ordinal, "1") || slice_equal(ordinal.text, SLICE("1"));
}

static bool names_source(struct slice key)
{
    static const char *const names[] = {"stream", "file",         "filename",       "filePath", "path",       "tag", "host",
                                        "source", "container_id", "container_name", "attrs",    "kubernetes", "partial_id"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (json_walk_is(key, names[i]))
            return true;
    return false;
}

void record_source(struct slice record, uint8_t source[DIGEST_SHA256_BYTES])
{
    struct digest *digest = digest_new();
    struct json_walk walk;
    struct json_raw value;
    struct slice key;

    digest_begin(digest);
    json_walk_begin(&walk, record);
    while (json_walk_next(&walk, &key, &value))
        if (names_source(key)) {
            digest_update(digest, key);
            digest_update(digest, SLICE("\n")); /* stands in neither */
            digest_update(digest, value.text);
        }
    digest_end(digest, source);
    digest_free(digest);
}

static bool is_text(struct slice key)
{
    return json_walk_is(key, "log") || json_walk_is(key, "message");
}

static void read_record(struct slice bytes, struct record *record)
{
    struct json_walk walk;
    struct json_raw value;
    struct slice key;

    *record = (struct record){0};
    json_walk_begin(&walk, bytes);
    while (json_walk_next(&walk, &key, &value)) {
        if (json_walk_is(key, "logtag"))
            record->tag = value;
        else if (json_walk_is(key, "partial_message"))
            record->partial = value;
        else if (json_walk_is(key, "partial_last"))
            record->last = value;
        else if (json_walk_is(key, "partial_ordinal"))
            record->ordinal = value;
        else if (is_text(key) && value.type == JSON_STRING)
            record->text = value;
        else if (json_walk_is(key, "stream") && value.type == JSON_STRING)
            record->stream = value;
    }
}

/* --- the text -------------------------------------------------------------------------------------------------------------------- */

static enum result see_text(void *data, struct slice text)
{
    struct text_state *state = data;

    size_t skipped = state->skip < text.length ? state->skip : text.length;

    state->skip -= skipped;
    for (size_t i = skipped; i < text.length && !state->ended; i++) {
        char byte = text.bytes[i];
        if (state->in_string && !state->escaped && byte == '"')
            state->in_string = false;
        else if (!state->in_string && byte == '"')
            state->in_string = true;
        else if (!state->in_string && (byte == '{' || byte == '['))
            state->depth++;
        else if (!state->in_string && state->depth && (byte == '}' || byte == ']'))
            state->ended = --state->depth == 0;
        state->escaped = state->in_string && !state->escaped && byte == '\\';
    }
    state->length += text.length;
    if (text.length)
        state->last = text.bytes[text.length - 1];
    return RESULT_OK;
}

enum beginning { BEGINNING_OF_TEXT, BEGINNING_CUT, BEGINNING_WHOLE };

/* Does JSON begin in the text, and does it end in it? */
static enum beginning tell_beginning(struct json_raw text)
{
    char beginning[AUDIT_TEXT_BYTES + 16];
    struct audit_json_place place;
    struct text_state state = {0};

    if (audit_find_json(slice_make(beginning, json_raw_beginning(text, beginning, sizeof beginning)), true, &place) != AUDIT_TEXT_FOUND)
        return BEGINNING_OF_TEXT;
    state.skip = place.at;
    json_raw_give(text, see_text, &state);
    return state.ended ? BEGINNING_WHOLE : BEGINNING_CUT;
}

static struct text_state state_of(struct json_raw text)
{
    struct text_state state = {0};
    json_raw_give(text, see_text, &state);
    return state;
}

/* --- parts ----------------------------------------------------------------------------------------------------------------------- */

struct taking {
    struct audit_reader *reader;
    struct part_line *line;
};

static enum result append_text(void *data, struct slice text)
{
    struct taking *taking = data;
    parts_append(taking->reader, taking->line, text);
    return taking->reader->busy ? RESULT_BUSY : RESULT_OK;
}

static struct part_line *begin_line(struct audit_reader *reader, const uint8_t key[DIGEST_SHA256_BYTES])
{
    return parts_begin(reader, key, reader->item.begin, reader->item.line);
}

static void take_text(struct audit_reader *reader, struct part_line *line, struct json_raw text)
{
    struct taking taking = {reader, line};
    json_raw_give(text, append_text, &taking);
}

/* More parts come where the record says so; of Docker's driver all but the first have a number. */
static bool take_tagged(struct audit_reader *reader, const struct record *record, const uint8_t key[DIGEST_SHA256_BYTES])
{
    struct part_line *line = parts_find(reader, key);
    bool has_number = is_true(record->partial) && record->ordinal.text.bytes;
    bool more = json_raw_is(record->tag, "P") || (is_true(record->partial) && !is_true(record->last));
    bool is_rest = has_number ? !is_first(record->ordinal) : line != NULL || (is_true(record->partial) && is_true(record->last));

    if (line && !is_rest) {
        parts_end(reader, line, false);
        line = NULL;
    }
    if (!line && is_rest) {
        reader->payload.dead_letter = true;
        audit_reader_dead_item(reader, AUDIT_DEAD_NOT_AN_EVENT, "a part of a split line, whose first part did not come");
        return true;
    }
    if (!line && !more)
        return false;
    if (!line) {
        if (tell_beginning(record->text) == BEGINNING_WHOLE) /* who joined it has left the tag of its first part */
            return false;
        line = begin_line(reader, key);
    }
    take_text(reader, line, record->text);
    if (!more)
        parts_end(reader, parts_find(reader, key), true);
    return true;
}

static bool ends_with_newline(struct json_raw text)
{
    struct slice raw = text.text;
    size_t at = raw.length > 3 ? raw.length - 2 : 0, slashes = 0;

    if (at == 0 || raw.bytes[at] != 'n')
        return false;
    while (raw.bytes[at - 1 - slashes] == '\\')
        slashes++;
    return slashes % 2 == 1;
}

/* A part that is neither a line's end nor full is of a log whose lines have no newline here at all: then there is no rest. */
static bool take_of_json_file(struct audit_reader *reader, const struct record *record, const uint8_t key[DIGEST_SHA256_BYTES])
{
    struct part_line *line = parts_find(reader, key);
    struct text_state state = state_of(record->text);
    bool is_end = state.last == '\n', is_full = state.length >= RUNTIME_PART_BYTES;

    if (line && !is_end && !(line->full_part && is_full)) {
        parts_end(reader, line, false);
        line = NULL;
    }
    if (!line && (is_end || tell_beginning(record->text) != BEGINNING_CUT))
        return false;
    if (!line)
        line = begin_line(reader, key);
    line->full_part = is_full;
    take_text(reader, line, record->text);
    if (is_end)
        parts_end(reader, parts_find(reader, key), true);
    return true;
}

bool record_take_part(struct audit_reader *reader, struct slice bytes)
{
    uint8_t key[DIGEST_SHA256_BYTES];
    struct record record;

    read_record(bytes, &record);
    bool tagged = record.tag.text.bytes || is_true(record.partial);
    bool of_json_file = !tagged && record.text.text.bytes && record.stream.text.bytes;
    if (!record.text.text.bytes || (!tagged && !of_json_file))
        return false;
    if (!reader->parts.count && of_json_file && ends_with_newline(record.text))
        return false;
    record_source(bytes, key);
    if (of_json_file)
        key[0] ^= 0xFF; /* lines of the two ways never mix */
    return tagged ? take_tagged(reader, &record, key) : take_of_json_file(reader, &record, key);
}
