/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/cri.h"

#include "harrier/audit_text.h"
#include "harrier/base/buffer.h"
#include "harrier/base/memory.h"
#include "harrier/base/vector.h"

#include <stdlib.h>

enum { HEAD_BYTES = AUDIT_CRI_HEAD_BYTES, KEPT_CAPACITY = 4096 };

/* Parts are joined within each of them. */
enum stream { STREAM_PLAIN, STREAM_STDOUT, STREAM_STDERR, STREAM_COUNT };

/* A message of which parts have come, and not the last one. */
struct unfinished {
    bool open;
    bool holds_up;      /* whole messages of other streams have come since */
    uint64_t last_part; /* the end of its last part in the bytes that were read */
};

/* Where the reading is in a line: in its head, which is gathered until it shows what the line is, or in its text. Plain data: a copy of it
 * reads ahead. */
struct line {
    char head[HEAD_BYTES];
    size_t head_length;
    size_t blanks; /* in the head */
    bool told;     /* in the text: stream and partial hold */
    enum stream stream;
    bool partial; /* more of the message follows in a later line */
    struct unfinished unfinished[STREAM_COUNT];
    uint64_t read; /* bytes */
};

/* What some bytes turned out to be. */
struct span {
    struct slice text;
    enum stream stream;
    bool line_end;
    bool message_end;
};

/* What stands between the parts of another stream's message: whole messages, up to each of ends, and perhaps the beginning of one. */
struct waiting {
    struct buffer bytes;
    VECTOR(size_t) ends;
};

struct cri_reader {
    struct cri_sink sink;
    struct line line;
    bool passing; /* a message of `current` is being passed on */
    enum stream current;
    struct waiting waiting[STREAM_COUNT];
};

/* --- what a line is -------------------------------------------------------------------------------------------------------------- */

/* The head is complete, with its three blanks, or is none. */
static bool head_is_of_a_container(struct line *line)
{
    struct audit_cri_head head;

    if (audit_read_cri_head(slice_make(line->head, line->head_length), true, &head) != AUDIT_TEXT_FOUND)
        return false;
    line->stream = head.is_stderr ? STREAM_STDERR : STREAM_STDOUT;
    line->partial = head.is_part;
    return true;
}

static void end_line(struct line *line, struct span *span)
{
    struct unfinished *own = &line->unfinished[line->stream];

    span->message_end = !line->partial;
    *own = (struct unfinished){.open = line->partial, .holds_up = line->partial && own->holds_up, .last_part = line->read};
    for (size_t i = 0; span->message_end && i < STREAM_COUNT; i++)
        line->unfinished[i].holds_up = line->unfinished[i].open;
    line->head_length = line->blanks = 0;
    line->told = false;
}

static void be_plain(struct line *line)
{
    line->told = true;
    line->stream = STREAM_PLAIN;
    line->partial = false;
}

/* Gathers the head; what it took. */
static size_t read_head(struct line *line, struct slice bytes, struct span *span)
{
    size_t used = 0;
    bool complete = false;

    while (used < bytes.length && !complete) {
        char c = bytes.bytes[used++];
        line->head[line->head_length++] = c;
        line->blanks += c == ' ';
        complete = c == '\n' || line->blanks == 3 || line->head_length == HEAD_BYTES;
    }
    if (!complete)
        return used;
    line->told = true;
    if (head_is_of_a_container(line))
        return used;
    be_plain(line);
    span->text = slice_make(line->head, line->head_length);
    span->stream = STREAM_PLAIN;
    span->line_end = line->head[line->head_length - 1] == '\n';
    return used;
}

static size_t read_text(struct line *line, struct slice bytes, struct span *span)
{
    const char *newline = memchr(bytes.bytes, '\n', bytes.length);
    size_t used = newline ? (size_t)(newline - bytes.bytes) + 1 : bytes.length;

    span->text = slice_first(bytes, newline && line->partial ? used - 1 : used);
    span->stream = line->stream;
    span->line_end = newline != NULL;
    return used;
}

/* A file that was cut to nothing under a writer who goes on at its old offset begins with a hole, which reads as NULs. */
static size_t skip_hole(struct slice bytes)
{
    size_t used = 0;

    while (used < bytes.length && bytes.bytes[used] == '\0')
        used++;
    return used;
}

