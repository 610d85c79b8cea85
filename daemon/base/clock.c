/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/base/clock.h"

#include <stdio.h>

/* --- reckoning ---------------------------------------------------------------------------------------------------------- */

clock_nanos clock_of_seconds(int64_t seconds)
{
    clock_nanos instant;
    if (__builtin_mul_overflow(seconds, CLOCK_SECOND, &instant))
        return seconds < 0 ? INT64_MIN : INT64_MAX;
    return instant;
}

clock_nanos clock_sum(clock_nanos a, clock_nanos b)
{
    clock_nanos sum;
    if (__builtin_add_overflow(a, b, &sum))
        return a < 0 ? INT64_MIN : INT64_MAX;
    return sum;
}

clock_nanos clock_of_timespec(const struct timespec *time)
{
    return clock_sum(clock_of_seconds(time->tv_sec), time->tv_nsec);
}

clock_nanos clock_difference(clock_nanos a, clock_nanos b)
{
    clock_nanos difference;
    if (__builtin_sub_overflow(a, b, &difference))
        return a < b ? -INT64_MAX : INT64_MAX;
    return difference == INT64_MIN ? -INT64_MAX : difference;
}

/* --- the system's clocks ------------------------------------------------------------------------------------------------ */

static clock_nanos read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return clock_of_timespec(&now);
}

clock_nanos clock_wall(void)
{
    return read_clock(CLOCK_REALTIME);
}

clock_nanos clock_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

/* --- RFC 3339 ----------------------------------------------------------------------------------------------------------- */

/* Days since 1970-01-01 of a date of the proleptic Gregorian calendar. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

/* Reads exactly count digits at *at, then the byte after if it is not NUL. */
static bool read_digits(struct slice text, size_t *at, unsigned int count, int64_t *value)
{
    *value = 0;
    for (unsigned int i = 0; i < count; i++, (*at)++) {
        if (*at >= text.length || text.bytes[*at] < '0' || text.bytes[*at] > '9')
            return false;
        *value = *value * 10 + (text.bytes[*at] - '0');
    }
    return true;
}

static bool read_byte(struct slice text, size_t *at, const char *allowed)
{
    if (*at >= text.length || text.bytes[*at] == '\0' || !strchr(allowed, text.bytes[*at]))
        return false;
    (*at)++;
    return true;
}

static int64_t read_fraction(struct slice text, size_t *at)
{
    int64_t nanos = 0;
    int64_t scale = CLOCK_SECOND;
    for (; *at < text.length && text.bytes[*at] >= '0' && text.bytes[*at] <= '9'; (*at)++) {
        if (scale > 1) {
            scale /= 10;
            nanos += (text.bytes[*at] - '0') * scale;
        }
    }
    return nanos;
}

