/* SPDX-License-Identifier: Apache-2.0 */
/* Who may send to a listener. Secrets stand in files, of which the first line counts, and are read again when they change. */
#ifndef HARRIER_SOURCE_ACCESS_H
#define HARRIER_SOURCE_ACCESS_H

#include "harrier/source_tls.h"

struct source_access;

/* Somebody who may send. All that is given here must be shown. NULL and "" are the same: not asked for. Strings are copied. */
struct source_client {
    const char *name;
    const char *cluster;          /* that it speaks for, and for no other; not given: not bound to one */
    const char *certificate_name; /* common or alternative name in its certificate */
    const char *token_file;       /* Authorization: Bearer (RFC 6750 section 2.1) */
    const char *user;             /* Authorization: Basic (RFC 7617), with password_file */
    const char *password_file;
    const char *access_key_file; /* X-Amz-Firehose-Access-Key */
    const char *path_token_file; /* in place of {token} in the path */
    const char *jwks_file;       /* a bearer JWT (RFC 7519), signed RS256 or ES256 by a key of this set (RFC 7517) */
    const char *audience;        /* the JWT's aud; given whenever jwks_file is */
    const char *issuer;          /* the JWT's iss; not given: Google's. One of issuer and email is given whenever jwks_file is */
    const char *email;           /* the JWT's email, which must be verified */
};

/* source_name: for the log. On an error *access is NULL and *error (the caller frees it; NULL: not wanted) says which file is wrong, how,
 * and what to do. */
enum result source_access_new(const char *source_name, const struct source_client *clients, size_t client_count,
                              struct source_access **access, char **error);
/* No connection may use it any more. */
void source_access_free(struct source_access *access);

/* Reads again what has changed. A file that is bad or gone keeps the secret from before in use, as source_tls.h has it. Any thread. */
enum source_refresh source_access_refresh(struct source_access *access);

#endif
