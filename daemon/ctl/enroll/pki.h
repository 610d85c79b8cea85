/* SPDX-License-Identifier: Apache-2.0 */
/* A small certificate authority (RFC 5280) for connecting clusters: EC P-256, SHA-256, PEM. */
#ifndef HARRIER_CTL_ENROLL_PKI_H
#define HARRIER_CTL_ENROLL_PKI_H

#include "harrier/base/buffer.h"
#include "harrier/base/result.h"

#include <openssl/types.h>

struct pki_pair {
    X509 *certificate;
    EVP_PKEY *key;
};

/* Certificates are good from an hour before they are made, so that a clock that is a little behind takes them. */
struct pki_wish {
    const char *common_name;
    const char *const *names; /* DNS names and IP addresses of a server */
    size_t name_count;
    bool is_server; /* else: a client */
    long days;
};

/* A CA that signs servers and clients and no other CA. Aborts when OpenSSL has no memory or no randomness; so do the others. */
void pki_make_ca(const char *common_name, long days, struct pki_pair *ca);
/* False where a name of the wish is neither a DNS name nor an address, or the common name is too long (64 bytes, RFC 5280). */
bool pki_issue(const struct pki_pair *ca, const struct pki_wish *wish, struct pki_pair *made);
void pki_pair_free(struct pki_pair *pair);

/* PEM of the certificate, and of the key (PKCS #8, not encrypted). */
void pki_write_certificate(const struct pki_pair *pair, struct buffer *out);
void pki_write_key(const struct pki_pair *pair, struct buffer *out);
/* From PEM; key may be empty: then there is none. False: it is no PEM of that, or the key is another one's. */
bool pki_read(struct slice certificate, struct slice key, struct pki_pair *pair);

bool pki_is_ca(const struct pki_pair *pair);
/* The CA made its signature, and neither has expired. */
bool pki_is_signed_by(const struct pki_pair *pair, const struct pki_pair *ca);
/* A client that connects to host (a DNS name or an address) takes it for the right one. */
bool pki_names_host(const struct pki_pair *pair, const char *host);

/* Does it expire in so many days, or has it? */
bool pki_ends_within(const struct pki_pair *pair, long days);
/* The DNS name or address at index among its alternative names, the caller frees it; NULL behind the last. Others, such as URIs, are empty. */
char *pki_name_at(const struct pki_pair *pair, int index);

/* 32 random bytes in base64url (43 characters). */
void pki_make_token(struct buffer *out);

#endif
