/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon: its threads, how they are joined, and its life from start to drain. */
#ifndef HARRIER_SERVER_H
#define HARRIER_SERVER_H

/* Runs until SIGTERM or SIGINT, in the foreground. Returns an exit code of sysexits.h: EX_OK after a drain, EX_CONFIG for a bad
 * configuration or rules, EX_UNAVAILABLE where an address or the store is taken, EX_IOERR. */
int server_run(const char *config_file);

/* Loads configuration, rules and lists and says what is wrong with them on stderr. EX_OK or EX_CONFIG. */
int server_check(const char *config_file);

#endif
