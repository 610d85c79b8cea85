/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/detect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct fixture {
    struct detect_plan *plan;
    struct detect_engine *engine;
    struct arena *arena;
    struct udm_record record;
    struct detect_result result;
};

static void start_with_limits(struct fixture *fixture, const char *rules, const struct detect_limits *limits)
{
    struct yaral_ruleset *ruleset = yaral_ruleset_new();
    struct yaral_lists *lists = yaral_lists_new();
    struct diagnostics *diagnostics = diagnostics_new();
    const struct yaral_options options = {0};

    yaral_ruleset_add(ruleset, "test.yaral", slice_of(rules), lists, &options, diagnostics);
    if (diagnostics_count_of(diagnostics, DIAGNOSTIC_ERROR)) {
        diagnostics_print(diagnostics, stderr);
        fail_msg("the rules of this test do not compile");
    }
    diagnostics_free(diagnostics);
    fixture->plan = detect_plan_new(ruleset, lists);
    fixture->engine = detect_engine_new(fixture->plan, limits);
    fixture->arena = arena_new(4096);
}

static void start(struct fixture *fixture, const char *rules)
{
    start_with_limits(fixture, rules, &detect_default_limits);
}

static void stop(struct fixture *fixture)
{
    detect_engine_free(fixture->engine);
    detect_plan_unref(fixture->plan);
    arena_free(fixture->arena);
}

static void read_event(struct fixture *fixture, const char *event)
{
    struct json_node *tree;

    arena_reset(fixture->arena);
    assert_int_equal(json_tree_parse(fixture->arena, slice_of(event), &json_default_limits, &tree, NULL), RESULT_OK);
    udm_record_init(&fixture->record, fixture->arena, UDM_KNOWN);
    assert_int_equal(udm_json_record(&fixture->record, tree, NULL, NULL), RESULT_OK);
}

static size_t evaluate(struct fixture *fixture)
{
    detect_begin(fixture->engine);
    detect_evaluate(fixture->engine, &fixture->record, 0, &fixture->result);
    return fixture->result.detection_count;
}

static size_t fires(struct fixture *fixture, const char *event)
{
    read_event(fixture, event);
    return evaluate(fixture);
}

#define RULE(name, events, rest) "rule " name " { meta: author = \"t\" events: " events " " rest " condition: $e }\n"
#define POST "{\"metadata\":{\"log_type\":\"K8S_AUDIT\",\"id\":\"e1\"},\"network\":{\"http\":{\"method\":\"POST\"}},"

static void test_a_predicate_that_two_rules_share_is_worked_out_once(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, RULE("a", "$e.principal.hostname = /^web/ $e.target.port = 1", "") RULE("b", "$e.principal.hostname = /^web/ $e.target.port = 2", ""));
    assert_int_equal(detect_plan_predicate_count(f.plan), 3);
    assert_int_equal(fires(&f, "{\"principal\":{\"hostname\":\"web-1\"},\"target\":{\"port\":2}}"), 1);
    assert_int_equal(detect_engine_counts(f.engine).predicates_evaluated, 3);
    stop(&f);
}

static void test_a_predicate_over_elements_is_worked_out_once_per_element_whatever_rules_share_it(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, RULE("a", "$e.principal.ip = \"9\" $e.target.ip = \"1\"", "") RULE("b", "$e.principal.ip = \"9\" $e.target.port = 0", ""));
    assert_int_equal(fires(&f, "{\"principal\":{\"ip\":[\"1\",\"2\",\"3\"]},\"target\":{\"ip\":[\"1\",\"2\"]}}"), 0);
    /* three elements of principal.ip, one scalar; target.ip is never reached */
    assert_int_equal(detect_engine_counts(f.engine).predicates_evaluated, 4);
    stop(&f);
}

static void test_the_index_leaves_out_rules_that_ask_for_another_method(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, RULE("get", "$e.network.http.method = \"GET\" $e.principal.hostname = \"a\"", "")
                  RULE("write", "($e.network.http.method = \"POST\" or $e.network.http.method = \"PUT\") $e.principal.hostname = \"a\"", ""));
    assert_int_equal(fires(&f, POST "\"principal\":{\"hostname\":\"a\"}}"), 1);
    assert_true(slice_is(f.result.detections[0].rule->name, "write"));
    assert_int_equal(detect_engine_counts(f.engine).rules_considered, 1);
    stop(&f);
}

