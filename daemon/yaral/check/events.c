/* SPDX-License-Identifier: Apache-2.0 */
/* The events section as a whole: its predicates, its placeholders, and what looks like a slip. */
#include "checker.h"

/* The predicate at index is a definition; *next walks along the definitions, which stand in the order of the predicates. */
static bool is_definition(const struct checker *checker, size_t index, size_t *next)
{
    if (*next == checker->definitions.count || checker->definitions.items[*next] != checker->predicates.items[index])
        return false;
    ++*next;
    return true;
}

static void resolve_placeholders(struct checker *checker)
{
    for (size_t i = 0; i < checker->placeholders.count; i++) {
        struct placeholder_symbol *symbol = &checker->placeholders.items[i];
        if (node_has_quantifier(symbol->definition)) {
            report_error(checker->report, symbol->definition->at,
                         "`any` and `all` cannot be used in an assignment: `$%.*s` takes one element at a time without them",
                         SLICE_ARGS(symbol->name));
            symbol->resolution = RESOLVED;
        }
        checker_resolve(checker, i);
    }
}

void checker_check_events(struct checker *checker)
{
    struct yaral_rule *rule = checker->rule;

    checker->section = SECTION_EVENTS;
    rule->events = arena_calloc(checker->arena, checker->events.count, sizeof *rule->events);
    rule->event_count = checker->events.count;
    for (size_t i = 0; i < checker->events.count; i++)
        rule->events[i] = (struct yaral_event){checker->events.items[i].name, checker->events.items[i].feature == FEATURE_ENTITY};
    resolve_placeholders(checker);
    rule->predicates = arena_calloc(checker->arena, checker->predicates.count, sizeof *rule->predicates);
    for (size_t i = 0, definition = 0; i < checker->predicates.count; i++) {
        struct yaral_expr *expr = is_definition(checker, i, &definition) ? NULL : check_condition(checker, checker->predicates.items[i]);
        if (expr)
            rule->predicates[rule->predicate_count++] = expr;
    }
}

/* --- warnings --------------------------------------------------------------------------------------------------------------------------------- */

static void note_type_filter(struct checker *checker, const struct node *node)
{
    if (node->kind == NODE_FIELD) {
        size_t top = node->step_count > 2 && slice_is(node->steps[0].name.name, "udm");
        ptrdiff_t event = checker_event(checker, node->text);
        bool is_type = node->step_count == top + 2 && slice_is(node->steps[top].name.name, "metadata") &&
                       (slice_is(node->steps[top + 1].name.name, "event_type") || slice_is(node->steps[top + 1].name.name, "log_type"));
        if (is_type && event >= 0)
            checker->events.items[event].has_type_filter = true;
    }
    for (size_t i = 0; i < node->child_count; i++)
        note_type_filter(checker, node->children[i]);
}

static void warn_of_type_filters(struct checker *checker)
{
    for (size_t i = 0; i < checker->predicates.count; i++)
        note_type_filter(checker, checker->predicates.items[i]);
    for (size_t i = 0; i < checker->events.count; i++)
        if (!checker->events.items[i].has_type_filter && checker->events.items[i].feature == FEATURE_NONE)
            report_warning(checker->report, checker->events.items[i].at,
                           "`$%.*s` is any event of any log: a condition on its metadata.log_type or metadata.event_type makes the rule "
                           "precise and fast",
                           SLICE_ARGS(checker->events.items[i].name));
}

/* A top-level comparison of a row's field with a literal; else NULL. */
static const struct yaral_expr *compared_field(const struct yaral_expr *expr, enum yaral_op op)
{
    bool is_plain = expr->kind == YARAL_EXPR_COMPARE && expr->op == op && expr->operands[0]->kind == YARAL_EXPR_FIELD &&
                    expr->operands[1]->kind == YARAL_EXPR_LITERAL && expr->operands[0]->field.quantifier == YARAL_ROW;
    return is_plain ? expr->operands[0] : NULL;
}

static struct slice field_key(struct checker *checker, const struct yaral_expr *field)
{
    return arena_printf(checker->arena, "%zu.%.*s", field->field.event, SLICE_ARGS(field->field.path->text));
}

/* One row's field cannot have two values; a map's can (one key, many labels). */
static void warn_of_contradictions(struct checker *checker)
{
    struct map *seen = map_new();

    for (size_t i = 0; i < checker->rule->predicate_count; i++) {
        struct yaral_expr *expr = checker->rule->predicates[i];
        const struct yaral_expr *field = compared_field(expr, YARAL_OP_EQUAL);
        if (!field || field->field.path->has_key || expr->nocase)
            continue;
        const struct yaral_expr *earlier = map_put(seen, field_key(checker, field), expr);
        if (earlier && !yaral_equal(&earlier->operands[1]->literal, &expr->operands[1]->literal, false))
            report_warning(checker->report, expr->at,
                           "this can never hold: line %u asks that `%.*s` is another value; for one of several values write `or`",
                           earlier->at.line, SLICE_ARGS(report_excerpt(field->source)));
    }
    map_free(seen, NULL);
}

