/* SPDX-License-Identifier: Apache-2.0 */
/* A client that costs next to nothing, so that what is measured is the server: whole requests lie one behind another in a file and go out by
 * sendfile, each connection waits for its answer and takes the next request (closed loop).
 * Usage: client PORT FILE INDEX CONNECTIONS PASSES [tls]; a line of INDEX is "BYTES EVENTS" of one request. With tls it is TLS 1.3, the certificate unchecked.
 * Prints one line of JSON; exits 1 if an answer was not 2xx. */
#include "harrier/base/clock.h"
#include "harrier/base/memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 64, ANSWER_BYTES = 4096 };

struct request {
    off_t begin;
    size_t bytes;
    unsigned long events;
};

struct connection {
    int socket;
    SSL *ssl; /* NULL: plain */
    const struct request *request; /* NULL: has nothing to do any more */
    size_t sent;
    clock_nanos began;
    char answer[ANSWER_BYTES + 1];
    size_t answered;
};

struct client {
    int file;
    SSL_CTX *tls;        /* NULL: plain */
    const char *content; /* of the file; with TLS only */
    struct request *requests;
    size_t request_count, total, next; /* total: with all passes */
    struct connection connections[CONNECTIONS_MAX];
    size_t connection_count, done;
    unsigned long events, refused;
    uint64_t bytes;
    clock_nanos *latencies;
};

static void die(const char *what)
{
    fprintf(stderr, "client: %s: %s\n", what, errno ? strerror(errno) : "not as expected");
    exit(2);
}

static void read_index(struct client *client, const char *path)
{
    FILE *index = fopen(path, "r");
    struct request request = {0};

    if (!index)
        die(path);
    while (fscanf(index, "%zu %lu", &request.bytes, &request.events) == 2) {
        client->requests = xreallocarray(client->requests, client->request_count + 1, sizeof request);
        client->requests[client->request_count++] = request;
        request.begin += (off_t)request.bytes;
    }
    fclose(index);
    if (client->request_count == 0)
        die("the index is empty");
}

static void take_next(struct client *client, struct connection *connection)
{
    connection->request = client->next < client->total ? &client->requests[client->next++ % client->request_count] : NULL;
    connection->sent = connection->answered = 0;
    connection->began = clock_monotonic();
}

static void open_connection(struct client *client, struct connection *connection, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;

    connection->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->socket < 0 || connect(connection->socket, (struct sockaddr *)&address, sizeof address) != 0)
        die("connect");
    setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (client->tls) {
        connection->ssl = SSL_new(client->tls);
        if (SSL_set_fd(connection->ssl, connection->socket) != 1 || SSL_connect(connection->ssl) != 1)
            die("TLS handshake");
    }
    fcntl(connection->socket, F_SETFL, O_NONBLOCK);
    take_next(client, connection);
}

