/* SPDX-License-Identifier: Apache-2.0 */
/* Which rules can an event concern? Found by the values of a few cheap fields, before any rule is run. */
#include "internal.h"

/* Fields that are known before the objects are read, and that rules compare with constants. */
static bool is_cheap(const struct field *field)
{
    enum udm_origin origin = field->path->origin;
    return field->dimension == NONE && field->quantifier == YARAL_ROW &&
           (origin == UDM_ORIGIN_LOG_TYPE || origin == UDM_ORIGIN_VERB || origin == UDM_ORIGIN_STAGE || origin == UDM_ORIGIN_OBJECT_REF);
}

/* The predicate is `cheap field = "constant"`: gives both. */
static bool equality(const struct predicate *predicate, struct field **field, struct slice *constant)
{
    const struct yaral_expr *expr = predicate->expr;

    if (expr->kind != YARAL_EXPR_COMPARE || expr->op != YARAL_OP_EQUAL || expr->nocase)
        return false;
    for (size_t side = 0; side < 2; side++) {
        const struct node *one = predicate->operands[side];
        const struct node *other = predicate->operands[1 - side];
        if (one->kind == NODE_VALUE && one->field && is_cheap(one->field) && other->kind == NODE_VALUE && other->expr->kind == YARAL_EXPR_LITERAL &&
            other->expr->literal.type == YARAL_STRING) {
            *field = one->field;
            *constant = other->expr->literal.string;
            return true;
        }
    }
    return false;
}

/* All alternatives of a top-level predicate, when each is an equality on the same field. */
static bool alternatives(const struct detect_plan *plan, const struct node *node, struct field **field, struct slice *constants, size_t capacity,
                         size_t *count)
{
    *count = 0;
    if (node->kind == NODE_PREDICATE)
        return equality(plan->predicates.items[node->predicate], field, &constants[(*count)++]);
    if (node->kind != NODE_OR || node->operand_count > capacity)
        return false;
    for (size_t i = 0; i < node->operand_count; i++) {
        struct field *this_field;
        const struct node *operand = node->operands[i];
        if (operand->kind != NODE_PREDICATE || !equality(plan->predicates.items[operand->predicate], &this_field, &constants[*count]))
            return false;
        if (i > 0 && !slice_equal(this_field->path->text, (*field)->path->text))
            return false;
        *field = this_field;
        (*count)++;
    }
    return true;
}

static struct index_field *index_field_for(struct detect_plan *plan, struct field *field)
{
    for (size_t i = 0; i < plan->index.count; i++)
        if (slice_equal(plan->index.items[i].field->path->text, field->path->text))
            return &plan->index.items[i];
    struct index_field *added = VECTOR_ADD(&plan->index);
    added->field = field;
    added->by_value = map_new();
    added->indifferent = arena_calloc(plan->arena, plan->words, sizeof(uint64_t));
    memset(added->indifferent, 0xff, plan->words * sizeof(uint64_t));
    return added;
}

static void index_rule(struct detect_plan *plan, size_t number)
{
    enum { MOST = 64 };
    struct slice constants[MOST];
    struct field *field;
    size_t count;
    const struct rule_plan *rule = &plan->rules[number];
    uint64_t bit = UINT64_C(1) << (number % 64);

    for (size_t i = 0; i < rule->event_count; i++) {
        if (!alternatives(plan, rule->events[i], &field, constants, MOST, &count))
            continue;
        struct index_field *index = index_field_for(plan, field);
        if (!(index->indifferent[number / 64] & bit))
            continue; /* this field has its say already; a second is left to the rule itself */
        index->indifferent[number / 64] &= ~bit;
        for (size_t c = 0; c < count; c++) {
            uint64_t *bits = map_get(index->by_value, constants[c]);
            if (!bits) {
                bits = arena_calloc(plan->arena, plan->words, sizeof *bits);
                map_put(index->by_value, constants[c], bits);
            }
            bits[number / 64] |= bit;
        }
    }
}

void index_build(struct detect_plan *plan)
{
    for (size_t i = 0; i < plan->rule_count; i++)
        index_rule(plan, i);
}

static void keep_value(const struct index_field *index, struct slice value, uint64_t *kept, size_t words)
{
    const uint64_t *bits = map_get(index->by_value, value);
    for (size_t w = 0; bits && w < words; w++)
        kept[w] |= bits[w];
}

void index_candidates(struct detect_engine *engine, uint64_t *bits)
{
    const struct detect_plan *plan = engine->plan;
    uint64_t kept[64];

    for (size_t w = 0; w < plan->words; w++)
        bits[w] = w + 1 < plan->words || plan->rule_count % 64 == 0 ? UINT64_MAX : (UINT64_C(1) << (plan->rule_count % 64)) - 1;
    if (plan->words > sizeof kept / sizeof kept[0])
        return; /* over 4,096 rules every rule is a candidate: right, only slower */
    for (size_t i = 0; i < plan->index.count; i++) {
        const struct index_field *index = &plan->index.items[i];
        if (udm_record_knowledge(engine->record, index->field->path) != UDM_KNOWN)
            continue;
        memcpy(kept, index->indifferent, plan->words * sizeof kept[0]);
        if (index->field->is_set) {
            struct field_values values = field_all_values(engine, index->field);
            for (size_t v = 0; v < values.count; v++)
                keep_value(index, values.items[v].string, kept, plan->words);
            if (values.count == 0)
                keep_value(index, (struct slice){NULL, 0}, kept, plan->words);
        } else {
            keep_value(index, field_row_value(engine, index->field).string, kept, plan->words);
        }
        for (size_t w = 0; w < plan->words; w++)
            bits[w] &= kept[w];
    }
}
