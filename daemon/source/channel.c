/* SPDX-License-Identifier: Apache-2.0 */
#include "channel.h"

#include "daemon/source/http/connection.h"
#include "daemon/source/syslog/stream.h"
#include "harrier/base/budget.h"
#include "harrier/base/log.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* Of an idle connection: its object, parser and events; and what OpenSSL keeps of one (measured, with buffers released). */
enum { CHANNEL_BYTES = 2 * 1024, TLS_BYTES = 24 * 1024 };

#define SHUN_TIME (2 * CLOCK_SECOND)

void channel_set_deadline(struct channel *channel, clock_nanos after)
{
    deadlines_set(&channel->worker->deadlines, &channel->deadline, clock_monotonic() + after);
}

void channel_close(struct channel *channel, enum source_close reason)
{
    struct source_worker *worker = channel->worker;

    channel->type->let_go(channel);
    channel->closed = true;
    event_del(&channel->readable);
    event_del(&channel->writable);
    transport_close(&channel->transport);
    deadlines_remove(&channel->deadline);
    LIST_REMOVE(channel, entry);
    peers_leave(worker->peers, &channel->counted);
    counter_add(&worker->counters.closes[reason], 1);
    atomic_fetch_sub_explicit(&worker->counters.connections_open, 1, memory_order_relaxed);
    source_worker_release(worker);
    if (LIST_EMPTY(&worker->channels))
        event_del(worker->sweep);
}

