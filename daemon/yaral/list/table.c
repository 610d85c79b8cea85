/* SPDX-License-Identifier: Apache-2.0 */
/* Tables: CSV with a header line (RFC 4180), or {"columns": [...], "rows": [[...]]}. An empty cell is no value: else a field that an event
 * lacks would be in the column. */
#include "list.h"

#include "harrier/json.h"

#include <stdio.h>

/* --- columns --------------------------------------------------------------------------------------------------------------------- */

struct table_reader {
    struct list_source *source;
    struct diagnostics *diagnostics;
    enum result result;
};

static void table_error(struct table_reader *reader, uint32_t line, const char *wrong)
{
    diagnostics_add(reader->diagnostics, DIAGNOSTIC_ERROR, reader->source->path, line, 0, "table %%%.*s: %s", SLICE_ARGS(reader->source->name), wrong);
    reader->result = RESULT_INVALID;
}

static void add_name(struct table_reader *reader, struct slice name, uint32_t line)
{
    if (name.length == 0)
        table_error(reader, line, "a column has no name; rules could not ask for it");
    for (size_t i = 0; i < reader->source->columns.count; i++) {
        if (name.length && slice_equal(reader->source->columns.items[i]->name, name))
            table_error(reader, line, "two columns have the same name; give one another");
    }
    list_add_column(reader->source, name);
}

static void add_cell(struct table_reader *reader, size_t column, struct slice text, uint32_t line)
{
    if (column < reader->source->columns.count && text.length)
        VECTOR_PUSH(&reader->source->columns.items[column]->values, ((struct list_value){text, line}));
}

/* --- CSV ---------------------------------------------------------------------------------------------------------------------------- */

struct csv {
    struct slice rest;
    uint32_t line;  /* that is being read */
    bool row_ended; /* by the field just read */
};

static void end_field(struct csv *csv)
{
    csv->row_ended = true;
    if (slice_starts_with(csv->rest, SLICE(","))) {
        csv->rest = slice_from(csv->rest, 1);
        csv->row_ended = false;
        return;
    }
    if (slice_starts_with(csv->rest, SLICE("\r\n")))
        csv->rest = slice_from(csv->rest, 2);
    else
        csv->rest = slice_from(csv->rest, 1);
    csv->line++;
}

/* The text of a quoted field; the rest begins behind its closing quote. False when that is missing. */
static bool take_quoted(struct csv *csv, struct arena *arena, struct slice *text)
{
    char *out = arena_alloc(arena, csv->rest.length);
    size_t length = 0;

    for (size_t i = 1; i < csv->rest.length; i++) {
        char byte = csv->rest.bytes[i];
        if (byte == '"') {
            if (i + 1 >= csv->rest.length || csv->rest.bytes[i + 1] != '"') {
                *text = slice_make(out, length);
                csv->rest = slice_from(csv->rest, i + 1);
                return true;
            }
            i++;
        }
        csv->line += byte == '\n';
        out[length++] = byte;
    }
    return false;
}

static struct slice take_plain(struct csv *csv)
{
    size_t length = 0;

    while (length < csv->rest.length && csv->rest.bytes[length] != ',' && csv->rest.bytes[length] != '\n')
        length++;
    struct slice text = slice_first(csv->rest, length);
    bool at_line_end = length == csv->rest.length || csv->rest.bytes[length] == '\n';
    csv->rest = slice_from(csv->rest, length);
    if (at_line_end && slice_ends_with(text, SLICE("\r")))
        text = slice_first(text, text.length - 1);
    return text;
}

/* NULL when the field was good. */
static const char *take_field(struct csv *csv, struct arena *arena, struct slice *text)
{
    if (!slice_starts_with(csv->rest, SLICE("\""))) {
        *text = take_plain(csv);
        if (slice_find_byte(*text, '"') >= 0)
            return "a quote inside a field that is not quoted; quote the whole field and double the quote (RFC 4180)";
    } else if (!take_quoted(csv, arena, text)) {
        return "a quoted field never ends; its closing quote is missing";
    }
    bool at_end = csv->rest.length == 0 || csv->rest.bytes[0] == ',' || csv->rest.bytes[0] == '\n' ||
                  slice_starts_with(csv->rest, SLICE("\r\n")) || slice_equal(csv->rest, SLICE("\r"));
    if (!at_end)
        return "text behind the closing quote of a field; double a quote that belongs to it (RFC 4180)";
    end_field(csv);
    return NULL;
}

