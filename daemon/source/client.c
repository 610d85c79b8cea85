/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/source/connection.h"

static bool is_trusted(const struct source_endpoint *endpoint, const struct address *address)
{
    for (size_t i = 0; i < endpoint->trusted_proxy_count; i++)
        if (address_in_network(address, &endpoint->trusted_proxies[i]))
            return true;
    return false;
}

struct address client_of(const struct source_endpoint *endpoint, const struct address *peer, struct slice forwarded_for)
{
    struct address client = *peer;

    /* each entry was written by the host to its right: it counts only as long as that host is trusted */
    while (is_trusted(endpoint, &client) && forwarded_for.length) {
        ptrdiff_t comma = slice_find_last_byte(forwarded_for, ',');
        struct slice entry = slice_trim(slice_from(forwarded_for, comma < 0 ? 0 : (size_t)comma + 1));
        struct address named;
        if (!address_parse_host(entry, &named))
            break;
        client = named;
        forwarded_for = slice_first(forwarded_for, comma < 0 ? 0 : (size_t)comma);
    }
    return client;
}
