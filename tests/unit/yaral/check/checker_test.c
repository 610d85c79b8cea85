/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/yaral/rules.h"

#define LIST_OPTIONS ((struct yaral_options){.allow_match = true})

static void expect_unsupported(const char *text, uint32_t line, uint32_t column, const char *words)
{
    struct rules rules = rules_load(text, LIST_OPTIONS);
    assert_int_equal(rules.result, RESULT_UNSUPPORTED);
    rules_free(&rules);
    expect_one(text, LIST_OPTIONS, DIAGNOSTIC_UNSUPPORTED, line, column, words);
}

/* --- fields and comparisons ----------------------------------------------------------------------------------------------------------- */

static void test_windows_that_do_not_run_are_refused_by_name_with_their_line(void **state)
{
    (void)state;
    expect_one(META "$e.target.port = 22 condition: $e\noptions: suppression_window = 1h\n}", (struct yaral_options){0}, DIAGNOSTIC_ERROR, 5, 10,
               "suppression windows do not run in this version");
    expect_one(META "$u = $e.principal.user.userid\nmatch: $u over 1h condition: $e }", (struct yaral_options){0}, DIAGNOSTIC_ERROR, 5, 1,
               "do not run in this version");
}

static void test_fields_are_those_of_udm(void **state)
{
    (void)state;
    expect_error(EVENTS("$e.principal.usr.userid = \"x\""), 4, 14, "did you mean `user`?");
    expect_error(EVENTS("$e.principal = \"x\""), 4, 4, "message");
    expect_error(EVENTS("$e.principal.hostname[0] = \"x\""), 4, 14, "index");
    expect_error(EVENTS("$e.metadata.event_timestamp > 5"), 4, 1, ".seconds");
    accept_rule(EVENTS("$e.udm.principal.ip[0] = \"x\"\n$e.metadata.event_timestamp.seconds > 5\n$e.additional.fields[\"a\"] = \"b\""));
}

static void test_literals_become_what_they_are_compared_with(void **state)
{
    (void)state;
    struct rules rules = expect_good(EVENTS("$e.metadata.event_type = \"USER_LOGIN\"\n\"PROCESS_LAUNCH\" <= $e.metadata.event_type"));
    const struct yaral_rule *rule = yaral_ruleset_at(rules.ruleset, 0);
    assert_int_equal(rule->predicates[1]->operands[1]->type, YARAL_ENUM);
    assert_string_equal(
        udm_enum_name(rule->predicates[1]->operands[1]->literal.enumeration, (int32_t)rule->predicates[1]->operands[1]->literal.integer),
        "USER_LOGIN");
    assert_int_equal(rule->predicates[2]->op, YARAL_OP_GREATER_EQUAL);
    rules_free(&rules);
    expect_error(EVENTS("$e.metadata.event_type = \"USER_LOGN\""), 4, 26, "did you mean `USER_LOGIN`?");
    expect_error(EVENTS("$e.metadata.event_type = \"SetValue\""), 4, 26, "no value `SetValue`");
    expect_error(EVENTS("$e.metadata.event_type = 3"), 4, 26, "name of a value");
    expect_warning(EVENTS("$e.target.port = \"22\""), 4, 18, "without quotes");
    expect_error(EVENTS("$e.target.port = \"ssh\""), 4, 18, "type mismatch");
    expect_error(EVENTS("$e.target.port = \"\""), 4, 18, "type mismatch");
    expect_error(EVENTS("$e.principal.hostname = 5"), 4, 25, "in quotes");
    expect_error(EVENTS("$e.principal.hostname = true"), 4, 25, "type mismatch");
}

static void test_both_sides_cannot_be_literals(void **state)
{
    (void)state;
    expect_error(EVENTS("\"a\" = \"b\""), 4, 1, "both sides");
    expect_error(EVENTS("1 in %x"), 4, 1, "literal");
}

