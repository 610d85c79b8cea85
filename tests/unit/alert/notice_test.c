/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/alert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MINUTES(n) ((clock_nanos)(n)*60 * CLOCK_SECOND)

static const struct slice one_rule[] = {{"rule_a", 6}}, two_rules[] = {{"rule_a", 6}, {"rule_b", 6}};

static struct alert_notice silent(void)
{
    return (struct alert_notice){.kind = ALERT_NOTICE_SILENT,
                                 .source = SLICE("api"),
                                 .cluster = SLICE("prod"),
                                 .since = MINUTES(1000),
                                 .time = MINUTES(1015),
                                 .amount = MINUTES(15)};
}

static struct alert_notice blind(const char *level)
{
    return (struct alert_notice){.kind = ALERT_NOTICE_BLIND,
                                 .source = SLICE("api"),
                                 .cluster = SLICE("prod"),
                                 .since = MINUTES(1000),
                                 .time = MINUTES(1000),
                                 .rules = one_rule,
                                 .rule_count = 1,
                                 .level = slice_of(level)};
}

static struct json_node *document(struct arena *arena, const struct alert *alert)
{
    struct json_node *tree = NULL;
    assert_int_equal(json_tree_parse(arena, buffer_slice(&alert->json), &json_default_limits, &tree, NULL), RESULT_OK);
    return tree;
}

static void assert_title(const struct alert_notice *notice, const char *part)
{
    struct arena *arena = arena_new(4096);
    struct alert alert;
    alert_from_notice(&alert, notice);
    struct slice title = json_string(json_member(document(arena, &alert), "title"));
    if (slice_find(title, slice_of(part)) < 0)
        fail_msg("`%s` is not in: %.*s", part, SLICE_ARGS(title));
    alert_free(&alert);
    arena_free(arena);
}

static void test_titles_say_what_it_is_and_what_to_do(void **state)
{
    struct alert_notice notice = silent();
    (void)state;
    assert_title(&notice, "No audit event from cluster prod (source api) for 15m: what happens there is not seen. Check that its API server runs");
    notice.cluster = SLICE("");
    assert_title(&notice, "No audit event from source api for 15m");
    notice = silent();
    notice.over = true;
    notice.amount = MINUTES(42);
    assert_title(&notice, "Cluster prod (source api) came back after 42m;");
    notice = blind("Metadata");
    assert_title(&notice, "rule rule_a looks into objects, but the events come at level Metadata, without them. Raise the audit policy to level "
                          "Request for");
    notice = blind("Request");
    assert_title(&notice, "Raise the audit policy to level RequestResponse");
    notice = blind("");
    notice.rules = two_rules;
    notice.rule_count = 2;
    assert_title(&notice, "rules rule_a, rule_b look into objects, but the events come without them. Something between");
    notice = silent();
    notice.kind = ALERT_NOTICE_CLOCK;
    notice.amount = MINUTES(60 * 25);
    assert_title(&notice, "Clock of cluster prod (source api) is 1d 1h ahead of harrierd's. Check time synchronisation");
    notice.kind = ALERT_NOTICE_LATE;
    notice.amount = MINUTES(80);
    assert_title(&notice, "are at least 1h 20m old when they come");
    notice.kind = ALERT_NOTICE_LOST;
    notice.losses = 3;
    assert_title(&notice, "3 files, or ends of files, followed for cluster prod (source api) were gone or not readable before the reading came there: what "
                          "happened then is not seen. harrierd's log names");
}

