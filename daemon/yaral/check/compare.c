/* SPDX-License-Identifier: Apache-2.0 */
/* Comparisons and look-ups in lists: what may meet what. */
#include "checker.h"

#include <math.h>
#include <stdlib.h>

void check_regex_start(struct checker *checker, struct slice pattern, struct yaral_position at)
{
    if (slice_starts_with(pattern, SLICE(".*")))
        report_warning(checker->report, at,
                       "the regex begins with `.*`, which a search does not need and which makes it slow: leave it away");
}

static const char *op_text(enum yaral_op op)
{
    static const char *const texts[] = {"", "=", "!=", "<", "<=", ">", ">="};
    return texts[op];
}

static bool is_ordering(enum yaral_op op)
{
    return op != YARAL_OP_EQUAL && op != YARAL_OP_NOT_EQUAL;
}

enum yaral_op op_mirrored(enum yaral_op op)
{
    switch (op) {
    case YARAL_OP_LESS: return YARAL_OP_GREATER;
    case YARAL_OP_LESS_EQUAL: return YARAL_OP_GREATER_EQUAL;
    case YARAL_OP_GREATER: return YARAL_OP_LESS;
    case YARAL_OP_GREATER_EQUAL: return YARAL_OP_LESS_EQUAL;
    default: return op;
    }
}

static bool node_is_literal(const struct node *node)
{
    return node->kind == NODE_STRING || node->kind == NODE_INTEGER || node->kind == NODE_FLOAT || node->kind == NODE_BOOL ||
           node->kind == NODE_REGEX;
}

bool node_has_quantifier(const struct node *node)
{
    if (node->kind == NODE_FIELD && node->quantifier != YARAL_ROW)
        return true;
    for (size_t i = 0; i < node->child_count; i++)
        if (node_has_quantifier(node->children[i]))
            return true;
    return false;
}

/* --- literals against what they are compared with ------------------------------------------------------------------------------------------- */

/* The enum of a field, through placeholders and if; NULL when it is none or not known. */
static const struct udm_enum *enum_of(const struct checker *checker, const struct yaral_expr *expr)
{
    if (expr->kind == YARAL_EXPR_FIELD)
        return expr->field.path->steps[expr->field.path->step_count - 1].field->enumeration;
    if (expr->kind == YARAL_EXPR_PLACEHOLDER)
        return enum_of(checker, checker->placeholders.items[expr->placeholder].value);
    if (expr->kind == YARAL_EXPR_OUTCOME)
        return enum_of(checker, checker->rule->outcomes[expr->outcome].value);
    if (expr->kind == YARAL_EXPR_IF)
        return enum_of(checker, expr->operands[1]);
    if (expr->kind == YARAL_EXPR_AGGREGATE)
        return enum_of(checker, expr->operands[0]);
    return NULL;
}

static bool adapt_to_enum(struct checker *checker, struct yaral_expr *literal, const struct yaral_expr *other)
{
    const struct udm_enum *enumeration = enum_of(checker, other);
    int32_t number;
    char text[128];

    if (literal->type != YARAL_STRING || !enumeration) {
        report_error(checker->report, literal->at, "`%.*s` is an enum and compares with the name of a value in quotes",
                     SLICE_ARGS(report_excerpt(other->source)));
        return false;
    }
    if (!udm_enum_number(enumeration, literal->literal.string, &number)) {
        struct report_suggestion suggestion = {.written = literal->literal.string};
        for (size_t i = 0; i < enumeration->value_count && checker->report->errors < REPORT_LIMIT; i++)
            report_suggestion_offer(&suggestion, slice_of(enumeration->values[i].name));
        report_error(checker->report, literal->at, "enum %s has no value `%.*s`%s", enumeration->name,
                     SLICE_ARGS(report_excerpt(literal->literal.string)), report_suggestion_text(&suggestion, "", text));
        return false;
    }
    literal->type = YARAL_ENUM;
    literal->literal = (struct yaral_value){.type = YARAL_ENUM, .integer = number, .enumeration = enumeration};
    return true;
}

/* The number that a quoted literal is; false if it is none. */
static bool read_quoted_number(struct checker *checker, struct slice text, struct yaral_value *value)
{
    int64_t integer;
    char *end;

    if (slice_to_int64(text, &integer)) {
        *value = yaral_int(integer);
        return true;
    }
    char *copy = arena_strdup(checker->arena, text);
    double number = strtod(copy, &end);
    if (text.length == 0 || *end || (size_t)(end - copy) != text.length || !isfinite(number) || slice_find_byte(text, ' ') >= 0)
        return false;
    *value = yaral_float(number);
    return true;
}

