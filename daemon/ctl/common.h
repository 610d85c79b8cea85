/* SPDX-License-Identifier: Apache-2.0 */
/* What the subcommands share: messages, the configuration, rules, the way events are read. */
#ifndef HARRIER_CTL_COMMON_H
#define HARRIER_CTL_COMMON_H

#include "arguments.h"
#include "display.h"

#include "harrier/config.h"
#include "harrier/detect.h"
#include "harrier/intake.h"
#include "harrier/ruleset_files.h"

#include <sysexits.h>

#ifndef HARRIER_SYSCONFDIR
#define HARRIER_SYSCONFDIR "/etc/harrier"
#endif
#define DEFAULT_CONFIG HARRIER_SYSCONFDIR "/harrier.yaml"

extern const struct command check_command, replay_command, udm_command, explain_command, fields_command, alerts_command, dead_command,
    status_command, reload_command, enroll_command, policy_command;

/* "harrierctl: ..." on stderr, outside text escaped. Gives the code back. */
int fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* For files that could not be loaded: EX_NOINPUT where one cannot be read, EX_UNAVAILABLE for what only Google has, else EX_DATAERR. */
int exit_code_of(enum result result);

/* Writes the buffer to stdout and empties it; false when stdout takes no more. */
bool print_buffer(struct buffer *buffer);
/* Flushes stdout: EX_OK, or EX_IOERR with a message. */
int finish_output(void);

/* -o table|ndjson: is a table wanted? Without the option: on a terminal. False, with a message, for another word. */
bool wants_table(const struct arguments *arguments, const struct display *display, bool *table);

/* --- configuration --------------------------------------------------------------------------------------------------------------- */

/* The file of -c, or the default one where it can be read, or NULL. */
const char *config_path(const struct arguments *arguments);
/* Loads it for a tool; on an error all is printed and the exit code returned. */
int load_config(const char *path, struct config **config);

/* --- rules ------------------------------------------------------------------------------------------------------------------------ */

/* What -c, -r, --list and --table name, ready to run. */
struct rules {
    struct config *config; /* NULL where -r was used */
    struct detect_plan *plan;
    struct udm_own_labels *own_labels; /* of the configuration; NULL where -r was used */
};

/* EX_OK, or the exit code after a message. Of the files of each -r, or else of the configuration. */
int rules_load(const struct arguments *arguments, struct rules *rules);
/* The same, of rule files that are given otherwise; none: of the configuration. */
int rules_load_of(const struct arguments *arguments, const char *const *patterns, size_t count, struct rules *rules);
void rules_free(struct rules *rules);

/* The values NAME=FILE of each --option. False after a message. The caller frees both names and array. */
bool named_files(const struct arguments *arguments, const char *option, struct ruleset_named_file **files, size_t *count);
void named_files_free(struct ruleset_named_file *files, size_t count);

/* --- events ------------------------------------------------------------------------------------------------------------------------ */

/* Sets what --log-type, --cluster and the configuration (may be NULL) say. EX_OK, or the exit code after a message. */
int event_options(const struct arguments *arguments, const struct config *config, struct intake_options *options);

struct event_sink {
    void *context;
    void (*alert)(void *context, const struct alert *alert);
    /* Each event, with the engine that has just evaluated it. NULL: only what rules can concern is looked at. */
    void (*record)(void *context, struct detect_engine *engine, const struct udm_record *record, const struct detect_result *result);
};

/* Reads all files of the operands, and hands on what is found, in order. EX_OK; EX_DATAERR when something was not readable; EX_NOINPUT when a
 * file is missing; EX_USAGE without files. Messages are printed. */
int read_events(const struct arguments *arguments, struct detect_plan *plan, const struct intake_options *options,
                const struct event_sink *sink);

#endif
