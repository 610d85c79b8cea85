/* SPDX-License-Identifier: Apache-2.0 */
#include "parser.h"

struct node *parser_node(struct parser *parser, enum node_kind kind, size_t first_token)
{
    struct node *node = ARENA_NEW(parser->scratch, struct node);

    node->kind = kind;
    node->at = parser->tokens[first_token].at;
    return node;
}

static void report_too_deep(struct parser *parser, struct yaral_position at)
{
    report_error(parser->report, at, "this expression is nested more than %d levels deep: split it into several conditions",
                 SYNTAX_DEPTH_MAX);
}

struct node *parser_finish(struct parser *parser, struct node *node, size_t first_token)
{
    const char *start = parser->tokens[first_token].text.bytes;
    struct slice last = parser->tokens[parser->next - 1].text;

    node->source = slice_make(start, (size_t)(last.bytes + last.length - start));
    for (size_t i = 0; i < node->child_count; i++)
        if (node->children[i]->depth >= node->depth)
            node->depth = node->children[i]->depth + 1;
    if (node->depth > SYNTAX_DEPTH_MAX) {
        report_too_deep(parser, node->at);
        return NULL;
    }
    return node;
}

void node_adopt(struct parser *parser, struct node *node, struct node *const *children, size_t count)
{
    node->children = arena_alloc(parser->scratch, count * sizeof *children);
    if (count)
        memcpy(node->children, children, count * sizeof *children);
    node->child_count = count;
}

bool parser_enter(struct parser *parser)
{
    if (parser->depth < SYNTAX_DEPTH_MAX) {
        parser->depth++;
        return true;
    }
    report_too_deep(parser, parser_token(parser)->at);
    return false;
}

void parser_leave(struct parser *parser)
{
    parser->depth--;
}
