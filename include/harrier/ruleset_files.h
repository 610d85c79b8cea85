/* SPDX-License-Identifier: Apache-2.0 */
/* Rules, lists and tables from the files that name them: one way for harrierd and harrierctl. */
#ifndef HARRIER_RULESET_FILES_H
#define HARRIER_RULESET_FILES_H

#include "harrier/config.h"
#include "harrier/base/diagnostics.h"
#include "harrier/yaral.h"

/* A list or table given by name on a command line. */
struct ruleset_named_file {
    const char *name;
    const char *path;
};

struct ruleset_files {
    const char *const *patterns; /* of rule files: each must match something. Glob patterns, or plain paths where config_file is NULL */
    size_t pattern_count;
    const struct config_place *pattern_places; /* in config_file */
    const char *config_file;                   /* NULL: all of this comes from a command line */
    const char *lists_folder;                  /* every file in it is a list, named as the file without its ending; NULL or "": none */
    const char *tables_folder;                 /* .csv and .json; NULL or "": none */
    const struct ruleset_named_file *lists;
    size_t list_count;
    const struct ruleset_named_file *tables;
    size_t table_count;
    const struct config_pairs *own_labels; /* the configuration's `labels`; NULL: none */
    struct yaral_options options;
};

struct ruleset_loaded {
    struct yaral_ruleset *ruleset; /* the caller's to free, or detect_plan_new's to take */
    struct yaral_lists *lists;     /* likewise; outlives the ruleset */
    struct udm_own_labels *own_labels; /* the caller's to free; never NULL */
    size_t file_count;
    size_t list_count;
};

/* The labels that a configuration adds; what is wrong with one is a diagnostic, and it is left out. The caller frees them. */
struct udm_own_labels *own_labels_load(const struct config_pairs *pairs, const char *config_file, struct diagnostics *diagnostics);
/* The files that a configuration names; the strings stay the config's. */
void ruleset_files_from_config(struct ruleset_files *files, const struct config *config);
/* Reads and checks all of them; everything that is wrong goes to diagnostics. RESULT_OK: loaded is complete. RESULT_NOT_FOUND: a file cannot be
 * read, or a pattern matches none. RESULT_UNSUPPORTED: all that is wrong is that rules need what only Google has. RESULT_INVALID: anything else.
 * Unless it is RESULT_OK nothing is left in loaded. */
enum result ruleset_files_load(const struct ruleset_files *files, struct diagnostics *diagnostics, struct ruleset_loaded *loaded);
void ruleset_loaded_free(struct ruleset_loaded *loaded);

#endif
