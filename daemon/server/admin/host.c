/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

static bool is_port(struct slice text)
{
    for (size_t i = 0; i < text.length; i++)
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return false;
    return true;
}

/* Without its port (RFC 3986 section 3.2), brackets, and the dot that ends a full name; empty where it is none of that form. */
static struct slice name_of(struct slice host)
{
    const struct slice none = {NULL, 0};
    bool bracketed = slice_starts_with(host, SLICE("["));
    ptrdiff_t end = slice_find_byte(host, bracketed ? ']' : ':');
    struct slice name = end < 0 ? host : slice_first(host, (size_t)end);
    struct slice rest = end < 0 ? none : slice_from(host, (size_t)end + bracketed);

    if ((bracketed && end < 0) || (rest.length && (rest.bytes[0] != ':' || !is_port(slice_from(rest, 1)))))
        return none;
    if (bracketed)
        return slice_from(name, 1);
    return slice_ends_with(name, SLICE(".")) ? slice_first(name, name.length - 1) : name;
}

bool host_is_ours(const char *host, const struct address *listen)
{
    struct address address;

    if (!host || !address_is_loopback(listen))
        return true;
    struct slice name = name_of(slice_trim(slice_of(host)));
    if (slice_equal_ascii_nocase(name, SLICE("localhost")))
        return true;
    return address_parse_host(name, &address) && address_is_loopback(&address);
}
