/* SPDX-License-Identifier: Apache-2.0 */
/* meta, match, outcome, options. */
#include "checker.h"

enum { WINDOW_SECONDS_MIN = 60, WINDOW_SECONDS_MAX = 48 * 3600 };

void checker_check_meta(struct checker *checker)
{
    const struct syntax_rule *syntax = checker->syntax;
    struct yaral_rule *rule = checker->rule;

    if (!syntax->sections[SECTION_META].present)
        report_warning(checker->report, syntax->name_at,
                       "rule `%.*s` has no meta section: author, description and severity tell people what its alerts mean",
                       SLICE_ARGS(report_excerpt(syntax->name)));
    rule->meta = arena_calloc(checker->arena, syntax->meta.count, sizeof *rule->meta);
    rule->meta_count = syntax->meta.count;
    struct map *seen = map_new();
    for (size_t i = 0; i < syntax->meta.count; i++) {
        rule->meta[i] = (struct yaral_meta){syntax->meta.items[i].key, syntax->meta.items[i].value, syntax->meta.items[i].at};
        const struct yaral_meta *earlier = map_put(seen, rule->meta[i].key, &rule->meta[i]);
        if (earlier)
            report_warning(checker->report, rule->meta[i].at, "meta key `%.*s` stands in line %u already: the last one counts",
                           SLICE_ARGS(report_excerpt(rule->meta[i].key)), earlier->at.line);
    }
    map_free(seen, NULL);
}

/* --- match -------------------------------------------------------------------------------------------------------------------------------------- */

static void check_match_variable(struct checker *checker, const struct syntax_name *name)
{
    ptrdiff_t placeholder = checker_placeholder(checker, name->name);
    struct report_suggestion suggestion = {.written = name->name};
    char text[128];

    if (placeholder >= 0 && checker->placeholders.items[placeholder].is_match) {
        report_error(checker->report, name->at, "match variable `$%.*s` stands twice", SLICE_ARGS(name->name));
    } else if (placeholder >= 0) {
        checker->placeholders.items[placeholder].is_match = true;
        checker->rule->match[checker->rule->match_count++] = (size_t)placeholder;
    } else if (checker_event(checker, name->name) >= 0) {
        report_error(checker->report, name->at, "`$%.*s` is an event; match by a placeholder that is defined in events ($x = $%.*s.field)",
                     SLICE_ARGS(name->name), SLICE_ARGS(name->name));
    } else if (checker_knows_events(checker)) {
        for (size_t i = 0; i < checker->placeholders.count; i++)
            report_suggestion_offer(&suggestion, checker->placeholders.items[i].name);
        report_error(checker->report, name->at, "match variable `$%.*s` is no placeholder: define it in events ($%.*s = $e.field)%s",
                     SLICE_ARGS(name->name), SLICE_ARGS(name->name), report_suggestion_text(&suggestion, "$", text));
    }
}

static void check_pivot(struct checker *checker, const struct syntax_match *match)
{
    ptrdiff_t event = checker_event(checker, match->pivot.name);

    if (match->window != YARAL_SLIDING_AFTER && match->window != YARAL_SLIDING_BEFORE)
        return;
    if (event >= 0)
        checker->rule->pivot = (size_t)event;
    else if (checker_knows_events(checker))
        report_error(checker->report, match->pivot.at, "`$%.*s` is no event variable: a sliding window begins or ends at an event",
                     SLICE_ARGS(match->pivot.name));
}

void checker_check_match(struct checker *checker)
{
    const struct syntax_match *match = &checker->syntax->match;

    if (!checker_has_match(checker))
        return;
    checker->rule->match = arena_calloc(checker->arena, match->names.count, sizeof *checker->rule->match);
    for (size_t i = 0; i < match->names.count; i++)
        check_match_variable(checker, &match->names.items[i]);
    check_pivot(checker, match);
    checker->rule->window = match->window;
    checker->rule->window_seconds = match->seconds;
    if (match->has_duration && match->seconds < WINDOW_SECONDS_MIN)
        report_error(checker->report, match->duration_at, "the window is too short: at least 1m");
    if (match->has_duration && match->seconds > WINDOW_SECONDS_MAX)
        report_error(checker->report, match->duration_at, "the window is too long: at most 48h");
    if (!checker->options->allow_match)
        report_error(checker->report, checker->syntax->sections[SECTION_MATCH].at,
                     "match windows and joins do not run in this version: a rule here looks at one event at a time");
}

/* --- outcome ------------------------------------------------------------------------------------------------------------------------------------ */