static void test_types_must_agree(void **state)
{
    (void)state;
    expect_error(EVENTS("$e.principal.hostname = $e.target.port"), 4, 1, "type mismatch");
    expect_error(EVENTS("$e.principal.hostname < \"x\""), 4, 1, "orders numbers");
    expect_error(EVENTS("$e.metadata.event_type = \"USER_LOGIN\" nocase"), 4, 39, "`nocase`");
    expect_error(EVENTS("$e.target.port = 5 nocase"), 4, 20, "`nocase`");
    expect_error(EVENTS("$e.metadata.event_type = /LOGIN/"), 4, 26, "regex searches strings");
    expect_error(EVENTS("$e.principal.hostname < /x/"), 4, 25, "behind `=`");
    expect_error(EVENTS("strings.split($e.principal.hostname) = \"x\""), 4, 1, "list");
    expect_error(EVENTS("strings.to_lower($e.principal.hostname)"), 4, 1, "not true or false");
    expect_error(EVENTS("$e.target.port + \"x\" = 3"), 4, 18, "arithmetic");
    accept_rule(EVENTS("re.regex($e.principal.hostname, `x`) = true"));
}

static void test_regexes_are_compiled(void **state)
{
    (void)state;
    struct rules rules = expect_good(EVENTS("(/^a\\/b/ != $e.principal.hostname nocase)"));
    const struct yaral_expr *compare = yaral_ruleset_at(rules.ruleset, 0)->predicates[1];
    assert_int_equal(compare->operands[1]->kind, YARAL_EXPR_REGEX);
    assert_true(slice_is(regex_pattern(compare->operands[1]->regex), "^a/b"));
    assert_int_equal(compare->op, YARAL_OP_NOT_EQUAL);
    assert_true(compare->nocase);
    rules_free(&rules);
    expect_error(EVENTS("$e.principal.hostname = /a(b/"), 4, 25, "regex");
    expect_error(EVENTS("$e.principal.hostname = /(?!a)b/"), 4, 25, "RE2");
    expect_error(EVENTS("re.regex($e.principal.hostname, `(a)\\1`)"), 4, 33, "RE2");
    expect_error(EVENTS("re.capture($e.principal.hostname, `(a)(b)`) = \"a\""), 4, 35, "group");
    expect_warning(EVENTS("$e.principal.hostname = /.*a/"), 4, 25, "`.*`");
}

static void test_functions_are_known_and_their_arguments_right(void **state)
{
    (void)state;
    expect_error(EVENTS("strings.contain($e.principal.hostname, \"x\")"), 4, 1, "did you mean `strings.contains`?");
    expect_error(EVENTS("net.ip_in_range_cidr($e.principal.ip, \"10.0.0.0/33\")"), 4, 39, "range");
    expect_error(EVENTS("max($e.target.port) > 5"), 4, 1, "outcome only");
    expect_error(EVENTS("strings.to_lower($e.principal.usr) = \"x\""), 4, 31, "usr");
}

static void test_functions_nest_20_deep_and_no_deeper(void **state)
{
    (void)state;
    char text[2048];
    for (int depth = 20; depth <= 21; depth++) {
        strcpy(text, META);
        for (int i = 0; i < depth; i++)
            strcat(text, "strings.to_lower(");
        strcat(text, "$e.principal.hostname");
        for (int i = 0; i < depth; i++)
            strcat(text, ")");
        strcat(text, " = \"x\"\ncondition: $e\n}");
        if (depth == 20)
            accept_rule(text);
        else
            expect_error(text, 4, 20 * 17 + 1, "nested more than 20");
    }
}

/* --- any, all, lists ------------------------------------------------------------------------------------------------------------------- */

