/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of functions and aggregates. */
#include "checker.h"

/* --- aggregates ------------------------------------------------------------------------------------------------------------------------------ */

static bool aggregate_needs_number(enum yaral_aggregate aggregate)
{
    return aggregate == YARAL_MAX || aggregate == YARAL_MIN || aggregate == YARAL_SUM || aggregate == YARAL_AVG ||
           aggregate == YARAL_STDDEV;
}

static enum yaral_type aggregate_type(enum yaral_aggregate aggregate, enum yaral_type argument)
{
    if (aggregate == YARAL_COUNT || aggregate == YARAL_COUNT_DISTINCT)
        return YARAL_INT;
    if (aggregate == YARAL_AVG || aggregate == YARAL_STDDEV)
        return YARAL_FLOAT;
    return argument;
}

static bool check_aggregate_place(struct checker *checker, const struct node *node)
{
    if (checker->section != SECTION_OUTCOME)
        report_error(checker->report, node->at, "aggregate `%.*s` stands in outcome only%s", SLICE_ARGS(node->text),
                     checker->section == SECTION_CONDITION ? ": give it to an outcome and compare that" : "");
    else if (checker->aggregates)
        report_error(checker->report, node->at, "aggregate `%.*s` stands inside another aggregate: take one of them away",
                     SLICE_ARGS(node->text));
    else if (node->child_count != 1)
        report_error(checker->report, node->at, "aggregate `%.*s` takes one argument, not %zu", SLICE_ARGS(node->text), node->child_count);
    else
        return true;
    return false;
}

static struct yaral_expr *check_aggregate(struct checker *checker, struct node *node, enum yaral_aggregate aggregate)
{
    if (!check_aggregate_place(checker, node))
        return NULL;
    checker->aggregates++;
    struct yaral_expr *argument = check_value(checker, node->children[0]);
    checker->aggregates--;
    if (!argument)
        return NULL;
    if (argument->is_list || argument->kind == YARAL_EXPR_REGEX || (aggregate_needs_number(aggregate) && !type_is_number(argument->type))) {
        report_error(checker->report, argument->at, "`%.*s` takes %s, and `%.*s` is %s", SLICE_ARGS(node->text),
                     aggregate_needs_number(aggregate) ? "a number" : "a value", SLICE_ARGS(report_excerpt(argument->source)),
                     argument->kind == YARAL_EXPR_REGEX ? "a regex" : expr_type_text(argument));
        return NULL;
    }
    if (checker->options->google && aggregate >= YARAL_AVG)
        report_warning(checker->report, node->at, "Google's rules have no aggregate `%.*s`, only its searches do", SLICE_ARGS(node->text));
    struct yaral_expr *expr = checker_expr(checker, YARAL_EXPR_AGGREGATE, aggregate_type(aggregate, argument->type), node);
    expr->is_list = aggregate == YARAL_ARRAY || aggregate == YARAL_ARRAY_DISTINCT;
    expr->aggregate = aggregate;
    expr_adopt(checker, expr, &argument, 1);
    return expr;
}

/* --- functions --------------------------------------------------------------------------------------------------------------------------------- */

static bool check_function_place(struct checker *checker, const struct node *node, const struct yaral_function *function)
{
    unsigned int place = checker->section == SECTION_EVENTS    ? YARAL_IN_EVENTS
                         : checker->section == SECTION_OUTCOME ? YARAL_IN_OUTCOME
                                                               : YARAL_IN_CONDITION;

    if (function->needs_match && !checker_has_match(checker)) {
        report_error(checker->report, node->at, "`%s` needs a rule with a match section", function->name);
        return false;
    }
    if (!(function->places & place)) {
        report_error(checker->report, node->at, "`%s` cannot stand in this section, only in %s%s%s%s%s", function->name,
                     function->places & YARAL_IN_EVENTS ? "events" : "",
                     function->places & YARAL_IN_EVENTS && function->places & YARAL_IN_OUTCOME ? " and " : "",
                     function->places & YARAL_IN_OUTCOME ? "outcome" : "",
                     function->places & YARAL_IN_CONDITION && function->places & ~(unsigned int)YARAL_IN_CONDITION ? " and " : "",
                     function->places & YARAL_IN_CONDITION ? "condition" : "");
        return false;
    }
    if (function->google_lacks && checker->options->google)
        report_warning(checker->report, node->at, "Google's rules have no function `%s`", function->name);
    return true;
}

static const struct yaral_function *find_function(struct checker *checker, const struct node *node)
{
    const char *nearest = NULL;
    const struct yaral_function *function = yaral_function_find(node->text, checker->report->errors < REPORT_LIMIT ? &nearest : NULL);

    if (function && function->refused) {
        report_unsupported(checker->report, node->at, "`%s` (line %u): %s", function->name, node->at.line, function->refused);
        return NULL;
    }
    if (function && !node->named)
        return check_function_place(checker, node, function) ? function : NULL;
    if (slice_starts_with(node->text, SLICE("metrics.")))
        report_unsupported(checker->report, node->at, "`%.*s` needs Google's historical baselines (line %u)",
                           SLICE_ARGS(report_excerpt(node->text)), node->at.line);
    else if (function)
        report_error(checker->report, node->at, "`%s` takes no named arguments: %s", function->name, function->signature);
    else
        report_error(checker->report, node->at, "unknown function `%.*s`%s%s%s", SLICE_ARGS(report_excerpt(node->text)),
                     nearest ? "; did you mean `" : "", nearest ? nearest : "", nearest ? "`?" : "");
    return NULL;
}

