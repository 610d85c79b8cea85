/* SPDX-License-Identifier: Apache-2.0 */
/* A request's way: is it wanted, its body to the handler, its end. */
#include "connection.h"

#include "daemon/source/auth/access.h"
#include "daemon/source/path.h"
#include "daemon/source/auth/stamped_file.h"
#include "harrier/base/log.h"

/* The type without its parameters. */
static struct slice media_type(struct slice content_type)
{
    ptrdiff_t semicolon = slice_find_byte(content_type, ';');
    return slice_trim(semicolon < 0 ? content_type : slice_first(content_type, (size_t)semicolon));
}

static const struct source_endpoint *endpoint_of(const struct connection *connection)
{
    return &connection->channel.worker->endpoints[connection->channel.source];
}

static bool is_msgpack(struct slice content_type)
{
    struct slice type = media_type(content_type);
    return slice_equal_ascii_nocase(type, SLICE("application/msgpack")) || slice_equal_ascii_nocase(type, SLICE("application/x-msgpack"));
}

static bool is_validation(const struct connection *connection, const struct http_head *head)
{
    return endpoint_of(connection)->event_grid && slice_equal_ascii_nocase(head->event_grid_type, SLICE("SubscriptionValidation"));
}

/* A sender's default that no retry mends: somebody has to be told. */
static void log_msgpack(struct connection *connection)
{
    const char *name = endpoint_of(connection)->name;
    char who[ADDRESS_TEXT_SIZE];
    uint64_t left_out;

    if (log_limit_due(&connection->channel.worker->logged_msgpack, &left_out))
        log_write_fields(
            LOG_LEVEL_ERROR,
            LOG_FIELDS({LOG_FIELD_SOURCE, slice_of(name)}, {LOG_FIELD_PEER, slice_of(address_format(&connection->channel.peer, who))}),
            "source `%s`: %s sends msgpack, which is not read: its events are lost until it is set to JSON (Fluent Bit: Format json); %llu "
            "more requests since the line before",
            name, who, (unsigned long long)left_out);
}

static void log_refused_sender(struct connection *connection, const struct access_decision *decision, struct slice cluster)
{
    const char *name = endpoint_of(connection)->name;
    char who[ADDRESS_TEXT_SIZE];
    uint64_t left_out;

    if (log_limit_due(&connection->channel.worker->logged_access, &left_out))
        log_write_fields(LOG_LEVEL_WARNING,
                         LOG_FIELDS({LOG_FIELD_SOURCE, slice_of(name)},
                                    {LOG_FIELD_PEER, slice_of(address_format(&connection->channel.peer, who))},
                                    {LOG_FIELD_CLIENT, decision->client_name}),
                         "source `%s`: a request from %s (client `%.*s`, for the cluster `%.*s`) was refused (%u): %s; %llu more since the line before",
                         name, who, SLICE_ARGS(decision->client_name.length ? decision->client_name : SLICE("unknown")),
                         SLICE_ARGS(cluster.length ? cluster : SLICE("of the source")), decision->status, decision->error, (unsigned long long)left_out);
}

/* Who sends, and for which cluster. */
static struct refusal judge_sender(struct connection *connection, const struct http_head *head, const struct path_parts *parts,
                                   struct access_decision *decision)
{
    struct source_worker *worker = connection->channel.worker;
    const struct access_facts facts = {
        .authorization = head->authorization,
        .access_key = head->firehose_access_key,
        .path_token = parts->token,
        .cluster = parts->cluster,
        .certificate = connection->channel.transport.identity,
        .now = clock_wall(),
    };

    access_decide(endpoint_of(connection), &facts, decision);
    if (!decision->status)
        return (struct refusal){0};
    counter_add(decision->status == 401 ? &worker->counters.access_unknown : &worker->counters.access_forbidden, 1);
    log_refused_sender(connection, decision, parts->cluster);
    return (struct refusal){decision->status, 0, decision->error};
}

/* What the head alone is enough to refuse; status 0: nothing. Only authentication may ever answer 401 or 403, and 400 is kept for
 * what cannot be read: clients drop or retry by the status. */
static struct refusal judge_content(struct connection *connection, const struct http_head *head)
{
    if (!head->is_post)
        return (struct refusal){405, 0, "audit events are sent by POST"};
    if (is_msgpack(head->content_type)) {
        log_msgpack(connection);
        return (struct refusal){415, 0, "msgpack is not read; set Format json in the sender"};
    }
    if (!content_is_known(head->content_encoding) || (head->content_encoding.length && is_validation(connection, head)))
        return (struct refusal){
            415, 0, "of compressed bodies gzip, deflate and zstd are read, one of them; set one of them in the sender, or switch the compression off"};
    return (struct refusal){0};
}

