/* SPDX-License-Identifier: Apache-2.0 */
/* All times are given: a tick is a step of the test. */
#include "daemon/health/health.h"

#include "harrier/base/memory.h"
#include "harrier/submission.h"
#include "harrier/base/vector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECONDS(n) ((clock_nanos)(n)*CLOCK_SECOND)
#define MINUTES(n) SECONDS((n)*60)
#define WALL SECONDS(1000000)

struct notice {
    char *text;
    char severity[32];
    char id[DIGEST_SHA256_HEX], dedup_key[DIGEST_SHA256_HEX];
    enum alert_notice_kind kind;
    bool over;
};

/* A daemon's main thread, and the store that its health is kept in. */
struct desk {
    struct config_client clients[2];
    struct config_source source, two[2];
    struct config config;
    struct clusters *clusters;
    struct health *health;
    struct watch *watch;
    clock_nanos now; /* monotonic; the wall clock is WALL and jumped ahead */
    clock_nanos jumped, away;
    bool refuses, fails, holds;
    size_t held_slot;
    bool closed;
    VECTOR(struct notice) told;
    struct texts {
        char **items;
        size_t count, capacity;
    } slots, names;
};

static void put(struct texts *texts, size_t slot, struct slice state)
{
    while (texts->count <= slot)
        VECTOR_PUSH(texts, xstrndup("", 0));
    free(texts->items[slot]);
    texts->items[slot] = xstrndup(state.length ? state.bytes : "", state.length);
}

static void store(void *context, size_t slot, struct slice state)
{
    put(&((struct desk *)context)->slots, slot, state);
}

static void store_names(void *context, size_t part, struct slice state)
{
    assert_true(state.length <= SUBMISSION_POSITION_MAX);
    put(&((struct desk *)context)->names, part, state);
}

/* A save that fails. */
static void lose(void *context, size_t slot, struct slice state)
{
    (void)context;
    (void)slot;
    (void)state;
}

static void save(struct desk *desk)
{
    health_saved(desk->health, health_save(desk->health, store, store_names, desk));
}

static bool tell(void *context, const struct health_telling *telling)
{
    struct desk *desk = context;
    struct buffer text = {NULL, 0, 0};
    struct notice notice = {.kind = telling->notice->kind, .over = telling->notice->over};
    struct alert alert;

    if (desk->refuses)
        return false;
    if (desk->fails) {
        health_told(desk->health, telling->id, false);
        return true;
    }
    alert_from_notice(&alert, telling->notice);
    memcpy(notice.severity, alert.severity, sizeof notice.severity);
    memcpy(notice.id, alert.alert_id, sizeof notice.id);
    memcpy(notice.dedup_key, alert.dedup_key, sizeof notice.dedup_key);
    alert_free(&alert);
    alert_notice_text(telling->notice, &text);
    notice.text = buffer_take(&text);
    VECTOR_PUSH(&desk->told, notice);
    for (size_t i = 0; i < telling->state_count; i++)
        store(desk, telling->states[i].slot, telling->states[i].state);
    desk->held_slot = telling->id;
    if (!desk->holds)
        health_told(desk->health, telling->id, true);
    return true;
}

static void start(struct desk *desk)
{
    desk->clusters = clusters_new(&desk->config);
    desk->watch = watch_new(desk->clusters, (size_t)desk->config.health.unknown_clusters / 2);
    const struct health_options options = {
        .config = &desk->config, .clusters = desk->clusters, .wall = WALL + desk->now + desk->jumped, .monotonic = desk->now, .away = desk->away, .tell = tell, .context = desk};
    desk->health = health_new(&options);
    for (size_t i = 0; i < desk->slots.count; i++)
        health_restore(desk->health, i, slice_of(desk->slots.items[i]));
    for (size_t i = 0; i < desk->names.count; i++)
        health_restore_names(desk->health, i, slice_of(desk->names.items[i]));
}

static void stop(struct desk *desk)
{
    health_free(desk->health);
    watch_free(desk->watch);
    clusters_free(desk->clusters);
}

static void restart(struct desk *desk, clock_nanos down)
{
    save(desk);
    stop(desk);
    desk->now += down;
    desk->away = down;
    start(desk);
}

static int setup(void **state)
{
    struct desk *desk = xcalloc(1, sizeof *desk);
    desk->source = (struct config_source){.name = "api", .path = "/", .cluster = "prod", .silence_after = MINUTES(15), .clients = desk->clients};
    desk->config.sources = &desk->source;
    desk->config.source_count = 1;
    desk->config.health =
        (struct config_health){.clock_skew = MINUTES(2), .late_after = MINUTES(10), .forget_after = MINUTES(7 * 24 * 60), .clusters = 8, .unknown_clusters = 64, .notices = 100};
    desk->now = SECONDS(100);
    *state = desk;
    return 0;
}

static int teardown(void **state)
{
    struct desk *desk = *state;
    stop(desk);
    for (size_t i = 0; i < desk->told.count; i++)
        free(desk->told.items[i].text);
    for (size_t i = 0; i < desk->slots.count; i++)
        free(desk->slots.items[i]);
    for (size_t i = 0; i < desk->names.count; i++)
        free(desk->names.items[i]);
    VECTOR_FREE(&desk->names);
    VECTOR_FREE(&desk->told);
    VECTOR_FREE(&desk->slots);
    free(desk);
    return 0;
}

static void tick(struct desk *desk)
{
    struct watch_batch batch = watch_take(desk->watch);
    health_merge(desk->health, &batch);
    watch_batch_free(&batch);
    health_tick(desk->health, WALL + desk->now + desk->jumped, desk->now, !desk->closed);
}

/* So much time, a tick a second; every `every` an event of the cluster (NULL: none). */
static void pass_by(struct desk *desk, clock_nanos time, size_t source, const char *cluster, clock_nanos every)
{
    for (clock_nanos passed = 0; passed < time; passed += CLOCK_SECOND) {
        if (cluster && passed % every == 0)
            watch_heard(desk->watch, source, slice_of(cluster), desk->now);
        desk->now += CLOCK_SECOND;
        tick(desk);
    }
}

static void pass(struct desk *desk, clock_nanos time, const char *cluster, clock_nanos every)
{
    pass_by(desk, time, 0, cluster, every);
}

/* A second source beside the first. */
static void add_source(struct desk *desk, const char *name, const char *cluster)
{
    desk->two[0] = desk->two[1] = desk->source;
    desk->two[1].name = name;
    desk->two[1].cluster = cluster;
    desk->config.sources = desk->two;
    desk->config.source_count = 2;
}

static void assert_told(const struct desk *desk, size_t count)
{
    if (desk->told.count != count)
        fail_msg("%zu told, not %zu; the last: %s", desk->told.count, count, desk->told.count ? desk->told.items[desk->told.count - 1].text : "-");
}

static void assert_text(const struct desk *desk, size_t index, const char *part)
{
    if (!strstr(desk->told.items[index].text, part))
        fail_msg("`%s` is not in: %s", part, desk->told.items[index].text);
}

static void count_condition(void *context, const struct alert_notice *notice)
{
    (void)notice;
    ++*(size_t *)context;
}

