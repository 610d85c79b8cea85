/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/yaral/rules.h"

#include "harrier/base/buffer.h"

/* The only predicate but the first (log_type) of a good rule. */
static const struct yaral_expr *second_predicate(const struct rules *rules)
{
    const struct yaral_rule *rule = yaral_ruleset_at(rules->ruleset, 0);
    assert_true(rule->predicate_count >= 2);
    return rule->predicates[1];
}

static void test_the_seed_rule_is_read_byte_for_byte(void **state)
{
    (void)state;
    FILE *file = fopen("tests/data/yaral/seed.yaral", "rb");
    struct buffer text = {0};
    char bytes[4096];
    size_t length;
    assert_non_null(file);
    while ((length = fread(bytes, 1, sizeof bytes, file)) > 0)
        buffer_append(&text, bytes, length);
    fclose(file);
    buffer_append(&text, "", 1);
    struct rules rules = expect_good(text.bytes);
    const struct yaral_rule *rule = yaral_ruleset_at(rules.ruleset, 0);
    assert_true(slice_is(rule->name, "kubernetes_suspicious_cronjob_job_creation"));
    assert_true(slice_is(yaral_rule_meta(rule, "severity"), "HIGH"));
    assert_true(slice_is(rule->text, text.bytes));
    assert_int_equal(strlen(rule->sha256), 64);
    assert_int_equal(rule->event_count, 1);
    assert_int_equal(rule->predicate_count, 5);
    assert_int_equal(rule->predicates[0]->kind, YARAL_EXPR_OR);
    assert_int_equal(rule->predicates[1]->operand_count, 3);
    assert_int_equal(rule->predicates[2]->kind, YARAL_EXPR_CALL);
    assert_true(slice_is(rule->predicates[2]->source, "re.regex($e.target.url, `/(cronjobs|jobs)(/|$)`)"));
    assert_int_equal(rule->predicates[3]->operand_count, 6);
    assert_int_equal(rule->predicates[3]->operands[2]->at.line, 21);
    assert_int_equal(rule->predicates[4]->kind, YARAL_EXPR_NOT);
    assert_true(slice_is(rule->predicates[4]->operands[0]->source,
                         "$e.principal.user.userid = /^system:(serviceaccount:kube-system|node:|component:)/"));
    assert_int_equal(rule->condition->kind, YARAL_EXPR_EVENT);
    rules_free(&rules);
    buffer_free(&text);
}

static void test_an_explicit_operator_binds_before_the_end_of_a_predicate(void **state)
{
    (void)state;
    struct rules rules = expect_good(EVENTS("$e.target.port = 1\nor $e.target.port = 2 and $e.principal.port = 3\n$e.src.port = 4"));
    const struct yaral_expr * or = second_predicate(&rules);
    assert_int_equal(yaral_ruleset_at(rules.ruleset, 0)->predicate_count, 3);
    assert_int_equal(or->kind, YARAL_EXPR_OR);
    assert_int_equal(or->operands[1]->kind, YARAL_EXPR_AND);
    rules_free(&rules);
}

static void test_not_binds_to_the_next_comparison(void **state)
{
    (void)state;
    struct rules rules = expect_good(EVENTS("(not $e.target.port = 1 or $e.target.port = 2)"));
    const struct yaral_expr * or = second_predicate(&rules);
    assert_int_equal(or->operands[0]->kind, YARAL_EXPR_NOT);
    assert_true(slice_is(or->operands[0]->operands[0]->source, "$e.target.port = 1"));
    assert_true(slice_is(or->source, "(not $e.target.port = 1 or $e.target.port = 2)"));
    rules_free(&rules);
}

static void test_chains_are_flat(void **state)
{
    (void)state;
    struct rules rules = expect_good(EVENTS("$e.target.port = 1 or ($e.target.port = 2 or $e.target.port = 3) or $e.target.port = 4"));
    assert_int_equal(second_predicate(&rules)->operand_count, 4);
    rules_free(&rules);
    rules = expect_good(EVENTS("$e.target.port = 1 and ($e.src.port = 2 and $e.principal.port = 3)"));
    assert_int_equal(yaral_ruleset_at(rules.ruleset, 0)->predicate_count, 4);
    rules_free(&rules);
}

