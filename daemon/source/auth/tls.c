/* SPDX-License-Identifier: Apache-2.0 */
#include "tls.h"

#include "stamped_file.h"
#include "tls_files.h"
#include "tls_internal.h"
#include "harrier/base/log.h"
#include "harrier/base/memory.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

/* --- options ----------------------------------------------------------------------------------------------------------------------- */

static char *copy(const char *text)
{
    return text && text[0] ? xstrdup(text) : NULL;
}

static void copy_options(struct source_tls *tls, const struct source_tls_options *options)
{
    tls->options = (struct source_tls_options){
        .name = xstrdup(options->name ? options->name : ""),
        .certificate_file = xstrdup(options->certificate_file),
        .key_file = xstrdup(options->key_file),
        .client_ca_file = copy(options->client_ca_file),
        .certificate_optional = options->certificate_optional,
        .client_name_count = options->client_name_count,
        .minimum_version = options->minimum_version,
        .alpn = copy(options->alpn),
    };
    const char **names = xcalloc(options->client_name_count + 1, sizeof *names);
    for (size_t i = 0; i < options->client_name_count; i++)
        names[i] = xstrdup(options->client_names[i]);
    tls->options.client_names = names;
}

static void free_options(struct source_tls_options *options)
{
    for (size_t i = 0; i < options->client_name_count; i++)
        free((char *)options->client_names[i]);
    free((void *)options->client_names);
    free((char *)options->name);
    free((char *)options->certificate_file);
    free((char *)options->key_file);
    free((char *)options->client_ca_file);
    free((char *)options->alpn);
}

/* --- who is let in ------------------------------------------------------------------------------------------------------------------- */

static bool has_a_name(const struct source_tls *tls, const struct tls_identity *identity)
{
    for (size_t i = 0; i < tls->options.client_name_count; i++)
        if (tls_identity_has(identity, tls->options.client_names[i]))
            return true;
    return tls->options.client_name_count == 0;
}

/* OpenSSL forgets the certificate that it refuses, and the log is to name it. */
static void keep_refused_certificate(X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    X509 *certificate = X509_STORE_CTX_get0_cert(store);

    if (!ssl || !certificate || SSL_get_app_data(ssl) || X509_up_ref(certificate) != 1)
        return;
    SSL_set_app_data(ssl, certificate);
}

/* Inside the handshake, so that a client with the wrong name is told so by an alert. */
static int verify_cb(X509_STORE_CTX *store, void *data)
{
    const struct source_tls *tls = data;
    int verified = X509_verify_cert(store);

    if (verified == 1) {
        struct tls_identity *identity = tls_identity_new(X509_STORE_CTX_get0_cert(store));
        verified = has_a_name(tls, identity);
        tls_identity_free(identity);
        if (!verified)
            X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    }
    if (verified != 1)
        keep_refused_certificate(store);
    return verified;
}

bool tls_admit(const struct source_tls *tls, SSL *ssl, enum source_tls_failure *failure, struct tls_identity **identity)
{
    X509 *certificate = SSL_get0_peer_certificate(ssl);

    *identity = NULL;
    if (!tls->options.client_ca_file)
        return true;
    *failure = SOURCE_TLS_NO_CERTIFICATE;
    if (!certificate)
        return tls->options.certificate_optional;
    *failure = SOURCE_TLS_EXPIRED;
    if (SSL_session_reused(ssl) && X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0)
        return false;
    *identity = tls_identity_new(certificate);
    *failure = SOURCE_TLS_WRONG_NAME;
    return has_a_name(tls, *identity);
}

