/* SPDX-License-Identifier: Apache-2.0 */
/* RE2's language (its file doc/syntax.txt, default options), parsed into a tree. Everything else that PCRE2 would take is refused here,
 * or a rule would work with us and not elsewhere. */
#include "regex.h"

#include "harrier/base/utf8.h"
#include "harrier/base/vector.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

enum { FOLD = 1, MULTI_LINE = 2, DOT_ALL = 4, UNGREEDY = 8 };

/* An open parenthesis (or the whole pattern): the alternatives that are closed and the one being read. Its flags come back when it ends. */
struct frame {
    struct regex_node *alternate; /* NULL until the first | */
    struct regex_node **alternate_end;
    struct regex_node *concat;
    struct regex_node **last;     /* the link that holds concat's last child; NULL: it has none */
    unsigned int outer_flags;
    bool is_capture;
    size_t at;                    /* offset of its parenthesis */
};

struct parser {
    struct slice pattern;
    size_t at;
    struct arena *arena;
    unsigned int flags;
    VECTOR(struct frame) frames;
    VECTOR(struct slice) names;
    struct regex_tree *tree;
    bool repeat_before; /* the thing just read was a repetition: another is an error, as in a** */
    struct slice *error;
};

/* --- helpers -------------------------------------------------------------------------------------------------------------- */

static bool fail(struct parser *parser, size_t at, const char *format, ...) __attribute__((format(printf, 3, 4)));

static bool fail(struct parser *parser, size_t at, const char *format, ...)
{
    char text[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    *parser->error = arena_printf(parser->arena, "%s (offset %zu)", text, at);
    return false;
}

static bool unsupported(struct parser *parser, size_t at, const char *what, const char *written)
{
    return fail(parser, at, "%s `%s` is not supported by RE2", what, written);
}

static struct slice rest(const struct parser *parser)
{
    return slice_from(parser->pattern, parser->at);
}

static bool looking_at(const struct parser *parser, const char *text)
{
    return slice_starts_with(rest(parser), slice_of(text));
}

static bool at_end(const struct parser *parser)
{
    return parser->at >= parser->pattern.length;
}

/* The byte ahead, 0 at the end; only compared with ASCII that is not NUL. */
static char ahead(const struct parser *parser, size_t distance)
{
    return parser->at + distance < parser->pattern.length ? parser->pattern.bytes[parser->at + distance] : '\0';
}

static uint32_t take_code_point(struct parser *parser)
{
    uint32_t code_point;
    parser->at += utf8_decode(rest(parser), &code_point);
    return code_point;
}

static struct frame *top(struct parser *parser)
{
    return &parser->frames.items[parser->frames.count - 1];
}

static struct regex_node *node_new(struct parser *parser, enum regex_kind kind)
{
    struct regex_node *node = ARENA_NEW(parser->arena, struct regex_node);
    node->kind = kind;
    return node;
}

static void append(struct parser *parser, struct regex_node *node)
{
    struct frame *frame = top(parser);
    frame->last = frame->last ? &(*frame->last)->next : &frame->concat->first;
    *frame->last = node;
    parser->repeat_before = false;
}

static void append_kind(struct parser *parser, enum regex_kind kind)
{
    append(parser, node_new(parser, kind));
}

static void append_literal(struct parser *parser, uint32_t code_point)
{
    struct regex_node *node = node_new(parser, REGEX_LITERAL);
    node->code_point = code_point;
    node->fold = parser->flags & FOLD;
    append(parser, node);
}

static void append_class(struct parser *parser, struct regex_class *set, struct slice text)
{
    struct regex_node *node = node_new(parser, REGEX_CLASS);
    node->class = set;
    node->class_text = text;
    node->fold = parser->flags & FOLD;
    append(parser, node);
}

/* --- escapes ---------------------------------------------------------------------------------------------------------------- */

/* What follows \x: two digits, or {digits}. */
static bool take_hex(struct parser *parser, size_t start, uint32_t *code_point)
{
    *code_point = 0;
    if (ahead(parser, 0) != '{') {
        int high = slice_hex_digit(ahead(parser, 0)), low = slice_hex_digit(ahead(parser, 1));
        if (high < 0 || low < 0)
            return fail(parser, start, "`\\x` needs two hexadecimal digits, or some in braces: \\x{10FFFF}");
        *code_point = (uint32_t)(high * 16 + low);
        parser->at += 2;
        return true;
    }
    parser->at++;
    size_t digits = 0;
    for (int digit; (digit = slice_hex_digit(ahead(parser, 0))) >= 0; parser->at++, digits++) {
        *code_point = *code_point * 16 + (uint32_t)digit;
        if (*code_point > REGEX_LAST_CODE_POINT)
            return fail(parser, start, "`\\x{...}` is above 10FFFF, the last code point");
    }
    if (digits == 0 || ahead(parser, 0) != '}')
        return fail(parser, start, "`\\x{` needs hexadecimal digits and a closing brace");
    parser->at++;
    return true;
}

/* \0, \01, \012: a zero and at most two octal digits more; \1 to \7 only when another octal digit follows. */
static bool take_octal(struct parser *parser, size_t start, char first, uint32_t *code_point)
{
    if (first != '0' && !(ahead(parser, 0) >= '0' && ahead(parser, 0) <= '7'))
        return fail(parser, start, "backreference `\\%c` is not supported by RE2", first);
    *code_point = (uint32_t)(first - '0');
    for (int i = 0; i < 2 && ahead(parser, 0) >= '0' && ahead(parser, 0) <= '7'; i++)
        *code_point = *code_point * 8 + (uint32_t)(parser->pattern.bytes[parser->at++] - '0');
    return true;
}

static bool bad_escape(struct parser *parser, size_t start, char letter)
{
    static const struct {
        char letter;
        const char *what;
        const char *written;
    } known[] = {
        {'C', "one byte", "\\C"}, {'G', "assertion", "\\G"}, {'K', "reset of the match's start", "\\K"}, {'N', "escape", "\\N"},
        {'R', "line ending", "\\R"}, {'V', "class", "\\V"}, {'X', "grapheme", "\\X"}, {'Z', "assertion", "\\Z"}, {'H', "class", "\\H"},
        {'h', "class", "\\h"}, {'k', "backreference", "\\k"}, {'g', "backreference", "\\g"}, {'8', "backreference", "\\8"},
        {'9', "backreference", "\\9"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].letter == letter)
            return unsupported(parser, start, known[i].what, known[i].written);
    }
    if (letter == '\0' && at_end(parser))
        return fail(parser, start, "a backslash at the end; write \\\\ for the character");
    if (letter > ' ' && letter < 0x7F)
        return fail(parser, start, "`\\%c` is no escape of RE2", letter);
    return fail(parser, start, "a backslash before a character that needs none");
}

