/* SPDX-License-Identifier: Apache-2.0 */
/* The files of lists and tables, and what was made ready from them. */
#include "list.h"

#include "harrier/base/map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct yaral_lists {
    struct map *sources; /* name -> struct list_source */
    struct map *ready;   /* name, column, kind and nocase -> struct yaral_list */
};

struct yaral_lists *yaral_lists_new(void)
{
    struct yaral_lists *lists = xcalloc(1, sizeof *lists);
    lists->sources = map_new();
    lists->ready = map_new();
    return lists;
}

static void source_free(void *value)
{
    struct list_source *source = value;

    for (size_t i = 0; i < source->columns.count; i++) {
        VECTOR_FREE(&source->columns.items[i]->values);
        free(source->columns.items[i]);
    }
    VECTOR_FREE(&source->columns);
    arena_free(source->arena);
    free(source->path);
    free(source);
}

static void ready_free(void *value)
{
    list_free(value);
}

void yaral_lists_free(struct yaral_lists *lists)
{
    if (!lists)
        return;
    map_free(lists->sources, source_free);
    map_free(lists->ready, ready_free);
    free(lists);
}

/* --- reading -------------------------------------------------------------------------------------------------------------------- */

static enum result read_all(int file, struct buffer *bytes)
{
    for (;;) {
        buffer_reserve(bytes, 65536);
        ssize_t got = read(file, bytes->bytes + bytes->length, 65536);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return result_from_errno(errno);
        if (got == 0)
            return RESULT_OK;
        bytes->length += (size_t)got;
        if (bytes->length > LIST_LARGEST_FILE)
            return RESULT_LIMIT;
    }
}

enum result list_read_file(const char *path, struct buffer *bytes, struct diagnostics *diagnostics)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    enum result result = file < 0 ? result_from_errno(errno) : read_all(file, bytes);

    if (file >= 0)
        close(file);
    if (result == RESULT_LIMIT)
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, path, 0, 0, "the file is larger than %d MiB, the most for a list",
                        LIST_LARGEST_FILE / 1024 / 1024);
    else if (result != RESULT_OK)
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, path, 0, 0, "the file cannot be read: %s", result_text(result));
    return result;
}

struct list_column *list_add_column(struct list_source *source, struct slice name)
{
    struct list_column *column = xcalloc(1, sizeof *column);
    column->name = name;
    VECTOR_PUSH(&source->columns, column);
    return column;
}

static enum result add(struct yaral_lists *lists, struct slice name, const char *path, struct diagnostics *diagnostics,
                       enum result (*parse)(struct list_source *source, struct slice text, struct diagnostics *diagnostics))
{
    struct buffer bytes = {0};

    if (map_get(lists->sources, name)) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, path, 0, 0, "there are two lists or tables of the name %.*s; give one another name",
                        SLICE_ARGS(name));
        return RESULT_EXISTS;
    }
    enum result result = list_read_file(path, &bytes, diagnostics);
    if (result == RESULT_OK) {
        struct list_source *source = xcalloc(1, sizeof *source);
        source->arena = arena_new(16 * 1024);
        source->name = arena_copy(source->arena, name);
        source->path = xstrdup(path);
        struct slice text = arena_copy(source->arena, buffer_slice(&bytes));
        if (slice_starts_with(text, SLICE("\xEF\xBB\xBF")))
            text = slice_from(text, 3);
        result = parse(source, text, diagnostics);
        map_put(lists->sources, name, source); /* a broken one too: rules that name it should not be blamed for that */
    }
    buffer_free(&bytes);
    return result;
}

enum result yaral_lists_add_file(struct yaral_lists *lists, struct slice name, const char *path, struct diagnostics *diagnostics)
{
    return add(lists, name, path, diagnostics, list_parse);
}

enum result yaral_lists_add_table(struct yaral_lists *lists, struct slice name, const char *path, struct diagnostics *diagnostics)
{
    return add(lists, name, path, diagnostics, table_parse);
}

/* --- a list's text ----------------------------------------------------------------------------------------------------------------- */

static struct slice take_line(struct slice *text)
{
    ptrdiff_t end = slice_find_byte(*text, '\n');
    struct slice line = end < 0 ? *text : slice_first(*text, (size_t)end);

    *text = slice_from(*text, end < 0 ? text->length : (size_t)end + 1);
    return line;
}

