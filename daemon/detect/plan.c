/* SPDX-License-Identifier: Apache-2.0 */
/* Compiling a ruleset into one plan: placeholders put in, predicates numbered and shared, dimensions of rows found. */
#include "internal.h"

/* What one rule's expressions are compiled against. */
struct builder {
    struct detect_plan *plan;
    const struct yaral_rule *rule;
    struct predicate *predicate; /* whose operands are being compiled, or NULL */
    struct buffer text;          /* canonical text of a predicate */
};

static struct node *build(struct builder *builder, const struct yaral_expr *expr);

static void *grow_array(struct arena *arena, void *items, size_t count, size_t size)
{
    char *grown = arena_alloc(arena, (count + 1) * size);
    if (count)
        memcpy(grown, items, count * size);
    return grown;
}

#define APPEND(arena, items, count, item)                                     \
    do {                                                                      \
        (items) = grow_array((arena), (items), (count), sizeof *(items));     \
        (items)[(count)++] = (item);                                          \
    } while (0)

/* --- dimensions ---------------------------------------------------------------------------------------------------------------- */

static size_t dimension_number(struct detect_plan *plan, struct slice key, size_t parent, const struct udm_step *steps, size_t step_count,
                               enum udm_origin origin)
{
    void *known = map_get(plan->dimension_numbers, key);
    if (known)
        return (size_t)(uintptr_t)known - 1;
    struct dimension *dimension = ARENA_NEW(plan->arena, struct dimension);
    *dimension = (struct dimension){arena_copy(plan->arena, key), parent, steps, step_count, origin};
    VECTOR_PUSH(&plan->dimensions, dimension);
    map_put(plan->dimension_numbers, key, (void *)(uintptr_t)plan->dimensions.count);
    return plan->dimensions.count - 1;
}

/* Finds the dimensions of the path's repeated steps; the field is left with the deepest one. */
static void find_dimensions(struct detect_plan *plan, struct field *field)
{
    struct buffer key = {NULL, 0, 0};
    size_t parent = NONE;
    size_t begin = 0;

    for (size_t i = 0; i < field->path->step_count; i++) {
        const struct udm_step *step = &field->path->steps[i];
        buffer_printf(&key, "%s%s", i ? "." : "", step->field->name);
        if (step->has_index)
            buffer_printf(&key, "[%u]", step->index);
        if (!step->field->repeated || step->has_index)
            continue;
        parent = dimension_number(plan, buffer_slice(&key), parent, &field->path->steps[begin], i + 1 - begin, field->path->origin);
        begin = i + 1;
    }
    buffer_free(&key);
    field->dimension = parent;
    field->first_step = begin;
}

static struct field *build_field(struct builder *builder, const struct yaral_expr *expr)
{
    struct detect_plan *plan = builder->plan;
    struct field *field = ARENA_NEW(plan->arena, struct field);

    field->number = plan->field_count++;
    field->path = expr->field.path;
    field->quantifier = expr->field.quantifier;
    field->is_set = field->path->has_key || field->quantifier != YARAL_ROW;
    udm_label_filter_add(plan->label_filter, field->path);
    field->dimension = NONE;
    if (!field->is_set)
        find_dimensions(plan, field);
    return field;
}

/* --- canonical text of an expression: two predicates with the same text are one ------------------------------------------------------ */

static void canonical_literal(struct buffer *out, const struct yaral_value *value)
{
    switch (value->type) {
    case YARAL_INT: buffer_printf(out, "i%lld", (long long)value->integer); break;
    case YARAL_ENUM: buffer_printf(out, "e%lld", (long long)value->integer); break;
    case YARAL_FLOAT: buffer_printf(out, "f%a", value->number); break;
    case YARAL_BOOL: buffer_printf(out, "b%d", value->boolean); break;
    default:
        buffer_printf(out, "s%zu:", value->string.length);
        buffer_append_slice(out, value->string);
    }
}

