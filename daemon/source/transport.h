/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of one connected socket, plain or through TLS. Never blocks. The process must ignore SIGPIPE: OpenSSL writes without
 * MSG_NOSIGNAL. */
#ifndef HARRIER_DAEMON_SOURCE_TRANSPORT_H
#define HARRIER_DAEMON_SOURCE_TRANSPORT_H

#include "proxy_header.h"
#include "harrier/source.h"

#include <stdbool.h>
#include <stddef.h>

struct ssl_st;
struct tls_identity;

struct transport {
    int fd;
    struct source_tls *tls;
    struct ssl_st *ssl;              /* NULL: plain */
    struct tls_identity *identity;   /* after the handshake: whose certificate it is; NULL: none was asked for */
    enum source_tls_failure failure; /* why the handshake was refused */
    bool handshaking;                /* TLS, or a PROXY header is to come: nothing can be received or sent yet */
    bool awaits_proxy_header;        /* in front of all else */
    struct proxy_header proxy_header;
    bool looked;                     /* the first byte is one of TLS */
    bool resumed;                    /* by a session from before */
    bool wants_write; /* the handshake, or receiving, cannot go on before the socket takes bytes; else it waits for some to come */
    bool has_pending; /* there is more at hand that the socket will not be readable for */
};

enum transport_result {
    TRANSPORT_DONE,
    TRANSPORT_AGAIN, /* when the socket is ready for what wants_write says; for a send: when it takes bytes */
    TRANSPORT_END,   /* the peer has closed: nothing more will come */
    TRANSPORT_BROKEN /* the connection is of no use any more; for a handshake: refused */
};

/* Takes over the socket. proxied: its bytes begin with a PROXY header. False: there is no memory for TLS. */
bool transport_open(struct transport *transport, int fd, struct source_tls *tls, bool proxied);
/* Takes the PROXY header; of END and BROKEN there is none, and nobody that an answer is for. DONE: *peer is the client that it names, if it does. */
enum transport_result transport_take_proxy_header(struct transport *transport, struct address *peer);
void transport_close(struct transport *transport);
/* TLS: goes on with the handshake. END: there is nobody, or nobody that an answer is for; BROKEN: the peer has been told by an alert. */
enum transport_result transport_handshake(struct transport *transport);
/* After BROKEN: the socket is plain from now on, to be read until the peer has seen the alert. */
void transport_shun(struct transport *transport);
void transport_log_failure(struct transport *transport, enum source_tls_failure failure, const struct address *peer);
/* Up to size bytes, at least one if DONE. */
enum transport_result transport_receive(struct transport *transport, char *bytes, size_t size, size_t *received);
/* After AGAIN the next call must begin with the same bytes. */
enum transport_result transport_send(struct transport *transport, const char *bytes, size_t length, size_t *sent);
/* Nothing more will be sent; the peer is told. */
void transport_end(struct transport *transport);

#endif
