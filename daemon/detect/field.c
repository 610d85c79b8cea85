/* SPDX-License-Identifier: Apache-2.0 */
/* Reading fields out of a record: on a row, as a set, as a map. */
#include "internal.h"

struct yaral_value field_zero(const struct field *field)
{
    const struct udm_field *last = field->path->steps[field->path->step_count - 1].field;

    if (field->path->has_key)
        return yaral_string((struct slice){NULL, 0});
    switch (last->type) {
    case UDM_BOOL: return yaral_bool(false);
    case UDM_FLOAT: return yaral_float(0);
    case UDM_INT:
    case UDM_TIMESTAMP:
    case UDM_DURATION: return yaral_int(0);
    case UDM_ENUM: return (struct yaral_value){.type = YARAL_ENUM, .integer = 0, .enumeration = last->enumeration};
    default: return yaral_string((struct slice){NULL, 0});
    }
}

/* --- what must not be shown ------------------------------------------------------------------------------------------------------------ */

/* The value of the label, by the label's key. */
static bool is_of_sensitive_label(const struct udm_message *message, const struct udm_field *field)
{
    if (!udm_is_label(udm_message_type_of(message)) || strcmp(field->name, "value") != 0)
        return false;
    struct udm_values keys = udm_message_get(message, udm_field_find(udm_message_type_of(message), SLICE("key")));
    return keys.count && udm_label_is_sensitive(keys.items[0].string);
}

/* message: that the value is a field of. */
static struct yaral_value marked(const struct detect_engine *engine, const struct udm_message *message, const struct udm_field *field, struct yaral_value value)
{
    if (engine->marks && !value.is_list && (value.type == YARAL_STRING || value.type == YARAL_BYTES))
        value.is_sensitive = is_of_sensitive_label(message, field) || udm_value_is_sensitive(value.string, value.origin);
    return value;
}

static struct yaral_value marked_by_key(const struct detect_engine *engine, struct slice key, struct yaral_value value)
{
    if (engine->marks)
        value.is_sensitive = udm_label_is_sensitive(key) || udm_value_is_sensitive(value.string, value.origin);
    return value;
}

struct slice value_shown(struct arena *arena, const struct yaral_value *value)
{
    struct slice text = yaral_to_text(arena, value);
    return value->is_sensitive ? redact_stand_in(arena, text) : redact_text(arena, text);
}

/* --- reading --------------------------------------------------------------------------------------------------------------------------- */

/* One step down from a message: the element the step's index names, or the only one there is. */
static const struct udm_value *step_single(const struct udm_message *message, const struct udm_step *step)
{
    struct udm_values values = udm_message_get(message, step->field);
    size_t index = step->has_index ? step->index : 0;
    return index < values.count ? &values.items[index] : NULL;
}

/* A growing list of values in the arena. Where that is full, the rest is not gathered. */
struct gathered {
    struct yaral_value *items;
    size_t count;
    size_t capacity;
    bool is_cut;
};

static void gather_reserve(struct detect_engine *engine, struct gathered *out, size_t capacity)
{
    struct yaral_value *items = arena_grow(engine->record->arena, out->items, out->capacity * sizeof *items, capacity * sizeof *items);
    if (items) {
        out->items = items;
        out->capacity = capacity;
    }
    out->is_cut = !items;
}

static void gather_value(struct detect_engine *engine, struct gathered *out, struct yaral_value value)
{
    if (out->count == out->capacity && !out->is_cut)
        gather_reserve(engine, out, out->capacity ? out->capacity * 2 : 8);
    if (!out->is_cut)
        out->items[out->count++] = value;
}

static struct slice message_string(const struct udm_message *message, const char *name, const struct udm_value **value)
{
    const struct udm_field *field = udm_field_find(udm_message_type_of(message), slice_of(name));
    struct udm_values values = udm_message_get(message, field);
    *value = values.count ? &values.items[0] : NULL;
    return values.count ? values.items[0].string : (struct slice){NULL, 0};
}

/* The values under the path's key in one label list or struct. Only strings of a struct can be read. */
static void gather_keyed(struct detect_engine *engine, const struct field *field, struct udm_values values, struct gathered *out)
{
    const struct udm_field *last = field->path->steps[field->path->step_count - 1].field;

    for (size_t i = 0; i < values.count; i++) {
        if (last->type == UDM_STRUCT) {
            const struct json_node *fields = values.items[i].json;
            for (const struct json_node *member = fields ? fields->first : NULL; member; member = member->next) {
                if (member->type == JSON_STRING && slice_equal(member->key, field->path->key))
                    gather_value(engine, out, marked_by_key(engine, member->key, (struct yaral_value){.type = YARAL_STRING, .string = member->text, .origin = member}));
            }
            continue;
        }
        const struct udm_value *key, *text;
        if (!slice_equal(message_string(values.items[i].message, "key", &key), field->path->key))
            continue;
        struct slice string = message_string(values.items[i].message, "value", &text);
        struct yaral_value value = {.type = YARAL_STRING, .string = string, .origin = text ? text->origin : values.items[i].origin};
        gather_value(engine, out, marked_by_key(engine, field->path->key, value));
    }
}