static void test_any_and_all_stand_before_repeated_fields_only(void **state)
{
    (void)state;
    struct rules rules = expect_good(EVENTS("any $e.principal.ip = \"a\"\nnet.ip_in_range_cidr(all $e.target.ip, \"10.0.0.0/8\")"));
    const struct yaral_rule *rule = yaral_ruleset_at(rules.ruleset, 0);
    assert_int_equal(rule->predicates[1]->operands[0]->field.quantifier, YARAL_ANY);
    assert_int_equal(rule->predicates[2]->operands[0]->field.quantifier, YARAL_ALL);
    rules_free(&rules);
    expect_error(EVENTS("any $e.principal.hostname = \"a\""), 4, 1, "repeated");
    expect_error(EVENTS("any $e.principal.ip[0] = \"a\""), 4, 1, "repeated");
    expect_error(EVENTS("any $e.target.resource.attribute.labels[\"a\"] = \"a\""), 4, 1, "map");
    expect_error(EVENTS("any $e.principal.ip in %ips"), 4, 1, "list");
    expect_error(EVENTS("any re.regex($e.principal.ip, \"a\")"), 4, 1, "f(any $e.field)");
    expect_error(EVENTS("any $e.principal.ip = $e.target.hostname"), 4, 1, "constant");
    expect_error(EVENTS("any all $e.principal.ip = \"a\""), 4, 5, "repeated field");
    expect_error(EVENTS("arrays.length(any $e.principal.ip) = 1"), 4, 15, "cannot stand here");
    expect_error(EVENTS("$p = any $e.principal.ip\n$p != \"x\""), 4, 6, "assignment");
    expect_error(EVENTS("$p = strings.to_lower(any $e.principal.ip)\n$p != \"x\""), 4, 6, "assignment");
}

static void test_lists_must_be_there(void **state)
{
    (void)state;
    expect_error(EVENTS("$e.principal.hostname in %nosuch"), 4, 26, "`%nosuch`");
    expect_error(EVENTS("not $e.principal.hostname in regex %nosuch.column"), 4, 36, "`%nosuch.column`");
    expect_error(EVENTS("$e.principal.hostname = %list"), 4, 25, "`in`");
}

static void test_a_list_is_found_and_a_misspelt_one_suggested(void **state)
{
    (void)state;
    struct yaral_options options = {0};
    struct diagnostics *diagnostics = diagnostics_new();
    struct yaral_lists *lists = yaral_lists_new();
    struct yaral_ruleset *ruleset = yaral_ruleset_new();
    assert_int_equal(yaral_lists_add_file(lists, SLICE("hosts"), "tests/data/yaral/hosts.txt", diagnostics), RESULT_OK);
    assert_int_equal(
        yaral_ruleset_add(ruleset, "a", SLICE(EVENTS("$e.principal.hostname not in %hosts nocase")), lists, &options, diagnostics),
        RESULT_OK);
    const struct yaral_expr *not = yaral_ruleset_at(ruleset, 0)->predicates[1];
    assert_int_equal(not ->kind, YARAL_EXPR_NOT);
    assert_int_equal(not ->operands[0]->kind, YARAL_EXPR_IN);
    assert_true(slice_is(yaral_list_name(not ->operands[0]->in.list), "hosts"));
    assert_int_equal(
        yaral_ruleset_add(ruleset, "b",
                          SLICE("rule s { meta: events: $e.metadata.log_type = \"L\" $e.target.port in %hosts condition: $e }"), lists,
                          &options, diagnostics),
        RESULT_INVALID);
    assert_non_null(strstr(diagnostics_at(diagnostics, 0)->message, "lists hold strings"));
    assert_int_equal(yaral_ruleset_add(ruleset, "c", SLICE("rule t { meta: events: $e.metadata.log_type in %hosst condition: $e }"), lists,
                                       &options, diagnostics),
                     RESULT_INVALID);
    assert_non_null(strstr(diagnostics_at(diagnostics, 1)->message, "did you mean `hosts`?"));
    yaral_ruleset_free(ruleset);
    yaral_lists_free(lists);
    diagnostics_free(diagnostics);
}

/* --- placeholders and joins -------------------------------------------------------------------------------------------------------------- */

