/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

const struct detect_limits detect_default_limits = {.rows = 10000};

struct detect_engine *detect_engine_new(struct detect_plan *plan, const struct detect_limits *limits)
{
    struct detect_engine *engine = xcalloc(1, sizeof *engine);

    engine->plan = detect_plan_ref(plan);
    engine->limits = *limits;
    engine->matcher = regex_matcher_new();
    engine->generation = 1;
    engine->answers = xcalloc(plan->predicates.count, sizeof *engine->answers);
    engine->row_answers = row_cache_new();
    engine->bound = xcalloc(plan->field_count, sizeof *engine->bound);
    engine->elements = xcalloc(plan->dimensions.count, sizeof *engine->elements);
    engine->candidates = xcalloc(plan->words, sizeof *engine->candidates);
    engine->rule_counters = xcalloc(plan->rule_count, sizeof *engine->rule_counters);
    return engine;
}

void detect_engine_free(struct detect_engine *engine)
{
    if (!engine)
        return;
    regex_matcher_free(engine->matcher);
    row_cache_free(engine->row_answers);
    free(engine->answers);
    free(engine->bound);
    free(engine->elements);
    free(engine->rows);
    free(engine->candidates);
    free(engine->rule_counters);
    detect_plan_unref(engine->plan);
    free(engine);
}

/* What points into an event's arena is let go, so that a mistake in a plan reads zero values and not what another event has left there. */
static void forget_event(struct detect_engine *engine)
{
    for (size_t i = 0; i < engine->plan->dimensions.count; i++)
        engine->elements[i] = (struct element){NULL, UDM_KNOWN};
    engine->record = NULL;
    engine->rule = NULL;
    engine->outcome_values = NULL;
    engine->row_count = 0;
    engine->row = 0;
    engine->doubt = 0;
    engine->doubt_truth = TRUTH_TRUE;
    engine->marks = false;
}

void detect_begin(struct detect_engine *engine)
{
    engine->generation++;
    row_cache_clear(engine->row_answers);
    forget_event(engine);
}

static bool is_candidate(const struct detect_engine *engine, size_t rule)
{
    return engine->candidates[rule / 64] >> (rule % 64) & 1;
}

/* False as soon as one condition that needs no row is false. */
static bool rule_may_hold(struct detect_engine *engine, const struct rule_plan *rule)
{
    for (size_t i = 0; i < rule->event_count; i++)
        if (rule->event_dimension[i] == NONE && node_truth(engine, rule->events[i]) == TRUTH_FALSE)
            return false;
    return true;
}

bool detect_may_concern(struct detect_engine *engine, const struct udm_record *record, clock_nanos now)
{
    engine->record = record;
    engine->now = now;
    engine->doubt_truth = TRUTH_TRUE;
    index_candidates(engine, engine->candidates);
    for (size_t i = 0; i < engine->plan->rule_count; i++)
        if (is_candidate(engine, i) && rule_may_hold(engine, &engine->plan->rules[i]))
            return true;
    return false;
}

/* An outcome as it is shown; tests on its values have been made by then. A number made from a secret is shown as text, as a PIN would be. */
static struct yaral_value outcome_shown(struct arena *arena, struct yaral_value value)
{
    bool is_text = value.type == YARAL_STRING || value.type == YARAL_BYTES;

    if (!value.is_list)
        return (is_text || value.is_sensitive) && value.type != YARAL_BOOL ? yaral_string(value_shown(arena, &value)) : value;
    struct yaral_value *items = arena_calloc(arena, value.list.count, sizeof *items);
    for (size_t i = 0; i < value.list.count; i++)
        items[i] = outcome_shown(arena, value.list.items[i]);
    value.list.items = items;
    return value;
}

static void detection_fill(struct detect_engine *engine, const struct rule_plan *rule, size_t index, struct detection *detection)
{
    struct arena *arena = engine->record->arena;

    *detection = (struct detection){.rule = rule->rule, .rule_index = index, .outcome_count = rule->rule->outcome_count};
    detection->outcomes = arena_calloc(arena, rule->rule->outcome_count, sizeof *detection->outcomes);
    for (size_t i = 0; i < rule->rule->outcome_count; i++) {
        detection->outcomes[i].name = rule->rule->outcomes[i].name;
        detection->outcomes[i].value = outcome_shown(arena, engine->outcome_values[i]);
    }
    evidence_collect(engine, rule, detection);
}

/* One rule over the record, with its condition section. */
static enum truth rule_verdict(struct detect_engine *engine, const struct rule_plan *rule, size_t index)
{
    bool limit_hit;

    engine->doubt = 0;
    engine->doubt_truth = TRUTH_TRUE;
    engine->rule = rule;
    enum truth truth = rule_rows(engine, rule, &limit_hit);
    if (limit_hit) {
        atomic_fetch_add_explicit(&engine->rule_counters[index].row_limit, 1, memory_order_relaxed);
        if (truth != TRUTH_TRUE) {
            truth = TRUTH_UNKNOWN; /* what was not looked at may match: not a plain no */
            engine->doubt |= DETECT_DOUBT_ROWS;
        }
    }
    if (truth != TRUTH_TRUE)
        return truth;
    outcomes_evaluate(engine, rule);
    return condition_section_holds(engine, rule) ? TRUTH_TRUE : TRUTH_FALSE;
}

static void *grown(struct arena *arena, const void *items, size_t count, size_t size)
{
    char *copy = arena_alloc(arena, (count + 1) * size);
    if (count)
        memcpy(copy, items, count * size);
    return copy;
}

