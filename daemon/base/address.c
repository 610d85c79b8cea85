/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

enum { IPV4_IN_IPV6_BITS = 96 };

static bool parse_ipv4(const char *host, struct address *address)
{
    struct sockaddr_in *ipv4 = (struct sockaddr_in *)&address->storage;
    ipv4->sin_family = AF_INET;
    address->length = sizeof *ipv4;
    return inet_pton(AF_INET, host, &ipv4->sin_addr) == 1;
}

static bool parse_ipv6(const char *host, struct address *address)
{
    struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)&address->storage;
    ipv6->sin6_family = AF_INET6;
    address->length = sizeof *ipv6;
    return inet_pton(AF_INET6, host, &ipv6->sin6_addr) == 1;
}

/* The slice as a string for inet_pton; false if it cannot be an address anyway. */
static bool copy_host(struct slice text, char host[ADDRESS_TEXT_SIZE])
{
    if (text.length == 0 || text.length >= ADDRESS_TEXT_SIZE || memchr(text.bytes, '\0', text.length))
        return false;
    memcpy(host, text.bytes, text.length);
    host[text.length] = '\0';
    return true;
}

bool address_parse_host(struct slice text, struct address *address)
{
    char host[ADDRESS_TEXT_SIZE];

    *address = (struct address){0};
    return copy_host(text, host) && (strchr(host, ':') ? parse_ipv6(host, address) : parse_ipv4(host, address));
}

void address_set_port(struct address *address, uint16_t port)
{
    if (address->storage.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&address->storage)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)&address->storage)->sin_port = htons(port);
}

static const char *parse_bracketed(struct slice inside, struct address *address)
{
    if (address_parse_host(inside, address) && address->storage.ss_family == AF_INET6)
        return NULL;
    return "no IPv6 address stands in the brackets";
}

static const char *parse_unbracketed(struct slice host, struct address *address)
{
    if (slice_find_byte(host, ':') >= 0)
        return "an IPv6 address needs brackets, such as [::1]:9480";
    if (host.length == 0)
        return "the address before the port is missing, such as 127.0.0.1";
    if (slice_is(host, "localhost"))
        host = SLICE("127.0.0.1");
    return address_parse_host(host, address) ? NULL : "the host is no IP address; names are not looked up";
}

enum result address_parse_host_port(struct slice text, struct address *address, const char **problem)
{
    ptrdiff_t colon = slice_find_last_byte(text, ':');
    struct slice host = slice_first(text, colon < 0 ? 0 : (size_t)colon);
    int64_t port = -1;
    const char *wrong;

    *address = (struct address){0};
    if (colon < 0)
        wrong = "the port is missing, such as 127.0.0.1:9480";
    else if (!slice_to_int64(slice_from(text, (size_t)colon + 1), &port) || port < 0 || port > 65535)
        wrong = "the port must be a number from 0 to 65535";
    else if (host.length >= 2 && host.bytes[0] == '[' && host.bytes[host.length - 1] == ']')
        wrong = parse_bracketed(slice_make(host.bytes + 1, host.length - 2), address);
    else
        wrong = parse_unbracketed(host, address);
    if (wrong) {
        if (problem)
            *problem = wrong;
        return RESULT_INVALID;
    }
    address_set_port(address, (uint16_t)port);
    return RESULT_OK;
}

char *address_format(const struct address *address, char text[ADDRESS_TEXT_SIZE])
{
    char host[INET6_ADDRSTRLEN] = "?";
    const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)&address->storage;
    const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)&address->storage;
    bool six = address->storage.ss_family == AF_INET6;

    if (!six && address->storage.ss_family != AF_INET) {
        snprintf(text, ADDRESS_TEXT_SIZE, "local");
        return text;
    }
    inet_ntop(six ? AF_INET6 : AF_INET, six ? (const void *)&ipv6->sin6_addr : (const void *)&ipv4->sin_addr, host, sizeof host);
    unsigned int port = ntohs(six ? ipv6->sin6_port : ipv4->sin_port);
    if (port)
        snprintf(text, ADDRESS_TEXT_SIZE, six ? "[%s]:%u" : "%s:%u", host, port);
    else
        snprintf(text, ADDRESS_TEXT_SIZE, "%s", host);
    return text;
}

