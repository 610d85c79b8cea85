/* SPDX-License-Identifier: Apache-2.0 */
/* /metrics in Prometheus text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats). Names end in their unit; a family's lines
 * stand together below its HELP and TYPE. */
#include "daemon/server/internal.h"

#include "daemon/health/health.h"
#include "page.h"

#include "harrier/base/budget.h"
#include "harrier/deliver.h"
#include "harrier/base/memory.h"
#include "harrier/source_tls.h"

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
        {"harrier_events_received_total", "counter", "Audit events that were read, and whatever stood in the place of one.", offsetof(struct tally_counts, received)},
        {"harrier_events_evaluated_total", "counter", "Events that the rules judged.", offsetof(struct tally_counts, evaluated)},
        {"harrier_events_dead_lettered_total", "counter", "Input that was no event and went to the dead letters.", offsetof(struct tally_counts, dead_lettered)},
        {"harrier_dead_letters_left_out_total", "counter", "Of harrier_events_dead_lettered_total: those over the bound of one body, of which only a summary is kept.", offsetof(struct tally_counts, letters_left_out)},
        {"harrier_events_in_flight", "gauge", "Events in requests that are not answered yet.", offsetof(struct tally_counts, in_flight)},
        {"harrier_events_cut_total", "counter", "Events that went over a bound and were judged on what was seen.", offsetof(struct tally_counts, cut)},
        {"harrier_events_other_total", "counter", "What envelopes held besides audit events: control messages, other logs.", offsetof(struct tally_counts, other)},
        {"harrier_alerts_found_total", "counter", "Alerts that the rules found, with the repeats of a batch that was sent again.", offsetof(struct tally_counts, alerts)},
    };
    const struct config *config = server->boot->config;
    struct tally tally = server_tally(server);

    for (size_t s = 0; s < config->source_count; s++) /* a source that has had nothing yet shows that */
        tally_row(&tally, s, slice_of(config->sources[s].cluster));
    for (size_t f = 0; f < sizeof families / sizeof families[0]; f++) {
        family(out, families[f].name, families[f].type, families[f].help);
        for (size_t i = 0; i < tally.count; i++) {
            const struct tally_row *row = &tally.rows[i];
            buffer_printf(out, "%s{", families[f].name);
            label(out, "source", slice_of(config->sources[row->source].name));
            buffer_append_byte(out, ',');
            label(out, "cluster", slice_of(row->cluster));
            buffer_printf(out, "} %llu\n", (unsigned long long)*(const uint64_t *)((const char *)&row->counts + families[f].offset));
        }
    }
    tally_free(&tally);
}

/* --- health: what is heard of each source and cluster ---------------------------------------------------------------------------------- */

static void place(struct server *server, struct buffer *out, const char *name, const struct health_view *view)
{
    buffer_printf(out, "%s{", name);
    label(out, "source", slice_of(server->boot->config->sources[view->source].name));
    buffer_append_byte(out, ',');
    label(out, "cluster", view->cluster);
}

static double silent_of(const struct health_view *view)
{
    return view->silent;
}

static double quiet_of(const struct health_view *view)
{
    return (double)view->quiet / (double)CLOCK_SECOND;
}

static double lead_of(const struct health_view *view)
{
    return (double)view->lead / (double)CLOCK_SECOND;
}

static double truncated_of(const struct health_view *view)
{
    return (double)view->truncated;
}

static void write_blind(struct server *server, const struct health *health, struct buffer *out)
{
    struct health_view view;
    struct health_blind_view blind;

    family(out, "harrier_rule_blind_events_total", "counter", "Events that a rule could not judge, by reason; those with an empty rule are of further rules.");
    for (size_t i = 0; i < health_count(health); i++) {
        for (size_t b = 0; b < health_blind_count(health, i); b++) {
            health_at(health, i, &view);
            health_blind_at(health, i, b, &blind);
            place(server, out, "harrier_rule_blind_events_total", &view);
            buffer_append_byte(out, ',');
            label(out, "rule", blind.rule);
            buffer_printf(out, ",why=\"%s\"} %llu\n", watch_why_name(blind.why), (unsigned long long)blind.events);
        }
    }
}

