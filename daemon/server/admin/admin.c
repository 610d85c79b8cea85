/* SPDX-License-Identifier: Apache-2.0 */
/* The admin page: /metrics, /healthz and /readyz on TCP and on the Unix socket; /status, /reload and /dead/retry on the socket alone, where file
 * permissions say who may ask. */
#include "dead_retry.h"
#include "daemon/server/internal.h"
#include "page.h"

#include "harrier/base/log.h"
#include "harrier/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct admin {
    struct page *tcp;
    struct page *local;
    char *socket_path;
    struct dead_retries *retries;
};

void admin_reply(struct page_request *request, unsigned int code, const char *reason, const char *type, const struct buffer *body)
{
    page_answer(request, code, reason, type, buffer_slice(body));
}

void admin_reply_text(struct page_request *request, unsigned int code, const char *reason, const char *text)
{
    struct buffer body = {NULL, 0, 0};

    buffer_printf(&body, "%s\n", text);
    admin_reply(request, code, reason, "text/plain; charset=utf-8", &body);
    buffer_free(&body);
}

static void metrics_cb(struct page_request *request, void *argument)
{
    struct buffer body = {NULL, 0, 0};

    metrics_write(argument, &body);
    admin_reply(request, 200, "OK", "text/plain; version=0.0.4; charset=utf-8", &body);
    buffer_free(&body);
}

static void healthz_cb(struct page_request *request, void *argument)
{
    (void)argument;
    admin_reply_text(request, 200, "OK", "ok");
}

static void readyz_cb(struct page_request *request, void *argument)
{
    const char *why = server_not_ready(argument);

    if (why)
        admin_reply_text(request, 503, "Service Unavailable", why);
    else
        admin_reply_text(request, 200, "OK", "ok");
}

static void status_cb(struct page_request *request, void *argument)
{
    struct buffer body = {NULL, 0, 0};

    status_write(argument, &body);
    admin_reply(request, 200, "OK", "application/json", &body);
    buffer_free(&body);
}

static struct page *serve(struct server *server, int fd, const struct address *listen)
{
    const struct config_admin *config = &server->boot->config->admin;
    const struct page_options options = {.connections = (size_t)config->connections, .timeout = config->timeout, .listen = listen};
    struct page *page = page_new(server->base, fd, &options);

    page_add(page, PAGE_GET, "/metrics", metrics_cb, server);
    page_add(page, PAGE_GET, "/healthz", healthz_cb, server);
    page_add(page, PAGE_GET, "/readyz", readyz_cb, server);
    return page;
}

static bool listen_tcp(struct server *server, struct admin *admin)
{
    const struct config_address *address = &server->boot->config->admin.listen;
    int fd;

    if (!address->text || !address->text[0])
        return true;
    if (source_listen(&address->address, listen_is_ipv6_only(server->boot->config, &address->address), &fd) != RESULT_OK) {
        log_error("admin: cannot listen on %s: %s; stop what serves there or set admin.listen", address->text, strerror(errno));
        return false;
    }
    admin->tcp = serve(server, fd, &address->address);
    return true;
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
    admin->local = serve(server, fd, NULL);
    page_add(admin->local, PAGE_GET, "/status", status_cb, server);
    admin->retries = dead_retries_new(server);
    page_add(admin->local, PAGE_POST, "/reload", reload_request_cb, server);
    page_add(admin->local, PAGE_POST, "/dead/retry", dead_retries_cb, admin->retries);
    return true;
}

void admin_count(const struct admin *admin, struct page_counts *counts)
{
    const struct page *const pages[] = {admin->tcp, admin->local};

    *counts = (struct page_counts){0};
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        struct page_counts own = {0};
        if (pages[i])
            page_count(pages[i], &own);
        counts->open += own.open;
        counts->displaced += own.displaced;
        counts->timed_out += own.timed_out;
        counts->descriptors += own.descriptors;
    }
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
    page_free(admin->tcp);
    page_free(admin->local);
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
