/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine says of an event is the same whatever event it had before: each aggregate in each place, over pairs of events, against an engine that
 * has seen nothing else. Each event's memory is given back before the next, so that a pointer into it is an error for the sanitizer as well. */
#include "harrier/detect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MOST_BYTES = 64 * 1024 };

/* %s: an argument; a number comes out. */
static const char *const aggregates[] = {
    "count(%s)", "count_distinct(%s)", "cast.as_int(arrays.index_to_str(array(%s), 1))", "cast.as_int(arrays.index_to_str(array_distinct(%s), 1))",
    "sum(cast.as_int(%s))", "max(cast.as_int(%s))", "min(cast.as_int(%s))", "avg(cast.as_int(%s))", "stddev(cast.as_int(%s))",
    "cast.as_int(earliest(%s))", "cast.as_int(latest(%s))",
};

static const char *const arguments[] = {
    "$e.principal.ip",                                           /* one dimension */
    "$e.about.ip",                                               /* one within another */
    "$e.about.hostname",
    "$e.target.resource.attribute.labels.value",
    "$e.target.resource.attribute.labels[\"image\"]",            /* a set */
    "$e.target.user.userid",                                     /* a scalar */
    "$ip",                                                       /* a placeholder of events */
    "if($e.principal.ip = \"2\", \"5\", $e.principal.hostname)", /* a condition of its own */
};

/* Each %s is the number. */
static const char *const places[] = {
    "%s",
    "if(%s > 1, 10, 20)",
    "if(1 < %s, 10, 20)",
    "if(%s > 1, if(%s > 2, 30, 20), 10)",
    "if(%s > 0 and not %s > 2, 10, 20)",
    "if(%s = 1 or %s >= 3, 10, 20)",
    "if(not (%s > 1), 10, 20)",
    "%s * 2 + 1",
    "if(%s * 2 + 1 > 4, 10, 20)",
    "if(%s > count($e.about.hostname), 10, 20)",
    "if(if(%s > 1, 1, 0) = 1, 10, 20)",
    "math.abs(%s)",
    "strings.concat(\"n\", %s)",
    "if(math.abs(%s) > 1, 10, 20)",
    "if(strings.concat(\"n\", %s) = \"n2\", 10, 20)",
    "if(re.regex(strings.concat(%s), `[2-9]`), 10, 20)",
};

#define METADATA "\"metadata\":{\"log_type\":\"K8S_AUDIT\",\"id\":\"e\"}"
static const char *const events[] = {
    "{" METADATA ",\"principal\":{\"hostname\":\"7\",\"ip\":[\"1\",\"2\",\"3\"]},\"about\":[{\"hostname\":\"4\",\"ip\":[\"1\"]},{\"hostname\":\"5\",\"ip\":[\"2\",\"3\"]}],"
    "\"target\":{\"user\":{\"userid\":\"9\"},\"resource\":{\"attribute\":{\"labels\":[{\"key\":\"image\",\"value\":\"3\"},{\"key\":\"image\",\"value\":\"4\"}]}}}}",
    "{" METADATA ",\"principal\":{\"ip\":[\"2\"]},\"about\":[{\"hostname\":\"1\"}]}",
    "{" METADATA "}",
    "{" METADATA ",\"principal\":{\"hostname\":\"3\",\"ip\":[]},\"about\":[{\"ip\":[\"8\",\"9\",\"8\",\"7\"]}],"
    "\"target\":{\"resource\":{\"attribute\":{\"labels\":[{\"key\":\"other\",\"value\":\"3\"}]}}}}",
};

static const char *const captured[] = {"denied-403", "dupkey-patch", "patch-json-copy"};

enum { MADE = sizeof events / sizeof *events, CAPTURED = sizeof captured / sizeof *captured, EVENTS = MADE + CAPTURED };

