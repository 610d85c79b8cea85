/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses and ranges of them (RFC 4632, RFC 4291), as text. */
#ifndef HARRIER_YARAL_ADDRESS_H
#define HARRIER_YARAL_ADDRESS_H

#include "harrier/slice.h"

enum { ADDRESS_V4_BYTES = 4, ADDRESS_V6_BYTES = 16 };

/* An address; ::ffff:1.2.3.4 (RFC 4291, 2.5.5.2) is both, since the same host is meant. */
struct address {
    bool is_v4;
    bool is_v6;
    uint8_t v4[ADDRESS_V4_BYTES];
    uint8_t v6[ADDRESS_V6_BYTES];
};

/* A range from the first to the last address in it, in the first `length` bytes. */
struct address_range {
    size_t length; /* ADDRESS_V4_BYTES or ADDRESS_V6_BYTES */
    uint8_t first[ADDRESS_V6_BYTES];
    uint8_t last[ADDRESS_V6_BYTES];
};

/* False when the text is no address. */
bool address_parse(struct slice text, struct address *address);
/* "192.0.2.0/24"; bits of the host are masked. NULL when it is good, else what is wrong with it. */
const char *address_range_parse(struct slice text, struct address_range *range);
bool address_range_has(const struct address_range *range, const struct address *address);

#endif