/* An escape that stands for one character, in a class or outside. The parser stands on the backslash. */
static bool take_character_escape(struct parser *parser, uint32_t *code_point)
{
    static const char letters[] = "afnrtv", meanings[] = "\a\f\n\r\t\v";
    size_t start = parser->at;
    char letter = ahead(parser, 1);
    bool ended = parser->at + 1 >= parser->pattern.length;
    const char *found;

    parser->at += ended ? 1 : 2;
    if (ended)
        return bad_escape(parser, start, '\0');
    if (letter >= '0' && letter <= '7')
        return take_octal(parser, start, letter, code_point);
    if (letter == 'x')
        return take_hex(parser, start, code_point);
    if (letter && (found = strchr(letters, letter))) {
        *code_point = (unsigned char)meanings[found - letters];
        return true;
    }
    if ((unsigned char)letter < 0x80 && (letter == '_' || !isalnum((unsigned char)letter))) {
        *code_point = (unsigned char)letter;
        return true;
    }
    return bad_escape(parser, start, letter);
}

/* --- classes ---------------------------------------------------------------------------------------------------------------- */

/* A class while it is read: the set, and what PCRE2 is told where the set came from \p (its ranges would be hundreds). */
struct class_builder {
    struct regex_class *set;
    struct buffer text;
    bool has_property;
};

static void builder_add(struct parser *parser, struct class_builder *builder, struct regex_class *item, bool negated, const char *text)
{
    regex_class_normalize(item);
    if (parser->flags & FOLD)
        regex_class_fold(item); /* before negation: (?i)[^k] excludes K, and so does (?i)[^\P{L}] */
    if (negated)
        regex_class_negate(item);
    if (text) {
        builder->has_property = true;
        buffer_append_text(&builder->text, text);
    } else {
        for (size_t i = 0; i < item->count; i++) {
            struct code_range range = item->ranges[i];
            if (regex_range_clip(&range))
                buffer_printf(&builder->text, "\\x{%x}-\\x{%x}", range.low, range.high);
        }
    }
    regex_class_add_class(builder->set, item);
}

