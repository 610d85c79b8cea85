/* SPDX-License-Identifier: Apache-2.0 */
/* Operands: literals, variables, fields, lists, calls, groups, and `N of [...]`. */
#include "parser.h"

#include <stdio.h>
#include <stdlib.h>

/* --- literals ----------------------------------------------------------------------------------------------------------------------- */

static bool unescape(struct parser *parser, const struct token *token, struct slice *text)
{
    size_t offset;

    if (token->kind == TOKEN_RAW_STRING) {
        *text = token->body;
        return true;
    }
    if (yaral_unescape(parser->keep, token->body, false, text, &offset))
        return true;
    struct yaral_position at = {token->at.line, token->at.column + 1 + (uint32_t)offset};
    struct slice escape = slice_first(slice_from(token->body, offset), 2);
    report_error(parser->report, at,
                 "unknown escape `%.*s` in a string: a backslash is written `\\\\`, or take back quotes (`...`), which know no escapes",
                 SLICE_ARGS(report_excerpt(escape)));
    return false;
}

static struct node *parse_string(struct parser *parser)
{
    size_t first = parser->next;
    struct node *node = parser_node(parser, NODE_STRING, first);

    if (!unescape(parser, parser_take(parser), &node->text))
        return NULL;
    return parser_finish(parser, node, first);
}

/* The pattern: `\/` is a slash, all else belongs to the regex. */
static struct node *parse_regex(struct parser *parser)
{
    size_t first = parser->next;
    struct node *node = parser_node(parser, NODE_REGEX, first);
    struct slice body = parser_take(parser)->body;
    char *pattern = arena_alloc(parser->keep, body.length + 1);
    size_t length = 0;

    for (size_t i = 0; i < body.length; i++) {
        if (body.bytes[i] == '\\' && i + 1 < body.length) {
            if (body.bytes[i + 1] != '/')
                pattern[length++] = '\\';
            i++;
        }
        pattern[length++] = body.bytes[i];
    }
    node->text = slice_make(pattern, length);
    return parser_finish(parser, node, first);
}

static struct node *parse_number(struct parser *parser)
{
    size_t first = parser->next;
    bool negative = parser_accept(parser, TOKEN_MINUS);
    const struct token *token = parser_token(parser);
    struct node *node = parser_node(parser, token->kind == TOKEN_FLOAT ? NODE_FLOAT : NODE_INTEGER, first);

    if (token->kind == TOKEN_FLOAT) {
        char *text = arena_strdup(parser->scratch, token->text);
        node->number = strtod(text, NULL) * (negative ? -1 : 1);
    } else if (token->kind != TOKEN_INTEGER) {
        parser_expected(parser, "a number behind `-`");
        return NULL;
    } else if (!slice_to_int64(token->text, &node->integer)) {
        report_error(parser->report, token->at, "`%.*s` does not fit into 64 bits", SLICE_ARGS(report_excerpt(token->text)));
        return NULL;
    } else if (negative) {
        node->integer = -node->integer;
    }
    parser_take(parser);
    return parser_finish(parser, node, first);
}

static struct node *parse_boolean(struct parser *parser)
{
    size_t first = parser->next;
    struct node *node = parser_node(parser, NODE_BOOL, first);

    node->boolean = token_is_word(parser_take(parser), "true");
    return parser_finish(parser, node, first);
}

/* --- variables, fields, lists --------------------------------------------------------------------------------------------------------- */

/* [3] or ["key"] behind a field's name. */
static bool parse_subscript(struct parser *parser, struct udm_name *name)
{
    const struct token *token = parser_token(parser);
    int64_t index;

    if (token->kind == TOKEN_INTEGER) {
        if (!slice_to_int64(token->text, &index) || index > UINT32_MAX) {
            report_error(parser->report, token->at, "`%.*s` is too large for an index", SLICE_ARGS(report_excerpt(token->text)));
            return false;
        }
        name->has_index = true;
        name->index = (uint32_t)index;
    } else if (token->kind == TOKEN_STRING || token->kind == TOKEN_RAW_STRING) {
        if (!unescape(parser, token, &name->key))
            return false;
        name->has_key = true;
    } else {
        parser_expected(parser, "an index ([0]) or a key ([\"key\"])");
        return false;
    }
    parser_take(parser);
    return parser_expect(parser, TOKEN_CLOSE_BRACKET, "`]`");
}

