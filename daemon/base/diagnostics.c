/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/base/diagnostics.h"

#include "harrier/base/log.h"
#include "harrier/base/memory.h"
#include "harrier/base/vector.h"

#include <stdarg.h>
#include <string.h>

struct diagnostics {
    VECTOR(struct diagnostic) all;
};

struct diagnostics *diagnostics_new(void)
{
    return xcalloc(1, sizeof(struct diagnostics));
}

void diagnostics_free(struct diagnostics *diagnostics)
{
    if (!diagnostics)
        return;
    for (size_t i = 0; i < diagnostics->all.count; i++) {
        free(diagnostics->all.items[i].file);
        free(diagnostics->all.items[i].message);
    }
    VECTOR_FREE(&diagnostics->all);
    free(diagnostics);
}

void diagnostics_add(struct diagnostics *diagnostics, enum diagnostic_severity severity, const char *file, uint32_t line, uint32_t column,
                     const char *format, ...)
{
    char message[4096];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    VECTOR_PUSH(&diagnostics->all, ((struct diagnostic){xstrdup(file), line, column, severity, xstrdup(message)}));
}

size_t diagnostics_count(const struct diagnostics *diagnostics)
{
    return diagnostics->all.count;
}

size_t diagnostics_count_of(const struct diagnostics *diagnostics, enum diagnostic_severity severity)
{
    size_t count = 0;
    for (size_t i = 0; i < diagnostics->all.count; i++)
        count += diagnostics->all.items[i].severity == severity;
    return count;
}

const struct diagnostic *diagnostics_at(const struct diagnostics *diagnostics, size_t index)
{
    return &diagnostics->all.items[index];
}

static int by_place(const void *left, const void *right)
{
    const struct diagnostic *a = *(const struct diagnostic *const *)left;
    const struct diagnostic *b = *(const struct diagnostic *const *)right;
    int order = strcmp(a->file, b->file);
    if (order)
        return order;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    if (a->column != b->column)
        return a->column < b->column ? -1 : 1;
    return a < b ? -1 : a > b;
}

static void print_one(const struct diagnostic *one, FILE *out)
{
    static const char *const names[] = {"warning", "unsupported", "error"};
    char escaped[8192];

    fprintf(out, "%s:", log_escape(slice_of(one->file), escaped, sizeof escaped));
    if (one->line)
        fprintf(out, "%u:", one->line);
    if (one->line && one->column)
        fprintf(out, "%u:", one->column);
    fprintf(out, " %s: %s\n", names[one->severity], log_escape(slice_of(one->message), escaped, sizeof escaped));
}

void diagnostics_print(const struct diagnostics *diagnostics, FILE *out)
{
    size_t count = diagnostics->all.count;
    const struct diagnostic **sorted = xcalloc(count, sizeof *sorted);

    for (size_t i = 0; i < count; i++)
        sorted[i] = &diagnostics->all.items[i];
    qsort(sorted, count, sizeof *sorted, by_place);
    for (size_t i = 0; i < count; i++)
        print_one(sorted[i], out);
    free(sorted);
}
