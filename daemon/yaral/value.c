/* SPDX-License-Identifier: Apache-2.0 */
#include "value.h"

#include "harrier/base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct yaral_value yaral_zero(enum yaral_type type)
{
    return (struct yaral_value){.type = type}; /* all members of the union are zero when their bytes are */
}

static struct yaral_value time_part(clock_nanos time, enum udm_part part)
{
    clock_nanos nanos = time % CLOCK_SECOND, seconds = time / CLOCK_SECOND;

    if (nanos < 0) { /* seconds go down, nanos are never negative (google.protobuf.Timestamp) */
        nanos += CLOCK_SECOND;
        seconds--;
    }
    return yaral_int(part == UDM_PART_NANOS ? nanos : seconds);
}

struct yaral_value yaral_from_udm(const struct udm_field *field, const struct udm_value *value, enum udm_part part)
{
    struct yaral_value result;

    switch (field->type) {
    case UDM_BYTES: result = (struct yaral_value){.type = YARAL_BYTES, .string = value->string}; break;
    case UDM_BOOL: result = yaral_bool(value->boolean); break;
    case UDM_INT: result = yaral_int(value->integer); break;
    case UDM_FLOAT: result = yaral_float(value->number); break;
    case UDM_ENUM: result = (struct yaral_value){.type = YARAL_ENUM, .integer = value->integer, .enumeration = field->enumeration}; break;
    case UDM_TIMESTAMP:
    case UDM_DURATION: result = time_part(value->time, part); break;
    case UDM_STRING: result = yaral_string(value->string); break;
    default: result = yaral_string((struct slice){0}); break;
    }
    result.origin = value->origin;
    return result;
}

/* --- comparing ------------------------------------------------------------------------------------------------------------ */

static bool is_number(enum yaral_type type)
{
    return type == YARAL_INT || type == YARAL_FLOAT || type == YARAL_ENUM || type == YARAL_BOOL;
}

static int64_t integer_of(const struct yaral_value *value)
{
    return value->type == YARAL_BOOL ? (int64_t)value->boolean : value->integer;
}

/* Without rounding the integer: 2^53 + 1 is not 2^53. */
static int compare_int_to_float(int64_t integer, double number)
{
    if (isnan(number))
        return -1;
    if (number >= 0x1p63)
        return -1;
    if (number < -0x1p63)
        return 1;
    int64_t whole = (int64_t)number;
    if (integer != whole)
        return integer < whole ? -1 : 1;
    double fraction = number - (double)whole;
    return fraction > 0 ? -1 : fraction < 0;
}

static int compare_numbers(const struct yaral_value *a, const struct yaral_value *b)
{
    if (a->type == YARAL_FLOAT && b->type == YARAL_FLOAT)
        return a->number < b->number ? -1 : a->number > b->number;
    if (b->type == YARAL_FLOAT)
        return compare_int_to_float(integer_of(a), b->number);
    if (a->type == YARAL_FLOAT)
        return -compare_int_to_float(integer_of(b), a->number);
    int64_t left = integer_of(a), right = integer_of(b);
    return left < right ? -1 : left > right;
}

int yaral_compare(const struct yaral_value *a, const struct yaral_value *b)
{
    if (is_number(a->type) && is_number(b->type))
        return compare_numbers(a, b);
    if (is_number(a->type) || is_number(b->type))
        return (int)a->type - (int)b->type;
    return slice_compare(a->string, b->string);
}

/* One code point for all forms that differ by case only: the small letter of the capital unites forms such as final sigma, whose own small
 * form is itself. The Turkish i's stay what they are, as in Unicode's default folding. */
static uint32_t fold(uint32_t code_point)
{
    if (code_point < 0x80)
        return utf8_to_lower(code_point);
    if (code_point == 0x130 || code_point == 0x131)
        return code_point;
    return utf8_to_lower(utf8_to_upper(code_point));
}

static bool equal_folded(struct slice a, struct slice b)
{
    while (a.length && b.length) {
        uint32_t left, right;
        size_t left_step = utf8_decode(a, &left), right_step = utf8_decode(b, &right);
        bool bad_byte = (left == 0xFFFD && left_step == 1) || (right == 0xFFFD && right_step == 1);
        if (bad_byte ? a.bytes[0] != b.bytes[0] : fold(left) != fold(right))
            return false;
        a = slice_from(a, left_step);
        b = slice_from(b, right_step);
    }
    return a.length == b.length;
}

static bool equal_lists(const struct yaral_value *a, const struct yaral_value *b, bool nocase)
{
    if (a->list.count != b->list.count)
        return false;
    for (size_t i = 0; i < a->list.count; i++) {
        if (!yaral_equal(&a->list.items[i], &b->list.items[i], nocase))
            return false;
    }
    return true;
}