/* Asks the handler. A path with a secret in it goes no further. */
static struct refusal offer(struct connection *connection, const struct http_head *head, const struct path_parts *parts,
                            const struct access_decision *decision)
{
    bool packed = head->content_encoding.length > 0;
    struct source_refusal refusal;
    struct source_head told = {.source = connection->channel.source,
                               .path = parts->token.length ? slice_of(endpoint_of(connection)->path) : head->path,
                               .content_type = head->content_type,
                               .cluster = decision->cluster,
                               .cluster_vouched = decision->vouched,
                               .client_name = decision->client_name,
                               .content_length = head->chunked || packed ? SOURCE_LENGTH_UNKNOWN : (int64_t)head->content_length,
                               .client = &connection->channel.peer,
                               .resends = true};

    connection->request = unit_begin(connection->channel.worker, &told, connection, &connection_as_owner, &refusal);
    if (connection->request) {
        connection->client_name = decision->client_name;
        if (content_begin(connection, head->content_encoding))
            return (struct refusal){0};
        request_give_up(connection);
        counter_add(&connection->channel.worker->counters.bounds[SOURCE_BOUND_REFUSED], 1);
    }
    return (struct refusal){refusal.status, refusal.status == 503 || refusal.status == 429 ? refusal.retry_after : 0, refusal.error};
}

/* By the path and the sender: the status to refuse with, or 0 if the request is taken, be it by the handler or as a handshake. */
static struct refusal judge(struct connection *connection, const struct http_head *head, const struct path_parts *parts)
{
    struct access_decision decision;
    struct refusal refusal = judge_sender(connection, head, parts, &decision);

    if (refusal.status)
        return refusal;
    if (head->is_options && endpoint_of(connection)->event_grid && validation_keep_origin(connection, head->webhook_origin))
        return (struct refusal){.status = 200, .error = NULL};
    refusal = judge_content(connection, head);
    if (refusal.status)
        return refusal;
    connection->validating = is_validation(connection, head);
    buffer_reset(&connection->validation, 0);
    return connection->validating ? refusal : offer(connection, head, parts, &decision);
}

static struct refusal judge_head(struct connection *connection, const struct http_head *head)
{
    struct buffer decoded = {0};
    struct path_parts parts;
    struct refusal refusal;

    if (head->expects_other)
        refusal = (struct refusal){417, 0, "the only expectation known is 100-continue"};
    else if (!path_match(endpoint_of(connection)->path, head->path, &decoded, &parts))
        refusal = (struct refusal){404, 0, "nothing is served at this path; see path in the configuration's sources"};
    else
        refusal = judge(connection, head, &parts);
    stamped_file_wipe(&decoded);
    return refusal;
}

/* A body is drained before it is refused: a client that still sends would see a reset, and not the answer. */
static void refuse(struct connection *connection, const struct http_head *head, const struct refusal *refusal)
{
    if (!head->has_body) {
        answer_refusal(connection, refusal);
    } else if (head->expects_continue && !head->is_http_1_0) {
        /* the body may never come, and whether it does cannot be told: RFC 9110 section 10.1.1 has the connection end here */
        connection->closing = true;
        connection->close_reason = SOURCE_CLOSE_REFUSED_EARLY;
        answer_refusal(connection, refusal);
    } else {
        connection->refusal = *refusal;
        connection->state = CONNECTION_DRAIN;
    }
}

static void accept_body(struct connection *connection, const struct http_head *head)
{
    connection->state = CONNECTION_BODY;
    if (!head->has_body)
        request_end(connection);
    else if (head->expects_continue && !head->is_http_1_0)
        answer_continue(connection);
}

void request_begin(struct connection *connection, struct slice section)
{
    struct http_head head;
    const char *error;
    unsigned int status = http_read_head(connection->reader, section, &head, &error);

    connection->is_http_1_0 = head.is_http_1_0;
    connection->is_head = head.is_head;
    if (status) {
        answer_and_close(connection, status, error, SOURCE_CLOSE_BAD_REQUEST);
        return;
    }
    counter_add(&connection->channel.worker->counters.requests, 1);
    connection->keep_alive = head.keep_alive;
    connection->body_bytes = connection->drained_bytes = connection->progress_bytes = 0;
    connection->cut = false;
    channel_set_deadline(&connection->channel, connection->channel.worker->limits.body_progress_timeout);
    answer_keep_firehose_id(connection, head.firehose_request_id);
    struct refusal refusal = judge_head(connection, &head);
    if (refusal.status)
        refuse(connection, &head, &refusal);
    else
        accept_body(connection, &head);
}

