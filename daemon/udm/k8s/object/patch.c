/* SPDX-License-Identifier: Apache-2.0 */
/* Labels of JSON patches (RFC 6902), read as the server's library reads them. Each value that an operation writes is walked as if
 * it stood at the operation's path, whatever a later operation does to it. Beside that the operations are applied to a document
 * of cells: command lines that several operations put together, and values that are copied from one place to another, are
 * read from there. */
#include "cells.h"
#include "object.h"
#include "pod.h"

enum {
    PATCH_OPERATIONS = 10000,   /* a server refuses more */
    PATCH_STEPS = 4000000,      /* cells moved, nodes copied, words joined: some tens of milliseconds */
    WORD_BYTES_PER_STEP = 64,
    MAX_REPORT_DEPTH = 4 * K8S_POINTER_TOKENS
};

struct patch {
    struct k8s_walk *walk;
    struct k8s_roots roots;
    struct k8s_cells cells;
    const struct json_node *whole_response;
    bool unresolved;
};

/* --- reading cells by the tables ------------------------------------------------------------------------------------------ */

/* What is wanted of cells: all labels, or only command lines that were edited. */
struct report {
    struct patch *patch;
    bool only_edited;
    size_t depth;
};

static void report_object(struct report *report, const struct k8s_place *place, struct k8s_cell *cell);

static const struct k8s_cell *last_child(const struct k8s_cell *cell, const char *name)
{
    for (size_t i = cell->count; i > 0; i--) {
        if (slice_is(cell->items[i - 1]->key, name))
            return cell->items[i - 1];
    }
    return NULL;
}

static void add_words(struct patch *patch, struct k8s_command *command, const struct k8s_cell *list)
{
    struct arena *arena = patch->walk->record->arena;

    if (!list)
        return;
    if (list->kind == CELL_VALUE) {
        if (k8s_cells_spend(&patch->cells, list->value->count))
            k8s_command_add_list(arena, command, list->value);
        return;
    }
    for (size_t i = 0; list->kind == CELL_ARRAY && i < list->count; i++) {
        const struct json_node *value = list->items[i]->kind == CELL_VALUE ? list->items[i]->value : NULL;
        if (!value || !k8s_cells_spend(&patch->cells, 1))
            continue;
        if (!command->origin)
            command->origin = value;
        k8s_command_add(arena, command, k8s_word(arena, value));
    }
}

static void report_command(struct patch *patch, const struct k8s_member *member, const struct k8s_cell *owner)
{
    struct k8s_command command = {0};
    bool is_hook = k8s_runs_as_hook(member);
    size_t bytes = 0;

    add_words(patch, &command, last_child(owner, "command"));
    if (!is_hook)
        add_words(patch, &command, last_child(owner, "args"));
    for (size_t i = 0; i < command.count; i++)
        bytes += command.words[i].length;
    if (k8s_cells_spend(&patch->cells, bytes / WORD_BYTES_PER_STEP))
        k8s_command_report(patch->walk, &command, is_hook);
}

static void report_element(struct report *report, const struct k8s_member *member, struct k8s_cell *cell)
{
    if (cell->kind == CELL_VALUE) {
        if (!report->only_edited)
            k8s_walk_element(report->patch->walk, member, cell->key, cell->value);
        return;
    }
    if (member->runs && cell->kind == CELL_OBJECT && (cell->is_edited || !report->only_edited)) {
        report_command(report->patch, member, cell);
        cell->is_edited = false;
    }
    if (member->inside)
        report_object(report, member->inside, cell);
}

static void report_member(struct report *report, const struct k8s_member *member, struct k8s_cell *cell)
{
    if (!member->each) {
        report_element(report, member, cell);
        return;
    }
    if (cell->kind == CELL_VALUE && !report->only_edited)
        k8s_walk_member(report->patch->walk, member, cell->key, cell->value);
    for (size_t i = 0; cell->kind == CELL_ARRAY && i < cell->count; i++)
        report_element(report, member, cell->items[i]);
}

