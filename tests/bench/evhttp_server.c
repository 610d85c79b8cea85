/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon is measured against: libevent's own HTTP server, which takes whole bodies and throws them away. One thread.
 * Usage: evhttp_server PORT. */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static void on_request(struct evhttp_request *request, void *context)
{
    struct evbuffer *body = evhttp_request_get_input_buffer(request);

    (void)context;
    evbuffer_drain(body, evbuffer_get_length(body));
    evhttp_send_reply(request, HTTP_OK, "OK", NULL);
}

int main(int argc, char **argv)
{
    struct event_base *base = event_base_new();
    struct evhttp *http = evhttp_new(base);

    evhttp_set_gencb(http, on_request, NULL);
    if (evhttp_bind_socket(http, "127.0.0.1", (uint16_t)(argc > 1 ? strtoul(argv[1], NULL, 10) : 0)) != 0) {
        perror("evhttp_server: listen");
        return 2;
    }
    return event_base_dispatch(base) < 0;
}
