/* SPDX-License-Identifier: Apache-2.0 */
/* /status for `harrierctl status`: what a person wants to know first when something is odd. */
#include "daemon/server/internal.h"

#include "daemon/health/health.h"

#include "harrier/base/budget.h"
#include "harrier/deliver.h"
#include "harrier/json.h"
#include "harrier/base/memory.h"

#include <stdlib.h>

static void write_counts(struct json_writer *writer, const struct tally_counts *counts)
{
    json_put_int(writer, "received", (int64_t)counts->received);
    json_put_int(writer, "evaluated", (int64_t)counts->evaluated);
    json_put_int(writer, "dead_lettered", (int64_t)counts->dead_lettered);
    json_put_int(writer, "in_flight", (int64_t)counts->in_flight);
    json_put_int(writer, "cut", (int64_t)counts->cut);
    json_put_int(writer, "other", (int64_t)counts->other);
    json_put_int(writer, "alerts", (int64_t)counts->alerts);
}

static void write_clusters(struct json_writer *writer, const struct tally *tally, size_t source)
{
    json_key(writer, "clusters");
    json_begin_array(writer);
    for (size_t i = 0; i < tally->count; i++) {
        if (tally->rows[i].source != source)
            continue;
        json_begin_object(writer);
        json_put_text(writer, "cluster", tally->rows[i].cluster);
        write_counts(writer, &tally->rows[i].counts);
        json_end_object(writer);
    }
    json_end_array(writer);
}

static void write_sources(struct server *server, struct json_writer *writer)
{
    const struct config *config = server->boot->config;
    struct tally tally = server_tally(server);

    json_key(writer, "sources");
    json_begin_array(writer);
    for (size_t s = 0; s < config->source_count; s++) {
        const struct config_source *source = &config->sources[s];
        struct tally_counts counts = tally_of_source(&tally, s);
        json_begin_object(writer);
        json_put_text(writer, "name", source->name);
        json_put_text(writer, "listen", source->listen.text);
        json_put_text(writer, "path", source->type == CONFIG_SOURCE_FILE ? source->file : source->path);
        json_put_text(writer, "cluster", source->cluster);
        write_counts(writer, &counts);
        write_clusters(writer, &tally, s);
        json_end_object(writer);
    }
    json_end_array(writer);
    tally_free(&tally);
}

static void write_files(struct server *server, struct json_writer *writer)
{
    const struct config *config = server->boot->config;

    json_key(writer, "files");
    json_begin_array(writer);
    for (size_t s = 0; s < config->source_count; s++) {
        struct source_follower_counts counts;
        if (!server_follower_counts(server, s, &counts))
            continue;
        json_begin_object(writer);
        json_put_text(writer, "source", config->sources[s].name);
        json_put_text(writer, "path", config->sources[s].file);
        json_put_bool(writer, "readable", counts.readable != 0);
        json_put_int(writer, "inode", (int64_t)counts.inode);
        json_put_int(writer, "position", (int64_t)counts.offset);
        json_put_int(writer, "lag_bytes", (int64_t)counts.lag_bytes);
        json_put_int(writer, "bytes", (int64_t)counts.bytes);
        json_put_int(writer, "lines", (int64_t)counts.lines);
        json_put_int(writer, "rotations", (int64_t)counts.rotations);
        json_put_int(writer, "truncations", (int64_t)counts.truncations);
        json_put_int(writer, "losses", (int64_t)counts.lost);
        json_put_int(writer, "refused", (int64_t)counts.refusals);
        json_end_object(writer);
    }
    json_end_array(writer);
}

static void write_rules(struct server *server, struct json_writer *writer)
{
    const struct detect_plan *plan = server->generation->plan;

    json_key(writer, "rules");
    json_begin_array(writer);
    for (size_t r = 0; r < detect_plan_rule_count(plan); r++) {
        struct detect_rule_counts counts = {0};
        for (size_t w = 0; w < server->worker_count; w++)
            worker_rule_counts(server->workers[w], server->generation, r, &counts);
        json_begin_object(writer);
        json_put_string(writer, "name", detect_plan_rule(plan, r)->name);
        json_put_string(writer, "file", detect_plan_rule(plan, r)->file);
        json_put_int(writer, "fired", (int64_t)counts.fired);
        json_put_int(writer, "unknown", (int64_t)counts.unknown);
        json_put_int(writer, "row_limit", (int64_t)counts.row_limit);
        json_end_object(writer);
    }
    json_end_array(writer);
}

