/* SPDX-License-Identifier: Apache-2.0 */
#include "schema_tables.h"

#include <assert.h>

/* A message holds only the fields that have values, in order of arrival. Messages have few, so a field is found by looking at
 * each; two fit without a further allocation, as in a label. A field with one value keeps it in place. */
struct field_values {
    const struct udm_field *field;
    uint32_t count;
    uint32_t capacity; /* of `many`; 0 while `one` holds the value */
    union {
        struct udm_value one;
        struct udm_value *many;
    };
};

enum { INLINE_FIELDS = 2 };

struct udm_message {
    const struct udm_message_type *type;
    struct field_values *fields;
    uint32_t count;
    uint32_t capacity;
    struct field_values inline_fields[INLINE_FIELDS];
};

static struct udm_message *message_init(struct udm_message *message, const struct udm_message_type *type)
{
    message->type = type;
    message->fields = message->inline_fields;
    message->count = 0;
    message->capacity = INLINE_FIELDS;
    return message;
}

static struct udm_message *message_new(struct arena *arena, const struct udm_message_type *type)
{
    return message_init(arena_alloc(arena, sizeof(struct udm_message)), type);
}

void udm_record_init(struct udm_record *record, struct arena *arena, enum udm_knowledge knowledge)
{
    record->arena = arena;
    record->root = message_new(arena, udm_event_type());
    for (size_t i = 0; i < UDM_ORIGIN_COUNT; i++)
        record->knowledge[i] = knowledge;
    record->map_sees_all_values = false;
    record->label_set = NULL;
    record->label_filter = NULL;
    record->spare = NULL;
    record->head = NULL;
    record->source = NULL;
}

bool udm_record_note_full(struct udm_record *record)
{
    if (!arena_is_full(record->arena))
        return false;
    for (size_t i = 0; i < UDM_ORIGIN_COUNT; i++)
        record->knowledge[i] = UDM_UNKNOWN;
    return true;
}

const struct udm_message_type *udm_message_type_of(const struct udm_message *message)
{
    return message->type;
}

static struct field_values *find_field(const struct udm_message *message, const struct udm_field *field)
{
    for (uint32_t i = 0; i < message->count; i++) {
        if (message->fields[i].field == field)
            return &message->fields[i];
    }
    return NULL;
}

/* NULL: the arena is full. A field of one value does without asking: there are no more of them than the schema has. */
static struct field_values *add_field(struct arena *arena, struct udm_message *message, const struct udm_field *field)
{
    if (message->count == message->capacity) {
        size_t size = 2 * (size_t)message->capacity * sizeof *message->fields;
        struct field_values *grown = field->repeated ? arena_try(arena, size) : arena_alloc(arena, size);
        if (!grown)
            return NULL;
        memcpy(grown, message->fields, message->count * sizeof *grown);
        message->fields = grown;
        message->capacity *= 2;
    }
    struct field_values *values = &message->fields[message->count++];
    values->field = field;
    values->count = 0;
    values->capacity = 0;
    return values;
}

static const struct udm_value *items_of(const struct field_values *values)
{
    return values->capacity ? values->many : &values->one;
}

struct udm_values udm_message_get(const struct udm_message *message, const struct udm_field *field)
{
    const struct field_values *values = message ? find_field(message, field) : NULL;
    return values ? (struct udm_values){items_of(values), values->count} : (struct udm_values){NULL, 0};
}

static void append_value(struct arena *arena, struct field_values *values, struct udm_value value)
{
    enum { FIRST_CAPACITY = 4 };

    if (values->count == 0) {
        values->one = value;
        values->count = 1;
        return;
    }
    if (values->count >= values->capacity) {
        uint32_t capacity = values->capacity ? values->capacity * 2 : FIRST_CAPACITY;
        struct udm_value *before = values->capacity ? values->many : NULL;
        struct udm_value *grown = arena_grow(arena, before, values->capacity * sizeof *grown, capacity * sizeof *grown);
        if (!grown)
            return; /* the arena is full: whoever fills the record asks it */
        if (!before)
            *grown = values->one;
        values->many = grown;
        values->capacity = capacity;
    }
    values->many[values->count++] = value;
}

void udm_message_add(struct udm_record *record, struct udm_message *message, const struct udm_field *field, struct udm_value value)
{
    struct field_values *values = find_field(message, field);

    if (field->repeated && arena_is_full(record->arena))
        return;
    if (!values)
        values = add_field(record->arena, message, field);
    if (!values)
        return;
    if (!field->repeated)
        values->count = 0;
    append_value(record->arena, values, value);
}

/* An element of a list. Where the arena is full it is one that nobody sees, always the same. */
static struct udm_message *element_new(struct udm_record *record, const struct udm_message_type *type)
{
    struct udm_message *message = arena_try(record->arena, sizeof *message);

