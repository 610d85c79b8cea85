/* SPDX-License-Identifier: Apache-2.0 */
/* Operators: or, and, not, comparisons, arithmetic. */
#include "parser.h"

bool token_begins_operand(const struct token *token)
{
    static const char *const operators[] = {"and", "or", "in", "nocase", "regex", "cidr", "over", "by", "before", "after", "is"};

    switch (token->kind) {
    case TOKEN_NAME:
        for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
            if (token_is_word(token, operators[i]))
                return false;
        return true;
    case TOKEN_VARIABLE:
    case TOKEN_COUNT:
    case TOKEN_LIST:
    case TOKEN_STRING:
    case TOKEN_RAW_STRING:
    case TOKEN_REGEX:
    case TOKEN_INTEGER:
    case TOKEN_FLOAT:
    case TOKEN_OPEN:
    case TOKEN_BANG: return true;
    default: return false;
    }
}

bool node_is_condition(const struct node *node)
{
    switch (node->kind) {
    case NODE_COMPARE:
    case NODE_IN:
    case NODE_AND:
    case NODE_OR:
    case NODE_NOT:
    case NODE_N_OF:
    case NODE_ABSENT: return true;
    default: return false;
    }
}

bool require_condition(struct parser *parser, const struct node *node)
{
    bool counts = parser->section == SECTION_CONDITION && (node->kind == NODE_VARIABLE || node->kind == NODE_COUNT);

    if (node_is_condition(node) || node->kind == NODE_CALL || counts)
        return true;
    report_error(parser->report, node->at,
                 "`%.*s` is a value, not a condition: an operator (=, !=, <, <=, >, >=, in) and what to compare with are expected after it",
                 SLICE_ARGS(report_excerpt(node->source)));
    return false;
}

static bool require_value(struct parser *parser, const struct node *node)
{
    if (!node_is_condition(node))
        return true;
    report_error(parser->report, node->at, "`%.*s` is a condition where a value is expected", SLICE_ARGS(report_excerpt(node->source)));
    return false;
}

/* --- arithmetic ------------------------------------------------------------------------------------------------------------------- */

static struct node *parse_arithmetic(struct parser *parser, struct node *(*parse)(struct parser *), enum yaral_op (*op_of)(enum token_kind))
{
    size_t first = parser->next;
    struct node *left = parse(parser);

    while (left && op_of(parser_token(parser)->kind) != YARAL_OP_NONE) {
        struct node *node = parser_node(parser, NODE_ARITHMETIC, first);
        node->op = op_of(parser_take(parser)->kind);
        struct node *right = parse(parser);
        if (!right || !require_value(parser, left) || !require_value(parser, right))
            return NULL;
        node_adopt(parser, node, (struct node *[]){left, right}, 2);
        left = parser_finish(parser, node, first);
    }
    return left;
}

static enum yaral_op term_op(enum token_kind kind)
{
    return kind == TOKEN_STAR      ? YARAL_OP_MULTIPLY
           : kind == TOKEN_SLASH   ? YARAL_OP_DIVIDE
           : kind == TOKEN_PERCENT ? YARAL_OP_MODULO
                                   : YARAL_OP_NONE;
}

static enum yaral_op sum_op(enum token_kind kind)
{
    return kind == TOKEN_PLUS ? YARAL_OP_ADD : kind == TOKEN_MINUS ? YARAL_OP_SUBTRACT : YARAL_OP_NONE;
}

static struct node *parse_term(struct parser *parser)
{
    return parse_arithmetic(parser, parse_operand, term_op);
}

static struct node *parse_sum(struct parser *parser)
{
    return parse_arithmetic(parser, parse_term, sum_op);
}

struct node *parse_value(struct parser *parser)
{
    struct node *node = parse_sum(parser);
    return node && require_value(parser, node) ? node : NULL;
}

/* --- comparisons ------------------------------------------------------------------------------------------------------------------ */

static enum yaral_op relation_op(enum token_kind kind)
{
    switch (kind) {
    case TOKEN_EQUAL: return YARAL_OP_EQUAL;
    case TOKEN_NOT_EQUAL: return YARAL_OP_NOT_EQUAL;
    case TOKEN_LESS: return YARAL_OP_LESS;
    case TOKEN_LESS_EQUAL: return YARAL_OP_LESS_EQUAL;
    case TOKEN_GREATER: return YARAL_OP_GREATER;
    case TOKEN_GREATER_EQUAL: return YARAL_OP_GREATER_EQUAL;
    default: return YARAL_OP_NONE;
    }
}

static void accept_nocase(struct parser *parser, struct node *node)
{
    node->nocase_at = parser_token(parser)->at;
    node->nocase = parser_accept_word(parser, "nocase");
}

static struct node *parse_relation(struct parser *parser, struct node *left, size_t first)
{
    struct node *node = parser_node(parser, NODE_COMPARE, first);
    const struct token *op = parser_take(parser);

