/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets: connections are accepted on one thread and handed to the worker that has the fewest. */
#include "channel.h"

#include "harrier/base/log.h"
#include "harrier/base/vector.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024, ACCEPTS_PER_TURN = 64 };

/* How long nothing is accepted after a bound was hit; the kernel's queue holds the clients meanwhile. */
static const struct timeval pause_time = {0, 100000};

struct listener {
    struct source_acceptor *acceptor;
    size_t source;
    int fd;
    struct event *readable;
};

struct source_acceptor {
    struct event_base *base;
    struct source_worker *const *workers;
    size_t worker_count;
    uint64_t most; /* connections over all of them */
    source_accepted *accepted;
    void *data;
    VECTOR(struct listener *) listeners;
    struct event *resume;
    bool paused;
    _Atomic uint64_t out_of_places;
    _Atomic uint64_t out_of_descriptors;
    struct source_peers *peers; /* NULL: not counted */
    _Atomic uint64_t out_of_address;
    struct log_limit logged;
    struct log_limit logged_shortage;
};

/* --- sockets ---------------------------------------------------------------------------------------------------------------------- */

enum result source_listen(const struct address *address, bool ipv6_only, int *fd)
{
    int on = 1, only = ipv6_only || !address_is_ipv6_wildcard(address);

    *fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return result_from_errno(errno);
    if (setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        (address->storage.ss_family != AF_INET6 || setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) == 0) &&
        bind(*fd, (const struct sockaddr *)&address->storage, address->length) == 0 && listen(*fd, BACKLOG) == 0)
        return RESULT_OK;
    int error = errno;
    close(*fd);
    *fd = -1;
    errno = error;
    return result_from_errno(error);
}

enum result source_listen_inherited(int fd)
{
    int listening = 0, type = 0;
    socklen_t length = sizeof listening;

    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) != 0 || !listening)
        return RESULT_INVALID;
    length = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0 || type != SOCK_STREAM)
        return RESULT_INVALID;
    return evutil_make_socket_nonblocking(fd) == 0 && evutil_make_socket_closeonexec(fd) == 0 ? RESULT_OK : RESULT_IO;
}

enum result source_listen_address(int fd, struct address *address)
{
    *address = (struct address){.length = sizeof address->storage};
    return getsockname(fd, (struct sockaddr *)&address->storage, &address->length) == 0 ? RESULT_OK : result_from_errno(errno);
}

/* --- accepting -------------------------------------------------------------------------------------------------------------------- */

/* A place at the worker with the fewest connections; NULL: all are full. */
static struct source_worker *reserve_place(const struct source_acceptor *acceptor)
{
    struct source_worker *least = NULL;

    for (size_t i = 0; i < acceptor->worker_count; i++)
        if (!least || source_worker_connections(acceptor->workers[i]) < source_worker_connections(least))
            least = acceptor->workers[i];
    return least && source_worker_reserve(least) ? least : NULL;
}

static void pause_accepting(struct source_acceptor *acceptor, _Atomic uint64_t *bound, const char *why)
{
    uint64_t left_out;

    counter_add(bound, 1);
    if (log_limit_due(&acceptor->logged_shortage, &left_out))
        log_error("no new connection is taken for now: %s; senders wait, or are turned away (harrier_http_bounds_hit_total counts it)", why);
    if (acceptor->paused)
        return;
    acceptor->paused = true;
    for (size_t i = 0; i < acceptor->listeners.count; i++)
        event_del(acceptor->listeners.items[i]->readable);
    event_add(acceptor->resume, &pause_time);
}

static void resume_cb(evutil_socket_t fd, short events, void *data)
{
    struct source_acceptor *acceptor = data;
    (void)fd;
    (void)events;
    acceptor->paused = false;
    for (size_t i = 0; i < acceptor->listeners.count; i++)
        event_add(acceptor->listeners.items[i]->readable, NULL);
}

/* It has to be somebody's doing: a sender that does not close, or an attack. */
static void turn_away(struct source_acceptor *acceptor, struct source_worker *worker, int fd, const struct address *peer)
{
    char who[ADDRESS_TEXT_SIZE];
    uint64_t left_out;

    close(fd);
    source_worker_release(worker);
    counter_add(&acceptor->out_of_address, 1);
    if (log_limit_due(&acceptor->logged, &left_out))
        log_warning("a connection from %s is closed: its address has as many as limits.connections_per_address allows; %llu more since the line before",
                    address_format(peer, who), (unsigned long long)left_out);
}