    if (message)
        return message_init(message, type);
    if (!record->spare)
        record->spare = message_new(record->arena, type);
    return message_init(record->spare, type);
}

struct udm_message *udm_message_child(struct udm_record *record, struct udm_message *message, const struct udm_field *field)
{
    assert(field->type == UDM_MESSAGE);
    const struct field_values *values = field->repeated ? NULL : find_field(message, field);

    if (values)
        return items_of(values)->message;
    struct udm_message *child = field->repeated ? element_new(record, field->message) : message_new(record->arena, field->message);
    if (child != record->spare)
        udm_message_add(record, message, field, (struct udm_value){.message = child});
    return child;
}

/* --- by names ------------------------------------------------------------------------------------------------------------ */

/* The name up to the next dot; *path moves behind it. */
static struct slice next_name(const char **path)
{
    size_t length = strcspn(*path, ".");
    struct slice name = slice_make(*path, length);
    *path += length + ((*path)[length] == '.');
    return name;
}

void udm_record_add_string(struct udm_record *record, const char *path, struct slice value, const struct json_node *origin)
{
    struct udm_message *message = record->root;

    for (;;) {
        const struct udm_field *field = udm_field_find(message->type, next_name(&path));
        assert(field);
        if (!*path) {
            assert(field->type == UDM_STRING || field->type == UDM_BYTES);
            udm_message_add(record, message, field, (struct udm_value){.string = value, .origin = origin});
            return;
        }
        struct udm_values there = udm_message_get(message, field);
        message = there.count ? there.items[0].message : udm_message_child(record, message, field);
    }
}

/* The first value at the path, NULL if there is none; *field is the last name's. */
static const struct udm_value *first_value(const struct udm_record *record, const char *path, const struct udm_field **field)
{
    const struct udm_message *message = record->root;

    for (;;) {
        *field = udm_field_find(message->type, next_name(&path));
        assert(*field);
        struct udm_values values = udm_message_get(message, *field);
        if (!*path)
            return values.count ? &values.items[0] : NULL;
        if (!values.count)
            return NULL;
        message = values.items[0].message;
    }
}

struct slice udm_record_string(const struct udm_record *record, const char *path)
{
    const struct udm_field *field;
    const struct udm_value *value = first_value(record, path, &field);
    return value && (field->type == UDM_STRING || field->type == UDM_BYTES) ? value->string : slice_make(NULL, 0);
}

int64_t udm_record_int(const struct udm_record *record, const char *path)
{
    const struct udm_field *field;
    const struct udm_value *value = first_value(record, path, &field);
    return value && (field->type == UDM_INT || field->type == UDM_ENUM) ? value->integer : 0;
}

/* --- labels of target.resource.attribute ---------------------------------------------------------------------------------- */

/* Labels are added by the ten thousand by objects that somebody else writes, and equal ones are kept once: a few are compared
 * one by one, more go into a hash set. Its hash is no secret, so a search gives up after a bounded number of steps and the label
 * counts as new: whoever makes hashes collide gets a label twice, not a slow event. */
struct label_entry {
    uint64_t hash;
    struct slice key;
    struct slice value;
};

enum { SET_FIRST_SLOTS = 32, SET_PROBES = 32, HASHED_ENDS = 64 };

struct udm_label_set {
    struct udm_message *attribute; /* target.resource.attribute */
    struct label_entry *slots;     /* key.bytes NULL: free */
    size_t slot_count;             /* a power of two */
    size_t used;
};

/* Of a long value the length and both ends: values are up to megabytes. */
static uint64_t label_hash(struct slice key, struct slice value)
{
    uint64_t hash = slice_hash(key) * 31 + value.length;
    if (value.length <= 2 * (size_t)HASHED_ENDS)
        hash = hash * 31 + slice_hash(value);
    else
        hash = (hash * 31 + slice_hash(slice_first(value, HASHED_ENDS))) * 31 + slice_hash(slice_from(value, value.length - HASHED_ENDS));
    return hash ^ hash >> 29;
}

static bool same_text(struct slice a, struct slice b)
{
    return a.length == b.length && (a.bytes == b.bytes || slice_equal(a, b));
}

static struct label_entry *find_slot(struct udm_label_set *set, const struct label_entry *label)
{
    for (size_t probe = 0; probe < SET_PROBES; probe++) {
        struct label_entry *entry = &set->slots[(label->hash + probe) & (set->slot_count - 1)];
        if (!entry->key.bytes)
            return entry;
        if (entry->hash == label->hash && same_text(entry->key, label->key) && same_text(entry->value, label->value))
            return entry;
    }
    return NULL;
}