/* Depth is the number of steps of a path that the rule's author wrote out, so recursion is short. */
static void gather(struct detect_engine *engine, const struct field *field, const struct udm_message *message, size_t step, struct gathered *out)
{
    const struct udm_step *here = &field->path->steps[step];
    struct udm_values values = udm_message_get(message, here->field);
    bool is_last = step + 1 == field->path->step_count;

    if (is_last && field->path->has_key) {
        gather_keyed(engine, field, values, out);
        return;
    }
    if (is_last && !here->has_index && values.count > out->capacity - out->count)
        gather_reserve(engine, out, out->count + values.count);
    for (size_t i = 0; i < values.count && !out->is_cut; i++) {
        if (here->has_index && i != here->index)
            continue;
        if (is_last)
            gather_value(engine, out, marked(engine, message, here->field, yaral_from_udm(here->field, &values.items[i], field->path->part)));
        else
            gather(engine, field, values.items[i].message, step + 1, out);
    }
}

struct field_values field_all_values(struct detect_engine *engine, const struct field *field)
{
    const struct udm_record *record = engine->record;
    struct gathered gathered = {NULL, 0, 0, false};
    enum udm_knowledge knowledge = udm_record_knowledge(record, field->path);

    if (record->head && knowledge == UDM_KNOWN) {
        struct slice text;
        if (udm_head_value(record, field->path->head, &text))
            gather_value(engine, &gathered, yaral_string(text));
    } else if (knowledge != UDM_UNREAD)
        gather(engine, field, record->root, 0, &gathered);
    if (field->path->has_key && !record->map_sees_all_values && gathered.count > 1)
        gathered.count = 1;
    if (gathered.is_cut && knowledge == UDM_KNOWN)
        knowledge = UDM_UNKNOWN;
    return (struct field_values){gathered.items, gathered.count, knowledge};
}

struct field_values field_values_or_zero(struct detect_engine *engine, const struct field *field, struct yaral_value *zero)
{
    struct field_values values = field_all_values(engine, field);

    *zero = field_zero(field);
    if (values.count == 0) {
        values.items = zero;
        values.count = 1;
    }
    return values;
}

static void note_doubt(struct detect_engine *engine, enum udm_knowledge knowledge)
{
    enum truth truth = knowledge == UDM_UNREAD ? TRUTH_UNREAD : TRUTH_UNKNOWN;
    if (engine->doubt_truth != TRUTH_UNREAD)
        engine->doubt_truth = truth;
    engine->doubt |= DETECT_DOUBT_UNSEEN;
}

static struct yaral_value absent(struct detect_engine *engine, const struct field *field, enum udm_knowledge knowledge)
{
    if (knowledge != UDM_KNOWN)
        note_doubt(engine, knowledge);
    return field_zero(field);
}

struct yaral_value field_row_value(struct detect_engine *engine, const struct field *field)
{
    const struct udm_path *path = field->path;
    enum udm_knowledge knowledge = udm_record_knowledge(engine->record, path);
    const struct udm_message *message = engine->record->root, *holder = message;
    const struct udm_value *value = NULL;

    if (knowledge == UDM_UNREAD)
        return absent(engine, field, knowledge);
    if (field->is_set) {
        struct field_values all = field_all_values(engine, field);
        return all.count ? all.items[0] : absent(engine, field, knowledge);
    }
    if (engine->record->head) {
        struct slice text;
        return udm_head_value(engine->record, path->head, &text) ? yaral_string(text) : field_zero(field);
    }
    if (field->dimension != NONE) {
        const struct element *element = &engine->elements[field->dimension];
        if (element->phantom != UDM_KNOWN)
            return absent(engine, field, element->phantom);
        value = element->value;
        if (!value)
            return field_zero(field); /* an empty list has one row, of zero values: that it is empty is known */
        if (field->first_step < path->step_count)
            message = value->message;
    }
    for (size_t i = field->first_step; i < path->step_count; i++) {
        value = step_single(message, &path->steps[i]);
        if (!value)
            return absent(engine, field, knowledge);
        holder = message;
        message = i + 1 < path->step_count ? value->message : NULL;
    }
    return marked(engine, holder, path->steps[path->step_count - 1].field, yaral_from_udm(path->steps[path->step_count - 1].field, value, path->part));
}

struct udm_values dimension_elements(struct detect_engine *engine, const struct dimension *dimension, enum udm_knowledge *knowledge)
{
    const struct udm_values none = {NULL, 0};
    const struct udm_message *message = engine->record->root;

    *knowledge = engine->record->head ? UDM_UNREAD : engine->record->knowledge[dimension->origin];
    if (*knowledge == UDM_UNREAD)
        return none;
    if (dimension->parent != NONE) {
        const struct element *parent = &engine->elements[dimension->parent];
        if (parent->phantom != UDM_KNOWN) {
            *knowledge = parent->phantom;
            return none;
        }
        if (!parent->value)
            return none;
        message = parent->value->message;
    }
    for (size_t i = 0; i + 1 < dimension->step_count; i++) {
        const struct udm_value *value = step_single(message, &dimension->steps[i]);
        if (!value)
            return none;
        message = value->message;
    }
    return udm_message_get(message, dimension->steps[dimension->step_count - 1].field);
}