/* \p{^Greek}, \PN and the like; the parser stands on the backslash. */
static bool take_property(struct parser *parser, struct class_builder *builder)
{
    size_t start = parser->at;
    bool negated = ahead(parser, 1) == 'P';
    struct slice name;

    parser->at += 2;
    if (ahead(parser, 0) == '{') {
        ptrdiff_t end = slice_find_byte(rest(parser), '}');
        if (end < 0)
            return fail(parser, start, "`\\p{` needs a closing brace");
        name = slice_make(rest(parser).bytes + 1, (size_t)end - 1);
        parser->at += (size_t)end + 1;
    } else {
        size_t length = at_end(parser) ? 0 : utf8_decode(rest(parser), &(uint32_t){0});
        name = slice_first(rest(parser), length);
        parser->at += length;
    }
    if (slice_starts_with(name, SLICE("^"))) {
        negated = !negated;
        name = slice_from(name, 1);
    }
    struct regex_class *item = regex_class_new(parser->arena);
    const char *pcre2 = NULL;
    if (name.length > 40 || !regex_class_add_property(item, name, &pcre2))
        return fail(parser, start, "RE2 knows no category or script of this name; it takes L, Lu, Greek and the like");
    /* What is folded, or is several items (C) and negated, or is no property (Any), must be said by its ranges. */
    bool is_short = !(parser->flags & FOLD) && pcre2[1] == 'p' && !(negated && strchr(pcre2 + 1, '\\'));
    const char *text = is_short ? arena_printf(parser->arena, "\\%c%s", negated ? 'P' : 'p', pcre2 + 2).bytes : NULL;
    builder_add(parser, builder, item, negated, text);
    return true;
}

/* \d, \W and so on; false if it is none of them. */
static bool take_perl_class(struct parser *parser, struct class_builder *builder)
{
    char letter = ahead(parser, 1);

    if (ahead(parser, 0) != '\\' || !letter || !strchr("dDsSwW", letter))
        return false;
    struct regex_class *item = regex_class_new(parser->arena);
    regex_class_add_perl(item, (char)tolower((unsigned char)letter));
    builder_add(parser, builder, item, isupper((unsigned char)letter), NULL);
    parser->at += 2;
    return true;
}

/* [:alpha:] inside a class. *is_one: it was one. */
static bool take_posix_class(struct parser *parser, struct class_builder *builder, bool *is_one)
{
    ptrdiff_t end = looking_at(parser, "[:") ? slice_find(slice_from(rest(parser), 2), SLICE(":]")) : -1;

    *is_one = end >= 0;
    if (end < 0)
        return true;
    struct slice name = slice_make(rest(parser).bytes + 2, (size_t)end);
    bool negated = slice_starts_with(name, SLICE("^"));
    struct regex_class *item = regex_class_new(parser->arena);
    if (!regex_class_add_posix(item, negated ? slice_from(name, 1) : name))
        return fail(parser, parser->at, "no such class; RE2 takes [:alpha:], [:digit:], [:word:] and the like");
    builder_add(parser, builder, item, negated, NULL);
    parser->at += (size_t)end + 4;
    return true;
}

static bool take_class_character(struct parser *parser, size_t start, uint32_t *code_point)
{
    if (at_end(parser))
        return fail(parser, start, "`[` without `]`");
    if (ahead(parser, 0) == '\\')
        return take_character_escape(parser, code_point);
    *code_point = take_code_point(parser);
    return true;
}

static bool take_class_range(struct parser *parser, size_t start, struct class_builder *builder)
{
    size_t at = parser->at;
    uint32_t low, high;

    if (!take_class_character(parser, start, &low))
        return false;
    high = low;
    if (ahead(parser, 0) == '-' && parser->at + 1 < parser->pattern.length && ahead(parser, 1) != ']') {
        parser->at++;
        if (!take_class_character(parser, start, &high))
            return false;
        if (high < low)
            return fail(parser, at, "a range in a class must go upwards");
    }
    struct regex_class *item = regex_class_new(parser->arena);
    regex_class_add(item, low, high);
    builder_add(parser, builder, item, false, NULL);
    return true;
}

static bool take_class_items(struct parser *parser, size_t start, struct class_builder *builder)
{
    for (bool first = true; first || ahead(parser, 0) != ']'; first = false) {
        bool is_posix;
        if (at_end(parser))
            return fail(parser, start, "`[` without `]`");
        if (!take_posix_class(parser, builder, &is_posix))
            return false;
        if (is_posix || take_perl_class(parser, builder))
            continue;
        bool is_property = ahead(parser, 0) == '\\' && (ahead(parser, 1) == 'p' || ahead(parser, 1) == 'P');
        if (is_property ? !take_property(parser, builder) : !take_class_range(parser, start, builder))
            return false;
    }
    return true;
}