static void canonical(struct builder *builder, const struct yaral_expr *expr)
{
    struct buffer *out = &builder->text;

    if (!expr) {
        buffer_append_byte(out, '-');
        return;
    }
    if (expr->kind == YARAL_EXPR_PLACEHOLDER) {
        canonical(builder, builder->rule->placeholders[expr->placeholder].value);
        return;
    }
    buffer_printf(out, "(%d.%d.%d.%u ", (int)expr->kind, (int)expr->op, (int)expr->nocase, expr->at_least);
    switch (expr->kind) {
    case YARAL_EXPR_LITERAL: canonical_literal(out, &expr->literal); break;
    case YARAL_EXPR_REGEX:
        buffer_printf(out, "%zu:", regex_pattern(expr->regex).length);
        buffer_append_slice(out, regex_pattern(expr->regex));
        break;
    case YARAL_EXPR_FIELD:
        buffer_printf(out, "%d ", (int)expr->field.quantifier);
        buffer_append_slice(out, expr->field.path->text);
        break;
    case YARAL_EXPR_OUTCOME: /* outcomes are each rule's own */
        buffer_printf(out, "%p %zu", (const void *)builder->rule, expr->outcome);
        break;
    case YARAL_EXPR_COUNT: buffer_printf(out, "%p %d %zu", (const void *)builder->rule, expr->count.of_event, expr->count.index); break;
    case YARAL_EXPR_CALL: buffer_append_text(out, expr->call.function->name); break;
    case YARAL_EXPR_AGGREGATE: buffer_printf(out, "%p %d", (const void *)expr, (int)expr->aggregate); break;
    case YARAL_EXPR_IN: buffer_printf(out, "%p", (const void *)expr->in.list); break;
    default: break;
    }
    for (size_t i = 0; i < expr->operand_count; i++)
        canonical(builder, expr->operands[i]);
    buffer_append_byte(out, ')');
}

/* --- predicates ------------------------------------------------------------------------------------------------------------------- */

static bool is_ancestor(const struct detect_plan *plan, size_t ancestor, size_t dimension)
{
    for (size_t at = dimension; at != NONE; at = plan->dimensions.items[at]->parent)
        if (at == ancestor)
            return true;
    return false;
}

static void rest_on_dimension(const struct detect_plan *plan, struct predicate *predicate, size_t dimension)
{
    if (dimension == NONE)
        return;
    if (predicate->dimension == NONE || is_ancestor(plan, predicate->dimension, dimension)) {
        predicate->dimension = dimension;
    } else if (!is_ancestor(plan, dimension, predicate->dimension)) {
        predicate->many_dimensions = true;
        if (dimension > predicate->dimension)
            predicate->dimension = dimension;
    }
}

static void predicate_add_field(struct builder *builder, struct field *field)
{
    struct predicate *predicate = builder->predicate;

    if (!predicate)
        return;
    APPEND(builder->plan->arena, predicate->fields, predicate->field_count, field);
    if (field->is_set)
        APPEND(builder->plan->arena, predicate->sets, predicate->set_count, field);
    rest_on_dimension(builder->plan, predicate, field->dimension);
    predicate->origins |= 1u << field->path->origin;
}

/* A condition inside if() is a predicate of its own, and an aggregate's argument is looked at by itself; what they rest on, the outer one rests
 * on too. */
static void absorb_nested(struct builder *builder, const struct predicate *nested)
{
    struct predicate *outer = builder->predicate;

    if (!outer)
        return;
    for (size_t i = 0; i < nested->field_count; i++)
        APPEND(builder->plan->arena, outer->fields, outer->field_count, nested->fields[i]);
    for (size_t i = 0; i < nested->field_count; i++)
        rest_on_dimension(builder->plan, outer, nested->fields[i]->dimension);
    outer->origins |= nested->origins;
}

