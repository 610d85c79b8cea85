/* SPDX-License-Identifier: Apache-2.0 */
/* Wakes somebody when a file grows or its folder changes, by inotify(7). It may miss (a network's file system, no watches left): look once
 * in a while all the same. */
#ifndef HARRIER_SOURCE_FILE_WATCH_H
#define HARRIER_SOURCE_FILE_WATCH_H

struct event_base;
struct file_watch;

/* changed() is called on the loop. NULL, and it is logged, if the system gives none. */
struct file_watch *file_watch_new(struct event_base *base, void (*changed)(void *context), void *context);
void file_watch_free(struct file_watch *watch);
/* From now on the open file (-1: none) and the folder, instead of those before. watch may be NULL. */
void file_watch_set(struct file_watch *watch, int file, const char *folder);

#endif
