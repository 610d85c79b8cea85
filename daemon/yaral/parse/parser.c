/* SPDX-License-Identifier: Apache-2.0 */
/* Rules and their sections; how the parser goes on behind an error. */
#include "parser.h"

#include <stdlib.h>

static const char *const section_names[SECTION_COUNT] = {"meta", "events", "match", "outcome", "condition", "options"};

const struct token *parser_peek(const struct parser *parser, size_t offset)
{
    size_t at = parser->next + offset;
    return &parser->tokens[at < parser->count ? at : parser->count - 1];
}

const struct token *parser_take(struct parser *parser)
{
    const struct token *token = parser_token(parser);

    if (token->damaged && parser->rule) {
        parser->rule->broken = true;
        parser->rule->sections[parser->section].broken = true;
    }
    if (token->kind == TOKEN_OPEN || token->kind == TOKEN_OPEN_BRACKET)
        parser->open++;
    else if (token->kind == TOKEN_CLOSE || token->kind == TOKEN_CLOSE_BRACKET)
        parser->open--;
    if (token->kind != TOKEN_END)
        parser->next++;
    return token;
}

bool parser_accept(struct parser *parser, enum token_kind kind)
{
    if (parser_token(parser)->kind != kind)
        return false;
    parser_take(parser);
    return true;
}

bool parser_accept_word(struct parser *parser, const char *word)
{
    if (!token_is_word(parser_token(parser), word))
        return false;
    parser_take(parser);
    return true;
}

void parser_expected(struct parser *parser, const char *what)
{
    const struct token *token = parser_token(parser);

    if (token->kind == TOKEN_END) {
        if (!parser->cut)
            report_error(parser->report, token->at, "expected %s, found the end of the file", what);
    } else {
        report_error(parser->report, token->at, "expected %s, found `%.*s`", what, SLICE_ARGS(report_excerpt(token->text)));
    }
}

bool parser_expect(struct parser *parser, enum token_kind kind, const char *what)
{
    if (parser_accept(parser, kind))
        return true;
    parser_expected(parser, what);
    return false;
}

/* SECTION_COUNT when the name is none of them. */
static enum syntax_section section_find(struct slice name)
{
    for (int i = 0; i < SECTION_COUNT; i++)
        if (slice_equal_ascii_nocase(name, slice_of(section_names[i])))
            return (enum syntax_section)i;
    return SECTION_COUNT;
}

bool parser_at_section(const struct parser *parser)
{
    const struct token *token = parser_token(parser);
    return token->kind == TOKEN_NAME && parser_peek(parser, 1)->kind == TOKEN_COLON &&
           (token->first_on_line || parser->open <= 0 || section_find(token->text) != SECTION_COUNT);
}

static bool at_rule(const struct parser *parser)
{
    return token_is_word(parser_token(parser), "rule") && parser_peek(parser, 1)->kind == TOKEN_NAME &&
           parser_peek(parser, 2)->kind == TOKEN_OPEN_BRACE;
}

bool parser_at_rule_end(const struct parser *parser)
{
    enum token_kind kind = parser_token(parser)->kind;
    return kind == TOKEN_CLOSE_BRACE || kind == TOKEN_END || at_rule(parser);
}

static bool at_section_end(const struct parser *parser)
{
    return parser_at_rule_end(parser) || parser_at_section(parser);
}

static void mark_broken(struct parser *parser)
{
    parser->rule->broken = true;
    parser->rule->sections[parser->section].broken = true;
}

/* Behind an error: to the next line that can begin an item, or to the section's end. */
static void skip_item(struct parser *parser, bool (*begins)(const struct token *token))
{
    mark_broken(parser);
    while (!at_section_end(parser)) {
        const struct token *token = parser_token(parser);
        if (token->first_on_line && parser->open <= 0 && begins(token))
            break;
        parser_take(parser);
    }
    parser->open = 0;
}

static void skip_section(struct parser *parser)
{
    mark_broken(parser);
    while (!at_section_end(parser))
        parser_take(parser);
    parser->open = 0;
}

