/* SPDX-License-Identifier: Apache-2.0 */
/* How a plan is built, for the files of detect/ only. */
#ifndef HARRIER_DETECT_INTERNAL_H
#define HARRIER_DETECT_INTERNAL_H

#include "harrier/detect.h"
#include "harrier/base/map.h"
#include "harrier/redact.h"
#include "harrier/base/vector.h"

#include <stdatomic.h>

#define NONE SIZE_MAX

/* A dimension of rows: one repeated step of a path, named without any/all, index or key ("about", "security_result.action"). Paths that
 * share a repeated parent share its dimension, so they walk its elements together; independent dimensions multiply.
 * A dimension's number is above its parent's, so binding them in order binds parents first. */
struct dimension {
    struct slice key;             /* the path up to the step */
    size_t parent;                /* dimension, or NONE: from the record's root */
    const struct udm_step *steps; /* from the parent's element to here; the last is the repeated one */
    size_t step_count;
    enum udm_origin origin;
};

/* One field as an expression names it. */
struct field {
    size_t number;             /* in the plan: the slot of its binding */
    const struct udm_path *path;
    enum yaral_quantifier quantifier;
    size_t dimension;          /* of its last repeated step, or NONE */
    size_t first_step;         /* the steps that are left below that dimension's element */
    bool is_set;               /* a map or any/all: a condition on it is asked of each value */
};

enum node_kind { NODE_VALUE, NODE_PREDICATE, NODE_AND, NODE_OR, NODE_NOT };

/* An expression with placeholders put in. Boolean parts are nodes over predicate numbers, all else is a value. */
struct node {
    enum node_kind kind;
    const struct yaral_expr *expr; /* source, operator, literal, function; what it says of operands is not used */
    struct node **operands;
    size_t operand_count;
    struct field *field;    /* NODE_VALUE of YARAL_EXPR_FIELD */
    size_t predicate;       /* NODE_PREDICATE */
    struct field **sets;    /* NODE_VALUE of YARAL_EXPR_AGGREGATE: set fields of its argument */
    size_t set_count;
};

/* A condition that is true or false of an event, or of a row of it: a comparison, a look-up, a boolean function. Rules that say the same
 * share it, and its answer is kept for the event (per element, where it rests on one dimension). */
struct predicate {
    const struct yaral_expr *expr;
    struct node **operands;
    size_t operand_count;
    struct field **fields; /* all fields in it */
    size_t field_count;
    struct field **sets;   /* those that are sets, outside of conditions nested in if() */
    size_t set_count;
    size_t dimension;      /* the deepest that it rests on; NONE: it is the same on every row */
    bool many_dimensions;  /* it rests on dimensions that are not each other's parents: not cached */
    unsigned int origins;  /* bits of 1 << enum udm_origin */
};

struct rule_plan {
    const struct yaral_rule *rule;
    struct node **events;        /* top-level predicates */
    size_t *event_dimension;     /* for each: the last dimension (index into `dimensions`) that it waits for; NONE: no row needed */
    size_t event_count;
    size_t *dimensions;          /* numbers, ascending */
    size_t dimension_count;
    struct node **outcomes;
    struct node *condition;
    struct node **placeholders;  /* values, for #p */
    bool has_outcome_rows;       /* some outcome or #p looks at the rows that are left */
};

/* Rules by what they need of one cheap field: a rule that can only fire when the field has one of some constants is found by the
 * field's value; one that does not say is always a candidate. The sets of all indexed fields are intersected. */
struct index_field {
    struct field *field;
    struct map *by_value;   /* text -> uint64_t bits of rules that take this value */
    uint64_t *indifferent;  /* rules that do not say */
};

struct detect_plan {
    atomic_uint references;
    struct arena *arena;
    struct yaral_ruleset *ruleset;
    struct yaral_lists *lists;
    struct udm_label_filter *label_filter; /* the labels that the rules name */
    struct rule_plan *rules;
    size_t rule_count;
    VECTOR(struct predicate *) predicates;
    struct map *predicate_numbers; /* canonical text -> number + 1 */
    VECTOR(struct dimension *) dimensions;
    struct map *dimension_numbers;
    size_t field_count;
    VECTOR(struct index_field) index;
    size_t words; /* of a bit set of rules */
};

/* One element in hand of a dimension. */
struct element {
    const struct udm_value *value; /* NULL: there is none, the zero value */
    enum udm_knowledge phantom;    /* not UDM_KNOWN: an element that may be there but is not seen */
};

struct cached_answer {
    uint64_t generation;
    enum truth truth;
    unsigned int doubt;
};