static size_t conditions(const struct desk *desk)
{
    size_t count = 0;
    health_conditions(desk->health, count_condition, &count);
    return count;
}

struct request {
    const char *resource, *subresource, *stage, *decision, *user, *user_kind;
    int64_t code;
};

static void add_request(struct udm_record *record, const struct request *request)
{
    const struct udm_field *network = udm_field_find(udm_event_type(), SLICE("network"));
    const struct udm_field *http = udm_field_find(network->message, SLICE("http"));
    struct udm_message *message = udm_message_child(record, udm_message_child(record, record->root, network), http);
    const struct {
        const char *key, *value;
    } labels[] = {{"resource", request->resource}, {"subresource", request->subresource}, {"stage", request->stage},
                  {"decision", request->decision}, {"user_kind", request->user_kind},     {"verb", "patch"}};

    udm_message_add(record, message, udm_field_find(http->message, SLICE("response_code")), (struct udm_value){.integer = request->code});
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        if (labels[i].value)
            udm_record_add_label(record, slice_of(labels[i].key), slice_of(labels[i].value), NULL);
    udm_record_add_string(record, "target.url", SLICE("/apis/batch/v1/namespaces/a/cronjobs/b"), NULL);
    udm_record_add_string(record, "principal.user.userid", slice_of(request->user ? request->user : "alice"), NULL);
}

/* An event that rules could not judge, or that came at a time of its own. */
static void observe_request(struct desk *desk, const char *cluster, const char *object_state, const char *level, const char *const *rules,
                            size_t rule_count, clock_nanos lead, const struct request *request)
{
    struct arena *arena = arena_new(4096);
    struct udm_record record;
    struct udm_source source = {.cluster = slice_of(cluster), .received = WALL + desk->now};
    struct udm_cut cut = {0};
    struct yaral_rule *of = xcalloc(rule_count + 1, sizeof *of);
    struct detect_blind *blind = xcalloc(rule_count + 1, sizeof *blind);
    struct detect_result result = {.blind = blind, .blind_count = rule_count};
    const struct udm_field *metadata = udm_field_find(udm_event_type(), SLICE("metadata"));

    udm_record_init(&record, arena, UDM_KNOWN);
    udm_record_add_label(&record, SLICE("object_state"), slice_of(object_state), NULL);
    udm_record_add_label(&record, SLICE("level"), slice_of(level), NULL);
    if (request)
        add_request(&record, request);
    struct udm_message *message = udm_message_child(&record, record.root, metadata);
    udm_message_add(&record, message, udm_field_find(metadata->message, SLICE("collected_timestamp")),
                    (struct udm_value){.time = source.received + lead});
    for (size_t i = 0; i < rule_count; i++) {
        of[i].name = slice_of(rules[i]);
        blind[i] = (struct detect_blind){&of[i], i, DETECT_DOUBT_UNSEEN};
    }
    watch_heard(desk->watch, 0, desk->source.cluster_from == CONFIG_CLUSTER_FROM_ENVELOPE ? SLICE("") : slice_of(cluster), desk->now);
    watch_observe(desk->watch, 0, &(struct intake_observed){SLICE("{}"), &source, &record, &cut, &result});
    free(of);
    free(blind);
    arena_free(arena);
}

static void observe(struct desk *desk, const char *cluster, const char *object_state, const char *level, const char *const *rules, size_t rule_count,
                    clock_nanos lead)
{
    observe_request(desk, cluster, object_state, level, rules, rule_count, lead, NULL);
}

static const char *const rule_a[] = {"rule_a"}, *const rule_b[] = {"rule_b"}, *const both[] = {"rule_a", "rule_b"};

/* --- silence ---------------------------------------------------------------------------------------------------------------------------- */

static void test_a_source_that_never_had_an_event_is_silent_counted_from_the_start(void **state)
{
    struct desk *desk = *state;
    start(desk);
    pass(desk, MINUTES(15) - SECONDS(1), NULL, 0);
    assert_told(desk, 0);
    pass(desk, SECONDS(1), NULL, 0);
    assert_told(desk, 1);
    assert_text(desk, 0, "No audit event from cluster prod (source api) for 15m");
    pass(desk, MINUTES(120), NULL, 0);
    assert_told(desk, 1);
    assert_int_equal(conditions(desk), 1);
}

static void test_a_return_is_told_once_events_have_kept_coming(void **state)
{
    struct desk *desk = *state;
    start(desk);
    pass(desk, MINUTES(5), "prod", SECONDS(30));
    pass(desk, MINUTES(42), NULL, 0);
    assert_told(desk, 1);
    pass(desk, MINUTES(5), "prod", SECONDS(30));
    assert_told(desk, 1);
    pass(desk, MINUTES(1), "prod", SECONDS(30));
    assert_told(desk, 2);
    assert_true(desk->told.items[1].over);
    assert_text(desk, 1, "came back after 42m");
    assert_string_equal(desk->told.items[0].dedup_key, desk->told.items[1].dedup_key);
    assert_string_not_equal(desk->told.items[0].id, desk->told.items[1].id);
    assert_int_equal(conditions(desk), 0);
    pass(desk, MINUTES(20), NULL, 0);
    assert_told(desk, 3);
    assert_string_equal(desk->told.items[0].dedup_key, desk->told.items[2].dedup_key);
    assert_string_not_equal(desk->told.items[0].id, desk->told.items[2].id);
}

static void test_an_event_now_and_then_does_not_make_the_silence_flap(void **state)
{
    struct desk *desk = *state;
    start(desk);
    pass(desk, MINUTES(8 * 60), "prod", MINUTES(16));
    assert_told(desk, 1);
}

static void test_a_source_with_batches_every_half_minute_is_never_silent(void **state)
{
    struct desk *desk = *state;
    start(desk);
    pass(desk, MINUTES(120), "prod", SECONDS(30));
    assert_told(desk, 0);
    assert_int_equal(conditions(desk), 0);
}

static void test_zero_means_that_silence_is_not_looked_at(void **state)
{
    struct desk *desk = *state;
    desk->source.silence_after = 0;
    start(desk);
    pass(desk, MINUTES(120), NULL, 0);
    assert_told(desk, 0);
}

static void test_what_is_switched_off_while_it_holds_is_not_said_to_be_over(void **state)
{
    struct desk *desk = *state;
    start(desk);
    observe(desk, "prod", "present", "Request", NULL, 0, MINUTES(5));
    pass(desk, MINUTES(16), NULL, 0);
    assert_told(desk, 2);
    desk->source.silence_after = 0;
    desk->config.health.clock_skew = 0;
    restart(desk, 0);
    pass(desk, MINUTES(20), "prod", SECONDS(30));
    assert_told(desk, 2);
    assert_int_equal(conditions(desk), 0);
}

static void test_each_cluster_of_a_source_is_silent_by_itself(void **state)
{
    struct desk *desk = *state;
    desk->source.path = "/{cluster}";
    start(desk);
    pass(desk, MINUTES(2), "east", SECONDS(30));
    pass(desk, MINUTES(20), "west", SECONDS(30));
    assert_told(desk, 1);
    assert_text(desk, 0, "cluster east (source api)");
}

