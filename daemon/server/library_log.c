/* SPDX-License-Identifier: Apache-2.0 */
#include "library_log.h"

#include "harrier/base/log.h"
#include "harrier/base/log_limit.h"

#include <event2/event.h>
#include <sqlite3.h>
#include <stdlib.h>

/* The libraries' logs are the process's own, as the log itself: their callbacks get no context. */
static struct log_limit limits[LOG_LEVEL_DEBUG + 1];

static void write_limited(enum log_level level, const char *library, const char *message)
{
    uint64_t left_out;

    if (!log_enabled(level) || !log_limit_due(&limits[level], &left_out))
        return;
    if (left_out)
        log_write(level, "%s: %s (%llu more lines of libraries were left out)", library, message, (unsigned long long)left_out);
    else
        log_write(level, "%s: %s", library, message);
}

static void event_log(int severity, const char *message)
{
    static const enum log_level levels[] = {[EVENT_LOG_DEBUG] = LOG_LEVEL_DEBUG,
                                            [EVENT_LOG_MSG] = LOG_LEVEL_INFO,
                                            [EVENT_LOG_WARN] = LOG_LEVEL_WARNING,
                                            [EVENT_LOG_ERR] = LOG_LEVEL_ERROR};
    bool known = severity >= EVENT_LOG_DEBUG && severity <= EVENT_LOG_ERR;

    write_limited(known ? levels[severity] : LOG_LEVEL_WARNING, "libevent", message);
}

/* libevent would exit(1), which runs what other threads are in the middle of. */
static void event_fatal(int error)
{
    log_error("libevent cannot go on (%d); the daemon ends", error);
    abort();
}

/* The store tells of its own errors; what is left are hints, such as a journal that was recovered after a kill. */
static void sqlite_log(void *context, int code, const char *message)
{
    (void)context;
    write_limited((code & 0xff) == SQLITE_WARNING ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "sqlite", message);
}

void library_log_take(void)
{
    event_set_log_callback(event_log);
    event_set_fatal_callback(event_fatal);
    sqlite3_config(SQLITE_CONFIG_LOG, sqlite_log, NULL);
}