static bool is_at_begin(const struct line *line)
{
    return !line->told && line->head_length == 0;
}

/* The next span of bytes, which are not empty; how many of them it took. The text may be in the line's head. */
static size_t next_span(struct line *line, struct slice bytes, struct span *span)
{
    bool at_begin = is_at_begin(line);
    size_t used;

    *span = (struct span){0};
    if (at_begin && bytes.bytes[0] == '\0') {
        used = skip_hole(bytes);
    } else {
        if (at_begin && !(bytes.bytes[0] >= '0' && bytes.bytes[0] <= '9'))
            be_plain(line);
        used = line->told ? read_text(line, bytes, span) : read_head(line, bytes, span);
    }
    line->read += used;
    if (span->line_end)
        end_line(line, span);
    return used;
}

/* --- reading ahead --------------------------------------------------------------------------------------------------------------- */

static bool is_open(const struct line *line)
{
    return line->unfinished[STREAM_STDOUT].open || line->unfinished[STREAM_STDERR].open;
}

static struct line line_after(const struct cri_reader *reader, struct slice bytes)
{
    struct line line = reader->line;
    struct span span;

    for (size_t used = 0; used < bytes.length;)
        used += next_span(&line, slice_from(bytes, used), &span);
    return line;
}

size_t cri_reader_boundary(const struct cri_reader *reader, struct slice bytes, uint64_t *lines)
{
    struct line line = reader->line;
    struct span span;
    size_t boundary = 0;
    uint64_t count = 0, ended = 0;

    for (size_t used = 0; used < bytes.length;) {
        used += next_span(&line, slice_from(bytes, used), &span);
        ended += span.line_end;
        if (span.line_end && !is_open(&line)) {
            boundary = used;
            count = ended;
        }
    }
    if (lines)
        *lines = count;
    return boundary;
}

bool cri_reader_is_between_messages(const struct cri_reader *reader)
{
    return is_at_begin(&reader->line) && !is_open(&reader->line);
}

bool cri_reader_is_between_parts(const struct cri_reader *reader, struct slice bytes)
{
    const struct line line = line_after(reader, bytes);
    return is_at_begin(&line) && is_open(&line);
}

bool cri_reader_is_held_up(const struct cri_reader *reader, struct slice bytes, uint64_t *read)
{
    const struct line line = line_after(reader, bytes);

    *read = line.read;
    return line.unfinished[STREAM_STDOUT].holds_up || line.unfinished[STREAM_STDERR].holds_up;
}

/* Nothing is unfinished but messages that hold others up and of which no part comes between `old` and the end. */
static bool is_boundary_without(const struct line *line, const struct line *end, uint64_t old)
{
    if (!is_at_begin(line) || !is_open(line))
        return false;
    for (size_t i = 0; i < STREAM_COUNT; i++) {
        const struct unfinished *last = &end->unfinished[i];
        bool given_up = last->holds_up && last->last_part <= old && last->last_part == line->unfinished[i].last_part;
        if (line->unfinished[i].open && !given_up)
            return false;
    }
    return true;
}

bool cri_reader_boundary_without(const struct cri_reader *reader, struct slice bytes, uint64_t old, size_t *boundary, uint64_t *lines)
{
    const struct line end = line_after(reader, bytes);
    struct line line = reader->line;
    bool found = is_boundary_without(&line, &end, old);
    uint64_t ended = 0;

    *boundary = 0;
    *lines = 0;
    for (size_t used = 0; used < bytes.length;) {
        struct span span;
        used += next_span(&line, slice_from(bytes, used), &span);
        ended += span.line_end;
        if (span.line_end && is_boundary_without(&line, &end, old)) {
            found = true;
            *boundary = used;
            *lines = ended;
        }
    }
    return found;
}

/* --- messages in order ----------------------------------------------------------------------------------------------------------- */

static enum result pass(struct cri_reader *reader, struct slice text)
{
    return text.length ? reader->sink.text(reader->sink.context, text) : RESULT_OK;
}

static void end_message(struct cri_reader *reader)
{
    reader->passing = false;
    reader->sink.message_end(reader->sink.context);
}

static void wait_for_current(struct cri_reader *reader, const struct span *span)
{
    struct waiting *waiting = &reader->waiting[span->stream];

    buffer_append_slice(&waiting->bytes, span->text);
    if (span->message_end)
        VECTOR_PUSH(&waiting->ends, waiting->bytes.length);
}

