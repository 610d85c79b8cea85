/* SPDX-License-Identifier: Apache-2.0 */
#include "regex.h"

#include "harrier/base/memory.h"
#include "harrier/base/utf8.h"

#include <stdlib.h>

/* PCRE2's match limit counts the ways back at one place of the text and begins anew at the next, so what bounds a search is the limit
 * times the text's length: some ten milliseconds. A pattern that is no trap needs few ways back at any place, and the linear matcher, which
 * answers when they are used up, takes no longer than that. */
enum { WAYS_BACK_PER_SEARCH = 10 * 1000 * 1000, WAYS_BACK_LEAST = 100, WAYS_BACK_MOST = 20 * 1000 };
/* Not everything that takes the square of the length is counted by that limit. A longer text meets a pattern with unbounded repetitions in
 * the linear matcher only. */
enum { LONGEST_TO_BACKTRACK = 16 * 1024 };
/* Some seconds: 300 threads at each place of the longest value an API server takes (3 MiB). */
#define LINEAR_STEPS UINT64_C(1000000000)
/* PCRE2 bounds nested parentheses; ours are at most a few for each of the pattern's. */
enum { PARENTHESES_MOST = 5 * REGEX_DEEPEST_NESTING };

struct regex {
    char *pattern;
    size_t pattern_length;
    size_t groups;
    bool jit;
    bool unbounded;
    pcre2_code *code;
    struct regex_program *program;
};

/* --- compiling -------------------------------------------------------------------------------------------------------------------- */

static pcre2_code *compile(struct slice pattern, struct arena *arena, struct slice *error)
{
    int number;
    PCRE2_SIZE where;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);

    if (!context)
        abort();
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    pcre2_set_parens_nest_limit(context, PARENTHESES_MOST);
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern.bytes, pattern.length,
                                     PCRE2_UTF | PCRE2_ALT_CIRCUMFLEX | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C, &number, &where, context);
    pcre2_compile_context_free(context);
    if (!code) {
        PCRE2_UCHAR text[200];
        pcre2_get_error_message(number, text, sizeof text);
        *error = arena_printf(arena, "%s, once its repetitions are written out", (const char *)text);
    }
    return code;
}

static struct regex *build(struct slice pattern, const struct regex_tree *tree, struct arena *arena, struct slice *error)
{
    struct buffer translated = {0};

    buffer_reserve(&translated, 1);
    regex_write_pcre2(tree->root, &translated);
    pcre2_code *code = compile(buffer_slice(&translated), arena, error);
    buffer_free(&translated);
    if (!code)
        return NULL;
    struct regex_program *program = regex_program_new(tree->root);
    if (!program) {
        pcre2_code_free(code);
        *error = arena_printf(arena, "the pattern is too large once its repetitions are written out (more than %d steps)", REGEX_LARGEST_PROGRAM);
        return NULL;
    }
    struct regex *regex = xcalloc(1, sizeof *regex);
    regex->pattern = xstrndup(pattern.bytes ? pattern.bytes : "", pattern.length);
    regex->pattern_length = pattern.length;
    regex->groups = tree->groups;
    regex->unbounded = tree->unbounded;
    regex->code = code;
    regex->program = program;
    regex->jit = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0;
    return regex;
}

enum result regex_compile(struct slice pattern, bool nocase, struct arena *arena, struct regex **regex, struct slice *error)
{
    struct regex_tree tree;
    struct slice text = {0};
    struct arena *scratch = arena_new(4096);

    *regex = NULL;
    if (regex_parse(pattern, nocase, scratch, &tree, &text) == RESULT_OK)
        *regex = build(pattern, &tree, scratch, &text);
    if (!*regex)
        *error = arena_copy(arena, text);
    arena_free(scratch);
    return *regex ? RESULT_OK : RESULT_INVALID;
}

void regex_free(struct regex *regex)
{
    if (!regex)
        return;
    free(regex->pattern);
    pcre2_code_free(regex->code);
    regex_program_free(regex->program);
    free(regex);
}

struct slice regex_pattern(const struct regex *regex)
{
    return slice_make(regex->pattern, regex->pattern_length);
}

size_t regex_groups(const struct regex *regex)
{
    return regex->groups;
}

bool regex_jit(const struct regex *regex)
{
    return regex->jit;
}

