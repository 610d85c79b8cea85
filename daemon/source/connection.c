/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: bytes off the socket, through the states. */
#include "daemon/source/connection.h"

#include "harrier/memory.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { KEPT_HEAD_CAPACITY = 1024 };

bool connection_is_idle(const struct connection *connection)
{
    return connection->state == CONNECTION_HEAD && connection->scan.length == 0 && connection->scan.skipped == 0 &&
           connection->held.length == 0;
}

void connection_set_deadline(struct connection *connection, clock_nanos after)
{
    connection->deadline = clock_monotonic() + after;
}

static void wait_for_head(struct connection *connection)
{
    connection->state = CONNECTION_HEAD;
    connection->is_head = false;
    connection->scan = (struct http_scan){0};
    connection_set_deadline(connection, connection->worker->limits.idle_timeout);
}

/* --- the end of a connection -------------------------------------------------------------------------------------------------------- */

static void free_connection(struct connection *connection)
{
    http_reader_free(connection->reader);
    buffer_free(&connection->head);
    buffer_free(&connection->held);
    buffer_free(&connection->out);
    free(connection);
}

/* In WAIT the handler still owes an answer: the request stays, without a connection. Before that it is aborted. */
static void let_go_of_request(struct connection *connection)
{
    if (connection->request && connection->state == CONNECTION_WAIT) {
        connection->request->connection = NULL;
        connection->request = NULL;
    }
    request_abort(connection);
}

void connection_close(struct connection *connection, enum source_close reason)
{
    struct source_worker *worker = connection->worker;

    let_go_of_request(connection);
    connection->state = CONNECTION_CLOSED;
    event_del(&connection->readable);
    event_del(&connection->writable);
    close(connection->fd);
    LIST_REMOVE(connection, entry);
    counter_add(&worker->counters.closes[reason], 1);
    atomic_fetch_sub_explicit(&worker->counters.connections_open, 1, memory_order_relaxed);
    source_worker_release(worker);
    if (LIST_EMPTY(&worker->connections))
        event_del(worker->sweep);
}

static void begin_linger(struct connection *connection)
{
    shutdown(connection->fd, SHUT_WR);
    connection->linger_bytes = LINGER_BYTES;
    connection->state = CONNECTION_LINGER;
    connection_set_deadline(connection, LINGER_TIME);
}

void connection_answered(struct connection *connection)
{
    if (connection->closing)
        begin_linger(connection);
    else
        wait_for_head(connection);
}

void connection_expire(struct connection *connection)
{
    switch (connection->state) {
    case CONNECTION_HEAD:
        if (connection_is_idle(connection))
            connection_close(connection, SOURCE_CLOSE_IDLE);
        else
            answer_and_close(connection, 408, "the header section did not arrive in time", SOURCE_CLOSE_SLOW_HEAD);
        break;
    case CONNECTION_BODY:
    case CONNECTION_DRAIN:
        request_abort(connection);
        answer_and_close(connection, 408, "the body did not arrive in time", SOURCE_CLOSE_SLOW_BODY);
        break;
    case CONNECTION_WAIT:
        connection->request->connection = NULL;
        connection->request = NULL;
        counter_add(&connection->worker->counters.bounds[SOURCE_BOUND_ACKNOWLEDGE], 1);
        answer_refusal(connection,
                       &(struct refusal){503, connection->worker->limits.retry_after, "not stored in time; send it again later"});
        break;
    case CONNECTION_WRITE: connection_close(connection, SOURCE_CLOSE_SLOW_READER); break;
    case CONNECTION_LINGER: connection_close(connection, connection->close_reason); break;
    case CONNECTION_CLOSED: break;
    }
    connection_settle(connection);
}

/* --- bytes in --------------------------------------------------------------------------------------------------------------------------- */