static void test_a_literal_on_the_left_changes_sides(void **state)
{
    (void)state;
    struct rules rules = expect_good(EVENTS("1024 < $e.target.port"));
    const struct yaral_expr *compare = second_predicate(&rules);
    assert_int_equal(compare->op, YARAL_OP_GREATER);
    assert_int_equal(compare->operands[0]->kind, YARAL_EXPR_FIELD);
    assert_int_equal(compare->operands[1]->literal.integer, 1024);
    assert_true(slice_is(compare->source, "1024 < $e.target.port"));
    rules_free(&rules);
}

static void test_parentheses_hold_conditions_or_arithmetic(void **state)
{
    (void)state;
    accept_rule(EVENTS("($e.target.port + 2) * 3 = 9"));
    accept_rule(EVENTS("100 < ($e.target.port + 10) * 2"));
    accept_rule(EVENTS("(($e.target.port = 1))"));
    accept_rule(EVENTS("$e.principal.hostname = \"x\" nocase\n($e.target.port = 1 or $e.target.port = 2)"));
}

static void test_meta_keeps_what_is_written(void **state)
{
    (void)state;
    struct rules rules = expect_good(
        "rule r { meta: a = \"x\\d\\\"\" b = 5 c = true d = `y\\` e = -2.5 events: $e.metadata.log_type = \"L\" condition: $e }");
    const struct yaral_rule *rule = yaral_ruleset_at(rules.ruleset, 0);
    assert_int_equal(rule->meta_count, 5);
    assert_true(slice_is(yaral_rule_meta(rule, "a"), "x\\d\""));
    assert_true(slice_is(yaral_rule_meta(rule, "b"), "5"));
    assert_true(slice_is(yaral_rule_meta(rule, "c"), "true"));
    assert_true(slice_is(yaral_rule_meta(rule, "d"), "y\\"));
    assert_true(slice_is(yaral_rule_meta(rule, "e"), "-2.5"));
    assert_int_equal(yaral_rule_meta(rule, "none").length, 0);
    rules_free(&rules);
}

static void test_keywords_are_so_in_any_case(void **state)
{
    (void)state;
    accept_rule("RULE r { META: a = \"b\" EVENTS: NOT $e.metadata.log_type = \"L\" OR $e.target.port = 3 AND ANY $e.principal.ip = \"x\" "
                "NOCASE CONDITION: $e }");
}

static void test_a_byte_order_mark_is_no_part_of_the_text(void **state)
{
    (void)state;
    struct rules rules = expect_good("\xef\xbb\xbfrule r { meta: events: $e.metadata.log_type = \"L\" condition: $e }");
    assert_int_equal(yaral_ruleset_at(rules.ruleset, 0)->at.column, 1);
    rules_free(&rules);
}

static void test_many_rules_may_stand_in_one_file_under_names_of_their_own(void **state)
{
    (void)state;
#define SMALL(name) "rule " name " { meta: events: $e.metadata.log_type = \"L\" condition: $e }\n"
    struct rules rules = rules_load(SMALL("a") SMALL("b"), (struct yaral_options){0});
    assert_int_equal(yaral_ruleset_count(rules.ruleset), 2);
    rules_free(&rules);
    expect_error(SMALL("a") SMALL("b") SMALL("a"), 3, 6, "already, in test.yaral:1");
    rules = rules_load(SMALL("a") "rule b { meta: }\n" SMALL("c"), (struct yaral_options){0});
    assert_int_equal(yaral_ruleset_count(rules.ruleset), 2);
    assert_int_equal(rules.result, RESULT_INVALID);
    rules_free(&rules);
}

