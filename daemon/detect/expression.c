/* SPDX-License-Identifier: Apache-2.0 */
/* Working out values and conditions on the row in hand. */
#include "internal.h"

#include <math.h>

/* Kleene's logic with two kinds of not knowing: unread (may still become known) stands above unknown, so that a head record's
 * "false" is final and everything else is not. */
enum truth truth_and(enum truth a, enum truth b)
{
    if (a == TRUTH_FALSE || b == TRUTH_FALSE)
        return TRUTH_FALSE;
    if (a == TRUTH_UNREAD || b == TRUTH_UNREAD)
        return TRUTH_UNREAD;
    return a == TRUTH_UNKNOWN || b == TRUTH_UNKNOWN ? TRUTH_UNKNOWN : TRUTH_TRUE;
}

enum truth truth_not(enum truth a)
{
    if (a == TRUTH_TRUE)
        return TRUTH_FALSE;
    return a == TRUTH_FALSE ? TRUTH_TRUE : a;
}

enum truth truth_or(enum truth a, enum truth b)
{
    return truth_not(truth_and(truth_not(a), truth_not(b)));
}

static int64_t saturate_add(int64_t a, int64_t b)
{
    int64_t sum;
    if (!__builtin_add_overflow(a, b, &sum))
        return sum;
    return a < 0 ? INT64_MIN : INT64_MAX;
}

static int64_t saturate_subtract(int64_t a, int64_t b)
{
    int64_t difference;
    if (!__builtin_sub_overflow(a, b, &difference))
        return difference;
    return a < 0 ? INT64_MIN : INT64_MAX;
}

static int64_t saturate_multiply(int64_t a, int64_t b)
{
    int64_t product;
    if (!__builtin_mul_overflow(a, b, &product))
        return product;
    return (a < 0) != (b < 0) ? INT64_MIN : INT64_MAX;
}

/* As in Google SecOps: integers stay 64-bit and saturate, `/` gives a float, division and modulo by zero give 0. */
static struct yaral_value arithmetic(enum yaral_op op, const struct yaral_value *a, const struct yaral_value *b)
{
    bool integers = a->type == YARAL_INT && b->type == YARAL_INT;
    double x = yaral_to_double(a);
    double y = yaral_to_double(b);

    switch (op) {
    case YARAL_OP_ADD: return integers ? yaral_int(saturate_add(a->integer, b->integer)) : yaral_float(x + y);
    case YARAL_OP_SUBTRACT: return integers ? yaral_int(saturate_subtract(a->integer, b->integer)) : yaral_float(x - y);
    case YARAL_OP_MULTIPLY: return integers ? yaral_int(saturate_multiply(a->integer, b->integer)) : yaral_float(x * y);
    case YARAL_OP_DIVIDE: return yaral_float(fpclassify(y) == FP_ZERO ? 0 : x / y);
    case YARAL_OP_MODULO:
        if (!integers)
            return yaral_float(fpclassify(y) == FP_ZERO ? 0 : fmod(x, y));
        return yaral_int(b->integer == 0 || b->integer == -1 ? 0 : a->integer % b->integer);
    default: return yaral_int(0);
    }
}

/* What is made from a secret is one: a captured group, a part, its hash. Yes or no is not, nor is a length. */
static bool carries_secret(const struct yaral_function *function, const struct yaral_value *arguments, size_t count)
{
    static const char *const measures[] = {"strings.length", "strings.count_substrings", "arrays.length"};

    if (function->type == YARAL_BOOL)
        return false;
    for (size_t i = 0; i < sizeof measures / sizeof *measures; i++)
        if (strcmp(function->name, measures[i]) == 0)
            return false;
    for (size_t i = 0; i < count; i++) {
        bool is_sensitive = arguments[i].is_sensitive;
        for (size_t k = 0; arguments[i].is_list && k < arguments[i].list.count && !is_sensitive; k++)
            is_sensitive = arguments[i].list.items[k].is_sensitive;
        if (is_sensitive)
            return true;
    }
    return false;
}

static struct yaral_value sensitive_value(struct arena *arena, struct yaral_value value)
{
    value.is_sensitive = true;
    if (!value.is_list || !value.list.count)
        return value;
    struct yaral_value *items = arena_alloc(arena, value.list.count * sizeof *items);
    for (size_t i = 0; i < value.list.count; i++) {
        items[i] = value.list.items[i];
        items[i].is_sensitive = true;
    }
    value.list.items = items;
    return value;
}

