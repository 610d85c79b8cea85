/* SPDX-License-Identifier: Apache-2.0 */
#include "stream.h"

#include "harrier/base/memory.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
    LINGER_BYTES = 4 * 1024 * 1024,
    KEEPALIVE_SECONDS = 60, /* of silence before the first probe */
    KEEPALIVE_INTERVAL_SECONDS = 15,
    KEEPALIVE_PROBES = 4
};

#define LINGER_TIME (2 * CLOCK_SECOND)

/* --- states ---------------------------------------------------------------------------------------------------------------------------- */

static bool is_draining(const struct stream_connection *stream)
{
    return stream->channel.worker->draining;
}

/* Between two messages, with nothing in hand that belongs to the next. */
static bool is_at_border(const struct stream_connection *stream)
{
    return stream_is_between(stream) && (!stream->is_relp || relp_is_between(&stream->relp));
}

/* RELP's client sends the rest again. Of a plain sender it would be lost: what has arrived is taken, until there is no more for now. */
static bool is_drained(const struct stream_connection *stream)
{
    bool is_dry = stream->dry && !stream->held.length;

    return is_draining(stream) && is_at_border(stream) && (stream->is_relp || is_dry || stream->drain_bytes >= STREAM_DRAIN_BYTES);
}

bool stream_can_take(const struct stream_connection *stream)
{
    return !stream->channel.closed && !stream->closing && !stream->waiting && !stream->unfinished && !stream->paused && !stream->blocked &&
           stream->out.length < STREAM_OUT_BYTES;
}

void stream_begin_closing(struct stream_connection *stream, enum source_close reason)
{
    if (stream->closing)
        return;
    stream->closing = true;
    stream->close_reason = reason;
}

/* --- the deadline ---------------------------------------------------------------------------------------------------------------------- */

static enum stream_timer timer_wanted(const struct stream_connection *stream)
{
    if (stream->lingering)
        return STREAM_TIMER_LINGER;
    if (stream->blocked)
        return STREAM_TIMER_OUT;
    if (stream->waiting || stream->unfinished || stream->paused || stream->closing)
        return STREAM_TIMER_NONE;
    if (stream->is_relp && !stream->relp.open)
        return STREAM_TIMER_OPEN;
    if (!is_at_border(stream))
        return STREAM_TIMER_MESSAGE;
    return stream->counted.messages + stream->counted.other ? STREAM_TIMER_NONE : STREAM_TIMER_FIRST;
}

/* The next deadline of a message in hand: it must go on, and a plain one must end. RELP's client would only begin it again. */
static clock_nanos message_time(struct stream_connection *stream, clock_nanos progress_time)
{
    clock_nanos now = clock_monotonic();

    if (stream->is_relp)
        return progress_time;
    if (!stream->message_until)
        stream->message_until = now + stream->channel.worker->limits.message_timeout;
    clock_nanos left = stream->message_until > now ? stream->message_until - now : 0;
    return left < progress_time ? left : progress_time;
}

static void set_timer(struct stream_connection *stream)
{
    const struct source_limits *limits = &stream->channel.worker->limits;
    const clock_nanos times[] = {
        [STREAM_TIMER_OPEN] = limits->header_timeout,
        [STREAM_TIMER_FIRST] = limits->idle_timeout,
        [STREAM_TIMER_MESSAGE] = limits->body_progress_timeout,
        [STREAM_TIMER_OUT] = limits->body_progress_timeout,
        [STREAM_TIMER_LINGER] = LINGER_TIME,
    };
    enum stream_timer wanted = timer_wanted(stream);
    bool progress = wanted == STREAM_TIMER_MESSAGE && stream->progress_bytes >= SOURCE_PROGRESS_BYTES;

    if (wanted == stream->timer && !progress)
        return;
    stream->timer = wanted;
    stream->progress_bytes = 0;
    if (wanted != STREAM_TIMER_MESSAGE)
        stream->message_until = 0; /* while we let it wait, its time does not run */
    if (wanted == STREAM_TIMER_NONE)
        deadlines_remove(&stream->channel.deadline);
    else
        channel_set_deadline(&stream->channel, wanted == STREAM_TIMER_MESSAGE ? message_time(stream, times[wanted]) : times[wanted]);
}

