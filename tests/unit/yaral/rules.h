/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of the language's front end: a rule set made of one text, and what was said about it. */
#ifndef TESTS_YARAL_RULES_H
#define TESTS_YARAL_RULES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "harrier/yaral.h"

struct rules {
    struct yaral_ruleset *ruleset;
    struct yaral_lists *lists;
    struct diagnostics *diagnostics;
    enum result result;
};

static inline struct rules rules_load(const char *text, struct yaral_options options)
{
    struct rules rules = {yaral_ruleset_new(), yaral_lists_new(), diagnostics_new(), RESULT_OK};
    rules.result = yaral_ruleset_add(rules.ruleset, "test.yaral", slice_of(text), rules.lists, &options, rules.diagnostics);
    return rules;
}

static inline void rules_free(struct rules *rules)
{
    yaral_ruleset_free(rules->ruleset);
    yaral_lists_free(rules->lists);
    diagnostics_free(rules->diagnostics);
}

static inline const struct diagnostic *rules_find(const struct rules *rules, enum diagnostic_severity severity, uint32_t line,
                                                  uint32_t column)
{
    for (size_t i = 0; i < diagnostics_count(rules->diagnostics); i++) {
        const struct diagnostic *one = diagnostics_at(rules->diagnostics, i);
        if (one->severity == severity && one->line == line && one->column == column)
            return one;
    }
    return NULL;
}

/* The text has exactly one diagnostic of that severity, there, and its message holds the words. */
static inline void expect_one(const char *text, struct yaral_options options, enum diagnostic_severity severity, uint32_t line,
                              uint32_t column, const char *words)
{
    struct rules rules = rules_load(text, options);
    const struct diagnostic *found = rules_find(&rules, severity, line, column);

    if (!found || !strstr(found->message, words) || diagnostics_count_of(rules.diagnostics, severity) != 1) {
        print_error("wanted %u:%u with \"%s\", and no other, from:\n%s\n", line, column, words, text);
        diagnostics_print(rules.diagnostics, stderr);
        fail();
    }
    rules_free(&rules);
}

static inline void expect_error(const char *text, uint32_t line, uint32_t column, const char *words)
{
    expect_one(text, (struct yaral_options){.allow_match = true}, DIAGNOSTIC_ERROR, line, column, words);
}

static inline void expect_warning(const char *text, uint32_t line, uint32_t column, const char *words)
{
    expect_one(text, (struct yaral_options){.allow_match = true}, DIAGNOSTIC_WARNING, line, column, words);
}

/* The text has neither errors nor warnings; the caller frees. */
static inline struct rules expect_good(const char *text)
{
    struct rules rules = rules_load(text, (struct yaral_options){.allow_match = true});

    if (rules.result != RESULT_OK || diagnostics_count(rules.diagnostics) || yaral_ruleset_count(rules.ruleset) != 1) {
        print_error("wanted no complaint of:\n%s\n", text);
        diagnostics_print(rules.diagnostics, stderr);
        fail();
    }
    return rules;
}

static inline void accept_rule(const char *text)
{
    struct rules rules = expect_good(text);
    rules_free(&rules);
}

/* Lines of a rule around what a test is about. The events begin in line 4, column 1. */
#define META "rule r {\nmeta: author = \"x\"\nevents: $e.metadata.log_type = \"L\"\n"
#define EVENTS(lines) META lines "\ncondition: $e\n}"
/* The outcomes begin in line 5. */
#define OUTCOME(lines) META "outcome:\n" lines "\ncondition: $e\n}"
/* The condition begins in line 8. */
#define TWO_EVENTS(condition) \
    "rule r {\nmeta: author = \"x\"\nevents: $a.metadata.log_type = \"A\" $b.metadata.log_type = \"B\"\n$a.principal.user.userid = " \
    "$user\n" \
    "$b.principal.user.userid = $user\nmatch: $user over 10m\ncondition:\n" condition "\n}"

#endif
