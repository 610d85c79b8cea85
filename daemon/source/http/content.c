/* SPDX-License-Identifier: Apache-2.0 */
/* A body's content to the handler, unpacked where it is compressed. What cannot be unpacked to its end is decided on what came out of it,
 * as any body that breaks off: nobody hides an event behind a damaged byte. What unpacks to too much is cut off there: nobody hides what
 * came before either. */
#include "connection.h"

#include "harrier/base/budget.h"
#include "harrier/base/log.h"

/* Content-Encoding's names (RFC 9110 section 8.4.1) of what is unpacked here. */
static const struct {
    const char *name;
    enum inflate_format format;
} codings[] = {{"gzip", INFLATE_GZIP}, {"x-gzip", INFLATE_GZIP}, {"deflate", INFLATE_DEFLATE}, {"zstd", INFLATE_ZSTD}};

static bool coding_find(struct slice name, enum inflate_format *format)
{
    for (size_t i = 0; i < sizeof codings / sizeof codings[0]; i++) {
        if (!slice_equal_ascii_nocase(name, slice_of(codings[i].name)))
            continue;
        *format = codings[i].format;
        return true;
    }
    return false;
}

/* A list, of which at most one member changes anything: "identity" may stand beside it, and nothing (RFC 9110 section 5.6.1.2). False: there is another. */
static bool codings_read(struct slice encoding, bool *packed, enum inflate_format *format)
{
    *packed = false;
    for (struct slice rest = encoding; rest.length;) {
        ptrdiff_t comma = slice_find_byte(rest, ',');
        struct slice name = slice_trim(comma < 0 ? rest : slice_first(rest, (size_t)comma));
        rest = comma < 0 ? slice_make(NULL, 0) : slice_from(rest, (size_t)comma + 1);
        if (name.length == 0 || slice_equal_ascii_nocase(name, SLICE("identity")))
            continue;
        if (*packed || !coding_find(name, format))
            return false;
        *packed = true;
    }
    return true;
}

bool content_is_known(struct slice encoding)
{
    enum inflate_format format;
    bool packed;

    return codings_read(encoding, &packed, &format);
}

void content_free(struct connection *connection)
{
    inflater_free(connection->inflater);
    connection->inflater = NULL;
    buffer_free(&connection->put_off);
    connection->unfinished = connection->body_ended = false;
    connection->over_bound = NULL;
}

static bool on_budget(void *context, ptrdiff_t bytes)
{
    struct budget *budget = ((struct source_worker *)context)->budget;

    if (budget && bytes < 0)
        budget_give(budget, (uint64_t)-bytes);
    return !budget || bytes < 0 || budget_take(budget, (uint64_t)bytes);
}

bool content_begin(struct connection *connection, struct slice encoding)
{
    struct source_worker *worker = connection->channel.worker;
    const struct inflate_limits inflate = {worker->limits.inflated_bytes, worker->limits.inflate_ratio, on_budget, worker};

    content_free(connection);
    connection->inflated_bytes = 0;
    connection->damaged = false;
    enum inflate_format format = INFLATE_GZIP;
    bool packed;
    if (!codings_read(encoding, &packed, &format) || !packed)
        return true;
    connection->inflater = inflater_new(format, &inflate);
    return connection->inflater != NULL;
}

static void log_damage(struct connection *connection, const char *what, const char *detail)
{
    struct source_worker *worker = connection->channel.worker;
    const char *name = worker->endpoints[connection->channel.source].name;
    char who[ADDRESS_TEXT_SIZE];
    uint64_t left_out;

    if (log_limit_due(&worker->logged_content, &left_out))
        log_write_fields(
            LOG_LEVEL_WARNING,
            LOG_FIELDS({LOG_FIELD_SOURCE, slice_of(name)}, {LOG_FIELD_PEER, slice_of(address_format(&connection->channel.peer, who))}),
            "source `%s`: the compressed body of a request from %s %s: %s; %llu more since the line before", name, who, what, detail,
            (unsigned long long)left_out);
}

static enum result content_give(struct connection *connection, struct slice bytes)
{
    const struct source_handler *handler = &connection->channel.worker->handler;
    enum result result = handler->body(connection->request->context, bytes);

    if (result == RESULT_OK && handler->go_on)
        connection->unfinished = handler->go_on(connection->request->context);
    return result;
}

static void content_refuse_busy(struct connection *connection)
{
    request_refuse_rest(
        connection,
        (struct refusal){503, connection->channel.worker->limits.retry_after, "no room for this request now; send it again later"},
        SOURCE_BOUND_REFUSED);
}