static void test_a_source_whose_clusters_nobody_knows_is_silent_as_a_whole(void **state)
{
    struct desk *desk = *state;
    desk->source.path = "/{cluster}";
    start(desk);
    pass(desk, MINUTES(15), NULL, 0);
    assert_told(desk, 1);
    assert_text(desk, 0, "No audit event from source api for 15m");
    pass(desk, MINUTES(7), "east", SECONDS(30));
    assert_told(desk, 2);
    assert_true(desk->told.items[1].over);
    pass(desk, MINUTES(16), NULL, 0);
    assert_told(desk, 3); /* east, and not the source as well */
    assert_text(desk, 2, "cluster east");
}

static void test_where_envelopes_name_clusters_the_source_is_watched_as_a_whole(void **state)
{
    struct desk *desk = *state;
    desk->source.cluster_from = CONFIG_CLUSTER_FROM_ENVELOPE;
    start(desk);
    observe(desk, "east", "level", "Metadata", rule_a, 1, 0);
    tick(desk);
    assert_told(desk, 1);
    assert_text(desk, 0, "Blind in cluster east");
    pass(desk, MINUTES(30), "", SECONDS(30));
    assert_told(desk, 1); /* that east has had no event of interest is no silence */
    pass(desk, MINUTES(16), NULL, 0);
    assert_told(desk, 2);
    assert_text(desk, 1, "No audit event from source api");
}

static void test_clusters_of_clients_are_awaited_from_the_start(void **state)
{
    struct desk *desk = *state;
    desk->clients[0].cluster = "east";
    desk->clients[1].cluster = "west";
    desk->source.client_count = 2;
    start(desk);
    pass(desk, MINUTES(16), "west", SECONDS(30));
    assert_told(desk, 1);
    assert_text(desk, 0, "cluster east");
}

static void test_while_nothing_can_come_in_nobody_is_silent(void **state)
{
    struct desk *desk = *state;
    start(desk);
    pass(desk, MINUTES(10), NULL, 0);
    desk->closed = true;
    pass(desk, MINUTES(60), NULL, 0);
    desk->closed = false;
    pass(desk, MINUTES(4), NULL, 0);
    assert_told(desk, 0);
    pass(desk, MINUTES(1), NULL, 0);
    assert_told(desk, 1);
}

/* --- a cluster that comes in another way -------------------------------------------------------------------------------------------------- */

static void test_a_source_that_a_cluster_never_used_is_not_missed_while_another_hears_it(void **state)
{
    struct desk *desk = *state;
    add_source(desk, "new", "prod");
    start(desk);
    pass_by(desk, MINUTES(60), 1, "prod", SECONDS(30));
    assert_told(desk, 0);
    assert_int_equal(conditions(desk), 0);
    pass_by(desk, MINUTES(16), 1, NULL, 0);
    assert_told(desk, 1); /* one cluster, one alert */
    assert_text(desk, 0, "cluster prod (source new) for 15m");
    assert_string_equal(desk->told.items[0].severity, "HIGH");
}

static void test_two_sources_that_never_heard_their_cluster_miss_it_once(void **state)
{
    struct desk *desk = *state;
    add_source(desk, "new", "prod");
    start(desk);
    pass(desk, MINUTES(60), NULL, 0);
    assert_told(desk, 1);
    assert_text(desk, 0, "cluster prod (source api) for 15m");
}

static void test_a_source_that_a_cluster_has_left_for_another_is_a_low_notice_once(void **state)
{
    struct desk *desk = *state;
    desk->source.path = "/{cluster}";
    add_source(desk, "new", "other");
    desk->two[1].path = "/";
    start(desk);
    pass(desk, MINUTES(5), "prod", SECONDS(30));
    desk->two[1].cluster = "prod";
    restart(desk, SECONDS(3));
    pass_by(desk, MINUTES(60), 1, "prod", SECONDS(30));
    restart(desk, SECONDS(3));
    pass_by(desk, MINUTES(60), 1, "prod", SECONDS(30));
    assert_told(desk, 1);
    assert_text(desk, 0, "No audit event from cluster prod (source api) for 15m 3s: its events come in by source new");
    assert_string_equal(desk->told.items[0].severity, "LOW");
    pass_by(desk, MINUTES(60), 1, NULL, 0);
    assert_told(desk, 2);
    assert_text(desk, 1, "cluster prod (source new)");
    assert_string_equal(desk->told.items[1].severity, "HIGH");
}

/* Its name was changed in the configuration, or its client taken out of the source. */
static void test_a_cluster_that_can_come_in_by_its_source_no_more_is_not_missed_there(void **state)
{
    struct desk *desk = *state;
    add_source(desk, "new", "unused");
    start(desk);
    pass(desk, MINUTES(5), "prod", SECONDS(30));
    desk->two[0].cluster = "east";
    desk->two[1].cluster = "west";
    restart(desk, SECONDS(3));
    for (int i = 0; i < 60; i++) {
        pass(desk, SECONDS(15), "east", MINUTES(1));
        pass_by(desk, SECONDS(15), 1, "west", MINUTES(1));
    }
    assert_told(desk, 0);
    assert_int_equal(health_count(desk->health), 2);
}

static void test_a_silence_is_over_when_the_cluster_comes_back_by_another_source(void **state)
{
    struct desk *desk = *state;
    add_source(desk, "new", "other");
    desk->two[1].silence_after = 0;
    start(desk);
    pass(desk, MINUTES(5), "prod", SECONDS(30));
    pass(desk, MINUTES(42), NULL, 0);
    assert_told(desk, 1);
    pass_by(desk, MINUTES(60), 1, "prod", SECONDS(30));
    assert_told(desk, 2);
    assert_true(desk->told.items[1].over);
    assert_text(desk, 1, "Cluster prod (source api) came back after 42m 30s, by source new");
    restart(desk, SECONDS(3));
    pass_by(desk, MINUTES(60), 1, "prod", SECONDS(30));
    assert_told(desk, 2);
    pass_by(desk, MINUTES(60), 1, NULL, 0); /* which is never silent itself */
    assert_told(desk, 3);
    assert_string_equal(desk->told.items[2].severity, "HIGH");
}

static void test_of_two_ways_of_a_cluster_that_end_together_one_is_told(void **state)
{
    struct desk *desk = *state;
    add_source(desk, "new", "prod");
    start(desk);
    for (int i = 0; i < 20; i++) {
        pass(desk, SECONDS(15), "prod", MINUTES(1));
        pass_by(desk, SECONDS(15), 1, "prod", MINUTES(1));
    }
    pass(desk, MINUTES(60), NULL, 0);
    assert_told(desk, 1);
    assert_text(desk, 0, "cluster prod (source new) for 15m");
    assert_int_equal(conditions(desk), 1);
}

/* --- for how long ------------------------------------------------------------------------------------------------------------------------- */

static void last_text(void *context, const struct alert_notice *notice)
{
    struct buffer *text = context;
    char since[CLOCK_TEXT_SIZE];

    text->length = 0;
    alert_notice_text(notice, text);
    buffer_printf(text, "; since %s", clock_format_rfc3339(notice->since, since));
}

static void assert_condition(const struct desk *desk, const char *part, clock_nanos since)
{
    struct buffer text = {NULL, 0, 0};
    char time[CLOCK_TEXT_SIZE];

    health_conditions(desk->health, last_text, &text);
    if (!strstr(text.bytes, part) || !strstr(text.bytes, clock_format_rfc3339(since, time)))
        fail_msg("`%s` since %s is not in: %s", part, time, text.bytes);
    buffer_free(&text);
}

