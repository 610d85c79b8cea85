/* SPDX-License-Identifier: Apache-2.0 */
/* A text that is being read for secrets, and what the files that know one kind of text each share of it. One pass from left to right over runs of
 * letters: a run may be a secret by its shape, or the name of what follows. Nothing is read twice but for a small factor: each look ahead is bounded,
 * or what it looked at is taken out and gone past. */
#ifndef HARRIER_REDACT_SCAN_H
#define HARRIER_REDACT_SCAN_H

#include "internal.h"

/* As far as a look ahead or back goes. */
enum { SCAN_NEAR_BYTES = 512 };

/* A `name`, `key` or `path` that was seen, for the `value` beside it. */
enum scan_pair { SCAN_PAIR_NONE, SCAN_PAIR_NAME, SCAN_PAIR_SECRET, SCAN_PAIR_OTHER };

struct scan {
    struct slice in;
    size_t at;
    size_t copied; /* all before is in out */
    bool broken;   /* it is JSON that could not be read, or a piece of YAML */
    bool is_of_secrets; /* ... of an event about Secrets */
    bool in_block; /* it ended in the data of YAML, of which more may follow */
    bool echo_is_harmless;
    struct buffer *out;
    bool changed;
    struct slice program; /* whose options are read */
    bool has_login;       /* it was told to log in */
    enum scan_pair pair;
    size_t pair_at;
};

/* What stands between a name and its value. */
enum separator { SEPARATOR_NONE, SEPARATOR_EQUALS, SEPARATOR_COLON, SEPARATOR_WORD };

/* A quote with the backslashes before it: as many as JSON is deep in JSON. */
struct quote {
    char mark; /* 0: none; '%': %22 */
    size_t backslashes;
    size_t length;
};

/* A run of letters that may be a name, and what stands around it. */
struct name {
    size_t begin, end;
    struct slice text;
    struct quote quote; /* behind it */
    enum separator separator;
    size_t value; /* where it begins */
};

/* A word of a command line, of a query's command=, of an array in JSON or of a list in YAML, without its quotes. */
struct word {
    size_t begin, end;
    bool literal; /* no shell reads it */
};

/* --- scan.c --------------------------------------------------------------------------------------------------------------------------------------- */

/* The byte at i; -1 behind the end. */
int scan_at(const struct scan *scan, size_t i);
bool scan_has(const struct scan *scan, size_t i, const char *text);
struct slice scan_slice(const struct scan *scan, size_t begin, size_t end);
bool scan_is_newline(int c);
bool scan_is_number(const struct scan *scan, size_t begin, size_t end);
/* Takes out the bytes, and goes on behind them. alone: they are all of a string, so that no brackets are needed. */
void scan_replace(struct scan *scan, size_t begin, size_t end, bool alone);
/* A value that is there: not a reference to one, which is gone past. */
void scan_replace_value(struct scan *scan, size_t begin, size_t end, bool alone, bool literal);

struct quote scan_quote_at(const struct scan *scan, size_t i);
/* Where the value that the quote opens ends; the end of the text if it is cut off. */
size_t scan_quoted_end(const struct scan *scan, size_t begin, struct quote quote);
size_t scan_skip_blanks(const struct scan *scan, size_t i);
size_t scan_skip_space(const struct scan *scan, size_t i);
/* Behind the separator at i; SEPARATOR_NONE: there is none. */
enum separator scan_separator_at(const struct scan *scan, size_t i, size_t *end);
/* Behind what stands in brackets for a secret that was taken out before; i: something else is there. */
size_t scan_stand_in_end(const struct scan *scan, size_t i);
/* Does the word end at i? */
bool scan_ends_word(const struct scan *scan, size_t i);
/* The end of an unquoted value: of a member or variable (ends at a comma before another one), of a shell's word with its quoted parts and escapes,
 * and in a query, where a plus is a blank (application/x-www-form-urlencoded). */
size_t scan_word_end(const struct scan *scan, size_t i);
size_t scan_shell_word_end(const struct scan *scan, size_t i);
size_t scan_query_word_end(const struct scan *scan, size_t i);
/* The word has more at i. */
bool scan_goes_on(const struct scan *scan, size_t i);
/* Up to the newline, quote or backslash. */
size_t scan_line_end(const struct scan *scan, size_t i);
/* The name at the scan's place. */
struct name scan_name_at(const struct scan *scan, size_t begin);
/* The word behind the one that ends at i; false: there is none. */
bool scan_next_word(const struct scan *scan, size_t i, struct word *word);

/* --- value.c, block.c, url.c, command.c, echo.c: true if they went on --------------------------------------------------------- */

/* The value of a member or option with a secret's name. */
void scan_take_out_value(struct scan *scan, const struct name *name);
/* `data` of a Secret, variables, and the `value` of a pair, as JSON or YAML. */
bool scan_take_out_members(struct scan *scan, const struct name *name);

/* All values from the bracket at i to the one that closes it; names stay, and if keeps_places what they name as a place. */
void scan_take_out_container(struct scan *scan, size_t i, bool keeps_places);
/* The values of a text in the text, such as a string that stays but may have an address in it. */
void scan_nested(struct scan *scan, size_t begin, size_t end);
/* The name is the first on its line, as in YAML. */
bool scan_is_first_on_line(const struct scan *scan, size_t begin);
size_t scan_indentation_of(const struct scan *scan, size_t i);
/* A block of YAML under the line that i is at the end of: up to the first line that is not indented more, or is no item of a list at the indentation. */
size_t scan_block_end(const struct scan *scan, size_t i, size_t indentation);
/* The values of the lines of such a block. */
void scan_take_out_block(struct scan *scan, size_t begin, size_t end);
/* The end of a plain value of YAML that begins at i, in the line and those that go on with it. */
size_t scan_plain_end(const struct scan *scan, size_t i, size_t indentation);

bool scan_take_out_user_info(struct scan *scan, const struct name *name);
bool scan_take_out_webhook(struct scan *scan, const struct name *name);

/* The run is a program, or an option of the last one. */
bool scan_take_out_option(struct scan *scan, const struct name *name);
/* What is fed to a program that reads a password: echo root:x | chpasswd. */
bool scan_take_out_input(struct scan *scan, const struct name *name);

/* What is said of a field begins at i, and not its value. */
bool scan_is_verdict(const struct scan *scan, size_t i);
/* What an answer quotes of what it refuses: Invalid value: "x". */
bool scan_take_out_echo(struct scan *scan, const struct name *name);

#endif