static bool adapt_to_number(struct checker *checker, struct yaral_expr *literal, const struct yaral_expr *other)
{
    struct yaral_value value;

    if (type_is_number(literal->type))
        return true;
    if (literal->type != YARAL_STRING || !read_quoted_number(checker, literal->literal.string, &value)) {
        report_error(checker->report, literal->at, "type mismatch: `%.*s` is a number, and %.*s is not",
                     SLICE_ARGS(report_excerpt(other->source)), SLICE_ARGS(report_excerpt(literal->source)));
        return false;
    }
    report_warning(checker->report, literal->at, "`%.*s` is a number: write %.*s without quotes", SLICE_ARGS(report_excerpt(other->source)),
                   SLICE_ARGS(report_excerpt(literal->literal.string)));
    literal->type = value.type;
    literal->literal = value;
    return true;
}

/* Makes the literal one of the type that it meets. */
static bool adapt_literal(struct checker *checker, struct yaral_expr *literal, const struct yaral_expr *other)
{
    if (other->type == YARAL_ENUM)
        return adapt_to_enum(checker, literal, other);
    if (type_is_number(other->type))
        return adapt_to_number(checker, literal, other);
    if (literal->type == other->type)
        return true;
    const char *remedy = other->type == YARAL_STRING ? "write it in quotes" : "write true or false, without quotes";
    report_error(checker->report, literal->at, "type mismatch: `%.*s` is %s, and %.*s is %s: %s", SLICE_ARGS(report_excerpt(other->source)),
                 yaral_type_text(other->type), SLICE_ARGS(report_excerpt(literal->source)), yaral_type_text(literal->type), remedy);
    return false;
}

/* --- comparisons ---------------------------------------------------------------------------------------------------------------------------- */

static bool check_types(struct checker *checker, const struct node *node, struct yaral_expr *left, struct yaral_expr *right)
{
    const struct yaral_expr *list = left->is_list ? left : right->is_list ? right : NULL;

    if (list) {
        report_error(checker->report, list->at,
                     "`%.*s` is %s and cannot be compared: take one element (arrays.index_to_str) or ask arrays.contains",
                     SLICE_ARGS(report_excerpt(list->source)), expr_type_text(list));
        return false;
    }
    if (left->type == YARAL_BYTES || right->type == YARAL_BYTES) {
        report_error(checker->report, left->type == YARAL_BYTES ? left->at : right->at,
                     "bytes are for functions only and cannot be compared: bytes.to_base64(...) makes a string of them");
        return false;
    }
    if (left->kind == YARAL_EXPR_LITERAL)
        return adapt_literal(checker, left, right);
    if (right->kind == YARAL_EXPR_LITERAL)
        return adapt_literal(checker, right, left);
    bool alike = common_type(left, right) != YARAL_NOTHING;
    const struct udm_enum *one = enum_of(checker, left), *other = enum_of(checker, right);
    if (alike && left->type == YARAL_ENUM && one && other && one != other)
        alike = false;
    if (!alike)
        report_error(checker->report, node->at, "type mismatch: `%.*s` is %s and `%.*s` is %s%s", SLICE_ARGS(report_excerpt(left->source)),
                     yaral_type_text(left->type), SLICE_ARGS(report_excerpt(right->source)), yaral_type_text(right->type),
                     left->type == right->type ? " of another kind" : "");
    return alike;
}

static bool check_operator(struct checker *checker, const struct node *node, const struct yaral_expr *left, const struct yaral_expr *right)
{
    if (is_ordering(node->op) && !type_is_number(left->type) && left->type != YARAL_ENUM) {
        report_error(checker->report, node->at, "`%s` orders numbers and enums, and `%.*s` is %s: only = and != compare it",
                     op_text(node->op), SLICE_ARGS(report_excerpt(left->source)), yaral_type_text(left->type));
        return false;
    }
    if (node->nocase && left->type != YARAL_STRING) {
        report_error(checker->report, node->nocase_at, "`nocase` is for strings, and `%.*s` is %s: leave it away",
                     SLICE_ARGS(report_excerpt(left->kind == YARAL_EXPR_LITERAL ? right->source : left->source)),
                     yaral_type_text(left->type));
        return false;
    }
    return true;
}