/* Bytes sent; 0: none now. */
static size_t send_tls(const struct client *client, struct connection *connection)
{
    size_t left = connection->request->bytes - connection->sent;
    const char *from = client->content + connection->request->begin + connection->sent;
    int sent = SSL_write(connection->ssl, from, left < 1 << 18 ? (int)left : 1 << 18);
    int why = SSL_get_error(connection->ssl, sent);

    if (sent <= 0 && why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
        die("SSL_write");
    return sent > 0 ? (size_t)sent : 0;
}

static void send_more(struct client *client, struct connection *connection)
{
    if (connection->ssl) {
        connection->sent += send_tls(client, connection);
        return;
    }
    off_t from = connection->request->begin + (off_t)connection->sent;
    ssize_t sent = sendfile(connection->socket, client->file, &from, connection->request->bytes - connection->sent);

    if (sent > 0)
        connection->sent += (size_t)sent;
    else if (sent == 0 || (errno != EAGAIN && errno != EINTR))
        die("send");
}

/* As recv; -1 and EAGAIN: nothing now. */
static ssize_t receive(struct connection *connection, char *bytes, size_t size)
{
    if (!connection->ssl)
        return recv(connection->socket, bytes, size, 0);
    int got = SSL_read(connection->ssl, bytes, (int)size);
    int why = SSL_get_error(connection->ssl, got);
    if (got > 0)
        return got;
    errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
    return why == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

/* Answers are short: a header section, and a body of Content-Length bytes or none. */
static bool is_whole(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n"), *length = strcasestr(answer, "\r\nContent-Length:");

    if (!end)
        return false;
    size_t body = length && length < end ? strtoul(length + sizeof "\r\nContent-Length:" - 1, NULL, 10) : 0;
    return strlen(end + 4) >= body;
}

static void read_answer(struct client *client, struct connection *connection)
{
    ssize_t got = receive(connection, connection->answer + connection->answered, ANSWER_BYTES - connection->answered);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0)
        die("the server closed the connection");
    connection->answered += (size_t)got;
    connection->answer[connection->answered] = '\0';
    if (!is_whole(connection->answer))
        return;
    client->latencies[client->done++] = clock_monotonic() - connection->began;
    client->events += connection->request->events;
    client->bytes += connection->request->bytes;
    if (strncmp(connection->answer, "HTTP/1.1 2", 10) != 0) {
        fprintf(stderr, "client: %.*s\n", (int)strcspn(connection->answer, "\r"), connection->answer);
        client->refused++;
    }
    take_next(client, connection);
}

static void run(struct client *client)
{
    struct pollfd polls[CONNECTIONS_MAX];

    while (client->done < client->total) {
        for (size_t i = 0; i < client->connection_count; i++) {
            const struct connection *connection = &client->connections[i];
            polls[i].fd = connection->request ? connection->socket : -1;
            polls[i].events = (short)(connection->request && connection->sent < connection->request->bytes ? POLLIN | POLLOUT : POLLIN);
        }
        if (poll(polls, client->connection_count, -1) < 0 && errno != EINTR)
            die("poll");
        for (size_t i = 0; i < client->connection_count; i++) {
            if (polls[i].fd >= 0 && polls[i].revents & POLLOUT)
                send_more(client, &client->connections[i]);
            if (polls[i].fd >= 0 && polls[i].revents & (POLLIN | POLLHUP | POLLERR))
                read_answer(client, &client->connections[i]);
        }
    }
}

static int compare_times(const void *a, const void *b)
{
    clock_nanos x = *(const clock_nanos *)a, y = *(const clock_nanos *)b;
    return (x > y) - (x < y);
}

static double percentile_ms(const struct client *client, size_t percent)
{
    return (double)client->latencies[(client->done - 1) * percent / 100] / (double)CLOCK_MILLISECOND;
}

static void prepare_tls(struct client *client)
{
    struct stat status;

    client->tls = SSL_CTX_new(TLS_client_method());
    if (!client->tls || SSL_CTX_set_min_proto_version(client->tls, TLS1_3_VERSION) != 1)
        die("TLS");
    SSL_CTX_set_mode(client->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (fstat(client->file, &status) != 0)
        die("fstat");
    client->content = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, client->file, 0);
    if (client->content == MAP_FAILED)
        die("mmap");
}

int main(int argc, char **argv)
{
    struct client client = {0};

    if (argc != 6 && (argc != 7 || strcmp(argv[6], "tls") != 0))
        die("usage: client PORT FILE INDEX CONNECTIONS PASSES [tls]");
    client.file = open(argv[2], O_RDONLY | O_CLOEXEC);
    if (client.file < 0)
        die(argv[2]);
    read_index(&client, argv[3]);
    if (argc == 7)
        prepare_tls(&client);
    client.connection_count = strtoul(argv[4], NULL, 10);
    client.total = client.request_count * strtoul(argv[5], NULL, 10);
    if (client.connection_count < 1 || client.connection_count > CONNECTIONS_MAX || client.total == 0)
        die("connections or passes");
    client.latencies = xcalloc(client.total, sizeof *client.latencies);
    for (size_t i = 0; i < client.connection_count; i++)
        open_connection(&client, &client.connections[i], (uint16_t)strtoul(argv[1], NULL, 10));
    clock_nanos begin = clock_monotonic();
    run(&client);
    double seconds = (double)(clock_monotonic() - begin) / (double)CLOCK_SECOND;
    qsort(client.latencies, client.done, sizeof *client.latencies, compare_times);
    printf(
        "{\"requests\": %zu, \"events\": %lu, \"bytes\": %llu, \"seconds\": %.6f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"refused\": %lu}\n",
        client.done, client.events, (unsigned long long)client.bytes, seconds, percentile_ms(&client, 50), percentile_ms(&client, 99),
        client.refused);
    free(client.latencies);
    free(client.requests);
    return client.refused ? 1 : 0;
}