static size_t build_predicate(struct builder *builder, const struct yaral_expr *expr)
{
    struct detect_plan *plan = builder->plan;
    struct predicate *outer = builder->predicate;

    buffer_reset(&builder->text, 4096);
    canonical(builder, expr);
    void *known = map_get(plan->predicate_numbers, buffer_slice(&builder->text));
    if (known) {
        size_t number = (size_t)(uintptr_t)known - 1;
        absorb_nested(builder, plan->predicates.items[number]);
        return number;
    }
    struct slice key = arena_copy(plan->arena, buffer_slice(&builder->text));
    struct predicate *predicate = ARENA_NEW(plan->arena, struct predicate);
    predicate->expr = expr;
    predicate->dimension = NONE;
    builder->predicate = predicate;
    if (expr->kind == YARAL_EXPR_COMPARE || expr->kind == YARAL_EXPR_IN) {
        predicate->operand_count = expr->operand_count;
        predicate->operands = arena_calloc(plan->arena, expr->operand_count, sizeof *predicate->operands);
        for (size_t i = 0; i < expr->operand_count; i++)
            predicate->operands[i] = build(builder, expr->operands[i]);
    } else { /* a boolean function or if(): its own value is the answer */
        struct node *value = ARENA_NEW(plan->arena, struct node);
        value->kind = NODE_VALUE;
        value->expr = expr;
        value->operand_count = expr->operand_count;
        value->operands = arena_calloc(plan->arena, expr->operand_count, sizeof *value->operands);
        for (size_t i = 0; i < expr->operand_count; i++)
            value->operands[i] = expr->operands[i] ? build(builder, expr->operands[i]) : NULL;
        predicate->operand_count = 1;
        predicate->operands = arena_calloc(plan->arena, 1, sizeof *predicate->operands);
        predicate->operands[0] = value;
    }
    builder->predicate = outer;
    VECTOR_PUSH(&plan->predicates, predicate);
    map_put(plan->predicate_numbers, key, (void *)(uintptr_t)plan->predicates.count);
    absorb_nested(builder, predicate);
    return plan->predicates.count - 1;
}

static bool is_predicate(const struct yaral_expr *expr)
{
    return expr->kind == YARAL_EXPR_COMPARE || expr->kind == YARAL_EXPR_IN ||
           (expr->type == YARAL_BOOL && !expr->is_list && (expr->kind == YARAL_EXPR_CALL || expr->kind == YARAL_EXPR_IF));
}

/* The set fields of an aggregate's argument, found as those of a predicate are. A condition of if() around it rests on all of its fields: the
 * rule's rows come from what its conditions rest on, and an aggregate over elements that no row brings would read those of another event. */
static void build_aggregate(struct builder *builder, struct node *node, const struct yaral_expr *expr)
{
    struct predicate *outer = builder->predicate;
    struct predicate collected = {.dimension = NONE};

    builder->predicate = &collected;
    for (size_t i = 0; i < expr->operand_count; i++)
        node->operands[i] = build(builder, expr->operands[i]);
    builder->predicate = outer;
    absorb_nested(builder, &collected);
    node->sets = collected.sets;
    node->set_count = collected.set_count;
}

static struct node *build(struct builder *builder, const struct yaral_expr *expr)
{
    struct detect_plan *plan = builder->plan;

    if (expr->kind == YARAL_EXPR_PLACEHOLDER)
        return build(builder, builder->rule->placeholders[expr->placeholder].value);

    struct node *node = ARENA_NEW(plan->arena, struct node);
    node->expr = expr;
    if (is_predicate(expr)) {
        node->kind = NODE_PREDICATE;
        node->predicate = build_predicate(builder, expr);
        return node;
    }
    node->kind = expr->kind == YARAL_EXPR_AND  ? NODE_AND
                 : expr->kind == YARAL_EXPR_OR ? NODE_OR
                 : expr->kind == YARAL_EXPR_NOT ? NODE_NOT
                                                : NODE_VALUE;
    node->operand_count = expr->operand_count;
    node->operands = arena_calloc(plan->arena, expr->operand_count, sizeof *node->operands);
    if (expr->kind == YARAL_EXPR_AGGREGATE) {
        build_aggregate(builder, node, expr);
        return node;
    }
    for (size_t i = 0; i < expr->operand_count; i++)
        node->operands[i] = expr->operands[i] ? build(builder, expr->operands[i]) : NULL;
    if (expr->kind == YARAL_EXPR_FIELD) {
        node->field = build_field(builder, expr);
        predicate_add_field(builder, node->field);
    }
    return node;
}