static void test_the_first_assignment_defines_and_the_second_compares(void **state)
{
    (void)state;
    struct rules rules = expect_good(EVENTS("$h != \"\"\n$h = $e.principal.hostname\n$e.target.hostname = $h"));
    const struct yaral_rule *rule = yaral_ruleset_at(rules.ruleset, 0);
    assert_int_equal(rule->placeholder_count, 1);
    assert_int_equal(rule->predicate_count, 3);
    assert_true(slice_is(rule->placeholders[0].value->source, "$e.principal.hostname"));
    assert_int_equal(rule->predicates[1]->operands[0]->kind, YARAL_EXPR_PLACEHOLDER);
    assert_int_equal(rule->predicates[1]->operands[0]->type, YARAL_STRING);
    assert_int_equal(rule->predicates[2]->operands[1]->kind, YARAL_EXPR_PLACEHOLDER);
    rules_free(&rules);
}

static void test_a_placeholder_is_bound_to_one_event(void **state)
{
    (void)state;
    expect_error(EVENTS("$e.principal.hostname != $host"), 4, 26, "not bound");
    expect_error(EVENTS("$p = strings.concat(\"a\", \"b\")"), 4, 1, "not bound");
    expect_error(EVENTS("$e.target.port = 1 or $e.principal.hostname = $h"), 4, 47, "not bound");
    expect_error(EVENTS("$p = strings.concat($q, $e.principal.hostname)\n$q = strings.concat($p, $e.target.hostname)"), 4, 1, "by itself");
    expect_warning(EVENTS("$p = $e.principal.hostname"), 4, 1, "never used");
    expect_error(EVENTS("$e = \"x\""), 4, 1, "is an event");
}

static void test_events_are_joined_and_have_a_match_section(void **state)
{
    (void)state;
    accept_rule(TWO_EVENTS("$a and $b"));
    expect_error("rule r {\nmeta:\nevents:\n$a.metadata.log_type = \"A\"\n$b.metadata.log_type = \"B\"\n$a.principal.hostname = "
                 "$b.principal.hostname\ncondition: $a and $b\n}",
                 5, 1, "match");
#define JOIN(line) \
    "rule r {\nmeta:\nevents: $a.metadata.log_type = \"A\"\n$b.metadata.log_type = \"B\"\n$u = $a.principal.user.userid\n$a.src.hostname " \
    "!= \"\"\n" line "\nmatch: $u over 5m\ncondition: $a and $b\n}"
    expect_error(JOIN("$b.target.port = 1"), 4, 1, "not joined");
    expect_error(JOIN("$a.target.port = $b.target.port + 1"), 4, 1, "not joined");
    expect_error(JOIN("$a.target.port != $b.target.port"), 4, 1, "not joined");
    expect_error(JOIN("$a.target.port = $b.target.port or $a.target.port = 1"), 4, 1, "not joined");
    accept_rule(JOIN("$a.src.hostname = strings.to_lower($b.src.hostname)"));
    accept_rule(JOIN("$a.src.hostname = $b.src.hostname or $a.target.hostname = $b.target.hostname"));
    expect_warning(JOIN("$a.target.hostname = $b.target.hostname"), 7, 1, "both lack");
    expect_error(JOIN("$a.src.hostname = $b.src.hostname\nstrings.concat($a.src.hostname, $b.src.hostname) = \"x\""), 8, 1, "two events");
}

static void test_a_variable_cannot_have_a_keywords_name(void **state)
{
    (void)state;
    expect_error("rule r {\nmeta:\nevents:\n$and.metadata.log_type = \"L\"\ncondition: $and\n}", 4, 1, "keyword");
    expect_error(OUTCOME("$Count = 1"), 5, 1, "keyword");
    expect_error(EVENTS("$in = $e.principal.hostname\n$in != \"\""), 4, 1, "keyword");
}

/* --- match, outcome, options ---------------------------------------------------------------------------------------------------------------- */

