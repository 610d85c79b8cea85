/* SPDX-License-Identifier: Apache-2.0 */
#include "function.h"

#include <math.h>

static const struct function_group *const groups[] = { /* by name, so that all functions come in alphabetical order */
    &function_group_arrays, &function_group_bytes, &function_group_cast,    &function_group_group,     &function_group_hash,
    &function_group_math,   &function_group_metrics, &function_group_net,   &function_group_optimization, &function_group_re,
    &function_group_strings, &function_group_timestamp, &function_group_window,
};

const struct yaral_function *yaral_function_at(size_t index)
{
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        if (index < groups[i]->count)
            return &groups[i]->functions[index];
        index -= groups[i]->count;
    }
    return NULL;
}

static const char *nearest(struct slice name)
{
    const struct yaral_function *function;
    const char *best = NULL;
    unsigned int least = (unsigned int)(name.length / 3 < 2 ? 2 : name.length / 3) + 1;

    for (size_t i = 0; (function = yaral_function_at(i)); i++) {
        unsigned int distance = slice_edit_distance(name, slice_of(function->name));
        if (distance < least) {
            least = distance;
            best = function->name;
        }
    }
    return best;
}

const struct yaral_function *yaral_function_find(struct slice name, const char **suggestion)
{
    const struct yaral_function *function;

    if (suggestion)
        *suggestion = NULL;
    if (slice_starts_with(name, SLICE("metrics."))) /* Google has dozens, and all are refused for one reason */
        return &function_group_metrics.functions[0];
    for (size_t i = 0; (function = yaral_function_at(i)); i++) {
        if (slice_is(name, function->name))
            return function;
    }
    if (suggestion)
        *suggestion = nearest(name);
    return NULL;
}

/* --- checking arguments -------------------------------------------------------------------------------------------------------- */

static const char *type_text(enum yaral_type type)
{
    switch (type) {
    case YARAL_STRING: return "a string";
    case YARAL_INT: return "an int";
    case YARAL_FLOAT: return "a float";
    case YARAL_BOOL: return "a bool";
    case YARAL_BYTES: return "bytes";
    case YARAL_ENUM: return "an enum";
    default: return "nothing";
    }
}

static const char *wanted_text(char letter)
{
    switch (letter) {
    case 's': return "a string";
    case 'y': return "bytes";
    case 'n': return "a number";
    case 'i': return "an int";
    case 'b': return "a bool";
    case 'l': return "a list";
    case 'F': return "a repeated field";
    case 'p': return "a regex as a literal: /.../, \"...\" or `...`";
    case 'S': return "a string literal";
    case 'z': return "a time zone as a string literal";
    default: return "a single value";
    }
}

static bool fits(char letter, const struct yaral_argument *argument)
{
    enum yaral_type type = argument->type;
    bool is_text = (type == YARAL_STRING || type == YARAL_ENUM) && !argument->is_regex;
    bool is_number = type == YARAL_INT || type == YARAL_FLOAT;

    if (letter == 'p')
        return argument->is_regex || (type == YARAL_STRING && argument->is_constant && !argument->is_list);
    if (letter == 'F')
        return argument->is_field && argument->is_repeated;
    if (letter == 'l')
        return argument->is_list;
    if (argument->is_list || argument->is_regex)
        return false;
    switch (letter) {
    case 's': return is_text;
    case 'y': return type == YARAL_BYTES || is_text;
    case 'n': return is_number;
    case 'i': return type == YARAL_INT;
    case 'b': return type == YARAL_BOOL;
    case 'S':
    case 'z': return type == YARAL_STRING && argument->is_constant;
    default: return type != YARAL_NOTHING;
    }
}

/* How many arguments the parameters allow. SIZE_MAX: any number. */
static void bounds(const char *parameters, size_t *least, size_t *most)
{
    bool optional = false;

    *least = *most = 0;
    for (const char *letter = parameters; *letter; letter++) {
        if (*letter == '?') {
            optional = true;
        } else if (*letter == '*') {
            *most = SIZE_MAX;
        } else {
            *most += 1;
            *least += optional ? 0 : 1;
        }
    }
}

/* The letter for the argument at index; the last one when it may be repeated. */
static char letter_at(const char *parameters, size_t index)
{
    char last = 'a';

    for (const char *letter = parameters; *letter; letter++) {
        if (*letter == '?' || *letter == '*')
            continue;
        last = *letter;
        if (index-- == 0)
            break;
    }
    return last;
}

bool function_check(const struct yaral_function *function, const struct yaral_argument *arguments, size_t count, struct arena *arena,
                    struct slice *error, size_t *guilty)
{
    size_t least, most;

    bounds(function->parameters, &least, &most);
    if (count < least || count > most) {
        *guilty = count < least ? (count ? count - 1 : 0) : most;
        *error = arena_printf(arena, "%zu argument%s where %s is called as %s", count, count == 1 ? "" : "s", function->name, function->signature);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        char letter = letter_at(function->parameters, i);
        if (fits(letter, &arguments[i]))
            continue;
        *guilty = i;
        *error = arena_printf(arena, "argument %zu must be %s, not %s%s; it is called as %s", i + 1, wanted_text(letter),
                              arguments[i].is_list ? "a list of " : "",
                              arguments[i].is_regex ? "a regex" : type_text(arguments[i].type), function->signature);
        return false;
    }
    return true;
}

/* --- arguments' values ------------------------------------------------------------------------------------------------------------ */

struct slice function_text(struct yaral_call_context *context, const struct yaral_value *value)
{
    bool has_bytes = !value->is_list && (value->type == YARAL_STRING || value->type == YARAL_BYTES);
    return has_bytes ? value->string : yaral_to_text(context->arena, value);
}

int64_t function_whole(double number)
{
    return number >= -0x1p63 && number < 0x1p63 ? (int64_t)number : 0; /* not a number: 0 too */
}

int64_t function_integer(const struct yaral_value *value)
{
    if (!value->is_list && (value->type == YARAL_INT || value->type == YARAL_ENUM))
        return value->integer;
    return function_whole(yaral_to_double(value));
}
