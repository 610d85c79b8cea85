/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with files that people write (configuration, rules, lists): all of it, in order, each with its place and a remedy. */
#ifndef HARRIER_DIAGNOSTICS_H
#define HARRIER_DIAGNOSTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum diagnostic_severity {
    DIAGNOSTIC_WARNING,
    DIAGNOSTIC_UNSUPPORTED, /* right, but needs what only Google has (exit 69 when nothing is worse) */
    DIAGNOSTIC_ERROR
};

struct diagnostic {
    char *file;      /* owned */
    uint32_t line;   /* from 1; 0: the file as a whole */
    uint32_t column; /* from 1, in bytes; 0: the line as a whole */
    enum diagnostic_severity severity;
    char *message; /* owned: "what, and what to do" */
};

struct diagnostics;

struct diagnostics *diagnostics_new(void);
void diagnostics_free(struct diagnostics *diagnostics);
void diagnostics_add(struct diagnostics *diagnostics, enum diagnostic_severity severity, const char *file, uint32_t line, uint32_t column,
                     const char *format, ...) __attribute__((format(printf, 6, 7)));
size_t diagnostics_count(const struct diagnostics *diagnostics);
size_t diagnostics_count_of(const struct diagnostics *diagnostics, enum diagnostic_severity severity);
const struct diagnostic *diagnostics_at(const struct diagnostics *diagnostics, size_t index);
/* "file:line:column: error: message", one line each, control characters escaped, sorted by file and place. */
void diagnostics_print(const struct diagnostics *diagnostics, FILE *out);

#endif
