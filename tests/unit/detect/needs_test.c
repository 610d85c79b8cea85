/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/detect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define LABEL(key) "$e.target.resource.attribute.labels[\"" key "\"]"
#define RULE(events) "rule r { events: " events " condition: $e }\n"
#define POST "$e.network.http.method = \"POST\" "
#define PODS LABEL("resource") " = \"pods\" "

struct fixture {
    struct detect_plan *plan;
    struct detect_needs *needs;
    struct udm_own_labels *own;
};

static void start(struct fixture *fixture, const char *rules)
{
    struct yaral_ruleset *ruleset = yaral_ruleset_new();
    struct yaral_lists *lists = yaral_lists_new();
    struct diagnostics *diagnostics = diagnostics_new();
    const struct yaral_options options = {0};
    const char *wrong;

    yaral_ruleset_add(ruleset, "test.yaral", slice_of(rules), lists, &options, diagnostics);
    if (diagnostics_count_of(diagnostics, DIAGNOSTIC_ERROR)) {
        diagnostics_print(diagnostics, stderr);
        fail_msg("the rules of this test do not compile");
    }
    diagnostics_free(diagnostics);
    fixture->own = udm_own_labels_new();
    udm_own_labels_add(fixture->own, SLICE("team"), SLICE("requestObject.metadata.labels.team"), &wrong);
    udm_own_labels_add(fixture->own, SLICE("zone"), SLICE("responseObject.metadata.labels.zone"), &wrong);
    udm_own_labels_add(fixture->own, SLICE("agent"), SLICE("userAgent"), &wrong);
    fixture->plan = detect_plan_new(ruleset, lists);
    fixture->needs = detect_needs_new(fixture->plan, fixture->own);
}

static void stop(struct fixture *fixture)
{
    detect_needs_free(fixture->needs);
    detect_plan_unref(fixture->plan);
    udm_own_labels_free(fixture->own);
}

/* "group/resource" or "group/resource/subresource"; the group may be empty. */
static struct detect_request request_of(const struct fixture *fixture, const char *verb, const char *what)
{
    struct detect_request request = {.verb = slice_of(verb), .is_resource = true};
    struct slice rest = slice_of(what), parts[3] = {SLICE(""), SLICE(""), SLICE("")};
    const struct udm_k8s_resource *resource;

    for (size_t i = 0; i < 3; i++) {
        ptrdiff_t slash = slice_find_byte(rest, '/');
        parts[i] = slash < 0 ? rest : slice_first(rest, (size_t)slash);
        rest = slash < 0 ? SLICE("") : slice_from(rest, (size_t)slash + 1);
    }
    for (size_t i = 0; (resource = detect_needs_resource(fixture->needs, i)); i++)
        if (slice_is(parts[0], resource->group) && slice_is(parts[1], resource->name))
            request.resource = resource;
    if (!request.resource && udm_k8s_group_is_known(parts[0]))
        request.group = parts[0];
    request.subresource = parts[2];
    return request;
}

static enum detect_level level(const char *rules, const char *verb, const char *what)
{
    struct fixture f;
    start(&f, rules);
    struct detect_request request = request_of(&f, verb, what);
    enum detect_level found = detect_needs_level(f.needs, 0, &request);
    stop(&f);
    return found;
}

static enum detect_level rule_level(const char *rules)
{
    struct fixture f;
    start(&f, rules);
    enum detect_level found = detect_rule_level(f.plan, 0, f.own);
    stop(&f);
    return found;
}