/* IPv4 as ::ffff:a.b.c.d, so that one comparison serves both. */
static bool address_bytes(const struct address *address, uint8_t bytes[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (address->storage.ss_family == AF_INET6) {
        memcpy(bytes, &((const struct sockaddr_in6 *)&address->storage)->sin6_addr, 16);
        return true;
    }
    if (address->storage.ss_family != AF_INET)
        return false;
    memcpy(bytes, mapped, sizeof mapped);
    memcpy(bytes + sizeof mapped, &((const struct sockaddr_in *)&address->storage)->sin_addr, 4);
    return true;
}

static bool same_prefix(const uint8_t a[16], const uint8_t b[16], unsigned int prefix)
{
    if (memcmp(a, b, prefix / 8) != 0)
        return false;
    if (prefix % 8 == 0)
        return true;
    return ((a[prefix / 8] ^ b[prefix / 8]) >> (8 - prefix % 8)) == 0;
}

bool address_in_network(const struct address *address, const struct address_network *network)
{
    uint8_t bytes[16];
    return address_bytes(address, bytes) && same_prefix(bytes, network->bytes, network->prefix);
}

struct address *address_without_port(struct address *address)
{
    if (address->storage.ss_family == AF_INET)
        ((struct sockaddr_in *)&address->storage)->sin_port = 0;
    else if (address->storage.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&address->storage)->sin6_port = 0;
    return address;
}

uint16_t address_port(const struct address *address)
{
    if (address->storage.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&address->storage)->sin6_port);
    return address->storage.ss_family == AF_INET ? ntohs(((const struct sockaddr_in *)&address->storage)->sin_port) : 0;
}

bool address_is_ipv6_wildcard(const struct address *address)
{
    return address->storage.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)&address->storage)->sin6_addr);
}

void address_unmap_ipv4(struct address *address)
{
    const struct sockaddr_in6 ipv6 = *(const struct sockaddr_in6 *)&address->storage;

    if (address->storage.ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&ipv6.sin6_addr))
        return;
    struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = ipv6.sin6_port};
    memcpy(&ipv4.sin_addr, ipv6.sin6_addr.s6_addr + IPV4_IN_IPV6_BITS / 8, sizeof ipv4.sin_addr);
    *address = (struct address){.length = sizeof ipv4};
    memcpy(&address->storage, &ipv4, sizeof ipv4);
}

bool address_is_loopback(const struct address *address)
{
    static const struct address_network ipv4 = {{[10] = 0xff, [11] = 0xff, [12] = 127}, IPV4_IN_IPV6_BITS + 8};
    static const struct address_network ipv6 = {{[15] = 1}, 128};

    if (address->storage.ss_family == AF_UNIX)
        return true;
    return address_in_network(address, &ipv4) || address_in_network(address, &ipv6);
}

bool address_network_parse(struct slice text, struct address_network *network)
{
    ptrdiff_t slash = slice_find_byte(text, '/');
    struct address address;
    int64_t prefix;

    if (!address_parse_host(slice_first(text, slash < 0 ? text.length : (size_t)slash), &address))
        return false;
    unsigned int before = address.storage.ss_family == AF_INET ? IPV4_IN_IPV6_BITS : 0;
    prefix = 128 - before;
    if (slash >= 0 && (!slice_to_int64(slice_from(text, (size_t)slash + 1), &prefix) || prefix < 0 || prefix > 128 - before))
        return false;
    address_bytes(&address, network->bytes);
    network->prefix = before + (unsigned int)prefix;
    for (unsigned int bit = network->prefix; bit < 128; bit++)
        if (network->bytes[bit / 8] & (0x80 >> bit % 8))
            return false;
    return true;
}
