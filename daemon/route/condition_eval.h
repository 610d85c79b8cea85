/* SPDX-License-Identifier: Apache-2.0 */
/* What a parsed condition is, and the fields that it can ask for. */
#ifndef HARRIER_ROUTE_CONDITION_EVAL_H
#define HARRIER_ROUTE_CONDITION_EVAL_H

#include "condition.h"
#include "harrier/base/vector.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum field_kind {
    FIELD_TEXT,
    FIELD_LIST,       /* true if it is of any of its values */
    FIELD_TECHNIQUES, /* a list in which T1053 stands for T1053.007 as well */
    FIELD_NUMBER,
    FIELD_SEVERITY, /* a text, ordered by rank */
    FIELD_BOOL
};

struct condition_field {
    const char *name;
    enum field_kind kind;
    bool is_double;      /* FIELD_NUMBER: double, or int64_t */
    size_t offset;       /* in struct alert_fields */
    size_t count_offset; /* lists */
};

extern const char condition_field_names[];
const struct condition_field *condition_field_of(struct slice name);
/* For "did you mean"; NULL if none is near. */
const struct condition_field *condition_field_nearest(struct slice name);

enum condition_kind {
    CONDITION_AND,
    CONDITION_OR,
    CONDITION_NOT,
    CONDITION_IS,
    CONDITION_IN,
    CONDITION_LESS,
    CONDITION_GREATER,
    CONDITION_MATCHES
};

struct condition_value {
    char *text;    /* owned */
    double number; /* FIELD_NUMBER, the rank of FIELD_SEVERITY, FIELD_BOOL as 0 or 1 */
};

struct condition {
    enum condition_kind kind;
    bool negated; /* comparisons: != >= <= !~ not in */
    const struct condition_field *field;
    VECTOR(struct condition_value) values;
    pcre2_code *regex;
    struct condition *left;
    struct condition *right;
};

#endif
