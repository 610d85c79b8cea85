/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's life, in this order: read and check all files; open the store; start commit, deliver and worker threads; listen; say that it is
 * ready; run; on SIGTERM take no more, answer what is in hand, deliver what can be delivered, and end. Each step is one function. */
#include "internal.h"

#include "daemon/setup/endpoints.h"
#include "library_log.h"

#include "harrier/config_uses.h"
#include "harrier/base/log.h"
#include "harrier/base/memory.h"
#include "harrier/redact.h"

#include <curl/curl.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

enum { REFRESH_SECONDS = 5, SUBMISSION_QUEUE_BYTES = 64 * 1024 * 1024, POSITIONS_ARENA_BYTES = 4096 };

/* The end, in seconds after SIGTERM; the man page promises 15. Each phase ends when it has nothing more to do, or at its time:
 *   clients: connections come to their end by themselves; later what can be sent again is refused, and the commit thread gives back what it has of it;
 *   store:   plain senders' connections are closed where they stand, what was read of them is judged and stored. Only a store that takes no
 *            writes makes this give up: what is under way at the commit thread is waited for;
 *   deliver: deliveries under way may end, for a moment, and their results are stored. */
enum { CLIENTS_SECONDS = 9, STORE_SECONDS = 12, DELIVER_SECONDS = 14, DELIVER_GRACE_SECONDS = 3 };

const char *server_not_ready(const struct server *server)
{
    if (server->draining)
        return "draining: the daemon is about to end";
    if (!server->listening)
        return "starting";
    if (!commit_is_healthy(server->commit))
        return "the store takes no writes: see the log";
    return NULL;
}

/* --- files ----------------------------------------------------------------------------------------------------------------------- */

/* At a terminal as a compiler would; in the journal each with its priority. */
static void show_findings(const struct diagnostics *diagnostics, bool in_log)
{
    if (in_log)
        server_log_findings(diagnostics);
    else
        diagnostics_print(diagnostics, stderr);
}

static struct generation *load_and_show(const char *config_file, bool in_log)
{
    struct diagnostics *diagnostics = diagnostics_new();
    struct generation *generation = generation_load(config_file, NULL, 0, diagnostics);
    size_t errors = diagnostics_count_of(diagnostics, DIAGNOSTIC_ERROR);

    show_findings(diagnostics, in_log);
    if (!generation && in_log)
        log_error("%zu error%s; nothing was started", errors, errors == 1 ? "" : "s");
    else if (!generation)
        fprintf(stderr, "harrierd: %zu error%s; nothing was started\n", errors, errors == 1 ? "" : "s");
    diagnostics_free(diagnostics);
    return generation;
}

/* Certificates run out: that is told when somebody asks, and keeps no daemon from starting. */
static bool check_sources(const struct config *config)
{
    struct diagnostics *diagnostics = diagnostics_new();

    config_check_sources(config, 0, clock_wall(), diagnostics);
    bool good = diagnostics_count_of(diagnostics, DIAGNOSTIC_ERROR) == 0;
    show_findings(diagnostics, false);
    diagnostics_free(diagnostics);
    return good;
}

int server_check(const char *config_file)
{
    struct generation *generation = load_and_show(config_file, false);

    if (!generation)
        return EX_CONFIG;
    if (!check_sources(generation->config)) {
        generation_unref(generation);
        return EX_CONFIG;
    }
    fprintf(stderr, "harrierd: %s: %zu rules, %zu destinations: good\n", config_file, detect_plan_rule_count(generation->plan),
            generation->config->destination_count);
    generation_unref(generation);
    return EX_OK;
}

/* --- start ------------------------------------------------------------------------------------------------------------------------- */

static bool open_readers(struct server *server, const char *directory)
{
    char *error = NULL;

    if (store_reader_open(directory, &server->reader, &error) == RESULT_OK &&
        store_reader_open(directory, &server->deliver_reader, &error) == RESULT_OK)
        return true;
    log_error("%s", error ? error : "the store cannot be read");
    free(error);
    return false;
}

_Static_assert((int)CONFIG_DEAD_LETTER_SHARE == (int)STORE_DEAD_LETTER_SHARE, "the check of the configuration says what the store does");

static bool open_store(struct server *server)
{
    const struct config *config = server->boot->config;
    const struct store_options options = {
        .directory = config->store.directory,
        .alert_retention = config->store.retention,
        .id_retention = config->store.remember_ids,
        .soft_bytes = config->store.size,
        .dead_letter_bytes = config->store.dead_letters,
    };
    char *error = NULL;

    if (store_open(&options, &server->store, &error) != RESULT_OK) {
        log_error("%s", error ? error : "the store cannot be opened");
        free(error);
        return false;
    }
    redact_load_key(config->store.directory);
    return open_readers(server, config->store.directory);
}