static void test_what_is_not_read_yet_keeps_a_rule_possible_and_what_is_false_does_not(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, RULE("r", "$e.network.http.method = \"POST\" $e.target.resource.attribute.labels[\"image\"] = \"evil\"", ""));
    read_event(&f, POST "\"principal\":{}}");
    for (int origin = 0; origin < UDM_ORIGIN_COUNT; origin++)
        f.record.knowledge[origin] = origin == UDM_ORIGIN_VERB || origin == UDM_ORIGIN_LOG_TYPE ? UDM_KNOWN : UDM_UNREAD;
    detect_begin(f.engine);
    assert_true(detect_may_concern(f.engine, &f.record, 0));
    read_event(&f, "{\"network\":{\"http\":{\"method\":\"GET\"}}}");
    for (int origin = 0; origin < UDM_ORIGIN_COUNT; origin++)
        f.record.knowledge[origin] = origin == UDM_ORIGIN_VERB ? UDM_KNOWN : UDM_UNREAD;
    detect_begin(f.engine);
    assert_false(detect_may_concern(f.engine, &f.record, 0));
    stop(&f);
}

static void make_request_unknown(struct fixture *f, const char *event)
{
    read_event(f, event);
    f->record.map_sees_all_values = true;
    f->record.knowledge[UDM_ORIGIN_REQUEST_OBJECT] = UDM_UNKNOWN;
}

#define LABEL(key, value) "{\"key\":\"" key "\",\"value\":\"" value "\"}"
#define LABELS(list) "\"target\":{\"resource\":{\"attribute\":{\"labels\":[" list "]}}}}"

static void test_an_absent_label_of_an_unseen_object_is_unknown_not_false(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, RULE("plain", "$e.target.resource.attribute.labels[\"image\"] = \"evil\"", "")
                  RULE("negated", "not $e.target.resource.attribute.labels[\"image\"] = \"evil\"", "")
                  RULE("zero", "$e.target.resource.attribute.labels[\"image\"] = \"\"", ""));
    make_request_unknown(&f, POST LABELS(""));
    assert_int_equal(evaluate(&f), 0);
    assert_int_equal(f.result.blind_count, 3);
    assert_int_equal(f.result.blind[0].doubt, DETECT_DOUBT_UNSEEN);
    assert_int_equal(detect_engine_rule_counts(f.engine, 0).unknown, 1);
    make_request_unknown(&f, POST LABELS(LABEL("image", "evil")));
    assert_int_equal(evaluate(&f), 1); /* a value that is there counts */
    assert_true(slice_is(f.result.detections[0].rule->name, "plain"));
    assert_int_equal(f.result.blind_count, 1); /* negated is false, zero may still be met by what is not seen */
    assert_true(slice_is(f.result.blind[0].rule->name, "zero"));
    stop(&f);
}

static void test_unknown_and_false_is_false_and_unknown_or_true_is_true(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, RULE("conjunction", "$e.target.resource.attribute.labels[\"image\"] = \"evil\" $e.target.port = 1", "")
                  RULE("disjunction", "$e.target.resource.attribute.labels[\"image\"] = \"evil\" or $e.target.port = 0", ""));
    make_request_unknown(&f, POST LABELS(""));
    assert_int_equal(evaluate(&f), 1);
    assert_true(slice_is(f.result.detections[0].rule->name, "disjunction"));
    assert_int_equal(f.result.blind_count, 0);
    stop(&f);
}

static void test_rows_over_labels_of_an_unseen_object_are_unknown(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, RULE("r", "$e.target.resource.attribute.labels.key = \"image\" $e.target.resource.attribute.labels.value = \"evil\"", ""));
    make_request_unknown(&f, POST LABELS(LABEL("image", "good")));
    assert_int_equal(evaluate(&f), 0);
    assert_int_equal(f.result.blind_count, 1);
    stop(&f);
}

