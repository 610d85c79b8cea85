/* SPDX-License-Identifier: Apache-2.0 */
/* Where the lexer, the parser and the checker say what is wrong with a rule file. */
#ifndef HARRIER_YARAL_PARSE_REPORT_H
#define HARRIER_YARAL_PARSE_REPORT_H

#include "harrier/yaral.h"

/* A file of nonsense gets so many messages of each severity and no more. */
enum { REPORT_LIMIT = 200 };

struct report {
    struct diagnostics *diagnostics;
    const char *file;
    size_t warnings;
    size_t unsupported;
    size_t errors;
};

void report_error(struct report *report, struct yaral_position at, const char *format, ...) __attribute__((format(printf, 3, 4)));
void report_unsupported(struct report *report, struct yaral_position at, const char *format, ...) __attribute__((format(printf, 3, 4)));
void report_warning(struct report *report, struct yaral_position at, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Text of a rule for a message: its first line, cut at 60 bytes. For "%.*s" through SLICE_ARGS. */
struct slice report_excerpt(struct slice text);

/* The name nearest to what was written, when it is near enough to be meant; begin with an empty one and offer the candidates. */
struct report_suggestion {
    struct slice written;
    struct slice nearest;
    unsigned int distance;
};
void report_suggestion_offer(struct report_suggestion *suggestion, struct slice candidate);
/* "; did you mean `prefixname`?", or an empty text. */
const char *report_suggestion_text(const struct report_suggestion *suggestion, const char *prefix, char text[128]);

#endif