static void test_a_silence_that_was_interrupted_is_as_long_as_the_last_event_is_old(void **state)
{
    struct desk *desk = *state;
    start(desk);
    pass(desk, MINUTES(21), NULL, 0);
    assert_told(desk, 1);
    clock_nanos last = WALL + desk->now;
    pass(desk, SECONDS(10), "prod", SECONDS(60));
    pass(desk, MINUTES(25), NULL, 0);
    assert_told(desk, 1);
    assert_condition(desk, "for 25m", last);
}

static void test_the_age_of_the_last_event_counts_the_time_in_which_nobody_could_be_heard(void **state)
{
    struct desk *desk = *state;
    start(desk);
    pass(desk, MINUTES(1), "prod", SECONDS(60));
    pass(desk, MINUTES(4), NULL, 0);
    desk->closed = true;
    pass(desk, MINUTES(10), NULL, 0);
    desk->closed = false;
    restart(desk, MINUTES(20));
    health_away(desk->health, MINUTES(30)); /* a machine that slept */
    assert_told(desk, 0);
    pass(desk, MINUTES(10), NULL, 0);
    assert_told(desk, 1);
    assert_text(desk, 0, "for 1h 15m");
    assert_condition(desk, "for 1h 15m", WALL + desk->now - MINUTES(75));
}

static void test_a_jump_of_the_clock_makes_no_silence_longer(void **state)
{
    struct desk *desk = *state;
    start(desk);
    pass(desk, MINUTES(1), "prod", SECONDS(60));
    desk->jumped = MINUTES(21);
    pass(desk, MINUTES(14), NULL, 0);
    assert_told(desk, 1);
    assert_text(desk, 0, "for 15m");
    assert_condition(desk, "for 15m", WALL + desk->now + MINUTES(6));
    desk->jumped = -MINUTES(180);
    restart(desk, MINUTES(5));
    pass(desk, MINUTES(6), "prod", SECONDS(30));
    assert_told(desk, 2);
    assert_text(desk, 1, "came back after 20m");
}

static void test_a_jump_of_the_clock_makes_no_lateness_longer(void **state)
{
    struct desk *desk = *state;
    start(desk);
    observe(desk, "prod", "present", "Request", NULL, 0, MINUTES(5));
    pass(desk, SECONDS(5), NULL, 0);
    assert_told(desk, 1);
    desk->jumped = MINUTES(180);
    for (int i = 0; i < 12; i++) {
        observe(desk, "prod", "present", "Request", NULL, 0, 0);
        pass(desk, MINUTES(1), NULL, 0);
    }
    assert_told(desk, 2);
    assert_true(desk->told.items[1].over);
    assert_null(strstr(desk->told.items[1].text, "3h"));
}

/* --- restarts --------------------------------------------------------------------------------------------------------------------------- */

static void test_silence_goes_on_over_restarts_without_the_time_between(void **state)
{
    struct desk *desk = *state;
    start(desk);
    for (int i = 0; i < 4; i++) {
        pass(desk, SECONDS(210), NULL, 0);
        assert_told(desk, 0);
        restart(desk, MINUTES(60));
    }
    pass(desk, MINUTES(1), NULL, 0);
    assert_told(desk, 1);
    restart(desk, MINUTES(60));
    pass(desk, MINUTES(60), NULL, 0);
    assert_told(desk, 1);
    pass(desk, MINUTES(7), "prod", SECONDS(30));
    assert_told(desk, 2);
    assert_true(desk->told.items[1].over);
}

static void test_senders_have_a_minute_to_come_back_after_a_restart(void **state)
{
    struct desk *desk = *state;
    start(desk);
    pass(desk, MINUTES(15) - SECONDS(1), NULL, 0);
    restart(desk, MINUTES(1));
    pass(desk, SECONDS(59), NULL, 0);
    assert_told(desk, 0);
    pass(desk, SECONDS(1), NULL, 0);
    assert_told(desk, 1);
}

static void test_a_cluster_that_was_seen_is_missed_after_a_restart(void **state)
{
    struct desk *desk = *state;
    desk->source.path = "/{cluster}";
    start(desk);
    pass(desk, MINUTES(2), "east", SECONDS(30));
    pass(desk, MINUTES(2), "west", SECONDS(30));
    restart(desk, MINUTES(10));
    pass(desk, MINUTES(20), "west", SECONDS(30));
    assert_told(desk, 1);
    assert_text(desk, 0, "cluster east");
}

static void test_what_was_told_is_not_told_again_after_a_restart(void **state)
{
    struct desk *desk = *state;
    desk->source.silence_after = 0;
    start(desk);
    observe(desk, "prod", "level", "Metadata", both, 2, MINUTES(5));
    pass(desk, SECONDS(3), NULL, 0);
    assert_told(desk, 2);
    restart(desk, MINUTES(1));
    observe(desk, "prod", "level", "Metadata", both, 2, MINUTES(5));
    pass(desk, MINUTES(15), NULL, 0);
    assert_told(desk, 2);
    assert_int_equal(conditions(desk), 2);
}

static void test_a_notice_that_was_not_stored_is_offered_until_it_is(void **state)
{
    struct desk *desk = *state;
    start(desk);
    desk->refuses = true;
    pass(desk, MINUTES(16), NULL, 0);
    desk->refuses = false;
    desk->fails = true;
    pass(desk, SECONDS(10), NULL, 0);
    desk->fails = false;
    pass(desk, SECONDS(10), NULL, 0);
    assert_told(desk, 1);
}

static void test_nothing_is_saved_over_a_notice_that_is_on_its_way(void **state)
{
    struct desk *desk = *state;
    start(desk);
    desk->holds = true;
    pass(desk, MINUTES(16), NULL, 0);
    assert_told(desk, 1);
    save(desk);
    assert_non_null(strstr(desk->slots.items[desk->held_slot], "\"silent\""));
    health_told(desk->health, desk->held_slot, true);
    pass(desk, SECONDS(5), NULL, 0);
    assert_told(desk, 1);
}

static void test_a_damaged_or_foreign_state_is_of_no_use_and_its_slot_is_given_back(void **state)
{
    struct desk *desk = *state;
    desk->source.path = "/{cluster}";
    start(desk);
    assert_false(health_restore(desk->health, 0, SLICE("{\"source\":\"other\",\"cluster\":\"x\"}")));
    assert_false(health_restore(desk->health, 1, SLICE("{\"source\":")));
    assert_false(health_restore(desk->health, 2, SLICE("")));
    assert_true(health_restore(desk->health, 3, SLICE("{\"source\":\"api\",\"cluster\":\"x\",\"hears\":true,\"heard\":5,\"quiet\":1}")));
    assert_false(health_restore(desk->health, 4, SLICE("{\"source\":\"api\",\"cluster\":\"x\"}")));
    assert_int_equal(health_count(desk->health), 2);
    save(desk);
    assert_non_null(strstr(desk->slots.items[0], "\"cluster\":\"\"")); /* taken by the one that had none */
    assert_string_equal(desk->slots.items[1], "");
    assert_string_equal(desk->slots.items[4], "");
}