/* --- matching ------------------------------------------------------------------------------------------------------------------------ */

/* Almost all values are ASCII; eight bytes at a time they are told so. */
static bool is_ascii(struct slice text)
{
    uint64_t word, high_bits = 0;
    size_t at = 0;

    for (; at + sizeof word <= text.length; at += sizeof word) {
        memcpy(&word, text.bytes + at, sizeof word);
        high_bits |= word;
    }
    for (; at < text.length; at++)
        high_bits |= (unsigned char)text.bytes[at];
    return (high_bits & UINT64_C(0x8080808080808080)) == 0;
}

static bool is_clean(struct slice text)
{
    return is_ascii(text) || utf8_valid(text);
}

struct slice regex_clean(struct arena *arena, struct slice text)
{
    if (!text.bytes)
        return SLICE(""); /* so that groups have a place to point to */
    return is_clean(text) ? text : utf8_clean(arena, text);
}

static uint32_t ways_back(size_t length)
{
    if (length <= WAYS_BACK_PER_SEARCH / WAYS_BACK_MOST)
        return WAYS_BACK_MOST;
    return length >= WAYS_BACK_PER_SEARCH / WAYS_BACK_LEAST ? WAYS_BACK_LEAST : (uint32_t)(WAYS_BACK_PER_SEARCH / length);
}

/* By PCRE2: a count of groups, PCRE2_ERROR_NOMATCH, or another error when it gave up. */
static int match(const struct regex *regex, struct regex_matcher *matcher, struct slice text, size_t start)
{
    PCRE2_SPTR subject = (PCRE2_SPTR)(text.bytes ? text.bytes : "");

    pcre2_set_match_limit(matcher->context, ways_back(text.length));
    if (regex->jit)
        return pcre2_jit_match(regex->code, subject, text.length, start, 0, matcher->data, matcher->context);
    return pcre2_match(regex->code, subject, text.length, start, PCRE2_NO_UTF_CHECK, matcher->data, matcher->context);
}

static enum truth counted(struct regex_matcher *matcher, enum truth truth)
{
    if (truth == TRUTH_UNKNOWN)
        matcher->counts.unknown++;
    return truth;
}

static enum truth search_linear(const struct regex *regex, struct regex_matcher *matcher, struct slice text)
{
    matcher->counts.fallbacks++;
    return regex_program_search(regex->program, matcher->threads, text, LINEAR_STEPS);
}

enum truth regex_search(const struct regex *regex, struct regex_matcher *matcher, struct slice text)
{
    matcher->counts.matches++;
    if (!is_clean(text)) {
        arena_reset(matcher->scratch);
        text = utf8_clean(matcher->scratch, text);
    }
    if (text.length > LONGEST_TO_BACKTRACK && regex->unbounded)
        return counted(matcher, search_linear(regex, matcher, text));
    int found = match(regex, matcher, text, 0);
    if (found >= 0)
        return TRUTH_TRUE;
    return found == PCRE2_ERROR_NOMATCH ? TRUTH_FALSE : counted(matcher, search_linear(regex, matcher, text));
}

bool regex_may_match(const struct regex *regex, struct regex_matcher *matcher, const struct regex_outline *parts, size_t count)
{
    return regex_program_may_match(regex->program, matcher->threads, parts, count);
}

enum truth regex_capture(const struct regex *regex, struct regex_matcher *matcher, struct slice clean, size_t start,
                               struct slice groups[REGEX_CAPTURED])
{
    matcher->counts.matches++;
    int found = match(regex, matcher, clean, start);
    if (found == PCRE2_ERROR_NOMATCH)
        return TRUTH_FALSE;
    if (found < 0) {
        /* Where the groups lie only PCRE2 can tell; but when nothing matches there is nothing to tell. */
        bool nothing = start == 0 && search_linear(regex, matcher, clean) == TRUTH_FALSE;
        return counted(matcher, nothing ? TRUTH_FALSE : TRUTH_UNKNOWN);
    }
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(matcher->data);
    for (int i = 0; i < REGEX_CAPTURED; i++) {
        bool set = (found == 0 || i < found) && at[2 * i] != PCRE2_UNSET;
        groups[i] = set ? slice_make(clean.bytes + at[2 * i], at[2 * i + 1] - at[2 * i]) : (struct slice){0};
    }
    return TRUTH_TRUE;
}