static bool check_outcome_name(struct checker *checker, const struct syntax_outcome *outcome)
{
    ptrdiff_t earlier = checker_outcome(checker, outcome->name);

    if (yaral_is_reserved(outcome->name))
        report_error(checker->report, outcome->at, "`%.*s` is a keyword and cannot name a variable: choose another name",
                     SLICE_ARGS(outcome->name));
    else if (checker_event(checker, outcome->name) >= 0)
        report_error(checker->report, outcome->at, "`$%.*s` is an event already: an outcome needs a name of its own",
                     SLICE_ARGS(outcome->name));
    else if (checker_placeholder(checker, outcome->name) >= 0)
        report_error(checker->report, outcome->at, "`$%.*s` is a placeholder already: an outcome needs a name of its own",
                     SLICE_ARGS(outcome->name));
    else if (earlier >= 0)
        report_error(checker->report, outcome->at, "outcome `$%.*s` is set in line %u already", SLICE_ARGS(outcome->name),
                     checker->rule->outcomes[earlier].at.line);
    else
        return true;
    return false;
}

static struct yaral_expr *check_outcome_value(struct checker *checker, const struct syntax_outcome *outcome)
{
    checker->aggregate_reported = false;
    struct yaral_expr *value = check_value(checker, outcome->value);

    if (!value)
        return NULL;
    if (value->kind == YARAL_EXPR_REGEX || value->type == YARAL_BYTES) {
        report_error(checker->report, outcome->value->at, "an outcome is a number, a string or a list, and this is %s",
                     value->kind == YARAL_EXPR_REGEX ? "a regex" : "bytes");
        return NULL;
    }
    if (slice_is(outcome->name, "risk_score") && (!type_is_number(value->type) || value->is_list)) {
        report_error(checker->report, outcome->value->at, "$risk_score must be a number, and this is %s", expr_type_text(value));
        return NULL;
    }
    return value;
}

void checker_check_outcomes(struct checker *checker)
{
    const struct syntax_rule *syntax = checker->syntax;
    struct yaral_rule *rule = checker->rule;

    checker->section = SECTION_OUTCOME;
    rule->outcomes = arena_calloc(checker->arena, syntax->outcomes.count, sizeof *rule->outcomes);
    for (size_t i = 0; i < syntax->outcomes.count; i++) {
        const struct syntax_outcome *outcome = &syntax->outcomes.items[i];
        if (i == OUTCOMES_MAX) {
            report_error(checker->report, outcome->at, "a rule has at most %d outcomes, and this is one more", OUTCOMES_MAX);
            return;
        }
        if (i == OUTCOMES_USUAL)
            report_warning(checker->report, outcome->at, "Google takes at most %d outcomes in a rule", OUTCOMES_USUAL);
        bool good = check_outcome_name(checker, outcome);
        rule->outcomes[i] = (struct yaral_outcome){outcome->name, check_outcome_value(checker, outcome), outcome->at};
        rule->outcome_count++;
        if (good)
            map_put(checker->outcome_names, outcome->name, (void *)(uintptr_t)rule->outcome_count);
    }
}

/* --- options ------------------------------------------------------------------------------------------------------------------------------------ */

static void check_allow_zero_values(struct checker *checker, const struct syntax_option *option)
{
    if (option->value->kind == TOKEN_NAME)
        checker->rule->allow_zero_values = token_is_word(option->value, "true");
    else
        report_error(checker->report, option->value->at, "option allow_zero_values is true or false");
}

static void check_suppression(struct checker *checker, const struct syntax_option *option)
{
    const struct yaral_rule *rule = checker->rule;

    if (!syntax_duration(option->value, &checker->rule->suppression_seconds))
        report_error(checker->report, option->value->at, "option suppression_window is a duration: digits and one of s, m, h, d (1h)");
    else if (checker_has_match(checker) && rule->suppression_seconds && rule->suppression_seconds <= rule->window_seconds)
        report_error(checker->report, option->value->at, "the suppression window must be longer than the match window");
    else if (!checker->options->allow_match && rule->suppression_seconds)
        report_error(checker->report, option->at,
                     "suppression windows do not run in this version: take the option out; receivers can join repeats by the alert's dedup_key");
}

void checker_check_options(struct checker *checker)
{
    static const struct {
        const char *name;
        void (*check)(struct checker *checker, const struct syntax_option *option);
    } options[] = {{"allow_zero_values", check_allow_zero_values}, {"suppression_window", check_suppression}};
    struct yaral_position seen[2] = {{0, 0}, {0, 0}};

    for (size_t i = 0; i < checker->syntax->options.count; i++) {
        const struct syntax_option *option = &checker->syntax->options.items[i];
        struct report_suggestion suggestion = {.written = option->name};
        char text[128];
        size_t known = 0;
        for (; known < 2 && !slice_is(option->name, options[known].name); known++)
            report_suggestion_offer(&suggestion, slice_of(options[known].name));
        if (known == 2) {
            report_error(checker->report, option->at, "unknown option `%.*s`%s (allow_zero_values, suppression_window)",
                         SLICE_ARGS(report_excerpt(option->name)), report_suggestion_text(&suggestion, "", text));
        } else if (seen[known].line) {
            report_error(checker->report, option->at, "option %s stands in line %u already", options[known].name, seen[known].line);
        } else {
            seen[known] = option->at;
            options[known].check(checker, option);
        }
    }
}