/* --- bytes out, and the end ------------------------------------------------------------------------------------------------------------ */

static void send_out(struct stream_connection *stream)
{
    if (!stream->out.length)
        return;
    switch (channel_send(&stream->channel, &stream->out)) {
    case TRANSPORT_DONE:
        stream->blocked = false;
        buffer_reset(&stream->out, STREAM_OUT_BYTES);
        break;
    case TRANSPORT_AGAIN: stream->blocked = true; break;
    case TRANSPORT_END:
    case TRANSPORT_BROKEN:
        channel_close(&stream->channel, stream->closing ? stream->close_reason : SOURCE_CLOSE_ERROR);
        break;
    }
}

static void say_goodbye(struct stream_connection *stream)
{
    if (stream->said_goodbye)
        return;
    stream->said_goodbye = true;
    if (stream->is_relp && stream->relp.open)
        relp_append_server_close(&stream->out);
}

/* What was sent last must not be destroyed by a reset, which a close makes of bytes that are still to be read. A plain sender is sent nothing. */
static void finish_closing(struct stream_connection *stream)
{
    if (!stream->is_relp) {
        channel_close(&stream->channel, stream->close_reason);
        return;
    }
    transport_end(&stream->channel.transport);
    stream->linger_bytes = LINGER_BYTES;
    stream->lingering = true;
}

void stream_wind_up(struct stream_connection *stream)
{
    if (stream->channel.closed)
        return;
    stream_count(stream);
    if (stream->lingering) {
        set_timer(stream);
        return;
    }
    if (!stream->unit && is_drained(stream))
        stream_begin_closing(stream, SOURCE_CLOSE_SHUTDOWN);
    if (stream->closing && !stream->unit)
        say_goodbye(stream);
    send_out(stream);
    if (stream->channel.closed)
        return;
    if (stream->closing && !stream->unit && !stream->out.length)
        finish_closing(stream);
    if (!stream->channel.closed)
        set_timer(stream);
}

/* --- bytes in -------------------------------------------------------------------------------------------------------------------------- */

static void take(struct stream_connection *stream, struct slice *bytes)
{
    while (stream_can_take(stream) && !(stream->is_relp && is_drained(stream)) && stream_take_step(stream, bytes))
        continue;
}

static void take_held(struct stream_connection *stream)
{
    struct slice bytes = slice_from(buffer_slice(&stream->held), stream->held_used);

    take(stream, &bytes);
    stream->held_used = stream->held.length - bytes.length;
    if (bytes.length == 0) {
        buffer_free(&stream->held);
        stream->held_used = 0;
    }
}

/* A plain sender's last message is ended as it is; then the connection closes. */
static void take_end(struct stream_connection *stream)
{
    struct slice nothing = slice_make(NULL, 0);

    syslog_reader_finish(stream->syslog);
    take(stream, &nothing);
    if (stream_can_take(stream))
        stream_begin_closing(stream, stream->close_reason);
}

/* RELP: whole messages are answered if the client still listens; a frame that was cut off is given up. */
static void end_of_input(struct stream_connection *stream, enum source_close reason)
{
    if (!is_at_border(stream) && reason == SOURCE_CLOSE_BY_CLIENT)
        reason = SOURCE_CLOSE_CUT_IN_BODY;
    if (stream->is_relp && !stream_is_between(stream)) {
        channel_close(&stream->channel, reason);
    } else if (stream->is_relp) {
        stream_begin_closing(stream, reason);
    } else {
        stream->input_ended = true;
        stream->close_reason = reason;
    }
}

