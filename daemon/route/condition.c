/* SPDX-License-Identifier: Apache-2.0 */
/*   or        = and { "or" and }
 *   and       = not { "and" not }
 *   not       = [ "not" ] ( "(" or ")" | comparison )
 *   comparison = field ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) value | field [ "not" ] "in" "[" value { "," value } "]" | field ( "=~" | "!~" ) value
 *   value     = word | "double quoted" | 'single quoted' */
#include "condition.h"

#include "condition_eval.h"
#include "harrier/base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TEXT_BYTES_MAX = 16 * 1024, NESTING_MAX = 64, VALUES_MAX = 1000, REGEX_BYTES_MAX = 1000 };

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_TEXT, TOKEN_SIGN, TOKEN_BAD };

struct token {
    enum token_kind kind;
    struct slice text; /* without its quotes; TOKEN_SIGN: the sign itself */
    size_t offset;
};

struct parser {
    struct slice text;
    size_t position; /* behind token */
    struct token token;
    size_t nesting;
    size_t error_offset;
    char *message; /* of the first error; nothing is parsed after it */
};

/* --- tokens ------------------------------------------------------------------------------------------------------------- */

static void fail(struct parser *parser, size_t offset, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void fail(struct parser *parser, size_t offset, const char *format, ...)
{
    if (parser->message != NULL)
        return;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&parser->message, format, arguments) < 0)
        abort();
    va_end(arguments);
    parser->error_offset = offset;
}

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c != '\0' && strchr("_.:/@-", c) != NULL);
}

static void read_quoted(struct parser *parser, char quote)
{
    struct slice rest = slice_from(parser->text, parser->token.offset + 1);
    ptrdiff_t end = slice_find_byte(rest, quote);
    if (end < 0) {
        parser->token.kind = TOKEN_BAD;
        parser->position = parser->text.length;
        fail(parser, parser->token.offset, "this quotation does not end: put a %c after it", quote);
        return;
    }
    parser->token.kind = TOKEN_TEXT;
    parser->token.text = slice_first(rest, (size_t)end);
    parser->position = parser->token.offset + (size_t)end + 2;
}

static void advance(struct parser *parser)
{
    static const char *const signs[] = {"!=", "<=", ">=", "=~", "!~", "=", "<", ">", "(", ")", "[", "]", ","};
    struct slice text = parser->text;
    while (parser->position < text.length && strchr(" \t\r\n", text.bytes[parser->position]) != NULL &&
           text.bytes[parser->position] != '\0')
        parser->position++;
    parser->token = (struct token){.kind = TOKEN_END, .offset = parser->position};
    struct slice rest = slice_from(text, parser->position);
    if (rest.length == 0)
        return;
    size_t length = 0;
    while (length < rest.length && is_word_byte(rest.bytes[length]))
        length++;
    if (length > 0) {
        parser->token = (struct token){TOKEN_WORD, slice_first(rest, length), parser->position};
        parser->position += length;
        return;
    }
    if (rest.bytes[0] == '"' || rest.bytes[0] == '\'') {
        read_quoted(parser, rest.bytes[0]);
        return;
    }
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        if (slice_starts_with(rest, slice_of(signs[i]))) {
            parser->token = (struct token){TOKEN_SIGN, slice_first(rest, strlen(signs[i])), parser->position};
            parser->position += strlen(signs[i]);
            return;
        }
    }
    parser->token.kind = TOKEN_BAD;
    fail(parser, parser->position, "this character has no meaning here: put values with such characters between double quotes");
}

static bool at_sign(const struct parser *parser, const char *sign)
{
    return parser->token.kind == TOKEN_SIGN && slice_is(parser->token.text, sign);
}

static bool at_word(const struct parser *parser, const char *word)
{
    return parser->token.kind == TOKEN_WORD && slice_equal_ascii_nocase(parser->token.text, slice_of(word));
}

static bool skip_sign(struct parser *parser, const char *sign)
{
    bool there = at_sign(parser, sign);
    if (there)
        advance(parser);
    return there;
}

static bool skip_word(struct parser *parser, const char *word)
{
    bool there = at_word(parser, word);
    if (there)
        advance(parser);
    return there;
}

/* --- values ------------------------------------------------------------------------------------------------------------- */

static bool to_number(struct slice text, double *number)
{
    char copy[64], *end;
    if (text.length == 0 || text.length >= sizeof copy || strspn(text.bytes, "0123456789.-") < text.length)
        return false;
    memcpy(copy, text.bytes, text.length);
    copy[text.length] = '\0';
    *number = strtod(copy, &end);
    return *end == '\0';
}

