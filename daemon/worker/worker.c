/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include "harrier/base/log.h"
#include "harrier/base/memory.h"

#include <stdlib.h>

/* TURN_BYTES: unpacked of a unit's payloads in one turn of the loop. */
enum { TURN_BYTES = 256 * 1024 };

/* --- rules ------------------------------------------------------------------------------------------------------------------------ */

static enum audit_accept accepted(enum config_log_type log_type)
{
    return log_type == CONFIG_LOG_TYPE_UDM ? AUDIT_ACCEPT_UDM : log_type == CONFIG_LOG_TYPE_AUTO ? AUDIT_ACCEPT_AUTO : AUDIT_ACCEPT_K8S;
}

static void options_of_source(struct intake_options *options, const struct worker *worker, const struct generation *generation,
                              const struct config_source *source)
{
    const struct config_limits *limits = &worker->options.config->limits;

    options->source.log_type = slice_of(source->log_type == CONFIG_LOG_TYPE_UDM ? "UDM" : "K8S_AUDIT");
    options->source.cluster = slice_of(source->cluster);
    options->source.trusted_proxies = source->trusted_proxies == CONFIG_PROXIES_AUTO ? UDM_PROXIES_BY_PROVIDER : (int)source->trusted_proxies;
    options->source.own_labels = generation->own_labels;
    options->accept = accepted(source->log_type);
    options->format = (enum audit_format)source->format; /* the same members in the same order */
    options->messages = source->type == CONFIG_SOURCE_FILE; /* syslog passes text over itself */
    options->envelope_cluster = source->cluster_from == CONFIG_CLUSTER_FROM_ENVELOPE;
    options->limits = audit_default_limits;
    options->limits.depth = (size_t)limits->depth;
    options->limits.value_bytes = limits->value_bytes;
    options->limits.event_bytes = limits->event_bytes;
    options->limits.inflated_bytes = limits->inflated_bytes;
    options->limits.inflate_ratio = (uint64_t)limits->inflate_ratio;
    options->limits.turn_bytes = TURN_BYTES;
    options->raw_bytes = limits->raw_bytes;
    options->budget = worker->options.budget;
    options->memory = limits->connection_memory;
}

static struct rules *rules_new(const struct worker *worker, struct generation *generation)
{
    const struct config *config = worker->options.config;
    struct rules *rules = xcalloc(1, sizeof *rules);

    rules->generation = generation_ref(generation);
    rules->scratch = intake_scratch_new(generation->plan, &detect_default_limits);
    rules->options = xcalloc(config->source_count, sizeof *rules->options);
    for (size_t i = 0; i < config->source_count; i++)
        options_of_source(&rules->options[i], worker, generation, &config->sources[i]);
    return rules;
}

static void rules_free(struct rules *rules)
{
    intake_scratch_free(rules->scratch);
    generation_unref(rules->generation);
    free(rules->options);
    free(rules);
}

void rules_leave(struct worker *worker, struct rules *rules)
{
    rules->units--;
    if (rules->units == 0 && rules != worker->current)
        rules_free(rules);
}

/* --- messages from other threads ------------------------------------------------------------------------------------------------------------ */

struct connection_message {
    struct mailbox_message message;
    size_t source;
    int fd;
    struct address peer;
};

static void connection_arrived(struct mailbox_message *message, void *context)
{
    struct connection_message *connection = (struct connection_message *)message;
    struct worker *worker = context;
    source_worker_add(worker->source, connection->source, connection->fd, &connection->peer);
    free(connection);
}

void worker_add_connection(struct worker *worker, size_t source, int fd, const struct address *peer)
{
    struct connection_message *connection = xcalloc(1, sizeof *connection);
    connection->message.deliver = connection_arrived;
    connection->source = source;
    connection->fd = fd;
    connection->peer = *peer;
    mailbox_post(worker->mailbox, &connection->message);
}

static void drain_arrived(struct mailbox_message *message, void *context)
{
    struct worker *worker = context;
    worker->draining = true;
    source_worker_drain(worker->source);
    followers_drain(worker->followers);
    free(message);
}

void worker_drain(struct worker *worker)
{
    struct mailbox_message *message = xcalloc(1, sizeof *message);
    message->deliver = drain_arrived;
    mailbox_post(worker->mailbox, message);
}

struct generation_message {
    struct mailbox_message message;
    struct generation *generation;
};

static void generation_arrived(struct mailbox_message *message, void *context)
{
    struct generation_message *arrived = (struct generation_message *)message;
    struct worker *worker = context;
    struct rules *before = worker->current;
    struct rules *after = rules_new(worker, arrived->generation);

    pthread_mutex_lock(&worker->mutex);
    worker->current = after;
    pthread_mutex_unlock(&worker->mutex);
    if (before->units == 0)
        rules_free(before);
    generation_unref(arrived->generation);
    free(arrived);
}

