/* SPDX-License-Identifier: Apache-2.0 */
/* What one thread needs to match: it is made once and used for every regex. */
#include "regex.h"

#include "harrier/base/memory.h"

#include <stdlib.h>

/* The JIT code's stack holds the ways back of one match. It begins small and may grow to what nested groups need on some 10,000
 * characters; more than that is the linear matcher's work. */
enum { JIT_STACK_START = 32 * 1024, JIT_STACK_MOST = 1024 * 1024, SCRATCH_BYTES = 4096 };

struct regex_matcher *regex_matcher_new(void)
{
    struct regex_matcher *matcher = xcalloc(1, sizeof *matcher);

    matcher->data = pcre2_match_data_create(REGEX_CAPTURED, NULL);
    matcher->context = pcre2_match_context_create(NULL);
    if (!matcher->data || !matcher->context)
        abort();
    matcher->stack = pcre2_jit_stack_create(JIT_STACK_START, JIT_STACK_MOST, NULL);
    if (matcher->stack)
        pcre2_jit_stack_assign(matcher->context, NULL, matcher->stack);
    matcher->threads = regex_threads_new();
    matcher->scratch = arena_new(SCRATCH_BYTES);
    return matcher;
}

void regex_matcher_free(struct regex_matcher *matcher)
{
    if (!matcher)
        return;
    pcre2_match_data_free(matcher->data);
    pcre2_match_context_free(matcher->context);
    pcre2_jit_stack_free(matcher->stack);
    regex_threads_free(matcher->threads);
    arena_free(matcher->scratch);
    free(matcher);
}

const struct regex_matcher_counts *regex_matcher_counts(const struct regex_matcher *matcher)
{
    return &matcher->counts;
}