bool yaral_equal(const struct yaral_value *a, const struct yaral_value *b, bool nocase)
{
    if (a->is_list || b->is_list)
        return a->is_list && b->is_list && equal_lists(a, b, nocase);
    if ((a->type == YARAL_BOOL) != (b->type == YARAL_BOOL))
        return false;
    if (is_number(a->type) && is_number(b->type))
        return compare_numbers(a, b) == 0;
    if (a->type != b->type)
        return false;
    if (a->type == YARAL_NOTHING)
        return true;
    return nocase && a->type == YARAL_STRING ? equal_folded(a->string, b->string) : slice_equal(a->string, b->string);
}

struct slice yaral_map_text(struct arena *arena, struct slice text, uint32_t (*change)(uint32_t code_point))
{
    /* No code point's other case needs more than three bytes where it needs two, or one (U+0250 and U+2C6F, U+00E5 and U+212B). */
    char *out = arena_alloc(arena, text.length * 3 + 1);
    size_t length = 0;

    while (text.length) {
        uint32_t code_point;
        size_t step = utf8_decode(text, &code_point);
        if (step == 1 && code_point >= 0x80)
            out[length++] = text.bytes[0]; /* a bad byte stays what it is */
        else
            length += utf8_encode(change(code_point), out + length);
        text = slice_from(text, step);
    }
    out[length] = '\0';
    return slice_make(out, length);
}

struct slice yaral_fold(struct arena *arena, struct slice text)
{
    return yaral_map_text(arena, text, fold);
}

/* --- showing ------------------------------------------------------------------------------------------------------------------ */

static struct slice float_to_text(struct arena *arena, double number)
{
    char text[64];

    if (isnan(number) || isinf(number))
        return arena_printf(arena, "%s", isnan(number) ? "NaN" : number < 0 ? "-Infinity" : "Infinity");
    if (fabs(number) < 1e15 && number == floor(number))
        return arena_printf(arena, "%.0f", number == 0 ? 0.0 : number); /* not "-0" */
    for (int digits = 15; digits <= 17; digits++) { /* the fewest that read back the same */
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    return arena_printf(arena, "%s", text);
}

static struct slice list_to_text(struct arena *arena, const struct yaral_value *value)
{
    struct buffer text = {0};

    buffer_append_byte(&text, '[');
    for (size_t i = 0; i < value->list.count; i++) {
        if (i)
            buffer_append_text(&text, ", ");
        buffer_append_slice(&text, yaral_to_text(arena, &value->list.items[i]));
    }
    buffer_append_byte(&text, ']');
    struct slice result = arena_copy(arena, buffer_slice(&text));
    buffer_free(&text);
    return result;
}

struct slice yaral_to_text(struct arena *arena, const struct yaral_value *value)
{
    if (value->is_list)
        return list_to_text(arena, value);
    switch (value->type) {
    case YARAL_NOTHING: return SLICE("");
    case YARAL_INT: return arena_printf(arena, "%" PRId64, value->integer);
    case YARAL_FLOAT: return float_to_text(arena, value->number);
    case YARAL_BOOL: return value->boolean ? SLICE("true") : SLICE("false");
    case YARAL_ENUM: {
        const char *name = value->enumeration ? udm_enum_name(value->enumeration, (int32_t)value->integer) : NULL;
        return name ? slice_of(name) : arena_printf(arena, "%" PRId64, value->integer);
    }
    default: return value->string;
    }
}

double yaral_to_double(const struct yaral_value *value)
{
    if (value->is_list || !is_number(value->type))
        return 0;
    return value->type == YARAL_FLOAT ? value->number : (double)integer_of(value);
}

/* --- aggregates' names -------------------------------------------------------------------------------------------------------------- */

enum yaral_aggregate yaral_aggregate_find(struct slice name)
{
    static const char *const names[YARAL_AGGREGATE_NONE] = {
        [YARAL_MAX] = "max",     [YARAL_MIN] = "min",       [YARAL_SUM] = "sum",
        [YARAL_COUNT] = "count", [YARAL_COUNT_DISTINCT] = "count_distinct",
        [YARAL_ARRAY] = "array", [YARAL_ARRAY_DISTINCT] = "array_distinct",
        [YARAL_AVG] = "avg",     [YARAL_STDDEV] = "stddev", [YARAL_EARLIEST] = "earliest", [YARAL_LATEST] = "latest",
    };
    for (int i = 0; i < YARAL_AGGREGATE_NONE; i++) {
        if (slice_is(name, names[i]))
            return (enum yaral_aggregate)i;
    }
    return YARAL_AGGREGATE_NONE;
}
