/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: sent at once, kept only where the kernel takes no more. */
#include "daemon/source/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

enum { KEPT_CAPACITY = 1024 };

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

static void append_head(struct connection *connection, unsigned int status, unsigned int retry_after, size_t length)
{
    struct buffer *out = &connection->out;

    buffer_printf(out, "HTTP/1.1 %u %s\r\n", status, http_reason(status));
    append_date(out);
    buffer_printf(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n", length);
    if (retry_after)
        buffer_printf(out, "Retry-After: %u\r\n", retry_after);
    if (status == 405)
        buffer_append_text(out, "Allow: POST\r\n");
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
    else if (connection->worker->draining)
        connection->close_reason = SOURCE_CLOSE_SHUTDOWN;
    else
        return;
    connection->closing = true;
}

void answer_send(struct connection *connection, unsigned int status, unsigned int retry_after, struct slice json)
{
    unsigned int class = status / 100;

    counter_add(&connection->worker->counters.answers_by_class[class <= 5 ? class : 0], 1);
    decide_closing(connection);
    append_head(connection, status, retry_after, json.length);
    if (!connection->is_head)
        buffer_append_slice(&connection->out, json);
    connection->state = CONNECTION_WRITE;
    connection_set_deadline(connection, connection->worker->limits.body_progress_timeout);
    answer_flush(connection);
}

void answer_refusal(struct connection *connection, const struct refusal *refusal)
{
    char json[512];
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

/* Bytes taken by the kernel; -1: none now; -2: the connection is broken. */
static ssize_t send_some(int fd, const char *bytes, size_t length)
{
    ssize_t sent;
    do {
        sent = send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return sent;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? -1 : -2;
}

bool answer_continue(struct connection *connection)
{
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";

    /* everything before has been taken by the kernel: there is room for these bytes, or something is wrong */
    if (send_some(connection->fd, interim, sizeof interim - 1) == (ssize_t)sizeof interim - 1)
        return true;
    connection_close(connection, SOURCE_CLOSE_ERROR);
    return false;
}

void answer_flush(struct connection *connection)
{
    struct buffer *out = &connection->out;

    while (out->length) {
        ssize_t sent = send_some(connection->fd, out->bytes, out->length);
        if (sent == -1)
            return;
        if (sent == -2) {
            connection_close(connection, SOURCE_CLOSE_ERROR);
            return;
        }
        buffer_consume(out, (size_t)sent);
        connection_set_deadline(connection, connection->worker->limits.body_progress_timeout);
    }
    buffer_reset(out, KEPT_CAPACITY);
    connection_answered(connection);
}

void source_request_answer(struct source_request *request, unsigned int status, unsigned int retry_after, struct slice json)
{
    struct connection *connection = request->connection;

    if (request->worker) {
        LIST_REMOVE(request, entry);
        if (!connection)
            counter_add(&request->worker->counters.answers_dropped, 1);
    }
    free(request);
    if (!connection)
        return;
    connection->request = NULL;
    answer_send(connection, status, retry_after, json.length ? json : SLICE("{}"));
    connection_settle(connection);
}
