/* SPDX-License-Identifier: Apache-2.0 */
/* Records from UDM JSON: proto3's mapping, read as liberally as senders write it. */
#include "schema_tables.h"

#include "harrier/json_walk.h"

#include <math.h>
#include <stdlib.h>

enum { MAX_MESSAGE_DEPTH = 100 }; /* UDM's own are not ten deep; its types recur, so a sender could nest without end */

struct reading {
    struct udm_record *record;
    size_t unknown;
    const struct json_node *first_unknown;
};

static void note_unknown(struct reading *reading, const struct json_node *node)
{
    if (reading->unknown++ == 0)
        reading->first_unknown = node;
}

/* --- names ---------------------------------------------------------------------------------------------------------------- */

/* proto3's JSON name: underscores go, the letter after each becomes upper case. */
static bool is_camel_case_of(const char *field_name, struct slice key)
{
    size_t at = 0;

    for (const char *byte = field_name; *byte; byte++) {
        char expected = *byte;
        if (expected == '_' && byte[1]) {
            byte++;
            expected = *byte >= 'a' && *byte <= 'z' ? (char)(*byte - 'a' + 'A') : *byte;
        }
        if (at == key.length || key.bytes[at++] != expected)
            return false;
    }
    return at == key.length;
}

static const struct udm_field *field_of_key(const struct udm_message_type *type, struct slice key)
{
    const struct udm_field *field = udm_field_find(type, key);

    for (size_t i = 0; !field && i < type->field_count; i++) {
        if (is_camel_case_of(type->fields[i].name, key))
            field = &type->fields[i];
    }
    return field;
}

/* --- values --------------------------------------------------------------------------------------------------------------- */

static bool read_number(const struct json_node *node, double *number)
{
    char text[64];
    char *end;

    if ((node->type != JSON_NUMBER && node->type != JSON_STRING) || !node->text.length || node->text.length >= sizeof text)
        return false;
    memcpy(text, node->text.bytes, node->text.length);
    text[node->text.length] = '\0';
    *number = strtod(text, &end);
    return *end == '\0';
}

/* Larger than int64 saturates, as uint64 fields can. */
static bool read_integer(const struct json_node *node, int64_t *integer)
{
    double number;

    if ((node->type == JSON_NUMBER || node->type == JSON_STRING) && slice_to_int64(node->text, integer))
        return true;
    if (!read_number(node, &number) || isnan(number))
        return false;
    if (number >= 9223372036854775807.0)
        *integer = INT64_MAX;
    else if (number <= -9223372036854775808.0)
        *integer = INT64_MIN;
    else
        *integer = (int64_t)number;
    return true;
}

static bool read_bool(const struct json_node *node, bool *boolean)
{
    *boolean = node->type == JSON_BOOL ? node->boolean : slice_is(json_string(node), "true");
    return node->type == JSON_BOOL || *boolean || slice_is(json_string(node), "false");
}

static bool read_string(const struct json_node *node, struct slice *text)
{
    if (node->type == JSON_BOOL)
        *text = node->boolean ? SLICE("true") : SLICE("false");
    else
        *text = node->text;
    return node->type == JSON_STRING || node->type == JSON_NUMBER || node->type == JSON_BOOL;
}

static bool read_enum(const struct json_node *node, const struct udm_enum *enumeration, int64_t *integer)
{
    int32_t number;

    if (node->type == JSON_STRING && udm_enum_number(enumeration, node->text, &number)) {
        *integer = number;
        return true;
    }
    return read_integer(node, integer) && *integer >= INT32_MIN && *integer <= INT32_MAX;
}

/* Protobuf's seconds reach the year 9999, and durations ten thousand years: what is beyond a clock_nanos is its end, and no wrong value. */
static bool scale_seconds(int64_t seconds, int64_t nanos, clock_nanos *time)
{
    *time = clock_sum(clock_of_seconds(seconds), nanos);
    return true;
}

