/* SPDX-License-Identifier: Apache-2.0 */
/* From nodes to typed expressions: the two entries, and what has no rules of its own. */
#include "checker.h"

const char *yaral_type_text(enum yaral_type type)
{
    static const char *const names[] = {"nothing", "a string", "an integer", "a number with a fraction", "a boolean", "bytes", "an enum"};
    return names[type];
}

const char *expr_type_text(const struct yaral_expr *expr)
{
    static const char *const lists[] = {
        "a list",          "a list of strings", "a list of integers", "a list of numbers", "a list of booleans",
        "a list of bytes", "a list of enums"};
    return expr->is_list ? lists[expr->type] : yaral_type_text(expr->type);
}

bool type_is_number(enum yaral_type type)
{
    return type == YARAL_INT || type == YARAL_FLOAT;
}

struct yaral_expr *checker_expr(struct checker *checker, enum yaral_expr_kind kind, enum yaral_type type, const struct node *node)
{
    struct yaral_expr *expr = ARENA_NEW(checker->arena, struct yaral_expr);

    expr->kind = kind;
    expr->type = type;
    expr->at = node->at;
    expr->source = node->source;
    return expr;
}

void expr_adopt(struct checker *checker, struct yaral_expr *expr, struct yaral_expr *const *operands, size_t count)
{
    expr->operands = arena_alloc(checker->arena, count * sizeof *operands);
    memcpy(expr->operands, operands, count * sizeof *operands);
    expr->operand_count = count;
}

static struct yaral_expr *literal(struct checker *checker, const struct node *node, struct yaral_value value)
{
    struct yaral_expr *expr = checker_expr(checker, YARAL_EXPR_LITERAL, value.type, node);
    bool negative = (node->kind == NODE_INTEGER && node->integer < 0) || (node->kind == NODE_FLOAT && node->number < 0);

    if (negative && checker->options->google)
        report_warning(checker->report, node->at, "Google takes no negative literals: write `(0%.*s)`", SLICE_ARGS(node->source));
    expr->literal = value;
    return expr;
}

static bool check_quantifier_place(struct checker *checker, const struct node *node)
{
    if (node->quantifier == YARAL_ROW || (node->kind == NODE_FIELD && checker->quantifier_allowed))
        return true;
    const char *word = node->quantifier == YARAL_ANY ? "any" : "all";
    if (node->kind == NODE_CALL || node->kind == NODE_IF)
        report_error(checker->report, node->at,
                     "`%s` cannot stand before a function: put it before the repeated field inside (f(%s $e.field))", word, word);
    else if (node->kind == NODE_FIELD)
        report_error(checker->report, node->at,
                     "`%s` cannot stand here: it goes before a repeated field that is compared with a constant or given to a function",
                     word);
    else
        report_error(checker->report, node->at, "`%s` cannot stand before this: it is for repeated fields only ($e.field)", word);
    return false;
}

struct yaral_expr *check_value(struct checker *checker, struct node *node)
{
    if (!check_quantifier_place(checker, node))
        return NULL;
    switch (node->kind) {
    case NODE_STRING: return literal(checker, node, yaral_string(node->text));
    case NODE_INTEGER: return literal(checker, node, yaral_int(node->integer));
    case NODE_FLOAT: return literal(checker, node, yaral_float(node->number));
    case NODE_BOOL: return literal(checker, node, yaral_bool(node->boolean));
    case NODE_REGEX: return check_regex(checker, node, false);
    case NODE_VARIABLE:
    case NODE_COUNT: return check_variable(checker, node);
    case NODE_FIELD: return check_field(checker, node);
    case NODE_LIST:
        report_error(checker->report, node->at, "a list is looked up with `in`: value in %.*s", SLICE_ARGS(report_excerpt(node->source)));
        return NULL;
    case NODE_CALL: return check_call(checker, node);
    case NODE_IF: return check_if(checker, node);
    case NODE_ARITHMETIC: return check_arithmetic(checker, node);
    default: return check_condition(checker, node);
    }
}

/* --- conditions of events and of if -------------------------------------------------------------------------------------------------------- */

static struct yaral_expr *check_chain(struct checker *checker, struct node *node)
{
    struct yaral_expr *expr = checker_expr(checker, node->kind == NODE_AND ? YARAL_EXPR_AND : YARAL_EXPR_OR, YARAL_BOOL, node);
    bool good = true;

    expr->operands = arena_calloc(checker->arena, node->child_count, sizeof *expr->operands);
    expr->operand_count = node->child_count;
    checker->disjunctions += node->kind == NODE_OR;
    for (size_t i = 0; i < node->child_count; i++) {
        expr->operands[i] = check_condition(checker, node->children[i]);
        good = good && expr->operands[i];
    }
    checker->disjunctions -= node->kind == NODE_OR;
    return good ? expr : NULL;
}

static struct yaral_expr *check_negation(struct checker *checker, struct node *node)
{
    checker->negations++;
    struct yaral_expr *child = check_condition(checker, node->children[0]);
    checker->negations--;
    if (!child)
        return NULL;
    struct yaral_expr *expr = checker_expr(checker, YARAL_EXPR_NOT, YARAL_BOOL, node);
    expr_adopt(checker, expr, &child, 1);
    return expr;
}

struct yaral_expr *check_condition(struct checker *checker, struct node *node)
{
    struct yaral_expr *expr;

    switch (node->kind) {
    case NODE_AND:
    case NODE_OR: return check_chain(checker, node);
    case NODE_NOT: return check_negation(checker, node);
    case NODE_COMPARE: return check_compare(checker, node);
    case NODE_IN: return check_in(checker, node);
    default: expr = check_value(checker, node);
    }
    if (expr && (expr->type != YARAL_BOOL || expr->is_list)) {
        report_error(checker->report, node->at, "`%.*s` gives %s, not true or false: compare it (= ...)",
                     SLICE_ARGS(report_excerpt(node->source)), expr_type_text(expr));
        return NULL;
    }
    return expr;
}
