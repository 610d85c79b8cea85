/* SPDX-License-Identifier: Apache-2.0 */
#include "tls_files.h"

#include "stamped_file.h"
#include "harrier/base/memory.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

enum { FILE_BYTES = 4 * 1024 * 1024, SECURITY_LEVEL = 2, SESSION_SECONDS = 3600 };

static bool is_given(const char *text)
{
    return text && text[0];
}

/* What OpenSSL says last, in its own words. */
static const char *openssl_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    return reason ? reason : "no reason given";
}

/* --- reading ----------------------------------------------------------------------------------------------------------------------- */

static enum result read_pem(const char *what, const char *path, struct buffer *bytes, char **error)
{
    enum result result = stamped_file_read(path, FILE_BYTES, bytes);

    if (result == RESULT_NOT_FOUND)
        *error = xasprintf("%s: there is no such file; it should be the %s (PEM)", path, what);
    else if (result != RESULT_OK)
        *error = xasprintf("%s: the %s cannot be read: %s; let harrierd's user read it", path, what, result_text(result));
    return result;
}

/* Every certificate in the file. RESULT_INVALID: none, or one that is damaged. */
static enum result read_certificates(const char *what, const char *path, STACK_OF(X509) * *certificates, char **error)
{
    struct buffer bytes = {0};
    enum result result = read_pem(what, path, &bytes, error);

    if (result != RESULT_OK) {
        stamped_file_wipe(&bytes);
        return result;
    }
    BIO *bio = BIO_new_mem_buf(bytes.bytes, (int)bytes.length);
    X509 *certificate;
    *certificates = sk_X509_new_null();
    while ((certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
        sk_X509_push(*certificates, certificate);
    bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (sk_X509_num(*certificates) == 0)
        *error = xasprintf("%s: there is no certificate in it; it should be the %s as PEM, beginning with -----BEGIN CERTIFICATE-----",
                           path, what);
    else if (!ended)
        *error = xasprintf("%s: certificate %d of the %s is damaged (%s); copy the file again", path, sk_X509_num(*certificates) + 1, what,
                           openssl_reason());
    ERR_clear_error();
    BIO_free(bio);
    stamped_file_wipe(&bytes);
    return *error ? RESULT_INVALID : RESULT_OK;
}

/* There is nobody to ask. */
static int no_passphrase(char *out, int size, int writing, void *data)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)data;
    return -1;
}

static enum result read_key(const char *path, EVP_PKEY **key, char **error)
{
    struct buffer bytes = {0};
    enum result result = read_pem("private key", path, &bytes, error);

    if (result == RESULT_OK) {
        BIO *bio = BIO_new_mem_buf(bytes.bytes, (int)bytes.length);
        *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
        BIO_free(bio);
        if (!*key) {
            bool encrypted = slice_find(buffer_slice(&bytes), SLICE("ENCRYPTED")) >= 0;
            *error =
                encrypted
                    ? xasprintf(
                          "%s: the key is locked by a passphrase, and there is nobody to ask; unlock it: openssl pkey -in OLD -out NEW",
                          path)
                    : xasprintf("%s: there is no private key in it that could be read (%s); it should be PEM, beginning with -----BEGIN",
                                path, openssl_reason());
            result = RESULT_INVALID;
        }
        ERR_clear_error();
    }
    stamped_file_wipe(&bytes);
    return result;
}

static enum result check_fit(const struct source_tls_options *options, const struct tls_files *files, char **error)
{
    X509 *own = sk_X509_value(files->chain, 0);

    if (X509_check_private_key(own, files->key) == 1)
        return RESULT_OK;
    ERR_clear_error();
    for (int i = 1; i < sk_X509_num(files->chain); i++) {
        if (X509_check_private_key(sk_X509_value(files->chain, i), files->key) == 1) {
            *error = xasprintf("%s: the key in %s belongs to certificate %d of the file; the server's own must be the first",
                               options->certificate_file, options->key_file, i + 1);
            ERR_clear_error();
            return RESULT_INVALID;
        }
    }
    ERR_clear_error();
    *error = xasprintf("%s: the key does not fit the certificate in %s; give the two that were made together", options->key_file,
                       options->certificate_file);
    return RESULT_INVALID;
}

enum result tls_files_read(const struct source_tls_options *options, struct tls_files *files, char **error)
{
    *files = (struct tls_files){0};
    *error = NULL;
    enum result result = read_certificates("server's certificate chain", options->certificate_file, &files->chain, error);
    if (result == RESULT_OK)
        result = read_key(options->key_file, &files->key, error);
    if (result == RESULT_OK)
        result = check_fit(options, files, error);
    if (result == RESULT_OK && is_given(options->client_ca_file))
        result = read_certificates("client CA", options->client_ca_file, &files->client_ca, error);
    if (result != RESULT_OK)
        tls_files_free(files);
    return result;
}