static void test_sections_are_complete_and_in_order(void **state)
{
    (void)state;
    expect_error("rule r {\n meta: events: $e.metadata.log_type = \"L\"\n}", 1, 6, "no `condition`");
    expect_error("rule r {\n meta: condition: $e\n}", 1, 6, "no `events`");
    expect_error(META "condition: $e\noutcome: $x = 1\n}", 5, 1, "before `condition`");
    expect_error(META "conditon: $e\n}", 4, 1, "did you mean `condition`?");
    expect_error(META "condition: $e\ncondition: $e\n}", 5, 1, "the first stands in line 4");
    expect_error(META "condition: $e\nfoo: bar baz\n}", 5, 1, "unknown section `foo`");
    expect_error(META "condition:\n}", 5, 1, "empty");
    expect_error("rule r {\nfoo\nevents: $e.metadata.log_type = \"L\" condition: $e\n}", 2, 1, "expected a section");
}

static void test_a_rule_is_closed(void **state)
{
    (void)state;
    expect_error(META "condition: $e\n", 5, 1, "`}` is missing");
    expect_error(META "condition: $e\nrule s { meta: events: $e.metadata.log_type = \"L\" condition: $e }", 5, 1, "`}` is missing");
    expect_error(META "condition: $e\n}\n}", 6, 1, "expected a rule");
    expect_error("rule a-b { }", 1, 7, "expected `{`");
    expect_error("rule r { /* never closed", 1, 10, "comment");
    expect_warning("// nothing", 1, 1, "no rule");
}

static void test_an_incomplete_condition_is_reported_where_the_parser_stood(void **state)
{
    (void)state;
    expect_error(EVENTS("($e.principal.hostname = \"a\" or)"), 4, 32, "expected a condition or a value");
    expect_error(EVENTS("$e.principal.hostname"), 4, 1, "is a value, not a condition");
    expect_error(EVENTS("$e.principal.hostname =\n)"), 5, 1, "after `=`");
    expect_error(EVENTS("$e.principal.hostname =\n$e.target.hostname = \"x\""), 5, 20, "missing after `=` in line 4");
    expect_error(EVENTS("hostname = \"a\""), 4, 1, "unexpected `hostname`");
    expect_error(EVENTS("$e.principal.hostname in (\"a\")"), 4, 26, "expected a list");
    expect_error(EVENTS("$e.principal.hostname = \"a\\d\""), 4, 27, "unknown escape");
    expect_error(EVENTS("!$e.target.port = 1"), 4, 1, "`not`");
    expect_error(EVENTS("$e.target.port = 99999999999999999999"), 4, 18, "64 bits");
    expect_error(EVENTS("re.regex($e.principal.hostname `x`)"), 4, 32, "`,` or the `)`");
    expect_error(EVENTS("$e.principal.ip[x] = \"a\""), 4, 17, "an index");
}

static void test_the_implicit_and_does_not_work_in_parentheses(void **state)
{
    (void)state;
    expect_error(EVENTS("($e.target.port = 1\n$e.src.port = 2)"), 5, 1, "`and` or `or` is missing");
    expect_error(EVENTS("($e.target.port = 1\n$e.src.port = 2\n$e.principal.port = 3"), 5, 1, "`)` is missing");
    expect_error(META "condition: $e $e\n}", 4, 15, "`and` or `or` is missing");
    expect_error(META "condition: $e, $e\n}", 4, 14, "comma");
}

static void test_all_errors_of_a_file_are_reported(void **state)
{
    (void)state;
    struct rules rules = rules_load(EVENTS("$e.principal.usr = \"a\"\n$e.target.port\n$e.target.port = \"x\"\n($e.target.port = 3 "
                                           "or)\n$e.principal.hostname = \"y\nstrings.contain($e.principal.hostname, \"z\")"),
                                    (struct yaral_options){0});
    for (uint32_t line = 4; line <= 9; line++) {
        size_t here = 0;
        for (size_t i = 0; i < diagnostics_count(rules.diagnostics); i++)
            here += diagnostics_at(rules.diagnostics, i)->line == line;
        assert_int_equal(here, 1);
    }
    assert_int_equal(diagnostics_count(rules.diagnostics), 6);
    assert_int_equal(yaral_ruleset_count(rules.ruleset), 0);
    rules_free(&rules);
}