static void test_a_cluster_that_is_gone_is_forgotten_and_one_of_the_configuration_never(void **state)
{
    struct desk *desk = *state;
    desk->config.health.forget_after = MINUTES(60);
    start(desk);
    pass(desk, MINUTES(1), "gone", SECONDS(30));
    assert_int_equal(health_count(desk->health), 2);
    pass(desk, MINUTES(61), NULL, 0);
    assert_int_equal(health_count(desk->health), 1);
    assert_told(desk, 2);
    save(desk);
    assert_null(strstr(desk->slots.items[0], "gone"));
    assert_null(strstr(desk->slots.items[1], "gone"));
}

static void test_clusters_beyond_the_bound_are_counted(void **state)
{
    struct desk *desk = *state;
    char name[16];
    start(desk);
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "c%d", i);
        watch_heard(desk->watch, 0, slice_of(name), desk->now);
    }
    tick(desk);
    assert_int_equal(health_count(desk->health), 8 + 1); /* one is all the others */
    assert_int_equal(clusters_refused(desk->clusters), 13); /* prod has a place */
}

/* --- what cannot be judged ---------------------------------------------------------------------------------------------------------------- */

static void test_rules_that_become_blind_together_are_told_together_and_later_ones_later(void **state)
{
    struct desk *desk = *state;
    start(desk);
    observe(desk, "prod", "level", "Metadata", rule_a, 1, 0);
    observe(desk, "prod", "level", "Metadata", rule_a, 1, 0);
    tick(desk);
    assert_told(desk, 1);
    assert_text(desk, 0, "rule rule_a looks into objects, but the events come at level Metadata");
    observe(desk, "prod", "level", "Metadata", both, 2, 0);
    pass(desk, MINUTES(9), NULL, 0);
    assert_told(desk, 1);
    pass(desk, MINUTES(2), NULL, 0);
    assert_told(desk, 2);
    assert_text(desk, 1, "rule rule_b looks");
    assert_int_equal(conditions(desk), 1);
    assert_int_equal(health_blind_count(desk->health, 0), 2);
}

static void test_any_number_of_blind_rules_fits_into_the_state_and_the_bound(void **state)
{
    enum { RULES = WATCH_BLIND_MAX + 100 };
    struct desk *desk = *state;
    const char *names[RULES];
    struct health_blind_view view;
    start(desk);
    for (size_t i = 0; i < RULES; i++)
        names[i] = xasprintf("a_rule_with_a_name_that_is_as_long_as_names_of_rules_can_well_be_%zu", i);
    observe(desk, "prod", "level", "Metadata", names, RULES, 0);
    tick(desk);
    assert_told(desk, 1);
    assert_text(desk, 0, "and 502 more look into objects");
    assert_in_range(strlen(desk->slots.items[0]), 2048, 4096);
    assert_int_equal(health_blind_count(desk->health, 0), WATCH_BLIND_MAX + 1);
    health_blind_at(desk->health, 0, WATCH_BLIND_MAX, &view);
    assert_int_equal(view.rule.length, 0);
    assert_int_equal(view.events, 100);
    restart(desk, 0);
    for (size_t i = 0; i < RULES; i++)
        free((void *)(uintptr_t)names[i]);
}

static void test_reasons_that_an_operator_cannot_mend_are_counted_and_not_told(void **state)
{
    static const char *const states[] = {"rejected", "stage", "unresolved", "truncated"};
    struct desk *desk = *state;
    struct health_blind_view view;
    start(desk);
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        observe(desk, "prod", states[i], "RequestResponse", rule_a, 1, 0);
    tick(desk);
    assert_told(desk, 0);
    assert_int_equal(health_blind_count(desk->health, 0), 4);
    for (size_t i = 0; i < 4; i++) {
        health_blind_at(desk->health, 0, i, &view);
        assert_string_equal(watch_why_name(view.why), states[i]);
        assert_int_equal(view.events, 1);
    }
    assert_int_equal(conditions(desk), 1); /* the truncated one shows in status; its alert comes from the worker */
}

static void test_missing_objects_and_missing_results_are_told_each_with_what_to_do(void **state)
{
    struct desk *desk = *state;
    start(desk);
    observe(desk, "prod", "missing", "RequestResponse", rule_a, 1, 0);
    tick(desk);
    assert_text(desk, 0, "the events come without them");
    pass(desk, MINUTES(11), "prod", SECONDS(30));
    observe(desk, "prod", "present", "Request", rule_a, 1, 0);
    tick(desk);
    assert_told(desk, 2);
    assert_text(desk, 1, "at level Request, without the resulting object");
}

/* Everybody can send a request that is refused. */
static void test_requests_that_show_nothing_of_the_policy_neither_raise_blindness_nor_hide_it(void **state)
{
    static const struct request requests[] = {
        {"cronjobs", NULL, "ResponseComplete", "forbid", "system:anonymous", "anonymous", 403},
        {"cronjobs", NULL, "ResponseComplete", "forbid", "mallory", "user", 403},
        {"cronjobs", NULL, "ResponseComplete", "allow", "mallory", "user", 422},
        {"cronjobs", NULL, "ResponseComplete", "allow", "mallory", "user", 503},
        {"cronjobs", NULL, "Panic", "allow", "mallory", "user", 500},
        {"cronjobs", NULL, "RequestReceived", NULL, "mallory", "user", 0},
        {"cronjobs", NULL, "ResponseStarted", NULL, "mallory", "user", 200},
        {"cronjobs", NULL, "ResponseComplete", "allow", "system:anonymous", "anonymous", 201},
    };
    static const struct {
        const char *object_state, *level;
    } seen[] = {{"level", "Metadata"}, {"present", "Request"}, {"missing", "RequestResponse"}};
    const struct request honest = {"cronjobs", NULL, "ResponseComplete", "allow", "alice", "user", 201};
    const struct request nameless = {"jobs", NULL, "ResponseComplete", "allow", "", "anonymous", 201};
    struct desk *desk = *state;
    start(desk);
    for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++)
        for (size_t r = 0; r < sizeof requests / sizeof requests[0]; r++)
            observe_request(desk, "prod", seen[i].object_state, seen[i].level, rule_a, 1, 0, &requests[r]);
    tick(desk);
    assert_told(desk, 0);
    assert_int_equal(conditions(desk), 0);
    for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++) {
        observe_request(desk, "prod", seen[i].object_state, seen[i].level, rule_a, 1, 0, &honest);
        tick(desk);
        assert_told(desk, i + 1);
    }
    assert_text(desk, 0, "first seen in patch of cronjobs by alice at level Metadata (/apis/batch/v1/namespaces/a/cronjobs/b)");
    pass(desk, MINUTES(11), "prod", SECONDS(30));
    observe_request(desk, "prod", "level", "Metadata", rule_a, 1, 0, &nameless);
    tick(desk);
    assert_told(desk, 4);
}