static size_t take_head(struct connection *connection, struct slice bytes)
{
    struct source_worker *worker = connection->worker;
    size_t taken, blank;

    if (connection->scan.length == 0 && connection->scan.skipped == 0)
        connection_set_deadline(connection, worker->limits.header_timeout);
    enum http_scan_result result = http_scan_head(&connection->scan, bytes, &taken, &blank);
    if (connection->scan.length + connection->scan.skipped > worker->limits.header_bytes) {
        counter_add(&worker->counters.bounds[SOURCE_BOUND_HEADER_BYTES], 1);
        answer_and_close(connection, 431, "the header section is larger than limits.header_bytes", SOURCE_CLOSE_HEAD_TOO_LARGE);
        return taken;
    }
    if (result == HTTP_SCAN_BAD) {
        answer_and_close(connection, 400, "malformed header section", SOURCE_CLOSE_BAD_REQUEST);
        return taken;
    }
    struct slice section = slice_make(bytes.bytes + blank, taken - blank);
    if (result == HTTP_SCAN_MORE || connection->head.length) {
        buffer_append_slice(&connection->head, section);
        section = buffer_slice(&connection->head);
    }
    if (result == HTTP_SCAN_COMPLETE) {
        connection->scan = (struct http_scan){0};
        request_begin(connection, section);
        buffer_reset(&connection->head, KEPT_HEAD_CAPACITY);
    }
    return taken;
}

static size_t take_body(struct connection *connection, struct slice bytes)
{
    struct source_worker *worker = connection->worker;
    bool draining = connection->state == CONNECTION_DRAIN;
    size_t taken;
    enum http_body_result result = http_read_body(connection->reader, bytes, request_body, connection, &taken);

    if (draining)
        connection->drained_bytes += taken;
    if (result == HTTP_BODY_BAD) {
        request_abort(connection);
        answer_and_close(connection, 400, "malformed chunks", SOURCE_CLOSE_BAD_REQUEST);
    } else if (result == HTTP_BODY_COMPLETE) {
        request_end(connection);
    } else if (connection->drained_bytes > worker->limits.drain_bytes) {
        counter_add(&worker->counters.bounds[SOURCE_BOUND_DRAIN_BYTES], 1);
        connection->closing = true;
        connection->close_reason = SOURCE_CLOSE_DRAIN_TOO_LONG;
        answer_refusal(connection, &connection->refusal);
    }
    return taken;
}

static size_t throw_away(struct connection *connection, struct slice bytes)
{
    if (connection->linger_bytes <= bytes.length)
        connection_close(connection, connection->close_reason);
    else
        connection->linger_bytes -= bytes.length;
    return bytes.length;
}

/* Takes bytes for as long as the state reads; returns how many. */
static size_t take(struct connection *connection, struct slice bytes)
{
    size_t taken = 0;

    while (taken < bytes.length) {
        struct slice rest = slice_from(bytes, taken);
        switch (connection->state) {
        case CONNECTION_HEAD: taken += take_head(connection, rest); break;
        case CONNECTION_BODY:
        case CONNECTION_DRAIN: taken += take_body(connection, rest); break;
        case CONNECTION_LINGER: taken += throw_away(connection, rest); break;
        case CONNECTION_WAIT:
        case CONNECTION_WRITE:
        case CONNECTION_CLOSED: return taken;
        }
    }
    return taken;
}

/* Bytes that were held while a request waited. Their offset moves, not they: a client may have sent thousands of requests ahead. */
static void take_held(struct connection *connection)
{
    connection->held_used += take(connection, slice_from(buffer_slice(&connection->held), connection->held_used));
    if (connection->held_used >= connection->held.length) {
        buffer_free(&connection->held);
        connection->held_used = 0;
    }
}

static void end_of_input(struct connection *connection)
{
    if (connection->state == CONNECTION_LINGER)
        connection_close(connection, connection->close_reason);
    else if (connection->state == CONNECTION_HEAD)
        connection_close(connection, connection_is_idle(connection) ? SOURCE_CLOSE_BY_CLIENT : SOURCE_CLOSE_CUT_IN_HEAD);
    else
        connection_close(connection, SOURCE_CLOSE_CUT_IN_BODY);
}

/* A trickle of single bytes must not hold a connection for ever. */
static void note_progress(struct connection *connection, size_t received)
{
    if (connection->state != CONNECTION_BODY && connection->state != CONNECTION_DRAIN)
        return;
    connection->progress_bytes += received;
    if (connection->progress_bytes < SOURCE_PROGRESS_BYTES)
        return;
    connection->progress_bytes = 0;
    connection_set_deadline(connection, connection->worker->limits.body_progress_timeout);
}

