/* SPDX-License-Identifier: Apache-2.0 */
/* Which conditions held, on which values: for the person who reads the alert. */
#include "internal.h"

enum { MOST_EVIDENCE = 100, MOST_PER_CONDITION = 10, LONGEST_VALUE = 1024, LOOKED_AT_BYTES = 8 * LONGEST_VALUE };

struct collector {
    struct detect_engine *engine;
    struct detection *detection;
    size_t this_condition;
};

static struct slice origin_path(struct detect_engine *engine, const struct json_node *origin)
{
    struct buffer text = {NULL, 0, 0};

    if (!origin)
        return (struct slice){NULL, 0};
    json_path(origin, &text);
    struct slice path = redact_text(engine->record->arena, arena_copy(engine->record->arena, buffer_slice(&text)));
    buffer_free(&text);
    return path;
}

/* A secret is found before the text is cut; of a long one not all is looked at, as it is quoted a hundred times. */
static struct slice shown(struct detect_engine *engine, const struct yaral_value *value)
{
    struct arena *arena = engine->record->arena;
    struct slice whole = yaral_to_text(arena, value);

    if (value->is_sensitive)
        return redact_stand_in(arena, whole);
    struct slice text = redact_text(arena, slice_first(whole, slice_utf8_cut(whole, LOOKED_AT_BYTES)));
    if (text.length <= LONGEST_VALUE && whole.length <= LOOKED_AT_BYTES)
        return text;
    struct slice head = slice_first(text, slice_utf8_cut(text, LONGEST_VALUE));
    return arena_printf(arena, "%.*s... (%zu bytes)", SLICE_ARGS(head), whole.length);
}

/* May more be found? To look at a hundred thousand values for nothing costs time and memory. */
static bool has_room(const struct collector *collector)
{
    return collector->detection->evidence_count < MOST_EVIDENCE && collector->this_condition < MOST_PER_CONDITION;
}

/* expr: the condition as this rule has it; a shared predicate's own text may be another rule's. */
static void add(struct collector *collector, const struct yaral_expr *expr, bool negated, const struct field *field, const struct yaral_value *value)
{
    struct detection *detection = collector->detection;

    if (!has_room(collector))
        return;
    detection->evidence[detection->evidence_count++] = (struct detect_evidence){
        .event = 0,
        .condition = expr->source,
        .negated = negated,
        .line = expr->at.line,
        .field = field->path->text,
        .path = origin_path(collector->engine, value->origin),
        .value = shown(collector->engine, value),
    };
    collector->this_condition++;
}

/* Each combination of set values on which the predicate gives the wanted answer; the bound fields are the evidence. */
static void add_sets(struct collector *collector, const struct predicate *predicate, const struct yaral_expr *expr, bool negated, size_t set)
{
    struct detect_engine *engine = collector->engine;

    if (set == predicate->set_count) {
        if (predicate_bound_truth(engine, predicate) != (negated ? TRUTH_FALSE : TRUTH_TRUE))
            return;
        for (size_t i = 0; i < predicate->set_count; i++)
            add(collector, expr, negated, predicate->sets[i], engine->bound[predicate->sets[i]->number]);
        return;
    }
    const struct field *field = predicate->sets[set];
    struct yaral_value zero;
    struct field_values values = field_values_or_zero(engine, field, &zero);
    for (size_t i = 0; i < values.count && has_room(collector); i++) {
        engine->bound[field->number] = &values.items[i];
        add_sets(collector, predicate, expr, negated, set + 1);
    }
    engine->bound[field->number] = NULL;
}

static void collect_predicate(struct collector *collector, const struct predicate *predicate, const struct yaral_expr *expr, bool negated)
{
    collector->this_condition = 0;
    if (predicate->set_count) {
        add_sets(collector, predicate, expr, negated, 0);
        return;
    }
    for (size_t i = 0; i < predicate->field_count; i++) {
        struct yaral_value value = field_row_value(collector->engine, predicate->fields[i]);
        add(collector, expr, negated, predicate->fields[i], &value);
    }
}

/* Goes down only where the part holds as it must: of an `or`, the alternatives that are met. */
static void collect(struct collector *collector, const struct node *node, bool negated)
{
    if (node_truth(collector->engine, node) != (negated ? TRUTH_FALSE : TRUTH_TRUE))
        return;
    if (node->kind == NODE_PREDICATE) {
        collect_predicate(collector, collector->engine->plan->predicates.items[node->predicate], node->expr, negated);
        return;
    }
    if (node->kind == NODE_VALUE)
        return;
    for (size_t i = 0; i < node->operand_count; i++)
        collect(collector, node->operands[i], node->kind == NODE_NOT ? !negated : negated);
}

void evidence_collect(struct detect_engine *engine, const struct rule_plan *rule, struct detection *detection)
{
    struct collector collector = {.engine = engine, .detection = detection};

    detection->evidence = arena_calloc(engine->record->arena, MOST_EVIDENCE, sizeof *detection->evidence);
    engine->marks = true;
    for (size_t i = 0; i < rule->event_count; i++)
        collect(&collector, rule->events[i], false);
    engine->marks = false;
}

static size_t seen_of_field(struct detect_engine *engine, const struct field *field, struct detect_seen *seen, size_t count, size_t capacity)
{
    struct field whole = *field;

    for (size_t i = 0; i < count; i++)
        if (slice_equal(seen[i].field, field->path->text))
            return count; /* another part of the condition names it too */
    /* all elements: an explanation is not about one row */
    whole.quantifier = YARAL_ANY;
    engine->marks = true;
    struct field_values values = field_all_values(engine, &whole);
    engine->marks = false;
    for (size_t i = 0; i < values.count && count < capacity; i++)
        seen[count++] = (struct detect_seen){field->path->text, origin_path(engine, values.items[i].origin), shown(engine, &values.items[i])};
    if (values.count == 0 && count < capacity) {
        struct slice why = values.knowledge == UDM_KNOWN ? SLICE("(absent)") : SLICE("(not visible in this event)");
        seen[count++] = (struct detect_seen){field->path->text, (struct slice){NULL, 0}, why};
    }
    return count;
}

size_t evidence_seen(struct detect_engine *engine, const struct node *node, struct detect_seen *seen, size_t count, size_t capacity)
{
    if (node->kind == NODE_PREDICATE) {
        const struct predicate *predicate = engine->plan->predicates.items[node->predicate];
        for (size_t i = 0; i < predicate->field_count; i++)
            count = seen_of_field(engine, predicate->fields[i], seen, count, capacity);
    }
    for (size_t i = 0; i < node->operand_count; i++)
        count = evidence_seen(engine, node->operands[i], seen, count, capacity);
    return count;
}
