/* SPDX-License-Identifier: Apache-2.0 */
/* re.*: regexes that are compiled once, at load. */
#include "function.h"
#include "daemon/regex/regex.h"

#include "harrier/base/memory.h"
#include "harrier/base/utf8.h"
#include "harrier/base/vector.h"

#include <stdlib.h>

static void release_regex(void *prepared)
{
    regex_free(prepared);
}

static enum result prepare_regex(const struct yaral_argument *arguments, size_t count, bool nocase, struct arena *arena, void **prepared,
                                 struct slice *error, size_t *guilty)
{
    struct regex *regex;

    (void)count;
    *guilty = 1;
    enum result result = regex_compile(arguments[1].constant.string, nocase, arena, &regex, error);
    *prepared = regex;
    return result;
}

static enum result prepare_capture(const struct yaral_argument *arguments, size_t count, bool nocase, struct arena *arena, void **prepared,
                                   struct slice *error, size_t *guilty)
{
    enum result result = prepare_regex(arguments, count, nocase, arena, prepared, error, guilty);

    if (result != RESULT_OK || regex_groups(*prepared) <= 1)
        return result;
    *error = arena_printf(arena, "the pattern has %zu capturing groups where one at most may be; write (?:...) for the others",
                          regex_groups(*prepared));
    release_regex(*prepared);
    *prepared = NULL;
    return RESULT_INVALID;
}

static struct yaral_value call_regex(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    (void)count;
    enum truth truth = regex_search(prepared, context->matcher, function_text(context, &arguments[0]));
    if (truth == TRUTH_UNKNOWN)
        context->unknown = true;
    return yaral_bool(truth == TRUTH_TRUE);
}

/* --- capture ------------------------------------------------------------------------------------------------------------------ */

static struct slice captured(const struct regex *regex, const struct slice groups[REGEX_CAPTURED])
{
    return groups[regex_groups(regex) ? 1 : 0];
}

static struct yaral_value call_capture(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    struct slice groups[REGEX_CAPTURED];
    struct slice text = regex_clean(context->arena, function_text(context, &arguments[0]));

    (void)count;
    enum truth truth = regex_capture(prepared, context->matcher, text, 0, groups);
    if (truth == TRUTH_UNKNOWN)
        context->unknown = true;
    return yaral_string(truth == TRUTH_TRUE ? captured(prepared, groups) : (struct slice){0});
}

/* All matches from left to right, none in another. As RE2's GlobalReplace: an empty match just behind a match is none. */
struct scan {
    const struct regex *regex;
    struct slice text;
    size_t from;
    size_t last_end; /* of the last match; SIZE_MAX before the first */
    struct slice groups[REGEX_CAPTURED];
    size_t start;
    size_t end;
};

static bool next_match(struct yaral_call_context *context, struct scan *scan)
{
    while (scan->from <= scan->text.length) {
        enum truth truth = regex_capture(scan->regex, context->matcher, scan->text, scan->from, scan->groups);
        if (truth == TRUTH_UNKNOWN)
            context->unknown = true;
        if (truth != TRUTH_TRUE)
            return false;
        scan->start = (size_t)(scan->groups[0].bytes - scan->text.bytes);
        scan->end = scan->start + scan->groups[0].length;
        bool empty = scan->start == scan->end;
        scan->from = scan->end;
        if (empty && scan->end < scan->text.length)
            scan->from += utf8_decode(slice_from(scan->text, scan->end), &(uint32_t){0});
        else if (empty)
            scan->from = scan->text.length + 1;
        if (!empty || scan->start != scan->last_end) {
            scan->last_end = scan->end;
            return true;
        }
    }
    return false;
}

static struct scan scan_of(struct yaral_call_context *context, const struct regex *regex, const struct yaral_value *value)
{
    struct slice text = regex_clean(context->arena, function_text(context, value));
    return (struct scan){.regex = regex, .text = text, .last_end = SIZE_MAX};
}

static struct yaral_value call_capture_all(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments,
                                           size_t count)
{
    struct scan scan = scan_of(context, prepared, &arguments[0]);
    VECTOR(struct yaral_value) found = {0};

    (void)count;
    while (next_match(context, &scan))
        VECTOR_PUSH(&found, yaral_string(captured(prepared, scan.groups)));
    struct yaral_value *items = arena_calloc(context->arena, found.count + 1, sizeof *items);
    if (found.count)
        memcpy(items, found.items, found.count * sizeof *items);
    struct yaral_value list = function_list(YARAL_STRING, items, found.count);
    VECTOR_FREE(&found);
    return list;
}

