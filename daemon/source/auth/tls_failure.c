/* SPDX-License-Identifier: Apache-2.0 */
#include "tls_internal.h"

#include "harrier/base/buffer.h"
#include "harrier/base/log.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509_vfy.h>

const char *source_tls_failure_name(enum source_tls_failure failure)
{
    static const char *const names[SOURCE_TLS_FAILURE_COUNT] = {
        [SOURCE_TLS_NOT_TLS] = "not_tls",
        [SOURCE_TLS_PLAIN_HTTP] = "plain_http",
        [SOURCE_TLS_NO_COMMON] = "no_common",
        [SOURCE_TLS_ALPN] = "alpn",
        [SOURCE_TLS_NO_CERTIFICATE] = "no_certificate",
        [SOURCE_TLS_EXPIRED] = "expired",
        [SOURCE_TLS_UNTRUSTED] = "untrusted",
        [SOURCE_TLS_WRONG_NAME] = "wrong_name",
        [SOURCE_TLS_REFUSED_BY_CLIENT] = "refused_by_client",
        [SOURCE_TLS_CUT] = "cut",
        [SOURCE_TLS_TIMEOUT] = "timeout",
        [SOURCE_TLS_OTHER] = "other",
    };
    return names[failure];
}

/* What it is about, and what to do. */
static const char *advice(enum source_tls_failure failure)
{
    switch (failure) {
    case SOURCE_TLS_NOT_TLS: return "what came is no TLS";
    case SOURCE_TLS_PLAIN_HTTP: return "plain HTTP came; the URL must begin with https://";
    case SOURCE_TLS_NO_COMMON: return "no version or cipher in common; TLS 1.2 with ECDHE and AEAD ciphers, or 1.3, is needed";
    case SOURCE_TLS_ALPN: return "the client speaks none of our protocols (ALPN); it must offer http/1.1";
    case SOURCE_TLS_NO_CERTIFICATE: return "the client showed no certificate; give it one that client_ca_file signed";
    case SOURCE_TLS_EXPIRED: return "the client's certificate has expired or is not good yet; renew it, and look at both clocks";
    case SOURCE_TLS_UNTRUSTED: return "the client's certificate is not one that client_ca_file signed for clients";
    case SOURCE_TLS_WRONG_NAME: return "the client's certificate has none of the client_names";
    case SOURCE_TLS_REFUSED_BY_CLIENT: return "the client refused: it may not trust our certificate, or miss its own name for us in it";
    case SOURCE_TLS_CUT: return "the client went away";
    case SOURCE_TLS_TIMEOUT: return "the client was too slow";
    case SOURCE_TLS_OTHER:
    case SOURCE_TLS_FAILURE_COUNT: break;
    }
    return "see the reason";
}

static enum source_tls_failure verify_failure(long verified)
{
    switch (verified) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID: return SOURCE_TLS_EXPIRED;
    case X509_V_ERR_APPLICATION_VERIFICATION: return SOURCE_TLS_WRONG_NAME;
    default: return SOURCE_TLS_UNTRUSTED;
    }
}

static enum source_tls_failure failure_of_reason(int reason, SSL *ssl)
{
    switch (reason) {
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST: return SOURCE_TLS_PLAIN_HTTP;
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_BAD_RECORD_TYPE:
    case SSL_R_UNEXPECTED_MESSAGE:
    case SSL_R_RECORD_LENGTH_MISMATCH:
    case SSL_R_LENGTH_MISMATCH: return SOURCE_TLS_NOT_TLS;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SHARED_GROUPS:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_INAPPROPRIATE_FALLBACK: return SOURCE_TLS_NO_COMMON;
    case SSL_R_NO_APPLICATION_PROTOCOL: return SOURCE_TLS_ALPN;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: return SOURCE_TLS_NO_CERTIFICATE;
    case SSL_R_CERTIFICATE_VERIFY_FAILED: return verify_failure(SSL_get_verify_result(ssl));
    case SSL_R_UNEXPECTED_EOF_WHILE_READING: return SOURCE_TLS_CUT;
    default: return reason >= SSL_AD_REASON_OFFSET ? SOURCE_TLS_REFUSED_BY_CLIENT : SOURCE_TLS_OTHER;
    }
}

enum source_tls_failure tls_failure_of(SSL *ssl, int ssl_error)
{
    unsigned long error = ERR_peek_error();
    enum source_tls_failure failure = SOURCE_TLS_CUT;

    if (error && ERR_GET_LIB(error) == ERR_LIB_SSL)
        failure = failure_of_reason(ERR_GET_REASON(error), ssl);
    else if (error && ssl_error == SSL_ERROR_SSL)
        failure = SOURCE_TLS_OTHER;
    ERR_clear_error();
    return failure;
}

/* Whose certificate was refused, and who issued it. */
static void append_refused_certificate(struct buffer *text, const SSL *ssl)
{
    enum { MOST = 256 };
    const X509 *certificate = ssl ? SSL_get_app_data(ssl) : NULL;
    char names[2][MOST];

    if (!certificate)
        return;
    X509_NAME_oneline(X509_get_subject_name(certificate), names[0], MOST);
    X509_NAME_oneline(X509_get_issuer_name(certificate), names[1], MOST);
    buffer_printf(text, " with the certificate of %s, issued by %s,", names[0], names[1]);
}

void tls_log_failure(struct source_tls *tls, enum source_tls_failure failure, const struct address *peer, SSL *ssl)
{
    char who[ADDRESS_TEXT_SIZE];
    uint64_t left_out;

    /* health checks do so all day */
    if (failure == SOURCE_TLS_CUT || !log_limit_due(&tls->logged[failure], &left_out))
        return;
    const char *name = tls->options.name;
    bool certificate = failure == SOURCE_TLS_EXPIRED || failure == SOURCE_TLS_UNTRUSTED;
    const char *reason = certificate && ssl && SSL_get_verify_result(ssl) != X509_V_OK
                             ? X509_verify_cert_error_string(SSL_get_verify_result(ssl))
                             : source_tls_failure_name(failure);
    struct buffer refused = {NULL, 0, 0};
    append_refused_certificate(&refused, ssl);
    log_write_fields(LOG_LEVEL_WARNING,
                     LOG_FIELDS({LOG_FIELD_SOURCE, slice_of(name)}, {LOG_FIELD_PEER, slice_of(address_format(peer, who))}),
                     "source `%s`: TLS with %s%s failed (%s): %s; %llu more like it since the line before", name, who,
                     refused.bytes ? refused.bytes : "", reason, advice(failure), (unsigned long long)left_out);
    buffer_free(&refused);
}
