/* SPDX-License-Identifier: Apache-2.0 */
/* The document that a JSON patch is applied to, as far as the patch itself tells of it. */
#ifndef HARRIER_UDM_K8S_OBJECT_CELLS_H
#define HARRIER_UDM_K8S_OBJECT_CELLS_H

#include "pointer.h"

enum k8s_cell_kind {
    CELL_SPARSE,  /* nothing is known of it yet */
    CELL_UNKNOWN, /* copied from where the patch does not show */
    CELL_VALUE,   /* a JSON value as it was written */
    CELL_OBJECT,  /* taken apart, as an operation went into it */
    CELL_ARRAY
};

/* A place of the document. The stored object is not in the event, so most of the document is not known: an array that the patch
 * did not write itself keeps its elements in the order of their positions, appended ones last. */
struct k8s_cell {
    enum k8s_cell_kind kind;
    bool is_complete; /* an object or array that the patch wrote itself */
    bool is_edited;   /* an operation went into it since it was last reported */
    struct slice key;
    int64_t position; /* in an array that is not complete */
    const struct json_node *value;
    struct k8s_cell **items;
    size_t count;
    size_t capacity;
};

/* Cells are made by whoever sends patches: each step costs, and what is left when nothing is left is not looked at. */
struct k8s_cells {
    struct arena *arena;
    struct k8s_cell *root;
    size_t steps_left;
    bool overflow;
};

void k8s_cells_init(struct k8s_cells *cells, struct arena *arena, size_t steps);
/* False when the steps are used up. */
bool k8s_cells_spend(struct k8s_cells *cells, size_t steps);
struct k8s_cell *k8s_cell_of_value(struct k8s_cells *cells, const struct json_node *value); /* NULL: unknown */
/* The value at the pointer's first `count` tokens below a JSON value; NULL if it is not there or the steps are used up. */
const struct json_node *k8s_cells_lookup(struct k8s_cells *cells, const struct json_node *value, const struct slice *tokens, size_t count);
/* A copy that later operations do not change. */
struct k8s_cell *k8s_cell_clone(struct k8s_cells *cells, const struct k8s_cell *cell);
/* The cell at the pointer's first `count` tokens, NULL if there is none; a value inside a CELL_VALUE goes to *value instead. */
struct k8s_cell *k8s_cells_find(struct k8s_cells *cells, const struct slice *tokens, size_t count, const struct json_node **value);
/* Puts the cell at the pointer: inserts into arrays unless it replaces; replaces in objects. */
void k8s_cells_put(struct k8s_cells *cells, const struct k8s_pointer *pointer, struct k8s_cell *cell, bool replaces);
void k8s_cells_remove(struct k8s_cells *cells, const struct k8s_pointer *pointer);

#endif
