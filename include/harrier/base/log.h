/* SPDX-License-Identifier: Apache-2.0 */
/* The process's log: one line each on stderr, or journald's native protocol, with fields, where stderr is the journal's.
 * Everything that the format inserts is escaped: control characters, newlines and invalid UTF-8 come out as \xHH, so that nothing
 * from outside can forge a line. Safe from any thread. */
#ifndef HARRIER_LOG_H
#define HARRIER_LOG_H

#include "harrier/base/buffer.h"
#include "harrier/base/slice.h"

#include <stdbool.h>

/* Numbers as syslog's severities (RFC 5424 section 6.2.1). */
enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_NOTICE = 5, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* What is above the level is dropped before it is formatted. Default INFO. Set before threads start. */
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);
/* Name of the level, or of a level from its name ("error" ... "debug"). */
bool log_level_from_name(const char *name, enum log_level *level);

/* From now on to the journal, where stderr leads there (JOURNAL_STREAM, systemd.exec(5)) and its socket is there; else to stderr as before.
 * True if to the journal. Called once, before threads start. */
bool log_to_journal(void);

/* Each message goes through the filter before it is escaped: true if it has appended another text in its place. base/ knows nothing of secrets; the
 * process's main gives it redact_line. Set before threads start. */
typedef bool log_filter(struct slice message, struct buffer *out);
void log_use_filter(log_filter *filter);

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What a message is about, for journalctl's FIELD=VALUE: a search that needs no pattern. On stderr there is the message alone, so it must say it all. */
enum log_field_name {
    LOG_FIELD_SOURCE,      /* HARRIER_SOURCE: name of a source */
    LOG_FIELD_CLUSTER,     /* HARRIER_CLUSTER */
    LOG_FIELD_CLIENT,      /* HARRIER_CLIENT: name of a source's client */
    LOG_FIELD_PEER,        /* HARRIER_PEER: address of the other end */
    LOG_FIELD_RULE,        /* HARRIER_RULE */
    LOG_FIELD_DESTINATION, /* HARRIER_DESTINATION */
    LOG_FIELD_ALERT,       /* HARRIER_ALERT: alert_id */
    LOG_FIELD_COUNT
};

struct log_field {
    enum log_field_name name;
    struct slice value; /* any bytes: cut at 4 KiB, but not escaped, for its length is told */
};

/* log_write with fields, at most LOG_FIELD_COUNT. LOG_FIELDS makes the two arguments from a list:
 *     log_write_fields(LOG_LEVEL_ERROR, LOG_FIELDS({LOG_FIELD_RULE, rule}, {LOG_FIELD_SOURCE, slice_of(name)}), "an alert of rule ..."); */
void log_write_fields(enum log_level level, const struct log_field *fields, size_t count, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
#define LOG_FIELDS(...) (const struct log_field[]){__VA_ARGS__}, sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field)
/* With one field, whose value is a string: log_about(LOG_LEVEL_NOTICE, LOG_FIELD_SOURCE, name, "source `%s`: ...", name). */
#define log_about(level, field, text, ...) log_write_fields(level, LOG_FIELDS({field, slice_of(text)}), __VA_ARGS__)

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_write(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) (log_enabled(LOG_LEVEL_DEBUG) ? log_write(LOG_LEVEL_DEBUG, __VA_ARGS__) : (void)0)

/* Writes text into out so that it is one printable line: valid UTF-8 that shows something stays, anything else as \xHH; cut at size with "...". Returns out. */
char *log_escape(struct slice text, char *out, size_t size);

#endif
