/* SPDX-License-Identifier: Apache-2.0 */
/* Messages into units, and what becomes of a unit's answer. */
#include "daemon/source/auth/access.h"
#include "daemon/source/path.h"
#include "stream.h"

#include "harrier/base/log.h"

#define PAUSE (100 * CLOCK_MILLISECOND)
#define PAUSE_FOR_RATE CLOCK_SECOND

static const struct source_endpoint *endpoint_of(const struct stream_connection *stream)
{
    return &stream->channel.worker->endpoints[stream->channel.source];
}

static struct stream_counters *counters_of(const struct stream_connection *stream)
{
    return &stream->channel.worker->streams[stream->channel.source];
}

static void log_trouble(struct stream_connection *stream, const char *what)
{
    char who[ADDRESS_TEXT_SIZE];
    uint64_t left_out;

    if (log_limit_due(&counters_of(stream)->trouble, &left_out))
        log_about(LOG_LEVEL_WARNING, LOG_FIELD_SOURCE, endpoint_of(stream)->name, "source `%s`: %s: %s; %llu more since the line before",
                  endpoint_of(stream)->name, address_format(&stream->channel.peer, who), what, (unsigned long long)left_out);
}

/* --- who may send ---------------------------------------------------------------------------------------------------------------------- */

/* named: the cluster that a message names. */
static bool decide_access(struct stream_connection *stream, struct slice named, struct access_decision *decision)
{
    const struct access_facts facts = {.cluster = named, .certificate = stream->channel.transport.identity, .now = clock_wall()};
    struct counters *counters = &stream->channel.worker->counters;

    access_decide(endpoint_of(stream), &facts, decision);
    if (decision->status == 403 && named.length)
        decision->error = "a message's structured data names another cluster than this client speaks for";
    if (!decision->status && named.length && !path_is_cluster_name(named)) {
        decision->status = 403;
        decision->error = "a message's structured data has a cluster that is no name (1 to 253 of A-Z a-z 0-9 . _ : -)";
    }
    if (!decision->status)
        return true;
    counter_add(decision->status == 401 ? &counters->access_unknown : &counters->access_forbidden, 1);
    log_trouble(stream, decision->error);
    return false;
}

bool stream_admit(struct stream_connection *stream)
{
    struct access_decision decision;

    if (decide_access(stream, slice_make(NULL, 0), &decision))
        return true;
    channel_close(&stream->channel, SOURCE_CLOSE_FORBIDDEN);
    return false;
}

/* May the message that begins be taken? If it is only the cluster that it names, the message alone is refused: any program of a node can write one
 * (`logger --sd-param`), and RELP's client would send it again as the first of each next connection, for ever. */
static bool is_allowed(struct stream_connection *stream, struct slice named, struct access_decision *decision)
{
    const struct access_facts client = {.certificate = stream->channel.transport.identity, .now = clock_wall()};
    struct access_decision of_client;

    if (decide_access(stream, named, decision))
        return true;
    access_decide(endpoint_of(stream), &client, &of_client);
    if (named.length && !of_client.status) {
        stream->unbegun = false;
        stream->passed_over = true;
    } else {
        stream->forbidden = true;
        stream_begin_closing(stream, SOURCE_CLOSE_FORBIDDEN);
    }
    return false;
}

/* --- units ----------------------------------------------------------------------------------------------------------------------------- */

bool stream_is_between(const struct stream_connection *stream)
{
    return syslog_reader_is_between(stream->syslog) && !stream->unbegun;
}

static void pause_for(struct stream_connection *stream, clock_nanos time)
{
    const struct timeval after = {time / CLOCK_SECOND, time % CLOCK_SECOND / 1000};

    counter_add(&counters_of(stream)->pauses, 1);
    stream->paused = true;
    event_add(&stream->retry, &after);
}

static void forget_unit(struct stream_connection *stream)
{
    stream->unit = NULL;
    stream->waiting = false;
    stream->unit_due = false;
    stream->unfinished = false;
    stream->unit_bytes = 0;
}