static struct yaral_value call_value(struct detect_engine *engine, const struct node *node)
{
    const struct yaral_function *function = node->expr->call.function;
    enum { FEW = 16 };
    struct yaral_value few[FEW];
    struct yaral_value *arguments = few;
    struct yaral_call_context context = {.arena = engine->record->arena, .matcher = engine->matcher, .now = engine->now};

    if (node->operand_count > FEW)
        arguments = arena_alloc(engine->record->arena, node->operand_count * sizeof *arguments);
    for (size_t i = 0; i < node->operand_count; i++) {
        const struct node *operand = node->operands[i];
        if (function->whole_field && operand->field && !engine->bound[operand->field->number]) {
            struct field_values all = field_all_values(engine, operand->field);
            arguments[i] = (struct yaral_value){.type = field_zero(operand->field).type, .is_list = true};
            arguments[i].list.items = all.items;
            arguments[i].list.count = all.count;
            if (all.knowledge != UDM_KNOWN)
                (void)field_row_value(engine, operand->field);
        } else {
            arguments[i] = node_value(engine, operand);
        }
    }
    struct yaral_value value = function->call(&context, node->expr->call.prepared, arguments, node->operand_count);
    if (context.unknown) {
        if (engine->doubt_truth == TRUTH_TRUE)
            engine->doubt_truth = TRUTH_UNKNOWN;
        engine->doubt |= DETECT_DOUBT_REGEX;
    }
    return engine->marks && carries_secret(function, arguments, node->operand_count) ? sensitive_value(context.arena, value) : value;
}

static struct yaral_value if_value(struct detect_engine *engine, const struct node *node)
{
    enum truth saved = engine->doubt_truth;
    enum truth truth = node_truth(engine, node->operands[0]);

    engine->doubt_truth = saved;
    if (truth == TRUTH_TRUE)
        return node_value(engine, node->operands[1]);
    if ((truth == TRUTH_UNKNOWN || truth == TRUTH_UNREAD) && engine->doubt_truth != TRUTH_UNREAD)
        engine->doubt_truth = truth;
    if (node->operand_count > 2 && node->operands[2])
        return node_value(engine, node->operands[2]);
    return yaral_zero(node->expr->type);
}

static bool n_of_holds(struct detect_engine *engine, const struct node *node)
{
    size_t held = 0;
    for (size_t i = 0; i < node->operand_count; i++)
        held += node_truth(engine, node->operands[i]) == TRUTH_TRUE;
    return held >= node->expr->at_least;
}

struct yaral_value node_value(struct detect_engine *engine, const struct node *node)
{
    struct yaral_value a, b;
    bool a_or_b;

    if (node->kind != NODE_VALUE) {
        enum truth truth = node_truth(engine, node);
        if ((truth == TRUTH_UNKNOWN || truth == TRUTH_UNREAD) && engine->doubt_truth != TRUTH_UNREAD)
            engine->doubt_truth = truth;
        return yaral_bool(truth == TRUTH_TRUE);
    }
    switch (node->expr->kind) {
    case YARAL_EXPR_LITERAL: return node->expr->literal;
    case YARAL_EXPR_REGEX: return yaral_string(regex_pattern(node->expr->regex));
    case YARAL_EXPR_FIELD:
        return engine->bound[node->field->number] ? *engine->bound[node->field->number] : field_row_value(engine, node->field);
    case YARAL_EXPR_OUTCOME: return engine->outcome_values[node->expr->outcome];
    case YARAL_EXPR_EVENT: return yaral_bool(true); /* a rule without match: its event is there, or nothing would be asked */
    case YARAL_EXPR_N_OF: return yaral_bool(n_of_holds(engine, node));
    case YARAL_EXPR_COUNT: return yaral_int(node->expr->count.of_event ? 1 : placeholder_distinct(engine, node->expr->count.index));
    case YARAL_EXPR_CALL: return call_value(engine, node);
    case YARAL_EXPR_AGGREGATE: return aggregate_value(engine, node);
    case YARAL_EXPR_IF: return if_value(engine, node);
    case YARAL_EXPR_ARITHMETIC:
        a = node_value(engine, node->operands[0]);
        b = node_value(engine, node->operands[1]);
        a_or_b = a.is_sensitive || b.is_sensitive;
        a = arithmetic(node->expr->op, &a, &b);
        a.is_sensitive = a_or_b;
        return a;
    default: return yaral_zero(node->expr->type);
    }
}