static bool parse_step(struct parser *parser, struct syntax_step *step)
{
    const struct token *token = parser_token(parser);

    step->at = token->at;
    if (!parser_expect(parser, TOKEN_NAME, "a field's name behind `.`"))
        return false;
    step->name.name = token->text;
    return !parser_accept(parser, TOKEN_OPEN_BRACKET) || parse_subscript(parser, &step->name);
}

static struct node *parse_variable(struct parser *parser)
{
    size_t first = parser->next;
    const struct token *token = parser_take(parser);
    struct node *node = parser_node(parser, token->kind == TOKEN_COUNT ? NODE_COUNT : NODE_VARIABLE, first);
    VECTOR(struct syntax_step) steps = {0};

    node->text = token->body;
    while (token->kind == TOKEN_VARIABLE && parser_accept(parser, TOKEN_DOT)) {
        struct syntax_step step = {0};
        if (!parse_step(parser, &step)) {
            VECTOR_FREE(&steps);
            return NULL;
        }
        VECTOR_PUSH(&steps, step);
    }
    if (steps.count) {
        node->kind = NODE_FIELD;
        node->steps = arena_alloc(parser->scratch, steps.count * sizeof *steps.items);
        memcpy(node->steps, steps.items, steps.count * sizeof *steps.items);
        node->step_count = steps.count;
    }
    VECTOR_FREE(&steps);
    return parser_finish(parser, node, first);
}

struct node *parse_list(struct parser *parser)
{
    size_t first = parser->next;
    struct node *node = parser_node(parser, NODE_LIST, first);

    node->text = parser_token(parser)->body;
    if (!parser_expect(parser, TOKEN_LIST, "a list (%name) or a column of a table (%table.column)"))
        return NULL;
    if (parser_accept(parser, TOKEN_DOT)) {
        node->column = parser_token(parser)->text;
        if (!parser_expect(parser, TOKEN_NAME, "a column's name behind `.`"))
            return NULL;
    }
    return parser_finish(parser, node, first);
}

/* any or all, before a field; before a function the checker refuses it and says where it belongs. */
static struct node *parse_quantified(struct parser *parser)
{
    size_t first = parser->next;
    enum yaral_quantifier quantifier = token_is_word(parser_take(parser), "any") ? YARAL_ANY : YARAL_ALL;
    const struct token *token = parser_token(parser);

    bool quantified_again = token_is_word(token, "any") || token_is_word(token, "all");
    if ((token->kind != TOKEN_VARIABLE && token->kind != TOKEN_NAME) || quantified_again) {
        parser_expected(parser, quantifier == YARAL_ANY ? "a repeated field behind `any`" : "a repeated field behind `all`");
        return NULL;
    }
    if (!parser_enter(parser))
        return NULL;
    struct node *node = parse_operand(parser);
    parser_leave(parser);
    if (!node)
        return NULL;
    node->quantifier = quantifier;
    node->at = parser->tokens[first].at;
    return parser_finish(parser, node, first);
}

/* --- calls ---------------------------------------------------------------------------------------------------------------------------- */

/* name:value, name.name:value. */
static bool at_named_argument(const struct parser *parser)
{
    size_t offset = 0;

    while (parser_peek(parser, offset)->kind == TOKEN_NAME && parser_peek(parser, offset + 1)->kind == TOKEN_DOT)
        offset += 2;
    return parser_peek(parser, offset)->kind == TOKEN_NAME && parser_peek(parser, offset + 1)->kind == TOKEN_COLON;
}

static struct node *parse_named_argument(struct parser *parser)
{
    while (parser_token(parser)->kind != TOKEN_COLON)
        parser_take(parser);
    parser_take(parser);
    size_t first = parser->next;
    switch (parser_token(parser)->kind) {
    case TOKEN_VARIABLE: return parse_variable(parser);
    case TOKEN_DURATION:
    case TOKEN_NAME:
    case TOKEN_STRING:
    case TOKEN_STAR: break;
    default: parser_expected(parser, "the argument's value"); return NULL;
    }
    struct node *node = parser_node(parser, NODE_STRING, first);
    node->text = parser_take(parser)->body;
    return parser_finish(parser, node, first);
}