static void write_health(struct server *server, struct buffer *out)
{
    enum { HEARD = 1, TIMED = 2 };
    static const struct {
        const char *name, *type, *help;
        double (*value)(const struct health_view *view);
        unsigned int needs;
    } families[] = {
        {"harrier_source_silent", "gauge", "1 while no event has come for the source's silence_after.", silent_of, HEARD},
        {"harrier_source_last_event_seconds", "gauge", "Time since the last event, or since the start if there was none; time during which the daemon was down does not count.", quiet_of, HEARD},
        {"harrier_clock_skew_seconds", "gauge", "Time of the youngest events of the last minute with events, minus the time at which they arrived.", lead_of, TIMED},
        {"harrier_truncated_events_total", "counter", "Events that came without their object because it was too large, and that a rule would have looked into.", truncated_of, 0},
    };
    const struct health *health = health_timer_health(server->health);
    struct health_view view;

    for (size_t f = 0; f < sizeof families / sizeof families[0]; f++) {
        family(out, families[f].name, families[f].type, families[f].help);
        for (size_t i = 0; i < health_count(health); i++) {
            health_at(health, i, &view);
            if ((families[f].needs == HEARD && !view.silence_counts) || (families[f].needs == TIMED && !view.timed))
                continue;
            place(server, out, families[f].name, &view);
            buffer_printf(out, "} %.15g\n", families[f].value(&view));
        }
    }
    write_blind(server, health, out);
    size_t watched = 0;
    for (size_t i = 0; i < health_count(health); i++) {
        health_at(health, i, &view);
        watched += view.watched;
    }
    single(out, "harrier_watched_clusters", "gauge", "Clusters that are watched, each counted for each source.", watched);
    single(out, "harrier_watched_clusters_refused_total", "counter", "Times that a cluster was not watched because health.clusters are watched already.", clusters_refused(server->clusters));
    single(out, "harrier_unknown_clusters", "gauge", "Names of clusters that came in, are remembered, and are not known yet.", health_unknown(health));
    single(out, "harrier_unknown_clusters_dropped_total", "counter", "Such names that were dropped because too many came.", health_unknown_dropped(health));
}

static void write_refused(const struct source_counts *counts, struct buffer *out)
{
    family(out, "harrier_access_refused_total", "counter", "Requests and connections of senders that are unknown, or that spoke for a cluster that is not theirs.");
    labelled(out, "harrier_access_refused_total", "reason", SLICE("unknown"), counts->access_unknown);
    labelled(out, "harrier_access_refused_total", "reason", SLICE("forbidden"), counts->access_forbidden);
    single(out, "harrier_http_damaged_bodies_total", "counter", "Compressed bodies that could not be unpacked to their end.", counts->damaged_bodies);
}

static void write_tls(struct server *server, const struct source_counts *counts, struct buffer *out)
{
    struct source_tls_facts facts;

    single(out, "harrier_tls_handshakes_total", "counter", "TLS handshakes that were completed.", counts->tls_handshakes);
    single(out, "harrier_tls_resumed_total", "counter", "Of these, those that resumed a session.", counts->tls_resumed);
    family(out, "harrier_tls_failures_total", "counter", "TLS handshakes that came to nothing, by reason.");
    for (int i = 0; i < SOURCE_TLS_FAILURE_COUNT; i++)
        labelled(out, "harrier_tls_failures_total", "reason", slice_of(source_tls_failure_name((enum source_tls_failure)i)), counts->tls_failures[i]);
    family(out, "harrier_tls_certificate_expiry_timestamp_seconds", "gauge", "When the first certificate of the source's chain expires, in seconds since 1970.");
    for (size_t i = 0; i < server->boot->config->source_count; i++) {
        if (!server->endpoints[i].tls)
            continue;
        source_tls_describe(server->endpoints[i].tls, &facts);
        labelled(out, "harrier_tls_certificate_expiry_timestamp_seconds", "source", slice_of(server->endpoints[i].name),
                 facts.expires > 0 ? (uint64_t)(facts.expires / CLOCK_SECOND) : 0); /* before 1970: as long ago */
    }
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
    single(out, "harrier_http_answers_dropped_total", "counter", "Answers whose client was gone already.", counts.answers_dropped);
    family(out, "harrier_http_answers_total", "counter", "Answers by class of status.");
    for (unsigned int i = 1; i < 6; i++) {
        snprintf(class, sizeof class, "%uxx", i);
        labelled(out, "harrier_http_answers_total", "class", slice_of(class), counts.answers_by_class[i]);
    }
    family(out, "harrier_http_closes_total", "counter", "Connections closed, by reason.");
    for (int i = 0; i < SOURCE_CLOSE_COUNT; i++)
        labelled(out, "harrier_http_closes_total", "reason", slice_of(source_close_name((enum source_close)i)), counts.closes[i]);
    write_refused(&counts, out);
    write_tls(server, &counts, out);
    family(out, "harrier_http_bounds_hit_total", "counter", "Bounds that were hit, by bound.");
    for (int i = 0; i < SOURCE_BOUND_COUNT; i++)
        labelled(out, "harrier_http_bounds_hit_total", "bound", slice_of(source_bound_name((enum source_bound)i)), counts.bounds[i]);
}

