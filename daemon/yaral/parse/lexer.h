/* SPDX-License-Identifier: Apache-2.0 */
/* Rule text to tokens (YARA-L reference, section 1). */
#ifndef HARRIER_YARAL_PARSE_LEXER_H
#define HARRIER_YARAL_PARSE_LEXER_H

#include "harrier/base/vector.h"
#include "report.h"

enum token_kind {
    TOKEN_END,
    TOKEN_NAME,       /* also keywords: the grammar knows where a name is one */
    TOKEN_VARIABLE,   /* $name */
    TOKEN_COUNT,      /* #name */
    TOKEN_LIST,       /* %name */
    TOKEN_STRING,     /* "...", escapes not yet processed */
    TOKEN_RAW_STRING, /* `...` */
    TOKEN_REGEX,      /* /.../ */
    TOKEN_INTEGER,
    TOKEN_FLOAT,
    TOKEN_DURATION, /* digits and letters: 10m */
    TOKEN_EQUAL,
    TOKEN_NOT_EQUAL,
    TOKEN_LESS,
    TOKEN_LESS_EQUAL,
    TOKEN_GREATER,
    TOKEN_GREATER_EQUAL,
    TOKEN_PLUS,
    TOKEN_MINUS,
    TOKEN_STAR,
    TOKEN_SLASH,
    TOKEN_PERCENT,
    TOKEN_BANG,
    TOKEN_DOT,
    TOKEN_COMMA,
    TOKEN_COLON,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_OPEN_BRACKET,
    TOKEN_CLOSE_BRACKET,
    TOKEN_OPEN_BRACE,
    TOKEN_CLOSE_BRACE
};

struct token {
    enum token_kind kind;
    struct yaral_position at;
    struct slice text; /* as it stands in the file */
    struct slice body; /* without $, #, %, quotes, slashes */
    bool first_on_line;
    bool damaged; /* an error was reported in or just before it: its rule is not to be added */
};

struct tokens {
    VECTOR(struct token) all; /* the last one is TOKEN_END */
    bool cut;                 /* the text ended inside a comment or a raw string */
};

/* Every token of the text; what cannot be one is reported, and read as what was probably meant. The tokens point into the text. */
void tokens_read(struct tokens *tokens, struct slice text, struct report *report);
void tokens_free(struct tokens *tokens);

/* Is it that word (lower case given), in any case? */
bool token_is_word(const struct token *token, const char *word);
/* A word of the language's list, in any case: no variable may have its name. */
bool yaral_is_reserved(struct slice word);

/* The text of a "..." token. An unknown escape is kept as it stands where lenient (meta), else false and *error_offset
 * is that of its backslash in body. */
bool yaral_unescape(struct arena *arena, struct slice body, bool lenient, struct slice *text, size_t *error_offset);

#endif