/* The offer is a list of names, each after its length (RFC 7301 section 3.1). */
static int alpn_cb(SSL *ssl, const unsigned char **out, unsigned char *out_length, const unsigned char *offer, unsigned int offer_length,
                   void *data)
{
    const struct source_tls *tls = data;
    struct slice spoken = slice_of(tls->options.alpn);

    (void)ssl;
    for (unsigned int i = 0; i < offer_length && offer[i] < offer_length - i; i += offer[i] + 1u) {
        if (!slice_equal(slice_make((const char *)offer + i + 1, offer[i]), spoken))
            continue;
        *out = offer + i + 1;
        *out_length = offer[i];
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* --- the files ------------------------------------------------------------------------------------------------------------------------ */

static void take_stamps(const struct source_tls *tls, struct file_stamp stamps[TLS_FILES])
{
    stamps[0] = file_stamp_take(tls->options.certificate_file);
    stamps[1] = file_stamp_take(tls->options.key_file);
    stamps[2] = tls->options.client_ca_file ? file_stamp_take(tls->options.client_ca_file) : (struct file_stamp){0};
}

static bool same_stamps(const struct file_stamp a[TLS_FILES], const struct file_stamp b[TLS_FILES])
{
    for (size_t i = 0; i < TLS_FILES; i++)
        if (!file_stamp_equal(&a[i], &b[i]))
            return false;
    return true;
}

static enum result read_files(struct source_tls *tls, SSL_CTX **context, struct source_tls_facts *facts, char **error)
{
    struct tls_files files;
    enum result result = tls_files_read(&tls->options, &files, error);

    *context = NULL;
    if (result != RESULT_OK)
        return result;
    tls_files_describe(&files, facts);
    *context = tls_files_context(&files, &tls->options, error);
    tls_files_free(&files);
    if (!*context)
        return RESULT_INVALID;
    if (tls->options.client_ca_file)
        SSL_CTX_set_cert_verify_callback(*context, verify_cb, tls);
    if (tls->options.alpn)
        SSL_CTX_set_alpn_select_cb(*context, alpn_cb, tls);
    return RESULT_OK;
}

static struct source_tls *new_tls(const struct source_tls_options *options)
{
    struct source_tls *tls = xcalloc(1, sizeof *tls);

    pthread_mutex_init(&tls->mutex, NULL);
    pthread_mutex_init(&tls->refreshing, NULL);
    copy_options(tls, options);
    return tls;
}

static enum result first_read(struct source_tls *tls, char **error)
{
    char *reason = NULL;

    take_stamps(tls, tls->stamps);
    enum result result = read_files(tls, &tls->context, &tls->facts, &reason);
    if (error)
        *error = reason;
    else
        free(reason);
    return result;
}

enum result source_tls_new(const struct source_tls_options *options, struct source_tls **tls, char **error)
{
    struct source_tls *made = new_tls(options);
    enum result result = first_read(made, error);

    *tls = result == RESULT_OK ? made : NULL;
    if (result != RESULT_OK)
        source_tls_free(made);
    return result;
}

void source_tls_free(struct source_tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    free_options(&tls->options);
    pthread_mutex_destroy(&tls->mutex);
    pthread_mutex_destroy(&tls->refreshing);
    free(tls);
}

/* A certificate and its key are two files: between the writing of the one and of the other they do not fit. So the first look at bad
 * files is silent. */
static enum source_refresh keep_old(struct source_tls *tls, const struct file_stamp stamps[TLS_FILES], char *error)
{
    bool seen = tls->bad_looks && same_stamps(stamps, tls->bad_stamps);

    tls->bad_looks = seen ? tls->bad_looks + 1 : 1;
    memcpy(tls->bad_stamps, stamps, sizeof tls->bad_stamps);
    if (tls->bad_looks == 2)
        log_about(LOG_LEVEL_ERROR, LOG_FIELD_SOURCE, tls->options.name,
                  "source `%s`: the new TLS files are not used, the old ones stay: %s", tls->options.name, error);
    free(error);
    return SOURCE_REFRESH_REFUSED;
}

static void exchange(struct source_tls *tls, SSL_CTX *context, const struct source_tls_facts *facts)
{
    pthread_mutex_lock(&tls->mutex);
    SSL_CTX *old = tls->context;
    tls->context = context;
    tls->facts = *facts;
    pthread_mutex_unlock(&tls->mutex);
    SSL_CTX_free(old);
}

static enum source_refresh refresh(struct source_tls *tls)
{
    struct file_stamp stamps[TLS_FILES];
    struct source_tls_facts facts;
    SSL_CTX *context;
    char *error = NULL;

    take_stamps(tls, stamps);
    if (same_stamps(stamps, tls->stamps)) {
        tls->bad_looks = 0;
        return SOURCE_REFRESH_SAME;
    }
    if (tls->bad_looks >= 2 && same_stamps(stamps, tls->bad_stamps))
        return SOURCE_REFRESH_REFUSED;
    enum result result = read_files(tls, &context, &facts, &error);
    if (result == RESULT_BUSY) { /* out of descriptors: the files were not seen, and are looked at again */
        free(error);
        return SOURCE_REFRESH_REFUSED;
    }
    if (result != RESULT_OK)
        return keep_old(tls, stamps, error);
    exchange(tls, context, &facts);
    tls->bad_looks = 0;
    memcpy(tls->stamps, stamps, sizeof stamps);
    char text[CLOCK_TEXT_SIZE];
    log_about(LOG_LEVEL_NOTICE, LOG_FIELD_SOURCE, tls->options.name, "source `%s`: new TLS files are in use; the certificate expires %s",
              tls->options.name, clock_format_rfc3339(facts.expires, text));
    return SOURCE_REFRESH_TAKEN;
}

enum source_refresh source_tls_refresh(struct source_tls *tls)
{
    pthread_mutex_lock(&tls->refreshing);
    enum source_refresh result = refresh(tls);
    pthread_mutex_unlock(&tls->refreshing);
    return result;
}

void source_tls_describe(struct source_tls *tls, struct source_tls_facts *facts)
{
    pthread_mutex_lock(&tls->mutex);
    *facts = tls->facts;
    pthread_mutex_unlock(&tls->mutex);
}

enum result source_tls_check(const struct source_tls_options *options, struct source_tls_facts *facts, char **error)
{
    struct source_tls *tls = new_tls(options);
    enum result result = first_read(tls, error);

    *facts = tls->facts;
    source_tls_free(tls);
    return result;
}

/* --- connections -------------------------------------------------------------------------------------------------------------------- */

/* SSL_new counts a reference to the context: a connection keeps the files that it began with. */
SSL *tls_accept_new(struct source_tls *tls, int fd)
{
    pthread_mutex_lock(&tls->mutex);
    SSL *ssl = SSL_new(tls->context);
    pthread_mutex_unlock(&tls->mutex);
    if (ssl && SSL_set_fd(ssl, fd) == 1) {
        SSL_set_accept_state(ssl);
        return ssl;
    }
    tls_connection_free(ssl);
    ERR_clear_error();
    return NULL;
}

void tls_connection_free(SSL *ssl)
{
    if (!ssl)
        return;
    X509_free(SSL_get_app_data(ssl));
    SSL_free(ssl);
}