static bool begins_name(const struct token *token)
{
    return token->kind == TOKEN_NAME;
}

static bool begins_variable(const struct token *token)
{
    return token->kind == TOKEN_VARIABLE;
}

/* --- meta ------------------------------------------------------------------------------------------------------------------------- */

static bool parse_meta_value(struct parser *parser, struct slice *value)
{
    const struct token *token = parser_token(parser);
    size_t ignored;

    switch (token->kind) {
    case TOKEN_STRING: yaral_unescape(parser->keep, token->body, true, value, &ignored); break;
    case TOKEN_MINUS:
        if (parser_peek(parser, 1)->kind != TOKEN_INTEGER && parser_peek(parser, 1)->kind != TOKEN_FLOAT) {
            parser_expected(parser, "a string, a number, true or false");
            return false;
        }
        parser_take(parser);
        *value = slice_make(token->text.bytes,
                            (size_t)(parser_token(parser)->text.bytes - token->text.bytes) + parser_token(parser)->text.length);
        break;
    case TOKEN_RAW_STRING:
    case TOKEN_INTEGER:
    case TOKEN_FLOAT: *value = token->body; break;
    default:
        if (!token_is_word(token, "true") && !token_is_word(token, "false")) {
            parser_expected(parser, "a string, a number, true or false");
            return false;
        }
        *value = token->text;
    }
    parser_take(parser);
    return true;
}

static bool parse_meta_line(struct parser *parser)
{
    const struct token *key = parser_token(parser);
    struct slice value = {0};

    if (!parser_expect(parser, TOKEN_NAME, "a key of meta (key = \"value\")") ||
        !parser_expect(parser, TOKEN_EQUAL, "`=` behind the key of meta") || !parse_meta_value(parser, &value))
        return false;
    VECTOR_PUSH(&parser->rule->meta, ((struct syntax_meta){key->text, value, key->at}));
    return true;
}

static void parse_meta(struct parser *parser)
{
    while (!at_section_end(parser))
        if (!parse_meta_line(parser))
            skip_item(parser, begins_name);
}

/* --- events ----------------------------------------------------------------------------------------------------------------------- */

static void parse_events(struct parser *parser)
{
    struct yaral_position start = parser_token(parser)->at;

    if (at_section_end(parser) && !parser->cut) {
        report_error(parser->report, start, "the events section is empty: it needs at least one condition on an event");
        mark_broken(parser);
    }
    while (!at_section_end(parser)) {
        size_t first = parser->next;
        struct node *node = parse_predicate(parser);
        if (node)
            VECTOR_PUSH(&parser->rule->predicates, node);
        else
            skip_item(parser, token_begins_operand);
        if (parser->next == first)
            parser_take(parser);
        parser->open = 0;
    }
}

/* --- match ------------------------------------------------------------------------------------------------------------------------ */

bool syntax_duration(const struct token *token, int64_t *seconds)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    struct slice text = token->text;
    int64_t number;

    if (token->kind != TOKEN_DURATION || text.length < 2)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (text.bytes[text.length - 1] == units[i].unit) {
            for (size_t digit = 0; digit + 1 < text.length; digit++)
                if (text.bytes[digit] < '0' || text.bytes[digit] > '9')
                    return false;
            if (!slice_to_int64(slice_first(text, text.length - 1), &number) || number > INT64_MAX / units[i].seconds)
                number = INT64_MAX / units[i].seconds;
            *seconds = number * units[i].seconds;
            return true;
        }
    return false;
}

static bool parse_match_variables(struct parser *parser)
{
    do {
        const struct token *token = parser_token(parser);
        if (token->kind == TOKEN_NAME && !token_is_word(token, "over") && !token_is_word(token, "by")) {
            report_error(parser->report, token->at, "a match variable is written with `$`: `$%.*s`", SLICE_ARGS(token->text));
            return false;
        }
        if (!parser_expect(parser, TOKEN_VARIABLE, "a variable ($name) to match by"))
            return false;
        VECTOR_PUSH(&parser->rule->match.names, ((struct syntax_name){token->body, token->at}));
    } while (parser_accept(parser, TOKEN_COMMA));
    return true;
}

