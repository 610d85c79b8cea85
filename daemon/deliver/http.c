/* SPDX-License-Identifier: Apache-2.0 */
#include "http.h"

#include "harrier/base/memory.h"
#include "harrier/base/vector.h"
#include "retry.h"

#include <event2/event.h>
#include <stdlib.h>

enum {
    ANSWER_MAX = 64 * 1024,
    CONNECTIONS_MAX = 64,
    DEFAULT_CONNECT_TIMEOUT_MS = 10000,
    DEFAULT_TIMEOUT_MS = 30000,
    RETRY_AFTER_TEXT = 64,
    DEFAULT_RECONNECT_SECONDS = 300,
    DNS_CACHE_SECONDS = 60, /* libcurl's own default */
    BODY_SECONDS = 2 /* for the rest of an answer whose headers are in */
};

/* One POST. Idle ones wait in the list for the next: an easy handle is costly to make.
 *
 * The answer is its status. Once that line has come, and the request had been sent whole, it is settled what the receiver did; a body that stalls, is
 * reset, too long, badly chunked or badly coded changes nothing, and neither does a header that libcurl rejects. Sent again, the alert would come twice, and as
 * often as the same thing happens (RFC 9112 section 8 lets a client repeat a request whose answer is cut short in the header section, where
 * fields may change what the status means; of a success none does). A success that comes before the request was sent whole, and then a broken connection,
 * is none: nobody can have read the alert. An interim answer (1xx) settles nothing. */
struct call {
    CURL *easy;
    struct http *http;
    struct event *body_over; /* fires when the answer's body has had its time */
    struct call *next; /* in http.idle or http.active */
    struct http_request request;
    struct buffer answer;
    char retry_after[RETRY_AFTER_TEXT]; /* the header's value; empty without */
    char error[CURL_ERROR_SIZE];        /* libcurl's; empty without */
    clock_nanos date;                   /* the answer's Date; 0 without */
    http_answered answered;
    int64_t tag;
    uint32_t round;
    void *context;
};

struct http {
    struct event_base *base;
    CURLM *multi;
    struct event *timer;
    struct call *idle;
    struct call *active;
    http_turn turn;
    void *turn_context;
};

/* --- libcurl on libevent ------------------------------------------------------------------------------------------------ */

static void take_answers(struct http *http);

static void on_socket(evutil_socket_t socket, short what, void *context)
{
    struct http *http = context;
    int running, action = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);
    curl_multi_socket_action(http->multi, socket, action, &running);
    take_answers(http);
}

static void on_timer(evutil_socket_t socket, short what, void *context)
{
    struct http *http = context;
    int running;
    (void)socket;
    (void)what;
    curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    take_answers(http);
}

/* libcurl says which sockets it waits for; each has one event, kept at the socket. */
static int watch_socket(CURL *easy, curl_socket_t socket, int what, void *context, void *kept)
{
    struct http *http = context;
    struct event *event = kept;
    (void)easy;
    if (event != NULL)
        event_free(event);
    event = NULL;
    if (what != CURL_POLL_REMOVE) {
        int flags = EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);
        event = event_new(http->base, socket, (short)flags, on_socket, http);
        event_add(event, NULL);
    }
    curl_multi_assign(http->multi, socket, event);
    return 0;
}

static int set_timer(CURLM *multi, long milliseconds, void *context)
{
    struct http *http = context;
    (void)multi;
    if (milliseconds < 0) {
        event_del(http->timer);
    } else {
        struct timeval wait = {milliseconds / 1000, (milliseconds % 1000) * 1000};
        event_add(http->timer, &wait);
    }
    return 0;
}

struct http *http_new(struct event_base *base, http_turn turn, void *turn_context)
{
    struct http *http = xcalloc(1, sizeof *http);
    http->base = base;
    http->turn = turn;
    http->turn_context = turn_context;
    http->timer = evtimer_new(base, on_timer, http);
    http->multi = curl_multi_init();
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_MAX);
    return http;
}

/* --- answers ------------------------------------------------------------------------------------------------------------ */

/* 0: there is none yet. */
static long final_status(const struct call *call)
{
    long status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 ? status : 0;
}

