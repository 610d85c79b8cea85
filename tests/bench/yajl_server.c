/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon is measured against: the least that the same libraries can do with a POST. An event and recv into one buffer of 64 KiB,
 * http-parser, and yajl with callbacks that count; nothing is looked at, mapped, judged or stored. One thread. Usage: yajl_server PORT. */
#include "harrier/base/memory.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <http_parser.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <yajl/yajl_parse.h>

enum { RECEIVE_BYTES = 65536 };

struct server {
    struct event_base *base;
    char received[RECEIVE_BYTES];
};

struct connection {
    struct server *server;
    struct event *readable;
    http_parser http;
    yajl_handle yajl;
    unsigned long values;
};

/* --- counting --------------------------------------------------------------------------------------------------------------- */

static int count(void *context)
{
    struct connection *connection = context;
    connection->values++;
    return 1;
}

static int count_boolean(void *context, int boolean)
{
    (void)boolean;
    return count(context);
}

static int count_number(void *context, const char *bytes, size_t length)
{
    (void)bytes, (void)length;
    return count(context);
}

static int count_string(void *context, const unsigned char *bytes, size_t length)
{
    (void)bytes, (void)length;
    return count(context);
}

static const yajl_callbacks counting = {
    .yajl_null = count,
    .yajl_boolean = count_boolean,
    .yajl_number = count_number,
    .yajl_string = count_string,
    .yajl_start_map = count,
    .yajl_map_key = count_string,
    .yajl_end_map = count,
    .yajl_start_array = count,
    .yajl_end_array = count,
};

/* --- HTTP ------------------------------------------------------------------------------------------------------------------- */

static int on_begin(http_parser *http)
{
    struct connection *connection = http->data;
    connection->yajl = yajl_alloc(&counting, NULL, connection);
    return 0;
}

static int on_body(http_parser *http, const char *bytes, size_t length)
{
    struct connection *connection = http->data;
    return yajl_parse(connection->yajl, (const unsigned char *)bytes, length) != yajl_status_ok;
}

static int on_complete(http_parser *http)
{
    static const char good[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                      bad[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    struct connection *connection = http->data;
    bool valid = yajl_complete_parse(connection->yajl) == yajl_status_ok && connection->values > 0;
    const char *answer = valid ? good : bad;

    yajl_free(connection->yajl);
    connection->yajl = NULL;
    connection->values = 0;
    return send(event_get_fd(connection->readable), answer, strlen(answer), MSG_NOSIGNAL) < 0;
}

static const http_parser_settings settings = {.on_message_begin = on_begin, .on_body = on_body, .on_message_complete = on_complete};

static void close_connection(struct connection *connection)
{
    evutil_socket_t socket = event_get_fd(connection->readable);
    event_free(connection->readable);
    if (connection->yajl)
        yajl_free(connection->yajl);
    free(connection);
    close(socket);
}

static void on_readable(evutil_socket_t socket, short what, void *context)
{
    struct connection *connection = context;
    char *received = connection->server->received;
    ssize_t got = recv(socket, received, RECEIVE_BYTES, 0);

    (void)what;
    if (got <= 0 || http_parser_execute(&connection->http, &settings, received, (size_t)got) != (size_t)got)
        close_connection(connection);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t socket, struct sockaddr *address, int length, void *context)
{
    struct connection *connection = xcalloc(1, sizeof *connection);

    (void)listener, (void)address, (void)length;
    connection->server = context;
    connection->readable = event_new(connection->server->base, socket, EV_READ | EV_PERSIST, on_readable, connection);
    http_parser_init(&connection->http, HTTP_REQUEST);
    connection->http.data = connection;
    event_add(connection->readable, NULL);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct server *server = xcalloc(1, sizeof *server);

    address.sin_port = htons((uint16_t)(argc > 1 ? strtoul(argv[1], NULL, 10) : 0));
    server->base = event_base_new();
    struct evconnlistener *listener = evconnlistener_new_bind(server->base, on_accept, server, LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE,
                                                              -1, (struct sockaddr *)&address, sizeof address);
    if (!listener) {
        perror("yajl_server: listen");
        return 2;
    }
    return event_base_dispatch(server->base) < 0;
}