/* 400: not one JSON value was in it, and what was is in the dead letters. */
static void answered(void *owner, unsigned int status, unsigned int retry_after, struct slice json)
{
    struct stream_connection *stream = owner;

    (void)retry_after;
    (void)json;
    forget_unit(stream);
    if (status / 100 == 2 || status == 400) {
        buffer_append_slice(&stream->out, buffer_slice(&stream->due));
    } else {
        counter_add(&counters_of(stream)->not_stored, 1);
        if (!stream->is_relp)
            log_about(LOG_LEVEL_ERROR, LOG_FIELD_SOURCE, endpoint_of(stream)->name,
                      "source `%s`: messages could not be stored (%u) and are lost: plain syslog does not send them again",
                      endpoint_of(stream)->name, status);
        stream_begin_closing(stream, SOURCE_CLOSE_NOT_STORED);
    }
    buffer_reset(&stream->due, STREAM_OUT_BYTES);
    if (stream->channel.running)
        return;
    stream_wind_up(stream);
    channel_settle(&stream->channel);
}

static const struct request_owner stream_as_owner = {.answered = answered};

void stream_end_unit(struct stream_connection *stream)
{
    struct source_request *unit = stream->unit;

    stream->unfinished = false; /* the rest is done before the answer */
    if (stream->leaving) {
        forget_unit(stream);
        unit->owner = NULL;
    } else {
        stream->waiting = true;
    }
    unit->worker->handler.end(unit->context);
}

static bool begin_unit(struct stream_connection *stream, struct slice named, const struct access_decision *decision)
{
    struct source_refusal refusal;
    const struct source_head head = {.source = stream->channel.source,
                                     .cluster = decision->cluster,
                                     .cluster_vouched = decision->vouched,
                                     .client_name = decision->client_name,
                                     .content_length = SOURCE_LENGTH_UNKNOWN,
                                     .client = &stream->channel.peer,
                                     .resends = stream->is_relp,
                                     .last = stream->leaving};
    stream->unit = unit_begin(stream->channel.worker, &head, stream, &stream_as_owner, &refusal);
    if (!stream->unit) {
        if (!stream->leaving)
            pause_for(stream, refusal.status == 429 ? PAUSE_FOR_RATE : PAUSE);
        return false;
    }
    buffer_reset(&stream->cluster, 256);
    buffer_append_slice(&stream->cluster, named);
    return true;
}

/* The message that has begun gets a unit, at once or with a later step. */
static void tell_message(struct stream_connection *stream)
{
    const struct source_handler *handler = &stream->unit->worker->handler;

    const char *refused = syslog_reader_refused(stream->syslog);

    stream->unbegun = false;
    if (handler->message_begin)
        handler->message_begin(stream->unit->context, syslog_reader_header(stream->syslog)->hostname);
    if (refused && handler->message_refused)
        handler->message_refused(stream->unit->context, refused);
}

static void begin_message(struct stream_connection *stream)
{
    struct slice named = slice_make(NULL, 0);
    struct access_decision decision;

    if (endpoint_of(stream)->cluster_from_syslog)
        named = syslog_reader_header(stream->syslog)->cluster;
    stream->unbegun = true;
    stream->text_bytes = 0;
    stream->last_byte = '\0';
    bool fits = stream->unit && slice_equal(buffer_slice(&stream->cluster), named);
    if (!fits && !is_allowed(stream, named, &decision))
        return;
    if (!fits && stream->unit)
        stream_end_unit(stream);
    bool goes_on = stream->leaving || stream_can_take(stream);
    if (goes_on && (stream->unit || begin_unit(stream, named, &decision)))
        tell_message(stream);
}

static void abort_unit(struct stream_connection *stream)
{
    struct source_request *unit = stream->unit;

    forget_unit(stream);
    buffer_reset(&stream->due, 0);
    unit_abort(unit);
}

/* --- messages -------------------------------------------------------------------------------------------------------------------------- */

/* A turn's worth of work with what came; in a later one there is more, if it says so. */
static void let_work(struct stream_connection *stream)
{
    const struct source_handler *handler = &stream->channel.worker->handler;

    if (stream->unit && handler->go_on && !stream->leaving)
        stream->unfinished = handler->go_on(stream->unit->context);
}

/* The handler should never refuse a plain sender's bytes: they are lost then. RELP's client sends them again on its next connection; a plain one's
 * next messages are still to be taken. */
