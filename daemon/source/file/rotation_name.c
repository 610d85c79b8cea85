/* SPDX-License-Identifier: Apache-2.0 */
#include "rotation_name.h"

#include <stdio.h>

enum { NUMBER_DIGITS = 6, DAY_DIGITS = 8, EPOCH_DIGITS = 10 };

/* --- stamps ------------------------------------------------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Numbers and times: digits, what stands between them, and the T and Z of RFC 3339. */
static bool is_stamp(struct slice text)
{
    bool digit = false;

    for (size_t i = 0; i < text.length; i++) {
        if (is_digit(text.bytes[i]))
            digit = true;
        else if (!memchr(".-_:TZ", text.bytes[i], 6))
            return false;
    }
    return digit;
}

static bool is_in(const char *digits, int from, int to)
{
    int value = (digits[0] - '0') * 10 + (digits[1] - '0');
    return value >= from && value <= to;
}

/* A time whose digits stand in the order of their weight: a year first, or seconds since 1970. */
static bool is_time(const char *digits, size_t length, bool plain)
{
    if (length >= DAY_DIGITS && (is_in(digits, 19, 19) || is_in(digits, 20, 20)) && is_in(digits + 4, 1, 12) && is_in(digits + 6, 1, 31))
        return true;
    return plain && length >= EPOCH_DIGITS && digits[0] == '1';
}

static struct rotation_stamp stamp_of(struct slice text)
{
    struct rotation_stamp stamp = {.kind = ROTATION_STAMP_OTHER};
    size_t length = 0;
    bool plain = true;

    for (size_t i = 0; i < text.length; i++) {
        if (!is_digit(text.bytes[i]))
            plain = false;
        else if (length + 1 < sizeof stamp.digits)
            stamp.digits[length++] = text.bytes[i];
    }
    if (plain && length <= NUMBER_DIGITS && slice_to_int64(slice_make(stamp.digits, length), &stamp.number))
        stamp.kind = ROTATION_STAMP_NUMBER;
    else if (is_time(stamp.digits, length, plain))
        stamp.kind = ROTATION_STAMP_TIME;
    return stamp;
}

bool rotation_stamp_day(const struct rotation_stamp *stamp, int64_t *day)
{
    int year, month, day_of_month;

    if (stamp->kind != ROTATION_STAMP_TIME || strlen(stamp->digits) != DAY_DIGITS ||
        sscanf(stamp->digits, "%4d%2d%2d", &year, &month, &day_of_month) != 3)
        return false;
    /* days of the Gregorian calendar, whose years are counted from March */
    int64_t years = month > 2 ? year : year - 1, months = (month + 9) % 12;
    *day = years * 365 + years / 4 - years / 100 + years / 400 + (months * 306 + 5) / 10 + day_of_month - 1 - 719468;
    return true;
}

/* --- names -------------------------------------------------------------------------------------------------------------------------- */

static struct slice cut_packing(struct slice name, enum rotation_packing *packing)
{
    static const struct {
        const char *ending;
        enum rotation_packing packing;
    } endings[] = {{".gz", ROTATION_PACKED},      {".zst", ROTATION_PACKED},      {".bz2", ROTATION_UNREADABLE}, {".xz", ROTATION_UNREADABLE},
                   {".lz4", ROTATION_UNREADABLE}, {".lzma", ROTATION_UNREADABLE}, {".lzo", ROTATION_UNREADABLE}, {".Z", ROTATION_UNREADABLE},
                   {".zip", ROTATION_UNREADABLE}};

    *packing = ROTATION_PLAIN;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        struct slice ending = slice_of(endings[i].ending);
        if (!slice_ends_with(name, ending))
            continue;
        *packing = endings[i].packing;
        return slice_first(name, name.length - ending.length);
    }
    return name;
}

/* begin, a separator, a stamp, end. */
static bool read_stamped(struct slice name, struct slice begin, struct slice end, struct rotation_stamp *stamp)
{
    if (name.length <= begin.length + end.length + 1 || !slice_starts_with(name, begin) || !slice_ends_with(name, end))
        return false;
    struct slice middle = slice_first(slice_from(name, begin.length), name.length - begin.length - end.length);
    if (!memchr(".-_", middle.bytes[0], 3) || !is_stamp(slice_from(middle, 1)))
        return false;
    *stamp = stamp_of(slice_from(middle, 1));
    return true;
}