/* field = /re/: the regex becomes the right side. */
static struct yaral_expr *check_regex_compare(struct checker *checker, struct node *node)
{
    struct node *pattern = node->children[0]->kind == NODE_REGEX ? node->children[0] : node->children[1];
    struct node *subject = pattern == node->children[0] ? node->children[1] : node->children[0];
    struct yaral_expr *operands[2] = {check_value(checker, subject), check_regex(checker, pattern, node->nocase)};

    if (!operands[0] || !operands[1])
        return NULL;
    if (is_ordering(node->op)) {
        report_error(checker->report, pattern->at, "a regex stands behind `=` or `!=`, not behind `%s`", op_text(node->op));
        return NULL;
    }
    if (operands[0]->type != YARAL_STRING || operands[0]->is_list) {
        report_error(checker->report, pattern->at, "a regex searches strings, and `%.*s` is %s",
                     SLICE_ARGS(report_excerpt(subject->source)), expr_type_text(operands[0]));
        return NULL;
    }
    struct yaral_expr *expr = checker_expr(checker, YARAL_EXPR_COMPARE, YARAL_BOOL, node);
    expr->op = node->op;
    expr->nocase = node->nocase;
    expr_adopt(checker, expr, operands, 2);
    return expr;
}

/* any and all compare with constants: not with other events, placeholders or a second any. */
static bool check_quantifiers(struct checker *checker, const struct node *node)
{
    for (size_t side = 0; side < 2; side++) {
        const struct node *other = node->children[1 - side];
        if (!node_has_quantifier(node->children[side]) || !checker_events_of(checker, other))
            continue;
        report_error(checker->report, node->children[side]->at,
                     "`any` and `all` compare a repeated field with a constant, not with `%.*s`: leave them away in joins and assignments",
                     SLICE_ARGS(report_excerpt(other->source)));
        return false;
    }
    return true;
}

static bool check_table_join(struct checker *checker, const struct node *node)
{
    for (size_t side = 0; side < 2; side++) {
        const struct node *list = node->children[side];
        if (list->kind != NODE_LIST)
            continue;
        if (list->column.length)
            report_unsupported(checker->report, list->at, "joining a table (line %u) is not available: ask `value in %.*s`", list->at.line,
                               SLICE_ARGS(report_excerpt(list->source)));
        else
            report_error(checker->report, list->at, "a list is looked up with `in`: value in %.*s",
                         SLICE_ARGS(report_excerpt(list->source)));
        return false;
    }
    return true;
}

/* A negation over a label that may stand several times differs where all its values are seen. */
static void warn_of_negated_map(struct checker *checker, const struct node *node, const struct yaral_expr *left,
                                const struct yaral_expr *right)
{
    const struct yaral_expr *field = left->kind == YARAL_EXPR_FIELD ? left : right;

    if (!checker->options->google || field->kind != YARAL_EXPR_FIELD || !field->field.path->has_key ||
        (node->op != YARAL_OP_NOT_EQUAL && !checker->negations))
        return;
    if (field->field.path->steps[field->field.path->step_count - 1].field->type == UDM_MESSAGE)
        report_warning(checker->report, node->at,
                       "a negation over `%.*s`: Google looks at the first label of that key only, here any of them counts",
                       SLICE_ARGS(report_excerpt(field->field.path->text)));
}

struct yaral_expr *check_compare(struct checker *checker, struct node *node)
{
    bool quantifier_allowed = checker->quantifier_allowed;
    struct yaral_expr *operands[2];

    if (node_is_literal(node->children[0]) && node_is_literal(node->children[1])) {
        report_error(checker->report, node->children[0]->at, "both sides are literals, so this is always the same: compare a field");
        return NULL;
    }
    if (!check_table_join(checker, node) || !check_quantifiers(checker, node))
        return NULL;
    checker->quantifier_allowed = true;
    struct yaral_expr *regex = NULL;
    bool is_regex = node->children[0]->kind == NODE_REGEX || node->children[1]->kind == NODE_REGEX;
    if (is_regex)
        regex = check_regex_compare(checker, node);
    for (size_t i = 0; i < 2 && !is_regex; i++)
        operands[i] = check_value(checker, node->children[i]);
    checker->quantifier_allowed = quantifier_allowed;
    if (is_regex) {
        if (regex)
            warn_of_negated_map(checker, node, regex->operands[0], regex->operands[0]);
        return regex;
    }
    if (!operands[0] || !operands[1] || !check_types(checker, node, operands[0], operands[1]) ||
        !check_operator(checker, node, operands[0], operands[1]))
        return NULL;
    warn_of_negated_map(checker, node, operands[0], operands[1]);
    struct yaral_expr *expr = checker_expr(checker, YARAL_EXPR_COMPARE, YARAL_BOOL, node);
    bool swap = operands[0]->kind == YARAL_EXPR_LITERAL;
    expr->op = swap ? op_mirrored(node->op) : node->op;
    expr->nocase = node->nocase;
    expr_adopt(checker, expr, swap ? (struct yaral_expr *[]){operands[1], operands[0]} : operands, 2);
    return expr;
}