/* --- replace ------------------------------------------------------------------------------------------------------------------- */

/* NULL when the replacement is good: \0 to \9 and \\, as RE2 has it, and only groups that the pattern has. */
static const char *replacement_error(struct slice replacement, size_t groups)
{
    for (size_t i = 0; i < replacement.length; i++) {
        if (replacement.bytes[i] != '\\')
            continue;
        char next = i + 1 < replacement.length ? replacement.bytes[++i] : '\0';
        if (next >= '0' && next <= '9' && (size_t)(next - '0') > groups)
            return "the replacement names a group that the pattern does not have";
        if (next != '\\' && !(next >= '0' && next <= '9'))
            return "a backslash in a replacement is followed by a digit or a backslash; in \"...\" write \\\\1, or use `\\1`";
    }
    return NULL;
}

static enum result prepare_replace(const struct yaral_argument *arguments, size_t count, bool nocase, struct arena *arena, void **prepared,
                                   struct slice *error, size_t *guilty)
{
    enum result result = prepare_regex(arguments, count, nocase, arena, prepared, error, guilty);

    if (result != RESULT_OK || !arguments[2].is_constant)
        return result;
    const char *wrong = replacement_error(arguments[2].constant.string, regex_groups(*prepared));
    if (!wrong)
        return RESULT_OK;
    *guilty = 2;
    *error = arena_printf(arena, "%s", wrong);
    release_regex(*prepared);
    *prepared = NULL;
    return RESULT_INVALID;
}

/* A replacement that comes from a field is not checked at load: a group that is not there is empty, another backslash itself. */
static void append_replacement(struct buffer *out, struct slice replacement, const struct slice groups[REGEX_CAPTURED])
{
    for (size_t i = 0; i < replacement.length; i++) {
        char byte = replacement.bytes[i], next = i + 1 < replacement.length ? replacement.bytes[i + 1] : '\0';
        if (byte != '\\' || !(next == '\\' || (next >= '0' && next <= '9'))) {
            buffer_append_byte(out, byte);
            continue;
        }
        i++;
        if (next == '\\')
            buffer_append_byte(out, '\\');
        else
            buffer_append_slice(out, groups[next - '0']);
    }
}

static struct yaral_value call_replace(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    struct scan scan = scan_of(context, prepared, &arguments[0]);
    struct slice replacement = function_text(context, &arguments[2]);
    struct buffer out = {0};
    size_t kept = 0;

    (void)count;
    while (next_match(context, &scan)) {
        buffer_append(&out, scan.text.bytes + kept, scan.start - kept);
        append_replacement(&out, replacement, scan.groups);
        kept = scan.end;
    }
    buffer_append(&out, scan.text.bytes + kept, scan.text.length - kept);
    struct slice result = arena_copy(context->arena, buffer_slice(&out));
    buffer_free(&out);
    return yaral_string(result);
}

static const struct yaral_function functions[] = {
    {.name = "re.capture", .signature = "re.capture(text, regex) -> string", .parameters = "sp",
     .help = "the group of the first match, the whole match when the pattern has no group, \"\" when nothing matches",
     .places = FUNCTION_ANYWHERE, .type = YARAL_STRING, .check = function_check, .prepare = prepare_capture, .release = release_regex,
     .call = call_capture},
    {.name = "re.capture_all", .signature = "re.capture_all(text, regex) -> list of strings", .parameters = "sp",
     .help = "the group, or the whole match, of every match from left to right", .places = FUNCTION_ANYWHERE, .type = YARAL_STRING, .is_list = true,
     .check = function_check, .prepare = prepare_capture, .release = release_regex, .call = call_capture_all},
    {.name = "re.regex", .signature = "re.regex(text, regex) -> bool", .parameters = "sp",
     .help = "is the regex found anywhere in the text? `nocase` may follow", .places = FUNCTION_ANYWHERE, .type = YARAL_BOOL,
     .check = function_check, .prepare = prepare_regex, .release = release_regex, .takes_nocase = true, .call = call_regex},
    {.name = "re.replace", .signature = "re.replace(text, regex, replacement) -> string", .parameters = "sps",
     .help = "every match replaced; \\1 to \\9 in the replacement are groups, \\0 the match", .places = FUNCTION_ANYWHERE, .type = YARAL_STRING,
     .check = function_check, .prepare = prepare_replace, .release = release_regex, .call = call_replace},
};

FUNCTION_GROUP(function_group_re, functions);
