/* SPDX-License-Identifier: Apache-2.0 */
/* A receiver of POSTs on loopback that answers as it is told: the other end of a delivery. Runs on the test's own event_base. */
#ifndef HARRIER_TESTS_DELIVER_RECEIVER_H
#define HARRIER_TESTS_DELIVER_RECEIVER_H

#include "harrier/base/buffer.h"
#include "harrier/base/memory.h"
#include "harrier/base/vector.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

/* RAW: headers is the whole answer, byte for byte; RAW_CLOSE: then the connection ends. */
enum answer_kind { ANSWER, HANG, CLOSE, RAW, RAW_CLOSE };

struct answer {
    enum answer_kind kind;
    int status;
    const char *headers; /* each with its CRLF */
    const char *body;
};

struct request {
    char *head; /* request line and headers */
    char *body;
};

struct receiver {
    struct evconnlistener *listener;
    struct event_base *base;
    int port;
    const struct answer *script; /* answers in turn; the last one stays */
    size_t script_count;
    /* Overrides the script if it is set. */
    struct answer (*decide)(const struct request *request, void *context);
    void *context;
    size_t hasty; /* so many requests are answered 200 as soon as their heads are there, and the connection ends */
    VECTOR(struct request) requests;
    size_t connections;
    VECTOR(struct bufferevent *) open;
};

static inline void receiver_forget(struct receiver *receiver, struct bufferevent *connection)
{
    for (size_t i = 0; i < receiver->open.count; i++) {
        if (receiver->open.items[i] == connection)
            receiver->open.items[i] = receiver->open.items[--receiver->open.count];
    }
    bufferevent_free(connection);
}

static inline struct answer receiver_answer(struct receiver *receiver, const struct request *request)
{
    if (receiver->decide != NULL)
        return receiver->decide(request, receiver->context);
    size_t turn = receiver->requests.count - 1;
    if (receiver->script_count == 0)
        return (struct answer){ANSWER, 200, NULL, "ok"};
    return receiver->script[turn < receiver->script_count ? turn : receiver->script_count - 1];
}

static inline void receiver_event(struct bufferevent *connection, short what, void *context)
{
    (void)what;
    receiver_forget(context, connection);
}

static inline void receiver_written(struct bufferevent *connection, void *context)
{
    receiver_forget(context, connection);
}

static inline void receiver_read(struct bufferevent *connection, void *context)
{
    struct receiver *receiver = context;
    struct evbuffer *input = bufferevent_get_input(connection);
    for (;;) {
        struct evbuffer_ptr end = evbuffer_search(input, "\r\n\r\n", 4, NULL);
        if (end.pos < 0)
            return;
        size_t head_length = (size_t)end.pos + 4;
        if (receiver->hasty > 0) {
            static const char hasty[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            receiver->hasty--;
            send(bufferevent_getfd(connection), hasty, sizeof hasty - 1, MSG_NOSIGNAL);
            receiver_forget(receiver, connection); /* with what came unread: a reset */
            return;
        }
        char *head = xcalloc(1, head_length + 1);
        evbuffer_copyout(input, head, head_length);
        const char *field = strcasestr(head, "\r\nContent-Length:");
        size_t length = field ? strtoul(field + 17, NULL, 10) : 0;
        if (evbuffer_get_length(input) < head_length + length) {
            free(head);
            return;
        }
        evbuffer_drain(input, head_length);
        char *body = xcalloc(1, length + 1);
        evbuffer_remove(input, body, length);
        struct request request = {head, body};
        VECTOR_PUSH(&receiver->requests, request);
        struct answer answer = receiver_answer(receiver, &request);
        if (answer.kind == CLOSE) {
            receiver_forget(receiver, connection);
            return;
        }
        if (answer.kind == RAW || answer.kind == RAW_CLOSE)
            evbuffer_add_printf(bufferevent_get_output(connection), "%s", answer.headers);
        if (answer.kind == RAW_CLOSE) {
            bufferevent_setcb(connection, NULL, receiver_written, receiver_event, receiver);
            return;
        }
        if (answer.kind == ANSWER)
            evbuffer_add_printf(bufferevent_get_output(connection), "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s\r\n%s", answer.status,
                                strlen(answer.body ? answer.body : ""), answer.headers ? answer.headers : "",
                                answer.body ? answer.body : "");
    }
}

static inline void receiver_accept(struct evconnlistener *listener, evutil_socket_t socket, struct sockaddr *address, int length,
                                   void *context)
{
    struct receiver *receiver = context;
    (void)listener;
    (void)address;
    (void)length;
    struct bufferevent *connection = bufferevent_socket_new(receiver->base, socket, BEV_OPT_CLOSE_ON_FREE);
    receiver->connections++;
    VECTOR_PUSH(&receiver->open, connection);
    bufferevent_setcb(connection, receiver_read, NULL, receiver_event, receiver);
    bufferevent_enable(connection, EV_READ | EV_WRITE);
}

static inline struct receiver *receiver_new(struct event_base *base)
{
    struct receiver *receiver = xcalloc(1, sizeof *receiver);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    receiver->base = base;
    receiver->listener =
        evconnlistener_new_bind(base, receiver_accept, receiver, LEV_OPT_CLOSE_ON_FREE, 16, (struct sockaddr *)&address, sizeof address);
    getsockname(evconnlistener_get_fd(receiver->listener), (struct sockaddr *)&address, &length);
    receiver->port = ntohs(address.sin_port);
    return receiver;
}

static inline void receiver_free(struct receiver *receiver)
{
    while (receiver->open.count > 0)
        receiver_forget(receiver, receiver->open.items[0]);
    evconnlistener_free(receiver->listener);
    for (size_t i = 0; i < receiver->requests.count; i++) {
        free(receiver->requests.items[i].head);
        free(receiver->requests.items[i].body);
    }
    VECTOR_FREE(&receiver->requests);
    VECTOR_FREE(&receiver->open);
    free(receiver);
}

#endif
