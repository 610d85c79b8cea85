/* SPDX-License-Identifier: Apache-2.0 */
#include "zone.h"

#include "harrier/base/memory.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ZONE_DIRECTORY "/usr/share/zoneinfo/"

/* A zone's file holds no more than a few KB. */
enum { LARGEST_ZONE_FILE = 256 * 1024, LONGEST_ZONE_NAME = 64 };

/* "M3.5.0/3": a day of the year at which clocks change, and the time on that day (POSIX, 8.3, TZ). */
struct change_rule {
    enum { DAY_OF_MONTH_RULE, JULIAN_DAY, DAY_OF_YEAR } kind;
    int month; /* 1-12 */
    int week;  /* 1-5, 5: the last */
    int day;   /* of the week, 0 Sunday; or of the year */
    int64_t seconds;
};

/* What holds behind the last transition of the file: a standard offset, and for most zones a second one in summer. */
struct footer {
    bool has_rules;
    int64_t standard;
    int64_t summer;
    struct change_rule to_summer;
    struct change_rule to_standard;
};

struct zone {
    size_t count;
    int64_t *at;      /* transitions, ascending */
    int32_t *offsets; /* from each on */
    int64_t first_offset;
    bool has_footer;
    struct footer footer;
};

/* --- the footer: a POSIX TZ string (RFC 8536, 3.3) -------------------------------------------------------------------------------- */

static bool take_number(const char **text, int64_t most, int64_t *number)
{
    const char *at = *text;

    *number = 0;
    while (isdigit((unsigned char)*at) && at - *text < 4)
        *number = *number * 10 + (*at++ - '0');
    bool good = at > *text && *number <= most;
    *text = at;
    return good;
}

/* [+-]hh[:mm[:ss]]; hours to 167 as RFC 8536 allows. */
static bool take_time(const char **text, int64_t *seconds)
{
    int64_t parts[3] = {0};
    bool negative = **text == '-';

    if (**text == '-' || **text == '+')
        (*text)++;
    for (int i = 0; i < 3; i++) {
        if (!take_number(text, i ? 59 : 167, &parts[i]))
            return false;
        if (**text != ':')
            break;
        if (i < 2)
            (*text)++;
    }
    *seconds = (parts[0] * 3600 + parts[1] * 60 + parts[2]) * (negative ? -1 : 1);
    return true;
}

static bool skip_abbreviation(const char **text)
{
    const char *start = *text;

    if (**text == '<') {
        while (**text && **text != '>')
            (*text)++;
        return *(*text)++ == '>';
    }
    while (isalpha((unsigned char)**text))
        (*text)++;
    return *text - start >= 3;
}

static bool take_rule(const char **text, struct change_rule *rule)
{
    int64_t numbers[3] = {0};

    *rule = (struct change_rule){.seconds = 2 * 3600};
    if (*(*text)++ != ',')
        return false;
    rule->kind = **text == 'M' ? DAY_OF_MONTH_RULE : **text == 'J' ? JULIAN_DAY : DAY_OF_YEAR;
    if (rule->kind != DAY_OF_YEAR)
        (*text)++;
    int wanted = rule->kind == DAY_OF_MONTH_RULE ? 3 : 1;
    for (int i = 0; i < wanted; i++) {
        if ((i && *(*text)++ != '.') || !take_number(text, 365, &numbers[i]))
            return false;
    }
    bool by_month = rule->kind == DAY_OF_MONTH_RULE;
    rule->month = (int)numbers[0];
    rule->week = (int)numbers[1];
    rule->day = (int)numbers[by_month ? 2 : 0];
    if (by_month && (rule->month < 1 || rule->month > 12 || rule->week < 1 || rule->week > 5 || rule->day > 6))
        return false;
    if (**text != '/')
        return true;
    (*text)++;
    return take_time(text, &rule->seconds);
}

static bool parse_footer(const char *text, struct footer *footer)
{
    *footer = (struct footer){0};
    if (!skip_abbreviation(&text) || !take_time(&text, &footer->standard))
        return false;
    footer->standard = -footer->standard; /* TZ counts westward */
    footer->summer = footer->standard + 3600;
    if (*text == '\0')
        return true;
    if (!skip_abbreviation(&text))
        return false;
    if (*text && *text != ',') {
        if (!take_time(&text, &footer->summer))
            return false;
        footer->summer = -footer->summer;
    }
    footer->has_rules = true;
    return take_rule(&text, &footer->to_summer) && take_rule(&text, &footer->to_standard) && *text == '\0';
}

/* --- dates ------------------------------------------------------------------------------------------------------------------------- */

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1970-01-01 to the year's first day. */
static int64_t days_to_year(int64_t year)
{
    int64_t before = year - 1;
    return 365 * (year - 1970) + (before / 4 - before / 100 + before / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400);
}