/* Less than of a body: lines of the log may all be attacks, and each turn's alerts are a unit of their own. */
static size_t bytes_of_turn(const struct stream_connection *stream)
{
    size_t turn_bytes = stream->channel.worker->limits.turn_bytes;
    return turn_bytes < SOURCE_RECEIVE_BYTES ? turn_bytes : SOURCE_RECEIVE_BYTES;
}

/* False: there is no more for now. */
static bool receive(struct stream_connection *stream, size_t *turn_bytes)
{
    struct slice bytes;

    switch (channel_receive(&stream->channel, turn_bytes, &bytes)) {
    case TRANSPORT_DONE: break;
    case TRANSPORT_AGAIN:
        stream->dry = true;
        return false;
    case TRANSPORT_END: end_of_input(stream, SOURCE_CLOSE_BY_CLIENT); return true;
    case TRANSPORT_BROKEN: end_of_input(stream, SOURCE_CLOSE_ERROR); return true;
    }
    stream->dry = false;
    stream->progress_bytes += bytes.length;
    if (is_draining(stream))
        stream->drain_bytes += bytes.length;
    counter_add(&stream->channel.worker->streams[stream->channel.source].bytes, bytes.length);
    take(stream, &bytes);
    buffer_append_slice(&stream->held, bytes);
    return true;
}

static void linger(struct stream_connection *stream)
{
    size_t turn_bytes = bytes_of_turn(stream);
    struct slice bytes;
    enum transport_result result;

    while ((result = channel_receive(&stream->channel, &turn_bytes, &bytes)) == TRANSPORT_DONE && bytes.length < stream->linger_bytes)
        stream->linger_bytes -= bytes.length;
    if (result != TRANSPORT_AGAIN && turn_bytes > 0)
        channel_close(&stream->channel, stream->close_reason);
}

static void read_bytes(struct stream_connection *stream)
{
    size_t turn_bytes = bytes_of_turn(stream);
    bool more = true;

    while (more && stream_can_take(stream) && !is_drained(stream)) {
        if (stream->held.length || stream->unbegun)
            take_held(stream);
        else if (stream->input_ended)
            take_end(stream);
        else
            more = turn_bytes > 0 && receive(stream, &turn_bytes);
    }
}

static void read_turn(struct channel *channel)
{
    struct stream_connection *stream = (struct stream_connection *)channel;

    if (stream->lingering) {
        linger(stream);
        return;
    }
    if (stream->unfinished)
        stream->unfinished = channel->worker->handler.go_on(stream->unit->context);
    read_bytes(stream);
    if (channel->closed)
        return;
    if (stream->unit && !stream->waiting) {
        if (stream->closing || stream_is_between(stream))
            stream_end_unit(stream);
        else
            stream->unit_due = true;
    }
    stream_wind_up(stream);
}

/* --- as a channel ---------------------------------------------------------------------------------------------------------------------- */

static struct channel *new_stream(void)
{
    struct stream_connection *stream = xcalloc(1, sizeof *stream);
    return &stream->channel;
}

static void retry_cb(evutil_socket_t fd, short events, void *data)
{
    struct stream_connection *stream = data;
    (void)fd;
    (void)events;
    stream->paused = false;
    stream_wind_up(stream);
    channel_settle(&stream->channel);
}