static void test_match_variables_and_windows(void **state)
{
    (void)state;
#define WINDOW(line) META "$u = $e.principal.user.userid\nmatch: " line "\ncondition: $e\n}"
    struct rules rules = expect_good(WINDOW("$u over 10m before $e"));
    const struct yaral_rule *rule = yaral_ruleset_at(rules.ruleset, 0);
    assert_int_equal(rule->window, YARAL_SLIDING_BEFORE);
    assert_int_equal(rule->window_seconds, 600);
    assert_int_equal(rule->match_count, 1);
    rules_free(&rules);
    expect_error(WINDOW("$u over 3d"), 5, 16, "48h");
    expect_error(WINDOW("$u over 30s"), 5, 16, "1m");
    expect_error(WINDOW("$u, $v over 5m"), 5, 12, "no placeholder");
    expect_error(WINDOW("$u, $u over 5m"), 5, 12, "twice");
    expect_error(WINDOW("$u, $e over 5m"), 5, 12, "is an event");
    expect_error(WINDOW("$u over 5m after $x"), 5, 25, "no event");
    expect_warning(META "$u = $e.principal.user.userid $u = \"\"\nmatch: $u over 5m\ncondition: $e\n}", 4, 31, "never hold");
}

static void test_a_match_section_is_refused_by_name_where_windows_do_not_run(void **state)
{
    (void)state;
    expect_one(WINDOW("$u over 5m"), (struct yaral_options){0}, DIAGNOSTIC_ERROR, 5, 1,
               "match windows and joins do not run in this version");
}

static void test_outcomes_are_aggregated_where_there_are_many_values(void **state)
{
    (void)state;
    accept_rule(
        OUTCOME("$a = $e.principal.hostname\n$b = array_distinct($e.principal.ip)\n$c = $e.principal.ip[0]\n$d = max($e.target.port) + 1"));
    accept_rule(META "$n = arrays.length($e.principal.ip)\noutcome:\n$m = $n\ncondition: $e\n}");
    expect_error(OUTCOME("$ip = $e.principal.ip"), 5, 7, "aggregated");
    expect_error(META "$ip = $e.principal.ip\noutcome:\n$x = $ip\ncondition: $e\n}", 6, 6, "aggregated");
    expect_error(META "$u = $e.principal.user.userid\nmatch: $u over 5m\noutcome: $h = $e.principal.hostname\ncondition: $e\n}", 6, 15,
                 "aggregated");
    accept_rule(META "$u = $e.principal.user.userid\nmatch: $u over 5m\noutcome: $h = $u $n = 1 $m = if($n > 0, $n, 2)\ncondition: $e\n}");
    expect_error(OUTCOME("$x = max(max($e.target.port))"), 5, 10, "inside another");
    expect_error(OUTCOME("$x = 1\n$y = max($x)"), 6, 10, "not aggregated again");
    expect_error(OUTCOME("$x = max($e.principal.hostname)"), 5, 10, "takes a number");
    expect_error(OUTCOME("$x = max($e.target.port, 1)"), 5, 6, "one argument");
}

static void test_outcomes_have_names_of_their_own_and_an_order(void **state)
{
    (void)state;
    expect_error(OUTCOME("$x = 1\n$x = 2"), 6, 1, "in line 5 already");
    expect_error(OUTCOME("$e = 1"), 5, 1, "is an event");
    expect_error(OUTCOME("$x = $y\n$y = 2"), 5, 6, "move that line up");
    expect_error(OUTCOME("$x = $nosuch"), 5, 6, "unknown variable");
    expect_error(OUTCOME("$x = $e.target.port > 5"), 5, 6, "if(condition, 1, 0)");
}

static void test_the_number_of_outcomes_is_bounded(void **state)
{
    (void)state;
    char text[4096] = META "outcome:\n";
    for (int i = 0; i < 21; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "$o%d = %d\n", i, i);
    size_t length = strlen(text);
    strcat(text, "condition: $e\n}");
    expect_warning(text, 25, 1, "at most 20");
    text[length] = '\0';
    for (int i = 21; i < 65; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "$o%d = %d\n", i, i);
    strcat(text, "condition: $e\n}");
    expect_error(text, 69, 1, "at most 64");
}

