/* SPDX-License-Identifier: Apache-2.0 */
/* TLS (RFC 8446, RFC 5246) of a listener: its certificate, whose certificates it believes, and when to read them again. TLS 1.2 with
 * forward secrecy and authenticated encryption, and TLS 1.3; no renegotiation, no compression. */
#ifndef HARRIER_SOURCE_TLS_H
#define HARRIER_SOURCE_TLS_H

#include "harrier/base/clock.h"
#include "harrier/base/result.h"

#include <stdbool.h>
#include <stddef.h>

struct source_tls;

enum source_tls_version { SOURCE_TLS_1_2, SOURCE_TLS_1_3 };

/* Strings are copied where they are kept. NULL and "" are the same: not given. */
struct source_tls_options {
    const char *name;             /* of the source, for the log */
    const char *certificate_file; /* chain, PEM, the server's own first */
    const char *key_file;         /* PEM, without a passphrase */
    const char *client_ca_file; /* PEM; given: every client must show a certificate that one of these signed, directly or through others */
    bool certificate_optional;  /* a client may show none: whoever lets its requests in must know it by something else. A wrong one is refused all the same */
    const char *const *client_names; /* subject's common name, or alternative name (DNS, URI, e-mail, IP), one of which it must have */
    size_t client_name_count;        /* 0: any certificate that client_ca_file signed */
    enum source_tls_version minimum_version;
    const char
        *alpn; /* the one protocol that is spoken, such as "http/1.1": a client that offers only others is refused (RFC 7301 section 3.2),
                       * one that offers none is served. Not given: what clients offer does not matter */
};

/* On an error *tls is NULL and *error (the caller frees it; NULL: not wanted) says which file is wrong, how, and what to do. */
enum result source_tls_new(const struct source_tls_options *options, struct source_tls **tls, char **error);
/* No connection may use it any more. */
void source_tls_free(struct source_tls *tls);

enum source_refresh {
    SOURCE_REFRESH_SAME,  /* the files are as they were */
    SOURCE_REFRESH_TAKEN, /* changed, and good: new connections use them; open ones keep what they have */
    SOURCE_REFRESH_REFUSED /* changed, and bad: what was there before stays in use. Logged once, at the second look, as the files may be in
                              the midst of being replaced */
};

/* Reads the files again if one of them has changed (a stat of each if not). Any thread. */
enum source_refresh source_tls_refresh(struct source_tls *tls);

/* Seconds since 1970 in nanoseconds, as all times. */
struct source_tls_facts {
    clock_nanos begins;     /* the time from which the certificate of the chain that begins last is good */
    clock_nanos expires;    /* the time at which the one that expires first is no longer */
    clock_nanos ca_expires; /* the last of client_ca_file to expire; 0 without one */
    bool names_host; /* the server's own has a DNS or IP alternative name: clients of today look at no other (RFC 9110 section 4.3.4) */
};

/* Of the certificate in use. Any thread. */
void source_tls_describe(struct source_tls *tls, struct source_tls_facts *facts);

/* For checks of a configuration: the same errors as source_tls_new, and the facts of what was read. A certificate that has expired or is
 * not good yet is no error here: see the facts. */
enum result source_tls_check(const struct source_tls_options *options, struct source_tls_facts *facts, char **error);

#endif
