/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/yaral/check/checker.h"

#include "harrier/base/utf8.h"

enum { RULE_FILE_BYTES_MAX = 1024 * 1024, RULESET_CHUNK_BYTES = 64 * 1024 };

/* Rule: all that a rule points to is in the arena or among the owned objects. Consequence: rules live as long as the set. */
struct yaral_ruleset {
    struct arena *arena;
    struct owned_objects owned;
    struct map *names; /* of all rules read, broken ones too -> struct yaral_rule_place */
    VECTOR(struct yaral_rule *) rules;
};

struct yaral_rule_place {
    struct slice file;
    uint32_t line;
};

struct yaral_ruleset *yaral_ruleset_new(void)
{
    struct yaral_ruleset *ruleset = xcalloc(1, sizeof *ruleset);

    ruleset->arena = arena_new(RULESET_CHUNK_BYTES);
    ruleset->names = map_new();
    return ruleset;
}

void yaral_ruleset_free(struct yaral_ruleset *ruleset)
{
    if (!ruleset)
        return;
    for (size_t i = 0; i < ruleset->owned.all.count; i++)
        ruleset->owned.all.items[i].release(ruleset->owned.all.items[i].object);
    VECTOR_FREE(&ruleset->owned.all);
    VECTOR_FREE(&ruleset->rules);
    map_free(ruleset->names, NULL);
    arena_free(ruleset->arena);
    free(ruleset);
}

static bool check_unique(struct yaral_ruleset *ruleset, const struct syntax_rule *syntax, struct report *report)
{
    const struct yaral_rule_place *earlier = map_get(ruleset->names, syntax->name);

    if (earlier) {
        report_error(report, syntax->name_at, "there is a rule `%.*s` already, in %.*s:%u: names are unique over all files",
                     SLICE_ARGS(report_excerpt(syntax->name)), SLICE_ARGS(earlier->file), earlier->line);
        return false;
    }
    struct yaral_rule_place *place = ARENA_NEW(ruleset->arena, struct yaral_rule_place);
    *place = (struct yaral_rule_place){arena_copy(ruleset->arena, slice_of(report->file)), syntax->name_at.line};
    map_put(ruleset->names, syntax->name, place);
    return true;
}

static void check_utf8(struct slice text, struct report *report)
{
    struct yaral_position at = {1, 1};

    for (size_t i = 0; i < text.length;) {
        size_t length = utf8_sequence(slice_from(text, i));
        if (length == 0) {
            report_error(report, at, "the file is not UTF-8: a bad byte stands here");
            return;
        }
        at = text.bytes[i] == '\n' ? (struct yaral_position){at.line + 1, 1}
                                   : (struct yaral_position){at.line, at.column + (uint32_t)length};
        i += length;
    }
}

static void add_rules(struct yaral_ruleset *ruleset, struct slice text, struct report *report, struct yaral_lists *lists,
                      const struct yaral_options *options)
{
    struct arena *scratch = arena_new(RULESET_CHUNK_BYTES);
    struct tokens tokens;
    struct syntax_file file;

    tokens_read(&tokens, text, report);
    syntax_parse(&file, &tokens, scratch, ruleset->arena, report);
    if (file.rules.count == 0 && report->errors == 0)
        report_warning(report, (struct yaral_position){1, 1}, "there is no rule in this file");
    for (size_t i = 0; i < file.rules.count; i++) {
        bool unique = check_unique(ruleset, &file.rules.items[i], report);
        struct yaral_rule *rule = checker_check(&file.rules.items[i], ruleset->arena, &ruleset->owned, report, lists, options);
        if (rule && unique)
            VECTOR_PUSH(&ruleset->rules, rule);
    }
    syntax_file_free(&file);
    tokens_free(&tokens);
    arena_free(scratch);
}

enum result yaral_ruleset_add(struct yaral_ruleset *ruleset, const char *file, struct slice text, struct yaral_lists *lists,
                              const struct yaral_options *options, struct diagnostics *diagnostics)
{
    struct report report = {.diagnostics = diagnostics, .file = file};
    size_t errors = diagnostics_count_of(diagnostics, DIAGNOSTIC_ERROR);

    if (text.length > RULE_FILE_BYTES_MAX) {
        report_error(&report, (struct yaral_position){0, 0}, "the file is larger than %d bytes: split it into several",
                     RULE_FILE_BYTES_MAX);
        return RESULT_LIMIT;
    }
    if (slice_starts_with(text, SLICE("\xef\xbb\xbf")))
        text = slice_from(text, 3);
    check_utf8(text, &report);
    add_rules(ruleset, arena_copy(ruleset->arena, text), &report, lists, options);
    if (diagnostics_count_of(diagnostics, DIAGNOSTIC_ERROR) > errors)
        return RESULT_INVALID;
    return report.unsupported ? RESULT_UNSUPPORTED : RESULT_OK;
}

size_t yaral_ruleset_count(const struct yaral_ruleset *ruleset)
{
    return ruleset->rules.count;
}

const struct yaral_rule *yaral_ruleset_at(const struct yaral_ruleset *ruleset, size_t index)
{
    return index < ruleset->rules.count ? ruleset->rules.items[index] : NULL;
}

struct slice yaral_rule_meta(const struct yaral_rule *rule, const char *key)
{
    for (size_t i = rule->meta_count; i > 0; i--)
        if (slice_is(rule->meta[i - 1].key, key))
            return rule->meta[i - 1].value;
    return (struct slice){0};
}