static void on_committed(void *context)
{
    struct server *server = context;
    deliver_wake(server->deliver);
}

static void on_delivery_results(const struct store_delivery_result *results, size_t count, void *context)
{
    struct server *server = context;
    commit_report(server->commit, results, count);
}

static void *deliver_main(void *argument)
{
    struct server *server = argument;
    event_base_loop(server->deliver_base, EVLOOP_NO_EXIT_ON_EMPTY);
    return NULL;
}

static bool make_deliver(struct server *server)
{
    const struct deliver_config config = {
        .destinations = server->destinations,
        .destination_count = server->boot->config->destination_count,
        .report = on_delivery_results,
        .report_context = server,
        .clock = store_clock(server->store),
    };
    char *error = NULL;

    server->deliver_base = event_base_new();
    if (deliver_new(&config, server->deliver_base, server->deliver_reader, &server->deliver, &error) == RESULT_OK)
        return true;
    log_error("%s", error ? error : "delivery cannot be set up");
    free(error);
    return false;
}

static void start_workers(struct server *server)
{
    const struct config *config = server->boot->config;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    server->worker_count = config->workers > 0 ? (size_t)config->workers : processors > 0 ? (size_t)processors : 1;
    server->workers = xcalloc(server->worker_count, sizeof(struct worker *));
    struct arena *arena = arena_new(POSITIONS_ARENA_BYTES);
    struct slice *positions = followers_read_positions(server->reader, config, arena);
    followers_store_first_positions(server->commit, config, arena, positions);
    for (size_t i = 0; i < server->worker_count; i++) {
        const struct worker_options worker = {.config = config,
                                              .endpoints = server->endpoints,
                                              .rates = server->rates,
                                              .clusters = server->clusters,
                                              .commit = server->commit,
                                              .budget = server->budget,
                                              .positions = positions,
                                              .number = (unsigned int)i,
                                              .count = (unsigned int)server->worker_count};
        server->workers[i] = worker_start(&worker, server->generation);
    }
    arena_free(arena);
}

/* deliver is made before the commit thread starts, since that one wakes it; its own thread starts after, since it reports there. */
static bool start_threads(struct server *server)
{
    const struct config *config = server->boot->config;

    if (!make_deliver(server))
        return false;
    const struct commit_options options = {.store = server->store,
                                           .queue_bytes = SUBMISSION_QUEUE_BYTES,
                                           .committed = on_committed,
                                           .context = server,
                                           .directory = config->store.directory};
    server->commit = commit_start(&options);
    if (pthread_create(&server->deliver_thread, NULL, deliver_main, server) != 0) {
        log_error("cannot start the deliver thread");
        abort();
    }
    deliver_wake(server->deliver);
    start_workers(server);
    return true;
}

static bool start_listening(struct server *server)
{
    if (!listen_start(server))
        return false;
    server->admin = admin_new(server);
    return server->admin != NULL;
}

static bool make_sources(struct server *server)
{
    const struct config *config = server->boot->config;

    server->rates = xcalloc(config->source_count, sizeof *server->rates);
    for (size_t i = 0; i < config->source_count; i++)
        server->rates[i] = rate_new(config->sources[i].events_per_second);
    server->clusters = clusters_new(config);
    server->endpoints = endpoints_new(config);
    return server->endpoints != NULL;
}

struct tally server_tally(struct server *server)
{
    struct tally tally = {0};

    for (size_t i = 0; i < server->worker_count; i++)
        worker_tally(server->workers[i], &tally);
    return tally;
}

/* --- run ---------------------------------------------------------------------------------------------------------------------------- */

static size_t open_connections(const struct server *server)
{
    size_t open = 0;
    for (size_t i = 0; i < server->worker_count; i++)
        open += source_worker_connections(worker_source(server->workers[i]));
    return open;
}

static void drain_cb(evutil_socket_t fd, short what, void *argument)
{
    struct server *server = argument;
    const struct timeval soon = {.tv_usec = 20000};

    (void)fd;
    (void)what;
    if (open_connections(server) == 0 || clock_monotonic() >= server->terminated + CLIENTS_SECONDS * CLOCK_SECOND)
        event_base_loopbreak(server->base);
    else
        event_add(server->drain_timer, &soon);
}

