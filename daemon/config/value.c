/* SPDX-License-Identifier: Apache-2.0 */
/* The types of single values: text in, a member of struct config out. */
#include "reader.h"

#include "harrier/base/buffer.h"

#include <math.h>
#include <stdarg.h>

struct unit {
    const char *name;
    double factor;
};

static const struct unit size_units[] = {{"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}, {"TiB", 1099511627776.0}, {NULL, 0}};
static const struct unit duration_units[] = {{"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}, {NULL, 0}};

/* Whole numbers up to this are exact as a double, and no bound of the schema is above. */
static const double LARGEST = 9007199254740992.0;

static const char *problem(struct reader *reader, const char *format, ...) __attribute__((format(printf, 2, 3)));

static const char *problem(struct reader *reader, const char *format, ...)
{
    char text[1024];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return arena_strdup(reader->arena, slice_of(text));
}

/* Digits at the start of text, the rest in *unit. */
static bool split_number(struct slice text, int64_t *number, struct slice *unit)
{
    size_t digits = 0;
    while (digits < text.length && text.bytes[digits] >= '0' && text.bytes[digits] <= '9')
        digits++;
    *unit = slice_from(text, digits);
    return slice_to_int64(slice_first(text, digits), number);
}

static const struct unit *find_unit(const struct unit *units, struct slice name)
{
    for (; units->name; units++)
        if (slice_is(name, units->name))
            return units;
    return NULL;
}

static void format_size(double bytes, char text[32])
{
    const struct unit *best = NULL;
    for (const struct unit *unit = size_units; unit->name; unit++)
        if (bytes >= unit->factor && fmod(bytes, unit->factor) == 0)
            best = unit;
    snprintf(text, 32, "%.0f%s", best ? bytes / best->factor : bytes, best ? best->name : "");
}

static void format_duration(double nanos, char text[32])
{
    const struct unit *best = &duration_units[0];
    for (const struct unit *unit = duration_units; unit->name; unit++)
        if (nanos >= unit->factor && fmod(nanos, unit->factor) == 0)
            best = unit;
    snprintf(text, 32, "%.0f%s", nanos / best->factor, best->name);
}

void option_format_bound(const struct option *option, double value, char text[32])
{
    if (option->type == OPTION_SIZE)
        format_size(value, text);
    else if (option->type == OPTION_DURATION)
        format_duration(value, text);
    else
        snprintf(text, 32, "%.15g", value);
}

static const char *check_bounds(struct reader *reader, const struct option *option, double value)
{
    char least[32], most[32];

    if (value >= option->least && value <= option->most)
        return NULL;
    option_format_bound(option, option->least, least);
    option_format_bound(option, option->most, most);
    return problem(reader, "must be from %s to %s", least, most);
}

static const char *parse_integer(struct reader *reader, const struct option *option, struct slice text, int64_t *target)
{
    for (const struct option_choice *word = option->choices; word && word->name; word++) {
        if (slice_is(text, word->name)) {
            *target = word->value;
            return NULL;
        }
    }
    if (!slice_to_int64(text, target))
        return option->choices ? problem(reader, "must be a whole number or %s", option->choices[0].name) : "must be a whole number";
    return check_bounds(reader, option, (double)*target);
}

static const char *parse_number(struct reader *reader, const struct option *option, struct slice text, double *target)
{
    char *end;
    /* strtod would also take blanks, hexadecimal, "inf" and "nan" */
    for (size_t i = 0; i < text.length; i++)
        if (!strchr("0123456789.-", text.bytes[i]))
            return "must be a number, such as 0.5";
    char *copy = arena_strdup(reader->arena, text);
    *target = strtod(copy, &end);
    if (end == copy || *end)
        return "must be a number, such as 0.5";
    return check_bounds(reader, option, *target);
}

static const char *parse_scaled(struct reader *reader, const struct option *option, struct slice text, const struct unit *units,
                                const char *form, double *target)
{
    struct slice unit_name;
    int64_t number;

    if (!split_number(text, &number, &unit_name))
        return form;
    const struct unit *unit = find_unit(units, unit_name);
    if (!unit && unit_name.length)
        return form;
    if (!unit && units == duration_units && number != 0)
        return form;
    *target = (double)number * (unit ? unit->factor : 1);
    /* the largest is refused by every option's bound */
    if (*target > LARGEST * 1000)
        *target = LARGEST * 1000;
    return check_bounds(reader, option, *target);
}

static const char *parse_size(struct reader *reader, const struct option *option, struct slice text, uint64_t *target)
{
    double bytes;
    const char *wrong = parse_scaled(reader, option, text, size_units,
                                     "must be a number of bytes, alone or with KiB, MiB, GiB or TiB right after it", &bytes);
    if (!wrong)
        *target = (uint64_t)bytes;
    return wrong;
}

static const char *parse_duration(struct reader *reader, const struct option *option, struct slice text, clock_nanos *target)
{
    double nanos;
    const char *wrong = parse_scaled(reader, option, text, duration_units,
                                     "must be a whole number with ms, s, m, h or d right after it, such as 30s", &nanos);
    if (!wrong)
        *target = (clock_nanos)nanos;
    return wrong;
}

static const char *parse_bool(struct slice text, bool *target)
{
    *target = slice_is(text, "true");
    return *target || slice_is(text, "false") ? NULL : "must be true or false";
}

static const char *parse_choice(struct reader *reader, const struct option *option, struct slice text, int *target)
{
    const char *names[16] = {NULL};
    size_t count = 0;
    char list[256] = "";

    for (const struct option_choice *choice = option->choices; choice->name; choice++) {
        if (slice_is(text, choice->name)) {
            *target = choice->value;
            return NULL;
        }
        names[count++] = choice->name;
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", choice->name);
    }
    return problem(reader, "must be %s%s, not `%.*s`%s", count > 1 ? "one of " : "", list, SLICE_ARGS(text),
                   reader_suggestion(reader, text, names, count));
}

static const char *parse_address(struct reader *reader, struct slice text, struct config_address *target)
{
    const char *wrong = NULL;

    target->text = arena_strdup(reader->arena, text);
    if (text.length == 0 || address_parse_host_port(text, &target->address, &wrong) == RESULT_OK)
        return NULL;
    return problem(reader, "is no address: %s", wrong);
}

static const char *absolute_path(struct reader *reader, struct slice path)
{
    if (path.length == 0 || path.bytes[0] == '/' || slice_is(path, "-"))
        return arena_strdup(reader->arena, path);
    return arena_printf(reader->arena, "%s/%.*s", reader->folder, SLICE_ARGS(path)).bytes;
}

/* The folder's own characters stand for themselves in the pattern. */
static const char *absolute_pattern(struct reader *reader, struct slice pattern)
{
    struct buffer escaped = {0};

    if (pattern.length == 0 || pattern.bytes[0] == '/')
        return arena_strdup(reader->arena, pattern);
    for (const char *at = reader->folder; *at; at++) {
        if (strchr("*?[]\\{}~", *at))
            buffer_append_byte(&escaped, '\\');
        buffer_append_byte(&escaped, *at);
    }
    buffer_append_byte(&escaped, '/');
    buffer_append_slice(&escaped, pattern);
    const char *copy = arena_strdup(reader->arena, buffer_slice(&escaped));
    buffer_free(&escaped);
    return copy;
}

static const char *parse_credential(struct reader *reader, struct slice text, struct config_secret *target)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");

    if (text.length == 0 || slice_find_byte(text, '/') >= 0 || text.bytes[0] == '.')
        return "must be the name of a credential, without slashes";
    /* outside the unit the folder is not known: the path then names systemd's own (systemd.exec(5), CREDENTIALS) */
    target->file =
        arena_printf(reader->arena, "%s/%.*s", folder && *folder ? folder : "/run/credentials/harrierd.service", SLICE_ARGS(text)).bytes;
    return NULL;
}

static const char *check_text(struct slice text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.bytes[i] < 0x20 || text.bytes[i] == 0x7f)
            return "holds a control character; remove it";
    return text.length > 4096 ? "is longer than 4096 bytes" : NULL;
}

const char *option_parse(struct reader *reader, const struct option *option, struct slice text, void *target)
{
    const char *wrong = check_text(text);

    if (wrong)
        return wrong;
    switch (option->type) {
    case OPTION_STRING:
    case OPTION_STRINGS: *(const char **)target = arena_strdup(reader->arena, text); return NULL;
    case OPTION_PATH: *(const char **)target = absolute_path(reader, text); return NULL;
    case OPTION_PATTERNS: *(const char **)target = absolute_pattern(reader, text); return NULL;
    case OPTION_INTEGER: return parse_integer(reader, option, text, target);
    case OPTION_NUMBER: return parse_number(reader, option, text, target);
    case OPTION_SIZE: return parse_size(reader, option, text, target);
    case OPTION_DURATION: return parse_duration(reader, option, text, target);
    case OPTION_BOOL: return parse_bool(text, target);
    case OPTION_ADDRESS: return parse_address(reader, text, target);
    case OPTION_CHOICE: return parse_choice(reader, option, text, target);
    case OPTION_SECRET_FILE:
        ((struct config_secret *)target)->file = absolute_path(reader, text);
        return text.length ? NULL : "must be a path";
    case OPTION_SECRET_CREDENTIAL: return parse_credential(reader, text, target);
    case OPTION_SECRET_LITERAL:
        ((struct config_secret *)target)->literal = arena_strdup(reader->arena, text);
        return text.length ? NULL : "must not be empty";
    case OPTION_PAIRS:
    case OPTION_SECTION:
    case OPTION_RECORDS: break;
    }
    return "must be no single value";
}