static void append_built(struct parser *parser, struct class_builder *builder, bool negated)
{
    struct slice text = {0};

    if (builder->has_property)
        text = arena_printf(parser->arena, "[%s%s]", negated ? "^" : "", builder->text.bytes);
    if (negated)
        regex_class_negate(builder->set);
    append_class(parser, builder->set, text);
}

static bool parse_class(struct parser *parser)
{
    struct class_builder builder = {.set = regex_class_new(parser->arena)};
    size_t start = parser->at++;
    bool negated = ahead(parser, 0) == '^';

    if (negated)
        parser->at++;
    bool good = take_class_items(parser, start, &builder);
    if (good) {
        parser->at++;
        append_built(parser, &builder, negated);
    }
    buffer_free(&builder.text);
    return good;
}

/* --- outside of classes -------------------------------------------------------------------------------------------------------- */

static void parse_quoted(struct parser *parser)
{
    parser->at += 2;
    while (!at_end(parser)) {
        if (looking_at(parser, "\\E")) {
            parser->at += 2;
            return;
        }
        append_literal(parser, take_code_point(parser));
    }
}

static bool parse_escape(struct parser *parser)
{
    static const struct {
        char letter;
        enum regex_kind kind;
    } assertions[] = {{'A', REGEX_BEGIN_TEXT}, {'z', REGEX_END_TEXT}, {'b', REGEX_WORD_BOUNDARY}, {'B', REGEX_NO_WORD_BOUNDARY}};
    char letter = ahead(parser, 1);
    uint32_t code_point;

    for (size_t i = 0; i < sizeof assertions / sizeof assertions[0]; i++) {
        if (letter == assertions[i].letter) {
            parser->at += 2;
            append_kind(parser, assertions[i].kind);
            return true;
        }
    }
    if (letter == 'Q') {
        parse_quoted(parser);
        return true;
    }
    struct class_builder builder = {.set = regex_class_new(parser->arena)};
    bool is_property = letter == 'p' || letter == 'P';
    if (is_property || take_perl_class(parser, &builder)) {
        bool good = !is_property || take_property(parser, &builder);
        if (good)
            append_built(parser, &builder, false);
        buffer_free(&builder.text);
        return good;
    }
    if (!take_character_escape(parser, &code_point))
        return false;
    append_literal(parser, code_point);
    return true;
}

/* --- groups ----------------------------------------------------------------------------------------------------------------- */

static bool open_group(struct parser *parser, size_t start, bool is_capture, unsigned int outer_flags)
{
    if (parser->frames.count > REGEX_DEEPEST_NESTING)
        return fail(parser, start, "more than %d groups in each other", REGEX_DEEPEST_NESTING);
    *VECTOR_ADD(&parser->frames) = (struct frame){
        .concat = node_new(parser, REGEX_CONCAT), .outer_flags = outer_flags, .is_capture = is_capture, .at = start};
    parser->repeat_before = false;
    return true;
}

/* One tree for all that the frame read. */
static struct regex_node *close_frame(struct parser *parser)
{
    struct frame *frame = top(parser);
    struct regex_node *node = frame->concat;

    if (frame->alternate) {
        *frame->alternate_end = node;
        node = frame->alternate;
    }
    if (frame->is_capture) {
        struct regex_node *capture = node_new(parser, REGEX_CAPTURE);
        capture->first = node;
        node = capture;
    }
    return node;
}

static bool close_group(struct parser *parser)
{
    if (parser->frames.count == 1)
        return fail(parser, parser->at, "`)` without `(`");
    struct regex_node *node = close_frame(parser);
    parser->flags = top(parser)->outer_flags;
    parser->frames.count--;
    parser->at++;
    append(parser, node);
    return true;
}

static void next_alternative(struct parser *parser)
{
    struct frame *frame = top(parser);

    if (!frame->alternate) {
        frame->alternate = node_new(parser, REGEX_ALTERNATE);
        frame->alternate_end = &frame->alternate->first;
    }
    *frame->alternate_end = frame->concat;
    frame->alternate_end = &frame->concat->next;
    frame->concat = node_new(parser, REGEX_CONCAT);
    frame->last = NULL;
    parser->repeat_before = false;
    parser->at++;
}

