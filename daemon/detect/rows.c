/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: every choice of one element from each dimension that a rule names. `events` holds when it holds on one row. */
#include "internal.h"

struct walk {
    struct detect_engine *engine;
    const struct rule_plan *rule;
    enum truth truth; /* of the rows so far, joined by or */
    size_t steps;           /* elements bound so far */
    bool limit_hit;
    bool stop;
};

static void keep_row(struct detect_engine *engine, const struct rule_plan *rule)
{
    size_t width = rule->dimension_count;

    engine->rows = xreallocarray(engine->rows, (engine->row_count + 1) * (width ? width : 1), sizeof *engine->rows);
    for (size_t i = 0; i < width; i++)
        engine->rows[engine->row_count * width + i] = engine->elements[rule->dimensions[i]];
    engine->row_count++;
}

void row_restore(struct detect_engine *engine, const struct rule_plan *rule, size_t row)
{
    for (size_t i = 0; i < rule->dimension_count; i++)
        engine->elements[rule->dimensions[i]] = engine->rows[row * rule->dimension_count + i];
    engine->row = row;
}

static void walk_dimension(struct walk *walk, size_t depth, enum truth above);

/* The conditions that waited for this dimension, on the element now in hand; then the dimensions below. */
static void walk_element(struct walk *walk, size_t depth, enum truth above, struct element element)
{
    const struct rule_plan *rule = walk->rule;
    enum truth truth = above;

    if (++walk->steps > walk->engine->limits.rows) {
        walk->limit_hit = true;
        walk->stop = true;
        return;
    }
    walk->engine->elements[rule->dimensions[depth]] = element;
    for (size_t i = 0; i < rule->event_count && truth != TRUTH_FALSE; i++)
        if (rule->event_dimension[i] == depth)
            truth = truth_and(truth, node_truth(walk->engine, rule->events[i]));
    if (truth != TRUTH_FALSE)
        walk_dimension(walk, depth + 1, truth);
}

/* Depth is the number of dimensions that a rule's text names. */
static void walk_dimension(struct walk *walk, size_t depth, enum truth above)
{
    if (depth == walk->rule->dimension_count) {
        walk->truth = truth_or(walk->truth, above);
        if (above == TRUTH_TRUE) {
            keep_row(walk->engine, walk->rule);
            walk->stop = !walk->rule->has_outcome_rows;
        }
        return;
    }
    const struct dimension *dimension = walk->engine->plan->dimensions.items[walk->rule->dimensions[depth]];
    enum udm_knowledge knowledge;
    struct udm_values values = dimension_elements(walk->engine, dimension, &knowledge);

    for (size_t i = 0; i < values.count && !walk->stop; i++)
        walk_element(walk, depth, above, (struct element){&values.items[i], UDM_KNOWN});
    if (values.count == 0 && knowledge == UDM_KNOWN && !walk->stop)
        walk_element(walk, depth, above, (struct element){NULL, UDM_KNOWN});
    if (knowledge != UDM_KNOWN && !walk->stop)
        walk_element(walk, depth, above, (struct element){NULL, knowledge});
}

enum truth rule_rows(struct detect_engine *engine, const struct rule_plan *rule, bool *limit_hit)
{
    struct walk walk = {.engine = engine, .rule = rule, .truth = TRUTH_FALSE};
    enum truth scalars = TRUTH_TRUE;

    *limit_hit = false;
    engine->row_count = 0;
    for (size_t i = 0; i < rule->event_count && scalars != TRUTH_FALSE; i++)
        if (rule->event_dimension[i] == NONE)
            scalars = truth_and(scalars, node_truth(engine, rule->events[i]));
    if (scalars == TRUTH_FALSE)
        return TRUTH_FALSE;
    walk_dimension(&walk, 0, scalars);
    *limit_hit = walk.limit_hit;
    if (engine->row_count > 0)
        row_restore(engine, rule, 0);
    return walk.truth;
}