static void test_a_cause_of_blindness_hides_no_other(void **state)
{
    const struct request part = {"cronjobs", "status", "ResponseComplete", "allow", "mallory", "user", 200};
    const struct request whole = {"cronjobs", NULL, "ResponseComplete", "allow", "alice", "user", 200};
    struct desk *desk = *state;
    start(desk);
    observe_request(desk, "prod", "level", "Metadata", rule_a, 1, 0, &part);
    observe_request(desk, "prod", "missing", "Request", rule_a, 1, 0, &part);
    tick(desk);
    tick(desk);
    assert_told(desk, 2);
    assert_text(desk, 0, "first seen in patch of cronjobs/status by mallory");
    assert_string_not_equal(desk->told.items[0].id, desk->told.items[1].id);
    assert_string_not_equal(desk->told.items[0].dedup_key, desk->told.items[1].dedup_key);
    restart(desk, 0);
    observe_request(desk, "prod", "level", "Metadata", rule_a, 1, 0, &part);
    pass(desk, MINUTES(11), "prod", SECONDS(30));
    assert_told(desk, 2);
    observe_request(desk, "prod", "level", "Metadata", rule_a, 1, 0, &whole);
    tick(desk);
    assert_told(desk, 3);
    assert_text(desk, 2, "first seen in patch of cronjobs by alice");
    assert_int_equal(conditions(desk), 2);
}

static void test_any_number_of_resources_leaves_each_rule_its_place(void **state)
{
    struct desk *desk = *state;
    char name[32];
    struct request request = {name, NULL, "ResponseComplete", "allow", "mallory", "user", 200};
    start(desk);
    for (int i = 0; i < 2000; i++) {
        snprintf(name, sizeof name, "things%d", i);
        observe_request(desk, "prod", "level", "Metadata", rule_a, 1, 0, &request);
        if (i % 100 == 0)
            tick(desk);
    }
    assert_int_equal(health_blind_count(desk->health, 0), 1);
    observe_request(desk, "prod", "level", "Metadata", rule_b, 1, 0, &request);
    pass(desk, MINUTES(11), "prod", SECONDS(30));
    assert_told(desk, 2);
    assert_text(desk, 1, "rules rule_a, rule_b look into objects");
}

static void test_a_rule_that_was_blind_again_after_a_day_is_told_again(void **state)
{
    struct desk *desk = *state;
    desk->source.silence_after = 0;
    start(desk);
    observe(desk, "prod", "level", "Metadata", rule_b, 1, 0);
    pass(desk, MINUTES(23 * 60), NULL, 0);
    observe(desk, "prod", "level", "Metadata", rule_b, 1, 0);
    pass(desk, MINUTES(25 * 60), NULL, 0);
    assert_told(desk, 1);
    assert_int_equal(conditions(desk), 0);
    observe(desk, "prod", "level", "Metadata", rule_b, 1, 0);
    pass(desk, SECONDS(2), NULL, 0);
    assert_told(desk, 2);
    assert_string_equal(desk->told.items[0].dedup_key, desk->told.items[1].dedup_key);
    assert_string_not_equal(desk->told.items[0].id, desk->told.items[1].id);
}

/* --- clocks ------------------------------------------------------------------------------------------------------------------------------ */

static void test_a_clock_ahead_is_told_at_once_and_its_end_when_it_has_agreed(void **state)
{
    struct desk *desk = *state;
    struct health_view view;
    start(desk);
    observe(desk, "prod", "present", "Request", NULL, 0, MINUTES(5));
    tick(desk);
    assert_told(desk, 1);
    assert_text(desk, 0, "Clock of cluster prod (source api) is 5m ahead");
    health_at(desk->health, 0, &view);
    assert_int_equal(view.lead, MINUTES(5));
    for (int minute = 0; minute < 12; minute++) {
        pass(desk, MINUTES(1), NULL, 0);
        observe(desk, "prod", "present", "Request", NULL, 0, -SECONDS(20));
        tick(desk);
    }
    assert_told(desk, 2);
    assert_true(desk->told.items[1].over);
    assert_text(desk, 1, "has the right time again after");
    assert_int_equal(conditions(desk), 0);
}

static void test_events_that_stay_late_are_told(void **state)
{
    struct desk *desk = *state;
    start(desk);
    for (int minute = 0; minute < 12; minute++) {
        observe(desk, "prod", "present", "Request", NULL, 0, -MINUTES(32));
        pass(desk, MINUTES(1), NULL, 0);
    }
    assert_told(desk, 1);
    assert_text(desk, 0, "Events of cluster prod (source api) are at least 32m old");
}

/* --- names that senders choose -------------------------------------------------------------------------------------------------------- */

/* As with cluster_from: syslog; a name is known after a day. */
static void let_senders_name(struct desk *desk)
{
    desk->source.cluster_from = CONFIG_CLUSTER_FROM_SYSLOG;
    desk->config.health.known_after = MINUTES(24 * 60);
    desk->config.health.clusters = 4096;
}

/* Clusters that nobody has ever heard of, one event each. */
static void invent(struct desk *desk, int from, int count)
{
    char name[24];

    for (int i = from; i < from + count; i++) {
        snprintf(name, sizeof name, "invented-%d", i);
        observe(desk, name, "level", "Metadata", both, 2, MINUTES(30));
    }
}

static void test_invented_clusters_raise_nothing_and_take_no_room(void **state)
{
    struct desk *desk = *state;
    struct health_view view;

    let_senders_name(desk);
    start(desk);
    invent(desk, 0, 3000);
    pass(desk, SECONDS(1), NULL, 0);
    assert_int_equal(health_count(desk->health), 2); /* the source as a whole, and the others */
    health_at(desk->health, 1, &view);
    assert_true(slice_is(view.cluster, CLUSTERS_OTHERS));
    assert_false(view.watched || view.silent || view.timed);
    assert_int_equal(health_blind_count(desk->health, 1), 2);
    assert_in_range(health_unknown(desk->health), 1, 64);
    assert_in_range(health_unknown_dropped(desk->health), 2936, 6000); /* each time that one comes */
    pass(desk, MINUTES(14), NULL, 0);
    assert_told(desk, 0);
    assert_int_equal(conditions(desk), 0);
    pass(desk, MINUTES(60), NULL, 0);
    assert_told(desk, 1); /* the source as a whole */
    save(desk);
    assert_int_equal(desk->slots.count, 1);
}

static void test_a_cluster_that_is_heard_for_long_is_known_and_then_missed(void **state)
{
    struct desk *desk = *state;

    let_senders_name(desk);
    start(desk);
    pass(desk, MINUTES(12 * 60), "east", MINUTES(1));
    restart(desk, MINUTES(10));
    assert_int_equal(health_unknown(desk->health), 1);
    pass(desk, MINUTES(11 * 60 + 50), "east", MINUTES(1));
    assert_false(clusters_know(desk->clusters, 0, SLICE("east"), false));
    pass(desk, MINUTES(20), "east", MINUTES(1));
    assert_true(clusters_know(desk->clusters, 0, SLICE("east"), false));
    assert_int_equal(health_unknown(desk->health), 0);
    pass(desk, MINUTES(16), NULL, 0);
    assert_told(desk, 1);
    assert_text(desk, 0, "cluster east");
}

