/* SPDX-License-Identifier: Apache-2.0 */
/* Whether somebody may send, and which cluster he speaks for. */
#ifndef HARRIER_SOURCE_AUTH_ACCESS_H
#define HARRIER_SOURCE_AUTH_ACCESS_H

#include "tls.h"
#include "harrier/source_access.h"

/* What a sender has shown; empty slices and NULL: nothing. */
struct access_facts {
    struct slice authorization; /* the header field's value */
    struct slice access_key;    /* X-Amz-Firehose-Access-Key */
    struct slice path_token;    /* in the place of {token} */
    struct slice cluster;       /* that it names itself: in the place of {cluster} */
    const struct tls_identity *certificate;
    clock_nanos now; /* wall clock */
};

struct access_decision {
    unsigned int status;      /* 0: may send; 401: nobody that may; 403: may, but not for this cluster */
    const char *error;        /* constant text, for 401 and 403 */
    struct slice client_name; /* empty: the endpoint has no access list */
    struct slice cluster;     /* empty: nobody has named one. May point into the facts */
    bool vouched;             /* a client's entry or its certificate has the cluster; else the sender alone says so */
};

/* Any thread. Every part of every client is looked at whatever the others gave, secrets by their digests in constant time: how long it
 * takes tells nothing of what was wrong. */
void access_decide(const struct source_endpoint *endpoint, const struct access_facts *facts, struct access_decision *decision);

/* Value of WWW-Authenticate (RFC 9110 section 11.6.1) for the endpoint's 401. */
const char *access_challenge(const struct source_endpoint *endpoint);

#endif
