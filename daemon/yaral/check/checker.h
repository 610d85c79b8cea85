/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the checker's files: from what is written (syntax.h) to what is meant (struct yaral_rule). */
#ifndef HARRIER_YARAL_CHECK_CHECKER_H
#define HARRIER_YARAL_CHECK_CHECKER_H

#include "harrier/base/map.h"
#include "daemon/yaral/parse/syntax.h"

/* Sets of event variables are bits of one word. */
enum { EVENTS_MAX = 64, OUTCOMES_USUAL = 20, OUTCOMES_MAX = 64, FUNCTION_NESTING_MAX = 20, PLACEHOLDER_CHAIN_MAX = 50 };
typedef uint64_t event_set;

/* What owns memory outside of the arena, and how it is given back. */
struct owned {
    void (*release)(void *object);
    void *object;
};
struct owned_objects {
    VECTOR(struct owned) all;
};

enum feature { FEATURE_NONE, FEATURE_ENTITY, FEATURE_COMPOSITE };

/* An event variable while its rule is checked. */
struct event_symbol {
    struct slice name;
    struct yaral_position at; /* where it stands first */
    enum feature feature;     /* what only Google has */
    bool has_type_filter;     /* metadata.event_type or log_type is asked for */
    bool in_condition;        /* itself, or through a placeholder */
    bool bounded;             /* the condition asks that it is there */
};

enum resolution { UNRESOLVED, RESOLVING, RESOLVED };

/* Rule: the first `$p = expression of one event` at the top of events defines $p; a later one is an equality.
 * Consequence: placeholders are known before any predicate is checked, and their types are found on demand. */
struct placeholder_symbol {
    struct slice name;
    struct yaral_position at;
    struct node *definition; /* the defining expression */
    event_set events;        /* of all definitions */
    bool is_match;
    bool repeated; /* its value is an element of a repeated field */
    enum resolution resolution;
    struct yaral_expr *value; /* NULL when its definition is wrong */
};

struct checker {
    struct arena *arena; /* the ruleset's */
    struct owned_objects *owned;
    struct report *report;
    struct yaral_lists *lists;
    const struct yaral_options *options;
    const struct syntax_rule *syntax;
    struct yaral_rule *rule;

    VECTOR(struct event_symbol) events;
    VECTOR(struct placeholder_symbol) placeholders;
    VECTOR(struct node *) predicates;  /* top-level conjunctions taken apart */
    VECTOR(struct node *) definitions; /* those of the predicates that define a placeholder */
    struct map *event_names;           /* name -> index + 1 */
    struct map *placeholder_names;
    struct map *outcome_names; /* those above the line in hand */
    struct map *unknown_names; /* variables that were reported */

    enum syntax_section section;
    unsigned int aggregates; /* the node in hand is inside so many */
    bool aggregate_reported; /* once per outcome */
    bool whole_field;        /* the argument in hand is a whole repeated field */
    bool quantifier_allowed; /* any and all may stand before the node in hand */
    unsigned int negations;
    unsigned int function_depth;
    unsigned int disjunctions;
    unsigned int resolving; /* placeholders whose definitions are being checked */
    size_t list_uses[3];    /* by yaral_list_kind */
};

/* --- checker.c: one rule. NULL when it has an error or needs what only Google has. */
struct yaral_rule *checker_check(const struct syntax_rule *syntax, struct arena *arena, struct owned_objects *owned, struct report *report,
                                 struct yaral_lists *lists, const struct yaral_options *options);

/* --- symbols.c: names */
void checker_collect_symbols(struct checker *checker);
/* The index, or -1. */
ptrdiff_t checker_event(const struct checker *checker, struct slice name);
ptrdiff_t checker_placeholder(const struct checker *checker, struct slice name);
ptrdiff_t checker_outcome(const struct checker *checker, struct slice name);
/* Resolves its definition if that was not done; NULL when it is wrong. */
struct placeholder_symbol *checker_resolve(struct checker *checker, size_t placeholder);
/* "unknown variable", once a name. */
void checker_unknown_variable(struct checker *checker, const struct node *node);
/* The event variables that a node's value rests on, through placeholders too. */
event_set checker_events_of(const struct checker *checker, const struct node *node);
bool event_set_is_single(event_set set);
size_t event_set_first(event_set set);

/* --- expression.c: typed trees. NULL when an error was reported. */
struct yaral_expr *check_value(struct checker *checker, struct node *node);
struct yaral_expr *check_condition(struct checker *checker, struct node *node);
struct yaral_expr *checker_expr(struct checker *checker, enum yaral_expr_kind kind, enum yaral_type type, const struct node *node);
void expr_adopt(struct checker *checker, struct yaral_expr *expr, struct yaral_expr *const *operands, size_t count);

/* --- operand.c: fields, variables, regexes, arithmetic, if */
struct yaral_expr *check_field(struct checker *checker, struct node *node);
struct yaral_expr *check_variable(struct checker *checker, struct node *node);
struct yaral_expr *check_regex(struct checker *checker, struct node *node, bool nocase);
struct yaral_expr *check_arithmetic(struct checker *checker, struct node *node);
struct yaral_expr *check_if(struct checker *checker, struct node *node);
/* Types two values that must be alike; YARAL_NOTHING when they cannot be. */
enum yaral_type common_type(const struct yaral_expr *a, const struct yaral_expr *b);

/* --- compare.c */
struct yaral_expr *check_compare(struct checker *checker, struct node *node);
struct yaral_expr *check_in(struct checker *checker, struct node *node);
/* The operator that says the same with the sides changed. */
enum yaral_op op_mirrored(enum yaral_op op);
bool node_has_quantifier(const struct node *node);
void check_regex_start(struct checker *checker, struct slice pattern, struct yaral_position at);

/* --- call.c: functions and aggregates */
struct yaral_expr *check_call(struct checker *checker, struct node *node);

/* --- events.c: predicates and definitions, and what is worth a warning about them */
void checker_check_events(struct checker *checker);
void checker_warn_of_events(struct checker *checker);
/* --- join.c */
void checker_check_joins(struct checker *checker);
/* --- sections.c */
void checker_check_meta(struct checker *checker);
void checker_check_match(struct checker *checker);
void checker_check_outcomes(struct checker *checker);
void checker_check_options(struct checker *checker);
/* --- condition.c */
void checker_check_condition(struct checker *checker);
/* `#x op number`, however it is written: $x, !$x, #x, #x > 1, 1 < #x. False when the node is nothing of the kind. */
struct count_test {
    const struct node *variable;
    enum yaral_op op;
    int64_t number;
    struct yaral_position number_at;
};
bool count_test_read(const struct checker *checker, const struct node *node, struct count_test *test);
/* --- presence.c: which events must be there, and which may be absent */
void checker_check_presence(struct checker *checker, struct node *condition);

/* --- helpers */
const char *yaral_type_text(enum yaral_type type);
/* "a list of strings", "a number" ... */
const char *expr_type_text(const struct yaral_expr *expr);
bool type_is_number(enum yaral_type type);
/* Were all of events read? If not, what seems to lack may be in what was not. */
static inline bool checker_knows_events(const struct checker *checker)
{
    return checker->syntax->sections[SECTION_EVENTS].present && !checker->syntax->sections[SECTION_EVENTS].broken;
}
static inline bool checker_has_match(const struct checker *checker)
{
    return checker->syntax->sections[SECTION_MATCH].present;
}

#endif
