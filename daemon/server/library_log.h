/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HARRIER_SERVER_LIBRARY_LOG_H
#define HARRIER_SERVER_LIBRARY_LOG_H

/* What libevent and SQLite have to say goes to the daemon's log, with its levels, and one line a minute of each severity: libevent would write
 * to stderr by itself, without a bound. Before either is used. */
void library_log_take(void);

#endif
