/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/ruleset_files.h"

#include "harrier/base/buffer.h"
#include "harrier/base/map.h"
#include "harrier/base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_RULE_BYTES = 1 << 20 };

struct loader {
    const struct ruleset_files *files;
    struct diagnostics *diagnostics;
    struct ruleset_loaded *loaded;
    struct map *seen; /* paths of rule files: one that two patterns match is loaded once */
    bool unreadable;
};

void ruleset_files_from_config(struct ruleset_files *files, const struct config *config)
{
    *files = (struct ruleset_files){
        .patterns = config->rules.files.items,
        .pattern_count = config->rules.files.count,
        .pattern_places = config->rules.files.places,
        .config_file = config->file,
        .lists_folder = config->rules.lists,
        .tables_folder = config->rules.tables,
        .own_labels = &config->labels,
    };
}

/* --- lists and tables ------------------------------------------------------------------------------------------------------------ */

static void count_list(struct loader *loader, enum result added)
{
    if (added == RESULT_OK)
        loader->loaded->list_count++;
    else if (added != RESULT_INVALID && added != RESULT_EXISTS && added != RESULT_LIMIT)
        loader->unreadable = true;
}

static void add_list(struct loader *loader, struct slice name, const char *path)
{
    count_list(loader, yaral_lists_add_file(loader->loaded->lists, name, path, loader->diagnostics));
}

static void add_table(struct loader *loader, struct slice name, const char *path)
{
    count_list(loader, yaral_lists_add_table(loader->loaded->lists, name, path, loader->diagnostics));
}

static int is_visible(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 0 && entry->d_name[length - 1] != '~';
}

/* Each file of the folder, in order of name, under its name without the ending. */
static void each_file(struct loader *loader, const char *folder, void (*add)(struct loader *loader, struct slice name, const char *path))
{
    struct dirent **entries;
    struct stat status;
    int count = folder && folder[0] ? scandir(folder, &entries, is_visible, alphasort) : 0;

    if (count < 0) {
        diagnostics_add(loader->diagnostics, DIAGNOSTIC_ERROR, folder, 0, 0,
                        "the folder cannot be read: %s; make it, or take it out of the configuration", strerror(errno));
        loader->unreadable = true;
        return;
    }
    for (int i = 0; i < count; i++) {
        char *path = xasprintf("%s/%s", folder, entries[i]->d_name);
        struct slice name = slice_of(entries[i]->d_name);
        ptrdiff_t dot = slice_find_last_byte(name, '.');
        if (stat(path, &status) == 0 && S_ISREG(status.st_mode))
            add(loader, dot > 0 ? slice_first(name, (size_t)dot) : name, path);
        free(path);
        free(entries[i]);
    }
    if (count > 0)
        free(entries);
}

static void load_lists(struct loader *loader)
{
    const struct ruleset_files *files = loader->files;

    each_file(loader, files->lists_folder, add_list);
    each_file(loader, files->tables_folder, add_table);
    for (size_t i = 0; i < files->list_count; i++)
        add_list(loader, slice_of(files->lists[i].name), files->lists[i].path);
    for (size_t i = 0; i < files->table_count; i++)
        add_table(loader, slice_of(files->tables[i].name), files->tables[i].path);
}

struct udm_own_labels *own_labels_load(const struct config_pairs *pairs, const char *config_file, struct diagnostics *diagnostics)
{
    struct udm_own_labels *labels = udm_own_labels_new();

    for (size_t i = 0; pairs && i < pairs->count; i++) {
        const struct config_pair *pair = &pairs->items[i];
        const char *wrong;
        if (udm_own_labels_add(labels, slice_of(pair->name), slice_of(pair->value), &wrong) != RESULT_OK)
            diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, config_file, pair->place.line, pair->place.column, "label `%s`: %s", pair->name, wrong);
    }
    return labels;
}

/* --- rules ------------------------------------------------------------------------------------------------------------------------- */

