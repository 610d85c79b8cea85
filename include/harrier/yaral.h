/* SPDX-License-Identifier: Apache-2.0 */
/* YARA-L 2.0 for detection rules: text -> checked rule. What a rule means is Google's documentation of the language
 * (docs.cloud.google.com/chronicle/docs/yara-l); nothing here knows of Kubernetes. A checked rule is a tree of typed expressions with
 * fields, functions, regexes and lists resolved; detect/ runs it. */
#ifndef HARRIER_YARAL_H
#define HARRIER_YARAL_H

#include "harrier/base/arena.h"
#include "harrier/base/diagnostics.h"
#include "harrier/base/result.h"
#include "harrier/base/slice.h"
#include "harrier/udm.h"
#include "harrier/yaral_value.h"

struct yaral_position {
    uint32_t line;   /* from 1 */
    uint32_t column; /* from 1, in bytes */
};

enum yaral_expr_kind {
    YARAL_EXPR_LITERAL,     /* string, int, float, bool, enum constant: `literal` */
    YARAL_EXPR_REGEX,       /* a regex literal beside = or != or as an argument: `regex` */
    YARAL_EXPR_FIELD,       /* $e.a.b: `field` */
    YARAL_EXPR_PLACEHOLDER, /* $p of events: `placeholder` */
    YARAL_EXPR_OUTCOME,     /* $o, an earlier outcome variable: `outcome` */
    YARAL_EXPR_EVENT,       /* $e in condition */
    YARAL_EXPR_COUNT,       /* #e, #p in condition */
    YARAL_EXPR_CALL,        /* function: `call` */
    YARAL_EXPR_AGGREGATE,   /* max(...) ... in outcome: `aggregate` */
    YARAL_EXPR_IF,          /* operands: condition, then, else (else NULL: 0) */
    YARAL_EXPR_ARITHMETIC,  /* op; operands[0], operands[1] */
    YARAL_EXPR_COMPARE,     /* op; operands; nocase */
    YARAL_EXPR_IN,          /* operands[0] in `in` */
    YARAL_EXPR_AND,         /* operands, two or more */
    YARAL_EXPR_OR,
    YARAL_EXPR_NOT,         /* operands[0] */
    YARAL_EXPR_N_OF         /* at least `at_least` of operands (any: 1, all: count) */
};

enum yaral_op {
    YARAL_OP_NONE,
    YARAL_OP_EQUAL, YARAL_OP_NOT_EQUAL, YARAL_OP_LESS, YARAL_OP_LESS_EQUAL, YARAL_OP_GREATER, YARAL_OP_GREATER_EQUAL,
    YARAL_OP_ADD, YARAL_OP_SUBTRACT, YARAL_OP_MULTIPLY, YARAL_OP_DIVIDE, YARAL_OP_MODULO
};

enum yaral_quantifier { YARAL_ROW, YARAL_ANY, YARAL_ALL };

enum yaral_list_kind { YARAL_LIST_STRING, YARAL_LIST_REGEX, YARAL_LIST_CIDR };

struct yaral_expr {
    enum yaral_expr_kind kind;
    enum yaral_type type;        /* of the value it gives; lists: the element's, with `list` */
    bool is_list;
    struct yaral_position at;
    struct slice source;         /* its text in the rule file, for evidence and explain */
    enum yaral_op op;
    bool nocase;
    uint32_t at_least;
    struct yaral_expr **operands;
    size_t operand_count;
    union {
        struct yaral_value literal;
        const struct regex *regex;
        struct {
            size_t event; /* index into rule->events */
            struct udm_path *path;
            enum yaral_quantifier quantifier;
        } field;
        size_t placeholder; /* index into rule->placeholders */
        size_t outcome;     /* index into rule->outcomes */
        size_t event;       /* YARAL_EXPR_EVENT: index into rule->events */
        struct {
            bool of_event; /* #e; else #p */
            size_t index;
        } count;
        struct {
            const struct yaral_function *function;
            void *prepared; /* what the function made of its constant arguments at load */
        } call;                /* arguments: operands */
        enum yaral_aggregate aggregate; /* argument: operands[0] */
        struct {
            enum yaral_list_kind kind;
            const struct yaral_list *list;
        } in;
    };
};