static void test_a_map_key_with_several_values_meets_a_condition_with_any_of_them(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, RULE("r", "$e.target.resource.attribute.labels[\"image\"] = \"b\"", ""));
    read_event(&f, POST LABELS(LABEL("image", "a") "," LABEL("image", "b")));
    assert_int_equal(evaluate(&f), 0); /* UDM JSON: the first */
    f.record.map_sees_all_values = true;
    assert_int_equal(evaluate(&f), 1);
    stop(&f);
}

static void test_evidence_names_the_alternatives_that_were_met_with_line_path_and_value(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, "rule r {\n meta:\n  author = \"t\"\n events:\n  $e.network.http.method = \"POST\"\n  (\n   $e.target.hostname = \"no\" or\n"
              "   re.regex($e.target.resource.attribute.labels[\"image\"], `evil`)\n  )\n  not $e.principal.user.userid = /^system:/\n condition:\n  $e\n}\n");
    read_event(&f, POST "\"principal\":{\"user\":{\"userid\":\"eve\"}}," LABELS(LABEL("image", "evil:1") "," LABEL("image", "good")));
    f.record.map_sees_all_values = true;
    assert_int_equal(evaluate(&f), 1);
    const struct detection *detection = &f.result.detections[0];
    assert_int_equal(detection->evidence_count, 3);
    assert_true(slice_is(detection->evidence[1].field, "target.resource.attribute.labels[\"image\"]"));
    assert_int_equal(detection->evidence[1].line, 8);
    assert_true(slice_is(detection->evidence[1].value, "evil:1"));
    assert_true(slice_is(detection->evidence[1].path, "target.resource.attribute.labels[0].value"));
    assert_true(slice_starts_with(detection->evidence[1].condition, SLICE("re.regex(")));
    assert_true(detection->evidence[2].negated);
    assert_true(slice_is(detection->evidence[2].value, "eve"));
    stop(&f);
}

static void test_evidence_of_a_shared_predicate_names_the_line_of_the_rule_that_fired(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, RULE("never", "$e.principal.hostname = \"a\" $e.target.port = 99", "") "\n\n" RULE("fires", "$e.principal.hostname = \"a\"", ""));
    assert_int_equal(fires(&f, "{\"principal\":{\"hostname\":\"a\"}}"), 1);
    assert_int_equal(f.result.detections[0].evidence[0].line, 4);
    stop(&f);
}

static void test_sensitive_labels_can_be_tested_but_are_not_shown(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, RULE("r", "$e.target.resource.attribute.labels[\"env_value\"] = \"hunter2\"",
                   "outcome: $values = array($e.target.resource.attribute.labels[\"env_value\"])"));
    assert_int_equal(fires(&f, POST LABELS(LABEL("env_value", "hunter2"))), 1);
    const struct detection *detection = &f.result.detections[0];
    assert_int_equal(slice_find(detection->evidence[0].value, SLICE("hunter2")), -1);
    assert_int_equal(slice_find(detection->outcomes[0].value.list.items[0].string, SLICE("hunter2")), -1);
    stop(&f);
}

static void assert_no_secret_in(const struct detection *detection, struct arena *arena)
{
    for (size_t i = 0; i < detection->evidence_count; i++)
        assert_int_equal(slice_find(detection->evidence[i].value, SLICE("hunter")), -1);
    for (size_t i = 0; i < detection->outcome_count; i++)
        if (slice_find(yaral_to_text(arena, &detection->outcomes[i].value), SLICE("hunter")) >= 0)
            fail_msg("outcome %zu shows the secret: %.*s", i, SLICE_ARGS(yaral_to_text(arena, &detection->outcomes[i].value)));
}

#define LABELS_PATH "$e.target.resource.attribute.labels"
#define PLAIN_AND_SECRET LABELS(LABEL("image", "alpine") "," LABEL("env_value", "hunter2") "," LABEL("db_password", "hunter3"))

