/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/deliver.h"
#include "harrier/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct deliver_destination_config destinations[] = {
    {.name = "soc", .type = DELIVER_SLACK, .url = "https://chat.example/x"},
    {.name = "soar", .type = DELIVER_WEBHOOK, .url = "https://soar.example/x"},
    {.name = "trail", .type = DELIVER_FILE, .path = "alerts.ndjson"},
};

#define TEXT(literal) {(literal), sizeof(literal) - 1} /* SLICE is no constant of a static's */

static const struct slice groups[] = {TEXT("devs"), TEXT("system:authenticated")};
static const struct slice source_ips[] = {TEXT("203.0.113.7")};
static const struct slice tactics[] = {TEXT("TA0003"), TEXT("TA0004")};
static const struct slice techniques[] = {TEXT("T1053.007")};
static const struct slice log_types[] = {TEXT("K8S_AUDIT")};
static const struct alert_fields alert = {
    .cluster = TEXT("prod-eu-1"),
    .severity = TEXT("HIGH"),
    .risk_score = 85,
    .title = TEXT("dev-alice: create cronjobs"),
    .rule = TEXT("k8s_cronjob"),
    .techniques = techniques,
    .technique_count = 1,
    .tactics = tactics,
    .tactic_count = 2,
    .user = TEXT("dev-alice"),
    .groups = groups,
    .group_count = 2,
    .source_ips = source_ips,
    .source_ip_count = 1,
    .user_agent = TEXT("kubectl/v1.34"),
    .verb = TEXT("create"),
    .resource = TEXT("cronjobs"),
    .api_group = TEXT("batch"),
    .namespace = TEXT("default"),
    .name = TEXT("a b"),
    .response_code = 201,
    .decision = TEXT("allow"),
    .log_types = log_types,
    .log_type_count = 1,
};

static struct deliver_routes *compile(const char *when, struct diagnostics *diagnostics)
{
    static const char *const to[] = {"soc"};
    struct deliver_route_config route = {.when = when, .to = to, .to_count = 1, .line = 7, .column = 12};
    return deliver_routes_new(&route, 1, destinations, 3, "harrier.yaml", diagnostics);
}

static bool holds_for(const char *when, struct alert_fields fields)
{
    struct diagnostics *diagnostics = diagnostics_new();
    struct deliver_routes *routes = compile(when, diagnostics);
    if (routes == NULL)
        diagnostics_print(diagnostics, stderr);
    assert_non_null(routes);
    const char *names[DELIVER_DESTINATIONS_MAX];
    size_t count = deliver_route(routes, &fields, names);
    deliver_routes_free(routes);
    diagnostics_free(diagnostics);
    return count == 1;
}