static void test_if_has_one_type_and_strings_an_else(void **state)
{
    (void)state;
    accept_rule(OUTCOME("$x = if($e.target.port = 22, 5)\n$y = if($e.target.port = 22, \"a\", \"b\")"));
    expect_error(OUTCOME("$x = if($e.target.port = 22, \"a\")"), 5, 6, "else");
    expect_error(OUTCOME("$x = if($e.target.port = 22, \"a\", 5)"), 5, 35, "different types");
    expect_error(OUTCOME("$x = if($e.target.port, \"a\", \"b\")"), 5, 9, "not a condition");
    expect_error(OUTCOME("$x = if($e.target.port = 1)"), 5, 6, "arguments");
}

static void test_risk_score_is_a_number(void **state)
{
    (void)state;
    accept_rule(OUTCOME("$risk_score = 10 / 4"));
    expect_error(OUTCOME("$risk_score = \"high\""), 5, 15, "number");
    expect_error(OUTCOME("$risk_score = array($e.target.port)"), 5, 15, "number");
}

static void test_types_of_values_are_known(void **state)
{
    (void)state;
    struct rules rules = expect_good(
        OUTCOME("$a = 5 / 2\n$b = 5 % 2\n$c = 5 * 2.0\n$d = count_distinct($e.principal.ip)\n$f = array($e.security_result.action)"));
    static const enum yaral_type types[] = {YARAL_FLOAT, YARAL_INT, YARAL_FLOAT, YARAL_INT, YARAL_ENUM};
    const struct yaral_rule *rule = yaral_ruleset_at(rules.ruleset, 0);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(rule->outcomes[i].value->type, types[i]);
    assert_true(rule->outcomes[4].value->is_list);
    rules_free(&rules);
    expect_error(OUTCOME("$x = 5 % 2.5"), 5, 6, "integers");
}

static void test_options(void **state)
{
    (void)state;
#define OPTIONS(line) META "condition: $e\noptions: " line "\n}"
    struct rules rules = expect_good(OPTIONS("allow_zero_values = true suppression_window = 1h"));
    assert_true(yaral_ruleset_at(rules.ruleset, 0)->allow_zero_values);
    assert_int_equal(yaral_ruleset_at(rules.ruleset, 0)->suppression_seconds, 3600);
    rules_free(&rules);
    expect_error(OPTIONS("allow_zero_vals = true"), 5, 10, "did you mean `allow_zero_values`?");
    expect_error(OPTIONS("suppression_window = 5"), 5, 31, "duration");
    expect_error(OPTIONS("allow_zero_values = 1h"), 5, 30, "true or false");
    expect_error(META "$u = $e.principal.user.userid match: $u over 1h condition: $e\noptions: suppression_window = 30m\n}", 5, 31,
                 "longer");
}

/* --- condition ------------------------------------------------------------------------------------------------------------------------------ */

static void test_every_event_stands_in_the_condition_and_one_is_required(void **state)
{
    (void)state;
    expect_error(TWO_EVENTS("$a"), 7, 1, "`$b` does not stand in the condition");
    expect_error(TWO_EVENTS("!$a and #b < 3"), 8, 1, "at least one event");
    accept_rule(TWO_EVENTS("$a and !$b"));
    accept_rule(TWO_EVENTS("2 <= #a and #b = 0"));
    expect_error(META "$e.principal.hostname = \"x\" condition: #e = 0\n}", 4, 40, "at least one event");
}

