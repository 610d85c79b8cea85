/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of lists and tables: a column of values as it stands in a file, before anybody asks for it. */
#ifndef HARRIER_YARAL_LIST_LIST_H
#define HARRIER_YARAL_LIST_LIST_H

#include "harrier/base/buffer.h"
#include "harrier/base/vector.h"
#include "harrier/yaral.h"

/* Files of lists are written by people or by feeds; larger ones are a mistake. */
enum { LIST_LARGEST_FILE = 64 * 1024 * 1024 };

struct list_value {
    struct slice text;
    uint32_t line; /* from 1; 0 where the file has no lines to speak of (JSON) */
};

struct list_column {
    struct slice name; /* empty: the list itself */
    VECTOR(struct list_value) values;
};

/* A file that was read. Texts are in its arena. */
struct list_source {
    struct arena *arena;
    struct slice name;
    char *path;
    VECTOR(struct list_column *) columns;
};

/* The whole file; a diagnostic when it cannot be read or is too large. */
enum result list_read_file(const char *path, struct buffer *bytes, struct diagnostics *diagnostics);
/* Values of a list's text. */
enum result list_parse(struct list_source *source, struct slice text, struct diagnostics *diagnostics);
/* Columns of a table's text: CSV or JSON. */
enum result table_parse(struct list_source *source, struct slice text, struct diagnostics *diagnostics);
struct list_column *list_add_column(struct list_source *source, struct slice name);

/* A value as a look-up wants it. */
struct yaral_list *list_prepare(const struct list_source *source, const struct list_column *column, enum yaral_list_kind kind, bool nocase,
                                struct diagnostics *diagnostics);
void list_free(struct yaral_list *list);

#endif