/* --- in -------------------------------------------------------------------------------------------------------------------------------------- */

static const struct yaral_list *find_list(struct checker *checker, const struct node *node, const struct node *list)
{
    struct slice nearest = {0};
    const struct yaral_list *found = NULL;

    if (checker->lists)
        found = yaral_lists_find(checker->lists, list->text, list->column, node->list_kind, node->nocase, checker->report->diagnostics,
                                 &nearest);
    if (found)
        return found;
    if (nearest.length)
        report_error(checker->report, list->at, "there is no list or table `%.*s`; did you mean `%.*s`?",
                     SLICE_ARGS(report_excerpt(list->source)), SLICE_ARGS(nearest));
    else
        report_error(checker->report, list->at, "there is no list `%.*s`: add it to the lists, or name a table's column (%%table.column)",
                     SLICE_ARGS(report_excerpt(list->source)));
    return NULL;
}

static void warn_of_google_lists(struct checker *checker, const struct node *node)
{
    static const size_t limits[] = {[YARAL_LIST_STRING] = 7, [YARAL_LIST_REGEX] = 4, [YARAL_LIST_CIDR] = 2};
    static const char *const names[] = {[YARAL_LIST_STRING] = "in", [YARAL_LIST_REGEX] = "in regex", [YARAL_LIST_CIDR] = "in cidr"};
    size_t total = 0;

    checker->list_uses[node->list_kind]++;
    for (size_t i = 0; i < 3; i++)
        total += checker->list_uses[i];
    if (!checker->options->google)
        return;
    if (checker->list_uses[node->list_kind] == limits[node->list_kind] + 1 ||
        (total == limits[0] + 1 && node->list_kind != YARAL_LIST_STRING))
        report_warning(checker->report, node->at,
                       "Google takes at most 7 `in` in a rule, 4 of them `in regex` and 2 `in cidr`: this `%s` is one more",
                       names[node->list_kind]);
    if (checker->disjunctions && node->children[1]->column.length)
        report_warning(checker->report, node->at, "Google does not mix a table look-up with other conditions in one `or`");
}

static bool check_in_operand(struct checker *checker, const struct node *node, const struct yaral_expr *operand)
{
    if (operand->type == YARAL_STRING && !operand->is_list)
        return true;
    report_error(checker->report, node->children[0]->at, "lists hold strings, and `%.*s` is %s: cast.as_string(...) makes one of a number",
                 SLICE_ARGS(report_excerpt(node->children[0]->source)), expr_type_text(operand));
    return false;
}

struct yaral_expr *check_in(struct checker *checker, struct node *node)
{
    struct node *subject = node->children[0];
    bool good = true;

    if (node_is_literal(subject)) {
        report_error(checker->report, subject->at, "a literal is in a list or not, always: look up a field");
        return NULL;
    }
    if (node_has_quantifier(subject)) {
        report_error(checker->report, subject->at, "`any` and `all` cannot be used with a list: leave them away");
        return NULL;
    }
    if (node->nocase && node->list_kind == YARAL_LIST_CIDR) {
        report_error(checker->report, node->nocase_at, "`nocase` means nothing to addresses: leave it away behind `in cidr`");
        good = false;
    }
    warn_of_google_lists(checker, node);
    struct yaral_expr *operand = check_value(checker, subject);
    const struct yaral_list *list = good ? find_list(checker, node, node->children[1]) : NULL;
    if (!operand || !list || !check_in_operand(checker, node, operand))
        return NULL;
    struct yaral_expr *expr = checker_expr(checker, YARAL_EXPR_IN, YARAL_BOOL, node);
    expr->nocase = node->nocase;
    expr_adopt(checker, expr, &operand, 1);
    expr->in.kind = node->list_kind;
    expr->in.list = list;
    return expr;
}
