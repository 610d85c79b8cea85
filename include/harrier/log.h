/* SPDX-License-Identifier: Apache-2.0 */
/* The process's log: one line each on stderr, or journald's native format where stderr is the journal's.
 * Everything that the format inserts is escaped: control characters, newlines and invalid UTF-8 come out as \xHH, so that nothing
 * from outside can forge a line. Safe from any thread. */
#ifndef HARRIER_LOG_H
#define HARRIER_LOG_H

#include "harrier/slice.h"

#include <stdbool.h>

/* Numbers as syslog's severities (RFC 5424 section 6.2.1). */
enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_NOTICE = 5, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* What is above the level is dropped before it is formatted. Default INFO. Set before threads start. */
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);
/* Name of the level, or of a level from its name ("error" ... "debug"). */
bool log_level_from_name(const char *name, enum log_level *level);

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_write(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) (log_enabled(LOG_LEVEL_DEBUG) ? log_write(LOG_LEVEL_DEBUG, __VA_ARGS__) : (void)0)

/* Writes text into out so that it is one printable line: valid UTF-8 stays, anything else as \xHH; cut at size with "...". Returns out. */
char *log_escape(struct slice text, char *out, size_t size);

#endif