static void report_object(struct report *report, const struct k8s_place *place, struct k8s_cell *cell)
{
    if (cell->kind == CELL_VALUE && !report->only_edited)
        k8s_walk_object(report->patch->walk, place, cell->value);
    for (size_t i = 0; cell->kind == CELL_OBJECT && i < cell->count; i++) {
        if (!k8s_cells_spend(&report->patch->cells, 1))
            return;
        for (size_t row = 0; row < place->count; row++) {
            if (k8s_member_is(&place->members[row], cell->items[i]->key))
                report_member(report, &place->members[row], cell->items[i]);
        }
    }
}

/* A cell as if it stood at the tokens below the place. */
static void report_at(struct report *report, const struct k8s_place *place, const struct slice *tokens, size_t count, struct k8s_cell *cell)
{
    if (count == 0) {
        report_object(report, place, cell);
        return;
    }
    for (size_t i = 0; i < place->count; i++) {
        const struct k8s_member *member = &place->members[i];
        size_t used = member->each ? 2 : 1;
        if (!k8s_member_is(member, tokens[0]))
            continue;
        if (count == 1)
            report_member(report, member, cell);
        else if (count == used)
            report_element(report, member, cell);
        else if (member->inside)
            report_at(report, member->inside, tokens + used, count - used, cell);
    }
}

/* Pod specs anywhere below a cell of a custom resource. */
static void report_custom(struct report *report, struct slice parent, struct k8s_cell *cell)
{
    const struct slice names[] = {parent, cell->key};

    if (report->depth == MAX_REPORT_DEPTH) {
        report->patch->cells.overflow = true;
        return;
    }
    if (cell->kind == CELL_OBJECT && (k8s_custom_pod_spec_depth(names, 2) || (slice_is(cell->key, "spec") && last_child(cell, "containers"))))
        report_object(report, &k8s_pod_spec, cell);
    report->depth++;
    for (size_t i = 0; i < cell->count; i++)
        report_custom(report, cell->key, cell->items[i]);
    report->depth--;
}

static void report_cells(struct patch *patch, const struct slice *tokens, size_t count, struct k8s_cell *cell, bool only_edited)
{
    struct report report = {patch, only_edited, 0};

    for (size_t i = 0; i < patch->roots.count; i++)
        report_at(&report, patch->roots.places[i], tokens, count, cell);
    if (!patch->roots.is_custom)
        return;
    size_t depth = k8s_custom_pod_spec_depth(tokens, count);
    if (depth)
        report_at(&report, &k8s_pod_spec, tokens + depth, count - depth, cell);
    else
        report_custom(&report, count > 1 ? tokens[count - 2] : SLICE(""), cell);
}

/* --- single operations ---------------------------------------------------------------------------------------------------- */

/* Tokens that lead to whoever runs the command list that the pointer leads to or into; all of them if it leads to none. */
static size_t owner_depth(const struct k8s_pointer *pointer)
{
    for (size_t i = pointer->count; i > 0; i--) {
        if (slice_is(pointer->tokens[i - 1], "command") || slice_is(pointer->tokens[i - 1], "args"))
            return i - 1;
    }
    return pointer->count;
}

/* Command lines that are about to be written over were written all the same. */
static void report_former(struct patch *patch, const struct k8s_pointer *pointer)
{
    const struct json_node *value;
    size_t count = owner_depth(pointer);

    if (!k8s_cells_find(&patch->cells, pointer->tokens, pointer->count, &value) && !value)
        return;
    struct k8s_cell *cell = k8s_cells_find(&patch->cells, pointer->tokens, count, &value);
    if (cell && cell->is_edited)
        report_cells(patch, pointer->tokens, count, cell, true);
}

/* Nothing is written over where an element is inserted into a list. */
static void report_former_unless_inserted(struct patch *patch, const struct k8s_pointer *pointer)
{
    if (owner_depth(pointer) + 1 >= pointer->count)
        report_former(patch, pointer);
}

