/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 5, 0))) static void report_add(struct report *report, enum diagnostic_severity severity, size_t *count,
                                                             struct yaral_position at, const char *format, va_list arguments)
{
    char message[1024];

    if (++*count > REPORT_LIMIT + 1)
        return;
    if (*count == REPORT_LIMIT + 1)
        snprintf(message, sizeof message, "more than %d messages of this kind in one file: the rest is not shown", REPORT_LIMIT);
    else
        vsnprintf(message, sizeof message, format, arguments);
    diagnostics_add(report->diagnostics, severity, report->file, at.line, at.column, "%s", message);
}

void report_error(struct report *report, struct yaral_position at, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    report_add(report, DIAGNOSTIC_ERROR, &report->errors, at, format, arguments);
    va_end(arguments);
}

void report_unsupported(struct report *report, struct yaral_position at, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    report_add(report, DIAGNOSTIC_UNSUPPORTED, &report->unsupported, at, format, arguments);
    va_end(arguments);
}

void report_warning(struct report *report, struct yaral_position at, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    report_add(report, DIAGNOSTIC_WARNING, &report->warnings, at, format, arguments);
    va_end(arguments);
}

struct slice report_excerpt(struct slice text)
{
    ptrdiff_t newline = slice_find_byte(text, '\n');
    if (newline >= 0)
        text = slice_trim(slice_first(text, (size_t)newline));
    return slice_first(text, slice_utf8_cut(text, 60));
}

void report_suggestion_offer(struct report_suggestion *suggestion, struct slice candidate)
{
    size_t shorter = suggestion->written.length < candidate.length ? suggestion->written.length : candidate.length;
    unsigned int allowed = shorter <= 3 ? 1 : shorter <= 6 ? 2 : 3;
    unsigned int distance = slice_edit_distance(suggestion->written, candidate);

    if (distance <= allowed && (!suggestion->nearest.bytes || distance < suggestion->distance)) {
        suggestion->nearest = candidate;
        suggestion->distance = distance;
    }
}

const char *report_suggestion_text(const struct report_suggestion *suggestion, const char *prefix, char text[128])
{
    if (suggestion->nearest.bytes)
        snprintf(text, 128, "; did you mean `%s%.*s`?", prefix, SLICE_ARGS(suggestion->nearest));
    else
        text[0] = '\0';
    return text;
}
