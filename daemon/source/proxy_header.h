/* SPDX-License-Identifier: Apache-2.0 */
/* The PROXY protocol's header (haproxy.org/download/2.9/doc/proxy-protocol.txt), versions 1 and 2: what a load balancer that passes on a connection puts
 * in front of its bytes to say whose they are. */
#ifndef HARRIER_DAEMON_SOURCE_PROXY_HEADER_H
#define HARRIER_DAEMON_SOURCE_PROXY_HEADER_H

#include "harrier/base/address.h"

enum {
    PROXY_HEADER_LINE = 107, /* version 1, with its CRLF */
    PROXY_HEADER_READ = 512  /* that are asked for at a time */
};

enum proxy_answer { PROXY_MORE, PROXY_WHOLE, PROXY_WRONG };

/* Zero-initialised. Addresses are in the first bytes; what version 2 has behind them (TLVs) is passed over. */
struct proxy_header {
    char bytes[PROXY_HEADER_LINE + 1];
    size_t length; /* taken so far, also of what is passed over */
};

/* How many bytes may be taken without touching what is behind the header: at most PROXY_HEADER_READ, at least 1 while more are needed. */
size_t proxy_header_wanted(const struct proxy_header *header);
/* The next bytes, at most as many as were wanted. WHOLE: *client is changed if the header names one (not for a check of the balancer's own). */
enum proxy_answer proxy_header_take(struct proxy_header *header, struct slice bytes, struct address *client);

#endif
