/* SPDX-License-Identifier: Apache-2.0 */
#include "udm_table.h"

#include "harrier/json.h"

struct udm_rows {
    struct table *table;
    struct buffer path; /* of the value in hand, as a rule writes it behind $e. */
};

static const struct display_column columns[] = {{"FIELD", 20, false}, {"VALUE", 20, false}};

/* What record_write.c writes without quotes stays so; a value that is free JSON is shown as such. */
static void add_value_row(struct udm_rows *rows, const struct json_node *node)
{
    struct buffer text = {NULL, 0, 0};

    if (node->type == JSON_STRING || node->type == JSON_NUMBER) {
        buffer_append_slice(&text, node->text);
    } else {
        struct json_writer *writer = json_writer_new(&text, false);
        json_write_node(writer, node);
        json_writer_free(writer);
    }
    table_cell(rows->table, STYLE_PLAIN, buffer_slice(&rows->path));
    table_cell(rows->table, STYLE_PLAIN, buffer_slice(&text));
    buffer_free(&text);
}

static void add_keyed_row(struct udm_rows *rows, struct slice key, const struct json_node *value)
{
    size_t length = rows->path.length;

    buffer_append_text(&rows->path, "[\"");
    buffer_append_slice(&rows->path, key);
    buffer_append_text(&rows->path, "\"]");
    add_value_row(rows, value);
    rows->path.length = length;
}

static void add_message_rows(struct udm_rows *rows, const struct udm_message_type *type, const struct json_node *message);

static void add_field_rows(struct udm_rows *rows, const struct udm_field *field, const struct json_node *value)
{
    bool is_label = field->type == UDM_MESSAGE && udm_is_label(field->message);

    if (value->type == JSON_ARRAY && field->type != UDM_STRUCT) {
        for (const struct json_node *one = value->first; one; one = one->next)
            add_field_rows(rows, field, one);
    } else if (is_label && json_member(value, "value")) {
        add_keyed_row(rows, json_string(json_member(value, "key")), json_member(value, "value"));
    } else if (field->type == UDM_STRUCT && value->type == JSON_OBJECT) {
        buffer_append_text(&rows->path, ".fields");
        for (const struct json_node *one = value->first; one; one = one->next)
            add_keyed_row(rows, one->key, one);
    } else if (field->type == UDM_MESSAGE) {
        add_message_rows(rows, field->message, value);
    } else {
        add_value_row(rows, value);
    }
}

/* The depth is that of the record, which its maker bounds. */
static void add_message_rows(struct udm_rows *rows, const struct udm_message_type *type, const struct json_node *message)
{
    size_t length = rows->path.length;

    for (const struct json_node *member = message->first; member; member = member->next) {
        const struct udm_field *field = udm_field_find(type, member->key);
        if (!field)
            continue;
        buffer_printf(&rows->path, "%s%s", length ? "." : "", field->name);
        add_field_rows(rows, field, member);
        rows->path.length = length;
    }
}

void udm_table_append(const struct display *display, struct slice record, struct buffer *out)
{
    struct arena *arena = arena_new(64 * 1024);
    struct udm_rows rows = {.table = table_new(display, columns, sizeof columns / sizeof columns[0])};
    struct json_node *document = NULL;

    if (json_tree_parse(arena, record, &json_default_limits, &document, NULL) == RESULT_OK && json_is(document, JSON_OBJECT))
        add_message_rows(&rows, udm_event_type(), document);
    table_print(rows.table, out);
    table_free(rows.table);
    buffer_free(&rows.path);
    arena_free(arena);
}
