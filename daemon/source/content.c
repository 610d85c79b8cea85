/* SPDX-License-Identifier: Apache-2.0 */
/* A body's content to the handler, unpacked where it is compressed. What cannot be unpacked to its end is decided on what came out of it,
 * as any body that breaks off: nobody hides an event behind a damaged byte. What unpacks to too much is cut off there: nobody hides what
 * came before either. */
#include "daemon/source/connection.h"

#include "harrier/log.h"

static bool is_gzip(struct slice encoding)
{
    return slice_equal_ascii_nocase(encoding, SLICE("gzip")) || slice_equal_ascii_nocase(encoding, SLICE("x-gzip"));
}

static bool is_zstd(struct slice encoding)
{
    return slice_equal_ascii_nocase(encoding, SLICE("zstd"));
}

static bool is_identity(struct slice encoding)
{
    return encoding.length == 0 || slice_equal_ascii_nocase(encoding, SLICE("identity"));
}

bool content_is_known(struct slice encoding)
{
    return is_identity(encoding) || is_gzip(encoding) || is_zstd(encoding);
}

void content_free(struct connection *connection)
{
    inflater_free(connection->inflater);
    connection->inflater = NULL;
}

void content_begin(struct connection *connection, struct slice encoding)
{
    const struct source_limits *limits = &connection->channel.worker->limits;
    const struct inflate_limits inflate = {limits->inflated_bytes, limits->inflate_ratio};

    content_free(connection);
    connection->inflated_bytes = 0;
    connection->damaged = false;
    if (!is_identity(encoding))
        connection->inflater = inflater_new(is_zstd(encoding) ? INFLATE_ZSTD : INFLATE_GZIP, &inflate);
}

static void log_trouble(struct connection *connection, const char *what, const char *detail)
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

static enum result give(struct connection *connection, struct slice bytes)
{
    return connection->channel.worker->handler.body(connection->request->context, bytes);
}

static void refuse_busy(struct connection *connection)
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
    log_trouble(connection, "cannot be unpacked to its end", inflater_error(connection->inflater));
    if (connection->inflated_bytes == 0 && packed.length && give(connection, packed) != RESULT_OK)
        refuse_busy(connection);
}

struct outlet {
    struct connection *connection;
    bool refused; /* by the handler */
};

static enum result unpacked(void *data, struct slice bytes)
{
    struct outlet *outlet = data;

    outlet->connection->inflated_bytes += bytes.length;
    outlet->connection->inflated_in_turn += bytes.length;
    enum result result = give(outlet->connection, bytes);
    outlet->refused = result != RESULT_OK;
    return result;
}

void content_feed(struct connection *connection, struct slice bytes)
{
    struct outlet outlet = {connection, false};

    if (connection->damaged)
        return;
    if (!connection->inflater) {
        if (give(connection, bytes) != RESULT_OK)
            refuse_busy(connection);
        return;
    }
    enum result result = inflater_feed(connection->inflater, bytes, unpacked, &outlet);
    if (outlet.refused)
        refuse_busy(connection);
    else if (result == RESULT_LIMIT)
        request_cut(connection, "the body unpacks to more than limits.inflated_bytes and limits.inflate_ratio allow; raise them",
                    SOURCE_BOUND_INFLATED);
    else if (result != RESULT_OK)
        note_damage(connection, bytes);
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
