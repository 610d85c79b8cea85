/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: sent at once, kept only where the kernel takes no more. */
#include "connection.h"

#include "daemon/source/auth/access.h"
#include "harrier/json.h"

#include <time.h>

enum { KEPT_CAPACITY = 1024, FIREHOSE_ID_BYTES = 512 };

/* RFC 9110 section 5.6.7; the names are English whatever the locale. */
static void append_date(struct buffer *out)
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = time(NULL);
    struct tm utc;

    gmtime_r(&now, &utc);
    buffer_printf(out, "Date: %s, %02d %s %d %02d:%02d:%02d GMT\r\n", days[utc.tm_wday], utc.tm_mday, months[utc.tm_mon],
                  utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

static void append_fields_of_status(struct connection *connection, unsigned int status)
{
    struct buffer *out = &connection->out;

    if (status == 401)
        buffer_printf(out, "WWW-Authenticate: %s\r\n",
                      access_challenge(&connection->channel.worker->endpoints[connection->channel.source]));
    else if (status == 405)
        buffer_append_text(out, "Allow: POST\r\n");
    else if (status == 415) /* RFC 9110 section 15.5.16 */
        buffer_append_text(out, "Accept-Encoding: gzip, deflate, zstd\r\n");
}

static void append_head(struct connection *connection, unsigned int status, unsigned int retry_after, size_t length)
{
    struct buffer *out = &connection->out;

    buffer_printf(out, "HTTP/1.1 %u %s\r\n", status, http_reason(status));
    append_date(out);
    buffer_printf(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n", length);
    if (retry_after)
        buffer_printf(out, "Retry-After: %u\r\n", retry_after);
    append_fields_of_status(connection, status);
    if (connection->origin.length)
        buffer_printf(out, "WebHook-Allowed-Origin: %s\r\nWebHook-Allowed-Rate: *\r\n", connection->origin.bytes);
    if (connection->closing)
        buffer_append_text(out, "Connection: close\r\n");
    else if (connection->is_http_1_0)
        buffer_append_text(out, "Connection: keep-alive\r\n");
    buffer_append_text(out, "\r\n");
}

/* RFC 9112 section 9.6: who will close after this answer says so in it. */
static void decide_closing(struct connection *connection)
{
    if (connection->closing)
        return;
    if (!connection->keep_alive)
        connection->close_reason = SOURCE_CLOSE_ASKED;
    else if (connection->channel.worker->draining)
        connection->close_reason = SOURCE_CLOSE_SHUTDOWN;
    else
        return;
    connection->closing = true;
}

/* --- Firehose ------------------------------------------------------------------------------------------------------------------------- */

void answer_keep_firehose_id(struct connection *connection, struct slice id)
{
    buffer_reset(&connection->firehose_id, FIREHOSE_ID_BYTES);
    if (id.length <= FIREHOSE_ID_BYTES)
        buffer_append_slice(&connection->firehose_id, id);
}

/* "HTTP endpoint delivery request and response specifications": the request's id, the time in milliseconds, and what went wrong. */
static void write_firehose(const struct connection *connection, unsigned int status, struct slice json, struct buffer *out)
{
    struct json_writer *writer = json_writer_new(out, false);

    json_begin_object(writer);
    json_put_string(writer, "requestId", buffer_slice(&connection->firehose_id));
    json_put_int(writer, "timestamp", clock_wall() / CLOCK_MILLISECOND);
    if (status / 100 != 2)
        json_put_string(writer, "errorMessage", json);
    json_end_object(writer);
    json_writer_free(writer);
}

/* --- sending ---------------------------------------------------------------------------------------------------------------------------- */

static void append_answer(struct connection *connection, unsigned int status, unsigned int retry_after, struct slice json)
{
    append_head(connection, status, retry_after, json.length);
    if (!connection->is_head)
        buffer_append_slice(&connection->out, json);
}

void answer_send(struct connection *connection, unsigned int status, unsigned int retry_after, struct slice json)
{
    unsigned int class = status / 100;

    counter_add(&connection->channel.worker->counters.answers_by_class[class <= 5 ? class : 0], 1);
    decide_closing(connection);
    if (connection->firehose_id.length) {
        struct buffer reply = {0};
        write_firehose(connection, status, json, &reply);
        append_answer(connection, class == 2 ? 200 : status, retry_after, buffer_slice(&reply));
        buffer_free(&reply);
    } else {
        append_answer(connection, status, retry_after, json);
    }
    buffer_reset(&connection->firehose_id, FIREHOSE_ID_BYTES);
    buffer_reset(&connection->origin, 0);
    connection->state = CONNECTION_WRITE;
    channel_set_deadline(&connection->channel, connection->channel.worker->limits.body_progress_timeout);
    answer_flush(connection);
}

void answer_refusal(struct connection *connection, const struct refusal *refusal)
{
    char json[512];
    if (refusal->status == 200) {
        answer_send(connection, 200, 0, SLICE("{}"));
        return;
    }
    int length = snprintf(json, sizeof json, "{\"error\": \"%s\"}", refusal->error ? refusal->error : http_reason(refusal->status));

    answer_send(connection, refusal->status, refusal->retry_after,
                slice_make(json, (size_t)length < sizeof json ? (size_t)length : sizeof json - 1));
}

void answer_and_close(struct connection *connection, unsigned int status, const char *error, enum source_close reason)
{
    connection->closing = true;
    connection->close_reason = reason;
    answer_refusal(connection, &(struct refusal){.status = status, .error = error});
}

bool answer_continue(struct connection *connection)
{
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    size_t sent;

    /* everything before has been taken by the kernel: there is room for these bytes, or something is wrong */
    if (transport_send(&connection->channel.transport, interim, sizeof interim - 1, &sent) == TRANSPORT_DONE && sent == sizeof interim - 1)
        return true;
    connection_close(connection, SOURCE_CLOSE_ERROR);
    return false;
}

void answer_flush(struct connection *connection)
{
    switch (channel_send(&connection->channel, &connection->out)) {
    case TRANSPORT_AGAIN: return;
    case TRANSPORT_END:
    case TRANSPORT_BROKEN: connection_close(connection, SOURCE_CLOSE_ERROR); return;
    case TRANSPORT_DONE: break;
    }
    buffer_reset(&connection->out, KEPT_CAPACITY);
    connection_answered(connection);
}

/* What was over the bound is lost, whatever the handler says of the rest; but what it could not store is to be sent again. */
static void answer_cut(struct connection *connection, unsigned int status, unsigned int retry_after)
{
    if (status / 100 == 5)
        connection->refusal = (struct refusal){status, retry_after, "not stored; send it again later"};
    if (connection->state == CONNECTION_WAIT)
        answer_refusal(connection, &connection->refusal);
}

static void answered(void *owner, unsigned int status, unsigned int retry_after, struct slice json)
{
    struct connection *connection = owner;

    connection->request = NULL;
    if (connection->cut)
        answer_cut(connection, status, retry_after);
    else
        answer_send(connection, status, retry_after, json);
    channel_settle(&connection->channel);
}

const struct request_owner connection_as_owner = {.answered = answered};