static enum truth as_truth(bool holds)
{
    return holds ? TRUTH_TRUE : TRUTH_FALSE;
}

/* field = /re/: the pattern may stand on either side. */
static enum truth compare_regex(struct detect_engine *engine, const struct predicate *predicate)
{
    size_t pattern = predicate->operands[1]->expr->kind == YARAL_EXPR_REGEX ? 1 : 0;
    struct yaral_value text = node_value(engine, predicate->operands[1 - pattern]);
    struct slice subject = text.type == YARAL_STRING && !text.is_list ? text.string : yaral_to_text(engine->record->arena, &text);

    if (engine->doubt_truth != TRUTH_TRUE)
        return engine->doubt_truth;
    enum truth found = regex_search(predicate->operands[pattern]->expr->regex, engine->matcher, subject);
    if (found == TRUTH_UNKNOWN)
        engine->doubt |= DETECT_DOUBT_REGEX;
    return predicate->expr->op == YARAL_OP_NOT_EQUAL ? truth_not(found) : found;
}

static enum truth compare(struct detect_engine *engine, const struct predicate *predicate)
{
    const struct yaral_expr *expr = predicate->expr;

    if (predicate->operands[0]->expr->kind == YARAL_EXPR_REGEX || predicate->operands[1]->expr->kind == YARAL_EXPR_REGEX)
        return compare_regex(engine, predicate);
    struct yaral_value a = node_value(engine, predicate->operands[0]);
    struct yaral_value b = node_value(engine, predicate->operands[1]);
    if (engine->doubt_truth != TRUTH_TRUE)
        return engine->doubt_truth;
    switch (expr->op) {
    case YARAL_OP_EQUAL: return as_truth(yaral_equal(&a, &b, expr->nocase));
    case YARAL_OP_NOT_EQUAL: return as_truth(!yaral_equal(&a, &b, expr->nocase));
    case YARAL_OP_LESS: return as_truth(yaral_compare(&a, &b) < 0);
    case YARAL_OP_LESS_EQUAL: return as_truth(yaral_compare(&a, &b) <= 0);
    case YARAL_OP_GREATER: return as_truth(yaral_compare(&a, &b) > 0);
    case YARAL_OP_GREATER_EQUAL: return as_truth(yaral_compare(&a, &b) >= 0);
    default: return TRUTH_FALSE;
    }
}

static enum truth in_list(struct detect_engine *engine, const struct predicate *predicate)
{
    struct yaral_value value = node_value(engine, predicate->operands[0]);
    if (engine->doubt_truth != TRUTH_TRUE)
        return engine->doubt_truth;
    struct slice text = value.type == YARAL_STRING && !value.is_list ? value.string : yaral_to_text(engine->record->arena, &value);
    enum truth found = yaral_list_contains(predicate->expr->in.list, engine->matcher, engine->record->arena, text);
    if (found == TRUTH_UNKNOWN)
        engine->doubt |= DETECT_DOUBT_REGEX;
    return found;
}

enum truth predicate_bound_truth(struct detect_engine *engine, const struct predicate *predicate)
{
    enum truth saved = engine->doubt_truth;
    enum truth truth;

    engine->doubt_truth = TRUTH_TRUE;
    if (predicate->expr->kind == YARAL_EXPR_COMPARE) {
        truth = compare(engine, predicate);
    } else if (predicate->expr->kind == YARAL_EXPR_IN) {
        truth = in_list(engine, predicate);
    } else {
        struct yaral_value value = node_value(engine, predicate->operands[0]);
        truth = engine->doubt_truth != TRUTH_TRUE ? engine->doubt_truth : as_truth(value.boolean);
    }
    engine->doubt_truth = saved;
    return truth;
}

/* The predicate with its sets bound: what it makes on the way is let go, as there may be as many values as an event has bytes. */
static enum truth bound_truth(struct detect_engine *engine, const struct predicate *predicate)
{
    struct arena *arena = engine->record->arena;
    struct arena_mark mark = arena_mark(arena);
    enum truth truth = predicate_bound_truth(engine, predicate);

    if (arena_is_full(arena) && truth == TRUTH_FALSE) { /* something of what it looks at is missing */
        engine->doubt |= DETECT_DOUBT_UNSEEN;
        truth = TRUTH_UNKNOWN;
    }
    arena_rewind(arena, mark);
    return truth;
}