static void test_match_needs_variables_and_a_duration(void **state)
{
    (void)state;
#define MATCH(line) META "$u = $e.principal.user.userid\nmatch:\n" line "\ncondition: $e\n}"
    accept_rule(MATCH("$u over 5m"));
    accept_rule(MATCH("$u by 1h tumbling"));
    accept_rule(MATCH("$u over 90s after $e"));
    expect_error(MATCH("$u 5m"), 6, 4, "`over`");
    expect_error(MATCH("u over 5m"), 6, 1, "`$u`");
    expect_error(MATCH("$u over every 5m"), 6, 9, "no `over every`");
    expect_error(MATCH("$u over 5w"), 6, 9, "no duration");
    expect_error(MATCH("$u over 5"), 6, 9, "expected a duration");
    expect_error(MATCH("$u over 5m after"), 7, 1, "event variable");
    expect_error(MATCH("$u over 5m $u"), 6, 12, "end of the match section");
}

static void test_nesting_is_bounded(void **state)
{
    (void)state;
    struct buffer text = {0};
    static const struct {
        const char *opener;
        uint32_t column; /* of the first that is too deep */
    } cases[] = {{"(", 201}, {"not ", 797}, {"strings.concat(", 3001}, {"if(", 601}, {"1 + ", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buffer_reset(&text, 0);
        buffer_append_text(&text, META);
        for (int depth = 0; depth < 20000; depth++)
            buffer_append_text(&text, cases[i].opener);
        buffer_append_text(&text, "1 = 1\ncondition: $e\n}");
        expect_error(text.bytes, 4, cases[i].column, "nested more than 200");
    }
    buffer_free(&text);
}

static void test_a_long_chain_is_not_deep(void **state)
{
    (void)state;
    struct buffer text = {0};
    buffer_append_text(&text, META "$e.target.port = 0");
    for (int i = 1; i < 3000; i++)
        buffer_printf(&text, "\nor $e.target.port = %d", i);
    buffer_append_text(&text, "\ncondition: $e\n}");
    struct rules rules = expect_good(text.bytes);
    assert_int_equal(second_predicate(&rules)->operand_count, 3000);
    rules_free(&rules);
    buffer_free(&text);
}

static void test_a_file_over_the_bound_is_refused(void **state)
{
    (void)state;
    size_t length = 1024 * 1024 + 1;
    char *text = malloc(length + 1);
    memset(text, ' ', length);
    text[length] = '\0';
    struct rules rules = rules_load(text, (struct yaral_options){0});
    assert_int_equal(rules.result, RESULT_LIMIT);
    assert_int_equal(diagnostics_count(rules.diagnostics), 1);
    rules_free(&rules);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_seed_rule_is_read_byte_for_byte),
        cmocka_unit_test(test_an_explicit_operator_binds_before_the_end_of_a_predicate),
        cmocka_unit_test(test_not_binds_to_the_next_comparison),
        cmocka_unit_test(test_chains_are_flat),
        cmocka_unit_test(test_a_literal_on_the_left_changes_sides),
        cmocka_unit_test(test_parentheses_hold_conditions_or_arithmetic),
        cmocka_unit_test(test_meta_keeps_what_is_written),
        cmocka_unit_test(test_keywords_are_so_in_any_case),
        cmocka_unit_test(test_a_byte_order_mark_is_no_part_of_the_text),
        cmocka_unit_test(test_many_rules_may_stand_in_one_file_under_names_of_their_own),
        cmocka_unit_test(test_sections_are_complete_and_in_order),
        cmocka_unit_test(test_a_rule_is_closed),
        cmocka_unit_test(test_an_incomplete_condition_is_reported_where_the_parser_stood),
        cmocka_unit_test(test_the_implicit_and_does_not_work_in_parentheses),
        cmocka_unit_test(test_all_errors_of_a_file_are_reported),
        cmocka_unit_test(test_match_needs_variables_and_a_duration),
        cmocka_unit_test(test_nesting_is_bounded),
        cmocka_unit_test(test_a_long_chain_is_not_deep),
        cmocka_unit_test(test_a_file_over_the_bound_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