static void test_a_sensitive_element_is_not_shown_under_any_all_rows_index_or_key(void **state)
{
    static const char *const conditions[] = {
        "any " LABELS_PATH ".value = /hunter/", "all " LABELS_PATH ".value != \"x\"", LABELS_PATH ".value = /hunter/",
        "not " LABELS_PATH ".value = \"x\"", LABELS_PATH "[1].value = /hunter/", LABELS_PATH "[\"env_value\"] = /hunter/",
        LABELS_PATH "[\"db_password\"] = /hunter/", "re.regex(" LABELS_PATH ".value, `hunter`)", "strings.to_upper(" LABELS_PATH ".value) = /HUNTER/",
        "re.capture(" LABELS_PATH "[\"env_value\"], `(hunter.)`) = \"hunter2\"",
    };
    (void)state;
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
        struct fixture f;
        struct buffer rule = {NULL, 0, 0};
        struct detect_explanation explanation;
        buffer_printf(&rule, "rule r { meta: author = \"t\" events: %s condition: $e }", conditions[i]);
        start(&f, rule.bytes);
        if (fires(&f, POST PLAIN_AND_SECRET) != 1)
            fail_msg("%s does not fire", conditions[i]);
        assert_true(f.result.detections[0].evidence_count > 0);
        assert_no_secret_in(&f.result.detections[0], f.arena);
        detect_explain(f.engine, &f.record, 0, 0, &explanation);
        for (size_t seen = 0; seen < explanation.conditions[0].seen_count; seen++)
            assert_int_equal(slice_find(explanation.conditions[0].seen[seen].value, SLICE("hunter")), -1);
        stop(&f);
        buffer_free(&rule);
    }
}

static void test_what_is_made_from_a_secret_is_not_shown_and_what_is_told_of_it_is(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, RULE("r", LABELS_PATH "[\"image\"] = \"alpine\" $ip = " LABELS_PATH "[\"env_value\"]",
                   "outcome: $capture = re.capture(" LABELS_PATH "[\"env_value\"], `(hunter)`) $joined = strings.concat(\"a\", " LABELS_PATH "[\"image\"], " LABELS_PATH
                   "[\"env_value\"]) $every = array_distinct(" LABELS_PATH ".value) $placeholder = array($ip) $chosen = if(" LABELS_PATH
                   "[\"env_value\"] = \"hunter2\", strings.to_lower(" LABELS_PATH "[\"env_value\"]), \"\") $number = sum(cast.as_int(re.capture(" LABELS_PATH
                   "[\"env_value\"], `([0-9])`))) $again = strings.concat($capture, \"x\") $length = strings.length(" LABELS_PATH
                   "[\"env_value\"]) $told = if(" LABELS_PATH "[\"env_value\"] = /hunter/, \"yes\", \"no\") $seen = count(" LABELS_PATH ".value)"));
    assert_int_equal(fires(&f, POST PLAIN_AND_SECRET), 1);
    const struct detect_outcome *outcomes = f.result.detections[0].outcomes;
    assert_no_secret_in(&f.result.detections[0], f.arena);
    assert_true(slice_is(outcomes[2].value.list.items[0].string, "alpine"));
    assert_int_equal(outcomes[5].value.type, YARAL_STRING); /* a number, but a secret's */
    assert_int_equal(outcomes[7].value.integer, 7);
    assert_true(slice_is(outcomes[8].value.string, "yes"));
    assert_int_equal(outcomes[9].value.integer, 3);
    stop(&f);
}

static void test_too_many_rows_are_an_unknown_that_is_counted_not_a_silent_no(void **state)
{
    struct fixture f;
    const struct detect_limits limits = {.rows = 5};
    (void)state;
    start_with_limits(&f, RULE("r", "$e.principal.ip = \"z\"", ""), &limits);
    assert_int_equal(fires(&f, "{\"principal\":{\"ip\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"]}}"), 0);
    assert_int_equal(f.result.blind_count, 1);
    assert_int_equal(f.result.blind[0].doubt, DETECT_DOUBT_ROWS);
    assert_int_equal(detect_engine_rule_counts(f.engine, 0).row_limit, 1);
    stop(&f);
}

static void test_aggregates_see_the_rows_that_are_left(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, RULE("r", "$ip = $e.principal.ip $ip != \"1\"", "outcome: $n = count($ip) $distinct = array_distinct($ip) $biggest = max($e.principal.port)"));
    assert_int_equal(fires(&f, "{\"principal\":{\"ip\":[\"1\",\"2\",\"3\",\"2\"],\"port\":7}}"), 1);
    const struct detection *detection = &f.result.detections[0];
    assert_int_equal(detection->outcomes[0].value.integer, 3);
    assert_int_equal(detection->outcomes[1].value.list.count, 2);
    assert_int_equal(detection->outcomes[2].value.integer, 7);
    stop(&f);
}

