/* SPDX-License-Identifier: Apache-2.0 */
/* Answers quote what they refuse: `spec.password: Invalid value: "x": must be ...` (field errors of the API server, k8s.io/apimachinery's field.Error),
 * and its JSON decoder shows what stands around an error. */
#include "scan.h"

#include <string.h>

/* The run that begins it, and what follows; closing: where the quoted text ends, NULL: as a value does. */
static const struct {
    const char *word;
    const char *rest;
    const char *closing;
    bool quoted; /* only if a quote follows */
} phrases[] = {
    {"Invalid", " value: ", NULL, false},     {"invalid", " value: ", NULL, false},     {"Invalid", " value ", NULL, true},
    {"Unsupported", " value: ", NULL, false}, {"unsupported", " value: ", NULL, false}, {"Duplicate", " value: ", NULL, false},
    {"duplicate", " value: ", NULL, false},   {"Not", " found: ", NULL, false},         {"parsing", " ", NULL, true},
    {"got", " ", NULL, true},                 {"unmarshal", " ", NULL, true},           {"quantity", ": ", NULL, true},
    {"parse", " ", NULL, true},               {"byte", " of ...|", "|...", false},      {"context", " ...|", "|...", false},
};

bool scan_is_verdict(const struct scan *scan, size_t i)
{
    static const char *const verdicts[] = {"Invalid value", "Unsupported value", "Duplicate value", "Required value", "Forbidden", "Not found", "Too long",
                                           "Too many", "Internal error", "Too few"};

    for (size_t k = 0; k < sizeof verdicts / sizeof *verdicts; k++)
        if (scan_has(scan, i, verdicts[k]))
            return true;
    return false;
}

/* The path of the field before ": Invalid value", as far as there is one. */
static struct slice field_before(const struct scan *scan, size_t phrase)
{
    size_t end = phrase, begin;

    if (end < 2 || !scan_has(scan, end - 2, ": "))
        return (struct slice){NULL, 0};
    end -= 2;
    for (begin = end; begin > 0 && end - begin < SCAN_NEAR_BYTES; begin--) {
        int c = scan_at(scan, begin - 1);
        if (c == ' ' || c == '"' || c == '\n' || c == ',' || (c == '[' && begin == 1) || (c == '[' && scan_at(scan, begin - 2) == ' '))
            break;
    }
    return scan_slice(scan, begin, end);
}

/* core.PodSpec{...}, map[a:b], []string{"x"}: to the bracket that closes the first one. */
static size_t go_value_end(const struct scan *scan, size_t i)
{
    size_t depth = 0, begin = i;

    for (; i < scan->in.length && !scan_is_newline(scan_at(scan, i)); i++) {
        int c = scan_at(scan, i);
        if (c == ' ' && depth == 0 && scan_at(scan, i + 1) != '{')
            break;
        if (c == '{' || c == '[' || c == '(')
            depth++;
        else if ((c == '}' || c == ']' || c == ')') && depth && --depth == 0 && scan_at(scan, i + 1) != '{' && scan_at(scan, i + 1) != '[' &&
                 !redact_name_byte_length(slice_from(scan->in, i + 1)) && !scan_has(scan, i + 1, " {"))
            return i + 1;
        else if (depth == 0 && (scan_has(scan, i, ": ") || scan_has(scan, i, ", ")))
            break;
    }
    while (i > begin && strchr(":,]", scan_at(scan, i - 1)))
        i--;
    return i;
}

static void take_out_quoted(struct scan *scan, size_t begin, const char *closing)
{
    ptrdiff_t end = slice_find(slice_from(scan->in, begin), slice_of(closing));
    scan_replace_value(scan, begin, end < 0 ? scan->in.length : begin + (size_t)end, false, true);
}

static bool take_out_refused(struct scan *scan, size_t phrase, size_t value, bool quoted_only)
{
    struct quote quote = scan_quote_at(scan, value);

    if (quoted_only && !quote.mark && scan_at(scan, value) != '`')
        return false;
    if (redact_is_harmless_field(field_before(scan, phrase)) || scan->echo_is_harmless)
        return false;
    if (quote.mark) {
        size_t begin = value + quote.length;
        scan_replace_value(scan, begin, scan_quoted_end(scan, begin, quote), true, true);
    } else if (scan_at(scan, value) == '`') {
        take_out_quoted(scan, value + 1, "`");
    } else {
        scan_replace_value(scan, value, go_value_end(scan, value), false, true);
    }
    return true;
}

bool scan_take_out_echo(struct scan *scan, const struct name *name)
{
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++) {
        if (!slice_is(name->text, phrases[i].word) || !scan_has(scan, name->end, phrases[i].rest))
            continue;
        size_t value = name->end + strlen(phrases[i].rest);
        if (phrases[i].closing) {
            take_out_quoted(scan, value, phrases[i].closing);
            return true;
        }
        return take_out_refused(scan, name->begin, value, phrases[i].quoted);
    }
    return false;
}
