/* SPDX-License-Identifier: Apache-2.0 */
#include "page.h"

#include "host.h"

#include "harrier/base/log.h"
#include "harrier/base/log_limit.h"
#include "harrier/base/memory.h"
#include "harrier/base/vector.h"

#include <errno.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_BYTES = 16384, ACCEPTS_PER_TURN = 16 };

/* How long nothing is accepted when the process is out of descriptors; the kernel's queue holds the clients meanwhile. */
static const struct timeval pause_time = {0, 100000};

struct route {
    enum page_method method;
    char *path;
    page_handler *handler;
    void *argument;
};

enum state { STATE_FREE, STATE_READING, STATE_ANSWERING, STATE_WRITING };

/* A place for a connection. The request's head is in `in`, cut into strings where it is whole. */
struct page_request {
    struct page *page;
    enum state state;
    uint64_t number; /* in the order of accepting */
    int fd;
    struct event *event; /* readable or writable */
    struct event *deadline;
    struct buffer in, out;
    size_t written;
    char *target;
    VECTOR(char *) fields; /* "name: value" */
    struct evkeyvalq parameters;
    bool has_parameters;
    bool head_only;
    const char *allow; /* of an answer 405 (RFC 9110 section 15.5.6) */
};

struct page {
    struct event_base *base;
    int fd;
    struct event *acceptable, *resume;
    struct page_options options;
    VECTOR(struct route) routes;
    struct page_request *places; /* options.connections */
    uint64_t accepted;
    struct page_counts counts;
    struct log_limit logged_shortage, logged_displaced;
};

/* --- places ------------------------------------------------------------------------------------------------------------------------- */

static void close_connection(struct page_request *request)
{
    event_free(request->event);
    event_free(request->deadline);
    close(request->fd);
    buffer_free(&request->in);
    buffer_free(&request->out);
    VECTOR_FREE(&request->fields);
    if (request->has_parameters)
        evhttp_clear_headers(&request->parameters);
    if (request->page->counts.open-- == request->page->options.connections)
        event_add(request->page->acceptable, NULL);
    *request = (struct page_request){.page = request->page};
}

static struct page_request *free_place(struct page *page)
{
    for (size_t i = 0; i < page->options.connections; i++)
        if (page->places[i].state == STATE_FREE)
            return &page->places[i];
    return NULL;
}

/* Whoever is slow can make room; whoever waits for this daemon cannot. NULL: there is nobody of that kind. */
static struct page_request *oldest_slow(const struct page *page)
{
    struct page_request *oldest = NULL;

    for (size_t i = 0; i < page->options.connections; i++) {
        struct page_request *one = &page->places[i];
        bool slow = one->state == STATE_READING || one->state == STATE_WRITING;
        if (slow && (!oldest || one->number < oldest->number))
            oldest = one;
    }
    return oldest;
}

static struct page_request *displace(struct page *page)
{
    struct page_request *oldest = oldest_slow(page);
    uint64_t left_out;

    page->counts.displaced++;
    if (log_limit_due(&page->logged_displaced, &left_out))
        log_warning("admin: all of admin.connections (%zu) are open; the slowest client is closed for a new one; %llu more since the line before",
                    page->options.connections, (unsigned long long)left_out);
    close_connection(oldest);
    return oldest;
}

/* --- the answer --------------------------------------------------------------------------------------------------------------------- */

static void go_on_writing(struct page_request *request)
{
    while (request->written < request->out.length) {
        ssize_t sent = send(request->fd, request->out.bytes + request->written, request->out.length - request->written, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            event_add(request->event, NULL);
            return;
        }
        if (sent <= 0)
            break;
        request->written += (size_t)sent;
    }
    close_connection(request);
}

static void writable_cb(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    go_on_writing(argument);
}

static void deadline_cb(evutil_socket_t fd, short what, void *argument)
{
    struct page_request *request = argument;

    (void)fd;
    (void)what;
    request->page->counts.timed_out++;
    close_connection(request);
}

/* For the whole request or answer, in however small pieces it goes. */
static void set_deadline(struct page_request *request)
{
    clock_nanos timeout = request->page->options.timeout;
    const struct timeval wait = {.tv_sec = timeout / CLOCK_SECOND, .tv_usec = timeout % CLOCK_SECOND / 1000};

    event_add(request->deadline, &wait);
}

