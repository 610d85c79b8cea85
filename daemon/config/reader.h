/* SPDX-License-Identifier: Apache-2.0 */
/* What the steps of loading a configuration share: text → YAML document → struct config by the schema → checks across options. */
#ifndef HARRIER_CONFIG_READER_H
#define HARRIER_CONFIG_READER_H

#include "schema.h"
#include "harrier/base/buffer.h"
#include "harrier/config.h"
#include "harrier/base/vector.h"

#include <yaml.h>

/* Where a value of the file went, so that a later check can point at it. */
struct reader_origin {
    const void *target;
    struct config_place place;
};

/* One load. Marks of libyaml count characters; people and editors count bytes of a line, so marks are converted by walking the
 * text; cursor remembers the last answer, as nodes are mostly visited in order. */
struct reader {
    const char *file;
    const char *folder; /* absolute; relative paths begin there */
    struct slice text;
    unsigned int flags;
    struct arena *arena; /* the configuration's own */
    struct diagnostics *diagnostics;
    yaml_document_t document;
    VECTOR(struct reader_origin) origins;
    struct {
        size_t characters;
        size_t bytes;
        struct config_place place;
    } cursor;
};

/* The text to be read now, and where relative paths of it begin. file lives as long as the configuration. */
void reader_begin(struct reader *reader, const char *file, struct slice text);
/* Reads the text as one YAML document into object, by the table. False: it is not YAML; there are errors for that. */
bool reader_read(struct reader *reader, const struct option_table *table, void *object);
/* The files that config->include names; their sources go behind those of config. */
void reader_include(struct reader *reader, struct config *config);
/* NULL, or why the file cannot be read. */
const char *config_read_file(const char *file, struct buffer *text);

/* Line and column of a mark. */
struct config_place reader_place(struct reader *reader, const yaml_mark_t *mark);
/* Where the value that went to target stands; fallback if the file does not give it. */
struct config_place reader_origin(const struct reader *reader, const void *target, struct config_place fallback);
void reader_error(struct reader *reader, struct config_place place, const char *format, ...) __attribute__((format(printf, 3, 4)));
void reader_warning(struct reader *reader, struct config_place place, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* "; did you mean `x`?" for the nearest of the names, "" if none is near. Lives in the arena. */
const char *reader_suggestion(struct reader *reader, struct slice name, const char *const *names, size_t count);

/* Reads one scalar as the option's type into target; for lists, one element. NULL, or what is wrong with it and what to do. */
const char *option_parse(struct reader *reader, const struct option *option, struct slice text, void *target);

/* Fills object from the document's root and the table's defaults. */
void reader_fill(struct reader *reader, yaml_node_t *root, const struct option_table *table, void *object);
/* Checks across options, and what is derived from several. */
void reader_check(struct reader *reader, struct config *config);
/* The destinations' part of it: what each type needs, secrets, routes. */
void reader_check_destinations(struct reader *reader, struct config *config);
/* name stands in its record at where: charset and length. */
void reader_check_name(struct reader *reader, const char *const *name, const char *where);
void reader_check_secret(struct reader *reader, const struct config_secret *secret, const char *what, const char *where);

#endif
