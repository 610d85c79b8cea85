/* SPDX-License-Identifier: Apache-2.0 */
/* TLS for the files of source/: connections, the identity of who is at the other end, why a handshake failed. */
#ifndef HARRIER_SOURCE_AUTH_TLS_H
#define HARRIER_SOURCE_AUTH_TLS_H

#include "harrier/base/slice.h"
#include "harrier/source.h"
#include "harrier/source_tls.h"

#include <openssl/ssl.h>

/* --- certificates of clients (tls_identity.c) ----------------------------------------------------------------------------------- */

/* The names in a certificate that its issuer has vouched for. */
struct tls_identity;

struct tls_identity *tls_identity_new(const X509 *certificate);
void tls_identity_free(struct tls_identity *identity);
/* The subject's one common name; empty where there is none, or more than one. May hold any bytes. */
struct slice tls_identity_common_name(const struct tls_identity *identity);
/* Whether the name is the common name or one of the alternative names. Never by a wildcard: a client is not a host. DNS names match
 * whatever their case, IP addresses whatever their notation, all else byte by byte. */
bool tls_identity_has(const struct tls_identity *identity, const char *name);
/* For the log: the common name, or else the first alternative name, or "(no name)". */
struct slice tls_identity_display(const struct tls_identity *identity);

/* --- connections (tls.c) ------------------------------------------------------------------------------------------------------------ */

/* A server's end of a new connection over the socket, with the files as they are now. NULL: no memory for it. Any thread. */
SSL *tls_accept_new(struct source_tls *tls, int fd);
/* NULL is nothing. */
void tls_connection_free(SSL *ssl);
/* After the handshake: whether the certificate is still to be admitted. A resumed session is not verified by OpenSSL: its certificate may
 * have expired meanwhile. *identity: who it is, the caller frees it; NULL: no certificates are asked for. */
bool tls_admit(const struct source_tls *tls, SSL *ssl, enum source_tls_failure *failure, struct tls_identity **identity);

/* --- failures (tls_failure.c) -------------------------------------------------------------------------------------------------------- */

/* Why SSL_accept gave up, by what stands in the thread's error queue, which is emptied. */
enum source_tls_failure tls_failure_of(SSL *ssl, int ssl_error);
/* A line in the log, at most one a minute for each reason, with how many were left out. Any thread. */
void tls_log_failure(struct source_tls *tls, enum source_tls_failure failure, const struct address *peer, SSL *ssl);

#endif