static void grow_set(struct arena *arena, struct udm_label_set *set)
{
    struct label_entry *before = set->slots;
    size_t count = set->slot_count;

    struct label_entry *slots = arena_try(arena, 2 * count * sizeof *slots);
    if (!slots)
        return;
    memset(slots, 0, 2 * count * sizeof *slots);
    set->slot_count = 2 * count;
    set->slots = slots;
    for (size_t i = 0; i < count; i++) {
        struct label_entry *slot = before[i].key.bytes ? find_slot(set, &before[i]) : NULL;
        if (slot)
            *slot = before[i];
    }
}

static struct udm_label_set *label_set_of(struct udm_record *record)
{
    if (!record->label_set) {
        struct udm_label_set *set = arena_alloc(record->arena, sizeof *set);
        struct udm_message *target = udm_message_child(record, record->root, UDM_FIELD(UDM, target));
        struct udm_message *resource = udm_message_child(record, target, UDM_FIELD(Noun, resource));
        set->attribute = udm_message_child(record, resource, UDM_FIELD(Resource, attribute));
        set->slots = NULL;
        set->slot_count = SET_FIRST_SLOTS;
        set->used = 0;
        record->label_set = set;
    }
    return record->label_set;
}

static void append_label(struct udm_record *record, struct slice key, struct slice value, const struct json_node *origin)
{
    struct udm_message *label = udm_message_child(record, record->label_set->attribute, UDM_FIELD(Attribute, labels));
    udm_message_add(record, label, UDM_FIELD(Label, key), (struct udm_value){.string = key});
    udm_message_add(record, label, UDM_FIELD(Label, value), (struct udm_value){.string = value, .origin = origin});
}

static struct label_entry label_at(const struct udm_values *labels, size_t index)
{
    const struct udm_message *message = labels->items[index].message;
    struct label_entry label = {0, slice_make("", 0), slice_make("", 0)};
    struct udm_values key = udm_message_get(message, UDM_FIELD(Label, key)), value = udm_message_get(message, UDM_FIELD(Label, value));
    if (key.count)
        label.key = key.items[0].string;
    if (value.count)
        label.value = value.items[0].string;
    return label;
}

/* True if the set did not have it. */
static bool set_insert(struct arena *arena, struct udm_label_set *set, struct label_entry label)
{
    if (!label.key.bytes)
        label.key = slice_make("", 0);
    label.hash = label_hash(label.key, label.value);
    struct label_entry *slot = find_slot(set, &label);

    if (slot && slot->key.bytes)
        return false;
    if (slot) {
        *slot = label;
        if (++set->used * 2 > set->slot_count)
            grow_set(arena, set);
    }
    return true;
}

void udm_record_add_label(struct udm_record *record, struct slice key, struct slice value, const struct json_node *origin)
{
    enum { COMPARED_ONE_BY_ONE = 16 };
    struct udm_label_set *set = label_set_of(record);
    struct udm_values labels = udm_message_get(set->attribute, UDM_FIELD(Attribute, labels));

    if (labels.count < COMPARED_ONE_BY_ONE) {
        for (size_t i = 0; i < labels.count; i++) {
            struct label_entry label = label_at(&labels, i);
            if (same_text(label.value, value) && same_text(label.key, key))
                return;
        }
    } else {
        if (!set->slots) {
            set->slots = arena_calloc(record->arena, set->slot_count, sizeof *set->slots);
            for (size_t i = 0; i < labels.count; i++)
                set_insert(record->arena, set, label_at(&labels, i));
        }
        if (!set_insert(record->arena, set, (struct label_entry){0, key, value}))
            return;
    }
    append_label(record, key, value, origin);
}

static struct udm_values labels_of(const struct udm_record *record)
{
    const struct udm_field *steps[] = {UDM_FIELD(UDM, target), UDM_FIELD(Noun, resource), UDM_FIELD(Resource, attribute)};
    const struct udm_message *message = record->root;

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct udm_values values = udm_message_get(message, steps[i]);
        if (!values.count)
            return values;
        message = values.items[0].message;
    }
    return udm_message_get(message, UDM_FIELD(Attribute, labels));
}

size_t udm_record_labels(const struct udm_record *record, const char *key, struct udm_value *out, size_t capacity)
{
    struct udm_values labels = labels_of(record);
    struct slice wanted = slice_of(key);
    size_t found = 0;

    for (size_t i = 0; i < labels.count; i++) {
        const struct udm_message *label = labels.items[i].message;
        struct udm_values keys = udm_message_get(label, UDM_FIELD(Label, key)), values = udm_message_get(label, UDM_FIELD(Label, value));
        if (!keys.count || !values.count || !slice_equal(keys.items[0].string, wanted))
            continue;
        if (found < capacity)
            out[found] = values.items[0];
        found++;
    }
    return found;
}

struct slice udm_record_label(const struct udm_record *record, const char *key)
{
    struct udm_value value;
    return udm_record_labels(record, key, &value, 1) ? value.string : slice_make(NULL, 0);
}