static clock_nanos retry_after_of(const struct call *call)
{
    return retry_after_parse(slice_of(call->retry_after), call->date ? call->date : clock_wall());
}

static bool was_sent_whole(const struct call *call)
{
    curl_off_t sent = 0;
    curl_easy_getinfo(call->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    return sent >= (curl_off_t)call->request.body.length;
}

/* What was written to a proxy and in TLS before the receiver was there is nothing of the request. */
static bool is_connected(const struct call *call)
{
    curl_off_t ready = 0;
    curl_easy_getinfo(call->easy, CURLINFO_PRETRANSFER_TIME_T, &ready);
    return ready > 0;
}

static void give_back(struct http *http, struct call *call)
{
    struct call **at = &http->active;
    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    event_del(call->body_over);
    http_request_free(&call->request);
    buffer_reset(&call->answer, ANSWER_MAX);
    call->next = http->idle;
    http->idle = call;
}

static void tell_answer(struct http *http, struct call *call, CURLcode transport)
{
    struct http_response response = {.transport = transport, .error = call->error, .retry_after = retry_after_of(call), .body = buffer_slice(&call->answer)};
    long request_bytes = 0;
    response.status = final_status(call);
    curl_easy_getinfo(call->easy, CURLINFO_REQUEST_SIZE, &request_bytes);
    response.sent = request_bytes > 0 && is_connected(call);
    if (response.status >= 300 || (response.status >= 200 && was_sent_whole(call)))
        response.transport = CURLE_OK;
    call->answered(&response, call->tag, call->round, call->context);
    give_back(http, call);
}

static void take_answers(struct http *http)
{
    CURLMsg *message;
    int left;
    bool any = false;
    while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURL *easy = message->easy_handle;
        CURLcode transport = message->data.result;
        char *call = NULL;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &call);
        curl_multi_remove_handle(http->multi, easy);
        tell_answer(http, (struct call *)(void *)call, transport);
        any = true;
    }
    if (any)
        http->turn(http->turn_context);
}

/* Unless the request is still being sent: then the transfer has its whole timeout. */
static void on_body_over(evutil_socket_t socket, short what, void *context)
{
    struct call *call = context;
    struct http *http = call->http;
    (void)socket;
    (void)what;
    if (final_status(call) < 300 && !was_sent_whole(call))
        return;
    curl_multi_remove_handle(http->multi, call->easy);
    tell_answer(http, call, CURLE_OPERATION_TIMEDOUT);
    http->turn(http->turn_context);
}

/* --- calls -------------------------------------------------------------------------------------------------------------- */

/* Headers hold tokens. */
static void wipe_headers(struct curl_slist *headers)
{
    for (struct curl_slist *at = headers; at != NULL; at = at->next)
        explicit_bzero(at->data, strlen(at->data));
    curl_slist_free_all(headers);
}

void http_request_free(struct http_request *request)
{
    wipe_headers(request->headers);
    request->headers = NULL;
    buffer_free(&request->body);
    request->body = (struct buffer){0};
}

static void free_calls(struct call *call)
{
    while (call != NULL) {
        struct call *next = call->next;
        curl_easy_cleanup(call->easy);
        event_free(call->body_over);
        http_request_free(&call->request);
        buffer_free(&call->answer);
        free(call);
        call = next;
    }
}

void http_free(struct http *http)
{
    if (http == NULL)
        return;
    for (struct call *call = http->active; call != NULL; call = call->next)
        curl_multi_remove_handle(http->multi, call->easy);
    free_calls(http->active);
    free_calls(http->idle);
    curl_multi_cleanup(http->multi);
    event_free(http->timer);
    free(http);
}

/* What is beyond the bound breaks the transfer off. */
static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct call *call = context;
    size_t room = ANSWER_MAX - call->answer.length, length = size * count;
    buffer_append(&call->answer, bytes, length < room ? length : room);
    return length <= room ? length : CURL_WRITEFUNC_ERROR;
}

static void wait_for_body(struct call *call)
{
    struct timeval limit = {BODY_SECONDS, 0};
    if (final_status(call) != 0)
        event_add(call->body_over, &limit);
}