static void test_conditions_decide_over_every_field(void **state)
{
    static const struct {
        const char *when;
        bool holds;
    } cases[] = {
        {"severity >= HIGH", true},
        {"severity > HIGH", false},
        {"severity = high", true},
        {"severity != HIGH", false},
        {"severity <= MEDIUM", false},
        {"severity < CRITICAL", true},
        {"severity in [HIGH, CRITICAL]", true},
        {"severity not in [HIGH, CRITICAL]", false},
        {"risk_score >= 85", true},
        {"risk_score > 85", false},
        {"risk_score < 85.5", true},
        {"risk_score = 85", true},
        {"rule = k8s_cronjob", true},
        {"rule =~ \"^k8s_\"", true},
        {"rule =~ \"^cronjob\"", false},
        {"rule !~ cron", false},
        {"cluster = prod-eu-1", true},
        {"title =~ 'alice.*cron'", true},
        {"user = dev-alice", true},
        {"user = DEV-ALICE", false},
        {"group = devs", true},
        {"group = \"system:authenticated\"", true},
        {"group = system:authenticated", true},
        {"group != devs", false},
        {"group != admins", true},
        {"group not in [a, b]", true},
        {"group =~ \"^system:\"", true},
        {"group !~ \"^system:\"", false},
        {"source_ip = 203.0.113.7", true},
        {"user_agent = kubectl/v1.34", true},
        {"impersonated = ''", true},
        {"verb in [create, patch] and resource = cronjobs", true},
        {"subresource = \"\"", true},
        {"api_group = batch", true},
        {"namespace != kube-system", true},
        {"name = \"a b\"", true},
        {"decision = allow", true},
        {"response_code >= 400", false},
        {"response_code = 201", true},
        {"dry_run = false", true},
        {"dry_run = true", false},
        {"tactic = TA0004", true},
        {"technique = T1053", true},
        {"technique = T1053.007", true},
        {"technique = T105", false},
        {"technique in [T1, T1053.007]", true},
        {"technique != T1053", false},
        {"log_type = K8S_AUDIT", true},
        {"not severity = LOW", true},
        {"not not severity = LOW", false},
        {"severity = LOW or verb = create", true},
        {"severity = LOW and verb = create or rule = k8s_cronjob", true},
        {"severity = LOW and (verb = create or rule = k8s_cronjob)", false},
        {"NOT (severity = LOW) AND verb = create", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (holds_for(cases[i].when, alert) != cases[i].holds)
            print_error("%s\n", cases[i].when);
        assert_int_equal(holds_for(cases[i].when, alert), cases[i].holds);
    }
}

static void test_what_an_alert_lacks_is_empty(void **state)
{
    (void)state;
    assert_true(holds_for("namespace = ''", (struct alert_fields){0}));
    assert_true(holds_for("namespace != prod", (struct alert_fields){0}));
    assert_false(holds_for("technique = T1053", (struct alert_fields){0}));
    assert_true(holds_for("technique != T1053", (struct alert_fields){0}));
    assert_true(holds_for("risk_score = 0", (struct alert_fields){0}));
}

static void test_a_severity_that_is_none_is_routed_as_the_highest(void **state)
{
    (void)state;
    assert_true(holds_for("severity >= HIGH", (struct alert_fields){.severity = SLICE("SEVRE")}));
    assert_true(holds_for("severity > CRITICAL", (struct alert_fields){.severity = SLICE("SEVRE")}));
    assert_false(holds_for("severity <= CRITICAL", (struct alert_fields){.severity = SLICE("SEVRE")}));
}

static void test_a_regex_that_is_given_up_counts_as_a_match_both_ways(void **state)
{
    const struct alert_fields fields = {.title = SLICE("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!")};
    (void)state;
    assert_true(holds_for("title =~ \"^(a+)+$\"", fields));
    assert_true(holds_for("title !~ \"^(a+)+$\"", fields));
}

static void test_errors_name_the_column_and_what_to_do(void **state)
{
    static const struct {
        const char *when;
        uint32_t column; /* in the condition */
        const char *text;
    } cases[] = {
        {"", 1, "a field is missing here"},
        {"severity", 9, "a comparison is missing here"},
        {"severity >=", 12, "a value is missing here"},
        {"severity >= SEVERE", 13, "INFO, LOW, MEDIUM, HIGH, CRITICAL"},
        {"severty >= HIGH", 1, "did you mean severity?"},
        {"xyzzyxyzzy = 1", 1, "take one of severity"},
        {"user > bob", 6, "has no order"},
        {"risk_score >= high", 15, "write one, as in risk_score >= 80"},
        {"risk_score =~ 8", 12, "is no text"},
        {"dry_run = maybe", 11, "true or false"},
        {"user = a b", 10, "expected and, or, or the end"},
        {"(user = a", 10, "that ends what began at column 1"},
        {"user = a)", 9, "expected and, or, or the end"},
        {"user in a", 9, "as in [a, b]"},
        {"user in [a b]", 12, "commas between values"},
        {"user in [a,", 12, "a value is missing here"},
        {"user = \"a", 8, "does not end"},
        {"user = a*", 9, "between double quotes"},
        {"user =~ \"a(\"", 12, "regular expression is wrong here"},
        {"user =~", 8, "a regular expression is missing here"},
        {"user not = a", 10, "a comparison is missing here"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct diagnostics *diagnostics = diagnostics_new();
        struct deliver_routes *routes = compile(cases[i].when, diagnostics);
        assert_null(routes);
        assert_int_equal(diagnostics_count(diagnostics), 1);
        const struct diagnostic *diagnostic = diagnostics_at(diagnostics, 0);
        if (diagnostic->column != 11 + cases[i].column || strstr(diagnostic->message, cases[i].text) == NULL)
            print_error("%s: %u: %s\n", cases[i].when, diagnostic->column - 11, diagnostic->message);
        assert_string_equal(diagnostic->file, "harrier.yaml");
        assert_int_equal(diagnostic->line, 7);
        assert_int_equal(diagnostic->column, 11 + cases[i].column);
        assert_non_null(strstr(diagnostic->message, cases[i].text));
        diagnostics_free(diagnostics);
    }
}

static void test_bounds_of_nesting_and_length_are_errors(void **state)
{
    char deep[400];
    (void)state;
    memset(deep, '(', 200);
    strcpy(deep + 200, "user = a");
    struct diagnostics *diagnostics = diagnostics_new();
    assert_null(compile(deep, diagnostics));
    assert_non_null(strstr(diagnostics_at(diagnostics, 0)->message, "parentheses"));
    diagnostics_free(diagnostics);

    char *lengthy = xmalloc(20000);
    memset(lengthy, ' ', 19999);
    lengthy[19999] = '\0';
    diagnostics = diagnostics_new();
    assert_null(compile(lengthy, diagnostics));
    assert_non_null(strstr(diagnostics_at(diagnostics, 0)->message, "longer than"));
    diagnostics_free(diagnostics);
    free(lengthy);
}

static void test_every_route_that_matches_counts_and_each_destination_once(void **state)
{
    static const char *const first[] = {"trail", "soc"}, *const second[] = {"soc", "soar"}, *const third[] = {"trail"};
    const struct deliver_route_config configs[] = {
        {.when = "severity >= HIGH", .to = first, .to_count = 2},
        {.when = "user = bob", .to = second, .to_count = 2},
        {.to = third, .to_count = 1},
    };
    (void)state;
    struct diagnostics *diagnostics = diagnostics_new();
    struct deliver_routes *routes = deliver_routes_new(configs, 3, destinations, 3, "f", diagnostics);
    const char *names[DELIVER_DESTINATIONS_MAX];
    struct alert_fields fields = {.severity = SLICE("HIGH"), .user = SLICE("bob")};
    assert_int_equal(deliver_route(routes, &fields, names), 3);
    assert_string_equal(names[0], "soc");
    assert_string_equal(names[1], "soar");
    assert_string_equal(names[2], "trail");
    fields = (struct alert_fields){.severity = SLICE("LOW")};
    assert_int_equal(deliver_route(routes, &fields, names), 1);
    assert_string_equal(names[0], "trail");
    deliver_routes_free(routes);
    diagnostics_free(diagnostics);
}

static void test_an_alert_that_no_route_wants_goes_nowhere(void **state)
{
    struct diagnostics *diagnostics = diagnostics_new();
    struct deliver_routes *routes = deliver_routes_new(NULL, 0, destinations, 3, "f", diagnostics);
    const char *names[DELIVER_DESTINATIONS_MAX];
    struct alert_fields fields = {.severity = SLICE("HIGH")};
    (void)state;
    assert_non_null(routes);
    assert_int_equal(deliver_route(routes, &fields, names), 0);
    deliver_routes_free(routes);
    diagnostics_free(diagnostics);
}

static void test_all_errors_of_all_routes_are_reported(void **state)
{
    static const char *const to[] = {"sox", "nowhere"};
    const struct deliver_route_config configs[] = {
        {.when = "user >", .to = to, .to_count = 2, .line = 3, .column = 9},
        {.when = NULL, .to = NULL, .to_count = 0, .line = 4},
    };
    (void)state;
    struct diagnostics *diagnostics = diagnostics_new();
    assert_null(deliver_routes_new(configs, 2, destinations, 3, "f", diagnostics));
    assert_int_equal(diagnostics_count(diagnostics), 4);
    assert_non_null(strstr(diagnostics_at(diagnostics, 1)->message, "did you mean soc"));
    assert_non_null(strstr(diagnostics_at(diagnostics, 3)->message, "goes nowhere"));
    diagnostics_free(diagnostics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conditions_decide_over_every_field),
        cmocka_unit_test(test_what_an_alert_lacks_is_empty),
        cmocka_unit_test(test_a_severity_that_is_none_is_routed_as_the_highest),
        cmocka_unit_test(test_a_regex_that_is_given_up_counts_as_a_match_both_ways),
        cmocka_unit_test(test_errors_name_the_column_and_what_to_do),
        cmocka_unit_test(test_bounds_of_nesting_and_length_are_errors),
        cmocka_unit_test(test_every_route_that_matches_counts_and_each_destination_once),
        cmocka_unit_test(test_an_alert_that_no_route_wants_goes_nowhere),
        cmocka_unit_test(test_all_errors_of_all_routes_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
