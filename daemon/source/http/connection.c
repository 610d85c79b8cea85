/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP connection: bytes off the channel, through the states. */
#include "connection.h"

#include "harrier/base/memory.h"

#include <stdlib.h>

enum { KEPT_HEAD_CAPACITY = 1024 };

bool connection_is_idle(const struct connection *connection)
{
    return connection->state == CONNECTION_HEAD && connection->scan.length == 0 && connection->scan.skipped == 0 &&
           connection->held.length == 0;
}

static void set_deadline(struct connection *connection, clock_nanos after)
{
    channel_set_deadline(&connection->channel, after);
}

static void wait_for_head(struct connection *connection)
{
    connection->state = CONNECTION_HEAD;
    connection->is_head = false;
    connection->scan = (struct http_scan){0};
    set_deadline(connection, connection->channel.worker->limits.idle_timeout);
}

/* --- the end of a connection -------------------------------------------------------------------------------------------------------- */

static void free_connection(struct channel *channel)
{
    struct connection *connection = (struct connection *)channel;

    http_reader_free(connection->reader);
    buffer_free(&connection->head);
    buffer_free(&connection->held);
    buffer_free(&connection->out);
    buffer_free(&connection->validation);
    buffer_free(&connection->firehose_id);
    buffer_free(&connection->origin);
    content_free(connection);
    free(connection);
}

static void let_go_of_request(struct channel *channel)
{
    struct connection *connection = (struct connection *)channel;

    request_give_up(connection);
    connection->state = CONNECTION_CLOSED;
}

void connection_close(struct connection *connection, enum source_close reason)
{
    channel_close(&connection->channel, reason);
}

static void begin_linger(struct connection *connection)
{
    transport_end(&connection->channel.transport);
    connection->linger_bytes = LINGER_BYTES;
    connection->state = CONNECTION_LINGER;
    set_deadline(connection, LINGER_TIME);
}

void connection_answered(struct connection *connection)
{
    if (connection->closing)
        begin_linger(connection);
    else
        wait_for_head(connection);
}

static void expire(struct channel *channel)
{
    struct connection *connection = (struct connection *)channel;

    switch (connection->state) {
    case CONNECTION_HEAD:
        if (connection_is_idle(connection))
            connection_close(connection, SOURCE_CLOSE_IDLE);
        else
            answer_and_close(connection, 408, "the header section did not arrive in time", SOURCE_CLOSE_SLOW_HEAD);
        break;
    case CONNECTION_BODY:
    case CONNECTION_DRAIN:
        request_give_up(connection);
        answer_and_close(connection, 408, "the body did not arrive in time", SOURCE_CLOSE_SLOW_BODY);
        break;
    case CONNECTION_WAIT:
        request_give_up(connection);
        counter_add(&connection->channel.worker->counters.bounds[SOURCE_BOUND_ACKNOWLEDGE], 1);
        answer_refusal(connection,
                       &(struct refusal){503, connection->channel.worker->limits.retry_after, "not stored in time; send it again later"});
        break;
    case CONNECTION_WRITE: connection_close(connection, SOURCE_CLOSE_SLOW_READER); break;
    case CONNECTION_LINGER: connection_close(connection, connection->close_reason); break;
    case CONNECTION_CLOSED: break;
    }
}

/* --- bytes in --------------------------------------------------------------------------------------------------------------------------- */

static size_t take_head(struct connection *connection, struct slice bytes)
{
    struct source_worker *worker = connection->channel.worker;
    size_t taken, blank;

    if (connection->scan.length == 0 && connection->scan.skipped == 0)
        set_deadline(connection, worker->limits.header_timeout);
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
    struct source_worker *worker = connection->channel.worker;
    bool draining = connection->state == CONNECTION_DRAIN;
    size_t taken;
    enum http_body_result result = http_read_body(connection->reader, bytes, request_body, connection, &taken);

    if (draining)
        connection->drained_bytes += taken;
    if (result == HTTP_BODY_BAD) {
        request_give_up(connection);
        answer_and_close(connection, 400, "malformed chunks", SOURCE_CLOSE_BAD_REQUEST);
    } else if (result == HTTP_BODY_COMPLETE) {
        request_end(connection);
    } else if (connection->drained_bytes > worker->limits.drain_bytes) {
        counter_add(&worker->counters.bounds[SOURCE_BOUND_DRAIN_BYTES], 1);
        connection->closing = true;
        connection->close_reason = SOURCE_CLOSE_DRAIN_TOO_LONG;
        request_answer_refusal(connection);
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
            if (content_is_unfinished(connection))
                return taken;
            taken += take_body(connection, rest);
            break;
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
    set_deadline(connection, connection->channel.worker->limits.body_progress_timeout);
}

/* What one call receives and what comes of it; false when there is no more for now. */
static bool receive(struct connection *connection, size_t *turn_bytes)
{
    struct slice bytes;

    switch (channel_receive(&connection->channel, turn_bytes, &bytes)) {
    case TRANSPORT_DONE: break;
    case TRANSPORT_AGAIN: return false;
    case TRANSPORT_END: end_of_input(connection); return false;
    case TRANSPORT_BROKEN: connection_close(connection, SOURCE_CLOSE_ERROR); return false;
    }
    note_progress(connection, bytes.length);
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

/* What is left when turn_bytes are used up makes the socket readable again at once. */
static void read_turn(struct channel *channel)
{
    struct connection *connection = (struct connection *)channel;
    size_t turn_bytes = channel->worker->limits.turn_bytes;
    bool more = true;

    connection->inflated_in_turn = 0;
    if (content_is_unfinished(connection))
        content_go_on(connection);
    while (more && turn_bytes && connection->inflated_in_turn < CONTENT_TURN_BYTES && state_reads(connection) &&
           !content_is_unfinished(connection)) {
        if (connection->held.length)
            take_held(connection);
        else
            more = receive(connection, &turn_bytes);
    }
}

/* --- as a channel ----------------------------------------------------------------------------------------------------------------------- */

static struct channel *new_connection(void)
{
    struct connection *connection = xcalloc(1, sizeof *connection);
    connection->keep_alive = true;
    connection->reader = http_reader_new();
    return &connection->channel;
}

static void opened(struct channel *channel)
{
    wait_for_head((struct connection *)channel);
}

static void flush(struct channel *channel)
{
    answer_flush((struct connection *)channel);
}

static bool reads(const struct channel *channel)
{
    return state_reads((const struct connection *)channel);
}

static bool writes(const struct channel *channel)
{
    return ((const struct connection *)channel)->state == CONNECTION_WRITE;
}

static bool holds(const struct channel *channel)
{
    const struct connection *connection = (const struct connection *)channel;
    return connection->held.length > 0 || content_is_unfinished(connection);
}

static void drain(struct channel *channel)
{
    struct connection *connection = (struct connection *)channel;
    if (connection_is_idle(connection))
        connection_close(connection, SOURCE_CLOSE_SHUTDOWN);
}

static size_t memory(const struct channel *channel)
{
    const struct connection *connection = (const struct connection *)channel;
    return connection->head.capacity + connection->held.capacity + connection->out.capacity + connection->put_off.capacity +
           connection->validation.capacity;
}

const struct channel_type connection_type = {
    .new_channel = new_connection,
    .opened = opened,
    .read_turn = read_turn,
    .flush = flush,
    .reads = reads,
    .writes = writes,
    .holds = holds,
    .expire = expire,
    .drain = drain,
    .let_go = let_go_of_request,
    .free_channel = free_connection,
    .memory = memory,
};
