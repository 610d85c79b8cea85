/* SPDX-License-Identifier: Apache-2.0 */
/* A client that sends its bytes in pieces, lets the worker's loop run after each, and gathers what it is answered. */
#ifndef HARRIER_TESTS_FUZZ_CONVERSATION_H
#define HARRIER_TESTS_FUZZ_CONVERSATION_H

#include "harrier/base/buffer.h"

#include <errno.h>
#include <event2/event.h>
#include <sys/socket.h>

static inline void conversation_listen(int client, struct buffer *said)
{
    char bytes[4096];
    ssize_t got;
    while ((got = recv(client, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        buffer_append(said, bytes, (size_t)got);
}

static inline void conversation_hold(struct event_base *base, int client, const uint8_t *data, size_t size, size_t piece, struct buffer *said)
{
    while (size) {
        ssize_t sent = send(client, data, size < piece ? size : piece, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            break;
        data += sent > 0 ? sent : 0;
        size -= sent > 0 ? (size_t)sent : 0;
        event_base_loop(base, EVLOOP_NONBLOCK);
        conversation_listen(client, said);
    }
    shutdown(client, SHUT_WR);
    for (int i = 0; i < 20; i++) {
        event_base_loop(base, EVLOOP_NONBLOCK);
        conversation_listen(client, said);
    }
}

#endif