static void terminate_cb(evutil_socket_t signal_number, short what, void *argument)
{
    struct server *server = argument;

    (void)what;
    if (server->draining) {
        log_notice("signal %d again: not waiting for clients any longer", (int)signal_number);
        commit_hurry(server->commit, clock_monotonic());
        event_base_loopbreak(server->base);
        return;
    }
    server->draining = true;
    server->terminated = clock_monotonic();
    sd_notify(0, "STOPPING=1");
    log_notice("signal %d: no new requests; open connections that are brought to their end: %zu", (int)signal_number, open_connections(server));
    source_acceptor_free(server->acceptor);
    server->acceptor = NULL;
    for (size_t i = 0; i < server->worker_count; i++)
        worker_drain(server->workers[i]);
    commit_hurry(server->commit, server->terminated + CLIENTS_SECONDS * CLOCK_SECOND);
    event_active(server->drain_timer, EV_TIMEOUT, 0);
}

static void reload_cb(evutil_socket_t signal_number, short what, void *argument)
{
    (void)signal_number;
    (void)what;
    struct diagnostics *findings = diagnostics_new();
    server_reload(argument, findings);
    diagnostics_free(findings);
}

static void watchdog_cb(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    (void)argument;
    sd_notify(0, "WATCHDOG=1");
}

static void refresh_cb(evutil_socket_t fd, short what, void *argument)
{
    struct server *server = argument;
    (void)fd;
    (void)what;
    endpoints_refresh(server->endpoints, server->boot->config->source_count);
}

static void start_refresh(struct server *server)
{
    const struct timeval period = {.tv_sec = REFRESH_SECONDS};
    server->refresh = event_new(server->base, -1, EV_PERSIST, refresh_cb, server);
    event_add(server->refresh, &period);
}

static void start_signals(struct server *server)
{
    uint64_t watchdog_usec = 0;

    server->signals[0] = evsignal_new(server->base, SIGTERM, terminate_cb, server);
    server->signals[1] = evsignal_new(server->base, SIGINT, terminate_cb, server);
    server->signals[2] = evsignal_new(server->base, SIGHUP, reload_cb, server);
    for (size_t i = 0; i < 3; i++)
        evsignal_add(server->signals[i], NULL);
    server->drain_timer = evtimer_new(server->base, drain_cb, server);
    if (sd_watchdog_enabled(0, &watchdog_usec) > 0) {
        const struct timeval half = {.tv_sec = (time_t)(watchdog_usec / 2000000), .tv_usec = (suseconds_t)(watchdog_usec / 2 % 1000000)};
        server->watchdog = event_new(server->base, -1, EV_PERSIST, watchdog_cb, server);
        event_add(server->watchdog, &half);
    }
}

/* Threads other than main leave signals alone. */
static void block_signals(sigset_t *before)
{
    sigset_t signals;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, before);
}

/* Whose traffic is to be expected: not that of the source's own cluster where each client speaks for another. True: of that one alone. */
static bool append_clusters(struct buffer *text, const struct config_source *source)
{
    enum { MOST_NAMED = 4 };
    size_t bound = 0;

    for (size_t i = 0; i < source->client_count; i++) {
        if (!source->clients[i].cluster[0])
            continue;
        bound++;
        if (bound <= MOST_NAMED)
            buffer_printf(text, "%s%s", bound == 1 ? "clusters of its clients: " : ", ", source->clients[i].cluster);
    }
    if (bound > MOST_NAMED)
        buffer_printf(text, " and %zu more", bound - MOST_NAMED);
    if (bound && bound < source->client_count)
        buffer_printf(text, "; else %s", source->cluster);
    else if (bound == 0 && source->cluster_from != CONFIG_CLUSTER_FROM_SOURCE)
        buffer_printf(text, "clusters as what comes in names them, else %s", source->cluster);
    else if (bound == 0)
        buffer_printf(text, "cluster %s", source->cluster);
    return bound == 0 && source->cluster_from == CONFIG_CLUSTER_FROM_SOURCE;
}

static void log_source(const struct config_source *source)
{
    const char *tls = source->tls.certificate_file[0] ? "s" : "";
    const char *where = source->listen.text[0] ? source->listen.text : source->systemd_socket;
    struct buffer text = {NULL, 0, 0};

    switch (source->type) {
    case CONFIG_SOURCE_WEBHOOK: buffer_printf(&text, "http%s://%s%s", tls, where, source->path); break;
    case CONFIG_SOURCE_SYSLOG: buffer_printf(&text, "syslog over TCP%s at %s", *tls ? " and TLS" : "", where); break;
    case CONFIG_SOURCE_RELP: buffer_printf(&text, "RELP%s at %s", *tls ? " over TLS" : "", where); break;
    case CONFIG_SOURCE_FILE: buffer_printf(&text, "file %s", source->file); break;
    }
    buffer_append_text(&text, ", ");
    bool is_one = append_clusters(&text, source);
    log_write_fields(LOG_LEVEL_NOTICE, LOG_FIELDS({LOG_FIELD_SOURCE, slice_of(source->name)}, {LOG_FIELD_CLUSTER, slice_of(is_one ? source->cluster : "")}),
                     "source `%s`: %s", source->name, text.bytes);
    buffer_free(&text);
}