static void add_text(struct stream_connection *stream, struct slice text)
{
    struct source_request *unit = stream->unit;
    size_t at = text.length;

    if (stream->passed_over)
        return;
    stream->unit_bytes += text.length;
    stream->text_bytes += text.length;
    while (at && strchr(" \t\r\n", text.bytes[at - 1]))
        at--;
    if (at)
        stream->last_byte = text.bytes[at - 1];
    if (unit->worker->handler.body(unit->context, text) == RESULT_OK) {
        let_work(stream);
        return;
    }
    abort_unit(stream);
    counter_add(&counters_of(stream)->not_stored, 1);
    log_trouble(stream, stream->is_relp ? "there is no room for a message now; the client will send it again"
                                        : "a message was refused and is lost: plain syslog does not send it again");
    if (stream->is_relp) {
        channel_close(&stream->channel, SOURCE_CLOSE_NOT_STORED);
    } else {
        stream->passed_over = true;
        stream_begin_closing(stream, SOURCE_CLOSE_NOT_STORED);
    }
}

/* rsyslog cuts at 8 KiB unless it is told otherwise, and audit events are larger. */
static void note_cut(struct stream_connection *stream)
{
    struct stream_counters *counters = counters_of(stream);

    if (stream->last_byte == '}' || stream->last_byte == ']' || syslog_reader_refused(stream->syslog))
        return;
    counter_add(&counters->cut_off, 1);
    if (!counters->told_of_cut)
        log_about(LOG_LEVEL_WARNING, LOG_FIELD_SOURCE, endpoint_of(stream)->name,
                  "source `%s`: a message of %llu bytes ends inside its JSON: what was cut off is not seen. Where the sender bounds its "
                  "messages, raise the bound (rsyslog: maxMessageSize)",
                  endpoint_of(stream)->name, (unsigned long long)stream->text_bytes);
    counters->told_of_cut = true;
}

/* A message, or a frame, is over. */
static void at_border(struct stream_connection *stream)
{
    if (stream->unit && (stream->unit_due || stream->unit_bytes >= STREAM_UNIT_BYTES))
        stream_end_unit(stream);
}

static void end_message(struct stream_connection *stream)
{
    struct source_request *unit = stream->unit;

    if (!stream->passed_over) {
        unit->worker->handler.message_end(unit->context);
        let_work(stream);
        note_cut(stream);
    }
    stream->passed_over = false;
    stream->progress_bytes = SOURCE_PROGRESS_BYTES;
    stream->message_until = 0;
    if (!stream->is_relp)
        at_border(stream);
}

static void note_other(struct stream_connection *stream)
{
    struct stream_counters *counters = counters_of(stream);

    stream->progress_bytes = SOURCE_PROGRESS_BYTES;
    stream->message_until = 0;
    if (!counters->told_of_other)
        log_about(LOG_LEVEL_NOTICE, LOG_FIELD_SOURCE, endpoint_of(stream)->name,
                  "source `%s`: messages without JSON arrive, which are no audit events; they are counted and passed over",
                  endpoint_of(stream)->name);
    counters->told_of_other = true;
}

static void note_misframed(struct stream_connection *stream)
{
    const char *misframed = syslog_reader_misframed(stream->syslog);

    if (!misframed)
        return;
    counter_add(&counters_of(stream)->bad_frames, 1);
    log_trouble(stream, misframed);
}

static void break_off(struct stream_connection *stream, const char *error)
{
    counter_add(&counters_of(stream)->bad_frames, 1);
    log_trouble(stream, error);
    stream_begin_closing(stream, SOURCE_CLOSE_BAD_REQUEST);
}

/* False: it takes more bytes. */
static bool take_message_step(struct stream_connection *stream, struct slice *bytes)
{
    struct slice text;

    switch (syslog_next(stream->syslog, bytes, &text)) {
    case SYSLOG_MORE: return false;
    case SYSLOG_BEGIN:
        note_misframed(stream);
        begin_message(stream);
        break;
    case SYSLOG_TEXT: add_text(stream, text); break;
    case SYSLOG_END: end_message(stream); break;
    case SYSLOG_OTHER: note_other(stream); break;
    }
    return true;
}

/* --- the end of a connection ----------------------------------------------------------------------------------------------------------- */

static void note_lost(struct stream_connection *stream, size_t bytes)
{
    uint64_t left_out;

    counter_add(&counters_of(stream)->not_stored, 1);
    if (log_limit_due(&counters_of(stream)->trouble, &left_out))
        log_about(LOG_LEVEL_ERROR, LOG_FIELD_SOURCE, endpoint_of(stream)->name,
                  "source `%s`: a connection ended with a message begun and %zu bytes behind its header read that could not be taken: they are "
                  "lost, as plain syslog does not send them again; %llu more since the line before",
                  endpoint_of(stream)->name, bytes, (unsigned long long)left_out);
}

