/* SPDX-License-Identifier: Apache-2.0 */
/* The condition as an expression; what it says of the presence of events is presence.c's. */
#include "checker.h"

static bool is_present_symbol(const struct checker *checker, const struct node *node)
{
    return checker_event(checker, node->text) >= 0 || checker_placeholder(checker, node->text) >= 0;
}

bool count_test_read(const struct checker *checker, const struct node *node, struct count_test *test)
{
    switch (node->kind) {
    case NODE_VARIABLE:
    case NODE_COUNT:
    case NODE_ABSENT:
        *test = (struct count_test){node, node->kind == NODE_ABSENT ? YARAL_OP_EQUAL : YARAL_OP_GREATER, 0, node->at};
        return is_present_symbol(checker, node);
    case NODE_COMPARE:
        for (size_t side = 0; side < 2; side++) {
            const struct node *count = node->children[side], *number = node->children[1 - side];
            if (count->kind == NODE_COUNT && number->kind == NODE_INTEGER) {
                *test = (struct count_test){count, side == 0 ? node->op : op_mirrored(node->op), number->integer, number->at};
                return is_present_symbol(checker, count);
            }
        }
        return false;
    default: return false;
    }
}

static bool check_not_match_variable(struct checker *checker, const struct node *variable)
{
    ptrdiff_t placeholder = checker_placeholder(checker, variable->text);

    if (placeholder < 0 || !checker->placeholders.items[placeholder].is_match)
        return true;
    report_error(checker->report, variable->at, "match variable `$%.*s` cannot stand in the condition: it has one value in every detection",
                 SLICE_ARGS(variable->text));
    return false;
}

/* Could a count pass the test at all? Without match an event counts 0 or 1. */
static bool can_hold(const struct count_test *test, int64_t most)
{
    switch (test->op) {
    case YARAL_OP_EQUAL: return test->number >= 0 && test->number <= most;
    case YARAL_OP_NOT_EQUAL: return test->number != 1 || most > 1;
    case YARAL_OP_LESS: return test->number > 0;
    case YARAL_OP_LESS_EQUAL: return test->number >= 0;
    case YARAL_OP_GREATER: return test->number < most;
    default: return test->number <= most;
    }
}

static bool check_count_can_hold(struct checker *checker, const struct count_test *test)
{
    bool one_event = !checker_has_match(checker) && checker_event(checker, test->variable->text) >= 0;

    if (can_hold(test, one_event ? 1 : INT64_MAX))
        return true;
    if (one_event)
        report_error(checker->report, test->number_at,
                     "this can never hold: a rule without match looks at one event at a time, so `#%.*s` is 1",
                     SLICE_ARGS(test->variable->text));
    else
        report_error(checker->report, test->number_at, "this can never hold: a count is 0 or more");
    return false;
}

static struct yaral_expr *count_expr(struct checker *checker, const struct node *node, const struct count_test *test)
{
    ptrdiff_t event = checker_event(checker, test->variable->text);
    struct yaral_expr *count = checker_expr(checker, YARAL_EXPR_COUNT, YARAL_INT, test->variable);
    struct yaral_expr *number = checker_expr(checker, YARAL_EXPR_LITERAL, YARAL_INT, node);
    struct yaral_expr *expr = checker_expr(checker, YARAL_EXPR_COMPARE, YARAL_BOOL, node);

    count->count.of_event = event >= 0;
    count->count.index = (size_t)(event >= 0 ? event : checker_placeholder(checker, test->variable->text));
    number->at = test->number_at;
    number->literal = yaral_int(test->number);
    expr->op = test->op;
    expr_adopt(checker, expr, (struct yaral_expr *[]){count, number}, 2);
    return expr;
}

/* $e and !$e are events, all else a count. */
static struct yaral_expr *presence_expr(struct checker *checker, const struct node *node, const struct count_test *test)
{
    ptrdiff_t event = checker_event(checker, test->variable->text);