/* One recv and what comes of it; false when there is no more for now. */
static bool receive(struct connection *connection, size_t *turn_bytes)
{
    struct source_worker *worker = connection->worker;
    size_t most = *turn_bytes < sizeof worker->buffer ? *turn_bytes : sizeof worker->buffer;
    ssize_t received = recv(connection->fd, worker->buffer, most, MSG_DONTWAIT);

    if (received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return false;
    if (received < 0 && errno == EINTR)
        return true;
    if (received < 0 && errno != ECONNRESET && errno != ETIMEDOUT) {
        connection_close(connection, SOURCE_CLOSE_ERROR);
        return false;
    }
    if (received <= 0) {
        end_of_input(connection);
        return false;
    }
    *turn_bytes -= (size_t)received;
    counter_add(&worker->counters.received_bytes, (uint64_t)received);
    note_progress(connection, (size_t)received);
    struct slice bytes = slice_make(worker->buffer, (size_t)received);
    size_t taken = take(connection, bytes);
    if (connection->state != CONNECTION_CLOSED && connection->state != CONNECTION_LINGER)
        buffer_append_slice(&connection->held, slice_from(bytes, taken));
    return true;
}

static bool state_reads(const struct connection *connection)
{
    return connection->state == CONNECTION_HEAD || connection->state == CONNECTION_BODY || connection->state == CONNECTION_DRAIN ||
           connection->state == CONNECTION_LINGER;
}

/* A turn: at most turn_bytes of this connection, then the others; what is left makes the socket readable again at once. */
static void connection_run(struct connection *connection)
{
    size_t turn_bytes = connection->worker->limits.turn_bytes;
    bool more = true;

    connection->running = true;
    while (more && turn_bytes > 0 && state_reads(connection)) {
        if (connection->held.length)
            take_held(connection);
        else
            more = receive(connection, &turn_bytes);
    }
    connection->running = false;
    connection_settle(connection);
}

static void watch(struct event *event, bool *watched, bool wanted)
{
    if (*watched == wanted)
        return;
    if (wanted)
        event_add(event, NULL);
    else
        event_del(event);
    *watched = wanted;
}

void connection_settle(struct connection *connection)
{
    if (connection->running)
        return;
    if (connection->state == CONNECTION_CLOSED) {
        free_connection(connection);
        return;
    }
    watch(&connection->readable, &connection->reading, state_reads(connection));
    watch(&connection->writable, &connection->writing, connection->state == CONNECTION_WRITE);
    /* what is held is not in the socket any more, so nothing else would wake it */
    if (connection->held.length && state_reads(connection))
        event_active(&connection->readable, EV_READ, 0);
}

/* --- from the event loop --------------------------------------------------------------------------------------------------------------- */

static void readable_cb(evutil_socket_t fd, short events, void *data)
{
    (void)fd;
    (void)events;
    connection_run(data);
}

static void writable_cb(evutil_socket_t fd, short events, void *data)
{
    struct connection *connection = data;
    (void)fd;
    (void)events;
    connection->running = true;
    if (connection->state == CONNECTION_WRITE)
        answer_flush(connection);
    connection->running = false;
    connection_settle(connection);
}

void connection_open(struct source_worker *worker, size_t source, int fd, const struct address *peer)
{
    struct connection *connection = xcalloc(1, sizeof *connection);
    int on = 1;

    connection->worker = worker;
    connection->source = source;
    connection->fd = fd;
    connection->peer = *peer;
    connection->keep_alive = true;
    connection->reader = http_reader_new();
    /* an answer is one small segment: it need not wait for more */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    event_assign(&connection->readable, worker->base, fd, EV_READ | EV_PERSIST, readable_cb, connection);
    event_assign(&connection->writable, worker->base, fd, EV_WRITE | EV_PERSIST, writable_cb, connection);
    LIST_INSERT_HEAD(&worker->connections, connection, entry);
    counter_add(&worker->counters.connections, 1);
    counter_add(&worker->counters.connections_open, 1);
    wait_for_head(connection);
    connection_settle(connection);
}
