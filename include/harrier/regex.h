/* SPDX-License-Identifier: Apache-2.0 */
/* Regexes in RE2's language (https://github.com/google/re2/blob/main/doc/syntax.txt, default options), run by PCRE2; where backtracking would take too
 * long, a linear matcher takes over. */
#ifndef HARRIER_REGEX_H
#define HARRIER_REGEX_H

#include "harrier/base/arena.h"
#include "harrier/base/result.h"
#include "harrier/base/truth.h"

struct regex;

/* Compiles an RE2 pattern. What RE2 refuses is refused: RESULT_INVALID and *error in the arena ("look-ahead `(?!` is not supported by RE2 (offset 3)").
 * Thread-safe to match once compiled. Equal (pattern, nocase) may be compiled more than once. */
enum result regex_compile(struct slice pattern, bool nocase, struct arena *arena, struct regex **regex, struct slice *error);
void regex_free(struct regex *regex);
struct slice regex_pattern(const struct regex *regex);
size_t regex_groups(const struct regex *regex);
bool regex_jit(const struct regex *regex);

/* Per-thread scratch: match data, JIT stack, the linear matcher's threads. */
struct regex_matcher;
struct regex_matcher *regex_matcher_new(void);
void regex_matcher_free(struct regex_matcher *matcher);
/* How often the JIT matcher gave up and the linear one took over, and how often that failed too (the predicate was unknown). */
struct regex_matcher_counts {
    uint64_t matches;
    uint64_t fallbacks;
    uint64_t unknown;
};
const struct regex_matcher_counts *regex_matcher_counts(const struct regex_matcher *matcher);

/* Unanchored search. TRUTH_UNKNOWN when both matchers ended in anything but yes or no. */
enum truth regex_search(const struct regex *regex, struct regex_matcher *matcher, struct slice text);

/* A text of which only the outline is known. */
enum regex_outline_kind {
    REGEX_OUTLINE_TEXT,    /* this text */
    REGEX_OUTLINE_SEGMENT, /* one character or more, none a slash */
    REGEX_OUTLINE_SLASHES, /* any number of slashes, or none */
    REGEX_OUTLINE_ANYTHING /* any text, or none */
};
struct regex_outline {
    enum regex_outline_kind kind;
    struct slice text; /* REGEX_OUTLINE_TEXT */
};
/* Is there a text of these parts in which the regex is found? Never false where there is one; of word and line boundaries it is assumed that they hold. */
bool regex_may_match(const struct regex *regex, struct regex_matcher *matcher, const struct regex_outline *parts, size_t count);

#endif