static bool read_rotation_of(struct slice base, struct slice name, struct rotation_stamp *stamp)
{
    ptrdiff_t dot = slice_find_last_byte(base, '.');

    if (read_stamped(name, base, (struct slice){0}, stamp))
        return true;
    return dot > 0 && read_stamped(name, slice_first(base, (size_t)dot), slice_from(base, (size_t)dot), stamp);
}

/* --- linked logs -------------------------------------------------------------------------------------------------------------------- */

static bool begins_group(struct slice name, size_t at)
{
    return is_digit(name.bytes[at]) && (at == 0 || memchr(".-_", name.bytes[at - 1], 3));
}

/* The bytes of a stamp from here on, without what stands behind its last digit. */
static size_t stamp_length(struct slice name, size_t at)
{
    size_t length = 0;

    for (size_t i = at; i < name.length && is_stamp(slice_make(name.bytes + at, i + 1 - at)); i++)
        if (is_digit(name.bytes[i]))
            length = i + 1 - at;
    return length;
}

static size_t digits_length(struct slice name, size_t at)
{
    size_t length = 0;
    while (at + length < name.length && is_digit(name.bytes[at + length]))
        length++;
    return length;
}

/* Where in the name of a file the stamp is that differs from one file to the next: a time if there is one, else the last number that stands
 * by itself (no "node1"). */
static bool find_stamp(struct slice name, size_t *at, size_t *length)
{
    *length = 0;
    for (size_t i = 0; i < name.length; i++) {
        if (!begins_group(name, i))
            continue;
        size_t whole = stamp_length(name, i);
        *at = i;
        *length = digits_length(name, i);
        if (stamp_of(slice_make(name.bytes + i, whole)).kind != ROTATION_STAMP_TIME)
            continue;
        *length = whole;
        return true;
    }
    return *length > 0;
}

struct rotation_stamp rotation_stamp_of_newest(const struct rotation_log *log)
{
    size_t at, length;

    if (!log->linked || !find_stamp(log->base, &at, &length))
        return (struct rotation_stamp){0};
    return stamp_of(slice_make(log->base.bytes + at, length));
}

static bool is_earlier(const struct rotation_stamp *a, const struct rotation_stamp *b)
{
    if (a->kind != b->kind)
        return false;
    return a->kind == ROTATION_STAMP_NUMBER ? a->number < b->number : strcmp(a->digits, b->digits) < 0;
}

/* The newest file's name with an earlier stamp in it, and perhaps one of a rotation behind it. */
static bool read_linked(const struct rotation_log *log, struct slice name, struct rotation_name *read)
{
    struct rotation_stamp newest = rotation_stamp_of_newest(log);
    size_t at, length;

    if (newest.kind == ROTATION_STAMP_NONE || !find_stamp(log->base, &at, &length))
        return false;
    struct slice begin = slice_first(log->base, at), end = slice_from(log->base, at + length);
    if (!slice_starts_with(name, begin) || name.length <= at || !is_digit(name.bytes[at]))
        return false;
    size_t own = newest.kind == ROTATION_STAMP_NUMBER ? digits_length(name, at) : length;
    if (name.length < at + own || !is_stamp(slice_make(name.bytes + at, own)))
        return false;
    read->file = stamp_of(slice_make(name.bytes + at, own));
    struct slice rest = slice_from(name, at + own);
    if (!is_earlier(&read->file, &newest) || !slice_starts_with(rest, end))
        return false;
    return rest.length == end.length || read_stamped(rest, end, (struct slice){0}, &read->rotation);
}

bool rotation_name_read(const struct rotation_log *log, struct slice name, struct rotation_name *read)
{
    *read = (struct rotation_name){0};
    struct slice unpacked = cut_packing(name, &read->packing);
    if (slice_equal(name, log->base))
        return false;
    if (read_rotation_of(log->base, unpacked, &read->rotation)) {
        read->file = rotation_stamp_of_newest(log);
        return true;
    }
    return read_linked(log, unpacked, read);
}
