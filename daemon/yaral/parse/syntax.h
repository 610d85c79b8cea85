/* SPDX-License-Identifier: Apache-2.0 */
/* What the parser makes of a rule: names as written, nothing resolved. The checker makes a struct yaral_rule of it. */
#ifndef HARRIER_YARAL_PARSE_SYNTAX_H
#define HARRIER_YARAL_PARSE_SYNTAX_H

#include "lexer.h"

enum node_kind {
    NODE_STRING, /* text */
    NODE_INTEGER,
    NODE_FLOAT,
    NODE_BOOL,
    NODE_REGEX,      /* text: the pattern */
    NODE_VARIABLE,   /* text: $text */
    NODE_COUNT,      /* text: #text */
    NODE_ABSENT,     /* text: !$text, in condition */
    NODE_FIELD,      /* text: the variable; steps; quantifier */
    NODE_LIST,       /* text: the list, column */
    NODE_CALL,       /* text: the function; children: arguments; quantifier: written before the call, which is an error */
    NODE_IF,         /* children: condition, then, else (may lack) */
    NODE_ARITHMETIC, /* op; two children */
    NODE_COMPARE,    /* op; two children; nocase */
    NODE_IN,         /* children: operand, NODE_LIST; list_kind; nocase */
    NODE_AND,        /* two children or more */
    NODE_OR,
    NODE_NOT, /* one child */
    NODE_N_OF /* quantifier, or at_least; children */
};

/* Rule: a node's depth is 1 more than that of its deepest child, and at most SYNTAX_DEPTH_MAX.
 * Consequence: all who walk a tree may recurse. */
enum { SYNTAX_DEPTH_MAX = 200 };

struct syntax_step {
    struct udm_name name; /* name and key in the ruleset's arena or the rule's text */
    struct yaral_position at;
};

struct node {
    enum node_kind kind;
    struct yaral_position at;
    struct slice source;
    unsigned int depth;
    enum yaral_op op;
    bool nocase;
    bool named; /* NODE_CALL: arguments are written name:value, as metrics take them */
    enum yaral_quantifier quantifier;
    enum yaral_list_kind list_kind;
    struct slice text;
    struct slice column; /* NODE_LIST */
    struct yaral_position nocase_at;
    union {
        int64_t integer;
        double number;
        bool boolean;
        uint32_t at_least;
    };
    struct syntax_step *steps; /* NODE_FIELD */
    size_t step_count;
    struct node **children;
    size_t child_count;
};

struct syntax_meta {
    struct slice key;
    struct slice value;
    struct yaral_position at;
};

/* $name = value, or a variable of match; in options the value is a token. */
struct syntax_outcome {
    struct slice name;
    struct yaral_position at;
    struct node *value;
};

struct syntax_name {
    struct slice name;
    struct yaral_position at;
};

struct syntax_option {
    struct slice name;
    struct yaral_position at;
    const struct token *value;
};

enum syntax_section { SECTION_META, SECTION_EVENTS, SECTION_MATCH, SECTION_OUTCOME, SECTION_CONDITION, SECTION_OPTIONS, SECTION_COUNT };

struct syntax_match {
    VECTOR(struct syntax_name) names;
    enum yaral_window window;
    int64_t seconds;
    struct yaral_position duration_at;
    bool has_duration;
    struct syntax_name pivot;
};

/* One rule of a file. A broken section had a syntax error: what it would have declared may be missing. */
struct syntax_rule {
    struct slice name;
    struct yaral_position at;
    struct yaral_position name_at;
    struct slice text;
    bool broken; /* some error was reported in it */
    struct {
        bool present;
        bool broken;
        struct yaral_position at;
    } sections[SECTION_COUNT];
    VECTOR(struct syntax_meta) meta;
    VECTOR(struct node *) predicates;
    struct syntax_match match;
    VECTOR(struct syntax_outcome) outcomes;
    struct node *condition; /* NULL if it lacks or is broken */
    VECTOR(struct syntax_option) options;
};

void syntax_rule_free(struct syntax_rule *rule);

struct syntax_file {
    VECTOR(struct syntax_rule) rules;
};

/* Parses the tokens of a file, reports every syntax error and goes on behind it. Nodes are in scratch, texts of literals in keep or
 * in the tokens' text. */
void syntax_parse(struct syntax_file *file, const struct tokens *tokens, struct arena *scratch, struct arena *keep, struct report *report);
void syntax_file_free(struct syntax_file *file);

/* Seconds of a duration token ("10m"); false if it is none. Overflow saturates. */
bool syntax_duration(const struct token *token, int64_t *seconds);

#endif
