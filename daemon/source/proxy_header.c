/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy_header.h"

#include <netinet/in.h>

enum {
    SIGNATURE_BYTES = 12, /* of version 2; no header of version 1 is shorter */
    FIXED_BYTES = 16,     /* of version 2: signature, version and command, family, length */
    VERSION_2 = 2,
    COMMAND_LOCAL = 0,
    COMMAND_PROXY = 1,
    TCP_OVER_IPV4 = 0x11,
    TCP_OVER_IPV6 = 0x21,
    IPV4_ADDRESSES = 12, /* two addresses and two ports */
    IPV6_ADDRESSES = 36
};

static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";

static bool is_version_2(const struct proxy_header *header)
{
    return header->length >= SIGNATURE_BYTES && memcmp(header->bytes, signature, SIGNATURE_BYTES) == 0;
}

static size_t announced_length(const struct proxy_header *header)
{
    return FIXED_BYTES + ((size_t)(unsigned char)header->bytes[14] << 8 | (unsigned char)header->bytes[15]);
}

size_t proxy_header_wanted(const struct proxy_header *header)
{
    if (header->length < SIGNATURE_BYTES)
        return SIGNATURE_BYTES - header->length;
    if (!is_version_2(header))
        return 1; /* up to a line's end */
    if (header->length < FIXED_BYTES)
        return FIXED_BYTES - header->length;
    size_t left = announced_length(header) - header->length;
    return left < PROXY_HEADER_READ ? left : PROXY_HEADER_READ;
}

/* --- version 1: "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443" ----------------------------------------------------------------------------- */

static struct slice next_word(struct slice *rest)
{
    ptrdiff_t blank = slice_find_byte(*rest, ' ');
    struct slice word = blank < 0 ? *rest : slice_first(*rest, (size_t)blank);

    *rest = slice_from(*rest, word.length + (blank >= 0));
    return word;
}

static bool read_port(struct slice text, uint16_t *port)
{
    int64_t number;

    if (!slice_to_int64(text, &number) || number < 0 || number > UINT16_MAX)
        return false;
    *port = (uint16_t)number;
    return true;
}

static bool read_line(struct slice line, struct address *client)
{
    struct slice word = next_word(&line), family;
    struct address from, to;
    uint16_t ports[2];

    if (!slice_is(word, "PROXY"))
        return false;
    family = next_word(&line);
    if (slice_is(family, "UNKNOWN"))
        return true;
    if (!slice_is(family, "TCP4") && !slice_is(family, "TCP6"))
        return false;
    int wanted = slice_is(family, "TCP4") ? AF_INET : AF_INET6;
    bool good = address_parse_host(next_word(&line), &from) && address_parse_host(next_word(&line), &to) && from.storage.ss_family == wanted &&
                to.storage.ss_family == wanted;
    if (!good || !read_port(next_word(&line), &ports[0]) || !read_port(next_word(&line), &ports[1]) || line.length)
        return false;
    address_set_port(&from, ports[0]);
    *client = from;
    return true;
}

static enum proxy_answer take_line(const struct proxy_header *header, struct address *client)
{
    struct slice line = slice_make(header->bytes, header->length);

    if (memcmp(header->bytes, "PROXY ", 6) != 0)
        return PROXY_WRONG;
    if (line.bytes[line.length - 1] != '\n')
        return line.length < PROXY_HEADER_LINE ? PROXY_MORE : PROXY_WRONG;
    if (line.bytes[line.length - 2] != '\r')
        return PROXY_WRONG;
    return read_line(slice_first(line, line.length - 2), client) ? PROXY_WHOLE : PROXY_WRONG;
}

/* --- version 2 ----------------------------------------------------------------------------------------------------------------------- */

static void read_ipv4(const char *bytes, struct address *client)
{
    struct sockaddr_in ipv4 = {.sin_family = AF_INET};

    memcpy(&ipv4.sin_addr, bytes, 4);
    memcpy(&ipv4.sin_port, bytes + 8, 2);
    *client = (struct address){.length = sizeof ipv4};
    memcpy(&client->storage, &ipv4, sizeof ipv4);
}

static void read_ipv6(const char *bytes, struct address *client)
{
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};

    memcpy(&ipv6.sin6_addr, bytes, 16);
    memcpy(&ipv6.sin6_port, bytes + 32, 2);
    *client = (struct address){.length = sizeof ipv6};
    memcpy(&client->storage, &ipv6, sizeof ipv6);
}

/* Of another family (Unix sockets, UDP) the connection's own address stays, as the document asks for. */
static enum proxy_answer read_binary(const struct proxy_header *header, struct address *client)
{
    unsigned char version = (unsigned char)header->bytes[12] >> 4, command = header->bytes[12] & 0x0f, family = (unsigned char)header->bytes[13];
    size_t announced = announced_length(header);

    if (version != VERSION_2 || command > COMMAND_PROXY)
        return PROXY_WRONG;
    if ((family == TCP_OVER_IPV4 && announced < FIXED_BYTES + IPV4_ADDRESSES) || (family == TCP_OVER_IPV6 && announced < FIXED_BYTES + IPV6_ADDRESSES))
        return PROXY_WRONG;
    if (header->length < announced)
        return PROXY_MORE;
    if (command == COMMAND_LOCAL)
        return PROXY_WHOLE;
    if (family == TCP_OVER_IPV4)
        read_ipv4(header->bytes + FIXED_BYTES, client);
    else if (family == TCP_OVER_IPV6)
        read_ipv6(header->bytes + FIXED_BYTES, client);
    return PROXY_WHOLE;
}

/* --- both ---------------------------------------------------------------------------------------------------------------------------- */

enum proxy_answer proxy_header_take(struct proxy_header *header, struct slice bytes, struct address *client)
{
    size_t room = header->length < PROXY_HEADER_LINE ? PROXY_HEADER_LINE - header->length : 0;
    struct slice kept = slice_first(bytes, room);

    if (kept.length)
        memcpy(header->bytes + header->length, kept.bytes, kept.length);
    header->length += bytes.length;
    if (header->length < SIGNATURE_BYTES)
        return memcmp(header->bytes, signature, header->length) != 0 && memcmp(header->bytes, "PROXY ", header->length < 6 ? header->length : 6) != 0
                   ? PROXY_WRONG
                   : PROXY_MORE;
    if (!is_version_2(header))
        return take_line(header, client);
    return header->length < FIXED_BYTES ? PROXY_MORE : read_binary(header, client);
}
