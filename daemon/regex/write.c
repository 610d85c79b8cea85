/* SPDX-License-Identifier: Apache-2.0 */
/* A tree as a PCRE2 pattern: every construct in the one form that means in PCRE2 what it means in RE2. */
#include "regex.h"

struct writer {
    struct buffer *out;
    bool fold; /* whether (?i) is on where we write; it lasts to the end of the group */
};

static void set_fold(struct writer *writer, bool fold)
{
    if (writer->fold != fold)
        buffer_append_text(writer->out, fold ? "(?i)" : "(?-i)");
    writer->fold = fold;
}

static bool is_surrogate(uint32_t code_point)
{
    return code_point >= 0xD800 && code_point <= 0xDFFF;
}

static bool is_ascii_letter(uint32_t code_point)
{
    return (code_point | 32) >= 'a' && (code_point | 32) <= 'z' && code_point < 0x80;
}

static void write_code_point(struct writer *writer, uint32_t code_point)
{
    if (is_ascii_letter(code_point) || (code_point >= '0' && code_point <= '9'))
        buffer_append_byte(writer->out, (char)code_point);
    else if (code_point > ' ' && code_point < 0x7F)
        buffer_printf(writer->out, "\\%c", (int)code_point);
    else
        buffer_printf(writer->out, "\\x{%x}", code_point);
}

/* PCRE2 has no class without members: what never matches is an empty negative look-ahead. */
static void write_never(struct writer *writer)
{
    buffer_append_text(writer->out, "(?!)");
}

static void write_literal(struct writer *writer, const struct regex_node *node)
{
    if (is_surrogate(node->code_point)) {
        write_never(writer); /* never in valid UTF-8, and PCRE2 refuses to name it */
        return;
    }
    if (is_ascii_letter(node->code_point) || node->code_point >= 0x80)
        set_fold(writer, node->fold);
    write_code_point(writer, node->code_point);
}

bool regex_range_clip(struct code_range *range)
{
    if (is_surrogate(range->low))
        range->low = 0xE000;
    if (is_surrogate(range->high))
        range->high = 0xD7FF;
    return range->low <= range->high;
}

static void write_range(struct writer *writer, struct code_range range)
{
    if (!regex_range_clip(&range))
        return;
    write_code_point(writer, range.low);
    if (range.low != range.high) {
        buffer_append_byte(writer->out, '-');
        write_code_point(writer, range.high);
    }
}

static bool only_surrogates(const struct regex_class *set)
{
    for (size_t i = 0; i < set->count; i++) {
        if (!is_surrogate(set->ranges[i].low) || !is_surrogate(set->ranges[i].high))
            return false;
    }
    return true;
}

/* A set that reaches the last code point is written by what is not in it: [^"] is what PCRE2 runs fastest. */
static void write_class(struct writer *writer, const struct regex_node *node)
{
    const struct regex_class *set = node->class;
    uint32_t next = 0;

    if (!node->fold)
        set_fold(writer, false); /* a folded set holds all its forms already, with (?i) or without */
    if (node->class_text.length) {
        buffer_append_slice(writer->out, node->class_text);
        return;
    }
    if (only_surrogates(set)) {
        write_never(writer);
        return;
    }
    bool negated = set->ranges[set->count - 1].high == REGEX_LAST_CODE_POINT;
    if (negated && set->count == 1 && set->ranges[0].low == 0) {
        buffer_append_text(writer->out, "(?s:.)");
        return;
    }
    size_t start = writer->out->length;
    buffer_append_text(writer->out, negated ? "[^" : "[");
    for (size_t i = 0; i < set->count; i++) {
        if (!negated)
            write_range(writer, set->ranges[i]);
        else if (set->ranges[i].low > next)
            write_range(writer, (struct code_range){next, set->ranges[i].low - 1});
        next = set->ranges[i].high + 1;
    }
    if (writer->out->length == start + 2 && negated) { /* all that it leaves out are surrogates */
        writer->out->length = start;
        buffer_append_text(writer->out, "(?s:.)");
        return;
    }
    buffer_append_byte(writer->out, ']');
}

static void write_node(struct writer *writer, const struct regex_node *node);

static void write_group(struct writer *writer, const struct regex_node *node, const char *open)
{
    bool outer = writer->fold;

    buffer_append_text(writer->out, open);
    write_node(writer, node);
    buffer_append_byte(writer->out, ')');
    writer->fold = outer;
}

static void write_repeat(struct writer *writer, const struct regex_node *node)
{
    const struct regex_node *body = node->first;

    if (body->kind == REGEX_CAPTURE || body->kind == REGEX_CLASS || body->kind == REGEX_LITERAL || body->kind == REGEX_ANY_BUT_NEWLINE)
        write_node(writer, body);
    else
        write_group(writer, body, "(?:");
    if (node->maximum == REGEX_NO_MAXIMUM && node->minimum <= 1)
        buffer_append_byte(writer->out, node->minimum ? '+' : '*');
    else if (node->maximum == 1 && node->minimum == 0)
        buffer_append_byte(writer->out, '?');
    else if (node->maximum == REGEX_NO_MAXIMUM)
        buffer_printf(writer->out, "{%d,}", node->minimum);
    else
        buffer_printf(writer->out, "{%d,%d}", node->minimum, node->maximum);
    if (!node->greedy)
        buffer_append_byte(writer->out, '?');
}

static void write_alternate(struct writer *writer, const struct regex_node *node)
{
    bool outer = writer->fold;

    buffer_append_text(writer->out, "(?:");
    for (const struct regex_node *child = node->first; child; child = child->next) {
        if (child != node->first)
            buffer_append_byte(writer->out, '|');
        write_node(writer, child);
    }
    buffer_append_byte(writer->out, ')');
    writer->fold = outer;
}

static void write_node(struct writer *writer, const struct regex_node *node)
{
    switch (node->kind) {
    case REGEX_LITERAL: write_literal(writer, node); break;
    case REGEX_CLASS: write_class(writer, node); break;
    case REGEX_ANY: buffer_append_text(writer->out, "(?s:.)"); break;
    case REGEX_ANY_BUT_NEWLINE: buffer_append_text(writer->out, "\\N"); break;
    case REGEX_BEGIN_TEXT: buffer_append_text(writer->out, "\\A"); break;
    case REGEX_END_TEXT: buffer_append_text(writer->out, "\\z"); break;
    case REGEX_BEGIN_LINE: buffer_append_text(writer->out, "(?m:^)"); break;
    case REGEX_END_LINE: buffer_append_text(writer->out, "(?m:$)"); break;
    case REGEX_WORD_BOUNDARY: buffer_append_text(writer->out, "\\b"); break;
    case REGEX_NO_WORD_BOUNDARY: buffer_append_text(writer->out, "\\B"); break;
    case REGEX_CAPTURE: write_group(writer, node->first, "("); break;
    case REGEX_REPEAT: write_repeat(writer, node); break;
    case REGEX_ALTERNATE: write_alternate(writer, node); break;
    case REGEX_CONCAT:
        for (const struct regex_node *child = node->first; child; child = child->next)
            write_node(writer, child);
        break;
    }
}

void regex_write_pcre2(const struct regex_node *root, struct buffer *out)
{
    struct writer writer = {.out = out};
    write_node(&writer, root);
}