static void test_integer_arithmetic_saturates_and_division_by_zero_gives_zero(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, RULE("r", "$e.target.port = 0", "outcome: $a = 9223372036854775807 + 1 $b = 5 / $e.target.port $c = 5 % $e.target.port"));
    assert_int_equal(fires(&f, "{\"target\":{}}"), 1);
    assert_true(f.result.detections[0].outcomes[0].value.integer == INT64_MAX);
    assert_true(yaral_to_double(&f.result.detections[0].outcomes[1].value) < 0.5);
    assert_int_equal(f.result.detections[0].outcomes[2].value.integer, 0);
    stop(&f);
}

static void test_an_explanation_names_the_first_condition_that_failed_and_the_values_it_saw(void **state)
{
    struct fixture f;
    struct detect_explanation explanation;
    (void)state;
    start(&f, RULE("r", "$e.target.port = 22\n$e.principal.ip = \"9\"\n$e.target.hostname = \"x\"", ""));
    read_event(&f, "{\"principal\":{\"ip\":[\"1\",\"2\"]},\"target\":{\"port\":22}}");
    detect_begin(f.engine);
    detect_explain(f.engine, &f.record, 0, 0, &explanation);
    assert_int_equal(explanation.verdict, TRUTH_FALSE);
    assert_ptr_equal(explanation.first_failed, &explanation.conditions[1]);
    assert_int_equal(explanation.conditions[0].truth, TRUTH_TRUE);
    assert_int_equal(explanation.first_failed->seen_count, 2);
    assert_true(slice_is(explanation.first_failed->seen[1].value, "2"));
    assert_true(slice_is(explanation.first_failed->seen[1].path, "principal.ip[1]"));
    stop(&f);
}

static void test_a_condition_inside_if_is_shared_with_the_same_condition_outside(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, RULE("r", "$e.principal.hostname = /^web/", "outcome: $risk_score = if($e.principal.hostname = /^web/, 80, 10)"));
    assert_int_equal(fires(&f, "{\"principal\":{\"hostname\":\"web-1\"}}"), 1);
    assert_int_equal(f.result.detections[0].outcomes[0].value.integer, 80);
    assert_int_equal(detect_engine_counts(f.engine).predicates_evaluated, 1);
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_predicate_that_two_rules_share_is_worked_out_once),
        cmocka_unit_test(test_a_predicate_over_elements_is_worked_out_once_per_element_whatever_rules_share_it),
        cmocka_unit_test(test_the_index_leaves_out_rules_that_ask_for_another_method),
        cmocka_unit_test(test_what_is_not_read_yet_keeps_a_rule_possible_and_what_is_false_does_not),
        cmocka_unit_test(test_an_absent_label_of_an_unseen_object_is_unknown_not_false),
        cmocka_unit_test(test_unknown_and_false_is_false_and_unknown_or_true_is_true),
        cmocka_unit_test(test_rows_over_labels_of_an_unseen_object_are_unknown),
        cmocka_unit_test(test_a_map_key_with_several_values_meets_a_condition_with_any_of_them),
        cmocka_unit_test(test_evidence_names_the_alternatives_that_were_met_with_line_path_and_value),
        cmocka_unit_test(test_evidence_of_a_shared_predicate_names_the_line_of_the_rule_that_fired),
        cmocka_unit_test(test_sensitive_labels_can_be_tested_but_are_not_shown),
        cmocka_unit_test(test_a_sensitive_element_is_not_shown_under_any_all_rows_index_or_key),
        cmocka_unit_test(test_what_is_made_from_a_secret_is_not_shown_and_what_is_told_of_it_is),
        cmocka_unit_test(test_too_many_rows_are_an_unknown_that_is_counted_not_a_silent_no),
        cmocka_unit_test(test_aggregates_see_the_rows_that_are_left),
        cmocka_unit_test(test_integer_arithmetic_saturates_and_division_by_zero_gives_zero),
        cmocka_unit_test(test_an_explanation_names_the_first_condition_that_failed_and_the_values_it_saw),
        cmocka_unit_test(test_a_condition_inside_if_is_shared_with_the_same_condition_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