static void test_a_burst_or_one_event_a_week_makes_no_name_known(void **state)
{
    struct desk *desk = *state;

    let_senders_name(desk);
    start(desk);
    pass(desk, MINUTES(30), "burst", SECONDS(1));
    for (int week = 0; week < 5; week++) {
        desk->now += MINUTES(7 * 24 * 60);
        pass(desk, SECONDS(1), "rare", SECONDS(1));
    }
    assert_false(clusters_know(desk->clusters, 0, SLICE("burst"), false));
    assert_false(clusters_know(desk->clusters, 0, SLICE("rare"), false));
}

static void test_a_known_cluster_is_heard_and_a_new_one_learned_through_a_flood_of_invented_names(void **state)
{
    struct desk *desk = *state;
    static const char *const clusters[] = {"prod-1"};

    let_senders_name(desk);
    desk->source.clusters = (struct config_strings){.items = (const char **)clusters, .count = 1};
    desk->config.health.known_after = MINUTES(20);
    start(desk);
    for (int i = 0; i < 20 * 60 + 5; i++) {
        watch_heard(desk->watch, 0, SLICE("new"), desk->now);
        invent(desk, i * 40, 40);
        watch_heard(desk->watch, 0, SLICE("prod-1"), desk->now);
        pass(desk, SECONDS(1), NULL, 0);
    }
    assert_told(desk, 0);
    assert_true(clusters_know(desk->clusters, 0, SLICE("new"), false));
}

static void test_a_cluster_of_the_configuration_is_awaited_and_one_that_a_credential_vouches_for_is_watched_at_once(void **state)
{
    struct desk *desk = *state;
    static const char *const clusters[] = {"prod-1"};

    let_senders_name(desk);
    desk->source.clusters = (struct config_strings){.items = (const char **)clusters, .count = 1};
    start(desk);
    assert_true(clusters_know(desk->clusters, 0, SLICE("prod-1"), false));
    assert_true(clusters_know(desk->clusters, 0, SLICE("certified"), true));
    pass(desk, MINUTES(20), "certified", MINUTES(1));
    assert_told(desk, 1);
    assert_text(desk, 0, "cluster prod-1");
    pass(desk, MINUTES(20), "prod-1", MINUTES(1));
    assert_text(desk, desk->told.count - 1, "cluster certified");
}

static void test_nobody_can_take_the_name_of_the_others(void **state)
{
    struct desk *desk = *state;

    let_senders_name(desk);
    start(desk);
    assert_false(clusters_know(desk->clusters, 0, SLICE(CLUSTERS_OTHERS), true));
    assert_false(clusters_add(desk->clusters, 0, SLICE(CLUSTERS_OTHERS)));
}

/* --- the rate of one kind ------------------------------------------------------------------------------------------------------------------ */

static void hear_all(struct desk *desk, int count, clock_nanos time)
{
    char name[16];

    for (clock_nanos passed = 0; passed < time; passed += SECONDS(30)) {
        for (int i = 0; i < count; i++) {
            snprintf(name, sizeof name, "c%d", i);
            watch_heard(desk->watch, 0, slice_of(name), desk->now);
        }
        pass(desk, SECONDS(30), NULL, 0);
    }
}

static void many_clusters(struct desk *desk, int64_t notices)
{
    desk->source.path = "/{cluster}";
    desk->config.health.clusters = 100;
    desk->config.health.notices = notices;
}

static void test_beyond_the_rate_of_a_kind_the_rest_is_told_together(void **state)
{
    struct desk *desk = *state;

    many_clusters(desk, 5);
    start(desk);
    hear_all(desk, 30, MINUTES(1));
    pass(desk, MINUTES(20), NULL, 0);
    assert_told(desk, 6);
    assert_text(desk, 5, "No audit event from 25 more clusters");
    assert_text(desk, 5, "(source api), ");
    assert_text(desk, 5, " and 15 more");
    assert_int_equal(conditions(desk), 30);
    restart(desk, MINUTES(1));
    pass(desk, MINUTES(60), NULL, 0);
    assert_told(desk, 6);
    hear_all(desk, 30, MINUTES(10));
    assert_told(desk, 11); /* the ends of those that were told by themselves */
    assert_int_equal(conditions(desk), 0);
    for (size_t i = 6; i < 11; i++)
        assert_true(desk->told.items[i].over);
}

static void test_a_summary_that_was_not_stored_is_offered_until_it_is(void **state)
{
    struct desk *desk = *state;

    many_clusters(desk, 1);
    start(desk);
    hear_all(desk, 3, MINUTES(1));
    pass(desk, MINUTES(15), NULL, 0);
    assert_told(desk, 1);
    desk->fails = true;
    pass(desk, MINUTES(2), NULL, 0);
    desk->fails = false;
    desk->refuses = true;
    pass(desk, MINUTES(2), NULL, 0);
    desk->refuses = false;
    pass(desk, SECONDS(2), NULL, 0);
    assert_told(desk, 2);
    assert_text(desk, 1, "2 more clusters");
    pass(desk, MINUTES(60), NULL, 0);
    assert_told(desk, 2);
}

/* --- what followed files have lost -------------------------------------------------------------------------------------------------- */

static void test_what_a_followed_file_has_lost_is_told_and_what_follows_soon_is_told_together(void **state)
{
    struct desk *desk = *state;

    desk->source.silence_after = 0;
    start(desk);
    health_note_losses(desk->health, 0, 0);
    pass(desk, MINUTES(1), NULL, 0);
    assert_told(desk, 0);
    health_note_losses(desk->health, 0, 1);
    pass(desk, SECONDS(2), NULL, 0);
    assert_told(desk, 1);
    assert_text(desk, 0, "1 file, or ends of files, followed for cluster prod (source api) was gone");
    for (uint64_t losses = 2; losses <= 6; losses++) {
        health_note_losses(desk->health, 0, losses);
        pass(desk, MINUTES(1), NULL, 0);
    }
    assert_told(desk, 1);
    pass(desk, MINUTES(10), NULL, 0);
    assert_told(desk, 2);
    assert_text(desk, 1, "5 files");
    assert_string_not_equal(desk->told.items[0].id, desk->told.items[1].id);
    assert_string_equal(desk->told.items[0].dedup_key, desk->told.items[1].dedup_key);
    pass(desk, MINUTES(60), NULL, 0);
    assert_told(desk, 2);
    assert_int_equal(conditions(desk), 0);
    restart(desk, MINUTES(1)); /* the follower counts anew as well */
    health_note_losses(desk->health, 0, 1);
    pass(desk, SECONDS(2), NULL, 0);
    assert_told(desk, 3);
}

static void test_a_loss_whose_notice_was_not_stored_is_told_until_it_is(void **state)
{
    struct desk *desk = *state;

    desk->source.silence_after = 0;
    start(desk);
    desk->fails = true;
    health_note_losses(desk->health, 0, 2);
    pass(desk, SECONDS(5), NULL, 0);
    desk->fails = false;
    desk->refuses = true;
    pass(desk, SECONDS(5), NULL, 0);
    desk->refuses = false;
    desk->holds = true;
    pass(desk, SECONDS(2), NULL, 0);
    assert_told(desk, 1);
    assert_text(desk, 0, "2 files");
    health_note_losses(desk->health, 0, 3); /* while that is on its way */
    health_told(desk->health, desk->held_slot, true);
    desk->holds = false;
    pass(desk, MINUTES(11), NULL, 0);
    assert_told(desk, 2);
    assert_text(desk, 1, "1 file,");
}