struct yaral_meta {
    struct slice key;
    struct slice value; /* as written, unescaped */
    struct yaral_position at;
};

struct yaral_event {
    struct slice name; /* without $ */
    bool is_entity;    /* $x.graph. */
};

struct yaral_placeholder {
    struct slice name;
    struct yaral_expr *value; /* the first definition's expression: fields of one event */
    size_t event;             /* that event */
    struct yaral_position at;
};

struct yaral_outcome {
    struct slice name;
    struct yaral_expr *value;
    struct yaral_position at;
};

enum yaral_window { YARAL_NO_WINDOW, YARAL_HOP, YARAL_TUMBLING, YARAL_SLIDING_AFTER, YARAL_SLIDING_BEFORE };

/* A checked rule. Everything it points to is in its ruleset's arena. */
struct yaral_rule {
    struct slice name;
    struct slice file;
    struct slice text;        /* from `rule` to its closing brace */
    char sha256[65];          /* hex, over text */
    struct yaral_position at;
    struct yaral_meta *meta;
    size_t meta_count;
    struct yaral_event *events; /* event variables, in the order of their first appearance */
    size_t event_count;
    struct yaral_placeholder *placeholders;
    size_t placeholder_count;
    struct yaral_expr **predicates; /* of `events`, joined by and; a placeholder's first definition is not among them, a second is an equality */
    size_t predicate_count;
    enum yaral_window window;
    size_t *match; /* placeholders */
    size_t match_count;
    int64_t window_seconds;
    size_t pivot; /* event of a sliding window */
    struct yaral_outcome *outcomes;
    size_t outcome_count;
    struct yaral_expr *condition;
    bool allow_zero_values;
    int64_t suppression_seconds; /* 0: none */
};

/* Value of a meta key (the last where it stands twice), or an empty slice. */
struct slice yaral_rule_meta(const struct yaral_rule *rule, const char *key);

/* --- reference lists and data tables ------------------------------------------------------------------------------- */

/* What rules may name: lists and table columns. Read before the rules; bad lines are diagnostics with file and line. */
struct yaral_lists;

struct yaral_lists *yaral_lists_new(void);
void yaral_lists_free(struct yaral_lists *lists);
/* A text file, one value per line. */
enum result yaral_lists_add_file(struct yaral_lists *lists, struct slice name, const char *path, struct diagnostics *diagnostics);
/* A table: CSV with a header line (RFC 4180), or JSON {"columns": [...], "rows": [[...]]} (told by the first byte). */
enum result yaral_lists_add_table(struct yaral_lists *lists, struct slice name, const char *path, struct diagnostics *diagnostics);
/* A column of a table, or a list when column is empty; made ready for the kind of look-up (once per kind; a bad regex or CIDR line is a
 * diagnostic there). NULL when there is none of that name. *suggestion: the nearest name, may be empty. */
const struct yaral_list *yaral_lists_find(struct yaral_lists *lists, struct slice name, struct slice column, enum yaral_list_kind kind, bool nocase,
                                          struct diagnostics *diagnostics, struct slice *suggestion);
struct slice yaral_list_name(const struct yaral_list *list);

/* --- rules ---------------------------------------------------------------------------------------------------------------------- */

struct yaral_options {
    bool google;       /* warn of what Google's compiler would refuse or what differs there */
    bool allow_match;  /* false: a rule with a match or suppression window is refused by name ("... do not run in this version") */
};

/* All checked rules of a set of files. */
struct yaral_ruleset;

struct yaral_ruleset *yaral_ruleset_new(void);
void yaral_ruleset_free(struct yaral_ruleset *ruleset);
/* Lexes, parses and checks one file's text and adds its rules. All errors of the file are reported, a rule with an error is not added.
 * file is the name shown. The lists must outlive the ruleset. */
enum result yaral_ruleset_add(struct yaral_ruleset *ruleset, const char *file, struct slice text, struct yaral_lists *lists,
                              const struct yaral_options *options, struct diagnostics *diagnostics);
size_t yaral_ruleset_count(const struct yaral_ruleset *ruleset);
const struct yaral_rule *yaral_ruleset_at(const struct yaral_ruleset *ruleset, size_t index);

#endif