static void test_or_joins_what_needs_its_event(void **state)
{
    (void)state;
    accept_rule(TWO_EVENTS("$a or $b"));
    expect_error(TWO_EVENTS("$a or #b < 3"), 8, 7, "absent");
    expect_error(META "outcome: $x = 1 condition: $e and $x > 0 or $x < 5\n}", 4, 28, "parentheses");
    accept_rule(META "outcome: $x = 1 condition: $e and ($x > 0 or $x < 5)\n}");
    accept_rule(TWO_EVENTS("2 of [$a, $b]"));
    expect_error(TWO_EVENTS("$a and any of [$a, !$b]"), 8, 20, "absent");
    expect_error(TWO_EVENTS("3 of [$a, $b]"), 8, 1, "at most 2");
}

static void test_not_is_for_outcomes(void **state)
{
    (void)state;
    expect_error(TWO_EVENTS("$a and not $b"), 8, 8, "`!$b`");
    expect_error(TWO_EVENTS("$a and not #b > 3"), 8, 8, "turn the comparison round");
    accept_rule(META "outcome: $x = 1 condition: $e and not $x > 5\n}");
}

static void test_match_variables_and_fields_stay_out_of_the_condition(void **state)
{
    (void)state;
    expect_error(TWO_EVENTS("$a and $b and #user > 1"), 8, 15, "match variable");
    expect_error(META "condition: $e and $e.target.port > 1\n}", 4, 19, "field cannot stand");
    expect_error(META "condition: $e and $nosuch\n}", 4, 19, "unknown variable");
    expect_error(META "outcome: $x = 1 condition: $e and $x\n}", 4, 35, "compare it");
}

static void test_without_match_an_event_counts_once(void **state)
{
    (void)state;
    expect_error(META "condition: #e > 1\n}", 4, 17, "never hold");
    expect_error(META "condition: 2 <= #e\n}", 4, 12, "never hold");
    accept_rule(META "condition: #e >= 1\n}");
}

static void test_the_pivot_and_the_match_variables_events_are_required(void **state)
{
    (void)state;
#define PIVOT(window, condition) \
    "rule r {\nmeta:\nevents: $a.metadata.log_type = \"A\" $b.metadata.log_type = \"B\"\n$a.src.hostname != \"\" $a.src.hostname = " \
    "$b.src.hostname\n$u = $a.principal.user.userid\nmatch: $u over 5m" window "\ncondition: " condition "\n}"
    accept_rule(PIVOT(" after $a", "$a and !$b"));
    expect_error(PIVOT(" after $b", "$a and !$b"), 6, 25, "may be absent");
    expect_error(PIVOT("", "!$a and $b"), 6, 8, "may all be absent");
}

/* --- what only Google has, and warnings ----------------------------------------------------------------------------------------------------------- */

static void test_what_only_google_has_is_unsupported_by_name_and_line(void **state)
{
    (void)state;
    expect_unsupported("rule r {\nmeta:\nevents: $e.metadata.log_type = \"L\"\n$e.principal.ip = $ip\n$x.graph.entity.ip = "
                       "$ip\n$x.graph.metadata.source_type = \"GLOBAL_CONTEXT\"\n"
                       "match: $ip over 5m\noutcome: $r = max(if($x.graph.metadata.entity_type = \"X\", 1))\ncondition: $e and $x\n}",
                       5, 1, "needs Google's entity graph (line 5)");
    expect_unsupported("rule r {\nmeta:\nevents:\n$d.detection.detection.rule_name = \"L\"\ncondition: $d\n}", 4, 1, "composite");
    expect_unsupported(EVENTS("$e.principal.hostname = %t.c"), 4, 25, "joining a table");
    expect_unsupported(OUTCOME("$x = max(metrics.auth_attempts_total(period:1d, window:30d, metric:event_count_sum, agg:max, "
                               "principal.asset.ip: $p, target.port:*))"),
                       5, 10, "metrics");
    expect_unsupported(EVENTS("hash.fingerprint2011($e.principal.hostname) = 5"), 4, 1, "hash.fingerprint2011");
}

