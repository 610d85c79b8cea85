/* SPDX-License-Identifier: Apache-2.0 */
/* The sources' sockets: bound here, or taken over from systemd (sd_listen_fds(3)), which keeps them open while the daemon restarts: a client
 * that connects meanwhile waits in the kernel's queue. */
#include "internal.h"

#include "harrier/base/log.h"
#include "harrier/base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

/* What systemd handed over: names[i] is that of the descriptor SD_LISTEN_FDS_START + i. Several may have one name: a socket unit with several
 * ListenStream= lines. They are all the one source's. */
struct inherited {
    char **names;
    bool *taken;
    size_t count;
};

/* The environment stays as it is: other threads read it. */
static struct inherited take_inherited(void)
{
    struct inherited inherited = {0};
    int count = sd_listen_fds_with_names(0, &inherited.names);

    if (count < 0)
        log_error("the sockets that systemd hands over cannot be taken: %s", strerror(-count));
    inherited.count = count > 0 ? (size_t)count : 0;
    inherited.taken = xcalloc(inherited.count + 1, sizeof *inherited.taken);
    return inherited;
}

static void inherited_free(struct inherited *inherited)
{
    for (size_t i = 0; i < inherited->count; i++)
        free(inherited->names[i]);
    free(inherited->names);
    free(inherited->taken);
}

static void on_accepted(void *data, struct source_worker *source, size_t endpoint, int fd, const struct address *peer)
{
    struct server *server = data;

    for (size_t i = 0; i < server->worker_count; i++) {
        if (worker_source(server->workers[i]) == source) {
            worker_add_connection(server->workers[i], endpoint, fd, peer);
            return;
        }
    }
}

/* The configuration cannot know the address of such a socket, so what it refuses for `listen` is refused here. */
static bool may_be_served(const struct config_source *source, int fd)
{
    struct address address;
    char text[ADDRESS_TEXT_SIZE];

    if (source_listen_inherited(fd) != RESULT_OK || source_listen_address(fd, &address) != RESULT_OK ||
        (address.storage.ss_family != AF_INET && address.storage.ss_family != AF_INET6)) {
        log_about(
            LOG_LEVEL_ERROR, LOG_FIELD_SOURCE, source->name,
            "source `%s`: systemd's socket `%s` is not a listening TCP socket; its unit needs ListenStream= with a port, and Accept=no",
            source->name, source->systemd_socket);
        return false;
    }
    address_format(&address, text);
    if (!address_is_loopback(&address) && !source->insecure && !source->tls.certificate_file[0]) {
        log_about(
            LOG_LEVEL_ERROR, LOG_FIELD_SOURCE, source->name,
            "source `%s`: systemd's socket `%s` at %s is reachable from outside without TLS: whoever reaches it can read audit events and "
            "send forged ones. Add tls with a certificate_file, or write insecure: true on a trusted network",
            source->name, source->systemd_socket, text);
        return false;
    }
    log_about(LOG_LEVEL_INFO, LOG_FIELD_SOURCE, source->name, "source `%s`: systemd's socket `%s` is at %s", source->name,
              source->systemd_socket, text);
    return true;
}

static bool serve_inherited(struct server *server, struct inherited *inherited, size_t index)
{
    const struct config_source *source = &server->boot->config->sources[index];
    bool found = false;

    for (size_t i = 0; i < inherited->count; i++) {
        int fd = SD_LISTEN_FDS_START + (int)i;
        if (inherited->taken[i] || strcmp(inherited->names[i], source->systemd_socket) != 0)
            continue;
        if (!may_be_served(source, fd))
            return false;
        inherited->taken[i] = found = true;
        source_acceptor_add(server->acceptor, index, fd);
    }
    if (!found)
        log_about(LOG_LEVEL_ERROR, LOG_FIELD_SOURCE, source->name,
                  "source `%s`: systemd has handed over no socket named `%s`; start the socket unit that has FileDescriptorName=%s "
                  "(systemctl enable "
                  "--now harrierd.socket), give each source a socket of its own, or give this one an address with `listen`",
                  source->name, source->systemd_socket, source->systemd_socket);
    return found;
}