/* The arguments and the closing parenthesis. */
static bool parse_arguments(struct parser *parser, struct node *call)
{
    VECTOR(struct node *) arguments = {0};
    struct yaral_position open = parser_take(parser)->at;
    bool good = true;

    if (!parser_accept(parser, TOKEN_CLOSE)) {
        do {
            bool named = at_named_argument(parser);
            struct node *argument = named ? parse_named_argument(parser) : parse_disjunction(parser);
            good = argument != NULL;
            call->named = call->named || named;
            if (good)
                VECTOR_PUSH(&arguments, argument);
        } while (good && parser_accept(parser, TOKEN_COMMA));
        if (good && !parser_accept(parser, TOKEN_CLOSE)) {
            char what[96];
            snprintf(what, sizeof what, "`,` or the `)` that closes the call of line %u", open.line);
            parser_expected(parser, what);
            good = false;
        }
    }
    if (good)
        node_adopt(parser, call, arguments.items, arguments.count);
    VECTOR_FREE(&arguments);
    return good;
}

static struct node *parse_if(struct parser *parser, size_t first)
{
    struct node *node = parser_node(parser, NODE_IF, first);

    if (!parse_arguments(parser, node))
        return NULL;
    if (node->child_count < 2 || node->child_count > 3) {
        report_error(parser->report, node->at,
                     "`if` has %zu arguments, it takes a condition, a value and an else value: if(condition, value, else)",
                     node->child_count);
        return NULL;
    }
    if (!require_condition(parser, node->children[0]))
        return NULL;
    for (size_t i = 1; i < node->child_count; i++)
        if (node_is_condition(node->children[i])) {
            report_error(parser->report, node->children[i]->at, "a value is expected in `if`, this is a condition");
            return NULL;
        }
    return parser_finish(parser, node, first);
}

static struct node *parse_call(struct parser *parser)
{
    size_t first = parser->next;
    const struct token *start = parser_take(parser);
    const struct token *last = start;

    while (parser_token(parser)->kind == TOKEN_DOT && parser_peek(parser, 1)->kind == TOKEN_NAME) {
        parser_take(parser);
        last = parser_take(parser);
    }
    struct slice name = slice_make(start->text.bytes, (size_t)(last->text.bytes + last->text.length - start->text.bytes));
    if (parser_token(parser)->kind != TOKEN_OPEN) {
        report_error(parser->report, start->at,
                     "unexpected `%.*s`: a field begins with its event ($e.%.*s), a text stands in quotes, a function has parentheses",
                     SLICE_ARGS(report_excerpt(name)), SLICE_ARGS(report_excerpt(name)));
        return NULL;
    }
    if (slice_equal_ascii_nocase(name, SLICE("if")))
        return parse_if(parser, first);
    struct node *node = parser_node(parser, NODE_CALL, first);
    node->text = name;
    if (!parse_arguments(parser, node))
        return NULL;
    return parser_finish(parser, node, first);
}

/* --- groups --------------------------------------------------------------------------------------------------------------------------- */

/* The rest of a group whose conditions no word joins: tells the missing `)` from the missing `and`. Always an error. */
static void report_open_group(struct parser *parser, struct yaral_position open)
{
    const struct token *token = parser_token(parser);

    while (!parser_at_section(parser) && !parser_at_rule_end(parser) && token_begins_operand(parser_token(parser)))
        if (!parse_disjunction(parser))
            return;
    if (parser_token(parser)->kind == TOKEN_CLOSE)
        report_error(parser->report, token->at,
                     "`and` or `or` is missing before `%.*s`: conditions in parentheses do not join by themselves",
                     SLICE_ARGS(report_excerpt(token->text)));
    else
        report_error(parser->report, token->at, "`)` is missing before `%.*s`: the `(` of line %u is not closed",
                     SLICE_ARGS(report_excerpt(token->text)), open.line);
}

static struct node *parse_group(struct parser *parser)
{
    size_t first = parser->next;
    struct yaral_position open = parser_take(parser)->at;
    struct node *node = parse_disjunction(parser);