static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static bool is_within_descriptors(const struct source_acceptor *acceptor)
{
    uint64_t open = 0;

    for (size_t i = 0; i < acceptor->worker_count; i++)
        open += source_worker_connections(acceptor->workers[i]);
    return open < acceptor->most;
}

/* False when there is nothing more to accept for now. */
static bool accept_one(const struct listener *listener)
{
    struct source_acceptor *acceptor = listener->acceptor;
    struct address peer = {.length = sizeof peer.storage};

    if (!is_within_descriptors(acceptor)) {
        pause_accepting(acceptor, &acceptor->out_of_descriptors, "the file descriptors that are left are kept for the daemon's own work; raise LimitNOFILE");
        return false;
    }
    struct source_worker *worker = reserve_place(acceptor);
    if (!worker) {
        pause_accepting(acceptor, &acceptor->out_of_places, "all that limits.connections allows are open");
        return false;
    }
    int fd = accept4(listener->fd, (struct sockaddr *)&peer.storage, &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        address_unmap_ipv4(&peer);
        bool proxied = worker->endpoints[listener->source].proxy_protocol; /* the client is counted once it is known */
        if (proxied || peers_enter(acceptor->peers, &peer))
            acceptor->accepted(acceptor->data, worker, listener->source, fd, &peer);
        else
            turn_away(acceptor, worker, fd, &peer);
        return true;
    }
    int error = errno;
    source_worker_release(worker);
    if (is_shortage(error))
        pause_accepting(acceptor, &acceptor->out_of_descriptors, "the process is out of file descriptors or the system of memory; raise LimitNOFILE");
    /* anything else concerns the one connection only (accept(2), "Error handling") */
    return !is_shortage(error) && error != EAGAIN && error != EWOULDBLOCK;
}

static void acceptable_cb(evutil_socket_t fd, short events, void *data)
{
    (void)fd;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN && accept_one(data); i++)
        continue;
}

struct source_acceptor *source_acceptor_new(struct event_base *base, struct source_worker *const *workers, size_t worker_count,
                                            source_accepted *accepted, void *data)
{
    struct source_acceptor *acceptor = xcalloc(1, sizeof *acceptor);

    acceptor->base = base;
    acceptor->workers = workers;
    acceptor->worker_count = worker_count;
    acceptor->most = UINT64_MAX;
    acceptor->accepted = accepted;
    acceptor->data = data;
    acceptor->resume = evtimer_new(base, resume_cb, acceptor);
    return acceptor;
}

void source_acceptor_set_peers(struct source_acceptor *acceptor, struct source_peers *peers)
{
    acceptor->peers = peers;
}

void source_acceptor_set_most(struct source_acceptor *acceptor, uint64_t most)
{
    acceptor->most = most;
}

void source_acceptor_free(struct source_acceptor *acceptor)
{
    if (!acceptor)
        return;
    for (size_t i = 0; i < acceptor->listeners.count; i++) {
        event_free(acceptor->listeners.items[i]->readable);
        close(acceptor->listeners.items[i]->fd);
        free(acceptor->listeners.items[i]);
    }
    VECTOR_FREE(&acceptor->listeners);
    event_free(acceptor->resume);
    free(acceptor);
}

void source_acceptor_add(struct source_acceptor *acceptor, size_t source, int fd)
{
    struct listener *listener = xcalloc(1, sizeof *listener);

    listener->acceptor = acceptor;
    listener->source = source;
    listener->fd = fd;
    listener->readable = event_new(acceptor->base, fd, EV_READ | EV_PERSIST, acceptable_cb, listener);
    VECTOR_PUSH(&acceptor->listeners, listener);
    if (!acceptor->paused)
        event_add(listener->readable, NULL);
}

void source_acceptor_count(const struct source_acceptor *acceptor, struct source_counts *counts)
{
    counts->bounds[SOURCE_BOUND_CONNECTIONS] += atomic_load_explicit(&acceptor->out_of_places, memory_order_relaxed);
    counts->bounds[SOURCE_BOUND_ADDRESS] += atomic_load_explicit(&acceptor->out_of_address, memory_order_relaxed);
    counts->bounds[SOURCE_BOUND_DESCRIPTORS] += atomic_load_explicit(&acceptor->out_of_descriptors, memory_order_relaxed);
}