static void test_a_rules_level_is_that_of_what_its_conditions_read(void **state)
{
    (void)state;
    assert_int_equal(rule_level(RULE(POST)), DETECT_LEVEL_METADATA);
    assert_int_equal(rule_level(RULE(LABEL("image") " = \"x\"")), DETECT_LEVEL_REQUEST);
    assert_int_equal(rule_level(RULE("not " LABEL("image") " = \"x\"")), DETECT_LEVEL_REQUEST);
    assert_int_equal(rule_level(RULE(LABEL("object_state") " = \"missing\"")), DETECT_LEVEL_REQUEST);
    assert_int_equal(rule_level(RULE(LABEL("response.image") " = \"x\"")), DETECT_LEVEL_REQUEST_RESPONSE);
    assert_int_equal(rule_level(RULE(LABEL("team") " = \"x\"")), DETECT_LEVEL_REQUEST);
    assert_int_equal(rule_level(RULE(LABEL("zone") " = \"x\"")), DETECT_LEVEL_REQUEST_RESPONSE);
    assert_int_equal(rule_level(RULE(LABEL("agent") " = \"x\"")), DETECT_LEVEL_METADATA);
    assert_int_equal(rule_level(RULE("$e.target.resource.attribute.labels.key = \"x\"")), DETECT_LEVEL_REQUEST_RESPONSE);
    assert_int_equal(rule_level("rule r { events: " POST " outcome: $x = array_distinct(" LABEL("image") ") condition: $e }"),
                     DETECT_LEVEL_METADATA);
}

static void test_a_levels_name_is_that_of_a_policy(void **state)
{
    (void)state;
    assert_string_equal(detect_level_name(DETECT_LEVEL_NONE), "None");
    assert_string_equal(detect_level_name(DETECT_LEVEL_REQUEST_RESPONSE), "RequestResponse");
}

static void test_a_rule_concerns_what_its_conditions_let_through(void **state)
{
    (void)state;
    assert_int_equal(level(RULE(PODS), "create", "/pods"), DETECT_LEVEL_METADATA);
    assert_int_equal(level(RULE(PODS), "create", "/services"), DETECT_LEVEL_NONE);
    assert_int_equal(level(RULE("not " PODS), "create", "/pods"), DETECT_LEVEL_NONE);
    assert_int_equal(level(RULE(PODS POST), "create", "/pods"), DETECT_LEVEL_METADATA);
    assert_int_equal(level(RULE(PODS POST), "update", "/pods"), DETECT_LEVEL_NONE);
    assert_int_equal(level(RULE(PODS POST), "", "/pods"), DETECT_LEVEL_NONE);
    assert_int_equal(level(RULE(PODS), "", "/pods"), DETECT_LEVEL_METADATA);
    assert_int_equal(level(RULE("(" PODS " or " LABEL("subresource") " = \"scale\")"), "patch", "apps/deployments/scale"),
                     DETECT_LEVEL_METADATA);
    assert_int_equal(level(RULE("(" PODS " or " LABEL("subresource") " = \"scale\")"), "patch", "apps/deployments"), DETECT_LEVEL_NONE);
    assert_int_equal(level(RULE("$e.metadata.event_type = \"RESOURCE_PERMISSIONS_CHANGE\""), "create", "rbac.authorization.k8s.io/roles"),
                     DETECT_LEVEL_METADATA);
    assert_int_equal(level(RULE("$e.metadata.event_type = \"RESOURCE_PERMISSIONS_CHANGE\""), "get", "rbac.authorization.k8s.io/roles"),
                     DETECT_LEVEL_NONE);
    assert_int_equal(level(RULE("$e.metadata.log_type = \"GKE_CONTROLPLANE\""), "create", "/pods"), DETECT_LEVEL_NONE);
    assert_int_equal(level(RULE("$e.metadata.description = \"ResponseStarted\""), "create", "/pods"), DETECT_LEVEL_METADATA);
    assert_int_equal(level(RULE(LABEL("stage") " = \"Panic\""), "get", "/pods"), DETECT_LEVEL_METADATA);
    assert_int_equal(level(RULE(LABEL("stage") " = \"NeverHeardOf\""), "get", "/pods"), DETECT_LEVEL_NONE);
}

