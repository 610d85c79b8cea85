/* SPDX-License-Identifier: Apache-2.0 */
/* Fields, variables, regexes, arithmetic, if. */
#include "checker.h"

/* --- what must be aggregated ----------------------------------------------------------------------------------------------------------------- */

/* In outcome a value of a row needs an aggregate where a detection has more than one row. */
static bool check_aggregated(struct checker *checker, const struct node *node, bool repeated, bool one_per_detection)
{
    if (checker->section != SECTION_OUTCOME || checker->aggregates || one_per_detection)
        return true;
    if (!checker_has_match(checker) && (!repeated || checker->whole_field))
        return true;
    if (checker->aggregate_reported)
        return false;
    checker->aggregate_reported = true;
    if (checker_has_match(checker))
        report_error(checker->report, node->at,
                     "`%.*s` must be aggregated, for a rule with match has many events: max(...), array_distinct(...) or another aggregate",
                     SLICE_ARGS(report_excerpt(node->source)));
    else
        report_error(checker->report, node->at,
                     "`%.*s` is repeated and must be aggregated: array_distinct(...), max(...) or another aggregate, or an index ([0])",
                     SLICE_ARGS(report_excerpt(node->source)));
    return false;
}

/* --- fields ------------------------------------------------------------------------------------------------------------------------------ */

static enum yaral_type field_type(const struct udm_path *path)
{
    if (path->has_key)
        return YARAL_STRING;
    if (path->part != UDM_PART_WHOLE)
        return YARAL_INT;
    switch (path->steps[path->step_count - 1].field->type) {
    case UDM_STRING: return YARAL_STRING;
    case UDM_BYTES: return YARAL_BYTES;
    case UDM_BOOL: return YARAL_BOOL;
    case UDM_INT: return YARAL_INT;
    case UDM_FLOAT: return YARAL_FLOAT;
    case UDM_ENUM: return YARAL_ENUM;
    default: return YARAL_NOTHING;
    }
}

static struct udm_path *resolve_path(struct checker *checker, const struct node *node)
{
    struct udm_name *names = arena_alloc(checker->arena, node->step_count * sizeof *names);
    struct udm_path *path = ARENA_NEW(checker->arena, struct udm_path);
    size_t guilty = 0;
    struct slice error = {0};

    for (size_t i = 0; i < node->step_count; i++)
        names[i] = node->steps[i].name;
    if (udm_path_resolve(checker->arena, udm_event_type(), names, node->step_count, path, &guilty, &error) == RESULT_OK)
        return path;
    if (guilty >= node->step_count)
        guilty = node->step_count - 1;
    report_error(checker->report, node->steps[guilty].at, "%.*s", SLICE_ARGS(error));
    return NULL;
}

static bool check_quantified_field(struct checker *checker, const struct node *node, const struct udm_path *path)
{
    const char *word = node->quantifier == YARAL_ANY ? "any" : "all";

    if (node->quantifier == YARAL_ROW || path->repeated)
        return true;
    if (path->has_key)
        report_error(checker->report, node->at, "`%s` cannot stand before a map: `%.*s` is one value", word, SLICE_ARGS(path->text));
    else
        report_error(checker->report, node->at, "`%s` is for repeated fields only, and `%.*s` is one value: leave `%s` away", word,
                     SLICE_ARGS(path->text), word);
    return false;
}

struct yaral_expr *check_field(struct checker *checker, struct node *node)
{
    ptrdiff_t event = checker_event(checker, node->text);

    if (checker->section == SECTION_CONDITION) {
        report_error(checker->report, node->at, "a field cannot stand in the condition: give it to an outcome ($x = ...) and use that");
        return NULL;
    }
    if (event < 0) {
        checker_unknown_variable(checker, node);
        return NULL;
    }
    if (checker->events.items[event].feature != FEATURE_NONE)
        return NULL;
    struct udm_path *path = resolve_path(checker, node);
    if (!path || !check_quantified_field(checker, node, path) ||
        !check_aggregated(checker, node, path->repeated && node->quantifier == YARAL_ROW, false))
        return NULL;
    enum yaral_type type = field_type(path);
    if (type == YARAL_NOTHING) {
        const struct udm_field *last = path->steps[path->step_count - 1].field;
        bool is_time = last->type == UDM_TIMESTAMP || last->type == UDM_DURATION;
        report_error(checker->report, node->at,
                     is_time ? "`%.*s` is a time: name its .seconds or .nanos" : "`%.*s` is not one value: name what it holds ([\"key\"])",
                     SLICE_ARGS(path->text));
        return NULL;
    }
    struct yaral_expr *expr = checker_expr(checker, YARAL_EXPR_FIELD, type, node);
    expr->field.event = (size_t)event;
    expr->field.path = path;
    expr->field.quantifier = node->quantifier;
    return expr;
}