static bool parse_match_duration(struct parser *parser)
{
    const struct token *token = parser_token(parser);

    if (token_is_word(token, "every")) {
        report_error(parser->report, token->at, "there is no `over every`: write `over 10m`, or `by 10m` for windows that do not overlap");
        return false;
    }
    if (token->kind != TOKEN_DURATION) {
        parser_expected(parser, "a duration (10m, 1h, 2d)");
        return false;
    }
    if (!syntax_duration(token, &parser->rule->match.seconds)) {
        report_error(parser->report, token->at, "`%.*s` is no duration: write digits and one of s, m, h, d (10m)",
                     SLICE_ARGS(report_excerpt(token->text)));
        return false;
    }
    parser_take(parser);
    parser->rule->match.duration_at = token->at;
    parser->rule->match.has_duration = true;
    return true;
}

static bool parse_match_line(struct parser *parser)
{
    struct syntax_match *match = &parser->rule->match;

    if (!parse_match_variables(parser))
        return false;
    if (parser_accept_word(parser, "by")) {
        match->window = YARAL_TUMBLING;
        if (!parse_match_duration(parser))
            return false;
        parser_accept_word(parser, "tumbling");
    } else if (parser_accept_word(parser, "over")) {
        match->window = YARAL_HOP;
        if (!parse_match_duration(parser))
            return false;
        bool after = token_is_word(parser_token(parser), "after");
        if (after || token_is_word(parser_token(parser), "before")) {
            parser_take(parser);
            const struct token *pivot = parser_token(parser);
            if (!parser_expect(parser, TOKEN_VARIABLE, "the event variable ($name) that the window begins or ends at"))
                return false;
            match->window = after ? YARAL_SLIDING_AFTER : YARAL_SLIDING_BEFORE;
            match->pivot = (struct syntax_name){pivot->body, pivot->at};
        }
    } else {
        parser_expected(parser, "`over` and a duration behind the match variables (over 10m)");
        return false;
    }
    if (!at_section_end(parser)) {
        parser_expected(parser, "the end of the match section");
        return false;
    }
    return true;
}

static void parse_match(struct parser *parser)
{
    if (!parse_match_line(parser))
        skip_section(parser);
}

/* --- outcome, condition, options ---------------------------------------------------------------------------------------------------- */

static bool parse_outcome_line(struct parser *parser)
{
    const struct token *name = parser_token(parser);

    if (!parser_expect(parser, TOKEN_VARIABLE, "an outcome ($name = value)") ||
        !parser_expect(parser, TOKEN_EQUAL, "`=` behind the outcome's name"))
        return false;
    struct node *value = parse_value(parser);
    if (!value)
        return false;
    VECTOR_PUSH(&parser->rule->outcomes, ((struct syntax_outcome){name->body, name->at, value}));
    enum token_kind following = parser_token(parser)->kind;
    if (following >= TOKEN_EQUAL && following <= TOKEN_GREATER_EQUAL) {
        report_error(parser->report, value->at, "an outcome is a value, this is a condition: write if(condition, 1, 0)");
        return false;
    }
    if (!at_section_end(parser) && following != TOKEN_VARIABLE) {
        parser_expected(parser, "the next outcome ($name = value) or section");
        return false;
    }
    return true;
}

static void parse_outcome(struct parser *parser)
{
    while (!at_section_end(parser)) {
        if (!parse_outcome_line(parser))
            skip_item(parser, begins_variable);
        parser->open = 0;
    }
}