    if (!node)
        return NULL;
    if (!parser_accept(parser, TOKEN_CLOSE)) {
        bool another = node_is_condition(node) || node->kind == NODE_CALL;
        if (another && token_begins_operand(parser_token(parser)) && !parser_at_section(parser))
            report_open_group(parser, open);
        else if (!node_is_condition(node) && parser_token(parser)->kind != TOKEN_COMMA)
            require_condition(parser, node);
        else
            parser_expected(parser, "`and`, `or` or `)`");
        return NULL;
    }
    if (node->kind == NODE_AND || node->kind == NODE_OR) {
        node->at = open;
        return parser_finish(parser, node, first);
    }
    return node;
}

static bool at_n_of(const struct parser *parser)
{
    const struct token *token = parser_token(parser);
    return parser->section == SECTION_CONDITION && token_is_word(parser_peek(parser, 1), "of") &&
           (token->kind == TOKEN_INTEGER || token_is_word(token, "any") || token_is_word(token, "all"));
}

static struct node *parse_n_of(struct parser *parser)
{
    size_t first = parser->next;
    struct node *node = parser_node(parser, NODE_N_OF, first);
    const struct token *count = parser_take(parser);
    VECTOR(struct node *) members = {0};
    int64_t number = 0;
    bool good;

    node->quantifier = token_is_word(count, "any") ? YARAL_ANY : token_is_word(count, "all") ? YARAL_ALL : YARAL_ROW;
    if (node->quantifier == YARAL_ROW && slice_to_int64(count->text, &number) && number <= UINT32_MAX)
        node->at_least = (uint32_t)number;
    parser_take(parser);
    if (!parser_expect(parser, TOKEN_OPEN_BRACKET, "`[` and the conditions to count"))
        return NULL;
    do {
        struct node *member = parse_disjunction(parser);
        good = member && require_condition(parser, member);
        if (good)
            VECTOR_PUSH(&members, member);
    } while (good && parser_accept(parser, TOKEN_COMMA));
    good = good && parser_expect(parser, TOKEN_CLOSE_BRACKET, "`,` or `]`");
    if (good)
        node_adopt(parser, node, members.items, members.count);
    VECTOR_FREE(&members);
    return good ? parser_finish(parser, node, first) : NULL;
}

/* !$e, in condition. */
static struct node *parse_absent(struct parser *parser)
{
    size_t first = parser->next;
    struct node *node = parser_node(parser, NODE_ABSENT, first);

    parser_take(parser);
    if (parser->section != SECTION_CONDITION) {
        report_error(parser->report, node->at, "`!` stands in the condition only: write `not`");
        return NULL;
    }
    const struct token *token = parser_token(parser);
    if (!parser_expect(parser, TOKEN_VARIABLE, "an event or placeholder ($name) behind `!` (`not` negates what is said of outcomes)"))
        return NULL;
    node->text = token->body;
    return parser_finish(parser, node, first);
}

struct node *parse_operand(struct parser *parser)
{
    const struct token *token = parser_token(parser);

    if (at_n_of(parser))
        return parse_n_of(parser);
    switch (token->kind) {
    case TOKEN_STRING:
    case TOKEN_RAW_STRING: return parse_string(parser);
    case TOKEN_REGEX: return parse_regex(parser);
    case TOKEN_INTEGER:
    case TOKEN_FLOAT:
    case TOKEN_MINUS: return parse_number(parser);
    case TOKEN_VARIABLE:
    case TOKEN_COUNT: return parse_variable(parser);
    case TOKEN_LIST: return parse_list(parser);
    case TOKEN_OPEN: return parse_group(parser);
    case TOKEN_BANG: return parse_absent(parser);
    case TOKEN_NAME: break;
    default: parser_expected(parser, "a condition or a value"); return NULL;
    }
    if (!token_begins_operand(token) || parser_at_section(parser) || token_is_word(token, "not")) {
        parser_expected(parser, "a condition or a value");
        return NULL;
    }
    bool is_call = parser_peek(parser, 1)->kind == TOKEN_OPEN || parser_peek(parser, 1)->kind == TOKEN_DOT;
    if (!is_call && (token_is_word(token, "true") || token_is_word(token, "false")))
        return parse_boolean(parser);
    if (token_is_word(token, "any") || token_is_word(token, "all"))
        return parse_quantified(parser);
    return parse_call(parser);
}