/* --- the admin page ------------------------------------------------------------------------------------------------------------------- */

static void write_admin(const struct server *server, struct buffer *out)
{
    struct page_counts counts;

    admin_count(server->admin, &counts);
    single(out, "harrier_admin_connections", "gauge", "Open connections of the admin page.", counts.open);
    family(out, "harrier_admin_bounds_hit_total", "counter", "Bounds of the admin page that were hit, by bound.");
    labelled(out, "harrier_admin_bounds_hit_total", "bound", SLICE("connections"), counts.displaced);
    labelled(out, "harrier_admin_bounds_hit_total", "bound", SLICE("timeout"), counts.timed_out);
    labelled(out, "harrier_admin_bounds_hit_total", "bound", SLICE("descriptors"), counts.descriptors);
}

/* --- followed files ------------------------------------------------------------------------------------------------------------------ */

bool server_follower_counts(struct server *server, size_t source, struct source_follower_counts *counts)
{
    for (size_t w = 0; w < server->worker_count; w++)
        if (worker_follower_counts(server->workers[w], source, counts))
            return true;
    return false;
}

static void write_files(struct server *server, struct buffer *out)
{
    static const struct {
        const char *name, *type, *help;
        size_t offset;
    } families[] = {
        {"harrier_file_read_bytes_total", "counter", "Bytes of followed files that were read and are settled.", offsetof(struct source_follower_counts, bytes)},
        {"harrier_file_lines_total", "counter", "Lines of them.", offsetof(struct source_follower_counts, lines)},
        {"harrier_file_rotations_total", "counter", "Times that the path led to another file.", offsetof(struct source_follower_counts, rotations)},
        {"harrier_file_truncations_total", "counter", "Times that a file was truncated or rewritten.", offsetof(struct source_follower_counts, truncations)},
        {"harrier_file_losses_total", "counter", "Files, or ends of files, that were removed, truncated or not readable before they were read.", offsetof(struct source_follower_counts, lost)},
        {"harrier_file_refused_total", "counter", "Stretches that could not be stored and were read again.", offsetof(struct source_follower_counts, refusals)},
        {"harrier_file_unfollowed", "gauge", "Files that a pattern matches beyond its bound, and that are not read.", offsetof(struct source_follower_counts, unfollowed)},
        {"harrier_file_lag_bytes", "gauge", "Bytes that are not settled yet.", offsetof(struct source_follower_counts, lag_bytes)},
        {"harrier_file_position_bytes", "gauge", "How far the current file is settled.", offsetof(struct source_follower_counts, offset)},
        {"harrier_file_readable", "gauge", "1 while there is a file that can be read.", offsetof(struct source_follower_counts, readable)},
    };
    const struct config *config = server->boot->config;

    for (size_t f = 0; f < sizeof families / sizeof families[0]; f++) {
        family(out, families[f].name, families[f].type, families[f].help);
        for (size_t s = 0; s < config->source_count; s++) {
            struct source_follower_counts counts;
            if (server_follower_counts(server, s, &counts))
                labelled(out, families[f].name, "source", slice_of(config->sources[s].name),
                         *(const uint64_t *)((const char *)&counts + families[f].offset));
        }
    }
}