static void test_losses_beyond_the_rate_are_told_together(void **state)
{
    struct desk *desk = *state;

    desk->source.silence_after = 0;
    desk->config.health.notices = 1;
    start(desk);
    for (uint64_t losses = 1; losses <= 30; losses++) {
        health_note_losses(desk->health, 0, losses);
        pass(desk, MINUTES(1), NULL, 0);
    }
    assert_in_range(desk->told.count, 2, 4);
    assert_text(desk, 1, "Followed files are lost in 1 more cluster");
}

static void test_the_rate_of_one_kind_is_not_another_s(void **state)
{
    struct desk *desk = *state;

    many_clusters(desk, 2);
    start(desk);
    hear_all(desk, 10, MINUTES(1));
    pass(desk, MINUTES(20), NULL, 0);
    assert_told(desk, 3);
    observe(desk, "c1", "present", "Request", NULL, 0, MINUTES(5));
    pass(desk, SECONDS(2), NULL, 0);
    assert_told(desk, 4);
    assert_text(desk, 3, "Clock of cluster c1");
}

/* --- saves that fail ----------------------------------------------------------------------------------------------------------------------- */

static void test_a_slot_is_cleared_until_that_is_stored(void **state)
{
    struct desk *desk = *state;

    desk->config.health.forget_after = MINUTES(60);
    start(desk);
    pass(desk, MINUTES(1), "gone", SECONDS(30));
    save(desk);
    assert_non_null(strstr(desk->slots.items[1], "gone"));
    pass(desk, MINUTES(61), NULL, 0);
    assert_int_equal(health_count(desk->health), 1);
    health_save(desk->health, lose, lose, desk); /* fails */
    uint64_t lost = health_save(desk->health, lose, lose, desk);
    save(desk);
    assert_null(strstr(desk->slots.items[1], "gone"));
    health_saved(desk->health, lost); /* an old one's answer */
    pass(desk, SECONDS(1), NULL, 0);
    assert_int_equal(health_count(desk->health), 1);
}

static void test_a_slot_that_is_taken_again_is_not_cleared_any_more(void **state)
{
    struct desk *desk = *state;

    desk->config.health.forget_after = MINUTES(60);
    start(desk);
    pass(desk, MINUTES(1), "gone", SECONDS(30));
    save(desk);
    pass(desk, MINUTES(61), NULL, 0);
    health_save(desk->health, lose, lose, desk);
    pass(desk, MINUTES(1), "new", SECONDS(30));
    save(desk);
    save(desk);
    assert_non_null(strstr(desk->slots.items[1], "new"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_source_that_never_had_an_event_is_silent_counted_from_the_start),
        TEST(test_a_return_is_told_once_events_have_kept_coming),
        TEST(test_an_event_now_and_then_does_not_make_the_silence_flap),
        TEST(test_a_source_with_batches_every_half_minute_is_never_silent),
        TEST(test_zero_means_that_silence_is_not_looked_at),
        TEST(test_what_is_switched_off_while_it_holds_is_not_said_to_be_over),
        TEST(test_each_cluster_of_a_source_is_silent_by_itself),
        TEST(test_a_source_whose_clusters_nobody_knows_is_silent_as_a_whole),
        TEST(test_where_envelopes_name_clusters_the_source_is_watched_as_a_whole),
        TEST(test_clusters_of_clients_are_awaited_from_the_start),
        TEST(test_while_nothing_can_come_in_nobody_is_silent),
        TEST(test_a_source_that_a_cluster_never_used_is_not_missed_while_another_hears_it),
        TEST(test_two_sources_that_never_heard_their_cluster_miss_it_once),
        TEST(test_a_source_that_a_cluster_has_left_for_another_is_a_low_notice_once),
        TEST(test_a_cluster_that_can_come_in_by_its_source_no_more_is_not_missed_there),
        TEST(test_a_silence_is_over_when_the_cluster_comes_back_by_another_source),
        TEST(test_of_two_ways_of_a_cluster_that_end_together_one_is_told),
        TEST(test_a_silence_that_was_interrupted_is_as_long_as_the_last_event_is_old),
        TEST(test_the_age_of_the_last_event_counts_the_time_in_which_nobody_could_be_heard),
        TEST(test_a_jump_of_the_clock_makes_no_silence_longer),
        TEST(test_a_jump_of_the_clock_makes_no_lateness_longer),
        TEST(test_silence_goes_on_over_restarts_without_the_time_between),
        TEST(test_senders_have_a_minute_to_come_back_after_a_restart),
        TEST(test_a_cluster_that_was_seen_is_missed_after_a_restart),
        TEST(test_what_was_told_is_not_told_again_after_a_restart),
        TEST(test_a_notice_that_was_not_stored_is_offered_until_it_is),
        TEST(test_nothing_is_saved_over_a_notice_that_is_on_its_way),
        TEST(test_a_damaged_or_foreign_state_is_of_no_use_and_its_slot_is_given_back),
        TEST(test_a_cluster_that_is_gone_is_forgotten_and_one_of_the_configuration_never),
        TEST(test_clusters_beyond_the_bound_are_counted),
        TEST(test_rules_that_become_blind_together_are_told_together_and_later_ones_later),
        TEST(test_any_number_of_blind_rules_fits_into_the_state_and_the_bound),
        TEST(test_reasons_that_an_operator_cannot_mend_are_counted_and_not_told),
        TEST(test_missing_objects_and_missing_results_are_told_each_with_what_to_do),
        TEST(test_requests_that_show_nothing_of_the_policy_neither_raise_blindness_nor_hide_it),
        TEST(test_a_cause_of_blindness_hides_no_other),
        TEST(test_any_number_of_resources_leaves_each_rule_its_place),
        TEST(test_a_rule_that_was_blind_again_after_a_day_is_told_again),
        TEST(test_a_clock_ahead_is_told_at_once_and_its_end_when_it_has_agreed),
        TEST(test_events_that_stay_late_are_told),
        TEST(test_invented_clusters_raise_nothing_and_take_no_room),
        TEST(test_a_cluster_that_is_heard_for_long_is_known_and_then_missed),
        TEST(test_a_burst_or_one_event_a_week_makes_no_name_known),
        TEST(test_a_known_cluster_is_heard_and_a_new_one_learned_through_a_flood_of_invented_names),
        TEST(test_a_cluster_of_the_configuration_is_awaited_and_one_that_a_credential_vouches_for_is_watched_at_once),
        TEST(test_nobody_can_take_the_name_of_the_others),
        TEST(test_beyond_the_rate_of_a_kind_the_rest_is_told_together),
        TEST(test_a_summary_that_was_not_stored_is_offered_until_it_is),
        TEST(test_what_a_followed_file_has_lost_is_told_and_what_follows_soon_is_told_together),
        TEST(test_a_loss_whose_notice_was_not_stored_is_told_until_it_is),
        TEST(test_losses_beyond_the_rate_are_told_together),
        TEST(test_the_rate_of_one_kind_is_not_another_s),
        TEST(test_a_slot_is_cleared_until_that_is_stored),
        TEST(test_a_slot_that_is_taken_again_is_not_cleared_any_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