/* A function may use fields of one event. */
static bool check_one_event(struct checker *checker, const struct node *node)
{
    event_set events = checker_events_of(checker, node);

    if (!events || event_set_is_single(events))
        return true;
    size_t one = event_set_first(events);
    size_t other = event_set_first(events & (events - 1));
    report_error(checker->report, node->at, "`%.*s` uses fields of two events (`$%.*s` and `$%.*s`): a function takes those of one",
                 SLICE_ARGS(report_excerpt(node->text)), SLICE_ARGS(checker->events.items[one].name),
                 SLICE_ARGS(checker->events.items[other].name));
    return false;
}

static struct yaral_argument describe_argument(const struct yaral_expr *expr)
{
    struct yaral_argument argument = {.type = expr->type, .is_list = expr->is_list};

    if (expr->kind == YARAL_EXPR_FIELD) {
        argument.is_field = true;
        argument.is_repeated = expr->field.path->repeated;
    } else if (expr->kind == YARAL_EXPR_LITERAL) {
        argument.is_constant = true;
        argument.constant = expr->literal;
    } else if (expr->kind == YARAL_EXPR_REGEX) {
        argument.is_constant = true;
        argument.is_regex = true;
        argument.constant = yaral_string(regex_pattern(expr->regex));
    }
    return argument;
}

static bool check_arguments(struct checker *checker, struct node *node, const struct yaral_function *function, struct yaral_expr **operands)
{
    bool good = true, whole_field = checker->whole_field, quantifier_allowed = checker->quantifier_allowed;

    checker->function_depth++;
    checker->aggregates += function->needs_match;
    checker->whole_field = function->whole_field;
    checker->quantifier_allowed = !function->whole_field && (quantifier_allowed || function->type == YARAL_BOOL);
    for (size_t i = 0; i < node->child_count; i++) {
        struct node *argument = node->children[i];
        operands[i] = argument->kind == NODE_REGEX ? check_regex(checker, argument, node->nocase) : check_value(checker, argument);
        good = good && operands[i];
    }
    checker->quantifier_allowed = quantifier_allowed;
    checker->whole_field = whole_field;
    checker->aggregates -= function->needs_match;
    checker->function_depth--;
    return good;
}

static bool report_argument(struct checker *checker, const struct node *node, const struct yaral_function *function, size_t guilty,
                            struct slice error)
{
    report_error(checker->report, guilty < node->child_count ? node->children[guilty]->at : node->at, "`%s`: %.*s", function->name,
                 SLICE_ARGS(error));
    return false;
}

static bool prepare(struct checker *checker, const struct node *node, const struct yaral_function *function,
                    const struct yaral_argument *arguments, struct yaral_expr *expr)
{
    size_t guilty = node->child_count;
    struct slice error = {0};

    if (function->check && !function->check(function, arguments, node->child_count, checker->arena, &error, &guilty))
        return report_argument(checker, node, function, guilty, error);
    if (node->nocase && !function->takes_nocase) {
        report_error(checker->report, node->nocase_at, "`%s` takes no `nocase`: strings.to_lower(...) makes a text lower case",
                     function->name);
        return false;
    }
    guilty = node->child_count;
    if (function->prepare &&
        function->prepare(arguments, node->child_count, node->nocase, checker->arena, &expr->call.prepared, &error, &guilty) != RESULT_OK)
        return report_argument(checker, node, function, guilty, error);
    if (expr->call.prepared && function->release)
        VECTOR_PUSH(&checker->owned->all, ((struct owned){function->release, expr->call.prepared}));
    return true;
}

static struct yaral_expr *check_function(struct checker *checker, struct node *node, const struct yaral_function *function)
{
    struct yaral_expr **operands = arena_calloc(checker->arena, node->child_count, sizeof *operands);
    struct yaral_argument *arguments = arena_calloc(checker->arena, node->child_count, sizeof *arguments);

    if (checker->function_depth >= FUNCTION_NESTING_MAX) {
        report_error(checker->report, node->at, "functions are nested more than %d deep: split this into several outcomes or placeholders",
                     FUNCTION_NESTING_MAX);
        return NULL;
    }
    if (!check_arguments(checker, node, function, operands) || !check_one_event(checker, node))
        return NULL;
    for (size_t i = 0; i < node->child_count; i++)
        arguments[i] = describe_argument(operands[i]);
    enum yaral_type type = function->type;
    struct yaral_expr *expr = checker_expr(checker, YARAL_EXPR_CALL, type, node);
    expr->is_list = function->is_list;
    expr->nocase = node->nocase;
    expr->operands = operands;
    expr->operand_count = node->child_count;
    expr->call.function = function;
    if (!prepare(checker, node, function, arguments, expr))
        return NULL;
    if (function->result_type)
        expr->type = function->result_type(arguments, node->child_count);
    if (slice_starts_with(node->text, SLICE("re.")) && node->child_count > 1 && arguments[1].is_constant && !arguments[1].is_regex)
        check_regex_start(checker, arguments[1].constant.string, node->children[1]->at);
    return expr;
}

struct yaral_expr *check_call(struct checker *checker, struct node *node)
{
    enum yaral_aggregate aggregate = yaral_aggregate_find(node->text);

    if (aggregate != YARAL_AGGREGATE_NONE)
        return check_aggregate(checker, node, aggregate);
    const struct yaral_function *function = find_function(checker, node);
    return function ? check_function(checker, node, function) : NULL;
}
