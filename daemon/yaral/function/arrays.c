/* SPDX-License-Identifier: Apache-2.0 */
#include "function.h"

static struct yaral_value call_contains(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    (void)context, (void)prepared, (void)count;
    for (size_t i = 0; i < arguments[0].list.count; i++) {
        if (yaral_equal(&arguments[0].list.items[i], &arguments[1], false))
            return yaral_bool(true);
    }
    return yaral_bool(false);
}

static struct yaral_value call_size(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    (void)context, (void)prepared, (void)count;
    return yaral_int((int64_t)arguments[0].list.count);
}

static struct yaral_value call_concat(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    size_t total = arguments[0].list.count + arguments[1].list.count;
    struct yaral_value *items = arena_calloc(context->arena, total + 1, sizeof *items);
    size_t filled = 0;

    (void)prepared, (void)count;
    for (size_t list = 0; list < 2; list++) {
        for (size_t i = 0; i < arguments[list].list.count; i++) {
            const struct yaral_value *item = &arguments[list].list.items[i];
            items[filled] = yaral_string(function_text(context, item));
            items[filled++].origin = item->origin;
        }
    }
    return function_list(YARAL_STRING, items, filled);
}

static struct yaral_value call_join_string(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments,
                                           size_t count)
{
    struct slice delimiter = count > 1 ? function_text(context, &arguments[1]) : (struct slice){0};
    struct buffer out = {0};
    bool first = true;

    (void)prepared;
    for (size_t i = 0; i < arguments[0].list.count; i++) {
        const struct yaral_value *item = &arguments[0].list.items[i];
        if (item->type == YARAL_NOTHING)
            continue;
        if (!first)
            buffer_append_slice(&out, delimiter);
        buffer_append_slice(&out, function_text(context, item));
        first = false;
    }
    struct slice result = arena_copy(context->arena, buffer_slice(&out));
    buffer_free(&out);
    return yaral_string(result);
}

/* --- one element ------------------------------------------------------------------------------------------------------------------- */

/* The element at an index, negative ones counted from the end; NULL out of range. */
static const struct yaral_value *element(const struct yaral_value *list, const struct yaral_value *index)
{
    int64_t at = function_integer(index), count = (int64_t)list->list.count;

    if (at < 0)
        at += count;
    return at >= 0 && at < count ? &list->list.items[at] : NULL;
}

static struct yaral_value call_index_to_str(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments,
                                            size_t count)
{
    const struct yaral_value *item = element(&arguments[0], &arguments[1]);
    struct yaral_value result = yaral_string(item ? function_text(context, item) : (struct slice){0});

    (void)prepared, (void)count;
    if (item)
        result.origin = item->origin;
    return result;
}

static double number_of(struct yaral_call_context *context, const struct yaral_value *item)
{
    double number;

    if (!item)
        return 0;
    if (item->type == YARAL_STRING)
        return function_parse_number(context->arena, item->string, &number) ? number : 0;
    return yaral_to_double(item);
}

static struct yaral_value call_index_to_float(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments,
                                              size_t count)
{
    (void)prepared, (void)count;
    return yaral_float(number_of(context, element(&arguments[0], &arguments[1])));
}

static struct yaral_value call_index_to_int(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments,
                                            size_t count)
{
    const struct yaral_value *item = element(&arguments[0], &arguments[1]);
    int64_t whole;

    (void)prepared, (void)count;
    if (item && item->type == YARAL_INT)
        return yaral_int(item->integer);
    if (item && item->type == YARAL_STRING && slice_to_int64(item->string, &whole)) /* exact where a double is not */
        return yaral_int(whole);
    return yaral_int(function_whole(number_of(context, item)));
}

/* --- least and greatest --------------------------------------------------------------------------------------------------------------- */

static struct yaral_value extreme(struct yaral_call_context *context, const struct yaral_value *arguments, size_t count, bool greatest)
{
    bool ignore_zeros = count > 1 && arguments[1].boolean;
    double result = 0;
    bool found = false;

    for (size_t i = 0; i < arguments[0].list.count; i++) {
        double number = number_of(context, &arguments[0].list.items[i]);
        if (ignore_zeros && number == 0)
            continue;
        if (!found || (greatest ? number > result : number < result))
            result = number;
        found = true;
    }
    return yaral_float(result);
}

static struct yaral_value call_max(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    (void)prepared;
    return extreme(context, arguments, count, true);
}

static struct yaral_value call_min(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    (void)prepared;
    return extreme(context, arguments, count, false);
}

#define ARRAYS(function, result, wants, takes, says) \
    {.name = "arrays." #function, .signature = "arrays." #function takes, .parameters = wants, .help = says, \
     .places = FUNCTION_ANYWHERE, .type = result, .check = function_check, .call = call_##function}

static const struct yaral_function functions[] = {
    {.name = "arrays.concat", .signature = "arrays.concat(list, list) -> list of strings", .parameters = "ll", .help = "one list after the other",
     .places = FUNCTION_ANYWHERE, .type = YARAL_STRING, .is_list = true, .check = function_check, .call = call_concat},
    ARRAYS(contains, YARAL_BOOL, "la", "(list, value) -> bool", "is the value in the list?"),
    ARRAYS(index_to_float, YARAL_FLOAT, "li", "(list, index) -> float", "the element as a float; 0 when it is none"),
    ARRAYS(index_to_int, YARAL_INT, "li", "(list, index) -> int", "the element as an int; 0 when it is none"),
    ARRAYS(index_to_str, YARAL_STRING, "li", "(list, index) -> string", "the element, from 0; negative from the end; \"\" out of range"),
    ARRAYS(join_string, YARAL_STRING, "l?s", "(list [, delimiter]) -> string", "the elements in one text"),
    {.name = "arrays.length", .signature = "arrays.length(repeated field) -> int", .parameters = "F",
     .help = "how many values the field has, over all its parents", .places = YARAL_IN_EVENTS, .whole_field = true, .type = YARAL_INT,
     .check = function_check, .call = call_size},
    ARRAYS(max, YARAL_FLOAT, "l?b", "(list [, ignore_zeros]) -> float", "the greatest number; 0 when there is none"),
    ARRAYS(min, YARAL_FLOAT, "l?b", "(list [, ignore_zeros]) -> float", "the least number; 0 when there is none"),
    ARRAYS(size, YARAL_INT, "l", "(list) -> int", "how many elements the list has"),
};

FUNCTION_GROUP(function_group_arrays, functions);