/* --- rules ----------------------------------------------------------------------------------------------------------------------- */

static void rule_add_dimension(struct detect_plan *plan, struct rule_plan *rule, size_t dimension)
{
    for (; dimension != NONE; dimension = plan->dimensions.items[dimension]->parent) {
        bool known = false;
        for (size_t i = 0; i < rule->dimension_count; i++)
            known = known || rule->dimensions[i] == dimension;
        if (!known)
            APPEND(plan->arena, rule->dimensions, rule->dimension_count, dimension);
    }
}

static void rule_add_node_dimensions(struct detect_plan *plan, struct rule_plan *rule, const struct node *node)
{
    if (!node)
        return;
    if (node->kind == NODE_PREDICATE) {
        const struct predicate *predicate = plan->predicates.items[node->predicate];
        for (size_t i = 0; i < predicate->field_count; i++)
            rule_add_dimension(plan, rule, predicate->fields[i]->dimension);
    }
    if (node->field)
        rule_add_dimension(plan, rule, node->field->dimension);
    for (size_t i = 0; i < node->operand_count; i++)
        rule_add_node_dimensions(plan, rule, node->operands[i]);
}

static int by_number(const void *a, const void *b)
{
    size_t x = *(const size_t *)a;
    size_t y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

/* Place in the rule's dimensions of the last one that the node needs; NONE if it needs none. */
static size_t last_dimension(const struct detect_plan *plan, const struct rule_plan *rule, const struct node *node)
{
    size_t last = NONE;

    if (node->kind == NODE_PREDICATE) {
        const struct predicate *predicate = plan->predicates.items[node->predicate];
        for (size_t f = 0; f < predicate->field_count; f++)
            for (size_t i = 0; i < rule->dimension_count; i++)
                if (rule->dimensions[i] == predicate->fields[f]->dimension && (last == NONE || i > last))
                    last = i;
    }
    for (size_t i = 0; i < node->operand_count; i++) {
        size_t below = last_dimension(plan, rule, node->operands[i]);
        if (below != NONE && (last == NONE || below > last))
            last = below;
    }
    return last;
}

/* Rows are kept when something looks at more than the first of them: an aggregate, or a count of a placeholder. */
static bool looks_at_rows(const struct node *node)
{
    if (!node)
        return false;
    if (node->kind == NODE_VALUE && (node->expr->kind == YARAL_EXPR_AGGREGATE || node->expr->kind == YARAL_EXPR_COUNT))
        return true;
    for (size_t i = 0; i < node->operand_count; i++)
        if (looks_at_rows(node->operands[i]))
            return true;
    return false;
}

static bool expr_looks_at_rows(const struct yaral_expr *expr)
{
    if (!expr)
        return false;
    if (expr->kind == YARAL_EXPR_AGGREGATE || expr->kind == YARAL_EXPR_COUNT)
        return true;
    for (size_t i = 0; i < expr->operand_count; i++)
        if (expr_looks_at_rows(expr->operands[i]))
            return true;
    return false;
}

static void build_rule(struct builder *builder, struct rule_plan *plan_rule, const struct yaral_rule *rule)
{
    struct detect_plan *plan = builder->plan;

    builder->rule = rule;
    plan_rule->rule = rule;
    plan_rule->event_count = rule->predicate_count;
    plan_rule->events = arena_calloc(plan->arena, rule->predicate_count, sizeof *plan_rule->events);
    plan_rule->event_dimension = arena_calloc(plan->arena, rule->predicate_count, sizeof *plan_rule->event_dimension);
    plan_rule->outcomes = arena_calloc(plan->arena, rule->outcome_count, sizeof *plan_rule->outcomes);
    plan_rule->placeholders = arena_calloc(plan->arena, rule->placeholder_count, sizeof *plan_rule->placeholders);
    for (size_t i = 0; i < rule->predicate_count; i++) {
        plan_rule->events[i] = build(builder, rule->predicates[i]);
        rule_add_node_dimensions(plan, plan_rule, plan_rule->events[i]);
    }
    for (size_t i = 0; i < rule->placeholder_count; i++) {
        plan_rule->placeholders[i] = build(builder, rule->placeholders[i].value);
        rule_add_node_dimensions(plan, plan_rule, plan_rule->placeholders[i]);
    }
    for (size_t i = 0; i < rule->outcome_count; i++) {
        plan_rule->outcomes[i] = build(builder, rule->outcomes[i].value);
        rule_add_node_dimensions(plan, plan_rule, plan_rule->outcomes[i]);
        plan_rule->has_outcome_rows |= looks_at_rows(plan_rule->outcomes[i]) || expr_looks_at_rows(rule->outcomes[i].value);
    }
    plan_rule->condition = build(builder, rule->condition);
    plan_rule->has_outcome_rows |= expr_looks_at_rows(rule->condition);
    if (plan_rule->dimension_count)
        qsort(plan_rule->dimensions, plan_rule->dimension_count, sizeof *plan_rule->dimensions, by_number);
    for (size_t i = 0; i < plan_rule->event_count; i++)
        plan_rule->event_dimension[i] = last_dimension(plan, plan_rule, plan_rule->events[i]);
}

struct detect_plan *detect_plan_new(struct yaral_ruleset *ruleset, struct yaral_lists *lists)
{
    struct detect_plan *plan = xcalloc(1, sizeof *plan);
    struct builder builder = {.plan = plan};
    size_t total = yaral_ruleset_count(ruleset);

    atomic_init(&plan->references, 1);
    plan->arena = arena_new(16384);
    plan->ruleset = ruleset;
    plan->lists = lists;
    plan->label_filter = udm_label_filter_new();
    plan->predicate_numbers = map_new();
    plan->dimension_numbers = map_new();
    plan->rules = arena_calloc(plan->arena, total, sizeof *plan->rules);
    for (size_t i = 0; i < total; i++) {
        const struct yaral_rule *rule = yaral_ruleset_at(ruleset, i);
        if (rule->window == YARAL_NO_WINDOW && rule->event_count == 1)
            build_rule(&builder, &plan->rules[plan->rule_count++], rule);
    }
    buffer_free(&builder.text);
    plan->words = (plan->rule_count + 63) / 64;
    index_build(plan);
    return plan;
}

struct detect_plan *detect_plan_ref(struct detect_plan *plan)
{
    atomic_fetch_add(&plan->references, 1);
    return plan;
}

void detect_plan_unref(struct detect_plan *plan)
{
    if (!plan || atomic_fetch_sub(&plan->references, 1) != 1)
        return;
    for (size_t i = 0; i < plan->index.count; i++)
        map_free(plan->index.items[i].by_value, NULL);
    VECTOR_FREE(&plan->index);
    VECTOR_FREE(&plan->predicates);
    VECTOR_FREE(&plan->dimensions);
    udm_label_filter_free(plan->label_filter);
    map_free(plan->predicate_numbers, NULL);
    map_free(plan->dimension_numbers, NULL);
    yaral_ruleset_free(plan->ruleset);
    yaral_lists_free(plan->lists);
    arena_free(plan->arena);
    free(plan);
}

size_t detect_plan_rule_count(const struct detect_plan *plan)
{
    return plan->rule_count;
}

const struct yaral_rule *detect_plan_rule(const struct detect_plan *plan, size_t index)
{
    return plan->rules[index].rule;
}

const struct udm_label_filter *detect_plan_label_filter(const struct detect_plan *plan)
{
    return plan->label_filter;
}

size_t detect_plan_predicate_count(const struct detect_plan *plan)
{
    return plan->predicates.count;
}