/* The value as the field's kind wants it. */
static bool convert(struct parser *parser, const struct condition_field *field, struct condition_value *value, const struct token *token)
{
    value->text = xstrndup(token->text.length ? token->text.bytes : "", token->text.length);
    switch (field->kind) {
    case FIELD_NUMBER:
        if (to_number(slice_make(value->text, token->text.length), &value->number))
            return true;
        fail(parser, token->offset, "%s is compared with numbers: write one, as in %s >= 80", field->name, field->name);
        return false;
    case FIELD_SEVERITY:
        value->number = severity_rank(token->text);
        if (severity_rank(token->text) < SEVERITY_UNKNOWN)
            return true;
        fail(parser, token->offset, "there is no such severity: take one of INFO, LOW, MEDIUM, HIGH, CRITICAL");
        return false;
    case FIELD_BOOL:
        value->number = slice_is(token->text, "true");
        if (value->number != 0 || slice_is(token->text, "false"))
            return true;
        fail(parser, token->offset, "%s is true or false", field->name);
        return false;
    default: return true;
    }
}

static bool parse_value(struct parser *parser, const struct condition_field *field, struct condition *condition)
{
    struct token token = parser->token;
    if (token.kind != TOKEN_WORD && token.kind != TOKEN_TEXT) {
        fail(parser, token.offset, "a value is missing here: a word, or a text between double quotes");
        return false;
    }
    if (condition->values.count >= VALUES_MAX) {
        fail(parser, token.offset, "the list has more than %d values: make several conditions of it", VALUES_MAX);
        return false;
    }
    struct condition_value *value = VECTOR_ADD(&condition->values);
    *value = (struct condition_value){0};
    if (!convert(parser, field, value, &token))
        return false;
    advance(parser);
    return true;
}

static bool parse_list(struct parser *parser, const struct condition_field *field, struct condition *condition)
{
    if (!skip_sign(parser, "[")) {
        fail(parser, parser->token.offset, "in takes a list: write it as in [a, b]");
        return false;
    }
    do {
        if (!parse_value(parser, field, condition))
            return false;
    } while (skip_sign(parser, ","));
    if (skip_sign(parser, "]"))
        return true;
    fail(parser, parser->token.offset, "the list does not end: put a ] after its last value, and commas between values");
    return false;
}

static bool parse_regex(struct parser *parser, struct condition *condition)
{
    struct token token = parser->token;
    if (token.kind != TOKEN_TEXT && token.kind != TOKEN_WORD) {
        fail(parser, token.offset, "a regular expression is missing here: put it between double quotes");
        return false;
    }
    if (token.text.length > REGEX_BYTES_MAX) {
        fail(parser, token.offset, "the regular expression is longer than %d bytes: make several conditions of it", REGEX_BYTES_MAX);
        return false;
    }
    int code;
    PCRE2_SIZE at;
    condition->regex = pcre2_compile((PCRE2_SPTR)(token.text.length ? token.text.bytes : ""), token.text.length,
                                     PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
    if (condition->regex == NULL) {
        PCRE2_UCHAR text[160];
        pcre2_get_error_message(code, text, sizeof text);
        fail(parser, token.offset + (token.kind == TOKEN_TEXT) + at, "the regular expression is wrong here: %s", (const char *)text);
        return false;
    }
    pcre2_jit_compile(condition->regex, PCRE2_JIT_COMPLETE);
    advance(parser);
    return true;
}

/* --- grammar ------------------------------------------------------------------------------------------------------------ */

static struct condition *parse_or(struct parser *parser);

static struct condition *new_condition(enum condition_kind kind)
{
    struct condition *condition = xcalloc(1, sizeof *condition);
    condition->kind = kind;
    return condition;
}

static bool orders(const struct condition_field *field)
{
    return field->kind == FIELD_NUMBER || field->kind == FIELD_SEVERITY;
}

/* The operator, by the sign at hand. */
static bool take_operator(struct parser *parser, const struct condition_field *field, struct condition *condition)
{
    static const struct {
        const char *sign;
        enum condition_kind kind;
        bool negated;
    } operators[] = {
        {"=", CONDITION_IS, false},      {"!=", CONDITION_IS, true},      {"<", CONDITION_LESS, false},     {">=", CONDITION_LESS, true},
        {">", CONDITION_GREATER, false}, {"<=", CONDITION_GREATER, true}, {"=~", CONDITION_MATCHES, false}, {"!~", CONDITION_MATCHES, true},
    };
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        if (!at_sign(parser, operators[i].sign))
            continue;
        condition->kind = operators[i].kind;
        condition->negated = operators[i].negated;
        bool ordering = condition->kind == CONDITION_LESS || condition->kind == CONDITION_GREATER;
        if (ordering && !orders(field)) {
            fail(parser, parser->token.offset, "%s has no order: only severity, risk_score and response_code can be compared with %s",
                 field->name, operators[i].sign);
            return false;
        }
        if (condition->kind == CONDITION_MATCHES && field->kind != FIELD_TEXT && field->kind != FIELD_LIST &&
            field->kind != FIELD_TECHNIQUES) {
            fail(parser, parser->token.offset, "%s is no text: compare it with = or >=", field->name);
            return false;
        }
        advance(parser);
        return true;
    }
    condition->negated = skip_word(parser, "not");
    if (at_word(parser, "in")) {
        condition->kind = CONDITION_IN;
        advance(parser);
        return true;
    }
    fail(parser, parser->token.offset, "a comparison is missing here: one of = != < <= > >= in, not in, =~ and !~");
    return false;
}

