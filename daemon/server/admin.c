/* SPDX-License-Identifier: Apache-2.0 */
/* The admin page: /metrics, /healthz and /readyz on TCP and on the Unix socket; /status and /dead/retry on the socket alone, where file
 * permissions say who may ask. Small requests and answers, so libevent's evhttp serves them. */
#include "dead_retry.h"
#include "internal.h"

#include "harrier/log.h"
#include "harrier/memory.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { REQUEST_BYTES = 16384, TIMEOUT_SECONDS = 10 };

struct admin {
    struct evhttp *tcp;
    struct evhttp *local;
    char *socket_path;
    struct dead_retries *retries;
};

void admin_reply(struct evhttp_request *request, int code, const char *reason, const char *type, const struct buffer *body)
{
    struct evbuffer *out = evbuffer_new();

    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", type);
    evhttp_add_header(evhttp_request_get_output_headers(request), "Cache-Control", "no-store");
    evbuffer_add(out, body->bytes, body->length);
    evhttp_send_reply(request, code, reason, out);
    evbuffer_free(out);
}

void admin_reply_text(struct evhttp_request *request, int code, const char *reason, const char *text)
{
    struct buffer body = {NULL, 0, 0};

    buffer_printf(&body, "%s\n", text);
    admin_reply(request, code, reason, "text/plain; charset=utf-8", &body);
    buffer_free(&body);
}

bool admin_allows(struct evhttp_request *request, enum evhttp_cmd_type methods, const char *allow)
{
    if (evhttp_request_get_command(request) & methods)
        return true;
    evhttp_add_header(evhttp_request_get_output_headers(request), "Allow", allow);
    admin_reply_text(request, 405, "Method Not Allowed", "this page has another method");
    return false;
}

static bool is_read(struct evhttp_request *request)
{
    return admin_allows(request, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD, "GET, HEAD");
}

static void metrics_cb(struct evhttp_request *request, void *argument)
{
    struct buffer body = {NULL, 0, 0};

    if (!is_read(request))
        return;
    metrics_write(argument, &body);
    admin_reply(request, 200, "OK", "text/plain; version=0.0.4; charset=utf-8", &body);
    buffer_free(&body);
}

static void healthz_cb(struct evhttp_request *request, void *argument)
{
    (void)argument;
    if (is_read(request))
        admin_reply_text(request, 200, "OK", "ok");
}

static void readyz_cb(struct evhttp_request *request, void *argument)
{
    const char *why = server_not_ready(argument);

    if (!is_read(request))
        return;
    if (why)
        admin_reply_text(request, 503, "Service Unavailable", why);
    else
        admin_reply_text(request, 200, "OK", "ok");
}

static void status_cb(struct evhttp_request *request, void *argument)
{
    struct buffer body = {NULL, 0, 0};

    if (!is_read(request))
        return;
    status_write(argument, &body);
    admin_reply(request, 200, "OK", "application/json", &body);
    buffer_free(&body);
}

static struct evhttp *new_page(struct server *server)
{
    struct evhttp *page = evhttp_new(server->base);

    evhttp_set_max_headers_size(page, REQUEST_BYTES);
    evhttp_set_max_body_size(page, REQUEST_BYTES);
    evhttp_set_timeout(page, TIMEOUT_SECONDS);
    /* each page says itself which it has, with 405; evhttp would say 501 */
    evhttp_set_allowed_methods(page, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS |
                                         EVHTTP_REQ_PATCH);
    evhttp_set_cb(page, "/metrics", metrics_cb, server);
    evhttp_set_cb(page, "/healthz", healthz_cb, server);
    evhttp_set_cb(page, "/readyz", readyz_cb, server);
    return page;
}

static bool listen_tcp(struct server *server, struct admin *admin)
{
    const struct config_address *address = &server->boot->config->admin.listen;
    int fd;

    if (!address->text || !address->text[0])
        return true;
    if (source_listen(&address->address, &fd) != RESULT_OK) {
        log_error("admin: cannot listen on %s: %s; stop what serves there or set admin.listen", address->text, strerror(errno));
        return false;
    }
    admin->tcp = new_page(server);
    return evhttp_accept_socket(admin->tcp, fd) == 0;
}

/* Binds under a private mode, so that nobody can connect in between. A socket that nobody serves is a leftover and is replaced. */
static int bind_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
        close(fd);
        errno = EADDRINUSE;
        return -1;
    }
    close(fd);
    unlink(path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before = umask(0117);
    int bound = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&address, sizeof address);
    umask(before);
    if (bound != 0 || listen(fd, 16) != 0) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static void make_parent(const char *path)
{
    char *copy = xstrdup(path);
    char *slash = strrchr(copy, '/');

    if (slash && slash != copy) {
        *slash = '\0';
        if (mkdir(copy, 0750) != 0 && errno != EEXIST)
            log_warning("admin: cannot make the folder %s: %s", copy, strerror(errno));
    }
    free(copy);
}

static bool listen_local(struct server *server, struct admin *admin)
{
    const char *path = server->boot->config->admin.socket;

    if (!path || !path[0])
        return true;
    make_parent(path);
    int fd = bind_socket(path);
    if (fd < 0) {
        log_error("admin: cannot listen on %s: %s; set admin.socket to a path that this user may write", path, strerror(errno));
        return false;
    }
    admin->socket_path = xstrdup(path);
    admin->local = new_page(server);
    evhttp_set_cb(admin->local, "/status", status_cb, server);
    admin->retries = dead_retries_new(server);
    evhttp_set_cb(admin->local, "/dead/retry", dead_retries_cb, admin->retries);
    return evhttp_accept_socket(admin->local, fd) == 0;
}

struct admin *admin_new(struct server *server)
{
    struct admin *admin = xcalloc(1, sizeof *admin);

    if (listen_tcp(server, admin) && listen_local(server, admin))
        return admin;
    admin_free(admin);
    return NULL;
}

void admin_stop(struct admin *admin)
{
    if (!admin)
        return;
    dead_retries_stop(admin->retries);
    if (admin->tcp)
        evhttp_free(admin->tcp);
    if (admin->local)
        evhttp_free(admin->local);
    if (admin->socket_path)
        unlink(admin->socket_path);
    admin->tcp = NULL;
    admin->local = NULL;
}

void admin_free(struct admin *admin)
{
    if (!admin)
        return;
    admin_stop(admin);
    dead_retries_free(admin->retries);
    free(admin->socket_path);
    free(admin);
}
