/* SPDX-License-Identifier: Apache-2.0 */
/* A request's way: is it wanted, its body to the handler, its end. */
#include "daemon/source/connection.h"

#include "harrier/memory.h"

#include <stdlib.h>

static struct slice without_slash(struct slice path)
{
    if (path.length && path.bytes[path.length - 1] == '/')
        path.length--;
    return path;
}

/* The type without its parameters. */
static struct slice media_type(struct slice content_type)
{
    ptrdiff_t semicolon = slice_find_byte(content_type, ';');
    return slice_trim(semicolon < 0 ? content_type : slice_first(content_type, (size_t)semicolon));
}

/* What the head alone is enough to refuse; status 0: nothing. Only authentication may ever answer 401 or 403, and 400 is kept for
 * what cannot be read: clients drop or retry by the status. */
static struct refusal judge_head(const struct connection *connection, const struct http_head *head)
{
    const struct source_worker *worker = connection->worker;
    const struct source_endpoint *endpoint = &worker->endpoints[connection->source];
    struct slice type = media_type(head->content_type);

    if (head->expects_other)
        return (struct refusal){417, 0, "the only expectation known is 100-continue"};
    if (head->path.length == 0 || !slice_equal(without_slash(head->path), without_slash(slice_of(endpoint->path))))
        return (struct refusal){404, 0, "nothing is served at this path; see path in the configuration's sources"};
    if (!head->is_post)
        return (struct refusal){405, 0, "audit events are sent by POST"};
    if (slice_equal_ascii_nocase(type, SLICE("application/msgpack")) || slice_equal_ascii_nocase(type, SLICE("application/x-msgpack")))
        return (struct refusal){415, 0, "msgpack is not read; set Format json in the sender"};
    if (head->content_encoding.length && !slice_equal_ascii_nocase(head->content_encoding, SLICE("identity")))
        return (struct refusal){415, 0, "compressed bodies are not read; switch the compression off in the sender"};
    if (worker->limits.body_bytes && head->content_length > worker->limits.body_bytes)
        return (struct refusal){413, 0, "the body is larger than limits.body_bytes"};
    return (struct refusal){0};
}

/* Asks the handler. */
static struct refusal offer(struct connection *connection, const struct http_head *head)
{
    struct source_worker *worker = connection->worker;
    struct address client = client_of(&worker->endpoints[connection->source], &connection->peer, head->forwarded_for);
    struct source_refusal refusal = {503, worker->limits.retry_after, NULL};
    struct source_head told = {.source = connection->source,
                               .path = head->path,
                               .content_type = head->content_type,
                               .content_length = head->chunked ? SOURCE_LENGTH_UNKNOWN : (int64_t)head->content_length,
                               .client = &client};
    struct source_request *request = xcalloc(1, sizeof *request);

    request->worker = worker;
    request->connection = connection;
    request->context = worker->handler.begin(worker->handler.data, request, &told, &refusal);
    if (request->context) {
        LIST_INSERT_HEAD(&worker->requests, request, entry);
        connection->request = request;
        return (struct refusal){0};
    }
    free(request);
    counter_add(&worker->counters.bounds[SOURCE_BOUND_REFUSED], 1);
    return (struct refusal){refusal.status, refusal.status == 503 || refusal.status == 429 ? refusal.retry_after : 0, refusal.error};
}

/* A body is drained before it is refused: a client that still sends would see a reset, and not the answer. */
static void refuse(struct connection *connection, const struct http_head *head, const struct refusal *refusal)
{
    if (refusal->status == 413)
        counter_add(&connection->worker->counters.bounds[SOURCE_BOUND_BODY_BYTES], 1);
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
    counter_add(&connection->worker->counters.requests, 1);
    connection->keep_alive = head.keep_alive;
    connection->body_bytes = connection->drained_bytes = connection->progress_bytes = 0;
    connection_set_deadline(connection, connection->worker->limits.body_progress_timeout);
    struct refusal refusal = judge_head(connection, &head);
    if (!refusal.status)
        refusal = offer(connection, &head);
    if (refusal.status)
        refuse(connection, &head, &refusal);
    else
        accept_body(connection, &head);
}

static void stop_body(struct connection *connection, struct refusal refusal, enum source_bound bound)
{
    counter_add(&connection->worker->counters.bounds[bound], 1);
    request_abort(connection);
    connection->refusal = refusal;
    connection->state = CONNECTION_DRAIN;
}

void request_body(void *data, struct slice bytes)
{
    struct connection *connection = data;
    const struct source_limits *limits = &connection->worker->limits;

    connection->body_bytes += bytes.length;
    if (connection->state != CONNECTION_BODY)
        return;
    if (limits->body_bytes && connection->body_bytes > limits->body_bytes)
        stop_body(connection, (struct refusal){413, 0, "the body is larger than limits.body_bytes"}, SOURCE_BOUND_BODY_BYTES);
    else if (connection->worker->handler.body(connection->request->context, bytes) != RESULT_OK)
        stop_body(connection, (struct refusal){503, limits->retry_after, "no room for this request now; send it again later"},
                  SOURCE_BOUND_REFUSED);
}

void request_end(struct connection *connection)
{
    const struct source_worker *worker = connection->worker;

    if (connection->state == CONNECTION_DRAIN) {
        answer_refusal(connection, &connection->refusal);
        return;
    }
    connection->state = CONNECTION_WAIT;
    connection_set_deadline(connection, worker->limits.acknowledge_timeout);
    /* may answer at once, and so change the state */
    worker->handler.end(connection->request->context);
}

void request_abort(struct connection *connection)
{
    struct source_request *request = connection->request;

    if (!request)
        return;
    connection->request = NULL;
    LIST_REMOVE(request, entry);
    connection->worker->handler.abort(request->context);
    free(request);
}