/* --- variables ---------------------------------------------------------------------------------------------------------------------------- */

static struct yaral_expr *check_placeholder(struct checker *checker, struct node *node, size_t index)
{
    struct placeholder_symbol *symbol = checker_resolve(checker, index);

    if (!symbol || !check_aggregated(checker, node, symbol->repeated, symbol->is_match))
        return NULL;
    struct yaral_expr *expr = checker_expr(checker, YARAL_EXPR_PLACEHOLDER, symbol->value->type, node);
    expr->is_list = symbol->value->is_list;
    expr->placeholder = index;
    return expr;
}

static struct yaral_expr *check_outcome_variable(struct checker *checker, struct node *node, size_t index)
{
    const struct yaral_outcome *outcome = &checker->rule->outcomes[index];

    if (checker->aggregates) {
        report_error(checker->report, node->at, "`$%.*s` is an outcome, one value of the detection: it is not aggregated again",
                     SLICE_ARGS(node->text));
        return NULL;
    }
    if (!outcome->value)
        return NULL;
    struct yaral_expr *expr = checker_expr(checker, YARAL_EXPR_OUTCOME, outcome->value->type, node);
    expr->is_list = outcome->value->is_list;
    expr->outcome = index;
    return expr;
}

/* An outcome of that name further down; the text above it cannot use it. */
static bool is_later_outcome(struct checker *checker, const struct node *node)
{
    for (size_t i = 0; checker->section == SECTION_OUTCOME && i < checker->syntax->outcomes.count; i++)
        if (slice_equal(checker->syntax->outcomes.items[i].name, node->text)) {
            report_error(checker->report, node->at,
                         "outcome `$%.*s` is set in line %u, outcomes may use those above them: move that line up", SLICE_ARGS(node->text),
                         checker->syntax->outcomes.items[i].at.line);
            return true;
        }
    return false;
}

struct yaral_expr *check_variable(struct checker *checker, struct node *node)
{
    ptrdiff_t event = checker_event(checker, node->text);
    ptrdiff_t placeholder = checker_placeholder(checker, node->text);
    ptrdiff_t outcome = checker_outcome(checker, node->text);

    if (node->kind == NODE_COUNT) {
        report_error(checker->report, node->at,
                     checker->section == SECTION_CONDITION ? "`#%.*s` is compared with a number: #%.*s > 1"
                                                           : "`#%.*s` counts in the condition only: write $%.*s",
                     SLICE_ARGS(node->text), SLICE_ARGS(node->text));
        return NULL;
    }
    if (event >= 0) {
        report_error(checker->report, node->at, "`$%.*s` is an event, not a value: name a field of it ($%.*s.metadata.event_type)",
                     SLICE_ARGS(node->text), SLICE_ARGS(node->text));
        return NULL;
    }
    if (placeholder >= 0 && checker->section == SECTION_CONDITION) {
        report_error(
            checker->report, node->at,
            "placeholder `$%.*s` has no one value in the condition: compare it in events, count it (#%.*s), or give it to an outcome",
            SLICE_ARGS(node->text), SLICE_ARGS(node->text));
        return NULL;
    }
    if (placeholder >= 0)
        return check_placeholder(checker, node, (size_t)placeholder);
    if (outcome >= 0 && checker->section != SECTION_EVENTS)
        return check_outcome_variable(checker, node, (size_t)outcome);
    if (!is_later_outcome(checker, node))
        checker_unknown_variable(checker, node);
    return NULL;
}

/* --- regexes ------------------------------------------------------------------------------------------------------------------------------ */

static void release_regex(void *regex)
{
    regex_free(regex);
}

struct yaral_expr *check_regex(struct checker *checker, struct node *node, bool nocase)
{
    struct regex *regex = NULL;
    struct slice error = {0};