static void put_in(struct buffer *out, const char *pattern, const char *text)
{
    for (const char *c = pattern; *c; c++) {
        if (c[0] == '%' && c[1] == 's') {
            buffer_append_text(out, text);
            c++;
        } else {
            buffer_append_byte(out, *c);
        }
    }
    buffer_append_byte(out, '\0');
}

static void add_rule(struct buffer *rules, const char *argument, const char *aggregate, const char *place, size_t number)
{
    struct buffer one = {NULL, 0, 0}, value = {NULL, 0, 0};

    put_in(&one, aggregate, argument);
    put_in(&value, place, one.bytes);
    buffer_printf(rules, "rule r%zu { meta: author = \"t\" events: $e.metadata.log_type = \"K8S_AUDIT\" %s outcome: $o = %s condition: $e%s }\n", number,
                  strcmp(argument, "$ip") == 0 ? "$ip = $e.principal.ip" : "", value.bytes, number % 2 ? " and $o != 10" : "");
    buffer_free(&one);
    buffer_free(&value);
}

enum { PLACES = sizeof places / sizeof *places, AGGREGATES = sizeof aggregates / sizeof *aggregates };

/* Rules in one argument, and one place or all of them: where it is one, no rule with another place brings the rows that its aggregate needs. */
static struct detect_plan *plan_of(const char *argument, size_t first_place, size_t last_place)
{
    struct yaral_ruleset *ruleset = yaral_ruleset_new();
    struct yaral_lists *lists = yaral_lists_new();
    struct diagnostics *diagnostics = diagnostics_new();
    struct buffer rules = {NULL, 0, 0};
    const struct yaral_options options = {0};
    size_t count = 0;

    for (size_t aggregate = 0; aggregate < AGGREGATES; aggregate++)
        for (size_t place = first_place; place <= last_place; place++, count++)
            add_rule(&rules, argument, aggregates[aggregate], places[place], first_place == last_place ? 2 * count : count);
    yaral_ruleset_add(ruleset, "test.yaral", buffer_slice(&rules), lists, &options, diagnostics);
    if (diagnostics_count_of(diagnostics, DIAGNOSTIC_ERROR)) {
        diagnostics_print(diagnostics, stderr);
        fail_msg("the rules of this test do not compile");
    }
    diagnostics_free(diagnostics);
    buffer_free(&rules);
    return detect_plan_new(ruleset, lists);
}

static struct slice read_file(struct arena *arena, const char *name)
{
    char path[128], *text = arena_alloc(arena, MOST_BYTES);