/* A peer that is gone without a word is found out, however long it may be silent. Sockets of other families have no such thing. */
static void keep_alive(int fd)
{
    int on = 1, idle = KEEPALIVE_SECONDS, interval = KEEPALIVE_INTERVAL_SECONDS, probes = KEEPALIVE_PROBES;

    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

static void opened(struct channel *channel)
{
    struct stream_connection *stream = (struct stream_connection *)channel;
    struct source_worker *worker = channel->worker;
    const struct syslog_limits limits = {.message_bytes = worker->limits.body_bytes, .framing = worker->endpoints[channel->source].framing};

    stream->is_relp = worker->endpoints[channel->source].protocol == SOURCE_RELP;
    stream->syslog = syslog_reader_new(&limits);
    event_assign(&stream->retry, worker->base, -1, 0, retry_cb, stream);
    keep_alive(channel->transport.fd);
    counter_add(&worker->streams[channel->source].connections, 1);
    deadlines_remove(&channel->deadline); /* the handshake's */
    if (stream_admit(stream))
        set_timer(stream);
}

static void flush(struct channel *channel)
{
    ((struct stream_connection *)channel)->blocked = false;
    stream_wind_up((struct stream_connection *)channel);
}

static bool reads(const struct channel *channel)
{
    const struct stream_connection *stream = (const struct stream_connection *)channel;
    return stream->lingering || stream->unfinished || stream_can_take(stream);
}

static bool writes(const struct channel *channel)
{
    return ((const struct stream_connection *)channel)->blocked;
}

static bool holds(const struct channel *channel)
{
    const struct stream_connection *stream = (const struct stream_connection *)channel;
    bool has_to_look = is_draining(stream) && !stream->is_relp && !stream->dry;
    return !stream->lingering && (stream->unfinished || stream->held.length > 0 || stream->unbegun || stream->input_ended || has_to_look);
}

/* A message that does not go on: of a plain sender it is ended as it is. */
static void give_up_message(struct stream_connection *stream)
{
    if (stream->is_relp)
        channel_close(&stream->channel, SOURCE_CLOSE_SLOW_BODY);
    else
        end_of_input(stream, SOURCE_CLOSE_SLOW_BODY);
}

static void expire(struct channel *channel)
{
    struct stream_connection *stream = (struct stream_connection *)channel;

    switch (stream->timer) {
    case STREAM_TIMER_NONE: break;
    case STREAM_TIMER_OPEN: channel_close(channel, SOURCE_CLOSE_SLOW_HEAD); break;
    case STREAM_TIMER_FIRST: channel_close(channel, SOURCE_CLOSE_IDLE); break;
    case STREAM_TIMER_MESSAGE: give_up_message(stream); break;
    case STREAM_TIMER_OUT: channel_close(channel, SOURCE_CLOSE_SLOW_READER); break;
    case STREAM_TIMER_LINGER: channel_close(channel, stream->close_reason); break;
    }
    stream->timer = STREAM_TIMER_NONE;
}

/* A plain sender's bytes may have arrived since the last look. */
static void drain(struct channel *channel)
{
    ((struct stream_connection *)channel)->dry = false;
    stream_wind_up((struct stream_connection *)channel);
}

static void let_go(struct channel *channel)
{
    struct stream_connection *stream = (struct stream_connection *)channel;

    if (!stream->syslog) /* never opened */
        return;
    stream_leave(stream, slice_from(buffer_slice(&stream->held), stream->held_used));
    stream_count(stream);
    event_del(&stream->retry);
}

static void free_stream(struct channel *channel)
{
    struct stream_connection *stream = (struct stream_connection *)channel;

    syslog_reader_free(stream->syslog);
    relp_free(&stream->relp);
    buffer_free(&stream->held);
    buffer_free(&stream->cluster);
    buffer_free(&stream->due);
    buffer_free(&stream->out);
    free(stream);
}

static size_t memory(const struct channel *channel)
{
    const struct stream_connection *stream = (const struct stream_connection *)channel;
    return stream->held.capacity + stream->out.capacity + stream->due.capacity + stream->cluster.capacity;
}

const struct channel_type stream_type = {
    .new_channel = new_stream,
    .opened = opened,
    .read_turn = read_turn,
    .flush = flush,
    .reads = reads,
    .writes = writes,
    .holds = holds,
    .expire = expire,
    .drain = drain,
    .let_go = let_go,
    .free_channel = free_stream,
    .memory = memory,
};
