/* SPDX-License-Identifier: Apache-2.0 */
/* One rule, section by section. */
#include "checker.h"

#include "harrier/base/digest.h"

static void checker_open(struct checker *checker)
{
    checker->event_names = map_new();
    checker->placeholder_names = map_new();
    checker->outcome_names = map_new();
    checker->unknown_names = map_new();
}

static void checker_close(struct checker *checker)
{
    map_free(checker->event_names, NULL);
    map_free(checker->placeholder_names, NULL);
    map_free(checker->outcome_names, NULL);
    map_free(checker->unknown_names, NULL);
    VECTOR_FREE(&checker->events);
    VECTOR_FREE(&checker->placeholders);
    VECTOR_FREE(&checker->predicates);
    VECTOR_FREE(&checker->definitions);
}

static struct yaral_rule *new_rule(const struct checker *checker)
{
    const struct syntax_rule *syntax = checker->syntax;
    struct yaral_rule *rule = ARENA_NEW(checker->arena, struct yaral_rule);

    rule->name = syntax->name;
    rule->file = arena_copy(checker->arena, slice_of(checker->report->file));
    rule->text = syntax->text;
    rule->at = syntax->at;
    digest_sha256_hex(rule->text, rule->sha256);
    return rule;
}

static void check_sections(struct checker *checker)
{
    struct yaral_rule *rule = checker->rule;

    checker_check_meta(checker);
    checker_collect_symbols(checker);
    rule->placeholders = arena_calloc(checker->arena, checker->placeholders.count, sizeof *rule->placeholders);
    rule->placeholder_count = checker->placeholders.count;
    checker_check_match(checker);
    checker_check_events(checker);
    if (checker_knows_events(checker))
        checker_check_joins(checker);
    checker_check_outcomes(checker);
    checker_check_condition(checker);
    checker_check_options(checker);
    if (!checker->syntax->broken)
        checker_warn_of_events(checker);
}

struct yaral_rule *checker_check(const struct syntax_rule *syntax, struct arena *arena, struct owned_objects *owned, struct report *report,
                                 struct yaral_lists *lists, const struct yaral_options *options)
{
    struct checker checker = {.arena = arena, .owned = owned, .report = report, .lists = lists, .options = options, .syntax = syntax};
    size_t refused = report->errors + report->unsupported;

    checker_open(&checker);
    checker.rule = new_rule(&checker);
    check_sections(&checker);
    checker_close(&checker);
    return syntax->broken || report->errors + report->unsupported > refused ? NULL : checker.rule;
}