/* {"seconds": 1, "nanos": 2} */
static bool read_seconds_and_nanos(const struct json_node *node, clock_nanos *time)
{
    const struct json_node *seconds = json_last_member(node, "seconds"), *nanos = json_last_member(node, "nanos");
    int64_t whole = 0, rest = 0;

    if (node->type != JSON_OBJECT || (!seconds && !nanos))
        return false;
    return (!seconds || read_integer(seconds, &whole)) && (!nanos || read_integer(nanos, &rest)) && scale_seconds(whole, rest, time);
}

static bool read_timestamp(const struct json_node *node, clock_nanos *time)
{
    int64_t seconds;

    if (node->type == JSON_STRING && !slice_to_int64(node->text, &seconds) && clock_parse_any(node->text, time))
        return true;
    return node->type == JSON_OBJECT ? read_seconds_and_nanos(node, time) : read_integer(node, &seconds) && scale_seconds(seconds, 0, time);
}

/* Up to nine digits of a fraction as nanoseconds. */
static bool read_fraction(struct slice digits, int64_t *nanos)
{
    int64_t scale = CLOCK_SECOND;

    *nanos = 0;
    for (size_t i = 0; i < digits.length; i++) {
        if (digits.bytes[i] < '0' || digits.bytes[i] > '9')
            return false;
        scale /= 10;
        *nanos += (digits.bytes[i] - '0') * scale;
    }
    return true;
}

/* "1.5s" */
static bool read_duration(const struct json_node *node, clock_nanos *time)
{
    struct slice text = json_string(node);
    int64_t seconds, nanos = 0;

    if (node->type == JSON_OBJECT)
        return read_seconds_and_nanos(node, time);
    if (!text.length || text.bytes[text.length - 1] != 's')
        return false;
    text = slice_first(text, text.length - 1);
    ptrdiff_t dot = slice_find_byte(text, '.');
    struct slice whole = dot < 0 ? text : slice_first(text, (size_t)dot);
    bool negative = text.length && text.bytes[0] == '-';
    if (!slice_to_int64(whole, &seconds) || (dot >= 0 && !read_fraction(slice_from(text, (size_t)dot + 1), &nanos)))
        return false;
    return scale_seconds(seconds, negative ? -nanos : nanos, time);
}

/* A struct as a bare object, or as {"fields": {...}}. */
static const struct json_node *read_struct(const struct json_node *node)
{
    if (node->type != JSON_OBJECT)
        return NULL;
    return node->count == 1 && slice_is(node->first->key, "fields") && node->first->type == JSON_OBJECT ? node->first : node;
}

static bool read_scalar(const struct udm_field *field, const struct json_node *node, struct udm_value *value)
{
    value->origin = node;
    switch (field->type) {
    case UDM_STRING:
        return read_string(node, &value->string);
    case UDM_BYTES:
        value->string = node->text;
        return node->type == JSON_STRING;
    case UDM_BOOL:
        return read_bool(node, &value->boolean);
    case UDM_INT:
        return read_integer(node, &value->integer);
    case UDM_FLOAT:
        return read_number(node, &value->number);
    case UDM_ENUM:
        return read_enum(node, field->enumeration, &value->integer);
    case UDM_TIMESTAMP:
        return read_timestamp(node, &value->time);
    case UDM_DURATION:
        return read_duration(node, &value->time);
    case UDM_STRUCT:
        value->json = read_struct(node);
        return value->json != NULL;
    case UDM_MESSAGE:
        break;
    }
    return false;
}

/* --- messages ------------------------------------------------------------------------------------------------------------- */

static void read_message(struct reading *reading, struct udm_message *message, const struct json_node *object, size_t depth);