static int64_t days_to_month(int64_t year, int month)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    return days_to_year(year) + before[month - 1] + (month > 2 && is_leap(year));
}

/* The rule's instant in that year, as its local clock shows it before the change. */
static int64_t change_in_year(const struct change_rule *rule, int64_t year)
{
    int64_t day;

    if (rule->kind == DAY_OF_MONTH_RULE) {
        int64_t first = days_to_month(year, rule->month);
        int64_t end = rule->month == 12 ? days_to_year(year + 1) : days_to_month(year, rule->month + 1);
        int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
        day = first + (rule->day - weekday + 7) % 7 + 7 * (rule->week - 1);
        if (day >= end)
            day -= 7;
    } else if (rule->kind == JULIAN_DAY) {
        day = days_to_year(year) + rule->day - 1 + (rule->day >= 60 && is_leap(year)); /* February 29 is never counted */
    } else {
        day = days_to_year(year) + rule->day;
    }
    return day * 86400 + rule->seconds;
}

static int64_t footer_offset(const struct footer *footer, int64_t unix_seconds)
{
    struct tm date;
    time_t shown = (time_t)(unix_seconds + footer->standard);

    if (!footer->has_rules || !gmtime_r(&shown, &date))
        return footer->standard;
    int64_t year = (int64_t)date.tm_year + 1900;
    int64_t begin = change_in_year(&footer->to_summer, year) - footer->standard;
    int64_t end = change_in_year(&footer->to_standard, year) - footer->summer;
    bool summer = begin < end ? unix_seconds >= begin && unix_seconds < end : unix_seconds >= begin || unix_seconds < end;
    return summer ? footer->summer : footer->standard;
}

/* --- the file: TZif, version 2 or later (RFC 8536) ------------------------------------------------------------------------------------ */

struct reader {
    const unsigned char *bytes;
    size_t length;
};

static int64_t take_big_endian(struct reader *reader, size_t size)
{
    uint64_t number = 0;

    for (size_t i = 0; i < size; i++)
        number = number << 8 | reader->bytes[i];
    reader->bytes += size;
    reader->length -= size;
    return size == 4 ? (int64_t)(int32_t)(uint32_t)number : (int64_t)number;
}

struct header {
    int64_t is_ut, is_standard, leaps, transitions, types, characters;
};

enum { HEADER_BYTES = 44, TYPE_BYTES = 6 };

static bool take_header(struct reader *reader, struct header *header)
{
    if (reader->length < HEADER_BYTES || memcmp(reader->bytes, "TZif", 4) != 0 || reader->bytes[4] < '2')
        return false;
    reader->bytes += 20;
    reader->length -= 20;
    int64_t *const counts[] = {&header->is_ut, &header->is_standard, &header->leaps, &header->transitions, &header->types, &header->characters};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        *counts[i] = take_big_endian(reader, 4);
        if (*counts[i] < 0 || *counts[i] > LARGEST_ZONE_FILE)
            return false;
    }
    return true;
}

static size_t body_bytes(const struct header *header, size_t time_bytes)
{
    return (size_t)header->transitions * (time_bytes + 1) + (size_t)header->types * TYPE_BYTES + (size_t)header->characters +
           (size_t)header->leaps * (time_bytes + 4) + (size_t)header->is_standard + (size_t)header->is_ut;
}

static bool skip_bytes(struct reader *reader, size_t count)
{
    if (reader->length < count)
        return false;
    reader->bytes += count;
    reader->length -= count;
    return true;
}

static bool read_body(struct zone *zone, struct reader *reader, const struct header *header)
{
    if (header->types < 1 || reader->length < body_bytes(header, 8))
        return false;
    struct reader rest = *reader;
    zone->count = (size_t)header->transitions;
    zone->at = xcalloc(zone->count + 1, sizeof *zone->at);
    zone->offsets = xcalloc(zone->count + 1, sizeof *zone->offsets);
    for (size_t i = 0; i < zone->count; i++)
        zone->at[i] = take_big_endian(&rest, 8);
    const unsigned char *indices = rest.bytes, *types = indices + zone->count;
    for (size_t i = 0; i < zone->count; i++) {
        if (indices[i] >= header->types)
            return false;
        zone->offsets[i] = (int32_t)take_big_endian(&(struct reader){types + indices[i] * TYPE_BYTES, TYPE_BYTES}, 4);
    }
    zone->first_offset = take_big_endian(&(struct reader){types, TYPE_BYTES}, 4);
    return skip_bytes(reader, body_bytes(header, 8));
}