static void note_regex_counts(struct detect_engine *engine)
{
    const struct regex_matcher_counts *counts = regex_matcher_counts(engine->matcher);
    atomic_store_explicit(&engine->regex_fallbacks, counts->fallbacks, memory_order_relaxed);
    atomic_store_explicit(&engine->regex_unknown, counts->unknown, memory_order_relaxed);
}

void detect_evaluate(struct detect_engine *engine, const struct udm_record *record, clock_nanos now, struct detect_result *result)
{
    *result = (struct detect_result){NULL, 0, NULL, 0};
    engine->record = record;
    engine->now = now;
    index_candidates(engine, engine->candidates);
    for (size_t i = 0; i < engine->plan->rule_count; i++) {
        const struct rule_plan *rule = &engine->plan->rules[i];
        if (!is_candidate(engine, i))
            continue;
        atomic_fetch_add_explicit(&engine->rules_considered, 1, memory_order_relaxed);
        enum truth truth = rule_verdict(engine, rule, i);
        if (truth == TRUTH_TRUE) {
            atomic_fetch_add_explicit(&engine->rule_counters[i].fired, 1, memory_order_relaxed);
            result->detections = grown(record->arena, result->detections, result->detection_count, sizeof *result->detections);
            detection_fill(engine, rule, i, &result->detections[result->detection_count++]);
        } else if (truth == TRUTH_UNKNOWN || truth == TRUTH_UNREAD) {
            atomic_fetch_add_explicit(&engine->rule_counters[i].unknown, 1, memory_order_relaxed);
            result->blind = grown(record->arena, result->blind, result->blind_count, sizeof *result->blind);
            result->blind[result->blind_count++] = (struct detect_blind){rule->rule, i, engine->doubt};
        }
    }
    note_regex_counts(engine);
}

struct detect_rule_counts detect_engine_rule_counts(const struct detect_engine *engine, size_t rule_index)
{
    const struct rule_counters *counters = &engine->rule_counters[rule_index];
    return (struct detect_rule_counts){atomic_load_explicit(&counters->fired, memory_order_relaxed),
                                       atomic_load_explicit(&counters->unknown, memory_order_relaxed),
                                       atomic_load_explicit(&counters->row_limit, memory_order_relaxed)};
}

struct detect_counts detect_engine_counts(const struct detect_engine *engine)
{
    return (struct detect_counts){atomic_load_explicit(&engine->predicates_evaluated, memory_order_relaxed),
                                  atomic_load_explicit(&engine->rules_considered, memory_order_relaxed),
                                  atomic_load_explicit(&engine->regex_fallbacks, memory_order_relaxed),
                                  atomic_load_explicit(&engine->regex_unknown, memory_order_relaxed)};
}

/* --- explanation ------------------------------------------------------------------------------------------------------------------- */

/* One condition by itself: as if it were the rule's only one. */
static enum truth condition_alone(struct detect_engine *engine, const struct rule_plan *rule, size_t condition)
{
    struct rule_plan alone = *rule;
    bool limit_hit;

    alone.events = &rule->events[condition];
    alone.event_dimension = &rule->event_dimension[condition];
    alone.event_count = 1;
    alone.has_outcome_rows = false;
    enum truth truth = rule_rows(engine, &alone, &limit_hit);
    return limit_hit && truth != TRUTH_TRUE ? TRUTH_UNKNOWN : truth;
}

static void explain_conditions(struct detect_engine *engine, const struct rule_plan *rule, struct detect_explanation *explanation)
{
    enum { MOST_SEEN = 20 };
    struct arena *arena = engine->record->arena;

    explanation->condition_count = rule->event_count;
    explanation->conditions = arena_calloc(arena, rule->event_count, sizeof *explanation->conditions);
    for (size_t i = 0; i < rule->event_count; i++) {
        struct detect_condition *condition = &explanation->conditions[i];
        condition->source = rule->rule->predicates[i]->source;
        condition->line = rule->rule->predicates[i]->at.line;
        condition->truth = condition_alone(engine, rule, i);
        condition->seen = arena_calloc(arena, MOST_SEEN, sizeof *condition->seen);
        condition->seen_count = evidence_seen(engine, rule->events[i], condition->seen, 0, MOST_SEEN);
    }
    for (size_t i = 0; i < rule->event_count && !explanation->first_failed; i++)
        if (explanation->conditions[i].truth == TRUTH_FALSE)
            explanation->first_failed = &explanation->conditions[i];
    for (size_t i = 0; i < rule->event_count && !explanation->first_failed; i++)
        if (explanation->conditions[i].truth != TRUTH_TRUE)
            explanation->first_failed = &explanation->conditions[i];
}

void detect_explain(struct detect_engine *engine, const struct udm_record *record, clock_nanos now, size_t rule_index, struct detect_explanation *explanation)
{
    const struct rule_plan *rule = &engine->plan->rules[rule_index];
    bool limit_hit;

    engine->record = record;
    engine->now = now;
    *explanation = (struct detect_explanation){.rule = rule->rule};
    explain_conditions(engine, rule, explanation);
    explanation->verdict = rule_verdict(engine, rule, rule_index);
    explanation->doubt = explanation->verdict == TRUTH_UNKNOWN ? engine->doubt : 0;
    explanation->condition_section_failed = explanation->verdict == TRUTH_FALSE && rule_rows(engine, rule, &limit_hit) == TRUTH_TRUE;
}