static void parse_condition(struct parser *parser)
{
    if (at_section_end(parser)) {
        if (!parser->cut)
            report_error(parser->report, parser_token(parser)->at, "the condition section is empty: `$e` asks that the event is there");
        mark_broken(parser);
        return;
    }
    struct node *node = parse_predicate(parser);
    if (node && !at_section_end(parser)) {
        const struct token *token = parser_token(parser);
        if (token->kind == TOKEN_COMMA)
            report_error(parser->report, token->at, "a comma does not join conditions: write `and` or `or`");
        else if (token_begins_operand(token))
            report_error(parser->report, token->at, "`and` or `or` is missing before `%.*s`", SLICE_ARGS(report_excerpt(token->text)));
        else
            parser_expected(parser, "`and`, `or` or the end of the condition");
        node = NULL;
    }
    parser->rule->condition = node;
    if (!node)
        skip_section(parser);
}

static bool parse_option(struct parser *parser)
{
    const struct token *name = parser_token(parser);

    if (!parser_expect(parser, TOKEN_NAME, "an option (name = value)") ||
        !parser_expect(parser, TOKEN_EQUAL, "`=` behind the option's name"))
        return false;
    const struct token *value = parser_token(parser);
    if (value->kind != TOKEN_DURATION && value->kind != TOKEN_INTEGER && value->kind != TOKEN_FLOAT && !token_is_word(value, "true") &&
        !token_is_word(value, "false")) {
        parser_expected(parser, "true, false, a number or a duration");
        return false;
    }
    parser_take(parser);
    VECTOR_PUSH(&parser->rule->options, ((struct syntax_option){name->text, name->at, value}));
    return true;
}

static void parse_options(struct parser *parser)
{
    while (!at_section_end(parser))
        if (!parse_option(parser))
            skip_item(parser, begins_name);
}

/* --- rules ------------------------------------------------------------------------------------------------------------------------ */

/* The section whose name stands here; a misspelt one is reported and taken for the one it is near to. SECTION_COUNT: like none. */
static enum syntax_section read_section_name(struct parser *parser, const struct token *name)
{
    enum syntax_section section = section_find(name->text);
    struct report_suggestion suggestion = {.written = name->text};
    char text[128];

    if (section != SECTION_COUNT)
        return section;
    for (int i = 0; i < SECTION_COUNT; i++)
        report_suggestion_offer(&suggestion, slice_of(section_names[i]));
    report_error(parser->report, name->at, "unknown section `%.*s`%s (meta, events, match, outcome, condition, options)",
                 SLICE_ARGS(report_excerpt(name->text)), report_suggestion_text(&suggestion, "", text));
    parser->rule->broken = true;
    return suggestion.nearest.bytes ? section_find(suggestion.nearest) : SECTION_COUNT;
}

/* Each section once, in the language's order. */
static void check_section_order(struct parser *parser, const struct token *name, enum syntax_section section)
{
    struct syntax_rule *rule = parser->rule;

    if (rule->sections[section].present) {
        report_error(parser->report, name->at, "a second section `%s`: the first stands in line %u", section_names[section],
                     rule->sections[section].at.line);
        rule->broken = true;
        return;
    }
    for (unsigned int later = section + 1u; later < SECTION_COUNT; later++)
        if (rule->sections[later].present) {
            report_error(parser->report, name->at, "section `%s` stands out of order: it comes before `%s`", section_names[section],
                         section_names[later]);
            rule->broken = true;
            break;
        }
    rule->sections[section].present = true;
    rule->sections[section].at = name->at;
}

static void parse_section(struct parser *parser)
{
    static void (*const parse[SECTION_COUNT])(struct parser *) = {parse_meta,    parse_events,    parse_match,
                                                                  parse_outcome, parse_condition, parse_options};
    const struct token *name = parser_take(parser);
    enum syntax_section section = read_section_name(parser, name);

    parser_take(parser);
    parser->open = 0;
    if (section == SECTION_COUNT) {
        while (!at_section_end(parser))
            parser_take(parser);
        return;
    }
    parser->section = section;
    check_section_order(parser, name, section);
    parse[section](parser);
}

/* The tokens between a rule's brace and its first section, or behind a section's end, that belong to none. */
static void skip_stray(struct parser *parser)
{
    parser_expected(parser, "a section (meta, events, match, outcome, condition, options) or `}`");
    parser->rule->broken = true;
    while (!at_section_end(parser))
        parser_take(parser);
}