void page_answer(struct page_request *request, unsigned int status, const char *reason, const char *type, struct slice body)
{
    buffer_printf(&request->out,
                  "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
                  "Connection: close\r\n",
                  status, reason, type, body.length);
    if (request->allow)
        buffer_printf(&request->out, "Allow: %s\r\n", request->allow);
    buffer_append_text(&request->out, "\r\n");
    if (!request->head_only)
        buffer_append_slice(&request->out, body);
    request->state = STATE_WRITING;
    event_free(request->event);
    request->event = event_new(request->page->base, request->fd, EV_WRITE, writable_cb, request);
    set_deadline(request);
    go_on_writing(request);
}

static void answer_text(struct page_request *request, unsigned int status, const char *reason, const char *text)
{
    page_answer(request, status, reason, "text/plain; charset=utf-8", slice_of(text));
}

/* --- the request -------------------------------------------------------------------------------------------------------------------- */

const char *page_request_header(const struct page_request *request, const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < request->fields.count; i++) {
        const char *field = request->fields.items[i];
        if (strncasecmp(field, name, length) == 0 && field[length] == ':')
            return field + length + 1 + strspn(field + length + 1, " \t");
    }
    return NULL;
}

const char *page_request_parameter(const struct page_request *request, const char *name)
{
    return request->has_parameters ? evhttp_find_header(&request->parameters, name) : NULL;
}

/* Cuts the head into lines; false: it is none of HTTP/1. */
static bool cut_head(struct page_request *request, enum page_method *method)
{
    char *rest = request->in.bytes, *line = strsep(&rest, "\n"), *word = strsep(&line, " ");

    request->head_only = strcmp(word, "HEAD") == 0;
    *method = request->head_only || strcmp(word, "GET") == 0 ? PAGE_GET : strcmp(word, "POST") == 0 ? PAGE_POST : 0;
    request->target = line ? strsep(&line, " ") : NULL;
    if (!request->target || request->target[0] != '/' || !line || strncmp(line, "HTTP/1.", 7) != 0)
        return false;
    while (rest && (line = strsep(&rest, "\n"))) {
        line[strcspn(line, "\r")] = '\0';
        if (line[0])
            VECTOR_PUSH(&request->fields, line);
    }
    return true;
}

static void handle(struct page_request *request, enum page_method method)
{
    const struct address *listen = request->page->options.listen;
    char *query = strchr(request->target, '?');

    if (listen && !host_is_ours(page_request_header(request, "host"), listen)) {
        answer_text(request, 421, "Misdirected Request", "this page goes by localhost, 127.0.0.1 and [::1] alone: ask it by one of these\n");
        return;
    }
    if (query)
        *query++ = '\0';
    request->has_parameters = evhttp_parse_query_str(query ? query : "", &request->parameters) == 0;
    if (!request->has_parameters) {
        answer_text(request, 400, "Bad Request", "the query cannot be read\n");
        return;
    }
    for (size_t i = 0; i < request->page->routes.count; i++) {
        const struct route *route = &request->page->routes.items[i];
        if (strcmp(route->path, request->target) != 0)
            continue;
        if (route->method == method) {
            route->handler(request, route->argument);
            return;
        }
        request->allow = route->method == PAGE_GET ? "GET, HEAD" : "POST";
    }
    if (request->allow)
        answer_text(request, 405, "Method Not Allowed", "this page has another method\n");
    else
        answer_text(request, 404, "Not Found", "there is nothing here\n");
}

/* The length of the whole head; 0: not there yet. */
static size_t head_length(struct slice in)
{
    ptrdiff_t end = slice_find(in, SLICE("\r\n\r\n"));
    return end < 0 ? 0 : (size_t)end + 4;
}

/* The bytes of the body, which nobody reads; it is waited for, since closing before would take the answer from a client that is still writing. */
static bool body_length(const char *head, size_t *length)
{
    const char *field = strcasestr(head, "\ncontent-length:");
    char *end = NULL;

    *length = 0;
    if (strcasestr(head, "\ntransfer-encoding:"))
        return false;
    if (!field)
        return true;
    field += strlen("\ncontent-length:");
    unsigned long value = strtoul(field, &end, 10);
    *length = value;
    return end != field && value <= REQUEST_BYTES;
}

