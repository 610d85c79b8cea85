/* SPDX-License-Identifier: Apache-2.0 */
/* The outcome and condition sections of a rule without a window, over the rows of its event that are left. */
#include "internal.h"

#include <math.h>

enum {
    MOST_ARRAY_ELEMENTS = 25, /* as Google has it, so that outcomes agree */
    DISTINCT_BYTES = 128      /* what a map needs for one text, beside it */
};

/* What an aggregate has seen so far. Distinct values are found through a map of their texts. */
struct tally {
    enum yaral_aggregate aggregate;
    size_t count;
    double sum, sum_of_squares;
    bool integers;
    int64_t integer_sum;
    struct yaral_value best;
    struct yaral_value *items;
    size_t item_count;
    struct map *distinct;
    bool is_sensitive; /* some value was */
};

static bool add_distinct(struct detect_engine *engine, struct tally *tally, const struct yaral_value *value)
{
    struct slice text = yaral_to_text(engine->record->arena, value);
    if (map_get(tally->distinct, text) || !arena_charge(engine->record->arena, text.length + DISTINCT_BYTES))
        return false;
    map_put(tally->distinct, text, tally);
    return true;
}

static void add_item(struct detect_engine *engine, struct tally *tally, struct yaral_value value)
{
    if (tally->item_count >= MOST_ARRAY_ELEMENTS)
        return;
    if (!tally->items)
        tally->items = arena_alloc(engine->record->arena, MOST_ARRAY_ELEMENTS * sizeof *tally->items);
    tally->items[tally->item_count++] = value;
}

static void tally_add(struct detect_engine *engine, struct tally *tally, struct yaral_value value)
{
    double number = value.is_list ? 0 : yaral_to_double(&value);

    switch (tally->aggregate) {
    case YARAL_MAX:
        if (tally->count == 0 || yaral_compare(&value, &tally->best) > 0)
            tally->best = value;
        break;
    case YARAL_MIN:
        if (tally->count == 0 || yaral_compare(&value, &tally->best) < 0)
            tally->best = value;
        break;
    case YARAL_EARLIEST: /* one event has one time: the first value is as early, and as late, as any */
    case YARAL_LATEST:
        if (tally->count == 0)
            tally->best = value;
        break;
    case YARAL_COUNT_DISTINCT: add_distinct(engine, tally, &value); break;
    case YARAL_ARRAY: add_item(engine, tally, value); break;
    case YARAL_ARRAY_DISTINCT:
        if (add_distinct(engine, tally, &value))
            add_item(engine, tally, value);
        break;
    default: break;
    }
    tally->is_sensitive = tally->is_sensitive || value.is_sensitive;
    tally->count++;
    tally->sum += number;
    tally->sum_of_squares += number * number;
    if (value.type != YARAL_INT || __builtin_add_overflow(tally->integer_sum, value.integer, &tally->integer_sum))
        tally->integers = false;
}

static struct yaral_value tally_result(const struct tally *tally, enum yaral_type type)
{
    double mean = tally->count ? tally->sum / (double)tally->count : 0;
    struct yaral_value list = {.type = type, .is_list = true};

    switch (tally->aggregate) {
    case YARAL_COUNT: return yaral_int((int64_t)tally->count);
    case YARAL_COUNT_DISTINCT: return yaral_int((int64_t)map_count(tally->distinct));
    case YARAL_SUM: return tally->integers ? yaral_int(tally->integer_sum) : yaral_float(tally->sum);
    case YARAL_AVG: return yaral_float(mean);
    case YARAL_STDDEV:
        if (tally->count < 2)
            return yaral_float(0);
        return yaral_float(sqrt(fmax(0, (tally->sum_of_squares - mean * tally->sum) / (double)(tally->count - 1))));
    case YARAL_ARRAY:
    case YARAL_ARRAY_DISTINCT:
        list.list.items = tally->items;
        list.list.count = tally->item_count;
        return list;
    default: return tally->count ? tally->best : yaral_zero(type);
    }
}

/* The argument on the row in hand, for each value of its set fields: an aggregate sees all of them. */
static void tally_sets(struct detect_engine *engine, struct tally *tally, const struct node *node, size_t set)
{
    if (set == node->set_count) {
        tally_add(engine, tally, node_value(engine, node->operands[0]));
        return;
    }
    const struct field *field = node->sets[set];
    struct yaral_value zero;
    struct field_values values = field_values_or_zero(engine, field, &zero);
    for (size_t i = 0; i < values.count && !arena_is_full(engine->record->arena); i++) {
        engine->bound[field->number] = &values.items[i];
        tally_sets(engine, tally, node, set + 1);
    }
    engine->bound[field->number] = NULL;
}

struct yaral_value aggregate_value(struct detect_engine *engine, const struct node *node)
{
    struct tally tally = {.aggregate = node->expr->aggregate, .integers = true};
    size_t rows = engine->row_count, row_in_hand = engine->row;

    tally.distinct = map_new();
    for (size_t row = 0; row < rows && (row == 0 || !arena_is_full(engine->record->arena)); row++) {
        row_restore(engine, engine->rule, row);
        tally_sets(engine, &tally, node, 0);
    }
    if (rows > 0)
        row_restore(engine, engine->rule, row_in_hand);
    struct yaral_value value = tally_result(&tally, node->operands[0]->expr->type);
    if (!value.is_list && tally.aggregate != YARAL_COUNT && tally.aggregate != YARAL_COUNT_DISTINCT)
        value.is_sensitive = tally.is_sensitive;
    map_free(tally.distinct, NULL);
    return value;
}

int64_t placeholder_distinct(struct detect_engine *engine, size_t placeholder)
{
    struct map *distinct = map_new();
    size_t row_in_hand = engine->row;

    for (size_t row = 0; row < engine->row_count; row++) {
        row_restore(engine, engine->rule, row);
        struct yaral_value value = node_value(engine, engine->rule->placeholders[placeholder]);
        struct slice text = yaral_to_text(engine->record->arena, &value);
        if (arena_charge(engine->record->arena, text.length + DISTINCT_BYTES))
            map_put(distinct, text, engine);
    }
    if (engine->row_count > 0)
        row_restore(engine, engine->rule, row_in_hand);
    int64_t count = (int64_t)map_count(distinct);
    map_free(distinct, NULL);
    return count;
}

void outcomes_evaluate(struct detect_engine *engine, const struct rule_plan *rule)
{
    engine->rule = rule;
    engine->marks = true;
    engine->outcome_values = arena_calloc(engine->record->arena, rule->rule->outcome_count, sizeof *engine->outcome_values);
    for (size_t i = 0; i < rule->rule->outcome_count; i++) {
        struct yaral_value value = node_value(engine, rule->outcomes[i]);
        enum yaral_type wanted = rule->rule->outcomes[i].value->type;
        if (wanted == YARAL_FLOAT && value.type == YARAL_INT && !value.is_list)
            value = (struct yaral_value){.type = YARAL_FLOAT, .number = (double)value.integer, .is_sensitive = value.is_sensitive};
        engine->outcome_values[i] = value;
    }
    engine->marks = false;
}

bool condition_section_holds(struct detect_engine *engine, const struct rule_plan *rule)
{
    engine->rule = rule;
    return node_truth(engine, rule->condition) == TRUTH_TRUE;
}
