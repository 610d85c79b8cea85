/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a request of the admin page takes this for. */
#ifndef HARRIER_SERVER_ADMIN_HOST_H
#define HARRIER_SERVER_ADMIN_HOST_H

#include "harrier/base/address.h"

/* May a request with this Host field be answered by a page that listens there? A page of a browser on this machine can have a name of its own point to
 * 127.0.0.1 (DNS rebinding) and then read what it answers, but it cannot choose its Host: that is its name. So on loopback only loopback's
 * addresses and `localhost` are taken, with any port, and no field at all (NULL: HTTP/1.0, which no browser speaks). Where the page is open to others on
 * purpose, whoever can read it may, by any name. */
bool host_is_ours(const char *host, const struct address *listen);

#endif