/* False: no more can be taken. */
static bool take_step_leaving(struct stream_connection *stream, struct slice *bytes)
{
    return take_message_step(stream, bytes) && !stream->unbegun;
}

/* What a plain sender's connection has read and not yet given to a unit goes into a last one, for whose answer nobody waits. */
static void take_rest(struct stream_connection *stream, struct slice rest)
{
    if (stream->unbegun)
        begin_message(stream);
    while (!stream->unbegun && take_step_leaving(stream, &rest))
        continue;
    syslog_reader_finish(stream->syslog);
    while (!stream->unbegun && take_step_leaving(stream, &rest))
        continue;
    if (stream->unbegun && !stream->forbidden)
        note_lost(stream, rest.length);
    if (stream->unit)
        stream_end_unit(stream);
}

void stream_leave(struct stream_connection *stream, struct slice rest)
{
    struct source_request *unit = stream->unit;

    if (unit && stream->waiting) {
        unit->owner = NULL;
        forget_unit(stream);
    } else if (unit && stream->is_relp) {
        abort_unit(stream);
    }
    stream->leaving = true;
    if (!stream->is_relp)
        take_rest(stream, rest);
}

/* --- RELP ------------------------------------------------------------------------------------------------------------------------------ */

/* Responses come in the order of the commands: after those that wait for the unit. */
static void respond(struct stream_connection *stream, struct slice text)
{
    relp_append_response(stream->unit ? &stream->due : &stream->out, stream->relp.transaction, text);
}

/* A frame that is not in hand as a whole may be cut off, and would then take those before it with it. */
static void begin_frame(struct stream_connection *stream, struct slice bytes)
{
    syslog_reader_frame(stream->syslog, stream->relp.data_left);
    if (stream->unit && stream->relp.data_left > bytes.length)
        stream_end_unit(stream);
}

static void end_frame(struct stream_connection *stream)
{
    respond(stream, SLICE("200 OK"));
    stream->unit_bytes += stream->unit ? SLICE("999999999 syslog 999999999 \n").length : 0; /* so that many small ones are a large unit too */
    at_border(stream);
}

static bool take_command_step(struct stream_connection *stream, struct slice *bytes)
{
    struct slice data;

    switch (relp_next(&stream->relp, bytes, &data)) {
    case RELP_MORE: return false;
    case RELP_OPEN: relp_append_open_response(&stream->out, stream->relp.transaction); break;
    case RELP_OPEN_AGAIN: respond(stream, SLICE("200 the session is open")); break;
    case RELP_MESSAGE: begin_frame(stream, *bytes); break;
    case RELP_DATA: break; /* taken by take_frame_step */
    case RELP_MESSAGE_END: end_frame(stream); break;
    case RELP_CLOSE:
        respond(stream, SLICE("200 OK"));
        stream_begin_closing(stream, SOURCE_CLOSE_BY_CLIENT);
        break;
    case RELP_UNKNOWN: respond(stream, SLICE("500 this command was not offered")); break;
    case RELP_BROKEN: break_off(stream, stream->relp.error); break;
    }
    return true;
}

/* Of a message's data. False: it takes more bytes. */
static bool take_frame_step(struct stream_connection *stream, struct slice *bytes)
{
    struct slice part = slice_first(*bytes, stream->relp.data_left < bytes->length ? (size_t)stream->relp.data_left : bytes->length);
    size_t length = part.length;
    bool taken = take_message_step(stream, &part);

    if (length > part.length)
        relp_take(&stream->relp, bytes, length - part.length);
    return taken || length > part.length;
}

bool stream_take_step(struct stream_connection *stream, struct slice *bytes)
{
    if (stream->unbegun) {
        begin_message(stream);
        return true;
    }
    if (!stream->is_relp)
        return take_message_step(stream, bytes);
    if (!syslog_reader_is_between(stream->syslog))
        return take_frame_step(stream, bytes);
    return take_command_step(stream, bytes);
}

/* --- counters -------------------------------------------------------------------------------------------------------------------------- */

void stream_count(struct stream_connection *stream)
{
    const struct syslog_counts *now = syslog_reader_counts(stream->syslog);
    struct stream_counters *counters = counters_of(stream);

    counter_add(&counters->messages, now->messages - stream->counted.messages);
    counter_add(&counters->other, now->other - stream->counted.other);
    counter_add(&counters->long_headers, now->long_headers - stream->counted.long_headers);
    counter_add(&counters->cut_frames, now->cut - stream->counted.cut);
    stream->counted = *now;
}