static void test_ids_are_of_the_episode_and_the_key_is_of_the_place(void **state)
{
    struct alert_notice notice = silent();
    struct alert first, other;
    (void)state;
    alert_from_notice(&first, &notice);
    notice.time += MINUTES(5);
    notice.amount += MINUTES(5);
    alert_from_notice(&other, &notice);
    assert_string_equal(first.alert_id, other.alert_id);
    alert_free(&other);
    notice.over = true;
    alert_from_notice(&other, &notice);
    assert_string_not_equal(first.alert_id, other.alert_id);
    assert_string_equal(first.dedup_key, other.dedup_key);
    alert_free(&other);
    notice = silent();
    notice.since += 1;
    alert_from_notice(&other, &notice);
    assert_string_not_equal(first.alert_id, other.alert_id);
    assert_string_equal(first.dedup_key, other.dedup_key);
    alert_free(&other);
    notice = silent();
    notice.cluster = SLICE("pro");
    notice.source = SLICE("dapi");
    alert_from_notice(&other, &notice);
    assert_string_not_equal(first.dedup_key, other.dedup_key);
    alert_free(&other);
    alert_free(&first);
}

static void test_the_end_is_told_without_alarm(void **state)
{
    struct alert_notice notice = silent();
    struct alert alert;
    (void)state;
    alert_from_notice(&alert, &notice);
    assert_string_equal(alert.severity, "HIGH");
    assert_true(alert.risk_score == 80);
    alert_free(&alert);
    notice.over = true;
    alert_from_notice(&alert, &notice);
    assert_string_equal(alert.severity, "INFO");
    assert_true(alert.risk_score == 0);
    alert_free(&alert);
}

/* What docs/alert.schema.json requires. */
static void test_every_kind_is_a_whole_alert(void **state)
{
    static const char *const required[] = {"schema", "alert_id", "dedup_key", "time", "cluster", "severity", "risk_score", "title", "incomplete",
                                           "rule", "mitre", "actor", "action", "match", "outcomes", "evidence", "events"};
    static const char *const of_evidence[] = {"event", "condition", "line", "field", "path", "value"};
    struct arena *arena = arena_new(65536);
    struct alert alert;
    (void)state;
    for (int kind = 0; kind < 2 * ALERT_NOTICE_COUNT; kind++) {
        struct alert_notice notice = silent();
        notice.kind = (enum alert_notice_kind)(kind / 2);
        notice.over = kind % 2;
        notice.rules = two_rules;
        notice.rule_count = 2;
        alert_from_notice(&alert, &notice);
        const struct json_node *tree = document(arena, &alert);
        for (size_t i = 0; i < sizeof required / sizeof required[0]; i++)
            if (!json_member(tree, required[i]))
                fail_msg("%s has no %s", alert_notice_name(notice.kind), required[i]);
        assert_true(slice_is(json_string(json_at(tree, "rule", "name", NULL)), alert_notice_name(notice.kind)));
        assert_true(slice_is(json_string(json_at(tree, "outcomes", "state", NULL)), notice.over ? "over" : "open"));
        const struct json_node *evidence = json_member(tree, "evidence");
        assert_true(evidence->count > 0);
        for (const struct json_node *fact = evidence->first; fact; fact = fact->next)
            for (size_t i = 0; i < sizeof of_evidence / sizeof of_evidence[0]; i++)
                assert_non_null(json_member(fact, of_evidence[i]));
        alert_free(&alert);
    }
    arena_free(arena);
}

static void fill(struct udm_record *record, struct arena *arena, const char *user, const char *name, const char *audit_id)
{
    udm_record_init(record, arena, UDM_KNOWN);
    udm_record_add_string(record, "principal.user.userid", slice_of(user), NULL);
    udm_record_add_string(record, "metadata.product_log_id", slice_of(audit_id), NULL);
    if (name)
        udm_record_add_string(record, "target.resource.name", slice_of(name), NULL);
    udm_record_add_label(record, SLICE("verb"), SLICE("create"), NULL);
    udm_record_add_label(record, SLICE("resource"), SLICE("cronjobs"), NULL);
    udm_record_add_label(record, SLICE("namespace"), SLICE("default"), NULL);
    udm_record_add_label(record, SLICE("object_state"), SLICE("truncated"), NULL);
}

