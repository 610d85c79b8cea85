/* SPDX-License-Identifier: Apache-2.0 */
/* The rule against hostile CronJobs and Jobs, over LogEntries of GKE. */
#include "harrier/detect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MOST_BYTES = 64 * 1024 };

static struct slice read_file(struct arena *arena, const char *path)
{
    char *text = arena_alloc(arena, MOST_BYTES);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t length = fread(text, 1, MOST_BYTES, file);
    fclose(file);
    assert_true(length < MOST_BYTES);
    return slice_trim(slice_make(text, length));
}

static struct detect_plan *plan_of_the_seed(struct arena *arena)
{
    struct yaral_ruleset *ruleset = yaral_ruleset_new();
    struct yaral_lists *lists = yaral_lists_new();
    struct diagnostics *diagnostics = diagnostics_new();
    const struct yaral_options options = {0};

    yaral_ruleset_add(ruleset, "seed.yaral", read_file(arena, "tests/data/yaral/seed.yaral"), lists, &options, diagnostics);
    assert_int_equal(diagnostics_count_of(diagnostics, DIAGNOSTIC_ERROR), 0);
    diagnostics_free(diagnostics);
    return detect_plan_new(ruleset, lists);
}

/* What the rule says of the sample, with only those labels made that it asks for. */
static void evaluate(struct detect_plan *plan, struct arena *arena, const char *sample, struct detect_engine *engine, struct detect_result *result)
{
    static const struct udm_source source = {.log_type = {"K8S_AUDIT", 9}, .cluster = {"c", 1}};
    struct udm_record record;
    struct json_node *tree;
    char path[128];

    snprintf(path, sizeof path, "tests/data/udm/gke/%s.json", sample);
    assert_int_equal(json_tree_parse(arena, read_file(arena, path), &json_default_limits, &tree, NULL), RESULT_OK);
    udm_record_init(&record, arena, UDM_KNOWN);
    record.label_filter = detect_plan_label_filter(plan);
    udm_gke_record(&record, &source, tree, &(struct udm_cut){0});
    detect_begin(engine);
    detect_evaluate(engine, &record, CLOCK_SECOND, result);
}

static void test_the_rule_fires_on_attacks_alone(void **state)
{
    static const struct { const char *sample; size_t detections; bool is_blind; } rows[] = {
        {"cronjob-create", 1, false},      {"cronjob-benign", 0, false},  {"cronjob-denied", 0, true},  {"cronjob-patch-merge", 1, false},
        {"cronjob-patch-json", 1, false}, {"job-kube-system", 0, false}, {"cronjob-dry-run", 1, false},
    };
    struct arena *arena = arena_new(MOST_BYTES);
    struct detect_plan *plan = plan_of_the_seed(arena);
    struct detect_engine *engine = detect_engine_new(plan, &detect_default_limits);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct detect_result result;
        evaluate(plan, arena, rows[i].sample, engine, &result);
        if (result.detection_count != rows[i].detections)
            print_error("%s\n", rows[i].sample);
        assert_int_equal(result.detection_count, rows[i].detections);
        assert_int_equal(result.blind_count > 0, rows[i].is_blind);
    }
    detect_engine_free(engine);
    detect_plan_unref(plan);
    arena_free(arena);
}

static void test_evidence_names_the_place_in_the_entry(void **state)
{
    struct arena *arena = arena_new(MOST_BYTES);
    struct detect_plan *plan = plan_of_the_seed(arena);
    struct detect_engine *engine = detect_engine_new(plan, &detect_default_limits);
    struct detect_result result;
    bool found = false;
    (void)state;
    evaluate(plan, arena, "cronjob-patch-json", engine, &result);
    assert_int_equal(result.detection_count, 1);
    for (size_t i = 0; i < result.detections[0].evidence_count; i++)
        found = found || slice_is(result.detections[0].evidence[i].path, "protoPayload.request.value[0].value");
    assert_true(found);
    detect_engine_free(engine);
    detect_plan_unref(plan);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_rule_fires_on_attacks_alone),
        cmocka_unit_test(test_evidence_names_the_place_in_the_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