static void test_slips_are_warned_of(void **state)
{
    (void)state;
    expect_warning("rule r {\nevents: $e.metadata.log_type = \"L\"\ncondition: $e\n}", 1, 6, "no meta");
    expect_warning("rule r {\nmeta: a = \"b\"\na = \"c\"\nevents: $e.metadata.log_type = \"L\"\ncondition: $e\n}", 3, 1,
                   "in line 2 already");
    expect_warning("rule r {\nmeta: events: $e.target.port = 5\ncondition: $e\n}", 2, 15, "log_type");
    expect_warning(EVENTS("$e.target.port = 1\n$e.target.port = 2"), 5, 1, "never hold");
    accept_rule(EVENTS("$e.target.resource.attribute.labels[\"a\"] = \"1\"\n$e.target.resource.attribute.labels[\"a\"] = \"2\""));
}

static void test_what_google_refuses_is_warned_of_on_request(void **state)
{
    (void)state;
    struct yaral_options google = {.google = true};
    accept_rule(EVENTS("$e.target.resource.attribute.labels[\"a\"] != \"1\"\n$e.target.port > -5"));
    expect_one(EVENTS("$e.target.resource.attribute.labels[\"a\"] != \"1\""), google, DIAGNOSTIC_WARNING, 4, 1, "first label");
    expect_one(EVENTS("$e.target.port > -5"), google, DIAGNOSTIC_WARNING, 4, 18, "(0-5)");
    expect_one(OUTCOME("$x = avg($e.target.port)"), google, DIAGNOSTIC_WARNING, 5, 6, "`avg`");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows_that_do_not_run_are_refused_by_name_with_their_line),
        cmocka_unit_test(test_fields_are_those_of_udm),
        cmocka_unit_test(test_literals_become_what_they_are_compared_with),
        cmocka_unit_test(test_both_sides_cannot_be_literals),
        cmocka_unit_test(test_types_must_agree),
        cmocka_unit_test(test_regexes_are_compiled),
        cmocka_unit_test(test_functions_are_known_and_their_arguments_right),
        cmocka_unit_test(test_functions_nest_20_deep_and_no_deeper),
        cmocka_unit_test(test_any_and_all_stand_before_repeated_fields_only),
        cmocka_unit_test(test_lists_must_be_there),
        cmocka_unit_test(test_a_list_is_found_and_a_misspelt_one_suggested),
        cmocka_unit_test(test_the_first_assignment_defines_and_the_second_compares),
        cmocka_unit_test(test_a_placeholder_is_bound_to_one_event),
        cmocka_unit_test(test_events_are_joined_and_have_a_match_section),
        cmocka_unit_test(test_a_variable_cannot_have_a_keywords_name),
        cmocka_unit_test(test_match_variables_and_windows),
        cmocka_unit_test(test_a_match_section_is_refused_by_name_where_windows_do_not_run),
        cmocka_unit_test(test_outcomes_are_aggregated_where_there_are_many_values),
        cmocka_unit_test(test_outcomes_have_names_of_their_own_and_an_order),
        cmocka_unit_test(test_the_number_of_outcomes_is_bounded),
        cmocka_unit_test(test_if_has_one_type_and_strings_an_else),
        cmocka_unit_test(test_risk_score_is_a_number),
        cmocka_unit_test(test_types_of_values_are_known),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_every_event_stands_in_the_condition_and_one_is_required),
        cmocka_unit_test(test_or_joins_what_needs_its_event),
        cmocka_unit_test(test_not_is_for_outcomes),
        cmocka_unit_test(test_match_variables_and_fields_stay_out_of_the_condition),
        cmocka_unit_test(test_without_match_an_event_counts_once),
        cmocka_unit_test(test_the_pivot_and_the_match_variables_events_are_required),
        cmocka_unit_test(test_what_only_google_has_is_unsupported_by_name_and_line),
        cmocka_unit_test(test_slips_are_warned_of),
        cmocka_unit_test(test_what_google_refuses_is_warned_of_on_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
