/* SPDX-License-Identifier: Apache-2.0 */
#include "function.h"

#include "harrier/base/utf8.h"

#include <math.h>
#include <stdlib.h>

bool function_parse_number(struct arena *arena, struct slice text, double *number)
{
    enum { LONGEST_NUMBER = 400 /* the longest double in plain digits has 309 before the point */ };
    char *end;

    if (text.length == 0 || text.length > LONGEST_NUMBER)
        return false;
    for (size_t i = 0; i < text.length; i++) { /* strtod would take blanks, "inf", "nan" and hexadecimal digits as well */
        if (!strchr("0123456789+-.eE", text.bytes[i]) || text.bytes[i] == '\0')
            return false;
    }
    const char *copy = arena_strdup(arena, text);
    *number = strtod(copy, &end);
    return *end == '\0' && isfinite(*number);
}

static struct yaral_value call_as_int(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    struct slice text = function_text(context, &arguments[0]);
    int64_t whole;
    double number;

    (void)prepared, (void)count;
    if (arguments[0].type == YARAL_INT || arguments[0].type == YARAL_FLOAT || arguments[0].type == YARAL_ENUM)
        return yaral_int(function_integer(&arguments[0]));
    if (slice_to_int64(text, &whole))
        return yaral_int(whole);
    return yaral_int(function_parse_number(context->arena, text, &number) ? function_whole(number) : 0);
}

static struct yaral_value call_as_float(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    double number;

    (void)prepared, (void)count;
    if (arguments[0].type == YARAL_INT || arguments[0].type == YARAL_FLOAT || arguments[0].type == YARAL_ENUM)
        return yaral_float(yaral_to_double(&arguments[0]));
    return yaral_float(function_parse_number(context->arena, function_text(context, &arguments[0]), &number) ? number : 0);
}

static struct yaral_value call_as_bool(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    struct slice text = function_text(context, &arguments[0]);

    (void)prepared, (void)count;
    return yaral_bool(slice_is(text, "1") || slice_equal_ascii_nocase(text, SLICE("true")));
}

static struct yaral_value call_as_string(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    const struct yaral_value *value = &arguments[0];
    struct slice text = function_text(context, value);
    bool can_be_text = value->type != YARAL_FLOAT && (value->type != YARAL_BYTES || utf8_valid(text));

    (void)prepared;
    if (can_be_text)
        return yaral_string(text);
    return yaral_string(count > 1 ? function_text(context, &arguments[1]) : (struct slice){0});
}

static const struct yaral_function functions[] = {
    {.name = "cast.as_bool", .signature = "cast.as_bool(value) -> bool", .parameters = "a", .help = "true for 1 and for `true` in any case",
     .places = FUNCTION_ANYWHERE, .type = YARAL_BOOL, .check = function_check, .call = call_as_bool},
    {.name = "cast.as_float", .signature = "cast.as_float(value) -> float", .parameters = "a", .help = "the number; 0 when it is none",
     .places = FUNCTION_ANYWHERE, .type = YARAL_FLOAT, .check = function_check, .call = call_as_float},
    {.name = "cast.as_int", .signature = "cast.as_int(value) -> int", .parameters = "a", .help = "the number without its fraction; 0 when it is none",
     .places = FUNCTION_ANYWHERE, .type = YARAL_INT, .check = function_check, .call = call_as_int},
    {.name = "cast.as_string", .signature = "cast.as_string(value [, default]) -> string", .parameters = "a?s",
     .help = "ints, bools and bytes as text; the default for what cannot be text", .places = FUNCTION_ANYWHERE, .type = YARAL_STRING,
     .check = function_check, .call = call_as_string},
};

FUNCTION_GROUP(function_group_cast, functions);
