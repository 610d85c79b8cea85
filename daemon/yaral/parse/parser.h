/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the parser's files: recursive descent over the tokens of a file. */
#ifndef HARRIER_YARAL_PARSE_PARSER_H
#define HARRIER_YARAL_PARSE_PARSER_H

#include "syntax.h"

/* Rule: a function that parses returns NULL (or false) when it has reported an error, and its caller does the same at once; the section's loop
 * then skips to where the next item can begin. Consequence: one message for one slip. */
struct parser {
    const struct token *tokens;
    size_t count;
    size_t next;
    struct arena *scratch;
    struct arena *keep;
    struct report *report;
    struct syntax_rule *rule;
    enum syntax_section section;
    unsigned int depth;
    int open; /* parentheses and brackets open since the item began */
    bool cut; /* the file ended inside a comment or string: what lacks at its end was reported */
};

/* --- tokens (parser.c) */
const struct token *parser_peek(const struct parser *parser, size_t offset);
static inline const struct token *parser_token(const struct parser *parser)
{
    return parser_peek(parser, 0);
}
const struct token *parser_take(struct parser *parser);
bool parser_accept(struct parser *parser, enum token_kind kind);
bool parser_accept_word(struct parser *parser, const char *word);
/* "expected WHAT, found `x`" at the token here. */
void parser_expected(struct parser *parser, const char *what);
bool parser_expect(struct parser *parser, enum token_kind kind, const char *what);
/* Does a section's name and colon stand here? */
bool parser_at_section(const struct parser *parser);
/* `}`, `rule name {`, or the end of the file. */
bool parser_at_rule_end(const struct parser *parser);

/* --- expressions (parser_expression.c) */
/* A condition, to where no operator follows. */
struct node *parse_predicate(struct parser *parser);
/* A condition or a value. */
struct node *parse_disjunction(struct parser *parser);
/* A value: arithmetic, no comparison at its top. */
struct node *parse_value(struct parser *parser);
/* Can the token begin an operand, and so a predicate? */
bool token_begins_operand(const struct token *token);
/* May the node stand where a condition is needed? If not, says so. */
bool require_condition(struct parser *parser, const struct node *node);
bool node_is_condition(const struct node *node);

/* --- operands (parser_operand.c) */
struct node *parse_operand(struct parser *parser);
/* %list or %table.column */
struct node *parse_list(struct parser *parser);

/* --- nodes (parser_node.c) */
struct node *parser_node(struct parser *parser, enum node_kind kind, size_t first_token);
/* Sets source, from the first token to the one before where the parser stands, and depth; NULL when it is too deep. */
struct node *parser_finish(struct parser *parser, struct node *node, size_t first_token);
void node_adopt(struct parser *parser, struct node *node, struct node *const *children, size_t count);
/* Around everything that recurses; false when it is too deep. */
bool parser_enter(struct parser *parser);
void parser_leave(struct parser *parser);

#endif