static struct alert truncated(const char *user, const char *name, const char *audit_id, clock_nanos time)
{
    struct arena *arena = arena_new(4096);
    struct udm_record record;
    struct alert alert;
    fill(&record, arena, user, name, audit_id);
    const struct alert_notice notice = {.kind = ALERT_NOTICE_TRUNCATED,
                                        .source = SLICE("api"),
                                        .cluster = SLICE("prod"),
                                        .time = time,
                                        .rules = one_rule,
                                        .rule_count = 1,
                                        .record = &record};
    alert_from_notice(&alert, &notice);
    arena_free(arena);
    return alert;
}

static void assert_same(bool same, struct alert a, struct alert b)
{
    assert_int_equal(strcmp(a.alert_id, b.alert_id) == 0, same);
    alert_free(&a);
    alert_free(&b);
}

static void test_a_truncated_write_is_one_alert_per_actor_object_and_hour(void **state)
{
    const clock_nanos hour = MINUTES(60);
    (void)state;
    assert_same(true, truncated("eve", "x", "1", 10 * hour), truncated("eve", "x", "2", 11 * hour - 1));
    assert_same(false, truncated("eve", "x", "1", 10 * hour), truncated("eve", "x", "1", 11 * hour));
    assert_same(false, truncated("eve", "x", "1", hour), truncated("eve", "y", "1", hour));
    assert_same(false, truncated("eve", "x", "1", hour), truncated("bob", "x", "1", hour));
    /* an object without a name may be any */
    assert_same(true, truncated("eve", NULL, "1", hour), truncated("eve", NULL, "1", hour));
    assert_same(false, truncated("eve", NULL, "1", hour), truncated("eve", NULL, "2", hour));
    assert_same(false, truncated("eve", NULL, "1", hour), truncated("eve", NULL, "1", hour + 1));
}

static void test_a_truncated_write_says_who_did_what(void **state)
{
    struct arena *arena = arena_new(16384);
    struct alert alert = truncated("eve", "x", "a-1", MINUTES(5));
    const struct json_node *tree = document(arena, &alert);
    (void)state;
    assert_true(slice_starts_with(json_string(json_member(tree, "title")),
                                  SLICE("eve create cronjobs default/x in cluster prod (source api): the event came without its whole object, rule rule_a")));
    assert_true(slice_is(json_string(json_at(tree, "actor", "user", NULL)), "eve"));
    assert_true(slice_is(json_string(json_at(tree, "action", "name", NULL)), "x"));
    assert_true(slice_is(json_string(json_member(json_member(tree, "events")->first, "audit_id")), "a-1"));
    assert_true(json_member(tree, "incomplete")->boolean);
    alert_free(&alert);
    arena_free(arena);
}

static void test_names_from_outside_cannot_break_out_of_the_line(void **state)
{
    struct alert_notice notice = silent();
    struct buffer text = {NULL, 0, 0};
    (void)state;
    notice.cluster = SLICE("a\nb\x1b[31m\xe2\x80\xaez\"}");
    alert_notice_text(&notice, &text);
    for (size_t i = 0; i < text.length; i++)
        assert_true((unsigned char)text.bytes[i] >= 0x20);
    assert_true(slice_find(buffer_slice(&text), SLICE("\xe2\x80\xae")) < 0);
    buffer_free(&text);
    assert_title(&notice, "z\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_titles_say_what_it_is_and_what_to_do),
        cmocka_unit_test(test_ids_are_of_the_episode_and_the_key_is_of_the_place),
        cmocka_unit_test(test_the_end_is_told_without_alarm),
        cmocka_unit_test(test_every_kind_is_a_whole_alert),
        cmocka_unit_test(test_a_truncated_write_is_one_alert_per_actor_object_and_hour),
        cmocka_unit_test(test_a_truncated_write_says_who_did_what),
        cmocka_unit_test(test_names_from_outside_cannot_break_out_of_the_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