/* Fields of one row, handed to take. False when the rest cannot be read. */
static bool read_row(struct table_reader *reader, struct csv *csv, bool is_header)
{
    uint32_t line = csv->line;
    size_t count = 0;
    bool blank = false;

    for (csv->row_ended = false; !csv->row_ended; count++) {
        struct slice text = {0};
        const char *wrong = take_field(csv, reader->source->arena, &text);
        if (wrong) {
            table_error(reader, line, wrong);
            return false;
        }
        text = slice_trim(text);
        blank = count == 0 && csv->row_ended && text.length == 0;
        if (is_header)
            add_name(reader, text, line);
        else
            add_cell(reader, count, text, line);
    }
    if (!is_header && !blank && count != reader->source->columns.count)
        table_error(reader, line, "the row has not as many fields as the header line");
    return true;
}

static void read_csv(struct table_reader *reader, struct slice text)
{
    struct csv csv = {.rest = text, .line = 1};

    if (slice_trim(text).length == 0) {
        table_error(reader, 1, "the file is empty; the first line names the columns");
        return;
    }
    for (bool is_header = true; csv.rest.length && read_row(reader, &csv, is_header);)
        is_header = false;
}

/* --- JSON ----------------------------------------------------------------------------------------------------------------------------- */

static uint32_t line_at(struct slice text, size_t offset)
{
    uint32_t line = 1;

    for (size_t i = 0; i < offset && i < text.length; i++)
        line += text.bytes[i] == '\n';
    return line;
}

static void read_json_row(struct table_reader *reader, const struct json_node *row)
{
    char wrong[128];

    if (!json_is(row, JSON_ARRAY) || row->count != reader->source->columns.count) {
        snprintf(wrong, sizeof wrong, "row %u is no array of as many cells as there are columns", row->index + 1);
        table_error(reader, 0, wrong);
        return;
    }
    for (const struct json_node *cell = row->first; cell; cell = cell->next) {
        if (cell->type == JSON_STRING || cell->type == JSON_NUMBER) {
            add_cell(reader, cell->index, slice_trim(arena_copy(reader->source->arena, cell->text)), 0);
        } else if (cell->type == JSON_BOOL) {
            add_cell(reader, cell->index, cell->boolean ? SLICE("true") : SLICE("false"), 0);
        } else if (cell->type != JSON_NULL) {
            snprintf(wrong, sizeof wrong, "row %u: a cell is a string, a number, a boolean or null", row->index + 1);
            table_error(reader, 0, wrong);
        }
    }
}

static void read_json_table(struct table_reader *reader, const struct json_node *root)
{
    const struct json_node *columns = json_member(root, "columns"), *rows = json_member(root, "rows");

    if (!json_is(columns, JSON_ARRAY) || !json_is(rows, JSON_ARRAY)) {
        table_error(reader, 0, "a table in JSON is {\"columns\": [\"name\", ...], \"rows\": [[\"cell\", ...], ...]}");
        return;
    }
    for (const struct json_node *name = columns->first; name; name = name->next) {
        if (!json_is(name, JSON_STRING))
            table_error(reader, 0, "the names in `columns` are strings");
        add_name(reader, arena_copy(reader->source->arena, json_string(name)), 0);
    }
    for (const struct json_node *row = rows->first; row; row = row->next)
        read_json_row(reader, row);
}

static void read_json(struct table_reader *reader, struct slice text)
{
    /* The file's size is bounded already: a cell takes at least two of its bytes. */
    const struct json_limits limits = {.depth = 8, .token_bytes = 1024 * 1024, .nodes = LIST_LARGEST_FILE / 2};
    struct arena *arena = arena_new(64 * 1024);
    struct json_node *root = NULL;
    size_t offset = 0;
    enum result result = json_tree_parse(arena, text, &limits, &root, &offset);

    if (result == RESULT_OK)
        read_json_table(reader, root);
    else
        table_error(reader, line_at(text, offset),
                    result == RESULT_LIMIT ? "a cell is longer than 1 MiB, or brackets stand more than 8 deep" : "this is not JSON (RFC 8259)");
    arena_free(arena);
}

enum result table_parse(struct list_source *source, struct slice text, struct diagnostics *diagnostics)
{
    struct table_reader reader = {.source = source, .diagnostics = diagnostics, .result = RESULT_OK};

    if (slice_starts_with(slice_trim(text), SLICE("{")))
        read_json(&reader, text);
    else
        read_csv(&reader, text);
    return reader.result;
}