/* --- syslog and RELP ------------------------------------------------------------------------------------------------------------------ */

static void write_streams(struct server *server, struct buffer *out)
{
    static const struct {
        const char *name, *help;
        size_t offset;
    } families[] = {
        {"harrier_syslog_connections_total", "Connections of syslog and RELP sources.", offsetof(struct source_stream_counts, connections)},
        {"harrier_syslog_received_bytes_total", "Bytes that were read from their senders.", offsetof(struct source_stream_counts, bytes)},
        {"harrier_syslog_messages_total", "Messages with JSON.", offsetof(struct source_stream_counts, messages)},
        {"harrier_syslog_other_messages_total", "Messages without JSON, of other programs, which were passed over.", offsetof(struct source_stream_counts, other)},
        {"harrier_syslog_cut_messages_total", "Messages that end inside their JSON.", offsetof(struct source_stream_counts, cut_off)},
        {"harrier_syslog_long_headers_total", "Messages whose header was too long to be read.", offsetof(struct source_stream_counts, long_headers)},
        {"harrier_syslog_bad_frames_total", "Framing that cannot be trusted: a RELP connection is closed, with octet counting reading goes on at the next count.", offsetof(struct source_stream_counts, bad_frames)},
        {"harrier_syslog_cut_frames_total", "Messages that ended before their octet count, or over body_bytes; judged as far as they came.", offsetof(struct source_stream_counts, cut_frames)},
        {"harrier_syslog_pauses_total", "Times that a connection was not read because nothing more could be taken.", offsetof(struct source_stream_counts, pauses)},
        {"harrier_syslog_not_stored_total", "Stretches of messages that could not be stored; RELP's are sent again.", offsetof(struct source_stream_counts, not_stored)},
    };
    const struct config *config = server->boot->config;

    for (size_t f = 0; f < sizeof families / sizeof families[0]; f++) {
        family(out, families[f].name, "counter", families[f].help);
        for (size_t s = 0; s < config->source_count; s++) {
            struct source_stream_counts counts = {0};
            if (config->sources[s].type != CONFIG_SOURCE_SYSLOG && config->sources[s].type != CONFIG_SOURCE_RELP)
                continue;
            for (size_t w = 0; w < server->worker_count; w++)
                if (worker_source(server->workers[w]))
                    source_worker_count_stream(worker_source(server->workers[w]), s, &counts);
            labelled(out, families[f].name, "source", slice_of(config->sources[s].name), *(const uint64_t *)((const char *)&counts + families[f].offset));
        }
    }
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
    single(out, "harrier_regex_fallbacks_total", "counter", "Matches that the backtracking matcher gave up and the linear one finished.", totals.regex_fallbacks);
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
    single(out, "harrier_store_refused_for_room_total", "counter", "Submissions refused because the store held twice store.size.",
           commit.refused_for_room);
    single(out, "harrier_store_losses_total", "counter",
           "Times that the store or a part of it was found missing, emptied, replaced or written over, at the start or since.", store_losses(server->store));
    single(out, "harrier_store_queue_bytes", "gauge", "Submissions that wait for a commit.", commit.queued_bytes);
    family(out, "harrier_store_commit_seconds_total", "counter", "Time spent in commits.");
    buffer_printf(out, "harrier_store_commit_seconds_total %.6f\n", (double)commit.nanoseconds / 1e9);
    single(out, "harrier_alerts_stored_total", "counter", "Alerts that were new and are on disk.", commit.alerts_added);
    single(out, "harrier_alerts_known_total", "counter", "Alerts whose id was known already.", commit.alerts_known);
    single(out, "harrier_store_given_up_removed_total", "counter", "Alerts that a destination never got, removed after store.retention or for want of room.",
           commit.given_up_removed);
    if (store_counts(server->reader, store) == RESULT_OK) {
        single(out, "harrier_store_alerts", "gauge", "Alerts that are kept.", store->alerts);
        single(out, "harrier_store_dead_letters", "gauge", "Input dead letters that are kept.", store->dead_letters);
        single(out, "harrier_store_dead_letters_dropped_total", "counter", "Oldest dead letters dropped to stay within the bound.", store->dead_letters_dropped);
        single(out, "harrier_store_database_bytes", "gauge", "Size of the database.", store->database_bytes);
        single(out, "harrier_store_wal_bytes", "gauge", "Size of the write-ahead log.", store->wal_bytes);
        family(out, "harrier_delivery_queue", "gauge", "Alerts that wait for a destination, by state.");
        for (size_t i = 0; i < store->destination_count; i++) {
            const struct store_destination_counts *one = &store->destinations[i];
            const struct { const char *state; uint64_t value; } states[] = {{"pending", one->pending}, {"held", one->held}, {"set_aside", one->set_aside}, {"dead", one->dead}};
            for (size_t s = 0; s < sizeof states / sizeof states[0]; s++) {
                buffer_append_text(out, "harrier_delivery_queue{");
                label(out, "destination", slice_of(one->name));
                buffer_printf(out, ",state=\"%s\"} %llu\n", states[s].state, (unsigned long long)states[s].value);
            }
        }
        family(out, "harrier_delivery_oldest_seconds", "gauge", "Age of the oldest alert that waits.");
        for (size_t i = 0; i < store->destination_count; i++)
            labelled(out, "harrier_delivery_oldest_seconds", "destination", slice_of(store->destinations[i].name),
                     server_oldest_seconds(server, &store->destinations[i]));
    }
    free(store);
}

