/* SPDX-License-Identifier: Apache-2.0 */
/* Rules as -c, -r, --list and --table name them. */
#include "daemon/ctl/common.h"

#include "harrier/base/memory.h"

bool named_files(const struct arguments *arguments, const char *option, struct ruleset_named_file **files, size_t *count)
{
    *files = xcalloc(arguments->given.count, sizeof **files);
    *count = 0;
    for (size_t i = 0; i < arguments->given.count; i++) {
        const struct argument_given *given = &arguments->given.items[i];
        if (strcmp(given->option->name, option) != 0)
            continue;
        const char *equals = strchr(given->value, '=');
        if (!equals || equals == given->value || !equals[1]) {
            fail(EX_USAGE, "--%s %s: give the name that rules use and the file, as NAME=FILE", option, given->value);
            named_files_free(*files, *count);
            *files = NULL;
            return false;
        }
        (*files)[(*count)++] = (struct ruleset_named_file){xstrndup(given->value, (size_t)(equals - given->value)), equals + 1};
    }
    return true;
}

void named_files_free(struct ruleset_named_file *files, size_t count)
{
    for (size_t i = 0; files && i < count; i++)
        free((char *)(uintptr_t)files[i].name);
    free(files);
}

static int load_plan(struct ruleset_files *files, struct rules *rules)
{
    struct diagnostics *diagnostics = diagnostics_new();
    struct ruleset_loaded loaded;
    enum result result = ruleset_files_load(files, diagnostics, &loaded);

    if (result) {
        diagnostics_print(diagnostics, stderr);
        ruleset_loaded_free(&loaded);
    } else {
        rules->plan = detect_plan_new(loaded.ruleset, loaded.lists);
        rules->own_labels = loaded.own_labels;
    }
    diagnostics_free(diagnostics);
    return exit_code_of(result);
}

static int load_of_config(const char *path, struct ruleset_files *more, struct rules *rules)
{
    struct ruleset_files files;
    int code = load_config(path, &rules->config);

    if (code)
        return code;
    ruleset_files_from_config(&files, rules->config);
    files.lists = more->lists;
    files.list_count = more->list_count;
    files.tables = more->tables;
    files.table_count = more->table_count;
    return load_plan(&files, rules);
}

int rules_load_of(const struct arguments *arguments, const char *const *patterns, size_t count, struct rules *rules)
{
    struct ruleset_files files = {.patterns = patterns, .pattern_count = count};
    struct ruleset_named_file *lists = NULL, *tables = NULL;
    const char *config = config_path(arguments);
    int code = EX_USAGE;

    *rules = (struct rules){NULL, NULL, NULL};
    if (count && arguments_has(arguments, "config"))
        return fail(EX_USAGE, "rule files and -c together: give the rules, or a configuration that names them");
    if (!count && !config)
        return fail(EX_USAGE, "which rules? Give a rule file, or -c FILE (there is no %s that could be read)", DEFAULT_CONFIG);
    if (named_files(arguments, "list", &lists, &files.list_count) && named_files(arguments, "table", &tables, &files.table_count)) {
        files.lists = lists;
        files.tables = tables;
        code = count ? load_plan(&files, rules) : load_of_config(config, &files, rules);
    }
    named_files_free(lists, files.list_count);
    named_files_free(tables, files.table_count);
    if (code)
        rules_free(rules);
    return code;
}

int rules_load(const struct arguments *arguments, struct rules *rules)
{
    VECTOR(const char *) paths = {0};

    for (size_t i = 0; i < arguments->given.count; i++)
        if (strcmp(arguments->given.items[i].option->name, "rule") == 0)
            VECTOR_PUSH(&paths, arguments->given.items[i].value);
    int code = rules_load_of(arguments, paths.items, paths.count, rules);
    VECTOR_FREE(&paths);
    return code;
}

void rules_free(struct rules *rules)
{
    detect_plan_unref(rules->plan);
    udm_own_labels_free(rules->own_labels);
    config_free(rules->config);
    *rules = (struct rules){NULL, NULL, NULL};
}