static bool is_at(int fd, const struct address *wanted)
{
    struct address address;
    char texts[2][ADDRESS_TEXT_SIZE];

    return source_listen_inherited(fd) == RESULT_OK && source_listen_address(fd, &address) == RESULT_OK &&
           address.storage.ss_family == wanted->storage.ss_family &&
           strcmp(address_format(&address, texts[0]), address_format(wanted, texts[1])) == 0;
}

/* A socket unit that has the very address of `listen` (both were enabled) would keep the daemon from binding it: then that socket is meant. */
static bool serve_inherited_at(struct server *server, struct inherited *inherited, size_t index)
{
    const struct config_source *source = &server->boot->config->sources[index];

    for (size_t i = 0; i < inherited->count; i++) {
        int fd = SD_LISTEN_FDS_START + (int)i;
        if (inherited->taken[i] || !is_at(fd, &source->listen.address))
            continue;
        log_about(LOG_LEVEL_INFO, LOG_FIELD_SOURCE, source->name, "source `%s`: systemd's socket `%s` is at %s, and is taken for `listen`",
                  source->name, inherited->names[i], source->listen.text);
        inherited->taken[i] = true;
        source_acceptor_add(server->acceptor, index, fd);
        return true;
    }
    return false;
}

bool listen_is_ipv6_only(const struct config *config, const struct address *address)
{
    for (size_t i = 0; i <= config->source_count; i++) {
        const struct address *other = i < config->source_count ? &config->sources[i].listen.address : &config->admin.listen.address;
        if (other->storage.ss_family == AF_INET && address_port(other) && address_port(other) == address_port(address))
            return true;
    }
    return false;
}

static bool serve_address(struct server *server, struct inherited *inherited, size_t index)
{
    const struct config_source *source = &server->boot->config->sources[index];
    int fd;

    if (serve_inherited_at(server, inherited, index))
        return true;
    if (source_listen(&source->listen.address, listen_is_ipv6_only(server->boot->config, &source->listen.address), &fd) == RESULT_OK) {
        source_acceptor_add(server->acceptor, index, fd);
        return true;
    }
    log_about(LOG_LEVEL_ERROR, LOG_FIELD_SOURCE, source->name,
              "source `%s`: cannot listen on %s: %s; stop what serves there, or give it another address", source->name, source->listen.text,
              strerror(errno));
    return false;
}

/* Its clients would wait in a queue that nobody empties: not a reason to leave the others without a daemon, but one to be loud. */
static void refuse_the_rest(struct inherited *inherited)
{
    for (size_t i = 0; i < inherited->count; i++) {
        if (inherited->taken[i])
            continue;
        log_error(
            "systemd has handed over a socket named `%s` that no source takes: what connects to it is never answered. Add a source with "
            "systemd_socket: %s, or stop the socket unit",
            inherited->names[i], inherited->names[i]);
        close(SD_LISTEN_FDS_START + (int)i);
    }
}

bool listen_start(struct server *server)
{
    const struct config *config = server->boot->config;
    struct inherited inherited = take_inherited();
    bool good = true;

    server->sources = xcalloc(server->worker_count, sizeof(struct source_worker *));
    server->peers = source_peers_new((size_t)config->limits.connections_per_address);
    for (size_t i = 0; i < server->worker_count; i++) {
        server->sources[i] = worker_source(server->workers[i]);
        source_worker_set_peers(server->sources[i], server->peers);
    }
    server->acceptor = source_acceptor_new(server->base, server->sources, server->worker_count, on_accepted, server);
    source_acceptor_set_peers(server->acceptor, server->peers);
    source_acceptor_set_most(server->acceptor, process_connections_most(config, server->worker_count));
    for (size_t i = 0; i < config->source_count && good; i++) {
        if (config->sources[i].systemd_socket[0])
            good = serve_inherited(server, &inherited, i);
        else if (config->sources[i].type != CONFIG_SOURCE_FILE)
            good = serve_address(server, &inherited, i);
    }
    refuse_the_rest(&inherited);
    inherited_free(&inherited);
    return good;
}
