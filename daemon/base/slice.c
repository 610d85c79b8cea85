/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/base/slice.h"

#include <ctype.h>
#include <strings.h>

int slice_compare(struct slice a, struct slice b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter ? memcmp(a.bytes, b.bytes, shorter) : 0;
    if (order)
        return order;
    return a.length < b.length ? -1 : a.length > b.length;
}

bool slice_starts_with(struct slice slice, struct slice prefix)
{
    return slice.length >= prefix.length && slice_equal(slice_first(slice, prefix.length), prefix);
}

bool slice_ends_with(struct slice slice, struct slice suffix)
{
    return slice.length >= suffix.length && slice_equal(slice_from(slice, slice.length - suffix.length), suffix);
}

ptrdiff_t slice_find(struct slice slice, struct slice needle)
{
    if (needle.length == 0)
        return 0;
    if (slice.length < needle.length)
        return -1;
    const char *found = memmem(slice.bytes, slice.length, needle.bytes, needle.length);
    return found ? found - slice.bytes : -1;
}

ptrdiff_t slice_find_byte(struct slice slice, char byte)
{
    const char *found = slice.length ? memchr(slice.bytes, byte, slice.length) : NULL;
    return found ? found - slice.bytes : -1;
}

ptrdiff_t slice_find_last_byte(struct slice slice, char byte)
{
    const char *found = slice.length ? memrchr(slice.bytes, byte, slice.length) : NULL;
    return found ? found - slice.bytes : -1;
}

struct slice slice_from(struct slice slice, size_t start)
{
    if (start >= slice.length)
        return (struct slice){NULL, 0};
    return (struct slice){slice.bytes + start, slice.length - start};
}

struct slice slice_first(struct slice slice, size_t length)
{
    return (struct slice){slice.bytes, length < slice.length ? length : slice.length};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice slice_trim(struct slice slice)
{
    while (slice.length && is_blank(slice.bytes[0]))
        slice = slice_from(slice, 1);
    while (slice.length && is_blank(slice.bytes[slice.length - 1]))
        slice.length--;
    return slice;
}

bool slice_equal_ascii_nocase(struct slice a, struct slice b)
{
    return a.length == b.length && (a.length == 0 || strncasecmp(a.bytes, b.bytes, a.length) == 0);
}

size_t slice_utf8_cut(struct slice slice, size_t limit)
{
    if (slice.length <= limit)
        return slice.length;
    size_t cut = limit;
    for (unsigned int back = 0; back < 3 && cut > 0 && ((unsigned char)slice.bytes[cut] & 0xC0) == 0x80; back++)
        cut--;
    return ((unsigned char)slice.bytes[cut] & 0xC0) == 0x80 ? limit : cut;
}

bool slice_to_int64(struct slice slice, int64_t *value)
{
    bool negative = slice.length && slice.bytes[0] == '-';
    size_t at = negative ? 1 : 0;
    uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
    uint64_t sum = 0;

    if (at == slice.length)
        return false;
    for (; at < slice.length; at++) {
        unsigned int digit = (unsigned int)(unsigned char)slice.bytes[at] - '0';
        if (digit > 9 || sum > (limit - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *value = negative ? (int64_t)(0 - sum) : (int64_t)sum;
    return true;
}

int slice_hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    return -1;
}

uint64_t slice_hash(struct slice slice)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < slice.length; i++)
        hash = (hash ^ (unsigned char)slice.bytes[i]) * 0x100000001b3u;
    return hash ^ (hash >> 32);
}

static unsigned int smallest(unsigned int a, unsigned int b, unsigned int c)
{
    unsigned int least = a < b ? a : b;
    return least < c ? least : c;
}

unsigned int slice_edit_distance(struct slice a, struct slice b)
{
    enum { LONGEST = 64 };
    unsigned int row[LONGEST + 1];

    if (a.length > LONGEST || b.length > LONGEST)
        return 1000;
    for (unsigned int j = 0; j <= b.length; j++)
        row[j] = j;
    for (unsigned int i = 1; i <= a.length; i++) {
        unsigned int diagonal = row[0];
        row[0] = i;
        for (unsigned int j = 1; j <= b.length; j++) {
            unsigned int above = row[j];
            unsigned int change = a.bytes[i - 1] == b.bytes[j - 1] ? 0 : 1;
            row[j] = smallest(above + 1, row[j - 1] + 1, diagonal + change);
            diagonal = above;
        }
    }
    return row[b.length];
}