static void write_deliveries(struct server *server, struct buffer *out)
{
    size_t count = server->boot->config->destination_count;
    struct deliver_counts *counts = xcalloc(count, sizeof *counts);
    static const char *const names[] = {"harrier_deliveries_total", "harrier_delivery_retries_total", "harrier_delivery_dead_total", "harrier_delivery_held",
                                        "harrier_delivery_set_aside_total"};
    static const char *const types[] = {"counter", "counter", "counter", "gauge", "counter"};
    static const char *const helps[] = {"Alerts that the destination has taken.", "Tries that failed and are made again.", "Deliveries that were given up.",
                                        "1 while the destination refuses whatever is sent: an operator is needed.",
                                        "Times that an alert was set aside: others were taken, but not that one."};

    for (size_t d = 0; d < count; d++)
        deliver_counts(server->deliver, d, &counts[d]);
    for (size_t f = 0; f < sizeof names / sizeof names[0]; f++) {
        family(out, names[f], types[f], helps[f]);
        for (size_t d = 0; d < count; d++) {
            const uint64_t values[] = {counts[d].delivered, counts[d].retried, counts[d].dead, counts[d].held, counts[d].set_aside};
            labelled(out, names[f], "destination", slice_of(server->destinations[d].name), values[f]);
        }
    }
    free(counts);
}

void metrics_write(struct server *server, struct buffer *out)
{
    struct counted_jumps jumps;

    family(out, "harrier_build_info", "gauge", "1; the version is in the label.");
    buffer_append_text(out, "harrier_build_info{version=\"" PACKAGE_VERSION "\"} 1\n");
    single(out, "harrier_ready", "gauge", "1 while batches can be acknowledged.", server_not_ready(server) == NULL);
    write_events(server, out);
    write_health(server, out);
    write_http(server, out);
    write_admin(server, out);
    write_files(server, out);
    write_streams(server, out);
    write_rules(server, out);
    write_store(server, out);
    write_deliveries(server, out);
    counted_jumps(store_clock(server->store), &jumps);
    single(out, "harrier_clock_jumps_total", "counter", "Times that the system's wall clock jumped by a minute or more.", jumps.count);
    single(out, "harrier_memory_budget_bytes", "gauge", "Memory that requests in hand may take.", budget_limit(server->budget));
    single(out, "harrier_memory_used_bytes", "gauge", "Memory that connections, requests in hand and the events being judged take.", budget_used(server->budget));
    single(out, "harrier_memory_peak_bytes", "gauge", "The most that they ever took at once.", budget_peak(server->budget));
    single(out, "harrier_memory_refused_total", "counter", "Times that limits.memory had no room.", budget_refused(server->budget));
}