static void check_sections_present(struct parser *parser)
{
    struct syntax_rule *rule = parser->rule;
    static const enum syntax_section needed[] = {SECTION_EVENTS, SECTION_CONDITION};

    for (size_t i = 0; i < 2; i++)
        if (!rule->sections[needed[i]].present && !parser->cut) {
            report_error(parser->report, rule->name_at, "rule `%.*s` has no `%s` section: write one",
                         SLICE_ARGS(report_excerpt(rule->name)), section_names[needed[i]]);
            rule->broken = true;
        }
}

static void close_rule(struct parser *parser)
{
    struct syntax_rule *rule = parser->rule;

    if (parser_token(parser)->kind != TOKEN_CLOSE_BRACE) {
        rule->broken = true;
        if (!parser->cut)
            report_error(parser->report, parser_token(parser)->at, "`}` is missing: rule `%.*s`, begun in line %u, is not closed",
                         SLICE_ARGS(report_excerpt(rule->name)), rule->at.line);
        return;
    }
    const struct token *brace = parser_take(parser);
    rule->text.length = (size_t)(brace->text.bytes + 1 - rule->text.bytes);
}

static void parse_rule(struct parser *parser)
{
    const struct token *start = parser_token(parser);
    struct syntax_rule *rule = parser->rule;

    rule->at = start->at;
    rule->text = slice_make(start->text.bytes, 0);
    parser->section = SECTION_META;
    parser_take(parser);
    rule->name = parser_token(parser)->text;
    rule->name_at = parser_token(parser)->at;
    parser_take(parser);
    parser_take(parser);
    parser->open = 0;
    while (!parser_at_rule_end(parser)) {
        if (parser_at_section(parser))
            parse_section(parser);
        else
            skip_stray(parser);
        parser->open = 0;
    }
    check_sections_present(parser);
    close_rule(parser);
}

/* What stands where a rule should begin, and is none: one message, then on to the next rule. */
static void skip_to_rule(struct parser *parser)
{
    if (!token_is_word(parser_token(parser), "rule")) {
        parser_expected(parser, "a rule (rule name { ... })");
    } else {
        parser_take(parser);
        if (parser_token(parser)->kind != TOKEN_NAME)
            parser_expected(parser, "the rule's name (letters, digits and _)");
        else {
            parser_take(parser);
            parser_expected(parser, "`{` behind the rule's name");
        }
    }
    while (parser_token(parser)->kind != TOKEN_END && !at_rule(parser) &&
           !(parser_token(parser)->first_on_line && token_is_word(parser_token(parser), "rule")))
        parser_take(parser);
}

void syntax_parse(struct syntax_file *file, const struct tokens *tokens, struct arena *scratch, struct arena *keep, struct report *report)
{
    struct parser parser = {
        .tokens = tokens->all.items, .count = tokens->all.count, .scratch = scratch, .keep = keep, .report = report, .cut = tokens->cut};

    *file = (struct syntax_file){0};
    while (parser_token(&parser)->kind != TOKEN_END) {
        if (!at_rule(&parser)) {
            skip_to_rule(&parser);
            continue;
        }
        struct syntax_rule rule = {0};
        parser.rule = &rule;
        parse_rule(&parser);
        parser.rule = NULL;
        VECTOR_PUSH(&file->rules, rule);
    }
}

void syntax_rule_free(struct syntax_rule *rule)
{
    VECTOR_FREE(&rule->meta);
    VECTOR_FREE(&rule->predicates);
    VECTOR_FREE(&rule->match.names);
    VECTOR_FREE(&rule->outcomes);
    VECTOR_FREE(&rule->options);
}

void syntax_file_free(struct syntax_file *file)
{
    for (size_t i = 0; i < file->rules.count; i++)
        syntax_rule_free(&file->rules.items[i]);
    VECTOR_FREE(&file->rules);
}