    if (regex_compile(node->text, nocase, checker->arena, &regex, &error) != RESULT_OK) {
        report_error(checker->report, node->at, "regex /%.*s/: %.*s", SLICE_ARGS(report_excerpt(node->text)), SLICE_ARGS(error));
        return NULL;
    }
    VECTOR_PUSH(&checker->owned->all, ((struct owned){release_regex, regex}));
    check_regex_start(checker, node->text, node->at);
    struct yaral_expr *expr = checker_expr(checker, YARAL_EXPR_REGEX, YARAL_STRING, node);
    expr->nocase = nocase;
    expr->regex = regex;
    return expr;
}

/* --- arithmetic and if ---------------------------------------------------------------------------------------------------------------------- */

struct yaral_expr *check_arithmetic(struct checker *checker, struct node *node)
{
    struct yaral_expr *operands[2];
    bool quantifier_allowed = checker->quantifier_allowed;

    checker->quantifier_allowed = false;
    for (size_t i = 0; i < 2; i++) {
        operands[i] = check_value(checker, node->children[i]);
        if (operands[i] && (!type_is_number(operands[i]->type) || operands[i]->is_list || operands[i]->kind == YARAL_EXPR_REGEX)) {
            report_error(checker->report, node->children[i]->at,
                         "arithmetic is for numbers, and this is %s: join texts with strings.concat(...)", expr_type_text(operands[i]));
            operands[i] = NULL;
        }
    }
    checker->quantifier_allowed = quantifier_allowed;
    if (!operands[0] || !operands[1])
        return NULL;
    bool is_float = operands[0]->type == YARAL_FLOAT || operands[1]->type == YARAL_FLOAT;
    if (node->op == YARAL_OP_MODULO && is_float) {
        report_error(checker->report, node->at, "`%%` is for integers: make them so with math.floor(...) or math.round(...)");
        return NULL;
    }
    struct yaral_expr *expr =
        checker_expr(checker, YARAL_EXPR_ARITHMETIC, is_float || node->op == YARAL_OP_DIVIDE ? YARAL_FLOAT : YARAL_INT, node);
    expr->op = node->op;
    expr_adopt(checker, expr, operands, 2);
    return expr;
}

enum yaral_type common_type(const struct yaral_expr *a, const struct yaral_expr *b)
{
    if (a->is_list != b->is_list)
        return YARAL_NOTHING;
    if (a->type == b->type)
        return a->type;
    return type_is_number(a->type) && type_is_number(b->type) ? YARAL_FLOAT : YARAL_NOTHING;
}

static bool check_branches(struct checker *checker, struct node *node, struct yaral_expr *const *operands, enum yaral_type *type)
{
    *type = operands[1]->type;
    if (node->child_count == 2) {
        if (type_is_number(*type) && !operands[1]->is_list)
            return true;
        report_error(checker->report, node->at,
                     "this `if` gives %s and has no else value, which only numbers may leave away (then 0): if(condition, value, else)",
                     expr_type_text(operands[1]));
        return false;
    }
    *type = common_type(operands[1], operands[2]);
    if (*type != YARAL_NOTHING)
        return true;
    report_error(checker->report, node->children[2]->at, "the two values of `if` have different types (%s, %s): give both one type",
                 expr_type_text(operands[1]), expr_type_text(operands[2]));
    return false;
}

struct yaral_expr *check_if(struct checker *checker, struct node *node)
{
    struct yaral_expr *operands[3] = {NULL, NULL, NULL};
    bool good = true, quantifier_allowed = checker->quantifier_allowed;
    enum yaral_type type;

    if (checker->function_depth >= FUNCTION_NESTING_MAX) {
        report_error(checker->report, node->at, "functions are nested more than %d deep: split this into several outcomes or placeholders",
                     FUNCTION_NESTING_MAX);
        return NULL;
    }
    checker->function_depth++;
    checker->quantifier_allowed = false;
    for (size_t i = 0; i < node->child_count; i++) {
        operands[i] = i == 0 ? check_condition(checker, node->children[i]) : check_value(checker, node->children[i]);
        good = good && operands[i];
    }
    checker->quantifier_allowed = quantifier_allowed;
    checker->function_depth--;
    if (!good || !check_branches(checker, node, operands, &type))
        return NULL;
    struct yaral_expr *expr = checker_expr(checker, YARAL_EXPR_IF, type, node);
    expr->is_list = operands[1]->is_list;
    expr_adopt(checker, expr, operands, 3);
    return expr;
}