/* The value without the comment behind it: // after a blank, so that http://... stays whole. */
static struct slice without_comment(struct slice line)
{
    for (size_t i = 0; i + 1 < line.length; i++) {
        bool after_blank = i == 0 || line.bytes[i - 1] == ' ' || line.bytes[i - 1] == '\t';
        if (after_blank && line.bytes[i] == '/' && line.bytes[i + 1] == '/')
            return slice_trim(slice_first(line, i));
    }
    return line;
}

/* A comment at the head of the file, over several lines perhaps. *line goes to its last line; false when it never ends. */
static bool skip_header(struct slice *text, uint32_t *line)
{
    ptrdiff_t end = slice_find(slice_from(*text, 2), SLICE("*/"));

    if (end < 0)
        return false;
    struct slice comment = slice_first(*text, (size_t)end + 4);
    *line += 1;
    for (size_t i = 0; i < comment.length; i++)
        *line += comment.bytes[i] == '\n';
    *text = slice_from(*text, comment.length);
    return true;
}

enum result list_parse(struct list_source *source, struct slice text, struct diagnostics *diagnostics)
{
    struct list_column *column = list_add_column(source, (struct slice){0});
    bool in_head = true;
    uint32_t number = 0;

    while (text.length) {
        struct slice rest = text, line = slice_trim(take_line(&rest));
        if (in_head && slice_starts_with(line, SLICE("/*"))) {
            text = slice_from(text, (size_t)(line.bytes - text.bytes));
            uint32_t at = number + 1;
            if (!skip_header(&text, &number)) {
                diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, source->path, at, 0, "the comment that begins here never ends; `*/` is missing");
                return RESULT_INVALID;
            }
            number--; /* what is left of the line is read as that line */
            continue;
        }
        text = rest;
        number++;
        line = without_comment(line);
        if (line.length == 0)
            continue;
        in_head = false;
        VECTOR_PUSH(&column->values, ((struct list_value){line, number}));
    }
    return RESULT_OK;
}

/* --- finding ------------------------------------------------------------------------------------------------------------------------- */

static struct slice nearest_name(const struct yaral_lists *lists, struct slice name)
{
    struct slice best = {0};
    unsigned int least = (unsigned int)(name.length / 3 < 2 ? 2 : name.length / 3) + 1;

    for (size_t i = 0; i < map_count(lists->sources); i++) {
        unsigned int distance = slice_edit_distance(name, map_key_at(lists->sources, i));
        if (distance < least) {
            least = distance;
            best = map_key_at(lists->sources, i);
        }
    }
    return best;
}

/* The column, or NULL and the nearest name. */
static const struct list_column *find_column(const struct list_source *source, struct slice name, struct slice *suggestion)
{
    unsigned int least = (unsigned int)(name.length / 3 < 2 ? 2 : name.length / 3) + 1;

    for (size_t i = 0; i < source->columns.count; i++) {
        const struct list_column *column = source->columns.items[i];
        if (slice_equal(column->name, name))
            return column;
        unsigned int distance = slice_edit_distance(name, column->name);
        if (column->name.length && name.length && distance < least) {
            least = distance;
            *suggestion = column->name;
        }
    }
    return NULL;
}

static const struct yaral_list *make_ready(struct yaral_lists *lists, const struct list_source *source, const struct list_column *column,
                                           enum yaral_list_kind kind, bool nocase, struct diagnostics *diagnostics)
{
    char *key = xasprintf("%d %d %.*s.%.*s", (int)kind, nocase, SLICE_ARGS(source->name), SLICE_ARGS(column->name));
    struct yaral_list *list = map_get(lists->ready, slice_of(key));

    if (!list) {
        list = list_prepare(source, column, kind, nocase, diagnostics);
        map_put(lists->ready, slice_of(key), list);
    }
    free(key);
    return list;
}

const struct yaral_list *yaral_lists_find(struct yaral_lists *lists, struct slice name, struct slice column, enum yaral_list_kind kind, bool nocase,
                                          struct diagnostics *diagnostics, struct slice *suggestion)
{
    struct slice nearest = {0};
    const struct list_source *source = map_get(lists->sources, name);
    const struct list_column *found = NULL;

    if (source)
        found = find_column(source, column, &nearest);
    else
        nearest = nearest_name(lists, name);
    if (suggestion)
        *suggestion = nearest;
    return found ? make_ready(lists, source, found, kind, nocase, diagnostics) : NULL;
}