void request_refuse_rest(struct connection *connection, struct refusal refusal, enum source_bound bound)
{
    counter_add(&connection->channel.worker->counters.bounds[bound], 1);
    request_give_up(connection);
    connection->validating = false;
    buffer_free(&connection->validation);
    connection->refusal = refusal;
    connection->state = CONNECTION_DRAIN;
}

static void log_cut(struct connection *connection, const char *error)
{
    struct source_worker *worker = connection->channel.worker;
    const char *name = endpoint_of(connection)->name;
    struct slice client = connection->client_name;
    char who[ADDRESS_TEXT_SIZE];
    uint64_t left_out;

    if (log_limit_due(&worker->logged_cut, &left_out))
        log_write_fields(LOG_LEVEL_ERROR,
                         LOG_FIELDS({LOG_FIELD_SOURCE, slice_of(name)},
                                    {LOG_FIELD_PEER, slice_of(address_format(&connection->channel.peer, who))}, {LOG_FIELD_CLIENT, client}),
                         "source `%s`: of a request from %s%s%.*s%s what is over a bound was not read, and its events are lost: %s; "
                         "%llu more since the line before",
                         name, who, client.length ? " (client `" : "", SLICE_ARGS(client), client.length ? "`)" : "", error,
                         (unsigned long long)left_out);
}

void request_cut(struct connection *connection, const char *error, enum source_bound bound)
{
    struct source_worker *worker = connection->channel.worker;

    if (connection->validating) {
        request_refuse_rest(connection, (struct refusal){413, 0, error}, bound);
        return;
    }
    counter_add(&worker->counters.bounds[bound], 1);
    log_cut(connection, error);
    content_free(connection);
    connection->cut = true;
    connection->refusal = (struct refusal){413, 0, error};
    connection->state = CONNECTION_DRAIN;
    /* now, and not when the rest is drained: what the client does until then takes nothing back */
    worker->handler.end(connection->request->context);
}

void request_body(void *data, struct slice bytes)
{
    struct connection *connection = data;
    const struct source_limits *limits = &connection->channel.worker->limits;
    uint64_t room = limits->body_bytes ? limits->body_bytes - connection->body_bytes : UINT64_MAX;

    if (connection->state != CONNECTION_BODY)
        return;
    bool over = bytes.length > room;
    bytes = over ? slice_first(bytes, (size_t)room) : bytes;
    connection->body_bytes += bytes.length;
    if (bytes.length && connection->validating)
        validation_feed(connection, bytes);
    else if (bytes.length)
        content_feed(connection, bytes);
    if (over && connection->state == CONNECTION_BODY)
        content_cut(connection, "the body is larger than limits.body_bytes allows; raise it");
}

static void wait_for_answer(struct connection *connection)
{
    connection->state = CONNECTION_WAIT;
    channel_set_deadline(&connection->channel, connection->channel.worker->limits.acknowledge_timeout);
}

void request_answer_refusal(struct connection *connection)
{
    if (connection->request)
        wait_for_answer(connection);
    else
        answer_refusal(connection, &connection->refusal);
}

void request_end(struct connection *connection)
{
    const struct source_worker *worker = connection->channel.worker;

    if (connection->state == CONNECTION_BODY && content_is_unfinished(connection)) {
        connection->body_ended = true;
        return;
    }
    if (connection->state == CONNECTION_BODY && !connection->validating)
        content_end(connection);
    if (connection->state == CONNECTION_DRAIN) {
        request_answer_refusal(connection);
        return;
    }
    if (connection->validating) {
        validation_end(connection);
        return;
    }
    wait_for_answer(connection);
    /* may answer at once, and so change the state */
    worker->handler.end(connection->request->context);
}

void request_give_up(struct connection *connection)
{
    struct source_request *request = connection->request;

    connection->request = NULL;
    content_free(connection);
    if (request && (connection->cut || connection->state == CONNECTION_WAIT))
        request->owner = NULL;
    else if (request)
        unit_abort(request);
}
