/* SPDX-License-Identifier: Apache-2.0 */
#include "transport.h"

#include "daemon/source/auth/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

bool transport_open(struct transport *transport, int fd, struct source_tls *tls, bool proxied)
{
    *transport = (struct transport){.fd = fd, .tls = tls, .awaits_proxy_header = proxied, .handshaking = proxied};
    if (!tls)
        return true;
    transport->ssl = tls_accept_new(tls, fd);
    transport->handshaking = true;
    return transport->ssl != NULL;
}

void transport_close(struct transport *transport)
{
    tls_connection_free(transport->ssl);
    tls_identity_free(transport->identity);
    transport->ssl = NULL;
    transport->identity = NULL;
    close(transport->fd);
    transport->fd = -1;
}

void transport_log_failure(struct transport *transport, enum source_tls_failure failure, const struct address *peer)
{
    tls_log_failure(transport->tls, failure, peer, transport->ssl);
}

/* --- the PROXY header -------------------------------------------------------------------------------------------------------------- */

/* Not a byte more than the header: what follows may be for OpenSSL, which reads the socket itself. */
enum transport_result transport_take_proxy_header(struct transport *transport, struct address *peer)
{
    enum proxy_answer answer = PROXY_MORE;
    char bytes[PROXY_HEADER_READ];

    while (answer == PROXY_MORE) {
        ssize_t got = recv(transport->fd, bytes, proxy_header_wanted(&transport->proxy_header), MSG_DONTWAIT);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return TRANSPORT_AGAIN;
        if (got <= 0)
            return TRANSPORT_END;
        answer = proxy_header_take(&transport->proxy_header, slice_make(bytes, (size_t)got), peer);
    }
    if (answer == PROXY_WRONG)
        return TRANSPORT_BROKEN;
    transport->awaits_proxy_header = false;
    transport->handshaking = transport->ssl != NULL;
    return TRANSPORT_DONE;
}

/* --- handshake ------------------------------------------------------------------------------------------------------------------- */

enum { RECORD_HANDSHAKE = 22 };

/* A handshake begins with a record of its type (RFC 8446 section 5.1). What begins otherwise gets no answer, not even an alert. */
static enum transport_result look(struct transport *transport)
{
    unsigned char first;
    ssize_t got = recv(transport->fd, &first, 1, MSG_PEEK | MSG_DONTWAIT);

    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return TRANSPORT_AGAIN;
    transport->failure = got <= 0 ? SOURCE_TLS_CUT : first >= 'A' && first <= 'Z' ? SOURCE_TLS_PLAIN_HTTP : SOURCE_TLS_NOT_TLS;
    transport->looked = got > 0 && first == RECORD_HANDSHAKE;
    return transport->looked ? TRANSPORT_DONE : TRANSPORT_END;
}

static enum transport_result shaken(struct transport *transport)
{
    if (!tls_admit(transport->tls, transport->ssl, &transport->failure, &transport->identity)) {
        SSL_shutdown(transport->ssl);
        ERR_clear_error();
        return TRANSPORT_BROKEN;
    }
    transport->handshaking = false;
    transport->wants_write = false;
    transport->resumed = SSL_session_reused(transport->ssl);
    transport->has_pending = SSL_has_pending(transport->ssl);
    return TRANSPORT_DONE;
}

enum transport_result transport_handshake(struct transport *transport)
{
    if (!transport->looked) {
        enum transport_result result = look(transport);
        if (result != TRANSPORT_DONE)
            return result;
    }
    ERR_clear_error();
    int result = SSL_accept(transport->ssl);
    if (result == 1)
        return shaken(transport);
    int error = SSL_get_error(transport->ssl, result);
    transport->wants_write = error == SSL_ERROR_WANT_WRITE;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return TRANSPORT_AGAIN;
    transport->failure = tls_failure_of(transport->ssl, error);
    return transport->failure == SOURCE_TLS_CUT ? TRANSPORT_END : TRANSPORT_BROKEN;
}

