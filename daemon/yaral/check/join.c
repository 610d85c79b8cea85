/* SPDX-License-Identifier: Apache-2.0 */
/* Every event variable must be joined with the others, else a detection would pair what has nothing to do with each other. */
#include "checker.h"

/* Which event variables hang together: equal numbers, one group. */
struct groups {
    uint8_t of[EVENTS_MAX];
};

static void groups_init(struct groups *groups)
{
    for (size_t i = 0; i < EVENTS_MAX; i++)
        groups->of[i] = (uint8_t)i;
}

static void groups_join(struct groups *groups, size_t a, size_t b)
{
    uint8_t from = groups->of[b], to = groups->of[a];

    for (size_t i = 0; i < EVENTS_MAX; i++)
        if (groups->of[i] == from)
            groups->of[i] = to;
}

static void groups_join_set(struct groups *groups, event_set set)
{
    size_t first = event_set_first(set);

    for (size_t i = first + 1; i < EVENTS_MAX; i++)
        if (set >> i & 1)
            groups_join(groups, first, i);
}

/* What both hold together. */
static struct groups groups_meet(const struct groups *a, const struct groups *b)
{
    struct groups meet;

    groups_init(&meet);
    for (size_t i = 0; i < EVENTS_MAX; i++)
        for (size_t j = i + 1; j < EVENTS_MAX; j++)
            if (a->of[i] == a->of[j] && b->of[i] == b->of[j])
                groups_join(&meet, i, j);
    return meet;
}

static void groups_add(struct groups *groups, const struct groups *other)
{
    for (size_t i = 0; i < EVENTS_MAX; i++)
        if (other->of[i] != i)
            groups_join(groups, other->of[i], i);
}

/* An equality of two events' values joins them; arithmetic at the top of a side does not count. */
static void join_comparison(const struct checker *checker, const struct node *node, struct groups *groups)
{
    event_set left = checker_events_of(checker, node->children[0]);
    event_set right = checker_events_of(checker, node->children[1]);
    bool counts = node->op == YARAL_OP_EQUAL && node->children[0]->kind != NODE_ARITHMETIC && node->children[1]->kind != NODE_ARITHMETIC;

    if (counts && left && right)
        groups_join_set(groups, left | right);
}

/* The joins that hold whenever the node holds: of `and` all, of `or` those of every side. */
static struct groups joins_of(const struct checker *checker, const struct node *node)
{
    struct groups groups;

    groups_init(&groups);
    if (node->kind == NODE_COMPARE)
        join_comparison(checker, node, &groups);
    if (node->kind != NODE_AND && node->kind != NODE_OR)
        return groups;
    for (size_t i = 0; i < node->child_count; i++) {
        struct groups child = joins_of(checker, node->children[i]);
        if (node->kind == NODE_AND)
            groups_add(&groups, &child);
        else
            groups = i == 0 ? child : groups_meet(&groups, &child);
    }
    return groups;
}

void checker_check_joins(struct checker *checker)
{
    struct groups groups;

    if (checker->events.count < 2)
        return;
    if (!checker_has_match(checker)) {
        report_error(checker->report, checker->events.items[1].at,
                     "`$%.*s` is a second event variable, and a rule with several needs a match section (match: $x over 10m)",
                     SLICE_ARGS(checker->events.items[1].name));
        return;
    }
    groups_init(&groups);
    for (size_t i = 0; i < checker->predicates.count; i++) {
        struct groups joins = joins_of(checker, checker->predicates.items[i]);
        groups_add(&groups, &joins);
    }
    for (size_t i = 1; i < checker->events.count; i++)
        if (groups.of[i] != groups.of[0])
            report_error(
                checker->report, checker->events.items[i].at,
                "event `$%.*s` is not joined with `$%.*s`: make a field of both equal ($a.f = $b.g), or give both to one placeholder",
                SLICE_ARGS(checker->events.items[i].name), SLICE_ARGS(checker->events.items[0].name));
}