static void go_on_reading(struct page_request *request)
{
    size_t head = head_length(buffer_slice(&request->in)), body = 0;
    enum page_method method;

    if (head == 0 && request->in.length < REQUEST_BYTES)
        return;
    bool good = head > 0 && !memchr(request->in.bytes, '\0', head);
    buffer_append_byte(&request->in, '\0'); /* what is cut below is strings */
    request->in.length--;
    char behind = request->in.bytes[head];
    request->in.bytes[head] = '\0';
    good = good && body_length(request->in.bytes, &body);
    request->in.bytes[head] = behind;
    if (good && request->in.length < head + body)
        return;
    event_del(request->event);
    event_del(request->deadline);
    request->state = STATE_ANSWERING;
    request->in.bytes[head] = '\0';
    if (!good || !cut_head(request, &method))
        answer_text(request, 400, "Bad Request", "this is no request that is answered here\n");
    else
        handle(request, method);
}

static void readable_cb(evutil_socket_t fd, short what, void *argument)
{
    struct page_request *request = argument;
    char bytes[4096];

    (void)what;
    ssize_t got = recv(fd, bytes, sizeof bytes, 0);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (got <= 0) {
        close_connection(request);
        return;
    }
    buffer_append(&request->in, bytes, (size_t)got);
    go_on_reading(request);
}

/* --- accepting ---------------------------------------------------------------------------------------------------------------------- */

static void add_connection(struct page *page, struct page_request *place, int fd)
{
    place->state = STATE_READING;
    place->number = page->accepted++;
    place->fd = fd;
    place->event = event_new(page->base, fd, EV_READ | EV_PERSIST, readable_cb, place);
    place->deadline = evtimer_new(page->base, deadline_cb, place);
    event_add(place->event, NULL);
    set_deadline(place);
    page->counts.open++;
}

static void pause_accepting(struct page *page)
{
    uint64_t left_out;

    page->counts.descriptors++;
    if (log_limit_due(&page->logged_shortage, &left_out))
        log_error("admin: no connection is taken for now: the process is out of file descriptors; raise LimitNOFILE");
    event_del(page->acceptable);
    event_add(page->resume, &pause_time);
}

static void resume_cb(evutil_socket_t fd, short what, void *argument)
{
    struct page *page = argument;

    (void)fd;
    (void)what;
    event_add(page->acceptable, NULL);
}

/* False: there is nothing to accept for now. */
static bool accept_one(struct page *page)
{
    struct page_request *place = free_place(page);

    if (!place && !oldest_slow(page)) { /* all wait for this daemon: the next one that ends lets go on */
        event_del(page->acceptable);
        return false;
    }
    int fd = accept4(page->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        add_connection(page, place ? place : displace(page), fd);
    else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        pause_accepting(page);
    return fd >= 0;
}

static void acceptable_cb(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    for (int i = 0; i < ACCEPTS_PER_TURN && accept_one(argument); i++)
        continue;
}

/* --- the page ----------------------------------------------------------------------------------------------------------------------- */

struct page *page_new(struct event_base *base, int fd, const struct page_options *options)
{
    struct page *page = xcalloc(1, sizeof *page);

    page->base = base;
    page->fd = fd;
    page->options = *options;
    page->places = xcalloc(options->connections, sizeof *page->places);
    for (size_t i = 0; i < options->connections; i++)
        page->places[i].page = page;
    page->acceptable = event_new(base, fd, EV_READ | EV_PERSIST, acceptable_cb, page);
    page->resume = evtimer_new(base, resume_cb, page);
    event_add(page->acceptable, NULL);
    return page;
}

void page_free(struct page *page)
{
    if (!page)
        return;
    for (size_t i = 0; i < page->options.connections; i++)
        if (page->places[i].state != STATE_FREE)
            close_connection(&page->places[i]);
    event_free(page->acceptable);
    event_free(page->resume);
    close(page->fd);
    for (size_t i = 0; i < page->routes.count; i++)
        free(page->routes.items[i].path);
    VECTOR_FREE(&page->routes);
    free(page->places);
    free(page);
}

void page_add(struct page *page, enum page_method method, const char *path, page_handler *handler, void *argument)
{
    const struct route route = {method, xstrdup(path), handler, argument};
    VECTOR_PUSH(&page->routes, route);
}

void page_count(const struct page *page, struct page_counts *counts)
{
    *counts = page->counts;
}