/* The member that runs at exactly these tokens. */
static const struct k8s_member *runner_at(const struct k8s_place *place, const struct slice *tokens, size_t count)
{
    for (size_t i = 0; i < place->count; i++) {
        const struct k8s_member *member = &place->members[i];
        size_t used = member->each ? 2 : 1;
        if (count < used || !k8s_member_is(member, tokens[0]))
            continue;
        if (count == used && member->runs)
            return member;
        const struct k8s_member *below = member->inside ? runner_at(member->inside, tokens + used, count - used) : NULL;
        if (below)
            return below;
    }
    return NULL;
}

/* An edit inside a list of the stored object: the whole list is only in what came back. */
static void report_stored_command(struct patch *patch, const struct k8s_pointer *pointer)
{
    size_t count = owner_depth(pointer);

    if (!patch->whole_response || count + 1 >= pointer->count)
        return;
    const struct json_node *owner = k8s_cells_lookup(&patch->cells, patch->whole_response, pointer->tokens, count);
    size_t depth = patch->roots.is_custom ? k8s_custom_pod_spec_depth(pointer->tokens, count) : 0;
    const struct k8s_member *member = depth ? runner_at(&k8s_pod_spec, pointer->tokens + depth, count - depth) : NULL;
    for (size_t i = 0; !member && i < patch->roots.count; i++)
        member = runner_at(patch->roots.places[i], pointer->tokens, count);
    if (owner && member && k8s_cells_spend(&patch->cells, 1 + owner->count))
        member->look(patch->walk, SLICE(""), owner);
}

static void write_value(struct patch *patch, const struct k8s_pointer *pointer, const struct json_node *value, bool replaces)
{
    if (replaces)
        report_former(patch, pointer);
    else
        report_former_unless_inserted(patch, pointer);
    k8s_value_labels(patch->walk, &patch->roots, pointer->tokens, pointer->count, value);
    k8s_cells_put(&patch->cells, pointer, k8s_cell_of_value(&patch->cells, value), replaces);
    report_stored_command(patch, pointer);
}

/* Nodes below and with the node; stops at the limit. */
static size_t count_nodes(const struct json_node *root, size_t limit)
{
    size_t count = 1;

    for (const struct json_node *node = root->first; node && count < limit; node = json_next(node, root, false))
        count++;
    return count;
}

static bool leads_into_spec(const struct patch *patch, const struct k8s_pointer *pointer)
{
    if (pointer->count == 0 || slice_is(pointer->tokens[0], "spec"))
        return true;
    if (slice_is(pointer->tokens[0], "metadata"))
        return false;
    for (size_t i = 0; i < patch->roots.count; i++) {
        if (k8s_place_reaches(patch->roots.places[i], pointer->tokens, pointer->count))
            return true;
    }
    return patch->roots.is_custom && k8s_custom_pod_spec_depth(pointer->tokens, pointer->count);
}

static void write_unknown(struct patch *patch, const struct k8s_pointer *pointer, const struct json_node *path)
{
    report_former_unless_inserted(patch, pointer);
    k8s_cells_put(&patch->cells, pointer, k8s_cell_of_value(&patch->cells, NULL), false);
    if (!leads_into_spec(patch, pointer))
        return;
    patch->unresolved = true;
    k8s_add_label(patch->walk, K8S_LABEL("unresolved"), path->text, path);
}

static bool is_unknown_inside(const struct k8s_cell *cell)
{
    return !cell || cell->kind == CELL_UNKNOWN || cell->kind == CELL_SPARSE || !cell->is_complete;
}