    if (event < 0 || node->kind == NODE_COUNT || node->kind == NODE_COMPARE)
        return count_expr(checker, node, test);
    struct yaral_expr *expr = checker_expr(checker, YARAL_EXPR_EVENT, YARAL_BOOL, node);
    expr->event = (size_t)event;
    if (node->kind == NODE_VARIABLE)
        return expr;
    struct yaral_expr *negation = checker_expr(checker, YARAL_EXPR_NOT, YARAL_BOOL, node);
    expr_adopt(checker, negation, &expr, 1);
    return negation;
}

static struct yaral_expr *check_lone_variable(struct checker *checker, const struct node *node)
{
    if (checker_outcome(checker, node->text) < 0)
        checker_unknown_variable(checker, node);
    else if (node->kind == NODE_VARIABLE)
        report_error(checker->report, node->at, "outcome `$%.*s` is a value, not a condition: compare it ($%.*s > 0)",
                     SLICE_ARGS(node->text), SLICE_ARGS(node->text));
    else
        report_error(checker->report, node->at,
                     "`$%.*s` is an outcome and is compared as it is ($%.*s > 0): `#` and `!` are for events and placeholders",
                     SLICE_ARGS(node->text), SLICE_ARGS(node->text));
    return NULL;
}

static struct yaral_expr *check_node(struct checker *checker, struct node *node);

static struct yaral_expr *check_members(struct checker *checker, struct node *node, enum yaral_expr_kind kind)
{
    struct yaral_expr *expr = checker_expr(checker, kind, YARAL_BOOL, node);
    bool good = true;

    expr->operands = arena_calloc(checker->arena, node->child_count, sizeof *expr->operands);
    expr->operand_count = node->child_count;
    for (size_t i = 0; i < node->child_count; i++) {
        expr->operands[i] = check_node(checker, node->children[i]);
        good = good && expr->operands[i];
    }
    if (kind != YARAL_EXPR_N_OF)
        return good ? expr : NULL;
    uint32_t count = (uint32_t)node->child_count;
    expr->at_least = node->quantifier == YARAL_ANY ? 1 : node->quantifier == YARAL_ALL ? count : node->at_least;
    if (expr->at_least < 1 || expr->at_least > count) {
        report_error(checker->report, node->at, "at least 1 and at most %u of these %u conditions can be asked for", count, count);
        return NULL;
    }
    return good ? expr : NULL;
}

static struct yaral_expr *check_condition_comparison(struct checker *checker, struct node *node)
{
    for (size_t side = 0; side < 2; side++) {
        const struct node *count = node->children[side], *other = node->children[1 - side];
        if (count->kind != NODE_COUNT)
            continue;
        if (!is_present_symbol(checker, count))
            return check_lone_variable(checker, count);
        report_error(checker->report, other->at, "`#%.*s` is compared with a whole number", SLICE_ARGS(count->text));
        return NULL;
    }
    return check_compare(checker, node);
}

static struct yaral_expr *check_node(struct checker *checker, struct node *node)
{
    struct count_test test;

    if (count_test_read(checker, node, &test)) {
        bool good = check_not_match_variable(checker, test.variable) && check_count_can_hold(checker, &test);
        return good ? presence_expr(checker, node, &test) : NULL;
    }
    switch (node->kind) {
    case NODE_AND: return check_members(checker, node, YARAL_EXPR_AND);
    case NODE_OR: return check_members(checker, node, YARAL_EXPR_OR);
    case NODE_NOT: return check_members(checker, node, YARAL_EXPR_NOT);
    case NODE_N_OF: return check_members(checker, node, YARAL_EXPR_N_OF);
    case NODE_VARIABLE:
    case NODE_COUNT:
    case NODE_ABSENT: return check_lone_variable(checker, node);
    case NODE_COMPARE: return check_condition_comparison(checker, node);
    case NODE_IN:
        report_error(checker->report, node->at, "lists are looked up in events, or in an outcome: $x = if($e.field in %%list, 1, 0)");
        return NULL;
    default: return check_condition(checker, node);
    }
}

void checker_check_condition(struct checker *checker)
{
    struct node *condition = checker->syntax->condition;

    checker->section = SECTION_CONDITION;
    if (!condition)
        return;
    size_t errors = checker->report->errors;
    checker->rule->condition = check_node(checker, condition);
    if (checker->report->errors == errors && checker_knows_events(checker))
        checker_check_presence(checker, condition);
}
