/* SPDX-License-Identifier: Apache-2.0 */
/* Waits for the store to change, so that who follows it need not ask again and again. */
#ifndef HARRIER_CTL_STORE_WATCH_H
#define HARRIER_CTL_STORE_WATCH_H

#include <stdbool.h>

struct store_watch {
    int fd;           /* of inotify(7); -1: none to be had, and the store is asked twice a second */
    int milliseconds; /* until the next look; doubles with each that is not caused by a change */
};

struct store_watch store_watch_open(const char *directory);
/* Returns when it is time to look into the store again. False: nobody reads standard output any more. */
bool store_watch_wait(struct store_watch *watch);
void store_watch_close(struct store_watch *watch);

#endif
