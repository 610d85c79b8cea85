/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include "mailbox.h"

#include "harrier/intake.h"
#include "harrier/log.h"
#include "harrier/memory.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>

enum { PART_BYTES = 1024 * 1024, RETRY_AFTER_SECONDS = 15, ROUTE_ARENA_BYTES = 16384 };

/* A generation as this worker runs it. Requests in hand keep it; when it is no longer the current one and the last of them ends, it goes. */
struct rules {
    struct generation *generation;
    struct intake_scratch *scratch;
    struct intake_options *options; /* per source */
    size_t requests;
};

struct worker {
    struct worker_options options;
    pthread_t thread;
    struct event_base *base;
    struct mailbox *mailbox;
    struct source_worker *source;
    struct source_endpoint *endpoints;
    struct arena *route_arena;
    size_t requests;      /* not settled yet */
    bool stopping;
    pthread_mutex_t mutex; /* over what other threads read: current, counts */
    struct rules *current;
    struct worker_event_counts *counts; /* per source */
};

/* A POST from its head to its answer. What it owes is handed to the commit thread in parts of about a megabyte, so that a body of any size and
 * any number of alerts is held in bounded memory; the answer waits for the last part. A part that was committed before the body failed does no
 * harm: the sender sends it again, and its alerts have the same ids. */
struct request {
    struct worker *worker;
    struct rules *rules;
    struct source_request *handle;
    size_t source;
    struct intake *intake;
    struct submission *submission;
    size_t charged;          /* bytes of `submission` that were taken from the budget */
    size_t parts;            /* at the commit thread */
    bool handed_over;        /* end() or abort() has come: nothing more will */
    bool aborted;
    enum result failed;      /* why it cannot be acknowledged; RESULT_OK so far */
    bool unreadable;         /* not one JSON value in it */
    uint64_t error_offset;
    uint64_t events, dead, cut; /* counted so far */
};

struct part {
    struct mailbox_message message;
    struct request *request;
    size_t charged;
    enum result result;
};

/* --- rules ------------------------------------------------------------------------------------------------------------------------ */

static enum audit_accept accepted(enum config_log_type log_type)
{
    return log_type == CONFIG_LOG_TYPE_UDM ? AUDIT_ACCEPT_UDM : AUDIT_ACCEPT_K8S;
}

static struct rules *rules_new(const struct worker *worker, struct generation *generation)
{
    const struct config *config = worker->options.config;
    struct rules *rules = xcalloc(1, sizeof *rules);

    rules->generation = generation_ref(generation);
    rules->scratch = intake_scratch_new(generation->plan, &detect_default_limits);
    rules->options = xcalloc(config->source_count, sizeof *rules->options);
    for (size_t i = 0; i < config->source_count; i++) {
        struct intake_options *options = &rules->options[i];
        options->source.log_type = slice_of(config_log_type_name(config->sources[i].log_type));
        options->source.cluster = slice_of(config->sources[i].cluster);
        options->source.trusted_proxies = (unsigned int)config->sources[i].trusted_proxies;
        options->source.own_labels = generation->own_labels;
        options->accept = accepted(config->sources[i].log_type);
        options->limits = audit_default_limits;
        options->limits.depth = (size_t)config->limits.depth;
        options->limits.value_bytes = config->limits.value_bytes;
        options->limits.event_bytes = config->limits.event_bytes;
        options->raw_bytes = config->limits.raw_bytes;
        options->budget = worker->options.budget;
    }
    return rules;
}

static void rules_free(struct rules *rules)
{
    intake_scratch_free(rules->scratch);
    generation_unref(rules->generation);
    free(rules->options);
    free(rules);
}

static void rules_leave(struct worker *worker, struct rules *rules)
{
    rules->requests--;
    if (rules->requests == 0 && rules != worker->current)
        rules_free(rules);
}

/* --- what a request owes ------------------------------------------------------------------------------------------------------------ */

static void settle(struct request *request);

static void part_arrived(struct mailbox_message *message, void *context)
{
    struct part *part = (struct part *)message;
    struct request *request = part->request;

    (void)context;
    budget_give(request->worker->options.budget, part->charged);
    request->parts--;
    if (part->result != RESULT_OK)
        request->failed = part->result;
    free(part);
    if (request->handed_over && request->parts == 0)
        settle(request);
}

/* On the commit thread. */
static void part_done(void *context, enum result result)
{
    struct part *part = context;
    part->result = result;
    mailbox_post(part->request->worker->mailbox, &part->message);
}

static void new_submission(struct request *request)
{
    struct slice cluster = request->rules->options[request->source].source.cluster;
    request->submission = submission_new(cluster, cluster);
    request->charged = 0;
}

