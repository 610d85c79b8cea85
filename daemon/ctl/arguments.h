/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of harrierctl: each subcommand says what it takes in tables, which are parsed by, and shown as help from, one place. */
#ifndef HARRIER_CTL_ARGUMENTS_H
#define HARRIER_CTL_ARGUMENTS_H

#include "harrier/base/buffer.h"
#include "harrier/base/vector.h"

struct argument_option {
    char letter;       /* '\0': it has a long name only */
    const char *name;  /* without the dashes */
    const char *value; /* what stands for its value in help; NULL: it takes none */
    const char *help;
};

struct argument_given {
    const struct argument_option *option;
    const char *value; /* NULL where the option takes none */
};

struct arguments {
    VECTOR(struct argument_given) given; /* in the order of the command line */
    VECTOR(const char *) operands;
    bool help;
};

/* Options and operands in any order; "--" ends the options, "-" is an operand. argv[0] is not looked at. False: *error says what is wrong, with
 * the nearest option where one is unknown. */
bool arguments_parse(const struct argument_option *options, size_t option_count, int argc, char *const *argv, struct arguments *arguments,
                     struct buffer *error);
void arguments_free(struct arguments *arguments);
/* Value of the last --name, or NULL. */
const char *arguments_value(const struct arguments *arguments, const char *name);
bool arguments_has(const struct arguments *arguments, const char *name);

/* The one of the words that is nearest to what was written, if any is near; else NULL. */
const char *arguments_nearest(const char *written, const char *const *words, size_t count);

/* "90", "90s", "15m", "1h", "2d", "1w", "1h30m" in nanoseconds. */
bool arguments_duration(const char *text, int64_t *nanoseconds);

struct command {
    const char *name;
    const char *summary; /* one line, for the list of commands */
    const char *usage;   /* one line for each form, without "harrierctl" */
    const char *description;
    const struct argument_option *options;
    size_t option_count;
    const char *examples;
    const char *exits; /* exit codes */
    int (*run)(const struct arguments *arguments);
};

/* Appends the command's help, wrapped to the width. */
void command_help(const struct command *command, size_t width, struct buffer *out);

#endif
