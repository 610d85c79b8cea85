/* SPDX-License-Identifier: Apache-2.0 */
/* Internet addresses as people write them: "host:port" to listen on, and networks ("10.0.0.0/8"). No name is ever looked up. */
#ifndef HARRIER_ADDRESS_H
#define HARRIER_ADDRESS_H

#include "harrier/base/result.h"
#include "harrier/base/slice.h"

#include <sys/socket.h>

enum { ADDRESS_TEXT_SIZE = 64 };

/* An address with its port; family AF_INET or AF_INET6. */
struct address {
    struct sockaddr_storage storage;
    socklen_t length;
};

/* A network: the first prefix bits of 16 bytes; IPv4 is kept as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2). */
struct address_network {
    uint8_t bytes[16];
    unsigned int prefix;
};

/* "127.0.0.1:9480", "[::1]:9480" (RFC 3986 section 3.2.2), "localhost:9480" as 127.0.0.1. Port 0 is allowed: the system chooses.
 * RESULT_INVALID on anything else; *problem (may be NULL) then says what is wrong. */
enum result address_parse_host_port(struct slice text, struct address *address, const char **problem);
/* The same form back, without the port if it is 0 and without brackets then. Returns text. */
char *address_format(const struct address *address, char text[ADDRESS_TEXT_SIZE]);
/* Sets the port to 0: the host alone is left. Returns address. */
struct address *address_without_port(struct address *address);
uint16_t address_port(const struct address *address);
void address_set_port(struct address *address, uint16_t port);
/* [::], at which a socket can take IPv4 as well. */
bool address_is_ipv6_wildcard(const struct address *address);
/* ::ffff:a.b.c.d, as a socket that takes both gives an IPv4 peer (RFC 4291 section 2.5.5.2), becomes a.b.c.d: one client has one address. */
void address_unmap_ipv4(struct address *address);
/* 127.0.0.0/8, ::1 and ::ffff:127.0.0.0/104; a Unix socket too. */
bool address_is_loopback(const struct address *address);
/* "10.0.0.0/8", "fd00::/8", or one address without a prefix. Bits after the prefix must be 0. */
bool address_network_parse(struct slice text, struct address_network *network);
bool address_in_network(const struct address *address, const struct address_network *network);
/* An address without a port, "10.1.2.3" or "fd00::1", the port set to 0. */
bool address_parse_host(struct slice text, struct address *address);

#endif