    snprintf(path, sizeof path, "tests/data/udm/%s.json", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t length = fread(text, 1, MOST_BYTES, file);
    fclose(file);
    return slice_trim(slice_make(text, length));
}

static void read_record(struct udm_record *record, struct arena *arena, size_t event)
{
    static const struct udm_source source = {.log_type = {"K8S_AUDIT", 9}, .cluster = {"c", 1}};
    struct json_node *tree = NULL;
    bool is_made = event < MADE;
    struct slice text = is_made ? slice_of(events[event]) : read_file(arena, captured[event - MADE]);

    assert_int_equal(json_tree_parse(arena, text, &json_default_limits, &tree, NULL), RESULT_OK);
    udm_record_init(record, arena, UDM_KNOWN);
    if (is_made)
        assert_int_equal(udm_json_record(record, tree, NULL, NULL), RESULT_OK);
    else
        udm_k8s_record(record, &source, tree, &(struct udm_cut){0});
}

static void write_detection(struct buffer *out, struct arena *arena, const struct detection *detection)
{
    buffer_append_slice(out, detection->rule->name);
    for (size_t i = 0; i < detection->outcome_count; i++) {
        buffer_append_byte(out, ' ');
        buffer_append_slice(out, yaral_to_text(arena, &detection->outcomes[i].value));
    }
    for (size_t i = 0; i < detection->evidence_count; i++)
        buffer_printf(out, " %.*s=%.*s", SLICE_ARGS(detection->evidence[i].path), SLICE_ARGS(detection->evidence[i].value));
    buffer_append_byte(out, '\n');
}

/* All that the engine says of the event, as text: what fires, outcomes, evidence, what cannot be decided, explanations. */
static void say(struct detect_engine *engine, size_t event, struct buffer *out)
{
    struct arena *arena = arena_new(4096);
    struct udm_record record;
    struct detect_result result;
    struct detect_explanation explanation;

    read_record(&record, arena, event);
    detect_begin(engine);
    detect_evaluate(engine, &record, CLOCK_SECOND, &result);
    for (size_t i = 0; i < result.detection_count; i++)
        write_detection(out, arena, &result.detections[i]);
    for (size_t i = 0; i < result.blind_count; i++)
        buffer_printf(out, "%.*s blind %u\n", SLICE_ARGS(result.blind[i].rule->name), result.blind[i].doubt);
    for (size_t rule = 0; rule < 3; rule++) {
        detect_explain(engine, &record, CLOCK_SECOND, rule, &explanation);
        buffer_printf(out, "%d%d", (int)explanation.verdict, explanation.condition_section_failed);
    }
    arena_free(arena);
}

static void compare_pairs(struct detect_plan *plan)
{
    struct detect_engine *used = detect_engine_new(plan, &detect_default_limits);
    struct buffer alone = {NULL, 0, 0}, after = {NULL, 0, 0}, ignored = {NULL, 0, 0};

    for (size_t event = 0; event < EVENTS; event++) {
        struct detect_engine *fresh = detect_engine_new(plan, &detect_default_limits);
        buffer_reset(&alone, SIZE_MAX);
        say(fresh, event, &alone);
        detect_engine_free(fresh);
        for (size_t before = 0; before < MADE; before++) {
            buffer_reset(&ignored, SIZE_MAX);
            buffer_reset(&after, SIZE_MAX);
            say(used, before, &ignored);
            say(used, event, &after);
            if (!slice_equal(buffer_slice(&alone), buffer_slice(&after)))
                fail_msg("event %zu after event %zu:\n%.*s\nalone:\n%.*s", event, before, SLICE_ARGS(buffer_slice(&after)), SLICE_ARGS(buffer_slice(&alone)));
        }
    }
    detect_engine_free(used);
    buffer_free(&alone);
    buffer_free(&after);
    buffer_free(&ignored);
}

static void test_an_event_is_decided_as_if_it_were_the_first(void **state)
{
    (void)state;
    for (size_t argument = 0; argument < sizeof arguments / sizeof *arguments; argument++) {
        for (size_t place = 0; place < PLACES; place++) {
            struct detect_plan *plan = plan_of(arguments[argument], place, place);
            compare_pairs(plan);
            detect_plan_unref(plan);
        }
    }
}

/* The outcome of each of the three rules for an event with three addresses, of an engine that has seen another event. */
static void test_an_aggregate_in_a_condition_of_if_sees_the_event_in_hand(void **state)
{
    struct detect_plan *plan = plan_of("$e.principal.ip", 0, PLACES - 1);
    struct detect_engine *engine = detect_engine_new(plan, &detect_default_limits);
    struct buffer out = {NULL, 0, 0};
    (void)state;
    say(engine, 1, &out);
    buffer_reset(&out, SIZE_MAX);
    say(engine, 0, &out);
    buffer_append_byte(&out, '\0');
    assert_non_null(strstr(out.bytes, "r0 3 metadata"));
    assert_null(strstr(out.bytes, "r1 ")); /* its outcome is 10, which its condition excludes */
    assert_non_null(strstr(out.bytes, "r2 10 metadata"));
    assert_non_null(strstr(out.bytes, "r3 30 metadata"));
    buffer_free(&out);
    detect_engine_free(engine);
    detect_plan_unref(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_event_is_decided_as_if_it_were_the_first),
        cmocka_unit_test(test_an_aggregate_in_a_condition_of_if_sees_the_event_in_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