struct detect_engine {
    struct detect_plan *plan;
    struct detect_limits limits;
    struct regex_matcher *matcher;
    const struct udm_record *record;
    clock_nanos now;
    uint64_t generation;               /* of the event in hand */
    struct cached_answer *answers;     /* per predicate, for those that rest on no row */
    struct row_cache *row_answers;     /* per (predicate, element) */
    const struct yaral_value **bound;  /* per field: the value of a set in hand, or NULL */
    struct element *elements;          /* per dimension: the row in hand */
    struct yaral_value *outcome_values; /* of the rule in hand */
    size_t row_count;                  /* of the rule in hand: for #p and aggregates */
    struct element *rows;              /* row_count times the rule's dimensions */
    size_t row;                        /* the kept row in hand */
    const struct rule_plan *rule;
    enum truth doubt_truth;      /* while a predicate's operands are worked out: TRUE, or why it cannot be told */
    unsigned int doubt;                /* bits of detect_doubt met since it was cleared */
    bool marks;                        /* values are worked out to be shown: what is sensitive is marked. It costs a look at the way to the root each */
    uint64_t *candidates;              /* bits */
    atomic_uint_fast64_t predicates_evaluated;
    atomic_uint_fast64_t rules_considered;
    atomic_uint_fast64_t regex_fallbacks;
    atomic_uint_fast64_t regex_unknown;
    struct rule_counters {
        atomic_uint_fast64_t fired, unknown, row_limit;
    } *rule_counters;
};

/* index.c */
void index_build(struct detect_plan *plan);
/* The bits of the rules that the record's known values leave. */
void index_candidates(struct detect_engine *engine, uint64_t *bits);

/* expression.c */
enum truth truth_and(enum truth a, enum truth b);
enum truth truth_or(enum truth a, enum truth b);
enum truth truth_not(enum truth a);
struct yaral_value node_value(struct detect_engine *engine, const struct node *node);
enum truth node_truth(struct detect_engine *engine, const struct node *node);
/* A predicate's answer on the row in hand, from the cache where it is known. */
enum truth predicate_truth(struct detect_engine *engine, size_t number);
/* Its answer with the set fields bound as they are; no cache. */
enum truth predicate_bound_truth(struct detect_engine *engine, const struct predicate *predicate);

/* field.c */
struct field_values {
    struct yaral_value *items; /* in the record's arena */
    size_t count;
    enum udm_knowledge knowledge; /* of what is not there */
};
/* All values of a set field (map, any/all) or of a whole repeated field. */
struct field_values field_all_values(struct detect_engine *engine, const struct field *field);
/* The same, and where there is none the zero value, which goes into *zero. */
struct field_values field_values_or_zero(struct detect_engine *engine, const struct field *field, struct yaral_value *zero);
/* The one value on the row in hand; notes doubt where it is absent and could be there. */
struct yaral_value field_row_value(struct detect_engine *engine, const struct field *field);
struct yaral_value field_zero(const struct field *field);
/* As text for people: a stand-in for what is marked as sensitive, and for what in any other text is a secret by its shape. */
struct slice value_shown(struct arena *arena, const struct yaral_value *value);
/* Elements of a dimension under its parent's element in hand. *knowledge: of elements that are not there. */
struct udm_values dimension_elements(struct detect_engine *engine, const struct dimension *dimension, enum udm_knowledge *knowledge);

/* cache.c: answers per (predicate, element) of the event in hand. */
struct row_cache;
struct row_cache *row_cache_new(void);
void row_cache_free(struct row_cache *cache);
void row_cache_clear(struct row_cache *cache);
/* It grows on the arena's account. NULL: the arena is full, and so is the table. */
struct cached_answer *row_cache_slot(struct row_cache *cache, struct arena *arena, size_t predicate, const void *element, bool *found);

/* rows.c */
/* The rule's `events` over the record: TRUE as soon as a row holds (all rows are looked at, and kept, where outcomes need them).
 * On TRUE the elements in hand are the first row's that held. *limit_hit: the bound on rows was met. */
enum truth rule_rows(struct detect_engine *engine, const struct rule_plan *rule, bool *limit_hit);
/* Puts a kept row in hand. */
void row_restore(struct detect_engine *engine, const struct rule_plan *rule, size_t row);

/* outcome.c */
void outcomes_evaluate(struct detect_engine *engine, const struct rule_plan *rule);
bool condition_section_holds(struct detect_engine *engine, const struct rule_plan *rule);
struct yaral_value aggregate_value(struct detect_engine *engine, const struct node *node);
int64_t placeholder_distinct(struct detect_engine *engine, size_t placeholder);

/* evidence.c */
void evidence_collect(struct detect_engine *engine, const struct rule_plan *rule, struct detection *detection);
/* What the fields of the node's predicates hold; appended to seen, up to capacity; returns the new count. */
size_t evidence_seen(struct detect_engine *engine, const struct node *node, struct detect_seen *seen, size_t count, size_t capacity);

#endif