/* packed: the piece in which it showed. If nothing came out before, this is what the handler has to judge, and keeps as a dead letter. */
static void note_damage(struct connection *connection, struct slice packed)
{
    connection->damaged = true;
    counter_add(&connection->channel.worker->counters.damaged_bodies, 1);
    log_damage(connection, "cannot be unpacked to its end", inflater_error(connection->inflater));
    if (connection->inflated_bytes == 0 && packed.length && content_give(connection, packed) != RESULT_OK)
        content_refuse_busy(connection);
}

bool content_is_unfinished(const struct connection *connection)
{
    return connection->unfinished || connection->put_off.length || (connection->inflater && inflater_has_more(connection->inflater));
}

static void end_unpacking(struct connection *connection, enum result result, struct slice packed)
{
    if (result == RESULT_LIMIT)
        request_cut(connection, "the body unpacks to more than limits.inflated_bytes and limits.inflate_ratio allow; raise them",
                    SOURCE_BOUND_INFLATED);
    else if (result == RESULT_BUSY)
        content_refuse_busy(connection);
    else if (result != RESULT_OK)
        note_damage(connection, packed);
}

/* As far as the turn goes; returns how many bytes were taken. */
static size_t content_unpack(struct connection *connection, struct slice bytes)
{
    struct slice rest = bytes, unpacked;

    while (connection->inflated_in_turn < CONTENT_TURN_BYTES && !connection->unfinished) {
        enum result result = inflater_next(connection->inflater, &rest, &unpacked);
        if (unpacked.length == 0) {
            end_unpacking(connection, result, bytes);
            return bytes.length;
        }
        connection->inflated_bytes += unpacked.length;
        connection->inflated_in_turn += unpacked.length;
        if (content_give(connection, unpacked) != RESULT_OK) {
            content_refuse_busy(connection);
            return bytes.length;
        }
    }
    return bytes.length - rest.length;
}

static size_t content_take(struct connection *connection, struct slice bytes)
{
    if (connection->inflater)
        return content_unpack(connection, bytes);
    if (bytes.length && content_give(connection, bytes) != RESULT_OK)
        content_refuse_busy(connection);
    return bytes.length;
}

/* One read may hold thousands of chunks, and each that is given has the handler work for a turn. */
void content_feed(struct connection *connection, struct slice bytes)
{
    if (connection->damaged)
        return;
    size_t taken = content_is_unfinished(connection) ? 0 : content_take(connection, bytes);
    if (taken < bytes.length)
        buffer_append_slice(&connection->put_off, slice_from(bytes, taken));
}

void content_cut(struct connection *connection, const char *error)
{
    if (content_is_unfinished(connection))
        connection->over_bound = error;
    else
        request_cut(connection, error, SOURCE_BOUND_BODY_BYTES);
}

static void content_take_put_off(struct connection *connection)
{
    struct buffer put_off = connection->put_off;
    bool ended = connection->body_ended;

    connection->put_off = (struct buffer){NULL, 0, 0};
    size_t taken = content_take(connection, buffer_slice(&put_off));
    if (connection->state == CONNECTION_BODY) {
        buffer_consume(&put_off, taken);
        connection->put_off = put_off;
    } else { /* all of the body's is freed */
        buffer_free(&put_off);
        connection->body_ended = ended;
    }
}

/* That it takes long is not the client's fault: its time runs when it is its turn again. */
void content_go_on(struct connection *connection)
{
    struct source_worker *worker = connection->channel.worker;

    channel_set_deadline(&connection->channel, worker->limits.body_progress_timeout);
    if (connection->unfinished)
        connection->unfinished = worker->handler.go_on(connection->request->context);
    if (!connection->unfinished && !connection->damaged)
        content_take_put_off(connection);
    if (content_is_unfinished(connection))
        return;
    bool ended = connection->body_ended;
    connection->body_ended = false;
    if (connection->over_bound)
        request_cut(connection, connection->over_bound, SOURCE_BOUND_BODY_BYTES);
    if (ended)
        request_end(connection);
}

void content_end(struct connection *connection)
{
    bool empty = connection->body_bytes == 0;

    if (!connection->inflater || connection->damaged || empty || inflater_finish(connection->inflater) == RESULT_OK) {
        content_free(connection);
        return;
    }
    note_damage(connection, slice_make(NULL, 0));
    if (connection->inflated_bytes) {
        content_free(connection);
        return;
    }
    request_give_up(connection);
    connection->refusal = (struct refusal){400, 0, "the compressed body breaks off before anything could be unpacked"};
    connection->state = CONNECTION_DRAIN;
}
