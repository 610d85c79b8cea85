/* SPDX-License-Identifier: Apache-2.0 */
/* harrierctl: for the people who run Harrier and write its rules. */
#include "common.h"

#include "harrier/base/log.h"
#include "harrier/redact.h"

#include <signal.h>

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

static const struct command *const commands[] = {
    &check_command,  &replay_command, &explain_command, &udm_command,    &fields_command,
    &policy_command, &enroll_command, &alerts_command,  &dead_command,   &status_command, &reload_command,
};
enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static void print_usage(FILE *out)
{
    fputs("usage: harrierctl COMMAND [options] [arguments]\n\n", out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
    fputs(
        "\n  -h, --help     this help; harrierctl COMMAND --help: what a command takes\n"
        "  -V, --version  the version\n\n"
        "Output is a table on a terminal and NDJSON in a pipe; colour is left out with NO_COLOR set. Exit codes are those of sysexits.h.\n",
        out);
}

static const struct command *command_of(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[COMMAND_COUNT];

    for (size_t i = 0; i < COMMAND_COUNT; i++)
        names[i] = commands[i]->name;
    const char *nearest = arguments_nearest(name, names, COMMAND_COUNT);
    if (nearest)
        return fail(EX_USAGE, "there is no command `%s`; did you mean `%s`? (harrierctl --help lists them)", name, nearest);
    return fail(EX_USAGE, "there is no command `%s` (harrierctl --help lists them)", name);
}

static int run_command(const struct command *command, int argc, char **argv)
{
    struct arguments arguments = {.help = false};
    struct buffer text = {NULL, 0, 0};
    int code;

    if (!arguments_parse(command->options, command->option_count, argc, argv, &arguments, &text)) {
        code = fail(EX_USAGE, "%s: %s (harrierctl %s --help)", command->name, text.bytes, command->name);
    } else if (arguments.help) {
        command_help(command, display_of(stdout).width, &text);
        print_buffer(&text);
        code = finish_output();
    } else {
        code = command->run(&arguments);
    }
    buffer_free(&text);
    arguments_free(&arguments);
    return code;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : NULL;

    log_use_filter(redact_line);
    signal(SIGPIPE, SIG_DFL); /* `harrierctl ... | head` ends without a word, whatever the parent ignored */
    if (!name) {
        print_usage(stderr);
        return EX_USAGE;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        if (argc > 2 && command_of(argv[2]))
            return run_command(command_of(argv[2]), 2, (char *[]){argv[0], (char[]){"--help"}, NULL});
        print_usage(stdout);
        return finish_output();
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        puts("harrierctl " PACKAGE_VERSION);
        return finish_output();
    }
    const struct command *command = command_of(name);
    return command ? run_command(command, argc - 1, argv + 1) : unknown_command(name);
}
