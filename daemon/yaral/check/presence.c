/* SPDX-License-Identifier: Apache-2.0 */
/* What the condition says of the presence of events. */
#include "checker.h"

/* Rule (condition-syntax): a test of an event or placeholder is bounded when it cannot hold without one ($e, #e > 0), else unbounded (!$e, #e < 3).
 * At least one event is bounded; what is unbounded is joined by `and` only. Consequence: every detection has an event to begin at. */
struct presence {
    bool has_test;    /* of an event or placeholder */
    bool has_outcome; /* a condition on an outcome */
    bool has_unbounded;
    struct yaral_position test_at;
    struct yaral_position unbounded_at;
    event_set events;
};

static bool is_bounded(const struct count_test *test)
{
    switch (test->op) {
    case YARAL_OP_GREATER: return test->number >= 0;
    case YARAL_OP_GREATER_EQUAL:
    case YARAL_OP_EQUAL: return test->number > 0;
    case YARAL_OP_NOT_EQUAL: return test->number == 0;
    default: return false;
    }
}

static event_set events_of_test(const struct checker *checker, const struct count_test *test)
{
    ptrdiff_t event = checker_event(checker, test->variable->text);

    return event >= 0 ? (event_set)1 << event : checker->placeholders.items[checker_placeholder(checker, test->variable->text)].events;
}

static struct presence presence_of_test(struct checker *checker, const struct node *node, const struct count_test *test)
{
    struct presence presence = {.has_test = true, .test_at = node->at, .events = events_of_test(checker, test)};

    presence.has_unbounded = !is_bounded(test);
    presence.unbounded_at = node->at;
    for (size_t i = 0; i < checker->events.count; i++)
        if (presence.events >> i & 1) {
            checker->events.items[i].in_condition = true;
            checker->events.items[i].bounded |= !presence.has_unbounded;
        }
    return presence;
}

static void add(struct presence *to, const struct presence *from)
{
    if (!to->has_test)
        to->test_at = from->test_at;
    if (!to->has_unbounded)
        to->unbounded_at = from->unbounded_at;
    to->has_test |= from->has_test;
    to->has_outcome |= from->has_outcome;
    to->has_unbounded |= from->has_unbounded;
    to->events |= from->events;
}

static void check_or(struct checker *checker, const struct node *node, const struct presence *presence)
{
    bool several = presence->events && !event_set_is_single(presence->events);

    if (!presence->has_test)
        return;
    if (presence->has_outcome)
        report_error(checker->report, node->at,
                     "`or` joins events with conditions on outcomes: put the outcome conditions that belong together in parentheses of "
                     "their own ($e and ($x > 1 or $y > 1))");
    else if (presence->has_unbounded)
        report_error(checker->report, presence->unbounded_at,
                     "this condition also holds when the event is absent, and such may not be joined by `or`: use `and`");
    else if (several && checker->rule->window == YARAL_TUMBLING)
        report_error(checker->report, node->at, "`or` between events does not work with tumbling windows (by): use `over`");
}

static void check_n_of(struct checker *checker, const struct node *node, const struct presence *presence)
{
    if (presence->has_unbounded)
        report_error(checker->report, presence->unbounded_at,
                     "this condition also holds when the event is absent: `of [...]` takes conditions that need their event");
    else if (checker->rule->window == YARAL_TUMBLING)
        report_error(checker->report, node->at, "`of [...]` does not work with tumbling windows (by): use `over`");
}

static void check_not(struct checker *checker, const struct node *node, const struct presence *presence)
{
    if (!presence->has_test)
        return;
    const struct node *child = node->children[0];
    if (child->kind == NODE_VARIABLE)
        report_error(checker->report, node->at, "`not` is for conditions on outcomes: the absence of an event is written `!$%.*s`",
                     SLICE_ARGS(child->text));
    else
        report_error(
            checker->report, node->at,
            "`not` is for conditions on outcomes: turn the comparison round (#e <= 3), or write `!$e` for the absence of an event");
}

static struct presence walk(struct checker *checker, const struct node *node)
{
    struct count_test test;
    struct presence presence = {0};

    if (count_test_read(checker, node, &test))
        return presence_of_test(checker, node, &test);
    if (node->kind != NODE_AND && node->kind != NODE_OR && node->kind != NODE_NOT && node->kind != NODE_N_OF) {
        presence.has_outcome = true;
        return presence;
    }
    for (size_t i = 0; i < node->child_count; i++) {
        struct presence child = walk(checker, node->children[i]);
        add(&presence, &child);
    }
    if (node->kind == NODE_OR)
        check_or(checker, node, &presence);
    else if (node->kind == NODE_N_OF)
        check_n_of(checker, node, &presence);
    else if (node->kind == NODE_NOT)
        check_not(checker, node, &presence);
    return presence;
}

static void check_all_mentioned(struct checker *checker)
{
    for (size_t i = 0; i < checker->events.count; i++) {
        const struct event_symbol *event = &checker->events.items[i];
        if (!event->in_condition)
            report_error(checker->report, checker->syntax->sections[SECTION_CONDITION].at,
                         "event `$%.*s` does not stand in the condition: add it (and $%.*s)", SLICE_ARGS(event->name),
                         SLICE_ARGS(event->name));
    }
}

static event_set bounded_events(const struct checker *checker)
{
    event_set bounded = 0;

    for (size_t i = 0; i < checker->events.count; i++)
        if (checker->events.items[i].bounded)
            bounded |= (event_set)1 << i;
    return bounded;
}

/* A placeholder that may be absent must belong to an event that is there. */
static void check_unbounded_placeholders(struct checker *checker, const struct node *node, event_set bounded)
{
    struct count_test test;

    if (count_test_read(checker, node, &test) && checker_event(checker, test.variable->text) < 0 && !is_bounded(&test) &&
        !(events_of_test(checker, &test) & bounded))
        report_error(checker->report, node->at,
                     "placeholder `$%.*s` may be absent here, so its event must be required to exist: add the event to the condition",
                     SLICE_ARGS(test.variable->text));
    for (size_t i = 0; i < node->child_count; i++)
        check_unbounded_placeholders(checker, node->children[i], bounded);
}

static void check_match_is_bounded(struct checker *checker, event_set bounded)
{
    const struct syntax_match *match = &checker->syntax->match;

    for (size_t i = 0; i < match->names.count; i++) {
        ptrdiff_t placeholder = checker_placeholder(checker, match->names.items[i].name);
        if (placeholder >= 0 && !(checker->placeholders.items[placeholder].events & bounded))
            report_error(checker->report, match->names.items[i].at,
                         "match variable `$%.*s` comes from events that may all be absent: the condition must require one of them",
                         SLICE_ARGS(match->names.items[i].name));
    }
    if ((checker->rule->window == YARAL_SLIDING_AFTER || checker->rule->window == YARAL_SLIDING_BEFORE) &&
        !(bounded >> checker->rule->pivot & 1))
        report_error(checker->report, match->pivot.at,
                     "the window hangs on `$%.*s`, which may be absent: the condition must require it ($%.*s)",
                     SLICE_ARGS(match->pivot.name), SLICE_ARGS(match->pivot.name));
}

void checker_check_presence(struct checker *checker, struct node *condition)
{
    walk(checker, condition);
    check_all_mentioned(checker);
    event_set bounded = bounded_events(checker);
    if (!bounded && checker->events.count)
        report_error(checker->report, condition->at,
                     "at least one event must be required to exist ($e or #e > 0): this condition also holds when all are absent");
    check_unbounded_placeholders(checker, condition, bounded);
    if (bounded)
        check_match_is_bounded(checker, bounded);
}