static void test_what_cannot_be_told_counts_as_concerned(void **state)
{
    (void)state;
    assert_int_equal(level(RULE("$e.network.http.user_agent = /curl/"), "create", "/pods"), DETECT_LEVEL_METADATA);
    assert_int_equal(level(RULE("not $e.network.http.user_agent = /curl/"), "create", "/pods"), DETECT_LEVEL_METADATA);
    assert_int_equal(level(RULE("timestamp.now() > 5 " PODS), "create", "/pods"), DETECT_LEVEL_METADATA);
    assert_int_equal(level(RULE("strings.to_lower($e.target.url) = \"/x\""), "create", "/pods"), DETECT_LEVEL_METADATA);
    assert_int_equal(level(RULE(LABEL("subresource") " = \"exec\""), "create", "/pods/*"), DETECT_LEVEL_METADATA);
    assert_int_equal(level(RULE("$e.security_result.action = \"BLOCK\""), "create", "/pods"), DETECT_LEVEL_METADATA);
    assert_int_equal(level(RULE("$e.network.http.response_code = 403"), "create", "/pods"), DETECT_LEVEL_METADATA);
}

static void test_a_resource_that_is_not_listed_is_none_that_is(void **state)
{
    static const char jobs[] = RULE(LABEL("resource") " = \"jobs\" " LABEL("api_group") " = \"batch\"");
    (void)state;
    assert_int_equal(level(jobs, "create", "batch/jobs"), DETECT_LEVEL_METADATA);
    assert_int_equal(level(jobs, "create", "batch/others"), DETECT_LEVEL_NONE);
    assert_int_equal(level(jobs, "create", "example.org/others"), DETECT_LEVEL_NONE);
    assert_int_equal(level(RULE(LABEL("resource") " = \"jobs\""), "create", "example.org/others"), DETECT_LEVEL_METADATA);
    assert_int_equal(
        level(RULE(LABEL("resource") " = \"workflows\" " LABEL("api_group") " = \"argoproj.io\""), "create", "argoproj.io/workflows"),
        DETECT_LEVEL_METADATA);
}

static void test_content_of_the_request_needs_its_level(void **state)
{
    static const char image[] = RULE(LABEL("image") " = \"x\""), not_root[] = RULE("not " LABEL("run_as_non_root") " = \"true\"");
    (void)state;
    assert_int_equal(level(image, "create", "batch/cronjobs"), DETECT_LEVEL_REQUEST);
    assert_int_equal(level(image, "update", "batch/cronjobs"), DETECT_LEVEL_REQUEST);
    assert_int_equal(level(image, "patch", "batch/cronjobs"), DETECT_LEVEL_REQUEST_RESPONSE);
    assert_int_equal(level(image, "get", "batch/cronjobs"), DETECT_LEVEL_NONE);
    assert_int_equal(level(image, "delete", "batch/cronjobs"), DETECT_LEVEL_NONE);
    assert_int_equal(level(image, "create", "batch/cronjobs/status"), DETECT_LEVEL_NONE);
    assert_int_equal(level(image, "create", "/pods/exec"), DETECT_LEVEL_NONE);
    assert_int_equal(level(image, "create", "/pods/ephemeralcontainers"), DETECT_LEVEL_REQUEST);
    assert_int_equal(level(image, "create", "/services"), DETECT_LEVEL_NONE);
    assert_int_equal(level(image, "create", "example.org/things"), DETECT_LEVEL_REQUEST);
    /* absent is an answer, but only of an object that is seen */
    assert_int_equal(level(not_root, "create", "/services"), DETECT_LEVEL_REQUEST);
    assert_int_equal(level(not_root, "get", "/services"), DETECT_LEVEL_METADATA);
    assert_int_equal(level(RULE(LABEL("dry_run") " = \"All\""), "delete", "/pods"), DETECT_LEVEL_REQUEST);
    assert_int_equal(level(RULE(LABEL("dry_run") " = \"All\""), "create", "/pods"), DETECT_LEVEL_METADATA);
    assert_int_equal(level(RULE(LABEL("team") " = \"x\""), "create", "/services"), DETECT_LEVEL_REQUEST);
    assert_int_equal(level("rule r { events: " PODS " outcome: $x = array_distinct(" LABEL("image") ") condition: $e }", "create", "/pods"),
                     DETECT_LEVEL_REQUEST);
}

