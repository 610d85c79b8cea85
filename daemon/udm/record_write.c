/* SPDX-License-Identifier: Apache-2.0 */
/* Records as UDM JSON, and what of them is not shown. */
#include "schema_tables.h"

#include "harrier/redact.h"

#include <inttypes.h>
#include <stdio.h>

static void write_duration(struct json_writer *writer, clock_nanos time)
{
    char text[48];
    int64_t seconds = time / CLOCK_SECOND, nanos = time % CLOCK_SECOND;
    const char *sign = time < 0 ? "-" : "";

    if (nanos)
        snprintf(text, sizeof text, "%s%" PRId64 ".%09" PRId64 "s", sign, seconds < 0 ? -seconds : seconds, nanos < 0 ? -nanos : nanos);
    else
        snprintf(text, sizeof text, "%" PRId64 "s", seconds);
    json_write_text(writer, text);
}

static void write_enum(struct json_writer *writer, const struct udm_enum *enumeration, int64_t number)
{
    const char *name = udm_enum_name(enumeration, (int32_t)number);

    if (name)
        json_write_text(writer, name);
    else
        json_write_int(writer, number);
}

static void write_scalar(struct json_writer *writer, const struct udm_field *field, const struct udm_value *value)
{
    char text[CLOCK_TEXT_SIZE];

    switch (field->type) {
    case UDM_STRING:
    case UDM_BYTES:
        json_write_string(writer, value->string);
        break;
    case UDM_BOOL:
        json_write_bool(writer, value->boolean);
        break;
    case UDM_INT:
        json_write_int(writer, value->integer);
        break;
    case UDM_FLOAT:
        json_write_double(writer, value->number);
        break;
    case UDM_ENUM:
        write_enum(writer, field->enumeration, value->integer);
        break;
    case UDM_TIMESTAMP:
        json_write_text(writer, clock_format_rfc3339(value->time, text));
        break;
    case UDM_DURATION:
        write_duration(writer, value->time);
        break;
    case UDM_STRUCT:
    case UDM_MESSAGE:
        break;
    }
}

static bool is_sensitive_label(const struct udm_message *message)
{
    if (udm_message_type_of(message) != UDM_MESSAGE_TYPE(Label))
        return false;
    struct udm_values keys = udm_message_get(message, UDM_FIELD(Label, key));
    return keys.count && udm_label_is_sensitive(keys.items[0].string);
}

static void write_message(struct arena *arena, struct json_writer *writer, const struct udm_message *message);

bool udm_value_is_sensitive(struct slice text, const struct json_node *origin)
{
    bool is_of_it = origin && (origin->type != JSON_STRING || slice_find(origin->text, text) >= 0 || slice_find(text, origin->text) >= 0);
    return is_of_it && !slice_equal(text, origin->key) && redact_covers(origin);
}

/* A copy is redacted: the tree is the input's, and rules may still be run over it. */
static void write_struct(struct arena *arena, struct json_writer *writer, const struct json_node *node)
{
    struct buffer text = {NULL, 0, 0};
    struct json_node *copy = NULL;
    struct json_writer *plain = json_writer_new(&text, false);

    json_write_node(plain, node);
    json_writer_free(plain);
    struct slice kept = arena_copy(arena, buffer_slice(&text));
    buffer_free(&text);
    json_tree_parse(arena, kept, &json_default_limits, &copy, NULL);
    redact_event(arena, copy);
    if (copy)
        json_write_node(writer, copy);
    else
        json_write_null(writer);
}

static void write_value(struct arena *arena, struct json_writer *writer, const struct udm_field *field, const struct udm_value *value, bool redacts)
{
    if (field->type == UDM_MESSAGE)
        write_message(arena, writer, value->message);
    else if ((field->type == UDM_STRING || field->type == UDM_BYTES) && (redacts || udm_value_is_sensitive(value->string, value->origin)))
        json_write_string(writer, redact_stand_in(arena, value->string));
    else if (field->type == UDM_STRING || field->type == UDM_BYTES)
        json_write_string(writer, redact_text(arena, value->string));
    else if (field->type == UDM_STRUCT)
        write_struct(arena, writer, value->json);
    else
        write_scalar(writer, field, value);
}

/* In the order of the schema. The depth is bounded by whoever made the record. */
static void write_message(struct arena *arena, struct json_writer *writer, const struct udm_message *message)
{
    const struct udm_message_type *type = udm_message_type_of(message);
    bool is_sensitive = is_sensitive_label(message);

    json_begin_object(writer);
    for (size_t i = 0; i < type->field_count; i++) {
        const struct udm_field *field = &type->fields[i];
        struct udm_values values = udm_message_get(message, field);
        bool redacts = is_sensitive && field == UDM_FIELD(Label, value);
        if (!values.count)
            continue;
        json_key(writer, field->name);
        if (field->repeated)
            json_begin_array(writer);
        for (size_t item = 0; item < values.count; item++)
            write_value(arena, writer, field, &values.items[item], redacts);
        if (field->repeated)
            json_end_array(writer);
    }
    json_end_object(writer);
}

void udm_record_write(const struct udm_record *record, struct json_writer *writer)
{
    write_message(record->arena, writer, record->root);
}
