/* SPDX-License-Identifier: Apache-2.0 */
/* timestamp.*: parts of Unix times in seconds, in GMT or in a zone that is read at load. */
#include "function.h"
#include "zone.h"

#include <time.h>

static enum result prepare_zone_at(size_t index, const struct yaral_argument *arguments, size_t count, struct arena *arena, void **prepared,
                                   struct slice *error, size_t *guilty)
{
    const char *wrong = NULL;

    *prepared = NULL;
    if (count <= index)
        return RESULT_OK;
    *prepared = zone_new(arguments[index].constant.string, &wrong);
    if (*prepared)
        return RESULT_OK;
    *guilty = index;
    *error = arena_printf(arena, "%s", wrong);
    return RESULT_INVALID;
}

static enum result prepare_second(const struct yaral_argument *arguments, size_t count, bool nocase, struct arena *arena, void **prepared,
                                  struct slice *error, size_t *guilty)
{
    (void)nocase;
    return prepare_zone_at(1, arguments, count, arena, prepared, error, guilty);
}

static enum result prepare_third(const struct yaral_argument *arguments, size_t count, bool nocase, struct arena *arena, void **prepared,
                                 struct slice *error, size_t *guilty)
{
    (void)nocase;
    return prepare_zone_at(2, arguments, count, arena, prepared, error, guilty);
}

static void release_zone(void *prepared)
{
    zone_free(prepared);
}

/* The date and time that clocks of the zone show. False when the year is beyond what can be written. */
static bool local_time(const struct yaral_value *seconds, const struct zone *zone, struct tm *local)
{
    const int64_t farthest = INT64_C(1) << 55; /* year 1,141,709,097 */
    int64_t at = function_integer(seconds);

    if (at < -farthest || at > farthest)
        return false;
    time_t shown = (time_t)(at + zone_offset(zone, at));
    return gmtime_r(&shown, local) != NULL;
}

static struct yaral_value call_current_seconds(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments,
                                               size_t count)
{
    (void)prepared, (void)arguments, (void)count;
    return yaral_int(context->now / CLOCK_SECOND);
}

static struct yaral_value call_get_hour(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    struct tm local;

    (void)context, (void)count;
    return yaral_int(local_time(&arguments[0], prepared, &local) ? local.tm_hour : 0);
}

static struct yaral_value call_get_minute(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments,
                                          size_t count)
{
    struct tm local;

    (void)context, (void)count;
    return yaral_int(local_time(&arguments[0], prepared, &local) ? local.tm_min : 0);
}

static struct yaral_value call_get_day_of_week(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments,
                                               size_t count)
{
    struct tm local;

    (void)context, (void)count;
    return yaral_int(local_time(&arguments[0], prepared, &local) ? local.tm_wday + 1 : 0);
}

static struct yaral_value call_get_week(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    struct tm local;

    (void)context, (void)count;
    return yaral_int(local_time(&arguments[0], prepared, &local) ? (local.tm_yday + 7 - local.tm_wday) / 7 : 0);
}

/* --- as text ------------------------------------------------------------------------------------------------------------------------- */

/* The format is the rule's author's, and strftime reads no more than the struct for it, whatever it is. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static struct yaral_value time_text(struct yaral_call_context *context, const char *format, const struct tm *local)
{
    char text[512];
    size_t length = strftime(text, sizeof text, format, local);
    return yaral_string(arena_copy(context->arena, slice_make(text, length)));
}
#pragma GCC diagnostic pop

static struct yaral_value call_get_date(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    struct tm local;

    (void)count;
    if (!local_time(&arguments[0], prepared, &local))
        return yaral_string((struct slice){0});
    return time_text(context, "%F", &local);
}

/* Google's names for a time that is cut off, and what they show. */
static const char *granularity_format(struct slice name)
{
    static const char *const formats[][2] = {{"SECOND", "%F %T"}, {"MINUTE", "%F %H:%M"}, {"HOUR", "%F %H"}, {"DATE", "%F"},
                                             {"WEEK", "%F"},      {"MONTH", "%Y-%m"},     {"YEAR", "%Y"}};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (slice_is(name, formats[i][0]))
            return formats[i][1];
    }
    return NULL;
}

