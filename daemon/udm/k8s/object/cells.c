/* SPDX-License-Identifier: Apache-2.0 */
#include "cells.h"

/* Positions of elements that were appended to an array of unknown length; before them that of its last known element. */
static const int64_t appended_position = INT64_C(1) << 40;
static const int64_t last_position = (INT64_C(1) << 40) - 1;

enum { MAX_CELL_DEPTH = 4 * K8S_POINTER_TOKENS };

void k8s_cells_init(struct k8s_cells *cells, struct arena *arena, size_t steps)
{
    *cells = (struct k8s_cells){.arena = arena, .steps_left = steps};
    cells->root = ARENA_NEW(arena, struct k8s_cell);
}

bool k8s_cells_spend(struct k8s_cells *cells, size_t steps)
{
    if (steps > cells->steps_left || arena_is_full(cells->arena)) {
        cells->steps_left = 0;
        cells->overflow = true;
        return false;
    }
    cells->steps_left -= steps;
    return true;
}

struct k8s_cell *k8s_cell_of_value(struct k8s_cells *cells, const struct json_node *value)
{
    struct k8s_cell *cell = ARENA_NEW(cells->arena, struct k8s_cell);
    cell->kind = value ? CELL_VALUE : CELL_UNKNOWN;
    cell->value = value;
    return cell;
}

static bool insert_item(struct k8s_cells *cells, struct k8s_cell *parent, size_t at, struct k8s_cell *item)
{
    if (!k8s_cells_spend(cells, 1 + (parent->count - at) / 8))
        return false;
    if (parent->count == parent->capacity) {
        size_t capacity = parent->capacity ? parent->capacity * 2 : 4;
        struct k8s_cell **grown = arena_calloc(cells->arena, capacity, sizeof *grown);
        if (parent->count)
            memcpy(grown, parent->items, parent->count * sizeof *grown);
        parent->items = grown;
        parent->capacity = capacity;
    }
    memmove(parent->items + at + 1, parent->items + at, (parent->count - at) * sizeof *parent->items);
    parent->items[at] = item;
    parent->count++;
    return true;
}

static struct k8s_cell *clone(struct k8s_cells *cells, const struct k8s_cell *cell, size_t depth)
{
    struct k8s_cell *copy = ARENA_NEW(cells->arena, struct k8s_cell);
    *copy = *cell;
    copy->items = NULL;
    copy->count = copy->capacity = 0;
    if (depth == MAX_CELL_DEPTH)
        cells->overflow = true;
    for (size_t i = 0; i < cell->count && depth < MAX_CELL_DEPTH; i++) {
        if (!k8s_cells_spend(cells, 1) || !insert_item(cells, copy, copy->count, clone(cells, cell->items[i], depth + 1)))
            break;
    }
    return copy;
}

struct k8s_cell *k8s_cell_clone(struct k8s_cells *cells, const struct k8s_cell *cell)
{
    return clone(cells, cell, 0);
}

/* --- going down ----------------------------------------------------------------------------------------------------------- */

/* Takes a value apart, so that an operation can go into it. */
static void open_cell(struct k8s_cells *cells, struct k8s_cell *cell, struct slice token)
{
    int64_t index;
    bool is_end;

    if (cell->kind == CELL_OBJECT || cell->kind == CELL_ARRAY)
        return;
    if (cell->kind == CELL_VALUE && (cell->value->type == JSON_OBJECT || cell->value->type == JSON_ARRAY)) {
        cell->kind = cell->value->type == JSON_OBJECT ? CELL_OBJECT : CELL_ARRAY;
        cell->is_complete = true;
        for (const struct json_node *child = cell->value->first; child; child = child->next) {
            struct k8s_cell *item = k8s_cell_of_value(cells, child);
            item->key = child->key;
            if (!insert_item(cells, cell, cell->count, item))
                return;
        }
        return;
    }
    cell->kind = k8s_pointer_index(token, &index, &is_end) ? CELL_ARRAY : CELL_OBJECT;
    cell->is_complete = false;
}

/* The place of an object's member, of a name that stands twice the last; count if there is none. */
static size_t find_key(struct k8s_cells *cells, const struct k8s_cell *object, struct slice key)
{
    k8s_cells_spend(cells, object->count / 4);
    for (size_t i = object->count; i > 0; i--) {
        if (slice_equal(object->items[i - 1]->key, key))
            return i - 1;
    }
    return object->count;
}

/* Where an element is, or would be inserted; *found tells which. */
static size_t find_position(struct k8s_cells *cells, const struct k8s_cell *array, struct slice token, bool inserts, int64_t *position, bool *found)
{
    int64_t index = 0;
    bool is_end = false;
    size_t at = 0;

    *found = false;
    if (!k8s_pointer_index(token, &index, &is_end))
        is_end = true;
    if (array->is_complete) {
        int64_t count = (int64_t)array->count;
        if (is_end)
            index = inserts ? count : count - 1;
        else if (index < 0)
            index += inserts ? count + 1 : count;
        *found = index >= 0 && index < count;
        return index < 0 ? 0 : index > count ? array->count : (size_t)index;
    }
    if (inserts && (is_end || index == -1)) {
        *position = appended_position;
        return array->count;
    }
    if (is_end || index < 0) {
        *position = last_position;
        *found = array->count && array->items[array->count - 1]->position >= last_position;
        return *found ? array->count - 1 : array->count;
    }
    k8s_cells_spend(cells, array->count / 4);
    *position = index;
    while (at < array->count && array->items[at]->position < index)
        at++;
    *found = at < array->count && array->items[at]->position == index;
    return at;
}