/* A value that comes from another place of the document. */
static void write_copy(struct patch *patch, const struct k8s_pointer *from, const struct k8s_pointer *pointer, const struct json_node *path, bool moves)
{
    const struct json_node *value;
    struct k8s_cell *source = k8s_cells_find(&patch->cells, from->tokens, from->count, &value);

    if (source && source->kind == CELL_VALUE)
        value = source->value;
    if (!value && is_unknown_inside(source) && patch->whole_response)
        value = k8s_cells_lookup(&patch->cells, patch->whole_response, pointer->tokens, pointer->count);
    if (moves) {
        report_former(patch, from);
        k8s_cells_remove(&patch->cells, from);
    }
    if (value) {
        if (k8s_cells_spend(&patch->cells, count_nodes(value, patch->cells.steps_left + 1)))
            write_value(patch, pointer, value, false);
        return;
    }
    if (!source || source->kind == CELL_UNKNOWN || source->kind == CELL_SPARSE) {
        write_unknown(patch, pointer, path);
        return;
    }
    struct k8s_cell *copy = k8s_cell_clone(&patch->cells, source);
    report_former_unless_inserted(patch, pointer);
    k8s_cells_put(&patch->cells, pointer, copy, false);
    report_cells(patch, pointer->tokens, pointer->count, copy, false);
    if (!source->is_complete && leads_into_spec(patch, pointer)) {
        patch->unresolved = true;
        k8s_add_label(patch->walk, K8S_LABEL("unresolved"), path->text, path);
    }
}

static void apply(struct patch *patch, const struct json_node *operation)
{
    struct arena *arena = patch->walk->record->arena;
    struct slice op = json_string(json_last_member(operation, "op"));
    const struct json_node *path = json_last_member(operation, "path"), *from = json_last_member(operation, "from");
    const struct json_node *value = NULL, *last_value = json_last_member(operation, "value");
    struct k8s_pointer pointer, source;
    bool replaces = slice_is(op, "replace");

    if (!json_is(path, JSON_STRING))
        return;
    if (!k8s_pointer_parse(arena, path->text, &pointer)) {
        patch->cells.overflow = true;
        return;
    }
    if (replaces || slice_is(op, "add")) {
        while ((value = k8s_next_member(operation, "value", value))) {
            if (value != last_value)
                k8s_value_labels(patch->walk, &patch->roots, pointer.tokens, pointer.count, value);
        }
        if (last_value)
            write_value(patch, &pointer, last_value, replaces);
    } else if (slice_is(op, "remove")) {
        report_former(patch, &pointer);
        k8s_cells_remove(&patch->cells, &pointer);
    } else if ((slice_is(op, "move") || slice_is(op, "copy")) && json_is(from, JSON_STRING)) {
        if (!k8s_pointer_parse(arena, from->text, &source)) {
            patch->cells.overflow = true;
            return;
        }
        write_copy(patch, &source, &pointer, path, slice_is(op, "move"));
    }
}

/* --- the patch ------------------------------------------------------------------------------------------------------------ */

static bool is_refused(const struct json_node *operations)
{
    for (const struct json_node *operation = operations->first; operation; operation = operation->next) {
        if (k8s_pointer_is_refused(json_string(json_last_member(operation, "path"))))
            return true;
    }
    return false;
}

bool k8s_json_patch_labels(struct k8s_walk *walk, const struct k8s_request *request, const struct json_node *operations,
                           const struct json_node *whole_response)
{
    struct patch patch = {.walk = walk, .whole_response = whole_response};

    if (is_refused(operations))
        return false;
    k8s_roots_of(&patch.roots, request, SLICE(""));
    k8s_cells_init(&patch.cells, walk->record->arena, PATCH_STEPS);
    for (const struct json_node *operation = operations->first; operation && operation->index < PATCH_OPERATIONS; operation = operation->next)
        apply(&patch, operation);
    patch.cells.steps_left = PATCH_STEPS; /* what the operations have come to is worth a look of its own */
    report_cells(&patch, NULL, 0, patch.cells.root, true);
    walk->overflow |= patch.cells.overflow || operations->count > PATCH_OPERATIONS;
    return patch.unresolved;
}
