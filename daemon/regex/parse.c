/* SPDX-License-Identifier: Apache-2.0 */
/* RE2's language (its file doc/syntax.txt, default options), parsed into a tree. Everything else that PCRE2 would take is refused here,
 * or a rule would work with us and not elsewhere. */
#include "parse.h"

#include "harrier/base/utf8.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

/* --- helpers -------------------------------------------------------------------------------------------------------------- */

bool parser_fail(struct parser *parser, size_t at, const char *format, ...)
{
    char text[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    *parser->error = arena_printf(parser->arena, "%s (offset %zu)", text, at);
    return false;
}

bool parser_refuse(struct parser *parser, size_t at, const char *what, const char *written)
{
    return parser_fail(parser, at, "%s `%s` is not supported by RE2", what, written);
}

struct slice parser_rest(const struct parser *parser)
{
    return slice_from(parser->pattern, parser->at);
}

bool parser_is_at(const struct parser *parser, const char *text)
{
    return slice_starts_with(parser_rest(parser), slice_of(text));
}

bool parser_is_at_end(const struct parser *parser)
{
    return parser->at >= parser->pattern.length;
}

char parser_ahead(const struct parser *parser, size_t distance)
{
    return parser->at + distance < parser->pattern.length ? parser->pattern.bytes[parser->at + distance] : '\0';
}

uint32_t parser_take_code_point(struct parser *parser)
{
    uint32_t code_point;
    parser->at += utf8_decode(parser_rest(parser), &code_point);
    return code_point;
}

static struct frame *parser_top(struct parser *parser)
{
    return &parser->frames.items[parser->frames.count - 1];
}

static struct regex_node *parser_new_node(struct parser *parser, enum regex_kind kind)
{
    struct regex_node *node = ARENA_NEW(parser->arena, struct regex_node);
    node->kind = kind;
    return node;
}

static void parser_append(struct parser *parser, struct regex_node *node)
{
    struct frame *frame = parser_top(parser);
    frame->last = frame->last ? &(*frame->last)->next : &frame->concat->first;
    *frame->last = node;
    parser->repeat_before = false;
}

static void parser_append_kind(struct parser *parser, enum regex_kind kind)
{
    parser_append(parser, parser_new_node(parser, kind));
}

static void parser_append_literal(struct parser *parser, uint32_t code_point)
{
    struct regex_node *node = parser_new_node(parser, REGEX_LITERAL);
    node->code_point = code_point;
    node->fold = parser->flags & FOLD;
    parser_append(parser, node);
}

void parser_append_class(struct parser *parser, struct regex_class *set, struct slice text)
{
    struct regex_node *node = parser_new_node(parser, REGEX_CLASS);
    node->class = set;
    node->class_text = text;
    node->fold = parser->flags & FOLD;
    parser_append(parser, node);
}

/* --- outside of classes -------------------------------------------------------------------------------------------------------- */

static void parse_quoted(struct parser *parser)
{
    parser->at += 2;
    while (!parser_is_at_end(parser)) {
        if (parser_is_at(parser, "\\E")) {
            parser->at += 2;
            return;
        }
        parser_append_literal(parser, parser_take_code_point(parser));
    }
}

static bool parse_escape(struct parser *parser)
{
    static const struct {
        char letter;
        enum regex_kind kind;
    } assertions[] = {{'A', REGEX_BEGIN_TEXT}, {'z', REGEX_END_TEXT}, {'b', REGEX_WORD_BOUNDARY}, {'B', REGEX_NO_WORD_BOUNDARY}};
    char letter = parser_ahead(parser, 1);
    uint32_t code_point;

    for (size_t i = 0; i < sizeof assertions / sizeof assertions[0]; i++) {
        if (letter == assertions[i].letter) {
            parser->at += 2;
            parser_append_kind(parser, assertions[i].kind);
            return true;
        }
    }
    if (letter == 'Q') {
        parse_quoted(parser);
        return true;
    }
    struct class_builder builder = {.set = regex_class_new(parser->arena)};
    bool is_property = letter == 'p' || letter == 'P';
    if (is_property || parser_take_perl_class(parser, &builder)) {
        bool good = !is_property || parser_take_property(parser, &builder);
        if (good)
            parser_append_built(parser, &builder, false);
        buffer_free(&builder.text);
        return good;
    }
    if (!parser_take_character(parser, &code_point))
        return false;
    parser_append_literal(parser, code_point);
    return true;
}

/* --- groups ----------------------------------------------------------------------------------------------------------------- */

static bool open_group(struct parser *parser, size_t start, bool is_capture, unsigned int outer_flags)
{
    if (parser->frames.count > REGEX_DEEPEST_NESTING)
        return parser_fail(parser, start, "more than %d groups in each other", REGEX_DEEPEST_NESTING);
    *VECTOR_ADD(&parser->frames) = (struct frame){
        .concat = parser_new_node(parser, REGEX_CONCAT), .outer_flags = outer_flags, .is_capture = is_capture, .at = start};
    parser->repeat_before = false;
    return true;
}

/* One tree for all that the frame read. */
static struct regex_node *close_frame(struct parser *parser)
{
    struct frame *frame = parser_top(parser);
    struct regex_node *node = frame->concat;

    if (frame->alternate) {
        *frame->alternate_end = node;
        node = frame->alternate;
    }
    if (frame->is_capture) {
        struct regex_node *capture = parser_new_node(parser, REGEX_CAPTURE);
        capture->first = node;
        node = capture;
    }
    return node;
}

static bool close_group(struct parser *parser)
{
    if (parser->frames.count == 1)
        return parser_fail(parser, parser->at, "`)` without `(`");
    struct regex_node *node = close_frame(parser);
    parser->flags = parser_top(parser)->outer_flags;
    parser->frames.count--;
    parser->at++;
    parser_append(parser, node);
    return true;
}

static void next_alternative(struct parser *parser)
{
    struct frame *frame = parser_top(parser);

    if (!frame->alternate) {
        frame->alternate = parser_new_node(parser, REGEX_ALTERNATE);
        frame->alternate_end = &frame->alternate->first;
    }
    *frame->alternate_end = frame->concat;
    frame->alternate_end = &frame->concat->next;
    frame->concat = parser_new_node(parser, REGEX_CONCAT);
    frame->last = NULL;
    parser->repeat_before = false;
    parser->at++;
}

static bool parse_named_group(struct parser *parser, size_t start)
{
    ptrdiff_t open = slice_find_byte(parser_rest(parser), '<');
    ptrdiff_t close = slice_find_byte(parser_rest(parser), '>');

    if (close < 0)
        return parser_fail(parser, start, "the name of a group needs a closing `>`");
    struct slice name = slice_make(parser_rest(parser).bytes + open + 1, (size_t)(close - open) - 1);
    bool good = name.length > 0;
    for (size_t i = 0; i < name.length; i++)
        good = good && (isalnum((unsigned char)name.bytes[i]) || name.bytes[i] == '_');
    if (!good)
        return parser_fail(parser, start, "the name of a group is letters, digits and _");
    for (size_t i = 0; i < parser->names.count; i++) {
        if (slice_equal(parser->names.items[i], name))
            return parser_fail(parser, start, "two groups have the same name");
    }
    VECTOR_PUSH(&parser->names, name);
    parser->at += (size_t)close + 1;
    parser->tree->groups++;
    return open_group(parser, start, true, parser->flags);
}

/* What other engines begin with (? and RE2 does not have. */
static bool refuse_group(struct parser *parser, size_t start)
{
    static const struct {
        const char *written;
        const char *what;
    } known[] = {
        {"(?=", "look-ahead"},        {"(?!", "look-ahead"},    {"(?<=", "look-behind"},  {"(?<!", "look-behind"}, {"(?>", "atomic group"},
        {"(?|", "branch reset"},      {"(?#", "comment"},       {"(?(", "conditional"},   {"(?R", "recursion"},    {"(?&", "recursion"},
        {"(?P>", "recursion"},        {"(?P=", "backreference"}, {"(?C", "callout"},      {"(?+", "recursion"},    {"(?x", "flag x of"},
        {"(?'", "group name in quotes"}, {"(?J", "flag J of"},  {"(?n", "flag n of"},     {"(?^", "flag reset"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (slice_starts_with(slice_from(parser->pattern, start), slice_of(known[i].written)))
            return parser_refuse(parser, start, known[i].what, known[i].written);
    }
    if (parser_ahead(parser, 0) >= '0' && parser_ahead(parser, 0) <= '9')
        return parser_refuse(parser, start, "recursion", "(?0");
    return parser_fail(parser, start, "RE2 knows no group that begins so; flags are i, m, s and U");
}

/* (?i), (?i-s:...) */
static bool parse_flags(struct parser *parser, size_t start)
{
    unsigned int flags = parser->flags, outer = parser->flags;
    bool negative = false, any = false;

    for (;;) {
        static const char letters[] = "imsU";
        char letter = parser_ahead(parser, 0);
        const char *found = letter ? strchr(letters, letter) : NULL;
        if (found) {
            unsigned int flag = 1u << (found - letters);
            flags = negative ? flags & ~flag : flags | flag;
            any = true;
        } else if (letter == '-' && !negative) {
            negative = true;
            any = false;
        } else if ((letter == ')' || letter == ':') && (any || !negative)) {
            parser->at++;
            parser->flags = flags;
            parser->repeat_before = false;
            return letter == ')' || open_group(parser, start, false, outer);
        } else {
            return refuse_group(parser, start);
        }
        parser->at++;
    }
}

static bool parse_open(struct parser *parser)
{
    size_t start = parser->at++;

    if (parser_ahead(parser, 0) == '*')
        return parser_refuse(parser, start, "verb", "(*");
    if (parser_ahead(parser, 0) != '?') {
        parser->tree->groups++;
        return open_group(parser, start, true, parser->flags);
    }
    parser->at++;
    bool is_named = parser_is_at(parser, "P<") || (parser_is_at(parser, "<") && parser_ahead(parser, 1) != '=' && parser_ahead(parser, 1) != '!');
    return is_named ? parse_named_group(parser, start) : parse_flags(parser, start);
}

/* --- repetition ---------------------------------------------------------------------------------------------------------------- */

static bool take_number(struct slice *text, int *number)
{
    size_t digits = 0;
    int sum = 0;

    while (digits < text->length && isdigit((unsigned char)text->bytes[digits])) {
        sum = sum > 10000 ? sum : sum * 10 + (text->bytes[digits] - '0');
        digits++;
    }
    if (digits == 0 || (digits > 1 && text->bytes[0] == '0'))
        return false;
    *text = slice_from(*text, digits);
    *number = sum;
    return true;
}

/* {2}, {2,} or {2,5}; anything else that begins with a brace is text, {,5} too. */
static bool take_braces(struct parser *parser, int *minimum, int *maximum)
{
    struct slice text = slice_from(parser_rest(parser), 1);

    if (!take_number(&text, minimum))
        return false;
    *maximum = *minimum;
    if (slice_starts_with(text, SLICE(","))) {
        text = slice_from(text, 1);
        if (slice_starts_with(text, SLICE("}")))
            *maximum = REGEX_NO_MAXIMUM;
        else if (!take_number(&text, maximum))
            return false;
    }
    if (!slice_starts_with(text, SLICE("}")))
        return false;
    parser->at = parser->pattern.length - text.length + 1;
    return true;
}

static bool parse_repeat(struct parser *parser, size_t start, int minimum, int maximum)
{
    struct frame *frame = parser_top(parser);
    bool lazy = parser_ahead(parser, 0) == '?';

    if (lazy)
        parser->at++;
    if (parser->repeat_before) {
        if (parser->pattern.bytes[start] == '+' && !lazy)
            return parser_fail(parser, start, "a possessive or doubled repetition is not supported by RE2");
        return parser_fail(parser, start, "a repetition of a repetition is not supported by RE2; put a group around the first");
    }
    if (!frame->last)
        return parser_fail(parser, start, "`%c` has nothing to repeat before it", parser->pattern.bytes[start]);
    if (minimum > REGEX_LARGEST_REPEAT || maximum > REGEX_LARGEST_REPEAT)
        return parser_fail(parser, start, "RE2 repeats at most %d times", REGEX_LARGEST_REPEAT);
    if (maximum != REGEX_NO_MAXIMUM && maximum < minimum)
        return parser_fail(parser, start, "a repetition's bounds must go upwards");
    struct regex_node *repeat = parser_new_node(parser, REGEX_REPEAT);
    repeat->first = *frame->last;
    repeat->minimum = minimum;
    repeat->maximum = maximum;
    repeat->greedy = lazy == ((parser->flags & UNGREEDY) != 0);
    *frame->last = repeat;
    parser->repeat_before = true;
    if (maximum == REGEX_NO_MAXIMUM || maximum > REGEX_SHORT_REPEAT)
        parser->tree->unbounded = true;
    return true;
}

/* RE2 bounds what nested repetitions come to when written out: ((x{100}){100}) is 10,000. */
static bool check_nested_repeats(struct parser *parser, const struct regex_node *node, int left)
{
    if (node->kind == REGEX_REPEAT) {
        int times = node->maximum == REGEX_NO_MAXIMUM ? node->minimum : node->maximum;
        if (times > 0)
            left /= times;
        if (left == 0)
            return parser_fail(parser, 0, "repetitions in each other come to more than %d times, the most that RE2 takes", REGEX_LARGEST_REPEAT);
    }
    for (const struct regex_node *child = node->first; child; child = child->next) {
        if (!check_nested_repeats(parser, child, left))
            return false;
    }
    return true;
}

/* --- the whole -------------------------------------------------------------------------------------------------------------------- */

static bool parse_item(struct parser *parser)
{
    size_t start = parser->at;
    char letter = parser->pattern.bytes[start];
    int minimum, maximum;
    bool multi_line = parser->flags & MULTI_LINE;

    switch (letter) {
    case '(': return parse_open(parser);
    case ')': return close_group(parser);
    case '|': next_alternative(parser); return true;
    case '[': return parser_take_class(parser);
    case '\\': return parse_escape(parser);
    case '*': parser->at++; return parse_repeat(parser, start, 0, REGEX_NO_MAXIMUM);
    case '+': parser->at++; return parse_repeat(parser, start, 1, REGEX_NO_MAXIMUM);
    case '?': parser->at++; return parse_repeat(parser, start, 0, 1);
    case '.': parser->at++; parser_append_kind(parser, parser->flags & DOT_ALL ? REGEX_ANY : REGEX_ANY_BUT_NEWLINE); return true;
    case '^': parser->at++; parser_append_kind(parser, multi_line ? REGEX_BEGIN_LINE : REGEX_BEGIN_TEXT); return true;
    case '$': parser->at++; parser_append_kind(parser, multi_line ? REGEX_END_LINE : REGEX_END_TEXT); return true;
    default: break;
    }
    if (letter == '{' && take_braces(parser, &minimum, &maximum))
        return parse_repeat(parser, start, minimum, maximum);
    parser_append_literal(parser, parser_take_code_point(parser));
    return true;
}

static bool parse_all(struct parser *parser)
{
    if (!utf8_valid(parser->pattern))
        return parser_fail(parser, 0, "the pattern is not UTF-8");
    open_group(parser, 0, false, parser->flags);
    while (!parser_is_at_end(parser)) {
        if (!parse_item(parser))
            return false;
    }
    if (parser->frames.count > 1)
        return parser_fail(parser, parser_top(parser)->at, "`(` without `)`");
    parser->tree->root = close_frame(parser);
    return check_nested_repeats(parser, parser->tree->root, REGEX_LARGEST_REPEAT);
}

enum result regex_parse(struct slice pattern, bool nocase, struct arena *arena, struct regex_tree *tree, struct slice *error)
{
    struct parser parser = {.pattern = pattern, .arena = arena, .flags = nocase ? FOLD : 0, .tree = tree, .error = error};

    *tree = (struct regex_tree){0};
    bool good = parse_all(&parser);
    VECTOR_FREE(&parser.frames);
    VECTOR_FREE(&parser.names);
    return good ? RESULT_OK : RESULT_INVALID;
}