    node->op = relation_op(op->kind);
    if (!require_value(parser, left))
        return NULL;
    if (!token_begins_operand(parser_token(parser)) && parser_token(parser)->kind != TOKEN_MINUS) {
        char what[64];
        snprintf(what, sizeof what, "a value after `%.*s`", SLICE_ARGS(op->text));
        parser_expected(parser, what);
        return NULL;
    }
    struct node *right = parse_value(parser);
    if (!right)
        return NULL;
    if (relation_op(parser_token(parser)->kind) != YARAL_OP_NONE) {
        report_error(parser->report, parser_token(parser)->at,
                     "a comparison has two sides, this would be a third: is a value missing after `%.*s` in line %u?", SLICE_ARGS(op->text),
                     op->at.line);
        return NULL;
    }
    accept_nocase(parser, node);
    node_adopt(parser, node, (struct node *[]){left, right}, 2);
    return parser_finish(parser, node, first);
}

static struct node *parse_membership(struct parser *parser, struct node *left, size_t first)
{
    struct node *node = parser_node(parser, NODE_IN, first);
    bool negated = parser_accept_word(parser, "not");

    parser_take(parser);
    if (!require_value(parser, left))
        return NULL;
    if (parser_accept_word(parser, "regex"))
        node->list_kind = YARAL_LIST_REGEX;
    else if (parser_accept_word(parser, "cidr"))
        node->list_kind = YARAL_LIST_CIDR;
    struct node *list = parse_list(parser);
    if (!list)
        return NULL;
    accept_nocase(parser, node);
    node_adopt(parser, node, (struct node *[]){left, list}, 2);
    node = parser_finish(parser, node, first);
    if (!node || !negated)
        return node;
    struct node *negation = parser_node(parser, NODE_NOT, first);
    node_adopt(parser, negation, &node, 1);
    return parser_finish(parser, negation, first);
}

static struct node *parse_comparison(struct parser *parser)
{
    size_t first = parser->next;
    struct node *left = parse_sum(parser);

    if (!left)
        return NULL;
    if (relation_op(parser_token(parser)->kind) != YARAL_OP_NONE)
        return parse_relation(parser, left, first);
    if (token_is_word(parser_token(parser), "in") ||
        (token_is_word(parser_token(parser), "not") && token_is_word(parser_peek(parser, 1), "in")))
        return parse_membership(parser, left, first);
    if (left->kind == NODE_CALL && token_is_word(parser_token(parser), "nocase")) {
        accept_nocase(parser, left);
        return parser_finish(parser, left, first);
    }
    return left;
}

/* --- not, and, or ------------------------------------------------------------------------------------------------------------------ */

static struct node *parse_not(struct parser *parser)
{
    size_t first = parser->next;

    if (!token_is_word(parser_token(parser), "not"))
        return parse_comparison(parser);
    if (!parser_enter(parser))
        return NULL;
    parser_take(parser);
    struct node *child = parse_not(parser);
    parser_leave(parser);
    if (!child || !require_condition(parser, child))
        return NULL;
    struct node *node = parser_node(parser, NODE_NOT, first);
    node_adopt(parser, node, &child, 1);
    return parser_finish(parser, node, first);
}

/* Operands of one word, flat: `a or b or c` is one node with three children, and so is `a or (b or c)`. */
static struct node *parse_chain(struct parser *parser, struct node *(*parse)(struct parser *), const char *word, enum node_kind kind)
{
    size_t first = parser->next;
    struct node *operand = parse(parser);
    VECTOR(struct node *) operands = {0};

    if (!operand || !token_is_word(parser_token(parser), word))
        return operand;
    for (;;) {
        if (!operand || !require_condition(parser, operand)) {
            VECTOR_FREE(&operands);
            return NULL;
        }
        if (operand->kind == kind)
            for (size_t i = 0; i < operand->child_count; i++)
                VECTOR_PUSH(&operands, operand->children[i]);
        else
            VECTOR_PUSH(&operands, operand);
        if (!parser_accept_word(parser, word))
            break;
        operand = parse(parser);
    }
    struct node *node = parser_node(parser, kind, first);
    node_adopt(parser, node, operands.items, operands.count);
    VECTOR_FREE(&operands);
    return parser_finish(parser, node, first);
}

static struct node *parse_conjunction(struct parser *parser)
{
    return parse_chain(parser, parse_not, "and", NODE_AND);
}

struct node *parse_disjunction(struct parser *parser)
{
    if (!parser_enter(parser))
        return NULL;
    struct node *node = parse_chain(parser, parse_conjunction, "or", NODE_OR);
    parser_leave(parser);
    return node;
}

struct node *parse_predicate(struct parser *parser)
{
    struct node *node = parse_disjunction(parser);
    return node && require_condition(parser, node) ? node : NULL;
}
