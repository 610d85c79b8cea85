/* SPDX-License-Identifier: Apache-2.0 */
#include "cidr.h"

#include <arpa/inet.h>

bool cidr_address_parse(struct slice text, struct cidr_address *address)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    char copy[INET6_ADDRSTRLEN];

    *address = (struct cidr_address){0};
    if (text.length == 0 || text.length >= sizeof copy || memchr(text.bytes, '\0', text.length))
        return false;
    memcpy(copy, text.bytes, text.length);
    copy[text.length] = '\0';
    if (inet_pton(AF_INET, copy, address->v4) == 1)
        return address->is_v4 = true;
    if (inet_pton(AF_INET6, copy, address->v6) != 1)
        return false;
    address->is_v6 = true;
    address->is_v4 = memcmp(address->v6, mapped, sizeof mapped) == 0;
    if (address->is_v4)
        memcpy(address->v4, address->v6 + sizeof mapped, CIDR_V4_BYTES);
    return true;
}

static void set_bounds(struct cidr_range *range, const uint8_t *bytes, size_t bits)
{
    for (size_t i = 0; i < range->length; i++) {
        size_t kept = bits > i * 8 ? bits - i * 8 : 0;
        uint8_t host = (uint8_t)(kept >= 8 ? 0 : 0xFF >> kept);
        range->first[i] = bytes[i] & (uint8_t)~host;
        range->last[i] = bytes[i] | host;
    }
}

const char *cidr_range_parse(struct slice text, struct cidr_range *range)
{
    ptrdiff_t slash = slice_find_byte(text, '/');
    struct cidr_address address;
    int64_t bits;

    *range = (struct cidr_range){0};
    if (slash < 0)
        return "a range needs a prefix length, as in 192.0.2.0/24; write /32 (IPv6: /128) for a single address";
    if (!cidr_address_parse(slice_first(text, (size_t)slash), &address))
        return "what stands before the slash is no IP address";
    struct slice digits = slice_from(text, (size_t)slash + 1);
    int64_t most = address.is_v6 ? 128 : 32;
    bool padded = digits.length > 1 && digits.bytes[0] == '0';
    if (padded || digits.length > 3 || !slice_to_int64(digits, &bits) || bits < 0 || bits > most || digits.bytes[0] == '-')
        return address.is_v6 ? "the prefix length of an IPv6 range is 0 to 128" : "the prefix length of an IPv4 range is 0 to 32";
    /* A range within ::ffff:0:0/96 is one of IPv4 addresses; a wider one is of IPv6 only. */
    bool as_v4 = address.is_v4 && (!address.is_v6 || bits >= 96);
    range->length = as_v4 ? CIDR_V4_BYTES : CIDR_V6_BYTES;
    set_bounds(range, as_v4 ? address.v4 : address.v6, (size_t)(as_v4 && address.is_v6 ? bits - 96 : bits));
    return NULL;
}

bool cidr_range_has(const struct cidr_range *range, const struct cidr_address *address)
{
    bool is_v4 = range->length == CIDR_V4_BYTES;
    const uint8_t *bytes = is_v4 ? address->v4 : address->v6;

    if (is_v4 ? !address->is_v4 : !address->is_v6)
        return false;
    return memcmp(bytes, range->first, range->length) >= 0 && memcmp(bytes, range->last, range->length) <= 0;
}
