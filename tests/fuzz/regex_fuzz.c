/* SPDX-License-Identifier: Apache-2.0 */
/* A pattern up to the first line feed, then a text: both matchers must end, in time, and say the same. */
#include "daemon/regex/regex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* PCRE2 as the engine uses it against the linear matcher. */
static void compare(struct slice pattern, bool nocase, struct slice text, struct arena *arena)
{
    struct regex *regex;
    struct regex_tree tree;
    struct slice error = {0};

    if (regex_compile(pattern, nocase, arena, &regex, &error) != RESULT_OK) {
        if (regex || error.length == 0)
            __builtin_trap();
        return;
    }
    struct regex_matcher *matcher = regex_matcher_new();
    enum truth found = regex_search(regex, matcher, text);
    if (regex_parse(pattern, nocase, arena, &tree, &error) != RESULT_OK)
        __builtin_trap();
    struct regex_program *program = regex_program_new(tree.root);
    if (regex_program_search(program, matcher->threads, regex_clean(arena, text), UINT64_MAX) != found)
        __builtin_trap();
    struct slice groups[REGEX_CAPTURED];
    if (regex_capture(regex, matcher, regex_clean(arena, text), 0, groups) == TRUTH_TRUE && found != TRUTH_TRUE)
        __builtin_trap();
    regex_program_free(program);
    regex_matcher_free(matcher);
    regex_free(regex);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_make((const char *)data, size);
    ptrdiff_t end = slice_find_byte(input, '\n');
    struct slice pattern = slice_first(input, end < 0 ? size : (size_t)end);
    struct slice text = slice_from(input, end < 0 ? size : (size_t)end + 1);
    struct arena *arena = arena_new(4096);

    compare(pattern, size % 2 == 1, text, arena);
    arena_free(arena);
    return 0;
}