/* Neither in its handshake nor refused there. */
static bool is_opened(const struct channel *channel)
{
    return !channel->transport.handshaking && !channel->shunned;
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

/* No buffer grows by more than a piece in a turn, so that these are counted afterwards; and they cannot be refused, for what has been read is there. Their
 * number is bounded by limits.connections, and what they hold shows to those that can be refused. */
static void charge(struct channel *channel, size_t bytes)
{
    struct budget *budget = channel->worker->budget;

    if (budget && bytes > channel->charged)
        budget_take_always(budget, bytes - channel->charged);
    else if (budget)
        budget_give(budget, channel->charged - bytes);
    channel->charged = bytes;
}

static size_t memory_of(const struct channel *channel)
{
    size_t fixed = channel->transport.ssl ? (size_t)CHANNEL_BYTES + TLS_BYTES : (size_t)CHANNEL_BYTES;
    return channel->closed ? 0 : fixed + channel->type->memory(channel);
}

void channel_settle(struct channel *channel)
{
    if (channel->running)
        return;
    charge(channel, memory_of(channel));
    if (channel->closed) {
        channel->type->free_channel(channel);
        return;
    }
    const struct transport *transport = &channel->transport;
    bool reads = is_opened(channel) ? channel->type->reads(channel) : true;
    bool writes = is_opened(channel) && channel->type->writes(channel);
    /* inside TLS, to read or to go on with a handshake may need to write first */
    watch(&channel->readable, &channel->reading, reads && !transport->wants_write);
    watch(&channel->writable, &channel->writing, writes || (reads && transport->wants_write));
    /* what is held, by the protocol or inside TLS, is not in the socket any more, so nothing else would wake it */
    if (is_opened(channel) && reads && (channel->type->holds(channel) || transport->has_pending))
        event_active(&channel->readable, EV_READ, 0);
}

static void count_failure(struct channel *channel, enum source_tls_failure failure)
{
    counter_add(&channel->worker->counters.tls_failures[failure], 1);
    transport_log_failure(&channel->transport, failure, &channel->peer);
}

static void refuse_unproxied(struct channel *channel, const char *why)
{
    struct source_worker *worker = channel->worker;
    const char *name = worker->endpoints[channel->source].name;
    char who[ADDRESS_TEXT_SIZE];
    uint64_t left_out;

    if (log_limit_due(&worker->logged_unproxied, &left_out))
        log_write_fields(LOG_LEVEL_WARNING,
                         LOG_FIELDS({LOG_FIELD_SOURCE, slice_of(name)}, {LOG_FIELD_PEER, slice_of(address_format(&channel->peer, who))}),
                         "source `%s`: a connection from %s is closed for want of the PROXY header that `proxy_protocol` asks for: %s; %llu more since "
                         "the line before",
                         name, who, why, (unsigned long long)left_out);
    channel_close(channel, SOURCE_CLOSE_NO_PROXY_HEADER);
}

void channel_expire(struct channel *channel)
{
    if (is_opened(channel)) {
        channel->type->expire(channel);
    } else {
        if (channel->transport.awaits_proxy_header) {
            refuse_unproxied(channel, "it did not come in time");
            channel_settle(channel);
            return;
        }
        if (!channel->shunned)
            count_failure(channel, SOURCE_TLS_TIMEOUT);
        channel_close(channel, SOURCE_CLOSE_HANDSHAKE);
    }
    channel_settle(channel);
}

enum transport_result channel_receive(struct channel *channel, size_t *turn_bytes, struct slice *bytes)
{
    struct source_worker *worker = channel->worker;
    size_t most = *turn_bytes < sizeof worker->buffer ? *turn_bytes : sizeof worker->buffer;
    size_t received;
    enum transport_result result = transport_receive(&channel->transport, worker->buffer, most, &received);

    if (result != TRANSPORT_DONE)
        return result;
    *turn_bytes -= received;
    counter_add(&worker->counters.received_bytes, received);
    *bytes = slice_make(worker->buffer, received);
    return TRANSPORT_DONE;
}

enum transport_result channel_send(struct channel *channel, struct buffer *out)
{
    while (out->length) {
        size_t sent;
        enum transport_result result = transport_send(&channel->transport, out->bytes, out->length, &sent);
        if (result != TRANSPORT_DONE)
            return result;
        buffer_consume(out, sent);
        channel_set_deadline(channel, channel->worker->limits.body_progress_timeout);
    }
    return TRANSPORT_DONE;
}

/* --- from the event loop ---------------------------------------------------------------------------------------------------- */

/* The alert that says why must not be destroyed by a reset, which a close makes of bytes that are still to be read. */
static void shun(struct channel *channel)
{
    channel->shunned = true;
    transport_shun(&channel->transport);
    channel_set_deadline(channel, SHUN_TIME);
}

static void shake_hands(struct channel *channel)
{
    struct counters *counters = &channel->worker->counters;

    switch (transport_handshake(&channel->transport)) {
    case TRANSPORT_DONE:
        counter_add(&counters->tls_handshakes, 1);
        counter_add(&counters->tls_resumed, channel->transport.resumed);
        channel->type->opened(channel);
        break;
    case TRANSPORT_AGAIN: break;
    case TRANSPORT_END:
        count_failure(channel, channel->transport.failure);
        channel_close(channel, SOURCE_CLOSE_HANDSHAKE);
        break;
    case TRANSPORT_BROKEN:
        count_failure(channel, channel->transport.failure);
        shun(channel);
        break;
    }
}

/* Behind a proxy each client counts by itself: all of them come from the proxy's address. */
static void count_client(struct channel *channel)
{
    if (!peers_enter(channel->worker->peers, &channel->peer)) {
        refuse_unproxied(channel, "the client that it names has as many connections as limits.connections_per_address allows");
        return;
    }
    channel->counted = channel->peer;
    channel_set_deadline(channel, channel->worker->limits.header_timeout);
    if (!channel->transport.handshaking)
        channel->type->opened(channel);
}

static void take_proxy_header(struct channel *channel)
{
    switch (transport_take_proxy_header(&channel->transport, &channel->peer)) {
    case TRANSPORT_DONE: count_client(channel); break;
    case TRANSPORT_AGAIN: break;
    case TRANSPORT_END: channel_close(channel, SOURCE_CLOSE_NO_PROXY_HEADER); break; /* as a balancer's own checks of a port end */
    case TRANSPORT_BROKEN: refuse_unproxied(channel, "it begins otherwise"); break;
    }
}

/* What a refused client still sends. */
static void ignore(struct channel *channel)
{
    struct source_worker *worker = channel->worker;
    size_t received;

    if (transport_receive(&channel->transport, worker->buffer, sizeof worker->buffer, &received) > TRANSPORT_AGAIN)
        channel_close(channel, SOURCE_CLOSE_HANDSHAKE);
}

static void run(struct channel *channel)
{
    if (channel->shunned)
        ignore(channel);
    else if (channel->transport.awaits_proxy_header)
        take_proxy_header(channel);
    if (!channel->closed && !channel->shunned && channel->transport.handshaking && !channel->transport.awaits_proxy_header)
        shake_hands(channel);
    if (!channel->closed && is_opened(channel) && channel->type->reads(channel))
        channel->type->read_turn(channel);
}

static void readable_cb(evutil_socket_t fd, short events, void *data)
{
    struct channel *channel = data;
    (void)fd;
    (void)events;
    channel->running = true;
    run(channel);
    channel->running = false;
    channel_settle(channel);
}

static void writable_cb(evutil_socket_t fd, short events, void *data)
{
    struct channel *channel = data;
    (void)fd;
    (void)events;
    channel->running = true;
    if (is_opened(channel) && channel->type->writes(channel))
        channel->type->flush(channel);
    else
        run(channel);
    channel->running = false;
    channel_settle(channel);
}

static const struct channel_type *type_of(enum source_protocol protocol)
{
    switch (protocol) {
    case SOURCE_HTTP: break;
    case SOURCE_SYSLOG:
    case SOURCE_RELP: return &stream_type;
    }
    return &connection_type;
}

void channel_open(struct source_worker *worker, size_t source, int fd, const struct address *peer)
{
    const struct channel_type *type = type_of(worker->endpoints[source].protocol);
    struct channel *channel = type->new_channel();
    int on = 1;

    channel->type = type;
    channel->worker = worker;
    channel->source = source;
    channel->peer = *peer;
    bool proxied = worker->endpoints[source].proxy_protocol;
    if (!proxied)
        channel->counted = *peer;
    bool usable = transport_open(&channel->transport, fd, worker->endpoints[source].tls, proxied);
    /* an answer is one small segment: it need not wait for more */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    event_assign(&channel->readable, worker->base, fd, EV_READ | EV_PERSIST, readable_cb, channel);
    event_assign(&channel->writable, worker->base, fd, EV_WRITE | EV_PERSIST, writable_cb, channel);
    LIST_INSERT_HEAD(&worker->channels, channel, entry);
    counter_add(&worker->counters.connections, 1);
    counter_add(&worker->counters.connections_open, 1);
    if (!usable)
        channel_close(channel, SOURCE_CLOSE_ERROR);
    else if (channel->transport.handshaking)
        channel_set_deadline(channel, worker->limits.header_timeout);
    else
        type->opened(channel);
    channel_settle(channel);
}
