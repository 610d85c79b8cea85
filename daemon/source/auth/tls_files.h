/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and keys out of files, and the SSL_CTX that is made of them. */
#ifndef HARRIER_SOURCE_AUTH_TLS_FILES_H
#define HARRIER_SOURCE_AUTH_TLS_FILES_H

#include "harrier/source_tls.h"

#include <openssl/ssl.h>

struct tls_files {
    STACK_OF(X509) * chain; /* the server's own first */
    EVP_PKEY *key;
    STACK_OF(X509) * client_ca; /* NULL: none */
};

/* Reads all of them, and sees that they fit. On an error *files is empty and *error (the caller frees it) tells. */
enum result tls_files_read(const struct source_tls_options *options, struct tls_files *files, char **error);
void tls_files_free(struct tls_files *files);
void tls_files_describe(const struct tls_files *files, struct source_tls_facts *facts);
/* A server's context with all that is the same for every connection; NULL and *error if OpenSSL does not take the files. */
SSL_CTX *tls_files_context(const struct tls_files *files, const struct source_tls_options *options, char **error);

#endif