static void forget(struct waiting *waiting)
{
    buffer_reset(&waiting->bytes, KEPT_CAPACITY);
    waiting->ends.count = 0;
}

/* Passes on what a stream has waiting. What is unfinished of it is the message in hand from now on. */
static enum result release(struct cri_reader *reader, enum stream stream)
{
    struct waiting *waiting = &reader->waiting[stream];
    struct slice bytes = buffer_slice(&waiting->bytes);
    enum result result = RESULT_OK;
    size_t from = 0;

    for (size_t i = 0; result == RESULT_OK && i < waiting->ends.count; i++) {
        result = pass(reader, slice_first(slice_from(bytes, from), waiting->ends.items[i] - from));
        from = waiting->ends.items[i];
        if (result == RESULT_OK)
            end_message(reader);
    }
    if (result == RESULT_OK && from < bytes.length) {
        result = pass(reader, slice_from(bytes, from));
        reader->passing = true;
        reader->current = stream;
    }
    forget(waiting);
    return result;
}

/* A message has ended: what waited comes, until a message that is unfinished, for which the rest waits on. */
static enum result release_all(struct cri_reader *reader)
{
    static const enum stream order[] = {STREAM_PLAIN, STREAM_STDOUT, STREAM_STDERR};
    enum result result = RESULT_OK;

    for (size_t i = 0; result == RESULT_OK && i < STREAM_COUNT && !reader->passing; i++)
        result = release(reader, order[i]);
    return result;
}

static size_t bytes_waiting(const struct cri_reader *reader)
{
    size_t bytes = 0;

    for (size_t i = 0; i < STREAM_COUNT; i++)
        bytes += reader->waiting[i].bytes.length;
    return bytes;
}

static enum result take_span(struct cri_reader *reader, const struct span *span)
{
    enum result result;

    if (reader->passing && reader->current != span->stream) {
        wait_for_current(reader, span);
        if (bytes_waiting(reader) <= CRI_WAITING_MAX)
            return RESULT_OK;
        reader->line.unfinished[reader->current] = (struct unfinished){0};
        end_message(reader);
        return release_all(reader);
    }
    result = pass(reader, span->text);
    if (result == RESULT_OK && span->text.length) {
        reader->passing = true;
        reader->current = span->stream;
    }
    if (result == RESULT_OK && span->message_end) {
        end_message(reader);
        result = release_all(reader);
    }
    return result;
}

enum result cri_reader_feed(struct cri_reader *reader, struct slice bytes)
{
    enum result result = RESULT_OK;
    struct span span;

    for (size_t used = 0; result == RESULT_OK && used < bytes.length;) {
        used += next_span(&reader->line, slice_from(bytes, used), &span);
        if (span.text.length || span.message_end)
            result = take_span(reader, &span);
    }
    return result;
}

/* --- begin and end --------------------------------------------------------------------------------------------------------------- */

struct cri_reader *cri_reader_new(const struct cri_sink *sink)
{
    struct cri_reader *reader = xcalloc(1, sizeof *reader);
    reader->sink = *sink;
    return reader;
}

void cri_reader_free(struct cri_reader *reader)
{
    if (!reader)
        return;
    for (size_t i = 0; i < STREAM_COUNT; i++) {
        buffer_free(&reader->waiting[i].bytes);
        VECTOR_FREE(&reader->waiting[i].ends);
    }
    free(reader);
}

void cri_reader_reset(struct cri_reader *reader)
{
    for (size_t i = 0; i < STREAM_COUNT; i++)
        forget(&reader->waiting[i]);
    reader->line = (struct line){0};
    reader->passing = false;
}

/* A head that shows nothing yet is text. */
static enum result finish_head(struct cri_reader *reader)
{
    struct line *line = &reader->line;
    const struct span span = {.text = slice_make(line->head, line->head_length), .stream = STREAM_PLAIN, .message_end = true};

    return line->told || line->head_length == 0 ? RESULT_OK : take_span(reader, &span);
}

enum result cri_reader_finish(struct cri_reader *reader)
{
    enum result result = finish_head(reader);

    /* ending one message may bring up an unfinished one of another stream */
    while (result == RESULT_OK && reader->passing) {
        end_message(reader);
        result = release_all(reader);
    }
    cri_reader_reset(reader);
    return result;
}