static void read_one(struct reading *reading, struct udm_message *message, const struct udm_field *field, const struct json_node *node, size_t depth)
{
    struct udm_value value = {0};

    if (node->type == JSON_NULL)
        return;
    if (field->type == UDM_MESSAGE) {
        if (node->type == JSON_OBJECT && depth < MAX_MESSAGE_DEPTH)
            read_message(reading, udm_message_child(reading->record, message, field), node, depth + 1);
        else
            note_unknown(reading, node);
    } else if (read_scalar(field, node, &value)) {
        udm_message_add(reading->record, message, field, value);
    } else {
        note_unknown(reading, node);
    }
}

/* The one map of UDM: an object by key. */
static void read_map(struct reading *reading, struct udm_message *message, const struct udm_field *field, const struct json_node *map, size_t depth)
{
    for (const struct json_node *member = map->first; member; member = member->next) {
        struct udm_message *entry = udm_message_child(reading->record, message, field);
        udm_message_add(reading->record, entry, UDM_FIELD(SecurityResult_VariablesEntry, key),
                        (struct udm_value){.string = member->key, .origin = member});
        read_one(reading, entry, UDM_FIELD(SecurityResult_VariablesEntry, value), member, depth + 1);
    }
}

static void read_message(struct reading *reading, struct udm_message *message, const struct json_node *object, size_t depth)
{
    for (const struct json_node *member = object->first; member; member = member->next) {
        const struct udm_field *field = field_of_key(udm_message_type_of(message), member->key);
        if (!field) {
            note_unknown(reading, member);
        } else if (field->message == UDM_MESSAGE_TYPE(SecurityResult_VariablesEntry) && member->type == JSON_OBJECT) {
            read_map(reading, message, field, member, depth);
        } else if (field->repeated && member->type == JSON_ARRAY) {
            for (const struct json_node *element = member->first; element; element = element->next)
                read_one(reading, message, field, element, depth);
        } else {
            read_one(reading, message, field, member, depth);
        }
    }
}

/* Metadata of other schemas (OCSF, Kubernetes objects) has members of other names. */
static bool is_metadata(struct slice object)
{
    static const char *const common[] = {"id", "description", "tags"};
    struct json_walk walk;
    struct json_raw value;
    struct slice key;

    json_walk_begin(&walk, object);
    while (json_walk_next(&walk, &key, &value)) {
        bool is_common = false;
        for (size_t i = 0; i < sizeof common / sizeof *common; i++)
            is_common |= slice_is(key, common[i]);
        if (!is_common && field_of_key(UDM_MESSAGE_TYPE(Metadata), key))
            return true;
    }
    return false;
}

bool udm_json_is_record(struct slice object)
{
    static const char *const nouns[] = {"principal", "target", "security_result", "securityResult"};
    struct json_walk walk;
    struct json_raw value;
    struct slice key;

    json_walk_begin(&walk, object);
    while (json_walk_next(&walk, &key, &value)) {
        if (slice_is(key, "metadata") && value.type == JSON_OBJECT && is_metadata(value.text))
            return true;
        for (size_t i = 0; i < sizeof nouns / sizeof *nouns; i++)
            if (slice_is(key, nouns[i]))
                return true;
    }
    return false;
}

enum result udm_json_record(struct udm_record *record, const struct json_node *node, size_t *unknown_members, struct slice *first_unknown)
{
    struct reading reading = {record, 0, NULL};
    const struct json_node *below = json_last_member(node, "udm");

    if (json_is(below, JSON_OBJECT))
        node = below;
    if (!json_is(node, JSON_OBJECT))
        return RESULT_INVALID;
    record->map_sees_all_values = false;
    read_message(&reading, record->root, node, 0);
    if (unknown_members)
        *unknown_members = reading.unknown;
    if (first_unknown) {
        struct buffer path = {0};
        if (reading.first_unknown)
            json_path(reading.first_unknown, &path);
        *first_unknown = arena_copy(record->arena, buffer_slice(&path));
        buffer_free(&path);
    }
    return RESULT_OK;
}