/* Asks the predicate of each value of its set fields: any value for a map and for `any`, every value for `all`. */
static enum truth over_sets(struct detect_engine *engine, const struct predicate *predicate, size_t set)
{
    if (set == predicate->set_count)
        return bound_truth(engine, predicate);

    const struct field *field = predicate->sets[set];
    struct arena_mark mark = arena_mark(engine->record->arena);
    struct field_values values = field_all_values(engine, field);
    bool all = field->quantifier == YARAL_ALL;
    enum truth truth = as_truth(all);

    if (values.knowledge == UDM_UNREAD) {
        engine->doubt |= DETECT_DOUBT_UNSEEN;
        return TRUTH_UNREAD;
    }
    arena_go_on(engine->record->arena); /* what it may not have it lacks already, see knowledge */
    struct yaral_value zero = field_zero(field);
    if (values.count == 0 && values.knowledge == UDM_KNOWN && field->path->has_key) {
        values.items = &zero; /* a key that is not there reads as "" */
        values.count = 1;
    }
    for (size_t i = 0; i < values.count && truth != as_truth(!all); i++) {
        engine->bound[field->number] = &values.items[i];
        enum truth one = over_sets(engine, predicate, set + 1);
        truth = all ? truth_and(truth, one) : truth_or(truth, one);
    }
    engine->bound[field->number] = NULL;
    arena_rewind(engine->record->arena, mark);
    if (values.knowledge == UDM_UNKNOWN && truth != as_truth(!all)) {
        engine->doubt |= DETECT_DOUBT_UNSEEN;
        truth = all ? truth_and(truth, TRUTH_UNKNOWN) : truth_or(truth, TRUTH_UNKNOWN);
    }
    return truth;
}

/* Where the answer is kept: per event, per element of the deepest dimension, or nowhere. */
static struct cached_answer *answer_slot(struct detect_engine *engine, const struct predicate *predicate, size_t number, bool *found)
{
    *found = false;
    if (predicate->dimension == NONE) {
        *found = engine->answers[number].generation == engine->generation;
        return &engine->answers[number];
    }
    const struct element *element = &engine->elements[predicate->dimension];
    if (predicate->many_dimensions || !element->value)
        return NULL;
    return row_cache_slot(engine->row_answers, engine->record->arena, number, element->value, found);
}

enum truth predicate_truth(struct detect_engine *engine, size_t number)
{
    const struct predicate *predicate = engine->plan->predicates.items[number];
    bool found;
    struct cached_answer *slot = answer_slot(engine, predicate, number, &found);

    if (found) {
        engine->doubt |= slot->doubt;
        return slot->truth;
    }
    unsigned int outer = engine->doubt;
    engine->doubt = 0;
    enum truth truth = over_sets(engine, predicate, 0);
    if (truth != TRUTH_UNREAD)
        atomic_fetch_add_explicit(&engine->predicates_evaluated, 1, memory_order_relaxed);
    /* nested predicates may have grown the table: the slot is looked up again */
    slot = answer_slot(engine, predicate, number, &found);
    if (slot && truth != TRUTH_UNREAD) {
        slot->generation = engine->generation;
        slot->truth = truth;
        slot->doubt = truth == TRUTH_UNKNOWN ? engine->doubt : 0;
    } else if (slot && predicate->dimension != NONE) {
        slot->truth = truth; /* unread answers on rows exist only while a head is looked at, which has no rows */
    }
    engine->doubt = outer | (truth == TRUTH_UNKNOWN ? engine->doubt : 0);
    return truth;
}

enum truth node_truth(struct detect_engine *engine, const struct node *node)
{
    enum truth truth;

    switch (node->kind) {
    case NODE_PREDICATE: return predicate_truth(engine, node->predicate);
    case NODE_NOT: return truth_not(node_truth(engine, node->operands[0]));
    case NODE_AND:
        truth = TRUTH_TRUE;
        for (size_t i = 0; i < node->operand_count && truth != TRUTH_FALSE; i++)
            truth = truth_and(truth, node_truth(engine, node->operands[i]));
        return truth;
    case NODE_OR:
        truth = TRUTH_FALSE;
        for (size_t i = 0; i < node->operand_count && truth != TRUTH_TRUE; i++)
            truth = truth_or(truth, node_truth(engine, node->operands[i]));
        return truth;
    default: return as_truth(node_value(engine, node).boolean);
    }
}