static const struct store_destination_counts *queue_of(const struct store_counts *counts, const char *name)
{
    for (size_t i = 0; i < counts->destination_count; i++)
        if (strcmp(counts->destinations[i].name, name) == 0)
            return &counts->destinations[i];
    return NULL;
}

uint64_t server_oldest_seconds(struct server *server, const struct store_destination_counts *destination)
{
    clock_nanos age = destination->oldest ? counted_now(store_clock(server->store)) - destination->oldest : 0;
    return age > 0 ? (uint64_t)(age / CLOCK_SECOND) : 0;
}

static void write_destinations(struct server *server, struct json_writer *writer, const struct store_counts *store)
{
    json_key(writer, "destinations");
    json_begin_array(writer);
    for (size_t d = 0; d < server->boot->config->destination_count; d++) {
        const struct store_destination_counts *queue = queue_of(store, server->destinations[d].name);
        struct deliver_counts counts;
        deliver_counts(server->deliver, d, &counts);
        json_begin_object(writer);
        json_put_text(writer, "name", server->destinations[d].name);
        json_put_int(writer, "delivered", (int64_t)counts.delivered);
        json_put_int(writer, "retried", (int64_t)counts.retried);
        json_put_bool(writer, "held", counts.held);
        json_put_int(writer, "pending", queue ? (int64_t)(queue->pending + queue->held + queue->set_aside) : 0);
        json_put_int(writer, "set_aside", queue ? (int64_t)queue->set_aside : 0);
        json_put_int(writer, "dead", queue ? (int64_t)queue->dead : 0);
        json_put_int(writer, "oldest_seconds", queue ? (int64_t)server_oldest_seconds(server, queue) : 0);
        json_end_object(writer);
    }
    json_end_array(writer);
}

struct troubled {
    struct json_writer *writer;
    const char *state;
};

static bool write_troubled(const struct store_delivery *delivery, void *context)
{
    const struct troubled *troubled = context;
    struct json_writer *writer = troubled->writer;
    json_begin_object(writer);
    json_put_text(writer, "state", troubled->state);
    json_put_text(writer, "destination", delivery->destination);
    json_put_text(writer, "alert_id", delivery->alert_id);
    json_put_int(writer, "attempts", delivery->attempts);
    json_put_text(writer, "error", delivery->error);
    json_end_object(writer);
    return true;
}

/* The first alerts that are set aside, and the first that are held with their destination: which, and why. */
static void write_troubled_deliveries(struct server *server, struct json_writer *writer, const struct store_counts *store)
{
    enum { SHOWN = 20 };
    uint64_t held = 0, set_aside = 0;
    struct troubled troubled = {writer, "set_aside"};
    for (size_t i = 0; i < store->destination_count; i++) {
        held += store->destinations[i].held;
        set_aside += store->destinations[i].set_aside;
    }
    json_key(writer, "deliveries_in_trouble");
    json_begin_array(writer);
    if (set_aside > 0)
        store_deliveries_in_state(server->reader, STORE_SET_ASIDE, SHOWN, write_troubled, &troubled);
    troubled.state = "held";
    if (held > 0)
        store_deliveries_in_state(server->reader, STORE_HELD, SHOWN, write_troubled, &troubled);
    json_end_array(writer);
}

static void write_store(struct server *server, struct json_writer *writer, const struct store_counts *store)
{
    json_key(writer, "store");
    json_begin_object(writer);
    json_put_text(writer, "directory", server->boot->config->store.directory);
    json_put_bool(writer, "healthy", commit_is_healthy(server->commit));
    json_put_int(writer, "alerts", (int64_t)store->alerts);
    json_put_int(writer, "dead_letters", (int64_t)store->dead_letters);
    json_put_int(writer, "database_bytes", (int64_t)store->database_bytes);
    json_put_int(writer, "wal_bytes", (int64_t)store->wal_bytes);
    json_end_object(writer);
}