/* The whole file; false, with a diagnostic, if it cannot be read or is too large to be a rule. */
static bool read_file(struct loader *loader, const char *path, struct buffer *text)
{
    const char *wrong = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = -1;

    while (fd >= 0 && text->length <= MOST_RULE_BYTES) {
        buffer_reserve(text, 65536);
        got = read(fd, text->bytes + text->length, 65536);
        if (got <= 0)
            break;
        text->length += (size_t)got;
    }
    if (fd < 0 || got < 0)
        wrong = strerror(errno);
    else if (text->length > MOST_RULE_BYTES)
        wrong = "it has more than 1 MiB";
    if (fd >= 0)
        close(fd);
    if (wrong) {
        diagnostics_add(loader->diagnostics, DIAGNOSTIC_ERROR, path, 0, 0, "the rule file cannot be read: %s", wrong);
        loader->unreadable = true;
    }
    return wrong == NULL;
}

static void load_rule_file(struct loader *loader, const char *path)
{
    struct buffer text = {NULL, 0, 0};

    if (map_get(loader->seen, slice_of(path)))
        return;
    map_put(loader->seen, slice_of(path), loader);
    if (read_file(loader, path, &text))
        yaral_ruleset_add(loader->loaded->ruleset, path, buffer_slice(&text), loader->loaded->lists, &loader->files->options,
                          loader->diagnostics);
    buffer_free(&text);
}

/* A daemon that runs no rule sees nothing, so this is an error and no warning. */
static void add_pattern(struct loader *loader, size_t index)
{
    const struct ruleset_files *files = loader->files;
    const struct config_place place = files->pattern_places[index];
    glob_t found = {0};

    if (glob(files->patterns[index], GLOB_NOMAGIC, NULL, &found) != 0 || found.gl_pathc == 0) {
        loader->unreadable = true;
        diagnostics_add(loader->diagnostics, DIAGNOSTIC_ERROR, files->config_file, place.line, place.column,
                        "no rule file matches `%s`: correct it, or take it out", files->patterns[index]);
    }
    for (size_t i = 0; i < found.gl_pathc; i++)
        load_rule_file(loader, found.gl_pathv[i]);
    globfree(&found);
}

static void load_rules(struct loader *loader)
{
    const struct ruleset_files *files = loader->files;

    for (size_t i = 0; i < files->pattern_count; i++) {
        if (files->config_file)
            add_pattern(loader, i);
        else
            load_rule_file(loader, files->patterns[i]);
    }
}

static enum result outcome(const struct loader *loader, size_t errors_before, size_t unsupported_before)
{
    if (loader->unreadable)
        return RESULT_NOT_FOUND;
    if (diagnostics_count_of(loader->diagnostics, DIAGNOSTIC_ERROR) > errors_before)
        return RESULT_INVALID;
    return diagnostics_count_of(loader->diagnostics, DIAGNOSTIC_UNSUPPORTED) > unsupported_before ? RESULT_UNSUPPORTED : RESULT_OK;
}

enum result ruleset_files_load(const struct ruleset_files *files, struct diagnostics *diagnostics, struct ruleset_loaded *loaded)
{
    struct loader loader = {.files = files, .diagnostics = diagnostics, .loaded = loaded, .seen = map_new()};
    size_t errors_before = diagnostics_count_of(diagnostics, DIAGNOSTIC_ERROR);
    size_t unsupported_before = diagnostics_count_of(diagnostics, DIAGNOSTIC_UNSUPPORTED);

    *loaded = (struct ruleset_loaded){.ruleset = yaral_ruleset_new(), .lists = yaral_lists_new()};
    loaded->own_labels = own_labels_load(files->own_labels, files->config_file, diagnostics);
    load_lists(&loader);
    load_rules(&loader);
    loaded->file_count = map_count(loader.seen);
    map_free(loader.seen, NULL);
    enum result result = outcome(&loader, errors_before, unsupported_before);
    if (result)
        ruleset_loaded_free(loaded);
    return result;
}

void ruleset_loaded_free(struct ruleset_loaded *loaded)
{
    yaral_ruleset_free(loaded->ruleset);
    yaral_lists_free(loaded->lists);
    udm_own_labels_free(loaded->own_labels);
    *loaded = (struct ruleset_loaded){0};
}
