/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/audit/split.h"

#include <string.h>

/* moby daemon/logger/copier.go, defaultBufSize: so many bytes has each part but the last. What was no UTF-8 in them becomes longer. */
enum { RUNTIME_PART_BYTES = 16 * 1024 };

/* Two ways of telling parts: containerd and CRI-O tag each line with P (more come) or F, which Fluent Bit's parser `cri` passes on as logtag;
 * Docker's fluentd driver says partial_message, partial_ordinal and partial_last. Docker's json-file says nothing, but its text has the newline
 * only in the last part. */
struct record {
    struct json_raw tag, partial, last, ordinal, text, stream;
    uint64_t source;
};

static bool is_true(struct json_raw value)
{
    return json_raw_is(value, "true") || (value.text.bytes && value.type == JSON_BOOL && value.text.bytes[0] == 't');
}

static bool is_first(struct json_raw ordinal)
{
    return json_raw_is(ordinal, "1") || slice_equal(ordinal.text, SLICE("1"));
}

static bool is_of_json_file(const struct record *record)
{
    return record->text.text.bytes && record->stream.text.bytes && !record->tag.text.bytes && !is_true(record->partial);
}

static uint64_t hash_bytes(uint64_t hash, struct slice bytes)
{
    for (size_t i = 0; i < bytes.length; i++) /* FNV-1a */
        hash = (hash ^ (unsigned char)bytes.bytes[i]) * 0x100000001B3;
    return hash;
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

static void read_record(struct slice bytes, struct record *record)
{
    struct json_walk walk;
    struct json_raw value;
    struct slice key;

    *record = (struct record){.source = 0xCBF29CE484222325};
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
        else if (json_walk_is(key, "log") && value.type == JSON_STRING)
            record->text = value;
        else if (names_source(key))
            record->source = hash_bytes(hash_bytes(record->source, key), value.text);
        if (json_walk_is(key, "stream") && value.type == JSON_STRING)
            record->stream = value;
    }
    if (is_of_json_file(record))
        record->source = ~record->source; /* lines of the two ways never mix */
}

/* Does the record say that more parts come? */
static bool goes_on(const struct record *record)
{
    return json_raw_is(record->tag, "P") || (is_true(record->partial) && !is_true(record->last));
}

/* --- lines ------------------------------------------------------------------------------------------------------------------- */

static struct split_line *find_line(struct split *split, uint64_t source)
{
    for (size_t i = 0; i < split->count; i++)
        if (split->lines[i].source == source)
            return &split->lines[i];
    return NULL;
}

static void forget_line(struct split *split, struct split_line *line)
{
    size_t at = (size_t)(line - split->lines);

    split->count--;
    memmove(line, line + 1, (split->count - at) * sizeof *line);
}

static void note_line(struct split *split, uint64_t source, bool full)
{
    struct split_line *line = find_line(split, source);

    if (line)
        forget_line(split, line);
    else if (split->count == SPLIT_SOURCES)
        forget_line(split, split->lines);
    split->lines[split->count++] = (struct split_line){source, full};
}

/* --- the text of a json-file ------------------------------------------------------------------------------------------------- */

struct text_end {
    uint64_t length;
    char last;
};

static enum result see_end(void *data, struct slice text)
{
    struct text_end *end = data;

    end->length += text.length;
    if (text.length)
        end->last = text.bytes[text.length - 1];
    return RESULT_OK;
}

static struct text_end end_of(struct json_raw text)
{
    struct text_end end = {0};
    json_raw_give(text, see_end, &end);
    return end;
}

/* A part that is neither a line's end nor full is of a log whose lines have no newline here at all: then there is no rest. */
static bool is_rest_of_json_file(struct split *split, const struct record *record)
{
    struct split_line *line = find_line(split, record->source);

    if (!line)
        return false;
    struct text_end end = end_of(record->text);
    bool middle = end.last != '\n' && line->full && end.length >= RUNTIME_PART_BYTES;
    if (!middle)
        forget_line(split, line);
    return middle || end.last == '\n';
}

bool split_is_rest(struct split *split, struct slice bytes)
{
    struct record record;

    read_record(bytes, &record);
    if (is_of_json_file(&record))
        return is_rest_of_json_file(split, &record);
    bool partial = is_true(record.partial);
    if (!partial && !record.tag.text.bytes)
        return false;
    struct split_line *line = find_line(split, record.source);
    bool rest = partial && record.ordinal.text.bytes ? !is_first(record.ordinal) : line || (partial && is_true(record.last));
    if (line && !goes_on(&record))
        forget_line(split, line);
    else if (rest && goes_on(&record))
        note_line(split, record.source, false);
    return rest;
}

void split_note_first(struct split *split, struct slice bytes)
{
    struct record record;

    read_record(bytes, &record);
    if (goes_on(&record))
        note_line(split, record.source, false);
    if (!is_of_json_file(&record))
        return;
    struct text_end end = end_of(record.text);
    if (end.last != '\n')
        note_line(split, record.source, end.length >= RUNTIME_PART_BYTES);
}
