/* SPDX-License-Identifier: Apache-2.0 */
/* /metrics in Prometheus text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats). Names end in their unit; a family's lines
 * stand together below its HELP and TYPE. */
#include "internal.h"

#include "harrier/budget.h"
#include "harrier/deliver.h"
#include "harrier/memory.h"

#include <stdlib.h>

static void family(struct buffer *out, const char *name, const char *type, const char *help)
{
    buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A label's value: backslash, quote and newline are escaped. */
static void label(struct buffer *out, const char *name, struct slice value)
{
    buffer_printf(out, "%s=\"", name);
    for (size_t i = 0; i < value.length; i++) {
        if (value.bytes[i] == '\n')
            buffer_append_text(out, "\\n");
        else if (value.bytes[i] == '\\' || value.bytes[i] == '"')
            buffer_printf(out, "\\%c", value.bytes[i]);
        else
            buffer_append_byte(out, value.bytes[i]);
    }
    buffer_append_byte(out, '"');
}

static void number(struct buffer *out, const char *name, uint64_t value)
{
    buffer_printf(out, "%s %llu\n", name, (unsigned long long)value);
}

static void single(struct buffer *out, const char *name, const char *type, const char *help, uint64_t value)
{
    family(out, name, type, help);
    number(out, name, value);
}

static void labelled(struct buffer *out, const char *name, const char *label_name, struct slice label_value, uint64_t value)
{
    buffer_printf(out, "%s{", name);
    label(out, label_name, label_value);
    buffer_printf(out, "} %llu\n", (unsigned long long)value);
}

/* --- events: received = evaluated + dead_lettered + in_flight ------------------------------------------------------------------------ */

static void write_events(struct server *server, struct buffer *out)
{
    static const struct {
        const char *name, *type, *help;
        size_t offset;
    } families[] = {
        {"harrier_events_received_total", "counter", "Audit events, and what stood in the place of one, that were read.", offsetof(struct worker_event_counts, received)},
        {"harrier_events_evaluated_total", "counter", "Events that the rules have judged.", offsetof(struct worker_event_counts, evaluated)},
        {"harrier_events_dead_lettered_total", "counter", "What was no event and went to the dead letters.", offsetof(struct worker_event_counts, dead_lettered)},
        {"harrier_events_in_flight", "gauge", "Events in requests that are not answered yet.", offsetof(struct worker_event_counts, in_flight)},
        {"harrier_events_cut_total", "counter", "Events that went over a bound and were judged on what was seen.", offsetof(struct worker_event_counts, cut)},
        {"harrier_alerts_found_total", "counter", "Alerts that the rules have found, repeats of a batch that was sent again counted.", offsetof(struct worker_event_counts, alerts)},
    };
    const struct config *config = server->boot->config;
    struct worker_event_counts *counts = xcalloc(config->source_count, sizeof *counts);

    for (size_t s = 0; s < config->source_count; s++)
        for (size_t w = 0; w < server->worker_count; w++)
            worker_event_counts(server->workers[w], s, &counts[s]);
    for (size_t f = 0; f < sizeof families / sizeof families[0]; f++) {
        family(out, families[f].name, families[f].type, families[f].help);
        for (size_t s = 0; s < config->source_count; s++) {
            buffer_printf(out, "%s{", families[f].name);
            label(out, "source", slice_of(config->sources[s].name));
            buffer_append_byte(out, ',');
            label(out, "cluster", slice_of(config->sources[s].cluster));
            buffer_printf(out, "} %llu\n", (unsigned long long)*(const uint64_t *)((const char *)&counts[s] + families[f].offset));
        }
    }
    free(counts);
}

static void write_http(struct server *server, struct buffer *out)
{
    struct source_counts counts = {0};
    char class[8];

    for (size_t w = 0; w < server->worker_count; w++)
        if (worker_source(server->workers[w]))
            source_worker_count(worker_source(server->workers[w]), &counts);
    if (server->acceptor)
        source_acceptor_count(server->acceptor, &counts);
    single(out, "harrier_http_connections_total", "counter", "Connections that were accepted.", counts.connections);
    single(out, "harrier_http_connections_open", "gauge", "Connections that are open.", counts.connections_open);
    single(out, "harrier_http_requests_total", "counter", "Requests whose header section was read.", counts.requests);
    single(out, "harrier_http_received_bytes_total", "counter", "Bytes that were read from clients.", counts.received_bytes);
    single(out, "harrier_http_answers_dropped_total", "counter", "Answers that nobody waited for any more.", counts.answers_dropped);
    family(out, "harrier_http_answers_total", "counter", "Answers by class of status.");
    for (unsigned int i = 1; i < 6; i++) {
        snprintf(class, sizeof class, "%uxx", i);
        labelled(out, "harrier_http_answers_total", "class", slice_of(class), counts.answers_by_class[i]);
    }
    family(out, "harrier_http_closes_total", "counter", "Connections closed, by reason.");
    for (int i = 0; i < SOURCE_CLOSE_COUNT; i++)
        labelled(out, "harrier_http_closes_total", "reason", slice_of(source_close_name((enum source_close)i)), counts.closes[i]);
    family(out, "harrier_http_bounds_hit_total", "counter", "Bounds that were hit, by bound.");
    for (int i = 0; i < SOURCE_BOUND_COUNT; i++)
        labelled(out, "harrier_http_bounds_hit_total", "bound", slice_of(source_bound_name((enum source_bound)i)), counts.bounds[i]);
}

static void write_rules(struct server *server, struct buffer *out)
{
    const struct detect_plan *plan = server->generation->plan;
    size_t count = detect_plan_rule_count(plan);
    struct detect_rule_counts *counts = xcalloc(count, sizeof *counts);
    struct detect_counts totals = {0};

    for (size_t w = 0; w < server->worker_count; w++) {
        worker_detect_counts(server->workers[w], &totals);
        for (size_t r = 0; r < count; r++)
            worker_rule_counts(server->workers[w], server->generation, r, &counts[r]);
    }
    single(out, "harrier_rules_loaded", "gauge", "Rules that run.", count);
    family(out, "harrier_rule_fired_total", "counter", "Alerts of the rule since the last reload.");
    for (size_t r = 0; r < count; r++)
        labelled(out, "harrier_rule_fired_total", "rule", detect_plan_rule(plan, r)->name, counts[r].fired);
    family(out, "harrier_rule_unknown_total", "counter", "Events that the rule could not judge because it could not see what it asks for.");
    for (size_t r = 0; r < count; r++)
        labelled(out, "harrier_rule_unknown_total", "rule", detect_plan_rule(plan, r)->name, counts[r].unknown);
    family(out, "harrier_rule_row_limit_total", "counter", "Events with more combinations of repeated values than the rule may look at.");
    for (size_t r = 0; r < count; r++)
        labelled(out, "harrier_rule_row_limit_total", "rule", detect_plan_rule(plan, r)->name, counts[r].row_limit);
    single(out, "harrier_predicates_evaluated_total", "counter", "Conditions that were worked out.", totals.predicates_evaluated);
    single(out, "harrier_regex_fallbacks_total", "counter", "Matches that the linear matcher had to finish.", totals.regex_fallbacks);
    single(out, "harrier_regex_unknown_total", "counter", "Matches that neither matcher could decide.", totals.regex_unknown);
    single(out, "harrier_reloads_total", "counter", "Reloads that took effect.", server->reloads);
    single(out, "harrier_reloads_refused_total", "counter", "Reloads that were refused because of errors in the files.", server->failed_reloads);
    free(counts);
}

static void write_store(struct server *server, struct buffer *out)
{
    struct commit_counts commit;
    struct store_counts *store = xcalloc(1, sizeof *store);

    commit_counts(server->commit, &commit);
    single(out, "harrier_store_healthy", "gauge", "1 while commits succeed.", commit_is_healthy(server->commit));
    single(out, "harrier_store_commits_total", "counter", "Transactions that were committed.", commit.commits);
    single(out, "harrier_store_commit_failures_total", "counter", "Transactions that failed; nothing of them was acknowledged.", commit.failures);
    single(out, "harrier_store_refused_total", "counter", "Submissions refused because the queue was full.", commit.refused);
    single(out, "harrier_store_queue_bytes", "gauge", "Submissions that wait for a commit.", commit.queued_bytes);
    family(out, "harrier_store_commit_seconds_total", "counter", "Time spent in commits.");
    buffer_printf(out, "harrier_store_commit_seconds_total %.6f\n", (double)commit.nanoseconds / 1e9);
    single(out, "harrier_alerts_stored_total", "counter", "Alerts that were new and are on disk.", commit.alerts_added);
    single(out, "harrier_alerts_known_total", "counter", "Alerts whose id was known already.", commit.alerts_known);
    if (store_counts(server->reader, store) == RESULT_OK) {
        single(out, "harrier_store_alerts", "gauge", "Alerts that are kept.", store->alerts);
        single(out, "harrier_store_dead_letters", "gauge", "Input dead letters that are kept.", store->dead_letters);
        single(out, "harrier_store_dead_letters_dropped_total", "counter", "Oldest dead letters dropped to stay within the bound.", store->dead_letters_dropped);
        single(out, "harrier_store_database_bytes", "gauge", "Size of the database.", store->database_bytes);
        single(out, "harrier_store_wal_bytes", "gauge", "Size of the write-ahead log.", store->wal_bytes);
        family(out, "harrier_delivery_queue", "gauge", "Alerts that wait for a destination, by state.");
        for (size_t i = 0; i < store->destination_count; i++) {
            const struct store_destination_counts *one = &store->destinations[i];
            const struct { const char *state; uint64_t value; } states[] = {{"pending", one->pending}, {"held", one->held}, {"dead", one->dead}};
            for (size_t s = 0; s < 3; s++) {
                buffer_append_text(out, "harrier_delivery_queue{");
                label(out, "destination", slice_of(one->name));
                buffer_printf(out, ",state=\"%s\"} %llu\n", states[s].state, (unsigned long long)states[s].value);
            }
        }
        family(out, "harrier_delivery_oldest_seconds", "gauge", "Age of the oldest alert that waits.");
        for (size_t i = 0; i < store->destination_count; i++)
            labelled(out, "harrier_delivery_oldest_seconds", "destination", slice_of(store->destinations[i].name),
                     store->destinations[i].oldest ? (uint64_t)((clock_wall() - store->destinations[i].oldest) / CLOCK_SECOND) : 0);
    }
    free(store);
}

static void write_deliveries(struct server *server, struct buffer *out)
{
    size_t count = server->boot->config->destination_count;
    struct deliver_counts *counts = xcalloc(count, sizeof *counts);
    static const char *const names[] = {"harrier_deliveries_total", "harrier_delivery_retries_total", "harrier_delivery_dead_total", "harrier_delivery_held"};
    static const char *const types[] = {"counter", "counter", "counter", "gauge"};
    static const char *const helps[] = {"Alerts that the destination has taken.", "Tries that failed and are made again.", "Deliveries that were given up.",
                                        "1 while the destination refuses credentials or address: an operator is needed."};

    for (size_t d = 0; d < count; d++)
        deliver_counts(server->deliver, d, &counts[d]);
    for (size_t f = 0; f < 4; f++) {
        family(out, names[f], types[f], helps[f]);
        for (size_t d = 0; d < count; d++) {
            const uint64_t values[] = {counts[d].delivered, counts[d].retried, counts[d].dead, counts[d].held};
            labelled(out, names[f], "destination", slice_of(server->destinations[d].name), values[f]);
        }
    }
    free(counts);
}

void metrics_write(struct server *server, struct buffer *out)
{
    family(out, "harrier_build_info", "gauge", "1; the version is in the label.");
    buffer_append_text(out, "harrier_build_info{version=\"" PACKAGE_VERSION "\"} 1\n");
    single(out, "harrier_ready", "gauge", "1 while batches can be acknowledged.", server_not_ready(server) == NULL);
    write_events(server, out);
    write_http(server, out);
    write_rules(server, out);
    write_store(server, out);
    write_deliveries(server, out);
    single(out, "harrier_memory_budget_bytes", "gauge", "Memory that requests in hand may take.", budget_limit(server->budget));
    single(out, "harrier_memory_used_bytes", "gauge", "Memory that requests in hand take.", budget_used(server->budget));
    single(out, "harrier_memory_refused_total", "counter", "Times that the budget said no.", budget_refused(server->budget));
}