static bool read_zone(struct zone *zone, struct reader reader)
{
    struct header header;
    char text[128];

    if (!take_header(&reader, &header) || !skip_bytes(&reader, body_bytes(&header, 4)) || !take_header(&reader, &header) ||
        !read_body(zone, &reader, &header))
        return false;
    const unsigned char *end = reader.length > 1 ? memchr(reader.bytes + 1, '\n', reader.length - 1) : NULL;
    size_t length = end ? (size_t)(end - reader.bytes) - 1 : sizeof text;
    if (length >= sizeof text)
        return false;
    memcpy(text, reader.bytes + 1, length);
    text[length] = '\0';
    zone->has_footer = length > 0;
    return length == 0 || parse_footer(text, &zone->footer);
}

static bool read_file(struct zone *zone, const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat status;

    if (file < 0)
        return false;
    bool good = fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0 && status.st_size <= LARGEST_ZONE_FILE;
    unsigned char *bytes = good ? xmalloc((size_t)status.st_size) : NULL;
    good = good && read(file, bytes, (size_t)status.st_size) == status.st_size;
    close(file);
    good = good && read_zone(zone, (struct reader){bytes, (size_t)status.st_size});
    free(bytes);
    return good;
}

/* --- names ---------------------------------------------------------------------------------------------------------------------------- */

/* Only what can be a zone of the database: no way out of its folder. Short names such as PST are not zones of it, those such as EST that
 * are in it stand for one offset and mislead, so Google refuses them: names have a slash, or are GMT, UTC or Zulu. */
static bool is_zone_name(struct slice name)
{
    bool has_slash = slice_find_byte(name, '/') > 0;

    if (name.length == 0 || name.length > LONGEST_ZONE_NAME || slice_find(name, SLICE("..")) >= 0 || slice_find(name, SLICE("//")) >= 0)
        return false;
    for (size_t i = 0; i < name.length; i++) {
        if (!isalnum((unsigned char)name.bytes[i]) && !strchr("/_+-", name.bytes[i]))
            return false;
    }
    return has_slash || slice_is(name, "GMT") || slice_is(name, "UTC") || slice_is(name, "Zulu");
}

/* +H:MM, -08:00 */
static bool parse_offset(struct slice name, int64_t *offset)
{
    char text[8];
    int64_t hours, minutes;

    if (name.length < 5 || name.length > 6 || (name.bytes[0] != '+' && name.bytes[0] != '-'))
        return false;
    memcpy(text, name.bytes, name.length);
    text[name.length] = '\0';
    const char *at = text + 1;
    if (!take_number(&at, 14, &hours) || *at != ':' || strlen(at) != 3)
        return false;
    at++;
    if (!take_number(&at, 59, &minutes) || *at)
        return false;
    *offset = (hours * 3600 + minutes * 60) * (text[0] == '-' ? -1 : 1);
    return true;
}

struct zone *zone_new(struct slice name, const char **wrong)
{
    struct zone *zone = xcalloc(1, sizeof *zone);
    char path[sizeof ZONE_DIRECTORY + LONGEST_ZONE_NAME];

    if (parse_offset(name, &zone->first_offset))
        return zone;
    if (slice_is(name, "GMT") || slice_is(name, "UTC")) /* whether the database is there or not */
        return zone;
    if (is_zone_name(name)) {
        memcpy(path, ZONE_DIRECTORY, sizeof ZONE_DIRECTORY - 1);
        memcpy(path + sizeof ZONE_DIRECTORY - 1, name.bytes, name.length);
        path[sizeof ZONE_DIRECTORY - 1 + name.length] = '\0';
        if (read_file(zone, path))
            return zone;
        *wrong = "no such time zone in the system's database (package tzdata); write a name such as Europe/Berlin, or an offset such as +1:00";
    } else {
        *wrong = "a time zone is a name such as America/Los_Angeles or an offset such as -08:00; short names such as PST are not taken";
    }
    zone_free(zone);
    return NULL;
}

void zone_free(struct zone *zone)
{
    if (!zone)
        return;
    free(zone->at);
    free(zone->offsets);
    free(zone);
}

int64_t zone_offset(const struct zone *zone, int64_t unix_seconds)
{
    size_t low = 0, high = zone ? zone->count : 0;

    if (!zone)
        return 0;
    while (low < high) { /* the first transition behind the time */
        size_t middle = low + (high - low) / 2;
        if (zone->at[middle] <= unix_seconds)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == zone->count && zone->has_footer)
        return footer_offset(&zone->footer, unix_seconds);
    return low ? zone->offsets[low - 1] : zone->first_offset;
}

int64_t zone_to_unix(const struct zone *zone, int64_t shown)
{
    /* No zone is more than a day from Greenwich, and none changes twice in two days: one of the offsets around is in force. */
    int64_t before = zone_offset(zone, shown - 86400), after = zone_offset(zone, shown + 86400);

    if (zone_offset(zone, shown - before) == before)
        return shown - before;
    return zone_offset(zone, shown - after) == after ? shown - after : shown - before;
}