void tls_files_free(struct tls_files *files)
{
    sk_X509_pop_free(files->chain, X509_free);
    sk_X509_pop_free(files->client_ca, X509_free);
    EVP_PKEY_free(files->key);
    *files = (struct tls_files){0};
}

/* --- facts --------------------------------------------------------------------------------------------------------------------------- */

static clock_nanos time_of(const ASN1_TIME *time)
{
    struct tm utc;

    if (ASN1_TIME_to_tm(time, &utc) != 1)
        return 0;
    /* "99991231235959Z", which RFC 5280 section 4.1.2.5 has for no end at all, is beyond what a clock_nanos holds */
    return clock_of_seconds(timegm(&utc));
}

static bool names_host(const X509 *certificate)
{
    GENERAL_NAMES *alternatives = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    bool found = false;

    for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); i++) {
        int type = sk_GENERAL_NAME_value(alternatives, i)->type;
        found |= type == GEN_DNS || type == GEN_IPADD;
    }
    GENERAL_NAMES_free(alternatives);
    return found;
}

void tls_files_describe(const struct tls_files *files, struct source_tls_facts *facts)
{
    *facts = (struct source_tls_facts){.begins = INT64_MIN, .expires = INT64_MAX, .names_host = names_host(sk_X509_value(files->chain, 0))};
    for (int i = 0; i < sk_X509_num(files->chain); i++) {
        clock_nanos begins = time_of(X509_get0_notBefore(sk_X509_value(files->chain, i)));
        clock_nanos expires = time_of(X509_get0_notAfter(sk_X509_value(files->chain, i)));
        facts->begins = begins > facts->begins ? begins : facts->begins;
        facts->expires = expires < facts->expires ? expires : facts->expires;
    }
    for (int i = 0; i < sk_X509_num(files->client_ca); i++) {
        clock_nanos expires = time_of(X509_get0_notAfter(sk_X509_value(files->client_ca, i)));
        facts->ca_expires = expires > facts->ca_expires ? expires : facts->ca_expires;
    }
}

/* --- the context ------------------------------------------------------------------------------------------------------------------------ */

static bool use_certificate(SSL_CTX *context, const struct tls_files *files)
{
    if (SSL_CTX_use_certificate(context, sk_X509_value(files->chain, 0)) != 1)
        return false;
    for (int i = 1; i < sk_X509_num(files->chain); i++)
        if (SSL_CTX_add1_chain_cert(context, sk_X509_value(files->chain, i)) != 1)
            return false;
    return SSL_CTX_use_PrivateKey(context, files->key) == 1;
}

/* What stands in the file is trusted as it is, an intermediate too: its owner may not want all that the root above it signs. */
static bool use_client_ca(SSL_CTX *context, STACK_OF(X509) * client_ca, bool optional)
{
    X509_STORE *store = SSL_CTX_get_cert_store(context);

    for (int i = 0; i < sk_X509_num(client_ca); i++) {
        X509 *certificate = sk_X509_value(client_ca, i);
        if (X509_STORE_add_cert(store, certificate) != 1 || SSL_CTX_add_client_CA(context, certificate) != 1)
            return false;
    }
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    SSL_CTX_set_verify(context, optional ? SSL_VERIFY_PEER : SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return true;
}

/* Sessions are resumed by tickets, whose keys are the context's own: one that was made under other files is not resumed, and clients of
 * one source are not those of another. */
static bool set_sessions(SSL_CTX *context, const char *name)
{
    unsigned char id[EVP_MAX_MD_SIZE];
    unsigned int length;

    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(context, SESSION_SECONDS);
    return EVP_Digest(name, strlen(name), id, &length, EVP_sha256(), NULL) == 1 && SSL_CTX_set_session_id_context(context, id, length) == 1;
}

static bool set_up(SSL_CTX *context, const struct tls_files *files, const struct source_tls_options *options)
{
    SSL_CTX_set_min_proto_version(context, options->minimum_version == SOURCE_TLS_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
    if (SSL_CTX_get_security_level(context) < SECURITY_LEVEL)
        SSL_CTX_set_security_level(context, SECURITY_LEVEL);
    return SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 && set_sessions(context, options->name) &&
           use_certificate(context, files) && (!files->client_ca || use_client_ca(context, files->client_ca, options->certificate_optional));
}

SSL_CTX *tls_files_context(const struct tls_files *files, const struct source_tls_options *options, char **error)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    if (!context || !set_up(context, files, options)) {
        *error = xasprintf(
            "%s: OpenSSL does not take the certificate: %s; RSA keys of 2048 bits or more and signatures by SHA-256 or better are needed",
            options->certificate_file, openssl_reason());
        SSL_CTX_free(context);
        context = NULL;
    }
    ERR_clear_error();
    return context;
}