/* Z, or +hh:mm / -hh:mm, in seconds east. */
static bool read_zone(struct slice text, size_t *at, int64_t *east)
{
    int64_t hours, minutes;
    *east = 0;
    if (read_byte(text, at, "Zz"))
        return true;
    bool west = *at < text.length && text.bytes[*at] == '-';
    if (!read_byte(text, at, "+-") || !read_digits(text, at, 2, &hours) || !read_byte(text, at, ":") ||
        !read_digits(text, at, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *east = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
    return true;
}

static bool read_word(struct slice text, size_t *at, const char *word)
{
    if (!slice_starts_with(slice_from(text, *at), slice_of(word)))
        return false;
    *at += strlen(word);
    return true;
}

/* +hhmm, +hh. */
static bool read_short_offset(struct slice text, size_t *at, int64_t *east)
{
    int64_t hours, minutes = 0;
    bool west = *at < text.length && text.bytes[*at] == '-';

    if (!read_byte(text, at, "+-") || !read_digits(text, at, 2, &hours) || (*at < text.length && text.bytes[*at] != ' ' && !read_digits(text, at, 2, &minutes)) ||
        hours > 23 || minutes > 59)
        return false;
    *east = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
    return true;
}

/* As senders write it, up to the end of the text. */
static bool read_any_zone(struct slice text, size_t *at, int64_t *east)
{
    size_t begin;

    *east = 0;
    while (read_byte(text, at, " "))
        ;
    begin = *at;
    if (*at == text.length || read_word(text, at, "UTC") || read_word(text, at, "GMT"))
        return true;
    if (!read_zone(text, at, east)) {
        *at = begin;
        if (!read_short_offset(text, at, east))
            return false;
    }
    while (read_byte(text, at, " "))
        ;
    read_word(text, at, "UTC");
    return true;
}

static bool parse_instant(struct slice text, bool any, clock_nanos *instant)
{
    int64_t year, month, day, hour, minute, second, east;
    int64_t fraction = 0;
    size_t at = 0;

    if (!read_digits(text, &at, 4, &year) || !read_byte(text, &at, "-") || !read_digits(text, &at, 2, &month) ||
        !read_byte(text, &at, "-") || !read_digits(text, &at, 2, &day) || !read_byte(text, &at, "Tt ") ||
        !read_digits(text, &at, 2, &hour) || !read_byte(text, &at, ":") || !read_digits(text, &at, 2, &minute) ||
        !read_byte(text, &at, ":") || !read_digits(text, &at, 2, &second))
        return false;
    if (read_byte(text, &at, any ? ".," : "."))
        fraction = read_fraction(text, &at);
    if (!(any ? read_any_zone(text, &at, &east) : read_zone(text, &at, &east)) || at != text.length)
        return false;
    if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60)
        return false;
    if (year < 1678 || year > 2261) {
        *instant = year < 1678 ? CLOCK_FIRST : CLOCK_LAST;
        return true;
    }
    int64_t seconds = days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - east;
    *instant = seconds * CLOCK_SECOND + fraction;
    return true;
}

bool clock_parse_rfc3339(struct slice text, clock_nanos *instant)
{
    return parse_instant(text, false, instant);
}

/* Which unit: seconds have eleven digits until the year 5138. */
static bool parse_number(struct slice text, clock_nanos *instant)
{
    ptrdiff_t dot = slice_find_byte(text, '.');
    struct slice whole = dot < 0 ? text : slice_first(text, (size_t)dot);
    size_t at = whole.length + 1;
    int64_t number, unit = CLOCK_SECOND;

    if (!slice_to_int64(whole, &number) || number < 0)
        return false;
    for (size_t digits = whole.length; digits > 11 && unit > 1; digits = digits > 14 ? digits - 3 : 0)
        unit /= 1000;
    int64_t fraction = dot < 0 ? 0 : read_fraction(text, &at);
    if (dot >= 0 && at != text.length)
        return false;
    if (__builtin_mul_overflow(number, unit, instant))
        *instant = CLOCK_LAST;
    else if (unit == CLOCK_SECOND)
        *instant = clock_sum(*instant, fraction);
    return true;
}

bool clock_parse_any(struct slice text, clock_nanos *instant)
{
    return parse_instant(slice_trim(text), true, instant) || parse_number(slice_trim(text), instant);
}

char *clock_format_rfc3339(clock_nanos instant, char text[CLOCK_TEXT_SIZE])
{
    int64_t nanos = instant % CLOCK_SECOND;
    time_t seconds = (time_t)(instant / CLOCK_SECOND);
    struct tm parts;

    if (nanos < 0) {
        nanos += CLOCK_SECOND;
        seconds--;
    }
    gmtime_r(&seconds, &parts);
    size_t length = strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &parts);
    if (nanos % 1000)
        snprintf(text + length, CLOCK_TEXT_SIZE - length, ".%09uZ", (unsigned int)nanos);
    else
        snprintf(text + length, CLOCK_TEXT_SIZE - length, ".%06uZ", (unsigned int)(nanos / 1000));
    return text;
}