void transport_shun(struct transport *transport)
{
    tls_connection_free(transport->ssl);
    transport->ssl = NULL;
    transport->handshaking = transport->wants_write = transport->has_pending = false;
    shutdown(transport->fd, SHUT_WR);
}

/* --- bytes ------------------------------------------------------------------------------------------------------------------------- */

static enum transport_result receive_plain(struct transport *transport, char *bytes, size_t size, size_t *received)
{
    ssize_t result;

    do {
        result = recv(transport->fd, bytes, size, MSG_DONTWAIT);
    } while (result < 0 && errno == EINTR);
    *received = result > 0 ? (size_t)result : 0;
    if (result > 0)
        return TRANSPORT_DONE;
    if (result == 0 || errno == ECONNRESET || errno == ETIMEDOUT)
        return TRANSPORT_END;
    return errno == EAGAIN || errno == EWOULDBLOCK ? TRANSPORT_AGAIN : TRANSPORT_BROKEN;
}

static enum transport_result receive_failed(struct transport *transport, int result)
{
    int error = SSL_get_error(transport->ssl, result);

    transport->wants_write = error == SSL_ERROR_WANT_WRITE;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return TRANSPORT_AGAIN;
    enum transport_result end = error == SSL_ERROR_SSL ? TRANSPORT_BROKEN : TRANSPORT_END;
    ERR_clear_error();
    return end;
}

/* One record a call is what SSL_read gives, of at most 16 KiB: as many as there are, and as there is room for. What is pending may be a
 * part of a record only, of which no more can be had now: so it is not asked for a second time after that has shown. */
static enum transport_result receive_tls(struct transport *transport, char *bytes, size_t size, size_t *received)
{
    *received = 0;
    transport->wants_write = false;
    ERR_clear_error();
    do {
        size_t got = 0;
        int result = SSL_read_ex(transport->ssl, bytes + *received, size - *received, &got);
        *received += got;
        if (result == 1)
            continue;
        enum transport_result failed = receive_failed(transport, result);
        /* an end shows again at the next call */
        transport->has_pending = *received > 0 && failed != TRANSPORT_AGAIN;
        return *received ? TRANSPORT_DONE : failed;
    } while (*received < size && SSL_has_pending(transport->ssl));
    transport->has_pending = SSL_has_pending(transport->ssl);
    return TRANSPORT_DONE;
}

enum transport_result transport_receive(struct transport *transport, char *bytes, size_t size, size_t *received)
{
    return transport->ssl ? receive_tls(transport, bytes, size, received) : receive_plain(transport, bytes, size, received);
}

static enum transport_result send_plain(struct transport *transport, const char *bytes, size_t length, size_t *sent)
{
    ssize_t result;

    do {
        result = send(transport->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (result < 0 && errno == EINTR);
    *sent = result > 0 ? (size_t)result : 0;
    if (result >= 0)
        return TRANSPORT_DONE;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? TRANSPORT_AGAIN : TRANSPORT_BROKEN;
}

static enum transport_result send_tls(struct transport *transport, const char *bytes, size_t length, size_t *sent)
{
    *sent = 0;
    ERR_clear_error();
    int result = SSL_write_ex(transport->ssl, bytes, length, sent);
    if (result == 1)
        return TRANSPORT_DONE;
    int error = SSL_get_error(transport->ssl, result);
    ERR_clear_error();
    return error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ ? TRANSPORT_AGAIN : TRANSPORT_BROKEN;
}

enum transport_result transport_send(struct transport *transport, const char *bytes, size_t length, size_t *sent)
{
    return transport->ssl ? send_tls(transport, bytes, length, sent) : send_plain(transport, bytes, length, sent);
}

void transport_end(struct transport *transport)
{
    if (transport->ssl && !transport->handshaking) {
        ERR_clear_error();
        /* close_notify, if the socket takes it; the peer's own is not waited for */
        SSL_shutdown(transport->ssl);
        ERR_clear_error();
    }
    shutdown(transport->fd, SHUT_WR);
}