static bool is_zero(const struct yaral_value *value)
{
    switch (value->type) {
    case YARAL_STRING: return value->string.length == 0;
    case YARAL_BOOL: return !value->boolean;
    case YARAL_FLOAT: return value->number <= 0 && value->number >= 0;
    default: return value->integer == 0;
    }
}

static void warn_of_zero_match_values(struct checker *checker)
{
    for (size_t i = 0; i < checker->rule->predicate_count; i++) {
        const struct yaral_expr *expr = checker->rule->predicates[i];
        if (expr->kind != YARAL_EXPR_COMPARE || expr->op != YARAL_OP_EQUAL || expr->operands[0]->kind != YARAL_EXPR_PLACEHOLDER ||
            expr->operands[1]->kind != YARAL_EXPR_LITERAL || !is_zero(&expr->operands[1]->literal))
            continue;
        const struct placeholder_symbol *symbol = &checker->placeholders.items[expr->operands[0]->placeholder];
        if (symbol->is_match && symbol->definition->kind != NODE_CALL && !checker->rule->allow_zero_values)
            report_warning(
                checker->report, expr->at,
                "this can never hold: events whose match variable is empty are dropped (options: allow_zero_values = true keeps them)");
    }
}

/* Joins on what two events both lack are rarely meant. */
static void warn_of_empty_joins(struct checker *checker)
{
    struct map *filled = map_new();

    for (size_t i = 0; i < checker->rule->predicate_count; i++) {
        const struct yaral_expr *field = compared_field(checker->rule->predicates[i], YARAL_OP_NOT_EQUAL);
        if (field && is_zero(&checker->rule->predicates[i]->operands[1]->literal))
            map_put(filled, field_key(checker, field), checker);
    }
    for (size_t i = 0; i < checker->rule->predicate_count; i++) {
        const struct yaral_expr *expr = checker->rule->predicates[i];
        if (expr->kind != YARAL_EXPR_COMPARE || expr->op != YARAL_OP_EQUAL || expr->operands[0]->kind != YARAL_EXPR_FIELD ||
            expr->operands[1]->kind != YARAL_EXPR_FIELD || expr->operands[0]->field.event == expr->operands[1]->field.event)
            continue;
        if (!map_get(filled, field_key(checker, expr->operands[0])) && !map_get(filled, field_key(checker, expr->operands[1])))
            report_warning(checker->report, expr->at, "this also joins events that both lack the field: add `%.*s != \"\"`",
                           SLICE_ARGS(report_excerpt(expr->operands[0]->source)));
    }
    map_free(filled, NULL);
}

static void note_variables(struct map *used, const struct node *node)
{
    if (node->kind == NODE_VARIABLE || node->kind == NODE_COUNT || node->kind == NODE_ABSENT)
        map_put(used, node->text, used);
    for (size_t i = 0; i < node->child_count; i++)
        note_variables(used, node->children[i]);
}

static void warn_of_unused_placeholders(struct checker *checker)
{
    const struct syntax_rule *syntax = checker->syntax;
    struct map *used = map_new();

    for (size_t i = 0, definition = 0; i < checker->predicates.count; i++)
        if (!is_definition(checker, i, &definition))
            note_variables(used, checker->predicates.items[i]);
    for (size_t i = 0; i < checker->placeholders.count; i++)
        note_variables(used, checker->placeholders.items[i].definition);
    for (size_t i = 0; i < syntax->match.names.count; i++)
        map_put(used, syntax->match.names.items[i].name, used);
    for (size_t i = 0; i < syntax->outcomes.count; i++)
        note_variables(used, syntax->outcomes.items[i].value);
    if (syntax->condition)
        note_variables(used, syntax->condition);
    for (size_t i = 0; i < checker->placeholders.count; i++)
        if (!map_get(used, checker->placeholders.items[i].name))
            report_warning(checker->report, checker->placeholders.items[i].at, "placeholder `$%.*s` is defined and never used",
                           SLICE_ARGS(checker->placeholders.items[i].name));
    map_free(used, NULL);
}

void checker_warn_of_events(struct checker *checker)
{
    warn_of_type_filters(checker);
    warn_of_contradictions(checker);
    warn_of_zero_match_values(checker);
    warn_of_empty_joins(checker);
    warn_of_unused_placeholders(checker);
}