static void drop_submission(struct request *request)
{
    submission_free(request->submission);
    request->submission = NULL;
    budget_give(request->worker->options.budget, request->charged);
    request->charged = 0;
}

/* Gives what has gathered to the commit thread. */
static void hand_part_over(struct request *request)
{
    if (submission_is_empty(request->submission))
        return;
    struct part *part = xcalloc(1, sizeof *part);
    part->message.deliver = part_arrived;
    part->request = request;
    part->charged = request->charged;
    if (!commit_submit(request->worker->options.commit, request->submission, part_done, part)) {
        free(part);
        request->failed = RESULT_BUSY;
        drop_submission(request);
    } else {
        request->parts++;
    }
    new_submission(request);
}

/* What was added to the submission is taken from the budget; what does not fit fails the request. */
static void charge(struct request *request)
{
    size_t length = submission_bytes(request->submission).length;

    if (length <= request->charged)
        return;
    if (!budget_take(request->worker->options.budget, length - request->charged)) {
        request->failed = RESULT_BUSY;
        drop_submission(request);
        new_submission(request);
        return;
    }
    request->charged = length;
    if (length >= PART_BYTES)
        hand_part_over(request);
}

static void route(struct request *request, const struct alert *alert, struct submission_alert *out)
{
    struct arena *arena = request->worker->route_arena;
    const char *names[DELIVER_DESTINATIONS_MAX];
    struct deliver_alert_fields fields = {0};
    struct json_node *document = NULL;

    if (deliver_routes_ask(request->rules->generation->routes)) {
        arena_reset(arena);
        json_tree_parse(arena, buffer_slice(&alert->json), &json_default_limits, &document, NULL);
        deliver_fields_from_json(document, arena, &fields);
    }
    out->destination_count = deliver_route(request->rules->generation->routes, &fields, names);
    for (size_t i = 0; i < out->destination_count; i++)
        out->destinations[i] = slice_of(names[i]);
}

static void on_alert(void *context, const struct alert *alert)
{
    struct request *request = context;
    struct worker *worker = request->worker;
    struct submission_alert out;

    if (request->failed != RESULT_OK)
        return;
    out.alert_id = slice_of(alert->alert_id);
    out.dedup_key = slice_of(alert->dedup_key);
    out.time = alert->time;
    out.rule = alert->rule;
    out.severity = slice_of(alert->severity);
    out.risk_score = alert->risk_score;
    out.json = buffer_slice(&alert->json);
    route(request, alert, &out);
    enum result result = submission_add_alert(request->submission, &out);
    if (result != RESULT_OK) {
        log_error("an alert of rule %.*s could not be queued: %s", SLICE_ARGS(alert->rule), result_text(result));
        request->failed = result;
        return;
    }
    pthread_mutex_lock(&worker->mutex);
    worker->counts[request->source].alerts++;
    pthread_mutex_unlock(&worker->mutex);
    charge(request);
}

static void on_dead(void *context, const struct audit_dead *dead)
{
    struct request *request = context;
    const struct config *config = request->worker->options.config;

    if (request->failed != RESULT_OK)
        return;
    struct submission_dead_letter letter = {
        .source = slice_of(config->sources[request->source].name),
        .reason = slice_of(audit_dead_reason_text(dead->reason)),
        .detail = slice_of(dead->detail),
        .total_length = dead->length,
        .offset = dead->offset,
        .kept = dead->bytes,
    };
    if (submission_add_dead_letter(request->submission, &letter) != RESULT_OK)
        request->failed = RESULT_LIMIT;
    charge(request);
}

/* Brings the worker's counts up to what the intake has read. */
static void count(struct request *request)
{
    struct worker *worker = request->worker;
    const struct audit_counts *read = intake_counts(request->intake);
    struct worker_event_counts *counts = &worker->counts[request->source];

    pthread_mutex_lock(&worker->mutex);
    counts->received += read->received - (request->events + request->dead);
    counts->in_flight += read->received - (request->events + request->dead);
    counts->cut += read->cut - request->cut;
    pthread_mutex_unlock(&worker->mutex);
    request->events = read->events;
    request->dead = read->dead;
    request->cut = read->cut;
}

/* --- the source's callbacks -------------------------------------------------------------------------------------------------------------- */

static void *begin(void *data, struct source_request *handle, const struct source_head *head, struct source_refusal *refusal)
{
    struct worker *worker = data;
    struct request *request = xcalloc(1, sizeof *request);
    const struct intake_sink sink = {.context = request, .alert = on_alert, .dead = on_dead};

    (void)refusal;
    request->worker = worker;
    request->rules = worker->current;
    request->rules->requests++;
    worker->requests++;
    request->handle = handle;
    request->source = head->source;
    new_submission(request);
    request->intake = intake_new(request->rules->scratch, &request->rules->options[head->source], &sink);
    return request;
}