static void test_what_the_answer_alone_has_needs_its_level(void **state)
{
    (void)state;
    assert_int_equal(level(RULE(LABEL("response.image") " = \"x\""), "update", "/pods"), DETECT_LEVEL_REQUEST_RESPONSE);
    assert_int_equal(level(RULE(LABEL("response_items") " = \"9\""), "list", "/pods"), DETECT_LEVEL_REQUEST_RESPONSE);
    assert_int_equal(level(RULE("$e.target.resource.name = \"x\""), "create", "/pods"), DETECT_LEVEL_REQUEST_RESPONSE);
    assert_int_equal(level(RULE(LABEL("kind") " = \"Pod\""), "create", "/pods"), DETECT_LEVEL_REQUEST_RESPONSE);
    assert_int_equal(level(RULE(LABEL("kind") " = \"Pod\""), "get", "/pods"), DETECT_LEVEL_REQUEST_RESPONSE);
    assert_int_equal(level(RULE(LABEL("kind") " = \"Pod\""), "update", "/pods"), DETECT_LEVEL_REQUEST);
    assert_int_equal(level(RULE(LABEL("kind") " = \"Pod\""), "delete", "/pods"), DETECT_LEVEL_REQUEST_RESPONSE);
    assert_int_equal(level(RULE("$e.target.resource.name = \"x\""), "delete", "/pods"), DETECT_LEVEL_METADATA);
    assert_int_equal(level(RULE("$e.target.resource.name = \"x\""), "update", "/pods"), DETECT_LEVEL_METADATA);
    assert_int_equal(level(RULE("$e.target.resource.product_object_id = \"x\""), "update", "/pods"), DETECT_LEVEL_REQUEST_RESPONSE);
}

static void test_a_url_is_met_by_what_names_it_may_have(void **state)
{
    static const char anchored[] = RULE("$e.target.url = /^\\/apis\\/batch\\/v1\\/namespaces\\/prod\\/jobs$/");
    static const char open[] = RULE("re.regex($e.target.url, `/(cronjobs|jobs)(/|$)`)");
    (void)state;
    assert_int_equal(level(anchored, "create", "batch/jobs"), DETECT_LEVEL_METADATA);
    assert_int_equal(level(anchored, "create", "batch/jobs/status"), DETECT_LEVEL_NONE);
    assert_int_equal(level(anchored, "create", "batch/cronjobs"), DETECT_LEVEL_NONE);
    assert_int_equal(level(anchored, "create", "/pods"), DETECT_LEVEL_NONE);
    assert_int_equal(level(anchored, "create", "batch/others"), DETECT_LEVEL_METADATA);
    assert_int_equal(level(open, "create", "/pods"), DETECT_LEVEL_METADATA);
    assert_int_equal(level(RULE("$e.target.url != /^\\/api/"), "create", "/pods"), DETECT_LEVEL_METADATA);
    assert_int_equal(level(RULE("$e.target.url = /^\\/api\\/v1\\/watch\\/pods$/"), "watch", "/pods"), DETECT_LEVEL_METADATA);
    assert_int_equal(level(RULE("$e.target.url = /^\\/\\/api\\/v1\\/pods$/"), "get", "/pods"), DETECT_LEVEL_METADATA);
}

static void test_a_namespace_that_is_named_is_told_apart(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, RULE(PODS LABEL("namespace") " = \"prod\""));
    struct detect_request request = request_of(&f, "create", "/pods");
    assert_int_equal(detect_needs_level(f.needs, 0, &request), DETECT_LEVEL_NONE);
    request.namespace = detect_needs_namespace(f.needs, 0);
    assert_true(slice_is(*request.namespace, "prod"));
    assert_int_equal(detect_needs_level(f.needs, 0, &request), DETECT_LEVEL_METADATA);
    assert_null(detect_needs_namespace(f.needs, 1));
    stop(&f);
}