static void run(struct server *server)
{
    const struct config *config = server->boot->config;

    server->listening = true;
    sd_notifyf(0, "READY=1\nSTATUS=%zu rules", detect_plan_rule_count(server->generation->plan));
    for (size_t i = 0; i < config->source_count; i++)
        log_source(&config->sources[i]);
    log_notice("harrierd " PACKAGE_VERSION " is ready: %zu rules, %zu destinations, %zu workers", detect_plan_rule_count(server->generation->plan),
               config->destination_count, server->worker_count);
    event_base_dispatch(server->base);
}

/* --- end ------------------------------------------------------------------------------------------------------------------------------ */

/* How long the deliver thread may take. */
static clock_nanos grace_of_deliveries(clock_nanos begin)
{
    clock_nanos left = begin + DELIVER_SECONDS * CLOCK_SECOND - clock_monotonic();
    clock_nanos most = DELIVER_GRACE_SECONDS * CLOCK_SECOND;

    return left < 0 ? 0 : left < most ? left : most;
}

/* Workers first, while their parts can still be committed; then delivery, while its results can; then the commit thread. */
static void stop_threads(struct server *server)
{
    clock_nanos begin = server->terminated ? server->terminated : clock_monotonic();

    for (size_t i = 0; i < server->worker_count; i++)
        worker_begin_stop(server->workers[i], begin + STORE_SECONDS * CLOCK_SECOND);
    for (size_t i = 0; i < server->worker_count; i++)
        worker_stop(server->workers[i]);
    free(server->workers);
    if (server->commit) {
        deliver_stop(server->deliver, grace_of_deliveries(begin));
        pthread_join(server->deliver_thread, NULL);
        commit_stop(server->commit);
    }
    deliver_free(server->deliver);
    if (server->deliver_base)
        event_base_free(server->deliver_base);
}

static void shut_down(struct server *server)
{
    admin_stop(server->admin);
    source_acceptor_free(server->acceptor);
    free(server->sources);
    health_timer_stop(server->health);
    stop_threads(server);
    admin_free(server->admin);
    source_peers_free(server->peers);
    health_timer_free(server->health);
    store_reader_close(server->reader);
    store_reader_close(server->deliver_reader);
    store_close(server->store);
    for (size_t i = 0; i < sizeof server->signals / sizeof server->signals[0]; i++)
        if (server->signals[i])
            event_free(server->signals[i]);
    if (server->watchdog)
        event_free(server->watchdog);
    if (server->refresh)
        event_free(server->refresh);
    if (server->drain_timer)
        event_free(server->drain_timer);
    event_base_free(server->base);
    endpoints_free(server->endpoints, server->boot->config->source_count);
    for (size_t i = 0; server->rates && i < server->boot->config->source_count; i++)
        rate_free(server->rates[i]);
    free(server->rates);
    clusters_free(server->clusters);
    config_destinations_free(server->destinations, server->boot->config->destination_count);
    budget_free(server->budget);
    generation_unref(server->generation);
    generation_unref(server->boot);
}

int server_run(const char *config_file)
{
    struct server server = {.config_file = config_file, .started = clock_monotonic()};
    sigset_t signals_before;
    int exit_code = EX_OK;

    process_bound_heaps();
    process_harden();
    process_raise_descriptors();
    library_log_take();
    server.boot = load_and_show(config_file, log_to_journal());
    if (!server.boot)
        return EX_CONFIG;
    log_set_level(server.boot->config->log.level);
    server.generation = generation_ref(server.boot);
    server.destinations = config_destinations(server.boot->config);
    server.budget = budget_new(server.boot->config->limits.memory);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    block_signals(&signals_before);
    server.base = event_base_new();
    if (!make_sources(&server))
        exit_code = EX_CONFIG;
    else if (!open_store(&server))
        exit_code = EX_UNAVAILABLE;
    else if (!start_threads(&server) || !start_listening(&server))
        exit_code = EX_UNAVAILABLE;
    if (exit_code == EX_OK) {
        start_signals(&server);
        start_refresh(&server);
        server.health = health_timer_start(&server);
        pthread_sigmask(SIG_SETMASK, &signals_before, NULL);
        run(&server);
        log_notice("harrierd ends: what is not delivered yet is kept and goes out after the next start");
    }
    shut_down(&server);
    curl_global_cleanup();
    return exit_code;
}
