/* SPDX-License-Identifier: Apache-2.0 */
/* The parser of patterns: parse.c has groups and repetition, character.c what stands for characters. */
#ifndef HARRIER_REGEX_PARSE_H
#define HARRIER_REGEX_PARSE_H

#include "regex.h"

#include "harrier/base/vector.h"

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

/* A class while it is read: the set, and what PCRE2 is told where the set came from \p (its ranges would be hundreds). */
struct class_builder {
    struct regex_class *set;
    struct buffer text;
    bool has_property;
};

/* --- parse.c ------------------------------------------------------------------------------------------------------------------------------ */

/* Says what is wrong at that offset of the pattern. False, always. */
bool parser_fail(struct parser *parser, size_t at, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool parser_refuse(struct parser *parser, size_t at, const char *what, const char *written);
struct slice parser_rest(const struct parser *parser);
bool parser_is_at(const struct parser *parser, const char *text);
bool parser_is_at_end(const struct parser *parser);
/* The byte ahead, 0 at the end; only compared with ASCII that is not NUL. */
char parser_ahead(const struct parser *parser, size_t distance);
uint32_t parser_take_code_point(struct parser *parser);
void parser_append_class(struct parser *parser, struct regex_class *set, struct slice text);

/* --- character.c -------------------------------------------------------------------------------------------------------------------------- */

/* An escape that stands for one character. */
bool parser_take_character(struct parser *parser, uint32_t *code_point);
bool parser_take_perl_class(struct parser *parser, struct class_builder *builder);
bool parser_take_property(struct parser *parser, struct class_builder *builder);
void parser_append_built(struct parser *parser, struct class_builder *builder, bool negated);
/* [...] */
bool parser_take_class(struct parser *parser);

#endif
