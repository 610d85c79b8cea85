/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the regex engine, for the files of regex/ only. A pattern is parsed once as RE2 would; from its tree come a PCRE2 pattern,
 * for speed, and a program of our own, for the texts on which backtracking would take too long. */
#ifndef HARRIER_REGEX_REGEX_H
#define HARRIER_REGEX_REGEX_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "harrier/base/arena.h"
#include "harrier/base/buffer.h"
#include "harrier/regex.h"

/* --- code points --------------------------------------------------------------------------------------------------------- */

enum { REGEX_LAST_CODE_POINT = 0x10FFFF };

struct code_range {
    uint32_t low;
    uint32_t high; /* inclusive */
};

/* A set of code points. After regex_class_normalize its ranges ascend, do not touch and do not overlap; all the functions below but
 * regex_class_add leave it so. */
struct regex_class {
    struct code_range *ranges;
    size_t count;
    size_t capacity;
    struct arena *arena;
};

struct regex_class *regex_class_new(struct arena *arena);
void regex_class_add(struct regex_class *set, uint32_t low, uint32_t high);
void regex_class_add_class(struct regex_class *set, const struct regex_class *other);
void regex_class_normalize(struct regex_class *set);
/* Adds what differs from a member by case only (Unicode's simple folding: k, K and U+212A are one). */
void regex_class_fold(struct regex_class *set);
void regex_class_negate(struct regex_class *set);
bool regex_class_has(const struct regex_class *set, uint32_t code_point);
/* d, s or w, all of them ASCII (RE2 syntax, "Perl character classes"). */
void regex_class_add_perl(struct regex_class *set, char name);
/* The POSIX classes of RE2 ("alpha", "word" ...); false if there is none of that name. */
bool regex_class_add_posix(struct regex_class *set, struct slice name);
/* A general category or script as RE2 spells it; false if RE2 has none of that name. *pcre2 (may be NULL) gets the class items by which
 * PCRE2 means the same. */
bool regex_class_add_property(struct regex_class *set, struct slice name, const char **pcre2);

/* --- the tree ------------------------------------------------------------------------------------------------------------ */

enum regex_kind {
    REGEX_LITERAL,
    REGEX_CLASS,
    REGEX_ANY,             /* . under (?s) */
    REGEX_ANY_BUT_NEWLINE, /* . */
    REGEX_BEGIN_TEXT,
    REGEX_END_TEXT,
    REGEX_BEGIN_LINE,
    REGEX_END_LINE,
    REGEX_WORD_BOUNDARY,
    REGEX_NO_WORD_BOUNDARY,
    REGEX_CAPTURE,
    REGEX_CONCAT,
    REGEX_ALTERNATE,
    REGEX_REPEAT
};

enum { REGEX_NO_MAXIMUM = -1, REGEX_LARGEST_REPEAT = 1000, REGEX_DEEPEST_NESTING = 200 };

struct regex_node {
    enum regex_kind kind;
    bool fold;                       /* LITERAL, CLASS: case does not count; a class is folded already */
    uint32_t code_point;             /* LITERAL */
    const struct regex_class *class; /* CLASS */
    struct slice class_text;         /* CLASS with \p: how PCRE2 says it shortly; else empty */
    int minimum;                     /* REPEAT */
    int maximum;
    bool greedy;
    struct regex_node *first; /* children */
    struct regex_node *next;
};

struct regex_tree {
    struct regex_node *root;
    size_t groups;
    bool unbounded; /* some part may repeat without end, or more often than REGEX_SHORT_REPEAT */
};

enum { REGEX_SHORT_REPEAT = 64 };

/* RE2's language, as re2.h's default options have it. RESULT_INVALID and *error when RE2 would refuse the pattern. */
enum result regex_parse(struct slice pattern, bool nocase, struct arena *arena, struct regex_tree *tree, struct slice *error);
/* Takes surrogates off the ends of a range: no text holds them, and PCRE2 refuses to name them. False: nothing is left. */
bool regex_range_clip(struct code_range *range);
/* The tree as a PCRE2 pattern (PCRE2_UTF, PCRE2_ALT_CIRCUMFLEX, newline LF). */
void regex_write_pcre2(const struct regex_node *root, struct buffer *out);

/* --- the linear matcher ---------------------------------------------------------------------------------------------------- */

struct regex_program;

/* NULL when the program would have more than REGEX_LARGEST_PROGRAM instructions. */
struct regex_program *regex_program_new(const struct regex_node *root);
void regex_program_free(struct regex_program *program);
enum { REGEX_LARGEST_PROGRAM = 100000 };

/* The sets of threads of a run; grows to the largest program that it ran. */
struct regex_threads;
struct regex_threads *regex_threads_new(void);
void regex_threads_free(struct regex_threads *threads);

/* Unanchored search in valid UTF-8, in time proportional to the text's length times the program's. UNKNOWN when that is more than
 * step_limit steps. */
enum truth regex_program_search(const struct regex_program *program, struct regex_threads *threads, struct slice text, uint64_t step_limit);

/* Is there a text of that outline in which the program finds something? See regex_may_match. */
bool regex_program_may_match(const struct regex_program *program, struct regex_threads *threads, const struct regex_outline *parts, size_t count);

/* --- a thread's own ------------------------------------------------------------------------------------------------------------ */

struct regex_matcher {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack; /* NULL where the system forbids JIT */
    struct regex_threads *threads;
    struct arena *scratch;  /* one cleaned text */
    struct regex_matcher_counts counts;
};

/* --- for functions ----------------------------------------------------------------------------------------------------------- */

/* The text itself, or a copy in the arena with each bad byte as U+FFFD, as RE2 sees it. */
struct slice regex_clean(struct arena *arena, struct slice text);

enum { REGEX_CAPTURED = 10 /* the whole match and \1 to \9 */ };

/* The first match at or after start in a clean text: where the groups begin and end; both SIZE_MAX where a group took no part. */
enum truth regex_capture(const struct regex *regex, struct regex_matcher *matcher, struct slice clean, size_t start,
                               struct slice groups[REGEX_CAPTURED]);

#endif