static enum result body(void *context, struct slice bytes)
{
    struct request *request = context;
    enum result result = intake_feed(request->intake, bytes);

    count(request);
    return request->failed != RESULT_OK ? request->failed : result;
}

static void answer(struct request *request)
{
    char text[128];

    if (request->failed != RESULT_OK) {
        snprintf(text, sizeof text, "{\"error\":\"not stored: %s; send it again\"}", result_text(request->failed));
        source_request_answer(request->handle, 503, RETRY_AFTER_SECONDS, slice_of(text));
    } else if (request->unreadable) {
        snprintf(text, sizeof text, "{\"error\":\"no JSON value could be read\",\"offset\":%llu}", (unsigned long long)request->error_offset);
        source_request_answer(request->handle, 400, 0, slice_of(text));
    } else {
        source_request_answer(request->handle, 200, 0, SLICE("{}"));
    }
}

/* Nothing of it is under way any more. */
static void settle(struct request *request)
{
    struct worker *worker = request->worker;
    struct worker_event_counts *counts = &worker->counts[request->source];

    pthread_mutex_lock(&worker->mutex);
    counts->evaluated += request->events;
    counts->dead_lettered += request->dead;
    counts->in_flight -= request->events + request->dead;
    pthread_mutex_unlock(&worker->mutex);
    if (!request->aborted)
        answer(request);
    drop_submission(request);
    intake_free(request->intake);
    rules_leave(worker, request->rules);
    worker->requests--;
    if (worker->stopping && worker->requests == 0)
        event_base_loopbreak(worker->base);
    free(request);
}

static void end(void *context)
{
    struct request *request = context;

    request->unreadable = intake_finish(request->intake, &request->error_offset) == RESULT_INVALID;
    count(request);
    if (request->failed == RESULT_OK)
        hand_part_over(request);
    request->handed_over = true;
    if (request->parts == 0)
        settle(request);
}

static void aborted(void *context)
{
    struct request *request = context;

    request->aborted = true;
    request->handed_over = true;
    if (request->parts == 0)
        settle(request);
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
    source_worker_drain(worker->source);
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
    if (before->requests == 0)
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

/* Requests whose body is not complete are given up by the source; those at the commit thread are waited for. */
static void stop_arrived(struct mailbox_message *message, void *context)
{
    struct worker *worker = context;

    free(message);
    worker->stopping = true;
    source_worker_free(worker->source);
    worker->source = NULL;
    if (worker->requests == 0)
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
    struct event_config *base_config = event_config_new();
    struct source_limits limits = source_limits_of(config);

    worker->options = *options;
    pthread_mutex_init(&worker->mutex, NULL);
    event_config_set_flag(base_config, EVENT_BASE_FLAG_NOLOCK);
    worker->base = event_base_new_with_config(base_config);
    event_config_free(base_config);
    worker->mailbox = mailbox_new(worker->base, worker);
    worker->route_arena = arena_new(ROUTE_ARENA_BYTES);
    worker->counts = xcalloc(config->source_count, sizeof *worker->counts);
    worker->endpoints = xcalloc(config->source_count, sizeof *worker->endpoints);
    for (size_t i = 0; i < config->source_count; i++)
        worker->endpoints[i] = (struct source_endpoint){.path = config->sources[i].path};
    worker->current = rules_new(worker, generation);
    const struct source_handler handler = {.data = worker, .begin = begin, .body = body, .end = end, .abort = aborted};
    worker->source = source_worker_new(worker->base, &limits, worker->endpoints, config->source_count, &handler);
    if (pthread_create(&worker->thread, NULL, worker_main, worker) != 0) {
        log_error("cannot start worker thread %u", options->number);
        abort();
    }
    return worker;
}

void worker_stop(struct worker *worker)
{
    struct mailbox_message *message = xcalloc(1, sizeof *message);

    message->deliver = stop_arrived;
    mailbox_post(worker->mailbox, message);
    pthread_join(worker->thread, NULL);
    mailbox_free(worker->mailbox);
    rules_free(worker->current);
    event_base_free(worker->base);
    arena_free(worker->route_arena);
    pthread_mutex_destroy(&worker->mutex);
    free(worker->endpoints);
    free(worker->counts);
    free(worker);
}

struct source_worker *worker_source(struct worker *worker)
{
    return worker->source;
}

void worker_event_counts(struct worker *worker, size_t source, struct worker_event_counts *counts)
{
    pthread_mutex_lock(&worker->mutex);
    const struct worker_event_counts *mine = &worker->counts[source];
    counts->received += mine->received;
    counts->evaluated += mine->evaluated;
    counts->dead_lettered += mine->dead_lettered;
    counts->in_flight += mine->in_flight;
    counts->cut += mine->cut;
    counts->alerts += mine->alerts;
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