void worker_set_generation(struct worker *worker, struct generation *generation)
{
    struct generation_message *message = xcalloc(1, sizeof *message);
    message->message.deliver = generation_arrived;
    message->generation = generation_ref(generation);
    mailbox_post(worker->mailbox, &message->message);
}

struct stop_message {
    struct mailbox_message message;
    clock_nanos give_up_at;
};

/* Requests whose body is not complete are given up by the source; those at the commit thread are waited for. */
static void stop_arrived(struct mailbox_message *message, void *context)
{
    struct worker *worker = context;

    worker->stopping = true;
    worker->give_up_at = ((struct stop_message *)message)->give_up_at;
    free(message);
    followers_free(worker->followers);
    worker->followers = NULL;
    source_worker_free(worker->source);
    worker->source = NULL;
    if (worker->units == 0)
        event_base_loopbreak(worker->base);
}

/* --- the thread ----------------------------------------------------------------------------------------------------------------------------- */

static void *worker_main(void *argument)
{
    struct worker *worker = argument;
    event_base_loop(worker->base, EVLOOP_NO_EXIT_ON_EMPTY);
    return NULL;
}

static struct source_limits source_limits_of(const struct config *config)
{
    struct source_limits limits = source_default_limits;

    limits.body_bytes = config->limits.body_bytes;
    limits.header_bytes = config->limits.header_bytes;
    limits.connections = (size_t)config->limits.connections;
    limits.inflated_bytes = config->limits.inflated_bytes;
    limits.inflate_ratio = (uint64_t)config->limits.inflate_ratio;
    limits.header_timeout = config->limits.header_timeout;
    limits.idle_timeout = config->limits.idle_timeout;
    limits.body_progress_timeout = config->limits.body_progress_timeout;
    limits.acknowledge_timeout = config->limits.acknowledge_timeout;
    return limits;
}

struct worker *worker_start(const struct worker_options *options, struct generation *generation)
{
    const struct config *config = options->config;
    struct worker *worker = xcalloc(1, sizeof *worker);
    struct source_limits limits = source_limits_of(config);

    worker->options = *options;
    pthread_mutex_init(&worker->mutex, NULL);
    worker->base = source_base_new();
    worker->mailbox = mailbox_new(worker->base, worker);
    worker->watch = watch_new(options->clusters, (size_t)config->health.unknown_clusters);
    worker->current = rules_new(worker, generation);
    struct source_handler handler = unit_handler;
    handler.data = worker;
    worker->source = source_worker_new(worker->base, &limits, options->endpoints, config->source_count, &handler);
    source_worker_set_budget(worker->source, options->budget);
    worker->followers = followers_start(worker->source, worker->base, config, options->positions, options->number, options->count);
    if (pthread_create(&worker->thread, NULL, worker_main, worker) != 0) {
        log_error("cannot start worker thread %u", options->number);
        abort();
    }
    return worker;
}

void worker_begin_stop(struct worker *worker, clock_nanos give_up_at)
{
    struct stop_message *message = xcalloc(1, sizeof *message);

    message->message.deliver = stop_arrived;
    message->give_up_at = give_up_at;
    mailbox_post(worker->mailbox, &message->message);
}

void worker_stop(struct worker *worker)
{
    pthread_join(worker->thread, NULL);
    mailbox_free(worker->mailbox);
    rules_free(worker->current);
    event_base_free(worker->base);
    watch_free(worker->watch);
    pthread_mutex_destroy(&worker->mutex);
    tally_free(&worker->tally);
    free(worker);
}

struct source_worker *worker_source(struct worker *worker)
{
    return worker->source;
}

bool worker_follower_counts(struct worker *worker, size_t source, struct source_follower_counts *counts)
{
    return followers_count(worker->followers, source, counts);
}

struct watch *worker_watch(struct worker *worker)
{
    return worker->watch;
}

void worker_tally(struct worker *worker, struct tally *tally)
{
    pthread_mutex_lock(&worker->mutex);
    tally_merge(tally, &worker->tally);
    pthread_mutex_unlock(&worker->mutex);
}

void worker_rule_counts(struct worker *worker, const struct generation *generation, size_t rule, struct detect_rule_counts *counts)
{
    pthread_mutex_lock(&worker->mutex);
    if (worker->current->generation == generation) {
        struct detect_rule_counts mine = detect_engine_rule_counts(intake_engine(worker->current->scratch), rule);
        counts->fired += mine.fired;
        counts->unknown += mine.unknown;
        counts->row_limit += mine.row_limit;
    }
    pthread_mutex_unlock(&worker->mutex);
}

void worker_detect_counts(struct worker *worker, struct detect_counts *counts)
{
    pthread_mutex_lock(&worker->mutex);
    struct detect_counts mine = detect_engine_counts(intake_engine(worker->current->scratch));
    counts->predicates_evaluated += mine.predicates_evaluated;
    counts->rules_considered += mine.rules_considered;
    counts->regex_fallbacks += mine.regex_fallbacks;
    counts->regex_unknown += mine.regex_unknown;
    pthread_mutex_unlock(&worker->mutex);
}