static bool needs_received(const char *rules)
{
    struct fixture f;
    start(&f, rules);
    struct detect_request request = request_of(&f, "create", "/pods");
    bool found = detect_needs_request_received(f.needs, 0, &request);
    if (found)
        assert_int_not_equal(detect_needs_level(f.needs, 0, &request), DETECT_LEVEL_NONE);
    stop(&f);
    return found;
}

static void test_the_first_stage_is_needed_where_no_later_one_will_do(void **state)
{
    (void)state;
    assert_true(needs_received(RULE(LABEL("stage") " = \"RequestReceived\"")));
    assert_true(needs_received(RULE("$e.metadata.description = \"RequestReceived\" " PODS)));
    assert_true(needs_received(RULE("$e.metadata.description = /Received/")));
    assert_true(needs_received(RULE("$e.network.http.response_code = 0")));
    assert_true(needs_received(RULE("$e.network.http.response_code < 100 " PODS)));
    assert_true(needs_received(RULE(LABEL("code") " = \"\"")));
    assert_false(needs_received(RULE("$e.network.http.response_code < 101")));
    assert_false(needs_received(RULE("$e.metadata.description = /Response/")));
    assert_false(needs_received(RULE("$e.metadata.description = \"Panic\"")));
    assert_false(needs_received(RULE("$e.metadata.description = \"ResponseComplete\"")));
    assert_false(needs_received(RULE("not $e.metadata.description = \"ResponseStarted\"")));
    assert_false(needs_received(RULE(PODS)));
    assert_false(needs_received(RULE("$e.network.http.response_code < 400")));
    assert_false(needs_received(RULE(LABEL("stage") " = \"RequestReceived\" " LABEL("resource") " = \"jobs\"")));
    assert_false(needs_received(RULE(LABEL("image") " = \"x\" " LABEL("stage") " = \"RequestReceived\"")));
}

static void test_a_path_of_no_resource_has_no_objects(void **state)
{
    struct fixture f;
    struct detect_request request = {.verb = SLICE("get"), .is_resource = false};
    (void)state;
    start(&f, RULE("$e.target.url = \"/version\"") "rule s { events: " LABEL("image") " = \"x\" condition: $e }"
                                                                                      "rule t { events: " PODS " condition: $e }");
    assert_int_equal(detect_needs_level(f.needs, 0, &request), DETECT_LEVEL_METADATA);
    assert_int_equal(detect_needs_level(f.needs, 1, &request), DETECT_LEVEL_NONE);
    assert_int_equal(detect_needs_level(f.needs, 2, &request), DETECT_LEVEL_NONE);
    stop(&f);
}

static void test_rules_that_know_resources_by_their_url_are_told(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, RULE("$e.target.url = /jobs/") "rule s { events: $e.target.url = /jobs/ " PODS " condition: $e }");
    assert_true(detect_needs_tells_by_url(f.needs, 0));
    assert_false(detect_needs_tells_by_url(f.needs, 1));
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_rules_level_is_that_of_what_its_conditions_read),
        cmocka_unit_test(test_a_levels_name_is_that_of_a_policy),
        cmocka_unit_test(test_a_rule_concerns_what_its_conditions_let_through),
        cmocka_unit_test(test_what_cannot_be_told_counts_as_concerned),
        cmocka_unit_test(test_a_resource_that_is_not_listed_is_none_that_is),
        cmocka_unit_test(test_content_of_the_request_needs_its_level),
        cmocka_unit_test(test_what_the_answer_alone_has_needs_its_level),
        cmocka_unit_test(test_a_url_is_met_by_what_names_it_may_have),
        cmocka_unit_test(test_a_namespace_that_is_named_is_told_apart),
        cmocka_unit_test(test_the_first_stage_is_needed_where_no_later_one_will_do),
        cmocka_unit_test(test_a_path_of_no_resource_has_no_objects),
        cmocka_unit_test(test_rules_that_know_resources_by_their_url_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
