/* SPDX-License-Identifier: Apache-2.0 */
#include "place.h"

#include <stdlib.h>

enum { RESPONSE_PREFIX = sizeof "response." - 1 };

void k8s_add_label(struct k8s_walk *walk, const char *name, struct slice value, const struct json_node *origin)
{
    struct slice key = slice_of(walk->is_response ? name : name + RESPONSE_PREFIX);

    if (udm_label_filter_wants(walk->record->label_filter, key))
        udm_record_add_label(walk->record, key, value, origin);
}

void k8s_add_made_label(struct k8s_walk *walk, const char *name_prefix, struct slice rest, struct slice value, const struct json_node *origin)
{
    struct slice prefix = slice_of(walk->is_response ? name_prefix : name_prefix + RESPONSE_PREFIX);
    struct slice key = k8s_join(walk->record->arena, prefix, "", rest);

    if (udm_label_filter_wants(walk->record->label_filter, key))
        udm_record_add_label(walk->record, key, value, origin);
}

bool k8s_member_is(const struct k8s_member *member, struct slice key)
{
    return member->key.length == 0 || slice_equal(member->key, key);
}

static void take_label(struct k8s_walk *walk, const struct k8s_member *member, const struct json_node *value)
{
    static const struct slice true_text = {"true", 4}, false_text = {"false", 5};

    switch (member->take) {
    case TAKE_NOTHING:
        break;
    case TAKE_TEXT:
        if (value->type == JSON_STRING)
            k8s_add_label(walk, member->label, value->text, value);
        break;
    case TAKE_NUMBER:
        if (value->type == JSON_NUMBER)
            k8s_add_label(walk, member->label, value->text, value);
        break;
    case TAKE_BOOL:
        if (value->type == JSON_BOOL)
            k8s_add_label(walk, member->label, value->boolean ? true_text : false_text, value);
        break;
    case TAKE_TRUE:
        if (value->type == JSON_BOOL && value->boolean)
            k8s_add_label(walk, member->label, true_text, value);
        break;
    case TAKE_PRESENT:
        k8s_add_label(walk, member->label, true_text, value);
        break;
    }
}

void k8s_walk_element(struct k8s_walk *walk, const struct k8s_member *member, struct slice key, const struct json_node *value)
{
    if (value->type == JSON_NULL)
        return;
    take_label(walk, member, value);
    if (member->look)
        member->look(walk, key, value);
    if (member->inside)
        k8s_walk_object(walk, member->inside, value);
}

void k8s_walk_member(struct k8s_walk *walk, const struct k8s_member *member, struct slice key, const struct json_node *value)
{
    if (!member->each) {
        k8s_walk_element(walk, member, key, value);
        return;
    }
    if (value->type != JSON_ARRAY)
        return;
    for (const struct json_node *element = value->first; element; element = element->next)
        k8s_walk_element(walk, member, key, element);
}

/* The depth of this recursion is that of the tables, not of the object. */
void k8s_walk_object(struct k8s_walk *walk, const struct k8s_place *place, const struct json_node *object)
{
    if (object->type != JSON_OBJECT)
        return;
    for (const struct json_node *child = object->first; child; child = child->next) {
        if (child->key.length && child->key.bytes[0] == '$')
            continue;
        for (size_t i = 0; i < place->count; i++) {
            if (k8s_member_is(&place->members[i], child->key))
                k8s_walk_member(walk, &place->members[i], child->key, child);
        }
    }
}

void k8s_walk_at(struct k8s_walk *walk, const struct k8s_place *place, const struct slice *tokens, size_t count, const struct json_node *value)
{
    if (count == 0) {
        k8s_walk_object(walk, place, value);
        return;
    }
    for (size_t i = 0; i < place->count; i++) {
        const struct k8s_member *member = &place->members[i];
        size_t used = member->each ? 2 : 1; /* the place in an array does not matter */
        if (!k8s_member_is(member, tokens[0]))
            continue;
        if (count == 1)
            k8s_walk_member(walk, member, tokens[0], value);
        else if (count == used)
            k8s_walk_element(walk, member, tokens[0], value);
        else if (member->inside)
            k8s_walk_at(walk, member->inside, tokens + used, count - used, value);
    }
}

bool k8s_place_reaches(const struct k8s_place *place, const struct slice *tokens, size_t count)
{
    if (count == 0)
        return true;
    for (size_t i = 0; i < place->count; i++) {
        const struct k8s_member *member = &place->members[i];
        size_t used = member->each ? 2 : 1;
        if (!k8s_member_is(member, tokens[0]))
            continue;
        if (count <= used || member->runs || !member->inside || k8s_place_reaches(member->inside, tokens + used, count - used))
            return true;
    }
    return false;
}

const struct json_node *k8s_next_member(const struct json_node *object, const char *name, const struct json_node *after)
{
    if (!json_is(object, JSON_OBJECT))
        return NULL;
    const struct json_node *child = after ? after->next : object->first;
    while (child && !slice_is(child->key, name))
        child = child->next;
    return child;
}

struct slice k8s_word(struct arena *arena, const struct json_node *value)
{
    if (value->type == JSON_STRING || value->type == JSON_NUMBER)
        return value->text;
    struct buffer text = {0};
    struct json_writer *writer = json_writer_new(&text, false);
    json_write_node(writer, value);
    json_writer_free(writer);
    struct slice copy = arena_copy(arena, buffer_slice(&text));
    buffer_free(&text);
    return copy;
}

struct slice k8s_join(struct arena *arena, struct slice left, const char *glue, struct slice right)
{
    struct slice parts[] = {left, slice_of(glue), right};
    char *text = arena_alloc(arena, left.length + parts[1].length + right.length + 1);
    size_t used = 0;

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].length)
            memcpy(text + used, parts[i].bytes, parts[i].length);
        used += parts[i].length;
    }
    return slice_make(text, used);
}

void k8s_add_pair(struct k8s_walk *walk, const struct json_node *object, const char *first, const char *glue, const char *second, const char *label)
{
    const struct json_node *one = json_last_member(object, first), *two = json_last_member(object, second);

    if (!json_is(one, JSON_STRING))
        return;
    struct slice value = json_is(two, JSON_STRING) || json_is(two, JSON_NUMBER) ? two->text : SLICE("");
    k8s_add_label(walk, label, k8s_join(walk->record->arena, one->text, glue, value), object);
}

static int compare_slices(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

struct slice k8s_sorted_list(struct arena *arena, const struct json_node *array, const char *replacement)
{
    if (!json_is(array, JSON_ARRAY) || !array->first)
        return SLICE("");
    struct slice *items = arena_calloc(arena, array->count, sizeof *items);
    size_t count = 0, length = 0;

    for (const struct json_node *item = array->first; item && count < array->count; item = item->next) {
        if (item->type != JSON_STRING)
            continue;
        items[count] = item->text.length ? item->text : slice_of(replacement);
        length += items[count++].length + 1;
    }
    qsort(items, count, sizeof *items, compare_slices);
    char *text = arena_alloc(arena, length + 1);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (i)
            text[used++] = ',';
        if (items[i].length)
            memcpy(text + used, items[i].bytes, items[i].length);
        used += items[i].length;
    }
    return slice_make(text, used);
}