static struct condition *parse_comparison(struct parser *parser)
{
    struct token token = parser->token;
    if (token.kind != TOKEN_WORD) {
        fail(parser, token.offset, "a field is missing here: one of %s", condition_field_names);
        return NULL;
    }
    const struct condition_field *field = condition_field_of(token.text);
    if (field == NULL) {
        const struct condition_field *nearest = condition_field_nearest(token.text);
        if (nearest != NULL)
            fail(parser, token.offset, "there is no such field: did you mean %s?", nearest->name);
        else
            fail(parser, token.offset, "there is no such field: take one of %s", condition_field_names);
        return NULL;
    }
    advance(parser);
    struct condition *condition = new_condition(CONDITION_IS);
    condition->field = field;
    bool good = take_operator(parser, field, condition);
    if (good && condition->kind == CONDITION_IN)
        good = parse_list(parser, field, condition);
    else if (good && condition->kind == CONDITION_MATCHES)
        good = parse_regex(parser, condition);
    else if (good)
        good = parse_value(parser, field, condition);
    if (good)
        return condition;
    condition_free(condition);
    return NULL;
}

static struct condition *parse_not(struct parser *parser)
{
    bool negated = false;
    while (skip_word(parser, "not"))
        negated = !negated;
    struct condition *inner;
    size_t open = parser->token.offset;
    if (skip_sign(parser, "(")) {
        if (++parser->nesting > NESTING_MAX) {
            fail(parser, open, "there are more than %d parentheses in each other", NESTING_MAX);
            return NULL;
        }
        inner = parse_or(parser);
        parser->nesting--;
        if (inner != NULL && !skip_sign(parser, ")")) {
            fail(parser, parser->token.offset, "expected and, or, or the ) that ends what began at column %zu", open + 1);
            condition_free(inner);
            return NULL;
        }
    } else {
        inner = parse_comparison(parser);
    }
    if (inner == NULL || !negated)
        return inner;
    struct condition *condition = new_condition(CONDITION_NOT);
    condition->left = inner;
    return condition;
}

static struct condition *parse_chain(struct parser *parser, const char *word, enum condition_kind kind,
                                     struct condition *(*parse_part)(struct parser *))
{
    struct condition *left = parse_part(parser);
    while (left != NULL && skip_word(parser, word)) {
        struct condition *condition = new_condition(kind);
        condition->left = left;
        condition->right = parse_part(parser);
        left = condition;
        if (condition->right == NULL) {
            condition_free(condition);
            return NULL;
        }
    }
    return left;
}

static struct condition *parse_and(struct parser *parser)
{
    return parse_chain(parser, "and", CONDITION_AND, parse_not);
}

static struct condition *parse_or(struct parser *parser)
{
    return parse_chain(parser, "or", CONDITION_OR, parse_and);
}

struct condition *condition_parse(struct slice text, uint32_t *column, char **message)
{
    struct parser parser = {.text = text};
    *message = NULL;
    *column = 0;
    if (text.length > TEXT_BYTES_MAX) {
        *message = xasprintf("the condition is longer than %d bytes: make several routes of it", TEXT_BYTES_MAX);
        *column = 1;
        return NULL;
    }
    advance(&parser);
    struct condition *condition = parse_or(&parser);
    if (condition != NULL && parser.token.kind != TOKEN_END)
        fail(&parser, parser.token.offset, "expected and, or, or the end of the condition");
    if (parser.message == NULL)
        return condition;
    condition_free(condition);
    *message = parser.message;
    *column = (uint32_t)parser.error_offset + 1;
    return NULL;
}

/* The left side of a chain of and/or is as long as the text, so it is not walked by recursion. */
void condition_free(struct condition *condition)
{
    while (condition != NULL) {
        struct condition *left = condition->left;
        condition_free(condition->right);
        for (size_t i = 0; i < condition->values.count; i++)
            free(condition->values.items[i].text);
        VECTOR_FREE(&condition->values);
        pcre2_code_free(condition->regex);
        free(condition);
        condition = left;
    }
}