/* The child that the token names, made if it is not there. NULL when the steps are used up. */
static struct k8s_cell *go_into(struct k8s_cells *cells, struct k8s_cell *cell, struct slice token)
{
    int64_t position = 0;
    bool found;
    size_t at;

    open_cell(cells, cell, token);
    cell->is_edited = true;
    if (cell->kind == CELL_OBJECT) {
        at = find_key(cells, cell, token);
        found = at < cell->count;
    } else {
        at = find_position(cells, cell, token, false, &position, &found);
    }
    if (found)
        return cell->items[at];
    struct k8s_cell *child = ARENA_NEW(cells->arena, struct k8s_cell);
    child->key = token;
    child->position = position;
    return insert_item(cells, cell, at, child) ? child : NULL;
}

static struct k8s_cell *go_to_parent(struct k8s_cells *cells, const struct k8s_pointer *pointer)
{
    struct k8s_cell *cell = cells->root;

    for (size_t i = 0; cell && i + 1 < pointer->count; i++) {
        if (!k8s_cells_spend(cells, 1))
            return NULL;
        cell = go_into(cells, cell, pointer->tokens[i]);
    }
    if (cell) {
        open_cell(cells, cell, pointer->tokens[pointer->count - 1]);
        cell->is_edited = true;
    }
    return cell;
}

const struct json_node *k8s_cells_lookup(struct k8s_cells *cells, const struct json_node *value, const struct slice *tokens, size_t count)
{
    enum { CHILDREN_PER_STEP = 4 };
    size_t visited = 0;
    const struct json_node *found = cells->steps_left ? k8s_pointer_lookup(value, tokens, count, &visited) : NULL;
    return k8s_cells_spend(cells, 1 + visited / CHILDREN_PER_STEP) ? found : NULL;
}

struct k8s_cell *k8s_cells_find(struct k8s_cells *cells, const struct slice *tokens, size_t count, const struct json_node **value)
{
    struct k8s_cell *cell = cells->root;

    *value = NULL;
    for (size_t i = 0; i < count; i++) {
        int64_t position = 0;
        bool found = false;
        size_t at = 0;
        if (cell->kind == CELL_VALUE) {
            *value = k8s_cells_lookup(cells, cell->value, tokens + i, count - i);
            return NULL;
        }
        if (cell->kind == CELL_OBJECT) {
            at = find_key(cells, cell, tokens[i]);
            found = at < cell->count;
        } else if (cell->kind == CELL_ARRAY) {
            at = find_position(cells, cell, tokens[i], false, &position, &found);
        }
        if (!found)
            return NULL;
        cell = cell->items[at];
    }
    return cell;
}

/* --- changing ------------------------------------------------------------------------------------------------------------- */

static void put_into_array(struct k8s_cells *cells, struct k8s_cell *array, struct slice token, struct k8s_cell *cell, bool replaces)
{
    int64_t position = 0;
    bool found;
    size_t at = find_position(cells, array, token, !replaces, &position, &found);

    cell->position = position;
    if (replaces && found) {
        cell->position = array->items[at]->position;
        array->items[at] = cell;
        return;
    }
    if (!insert_item(cells, array, at, cell) || array->is_complete || replaces)
        return;
    for (size_t i = at + 1; i < array->count && array->items[i]->position < last_position; i++)
        array->items[i]->position++;
}

void k8s_cells_put(struct k8s_cells *cells, const struct k8s_pointer *pointer, struct k8s_cell *cell, bool replaces)
{
    if (pointer->count == 0) {
        cells->root = cell;
        return;
    }
    struct k8s_cell *parent = go_to_parent(cells, pointer);
    struct slice token = pointer->tokens[pointer->count - 1];
    if (!parent)
        return;
    cell->key = token;
    if (parent->kind == CELL_ARRAY) {
        put_into_array(cells, parent, token, cell, replaces);
        return;
    }
    size_t at = find_key(cells, parent, token);
    if (at < parent->count)
        parent->items[at] = cell;
    else
        insert_item(cells, parent, at, cell);
}

void k8s_cells_remove(struct k8s_cells *cells, const struct k8s_pointer *pointer)
{
    const struct json_node *value;
    int64_t position = 0;
    bool found;

    if (pointer->count == 0 || (!k8s_cells_find(cells, pointer->tokens, pointer->count, &value) && !value))
        return;
    struct k8s_cell *parent = go_to_parent(cells, pointer);
    struct slice token = pointer->tokens[pointer->count - 1];
    if (!parent)
        return;
    size_t at = parent->kind == CELL_ARRAY ? find_position(cells, parent, token, false, &position, &found) : find_key(cells, parent, token);
    if (at >= parent->count || !k8s_cells_spend(cells, 1 + (parent->count - at) / 8))
        return;
    memmove(parent->items + at, parent->items + at + 1, (parent->count - at - 1) * sizeof *parent->items);
    parent->count--;
    for (size_t i = at; i < parent->count && !parent->is_complete && parent->kind == CELL_ARRAY; i++) {
        if (parent->items[i]->position < last_position)
            parent->items[i]->position--;
    }
}
