/* SPDX-License-Identifier: Apache-2.0 */
/* Event variables and placeholders: found before anything is checked, for a rule may use a placeholder above its definition. */
#include "checker.h"

/* The map's value is the index and one. */
static ptrdiff_t index_of(const struct map *map, struct slice name)
{
    return (ptrdiff_t)(uintptr_t)map_get(map, name) - 1;
}

ptrdiff_t checker_event(const struct checker *checker, struct slice name)
{
    return index_of(checker->event_names, name);
}

ptrdiff_t checker_placeholder(const struct checker *checker, struct slice name)
{
    return index_of(checker->placeholder_names, name);
}

ptrdiff_t checker_outcome(const struct checker *checker, struct slice name)
{
    return index_of(checker->outcome_names, name);
}

bool event_set_is_single(event_set set)
{
    return set && !(set & (set - 1));
}

size_t event_set_first(event_set set)
{
    return set ? (size_t)__builtin_ctzll(set) : 0;
}

event_set checker_events_of(const struct checker *checker, const struct node *node)
{
    event_set events = 0;
    ptrdiff_t index;

    if (node->kind == NODE_FIELD && (index = checker_event(checker, node->text)) >= 0)
        events |= (event_set)1 << index;
    if (node->kind == NODE_VARIABLE && (index = checker_placeholder(checker, node->text)) >= 0)
        events |= checker->placeholders.items[index].events;
    for (size_t i = 0; i < node->child_count; i++)
        events |= checker_events_of(checker, node->children[i]);
    return events;
}

static void check_variable_name(struct checker *checker, struct slice name, struct yaral_position at)
{
    if (yaral_is_reserved(name))
        report_error(checker->report, at, "`%.*s` is a keyword and cannot name a variable: choose another name", SLICE_ARGS(name));
}

/* --- event variables ------------------------------------------------------------------------------------------------------------------ */

static enum feature feature_of(const struct node *field)
{
    if (slice_is(field->steps[0].name.name, "graph"))
        return FEATURE_ENTITY;
    if (slice_is(field->steps[0].name.name, "detection"))
        return FEATURE_COMPOSITE;
    return FEATURE_NONE;
}

static void report_feature(struct checker *checker, const struct node *field, enum feature feature)
{
    if (feature == FEATURE_ENTITY)
        report_unsupported(checker->report, field->at, "`$%.*s.graph` needs Google's entity graph (line %u)", SLICE_ARGS(field->text),
                           field->at.line);
    else if (feature == FEATURE_COMPOSITE)
        report_unsupported(checker->report, field->at,
                           "`$%.*s.detection` reads detections of other rules (line %u): composite rules do not run outside Google",
                           SLICE_ARGS(field->text), field->at.line);
}

static void declare_event(struct checker *checker, const struct node *field)
{
    enum feature feature = feature_of(field);
    ptrdiff_t index = checker_event(checker, field->text);

    if (index >= 0) {
        struct event_symbol *event = &checker->events.items[index];
        if (event->feature == FEATURE_NONE && feature != FEATURE_NONE) {
            event->feature = feature;
            report_feature(checker, field, feature);
        }
        return;
    }
    check_variable_name(checker, field->text, field->at);
    if (checker->events.count == EVENTS_MAX) {
        report_error(checker->report, field->at, "more than %d event variables in one rule", EVENTS_MAX);
        return;
    }
    VECTOR_PUSH(&checker->events, ((struct event_symbol){.name = field->text, .at = field->at, .feature = feature}));
    map_put(checker->event_names, field->text, (void *)(uintptr_t)checker->events.count);
    report_feature(checker, field, feature);
}

static void declare_events(struct checker *checker, const struct node *node)
{
    if (node->kind == NODE_FIELD)
        declare_event(checker, node);
    for (size_t i = 0; i < node->child_count; i++)
        declare_events(checker, node->children[i]);
}

/* --- placeholders --------------------------------------------------------------------------------------------------------------------- */

static bool has_field(const struct node *node)
{
    if (node->kind == NODE_FIELD)
        return true;
    for (size_t i = 0; i < node->child_count; i++)
        if (has_field(node->children[i]))
            return true;
    return false;
}

static bool mentions(const struct node *node, struct slice variable)
{
    if (node->kind == NODE_VARIABLE && slice_equal(node->text, variable))
        return true;
    for (size_t i = 0; i < node->child_count; i++)
        if (mentions(node->children[i], variable))
            return true;
    return false;
}

/* `$p = expression` or `expression = $p` where the expression holds a field and not $p; *value the expression. */
static const struct node *definition_of(const struct checker *checker, const struct node *node, struct node **value)
{
    if (node->kind != NODE_COMPARE || node->op != YARAL_OP_EQUAL)
        return NULL;
    for (size_t side = 0; side < 2; side++) {
        const struct node *variable = node->children[side];
        struct node *other = node->children[1 - side];
        if (variable->kind == NODE_VARIABLE && checker_event(checker, variable->text) < 0 && has_field(other) &&
            !mentions(other, variable->text)) {
            *value = other;
            return variable;
        }
    }
    return NULL;
}

static void define_placeholder(struct checker *checker, struct node *predicate, const struct node *variable, struct node *value)
{
    if (checker_placeholder(checker, variable->text) >= 0)
        return;
    check_variable_name(checker, variable->text, variable->at);
    VECTOR_PUSH(&checker->placeholders, ((struct placeholder_symbol){.name = variable->text, .at = variable->at, .definition = value}));
    map_put(checker->placeholder_names, variable->text, (void *)(uintptr_t)checker->placeholders.count);
    VECTOR_PUSH(&checker->definitions, predicate);
}