static void forget_headers(struct call *call)
{
    call->retry_after[0] = '\0';
    call->date = 0;
}

static bool header_value(struct slice line, struct slice name, struct slice *value)
{
    *value = slice_trim(slice_from(line, name.length));
    return line.length > name.length && slice_equal_ascii_nocase(slice_first(line, name.length), name);
}

static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
    struct call *call = context;
    struct slice line = slice_make(bytes, size * count), value;
    if (slice_starts_with(line, SLICE("HTTP/")))
        forget_headers(call); /* of an interim answer (1xx) */
    else if (slice_trim(line).length == 0)
        wait_for_body(call);
    else if (header_value(line, SLICE("Retry-After:"), &value))
        snprintf(call->retry_after, sizeof call->retry_after, "%.*s", SLICE_ARGS(value));
    else if (header_value(line, SLICE("Date:"), &value) && !retry_parse_date(value, &call->date))
        call->date = 0;
    return line.length;
}

static struct call *take_idle(struct http *http)
{
    struct call *call = http->idle;
    if (call != NULL) {
        http->idle = call->next;
    } else {
        call = xcalloc(1, sizeof *call);
        call->easy = curl_easy_init();
        if (call->easy == NULL)
            abort(); /* out of memory, as in xmalloc */
        call->http = http;
        call->body_over = evtimer_new(http->base, on_body_over, call);
    }
    call->next = http->active;
    http->active = call;
    return call;
}

static long milliseconds(clock_nanos time, long otherwise)
{
    return time > 0 ? (long)((time + CLOCK_MILLISECOND - 1) / CLOCK_MILLISECOND) : otherwise;
}

/* One that has sent for so long is not used again, or alerts would go to where a name once led, as long as somebody there takes them. */
static void set_reconnection(CURL *easy, const struct deliver_destination_config *config)
{
    clock_nanos after = config->reconnect_after > 0 ? config->reconnect_after : DEFAULT_RECONNECT_SECONDS * CLOCK_SECOND;
    long seconds = (long)(after / CLOCK_SECOND);
    curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, seconds > 0 ? seconds : 1L);
    curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, seconds < DNS_CACHE_SECONDS ? seconds : (long)DNS_CACHE_SECONDS);
}

/* Both are set, so that libcurl does not look into the environment: what a shell that starts the daemon by hand happens to have must not turn the
 * alerts another way than under systemd, where there is no such environment. */
static void set_proxy(CURL *easy, const struct deliver_destination_config *config)
{
    curl_easy_setopt(easy, CURLOPT_PROXY, config->proxy ? config->proxy : "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

static void set_options(struct call *call, const struct destination *destination)
{
    const struct deliver_destination_config *config = destination->config;
    CURL *easy = call->easy;
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_URL, destination->url.text);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L); /* it would carry the secrets to wherever the answer says */
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "harrier");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->request.headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->request.body.length);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->request.body.bytes ? call->request.body.bytes : "");
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(config->connect_timeout, DEFAULT_CONNECT_TIMEOUT_MS));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, milliseconds(config->timeout, DEFAULT_TIMEOUT_MS));
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
    set_reconnection(easy, config);
    set_proxy(easy, config);
    if (config->ca_file != NULL)
        curl_easy_setopt(easy, CURLOPT_CAINFO, config->ca_file);
    if (config->certificate_file != NULL) {
        curl_easy_setopt(easy, CURLOPT_SSLCERT, config->certificate_file);
        curl_easy_setopt(easy, CURLOPT_SSLKEY, config->key_file);
    }
}

void http_post(struct http *http, const struct destination *destination, struct http_request *request, http_answered answered, int64_t tag,
               uint32_t round, void *context)
{
    struct call *call = take_idle(http);
    call->request = *request;
    *request = (struct http_request){0};
    /* Without it libcurl asks for leave before a body over 1 MB, and many receivers never answer that. */
    call->request.headers = curl_slist_append(call->request.headers, "Expect:");
    forget_headers(call);
    call->error[0] = '\0';
    call->answered = answered;
    call->tag = tag;
    call->round = round;
    call->context = context;
    set_options(call, destination);
    curl_multi_add_handle(http->multi, call->easy);
}