static void write_warning(void *context, const struct alert_notice *notice)
{
    struct json_writer *writer = context;
    struct buffer text = {NULL, 0, 0};
    char time[CLOCK_TEXT_SIZE];

    alert_notice_text(notice, &text);
    json_begin_object(writer);
    json_put_text(writer, "name", alert_notice_name(notice->kind));
    json_put_string(writer, "source", notice->source);
    json_put_string(writer, "cluster", notice->cluster);
    json_put_text(writer, "since", clock_format_rfc3339(notice->since, time));
    if (notice->last)
        json_put_text(writer, "last", clock_format_rfc3339(notice->last, time));
    json_put_string(writer, "text", buffer_slice(&text));
    json_put_text(writer, "remedy", alert_notice_remedy(notice));
    json_end_object(writer);
    buffer_free(&text);
}

/* A clock that has jumped is told of for a day: whoever looks then still sees why times in alerts and logs look odd. */
static void write_jump(struct server *server, struct json_writer *writer)
{
    enum { SHOWN_SECONDS = 86400 };
    struct counted_jumps jumps;
    struct buffer text = {NULL, 0, 0};
    char time[CLOCK_TEXT_SIZE];

    counted_jumps(store_clock(server->store), &jumps);
    if (jumps.count == 0 || jumps.last_age > SHOWN_SECONDS * CLOCK_SECOND)
        return;
    long long seconds = jumps.last / CLOCK_SECOND;
    buffer_printf(&text, "the system's clock has jumped %s by %lld s, %llu time%s since the start", seconds > 0 ? "forward" : "back",
                  seconds > 0 ? seconds : -seconds, (unsigned long long)jumps.count, jumps.count == 1 ? "" : "s");
    json_begin_object(writer);
    json_put_text(writer, "name", "harrier_clock_jump");
    json_put_text(writer, "source", "");
    json_put_text(writer, "cluster", "");
    json_put_text(writer, "since", clock_format_rfc3339(clock_difference(clock_wall(), jumps.last_age), time));
    json_put_string(writer, "text", buffer_slice(&text));
    json_put_text(writer, "remedy", "Nothing that is stored ages by it. Times in alerts are the clock's: see that it is right (chronyc tracking, timedatectl).");
    json_end_object(writer);
    buffer_free(&text);
}

static void write_warnings(struct server *server, struct json_writer *writer)
{
    json_key(writer, "warnings");
    json_begin_array(writer);
    write_jump(server, writer);
    health_timer_gap(server->health, write_warning, writer);
    health_conditions(health_timer_health(server->health), write_warning, writer);
    json_end_array(writer);
}

static bool jit_works(void)
{
    struct arena *arena = arena_new(1024);
    struct regex *regex = NULL;
    struct slice error;
    bool jit = regex_compile(SLICE("a+b"), false, arena, &regex, &error) == RESULT_OK && regex_jit(regex);

    regex_free(regex);
    arena_free(arena);
    return jit;
}

void status_write(struct server *server, struct buffer *out)
{
    struct json_writer *writer = json_writer_new(out, false);
    struct store_counts *store = xcalloc(1, sizeof *store);
    const char *not_ready = server_not_ready(server);

    if (store_counts(server->reader, store) != RESULT_OK)
        *store = (struct store_counts){0};
    json_begin_object(writer);
    json_put_text(writer, "version", PACKAGE_VERSION);
    json_put_int(writer, "uptime_seconds", (clock_monotonic() - server->started) / CLOCK_SECOND);
    json_put_bool(writer, "ready", not_ready == NULL);
    json_put_text(writer, "not_ready_because", not_ready ? not_ready : "");
    json_put_text(writer, "config", server->config_file);
    json_put_int(writer, "workers", (int64_t)server->worker_count);
    json_put_bool(writer, "regex_jit", jit_works());
    json_put_int(writer, "memory_used_bytes", (int64_t)budget_used(server->budget));
    json_put_int(writer, "memory_budget_bytes", (int64_t)budget_limit(server->budget));
    json_put_int(writer, "unknown_clusters", (int64_t)health_unknown(health_timer_health(server->health)));
    write_warnings(server, writer);
    write_sources(server, writer);
    write_files(server, writer);
    write_rules(server, writer);
    write_destinations(server, writer, store);
    write_troubled_deliveries(server, writer, store);
    write_store(server, writer, store);
    json_end_object(writer);
    json_writer_free(writer);
    free(store);
}
