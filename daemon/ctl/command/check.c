/* SPDX-License-Identifier: Apache-2.0 */
/* harrierctl check: configuration, rules and lists, before a daemon reads them. */
#include "daemon/ctl/common.h"

#include "harrier/config_uses.h"

#include <unistd.h>

static const struct argument_option options[] = {
    {'c', "config", "FILE", "A configuration: it, its rules, lists, tables, routes and certificates are checked."},
    {'\0', "list", "NAME=FILE", "A reference list that rules name as %NAME; may be given more than once."},
    {'\0', "table", "NAME=FILE", "A data table (.csv or .json) that rules name as %NAME.column; may be given more than once."},
    {'\0', "google", NULL, "Warn of what Google's compiler would refuse, or what differs there."},
};

/* What the configuration names outside of itself, but for the rules. */
static void check_uses(const struct config *config, struct diagnostics *diagnostics)
{
    struct deliver_destination_config *destinations = config_destinations(config);

    config_check_destinations(config, destinations, diagnostics);
    deliver_routes_free(config_routes(config, destinations, config->destination_count, diagnostics));
    config_destinations_free(destinations, config->destination_count);
    config_check_sources(config, CONFIG_SECRETS_ELSEWHERE, clock_wall(), diagnostics);
}

/* What was found good, for the line at the end. */
struct checked {
    size_t rules;
    size_t lists;
    bool config;
};

static enum result check_files(const struct ruleset_files *files, struct diagnostics *diagnostics, struct checked *checked)
{
    struct ruleset_loaded loaded;
    enum result result = ruleset_files_load(files, diagnostics, &loaded);

    if (result)
        return result;
    checked->rules = yaral_ruleset_count(loaded.ruleset);
    checked->lists = loaded.list_count;
    ruleset_loaded_free(&loaded);
    return RESULT_OK;
}

static enum result check_config(const char *path, struct ruleset_files *more, struct diagnostics *diagnostics, struct checked *checked)
{
    struct config *config;
    struct ruleset_files files;
    enum result result = config_load(path, CONFIG_SECRETS_ELSEWHERE, diagnostics, &config);

    if (result)
        return result;
    checked->config = true;
    check_uses(config, diagnostics);
    ruleset_files_from_config(&files, config);
    files.lists = more->lists;
    files.list_count = more->list_count;
    files.tables = more->tables;
    files.table_count = more->table_count;
    files.options = more->options;
    result = check_files(&files, diagnostics, checked);
    config_free(config);
    return result;
}

static void print_summary(const struct checked *checked, size_t warnings)
{
    if (!isatty(STDOUT_FILENO))
        return;
    printf("%s%zu rule%s, %zu list%s: good", checked->config ? "configuration, " : "", checked->rules, checked->rules == 1 ? "" : "s",
           checked->lists, checked->lists == 1 ? "" : "s");
    if (warnings)
        printf(" (%zu warning%s)", warnings, warnings == 1 ? "" : "s");
    putchar('\n');
}

static int check(const char *config, struct ruleset_files *files)
{
    struct diagnostics *diagnostics = diagnostics_new();
    struct checked checked = {0};
    enum result result = config ? check_config(config, files, diagnostics, &checked) : check_files(files, diagnostics, &checked);

    if (result == RESULT_OK || result == RESULT_UNSUPPORTED)
        result = diagnostics_count_of(diagnostics, DIAGNOSTIC_ERROR) ? RESULT_INVALID : result;
    diagnostics_print(diagnostics, stderr);
    if (result == RESULT_OK)
        print_summary(&checked, diagnostics_count_of(diagnostics, DIAGNOSTIC_WARNING));
    diagnostics_free(diagnostics);
    return result ? exit_code_of(result) : finish_output();
}

static int run(const struct arguments *arguments)
{
    struct ruleset_files files = {.patterns = arguments->operands.items, .pattern_count = arguments->operands.count};
    struct ruleset_named_file *lists = NULL, *tables = NULL;
    const char *config = arguments->operands.count ? arguments_value(arguments, "config") : config_path(arguments);
    int code = EX_USAGE;

    if (config && arguments->operands.count)
        return fail(EX_USAGE, "a configuration and rule files together: give one of them");
    if (!config && !arguments->operands.count)
        return fail(EX_USAGE, "what is to be checked? Give -c FILE, or rule files (there is no %s that could be read)", DEFAULT_CONFIG);
    files.options.google = arguments_has(arguments, "google");
    if (named_files(arguments, "list", &lists, &files.list_count) && named_files(arguments, "table", &tables, &files.table_count)) {
        files.lists = lists;
        files.tables = tables;
        code = check(config, &files);
    }
    named_files_free(lists, files.list_count);
    named_files_free(tables, files.table_count);
    return code;
}

const struct command check_command = {
    .name = "check",
    .summary = "Check a configuration, rules and lists, and say what is wrong where",
    .usage = "check [-c FILE] [--google]\ncheck [--list NAME=FILE] [--table NAME=FILE] [--google] RULE.yaral ...",
    .description =
        "Checks all of it and reports every error as file:line:column: what, and what to do, on standard error. Without arguments it "
        "checks " DEFAULT_CONFIG ". The daemon reads its files by the same code: what is good here is good there.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .examples = "harrierctl check -c /etc/harrier/harrier.yaml\nharrierctl check --list gitops=lists/gitops.txt rules/cronjob.yaral",
    .exits = "0   good; there may have been warnings\n64  wrong usage\n65  errors\n66  a file cannot be read\n"
             "69  all that is wrong is that a rule needs what only Google has",
    .run = run,
};
