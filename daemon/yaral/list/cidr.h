/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses and ranges of them (RFC 4632, RFC 4291), as text. */
#ifndef HARRIER_YARAL_LIST_CIDR_H
#define HARRIER_YARAL_LIST_CIDR_H

#include "harrier/base/slice.h"

enum { CIDR_V4_BYTES = 4, CIDR_V6_BYTES = 16 };

/* An address; ::ffff:1.2.3.4 (RFC 4291, 2.5.5.2) is both, since the same host is meant. */
struct cidr_address {
    bool is_v4;
    bool is_v6;
    uint8_t v4[CIDR_V4_BYTES];
    uint8_t v6[CIDR_V6_BYTES];
};

/* A range from the first to the last address in it, in the first `length` bytes. */
struct cidr_range {
    size_t length; /* CIDR_V4_BYTES or CIDR_V6_BYTES */
    uint8_t first[CIDR_V6_BYTES];
    uint8_t last[CIDR_V6_BYTES];
};

/* False when the text is no address. */
bool cidr_address_parse(struct slice text, struct cidr_address *address);
/* "192.0.2.0/24"; bits of the host are masked. NULL when it is good, else what is wrong with it. */
const char *cidr_range_parse(struct slice text, struct cidr_range *range);
bool cidr_range_has(const struct cidr_range *range, const struct cidr_address *address);

#endif