/* %Z and %z of a zone that is not the process's would be wrong: they are taken out of the format. */
static const char *safe_format(struct arena *arena, struct slice format)
{
    char *safe = arena_strdup(arena, format);
    size_t length = 0;

    for (size_t i = 0; i < format.length; i++) {
        char next = i + 1 < format.length ? format.bytes[i + 1] : '\0';
        bool is_directive = format.bytes[i] == '%';
        if (is_directive && (next == 'Z' || next == 'z' || next == '\0')) {
            i++;
            continue;
        }
        safe[length++] = format.bytes[i];
        if (is_directive)
            safe[length++] = format.bytes[++i];
    }
    safe[length] = '\0';
    return safe;
}

static struct yaral_value call_get_timestamp(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments,
                                             size_t count)
{
    struct slice wanted = count > 1 ? function_text(context, &arguments[1]) : SLICE("SECOND");
    const char *format = granularity_format(wanted);
    struct tm local;

    struct yaral_value seconds = yaral_int(function_integer(&arguments[0]));
    if (!local_time(&seconds, prepared, &local))
        return yaral_string((struct slice){0});
    if (slice_is(wanted, "WEEK")) { /* the Sunday on which it began */
        time_t shown = timegm(&local) - (time_t)local.tm_wday * 86400;
        if (!gmtime_r(&shown, &local))
            return yaral_string((struct slice){0});
    }
    return time_text(context, format ? format : safe_format(context->arena, wanted), &local);
}

static struct yaral_value call_as_unix_seconds(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments,
                                               size_t count)
{
    struct slice text = function_text(context, &arguments[0]);
    struct tm shown = {0};

    (void)count;
    if (text.length != sizeof "2024-02-22 10:43:00" - 1 || memchr(text.bytes, '\0', text.length))
        return yaral_int(0);
    const char *end = strptime(arena_strdup(context->arena, text), "%Y-%m-%d %H:%M:%S", &shown);
    return yaral_int(end && *end == '\0' ? zone_to_unix(prepared, timegm(&shown)) : 0);
}

#define WITH_ZONE(function, result, wants, takes, says, prepares) \
    {.name = "timestamp." #function, .signature = "timestamp." #function takes, .parameters = wants, .help = says, .places = FUNCTION_ANYWHERE, \
     .type = result, .check = function_check, .prepare = prepares, .release = release_zone, .call = call_##function}

static const struct yaral_function functions[] = {
    WITH_ZONE(as_unix_seconds, YARAL_INT, "s?z", "(\"2024-02-22 10:43:00\" [, zone]) -> int", "the time as seconds since 1970; 0 when it is none",
              prepare_second),
    {.name = "timestamp.current_seconds", .signature = "timestamp.current_seconds() -> int", .parameters = "",
     .help = "now, as seconds since 1970", .places = FUNCTION_ANYWHERE, .type = YARAL_INT, .check = function_check, .call = call_current_seconds},
    WITH_ZONE(get_date, YARAL_STRING, "n?z", "(seconds [, zone]) -> string", "the date, YYYY-MM-DD", prepare_second),
    WITH_ZONE(get_day_of_week, YARAL_INT, "n?z", "(seconds [, zone]) -> int", "1 is Sunday, 7 is Saturday", prepare_second),
    WITH_ZONE(get_hour, YARAL_INT, "n?z", "(seconds [, zone]) -> int", "0 to 23", prepare_second),
    WITH_ZONE(get_minute, YARAL_INT, "n?z", "(seconds [, zone]) -> int", "0 to 59", prepare_second),
    WITH_ZONE(get_timestamp, YARAL_STRING, "n?sz", "(seconds [, format [, zone]]) -> string",
              "as text; the format is strftime's or one of SECOND MINUTE HOUR DATE WEEK MONTH YEAR", prepare_third),
    WITH_ZONE(get_week, YARAL_INT, "n?z", "(seconds [, zone]) -> int", "0 to 53; weeks begin on Sunday", prepare_second),
    {.name = "timestamp.now", .signature = "timestamp.now() -> int", .parameters = "", .help = "now, as seconds since 1970",
     .places = FUNCTION_ANYWHERE, .type = YARAL_INT, .check = function_check, .call = call_current_seconds},
};

FUNCTION_GROUP(function_group_timestamp, functions);
