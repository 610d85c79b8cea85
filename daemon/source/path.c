/* SPDX-License-Identifier: Apache-2.0 */
#include "path.h"

enum { CLUSTER_NAME_BYTES = 253 };

bool path_is_cluster_name(struct slice name)
{
    if (name.length == 0 || name.length > CLUSTER_NAME_BYTES || slice_is(name, ".") || slice_is(name, ".."))
        return false;
    for (size_t i = 0; i < name.length; i++) {
        char c = name.bytes[i];
        bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alphanumeric && !memchr("._:-", c, 4))
            return false;
    }
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Appends the segment's bytes; false if a percent sign has not two digits after it. */
static bool decode(struct slice segment, struct buffer *decoded)
{
    for (size_t i = 0; i < segment.length; i++) {
        if (segment.bytes[i] != '%') {
            buffer_append_byte(decoded, segment.bytes[i]);
            continue;
        }
        int high = i + 2 < segment.length ? hex_digit(segment.bytes[i + 1]) : -1;
        int low = i + 2 < segment.length ? hex_digit(segment.bytes[i + 2]) : -1;
        if (high < 0 || low < 0)
            return false;
        buffer_append_byte(decoded, (char)(high << 4 | low));
        i += 2;
    }
    return true;
}

/* The next segment, with the slash before it taken off rest. */
static struct slice next_segment(struct slice *rest)
{
    struct slice after = slice_from(*rest, 1);
    ptrdiff_t slash = slice_find_byte(after, '/');
    struct slice segment = slash < 0 ? after : slice_first(after, (size_t)slash);

    *rest = slice_from(after, segment.length);
    return segment;
}

static struct slice without_slash(struct slice path)
{
    if (path.length && path.bytes[path.length - 1] == '/')
        path.length--;
    return path;
}

static bool match_segment(struct slice wanted, struct slice segment, struct buffer *decoded, struct path_parts *parts)
{
    size_t before = decoded->length;

    if (!decode(segment, decoded))
        return false;
    struct slice plain = slice_from(buffer_slice(decoded), before);
    if (slice_is(wanted, "{cluster}"))
        return path_is_cluster_name(parts->cluster = plain);
    if (slice_is(wanted, "{token}"))
        return (parts->token = plain).length > 0;
    return slice_equal(plain, wanted) || slice_equal(segment, wanted);
}

bool path_match(const char *pattern, struct slice path, struct buffer *decoded, struct path_parts *parts)
{
    struct slice wanted = without_slash(slice_of(pattern));

    *parts = (struct path_parts){{NULL, 0}, {NULL, 0}};
    if (path.length == 0)
        return false;
    path = without_slash(path);
    /* all at once, since the parts point into it */
    buffer_reserve(decoded, path.length);
    while (wanted.length && path.length) {
        struct slice segment = next_segment(&path);
        if (!match_segment(next_segment(&wanted), segment, decoded, parts))
            return false;
    }
    return wanted.length == 0 && path.length == 0;
}