/* Events of every definition; a placeholder in a definition adds those that it had when its turn came. */
static void join_placeholder_events(struct checker *checker, const struct node *predicate)
{
    struct node *value;
    const struct node *variable = definition_of(checker, predicate, &value);

    if (variable)
        checker->placeholders.items[checker_placeholder(checker, variable->text)].events |= checker_events_of(checker, value);
}

/* A top-level `a and b` is as good as two lines. */
static void take_apart(struct checker *checker, struct node *node)
{
    if (node->kind != NODE_AND) {
        VECTOR_PUSH(&checker->predicates, node);
        return;
    }
    for (size_t i = 0; i < node->child_count; i++)
        take_apart(checker, node->children[i]);
}

void checker_collect_symbols(struct checker *checker)
{
    for (size_t i = 0; i < checker->syntax->predicates.count; i++) {
        declare_events(checker, checker->syntax->predicates.items[i]);
        take_apart(checker, checker->syntax->predicates.items[i]);
    }
    for (size_t i = 0; i < checker->predicates.count; i++) {
        struct node *value;
        const struct node *variable = definition_of(checker, checker->predicates.items[i], &value);
        if (variable)
            define_placeholder(checker, checker->predicates.items[i], variable, value);
    }
    for (size_t i = 0; i < checker->predicates.count; i++)
        join_placeholder_events(checker, checker->predicates.items[i]);
}

/* Is the value one row's element of a repeated field? */
static bool is_repeated(const struct checker *checker, const struct yaral_expr *expr)
{
    if (expr->kind == YARAL_EXPR_FIELD)
        return expr->field.path->repeated && expr->field.quantifier == YARAL_ROW;
    if (expr->kind == YARAL_EXPR_CALL && expr->call.function->whole_field)
        return false;
    if (expr->kind == YARAL_EXPR_PLACEHOLDER)
        return checker->placeholders.items[expr->placeholder].repeated;
    for (size_t i = 0; i < expr->operand_count; i++)
        if (expr->operands[i] && is_repeated(checker, expr->operands[i]))
            return true;
    return false;
}

struct placeholder_symbol *checker_resolve(struct checker *checker, size_t placeholder)
{
    struct placeholder_symbol *symbol = &checker->placeholders.items[placeholder];
    enum syntax_section section = checker->section;
    bool quantifier_allowed = checker->quantifier_allowed;
    event_set events;

    if (symbol->resolution == RESOLVING) {
        report_error(checker->report, symbol->at, "`$%.*s` is defined by itself: give it a field of an event", SLICE_ARGS(symbol->name));
        return NULL;
    }
    if (symbol->resolution == RESOLVED)
        return symbol->value ? symbol : NULL;
    if (checker->resolving == PLACEHOLDER_CHAIN_MAX) {
        report_error(checker->report, symbol->at, "more than %d placeholders rest on each other: use fields of the event directly",
                     PLACEHOLDER_CHAIN_MAX);
        return NULL;
    }
    checker->resolving++;
    symbol->resolution = RESOLVING;
    checker->section = SECTION_EVENTS;
    checker->quantifier_allowed = false;
    symbol->value = check_value(checker, symbol->definition);
    checker->quantifier_allowed = quantifier_allowed;
    checker->section = section;
    symbol->resolution = RESOLVED;
    checker->resolving--;
    events = checker_events_of(checker, symbol->definition);
    if (symbol->value && !event_set_is_single(events)) {
        report_error(checker->report, symbol->definition->at,
                     "`$%.*s` is defined by fields of %s: a placeholder takes the value of one event", SLICE_ARGS(symbol->name),
                     events ? "several events" : "no event");
        symbol->value = NULL;
    }
    if (!symbol->value)
        return NULL;
    symbol->repeated = is_repeated(checker, symbol->value);
    checker->rule->placeholders[placeholder] = (struct yaral_placeholder){symbol->name, symbol->value, event_set_first(events), symbol->at};
    return symbol;
}

/* --- what is not there ------------------------------------------------------------------------------------------------------------------ */

void checker_unknown_variable(struct checker *checker, const struct node *node)
{
    struct report_suggestion suggestion = {.written = node->text};
    char text[128];

    if (!checker_knows_events(checker) || map_put(checker->unknown_names, node->text, checker))
        return;
    check_variable_name(checker, node->text, node->at);
    for (size_t i = 0; i < checker->events.count; i++)
        report_suggestion_offer(&suggestion, checker->events.items[i].name);
    for (size_t i = 0; i < checker->placeholders.count && checker->report->errors < REPORT_LIMIT; i++)
        report_suggestion_offer(&suggestion, checker->placeholders.items[i].name);
    for (size_t i = 0; i < map_count(checker->outcome_names); i++)
        report_suggestion_offer(&suggestion, map_key_at(checker->outcome_names, i));
    report_suggestion_text(&suggestion, "$", text);
    if (checker->section == SECTION_EVENTS)
        report_error(checker->report, node->at, "`$%.*s` is not bound to an event: define it on a line of its own ($%.*s = $e.field)%s",
                     SLICE_ARGS(node->text), SLICE_ARGS(node->text), text);
    else
        report_error(checker->report, node->at, "unknown variable `$%.*s`: nothing above declares it%s", SLICE_ARGS(node->text), text);
}
