/* SPDX-License-Identifier: Apache-2.0 */
#include "function.h"

#include <math.h>

static enum yaral_type type_of_first(const struct yaral_argument *arguments, size_t count)
{
    return count && arguments[0].type == YARAL_FLOAT ? YARAL_FLOAT : YARAL_INT;
}

static struct yaral_value call_abs(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    (void)context, (void)prepared, (void)count;
    if (arguments[0].type == YARAL_FLOAT)
        return yaral_float(fabs(arguments[0].number));
    int64_t integer = function_integer(&arguments[0]);
    return yaral_int(integer == INT64_MIN ? INT64_MAX : integer < 0 ? -integer : integer);
}

/* An int stays exact; a float goes through the function. */
static struct yaral_value whole(const struct yaral_value *value, double (*function)(double))
{
    if (value->type != YARAL_FLOAT)
        return yaral_int(function_integer(value));
    return yaral_int(function_whole(function(value->number)));
}

static struct yaral_value call_ceil(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    (void)context, (void)prepared, (void)count;
    return whole(&arguments[0], ceil);
}

static struct yaral_value call_floor(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    (void)context, (void)prepared, (void)count;
    return whole(&arguments[0], floor);
}

static enum yaral_type type_of_round(const struct yaral_argument *arguments, size_t count)
{
    (void)arguments;
    return count > 1 ? YARAL_FLOAT : YARAL_INT;
}

static struct yaral_value call_round(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    enum { MOST_DIGITS = 15 /* all that a double has */ };

    (void)context, (void)prepared;
    if (count < 2)
        return whole(&arguments[0], round); /* half away from zero */
    int64_t digits = function_integer(&arguments[1]);
    digits = digits > MOST_DIGITS ? MOST_DIGITS : digits < -MOST_DIGITS ? -MOST_DIGITS : digits;
    double number = yaral_to_double(&arguments[0]), scale = pow(10, (double)digits), scaled = number * scale;
    return yaral_float(isfinite(scaled) ? round(scaled) / scale : number);
}

static struct yaral_value finite_or_zero(double number)
{
    return yaral_float(isfinite(number) ? number : 0);
}

static struct yaral_value call_pow(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    (void)context, (void)prepared, (void)count;
    return finite_or_zero(pow(yaral_to_double(&arguments[0]), yaral_to_double(&arguments[1])));
}

static struct yaral_value call_sqrt(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    (void)context, (void)prepared, (void)count;
    return finite_or_zero(sqrt(yaral_to_double(&arguments[0])));
}

static struct yaral_value call_log(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    double number = yaral_to_double(&arguments[0]);

    (void)context, (void)prepared, (void)count;
    return finite_or_zero(number > 0 ? log(number) : 0);
}

static struct yaral_value call_is_increasing(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments,
                                             size_t count)
{
    (void)context, (void)prepared, (void)count;
    return yaral_bool(yaral_compare(&arguments[0], &arguments[1]) < 0 && yaral_compare(&arguments[1], &arguments[2]) < 0);
}

/* Great-circle distance by the haversine formula, on a sphere of the Earth's mean radius (IUGG: 6,371,008.8 m). */
static struct yaral_value call_geo_distance(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments,
                                            size_t count)
{
    const double radius = 6371008.8, degree = 3.14159265358979323846 / 180;
    double longitude1 = yaral_to_double(&arguments[0]), latitude1 = yaral_to_double(&arguments[1]);
    double longitude2 = yaral_to_double(&arguments[2]), latitude2 = yaral_to_double(&arguments[3]);

    (void)context, (void)prepared, (void)count;
    bool good = fabs(longitude1) <= 180 && fabs(longitude2) <= 180 && fabs(latitude1) <= 90 && fabs(latitude2) <= 90;
    if (!good)
        return yaral_float(-1);
    double north = sin((latitude2 - latitude1) * degree / 2), east = sin((longitude2 - longitude1) * degree / 2);
    double half_chord = north * north + cos(latitude1 * degree) * cos(latitude2 * degree) * east * east;
    return yaral_float(2 * radius * asin(sqrt(half_chord > 1 ? 1 : half_chord)));
}

#define MATH(function, result, wants, takes, says) \
    {.name = "math." #function, .signature = "math." #function takes, .parameters = wants, .help = says, \
     .places = FUNCTION_ANYWHERE, .type = result, .check = function_check, .call = call_##function}

static const struct yaral_function functions[] = {
    {.name = "math.abs", .signature = "math.abs(number) -> number", .parameters = "n", .help = "without its sign", .places = FUNCTION_ANYWHERE,
     .type = YARAL_INT, .check = function_check, .result_type = type_of_first, .call = call_abs},
    MATH(ceil, YARAL_INT, "n", "(number) -> int", "the next whole number upwards"),
    MATH(floor, YARAL_INT, "n", "(number) -> int", "the next whole number downwards"),
    MATH(geo_distance, YARAL_FLOAT, "nnnn", "(longitude, latitude, longitude, latitude) -> float", "metres between two places; -1 for bad ones"),
    MATH(is_increasing, YARAL_BOOL, "nnn", "(a, b, c) -> bool", "is a < b < c?"),
    MATH(log, YARAL_FLOAT, "n", "(number) -> float", "the natural logarithm; 0 for what has none"),
    MATH(pow, YARAL_FLOAT, "nn", "(base, exponent) -> float", "the power; 0 when it is too large"),
    {.name = "math.random", .signature = "math.random() -> float", .help = "a random number",
     .refused = "the same events must give the same alerts, so nothing here is random"},
    {.name = "math.round", .signature = "math.round(number [, digits]) -> number", .parameters = "n?i", .help = "rounded, half away from zero",
     .places = FUNCTION_ANYWHERE, .type = YARAL_INT, .check = function_check, .result_type = type_of_round, .call = call_round},
    MATH(sqrt, YARAL_FLOAT, "n", "(number) -> float", "the square root; 0 of a negative number"),
};

FUNCTION_GROUP(function_group_math, functions);
