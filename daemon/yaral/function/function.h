/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the functions, for the files function*.c only. Each group is a table in alphabetical order. */
#ifndef HARRIER_YARAL_FUNCTION_FUNCTION_H
#define HARRIER_YARAL_FUNCTION_FUNCTION_H

#include "daemon/yaral/value.h"

struct function_group {
    const struct yaral_function *functions;
    size_t count;
};

extern const struct function_group function_group_arrays, function_group_bytes, function_group_cast, function_group_group,
    function_group_hash, function_group_math, function_group_metrics, function_group_net, function_group_optimization, function_group_re,
    function_group_strings, function_group_timestamp, function_group_window;

#define FUNCTION_GROUP(name, table) const struct function_group name = {table, sizeof table / sizeof table[0]}
#define FUNCTION_ANYWHERE (YARAL_IN_EVENTS | YARAL_IN_OUTCOME | YARAL_IN_CONDITION)

/* yaral_function.parameters, a letter for each:
 *   s  a string (an enum counts as its name)     y  bytes or a string
 *   n  a number, int or float                    i  an int
 *   a  any single value                          b  a bool
 *   l  a list (an aggregate's result ...)        F  a repeated field as a whole
 *   p  a regex: /.../ or a string literal        S  a string literal
 *   z  a time zone, a literal
 *   ?  what follows may be left out              *  the letter before it may stand any number of times */
bool function_check(const struct yaral_function *function, const struct yaral_argument *arguments, size_t count, struct arena *arena,
                    struct slice *error, size_t *guilty);

/* The value's text; a string's own bytes. */
struct slice function_text(struct yaral_call_context *context, const struct yaral_value *value);
/* The value's number as an integer; a float is cut, and 0 when it does not fit. */
int64_t function_integer(const struct yaral_value *value);
/* A decimal number that is the whole text; false for anything else. */
bool function_parse_number(struct arena *arena, struct slice text, double *number);
/* A double as an int64, 0 when it does not fit. */
int64_t function_whole(double number);

static inline struct yaral_value function_list(enum yaral_type type, const struct yaral_value *items, size_t count)
{
    return (struct yaral_value){.type = type, .is_list = true, .list = {items, count}};
}

#endif