static bool parse_named_group(struct parser *parser, size_t start)
{
    ptrdiff_t open = slice_find_byte(rest(parser), '<');
    ptrdiff_t close = slice_find_byte(rest(parser), '>');

    if (close < 0)
        return fail(parser, start, "the name of a group needs a closing `>`");
    struct slice name = slice_make(rest(parser).bytes + open + 1, (size_t)(close - open) - 1);
    bool good = name.length > 0;
    for (size_t i = 0; i < name.length; i++)
        good = good && (isalnum((unsigned char)name.bytes[i]) || name.bytes[i] == '_');
    if (!good)
        return fail(parser, start, "the name of a group is letters, digits and _");
    for (size_t i = 0; i < parser->names.count; i++) {
        if (slice_equal(parser->names.items[i], name))
            return fail(parser, start, "two groups have the same name");
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
            return unsupported(parser, start, known[i].what, known[i].written);
    }
    if (ahead(parser, 0) >= '0' && ahead(parser, 0) <= '9')
        return unsupported(parser, start, "recursion", "(?0");
    return fail(parser, start, "RE2 knows no group that begins so; flags are i, m, s and U");
}

/* (?i), (?i-s:...) */
static bool parse_flags(struct parser *parser, size_t start)
{
    unsigned int flags = parser->flags, outer = parser->flags;
    bool negative = false, any = false;

    for (;;) {
        static const char letters[] = "imsU";
        char letter = ahead(parser, 0);
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

    if (ahead(parser, 0) == '*')
        return unsupported(parser, start, "verb", "(*");
    if (ahead(parser, 0) != '?') {
        parser->tree->groups++;
        return open_group(parser, start, true, parser->flags);
    }
    parser->at++;
    bool is_named = looking_at(parser, "P<") || (looking_at(parser, "<") && ahead(parser, 1) != '=' && ahead(parser, 1) != '!');
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
    struct slice text = slice_from(rest(parser), 1);

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
    struct frame *frame = top(parser);
    bool lazy = ahead(parser, 0) == '?';

    if (lazy)
        parser->at++;
    if (parser->repeat_before) {
        if (parser->pattern.bytes[start] == '+' && !lazy)
            return fail(parser, start, "a possessive or doubled repetition is not supported by RE2");
        return fail(parser, start, "a repetition of a repetition is not supported by RE2; put a group around the first");
    }
    if (!frame->last)
        return fail(parser, start, "`%c` has nothing to repeat before it", parser->pattern.bytes[start]);
    if (minimum > REGEX_LARGEST_REPEAT || maximum > REGEX_LARGEST_REPEAT)
        return fail(parser, start, "RE2 repeats at most %d times", REGEX_LARGEST_REPEAT);
    if (maximum != REGEX_NO_MAXIMUM && maximum < minimum)
        return fail(parser, start, "a repetition's bounds must go upwards");
    struct regex_node *repeat = node_new(parser, REGEX_REPEAT);
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
            return fail(parser, 0, "repetitions in each other come to more than %d times, the most that RE2 takes", REGEX_LARGEST_REPEAT);
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
    case '[': return parse_class(parser);
    case '\\': return parse_escape(parser);
    case '*': parser->at++; return parse_repeat(parser, start, 0, REGEX_NO_MAXIMUM);
    case '+': parser->at++; return parse_repeat(parser, start, 1, REGEX_NO_MAXIMUM);
    case '?': parser->at++; return parse_repeat(parser, start, 0, 1);
    case '.': parser->at++; append_kind(parser, parser->flags & DOT_ALL ? REGEX_ANY : REGEX_ANY_BUT_NEWLINE); return true;
    case '^': parser->at++; append_kind(parser, multi_line ? REGEX_BEGIN_LINE : REGEX_BEGIN_TEXT); return true;
    case '$': parser->at++; append_kind(parser, multi_line ? REGEX_END_LINE : REGEX_END_TEXT); return true;
    default: break;
    }
    if (letter == '{' && take_braces(parser, &minimum, &maximum))
        return parse_repeat(parser, start, minimum, maximum);
    append_literal(parser, take_code_point(parser));
    return true;
}

static bool parse_all(struct parser *parser)
{
    if (!utf8_valid(parser->pattern))
        return fail(parser, 0, "the pattern is not UTF-8");
    open_group(parser, 0, false, parser->flags);
    while (!at_end(parser)) {
        if (!parse_item(parser))
            return false;
    }
    if (parser->frames.count > 1)
        return fail(parser, top(parser)->at, "`(` without `)`");
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
