/* SPDX-License-Identifier: Apache-2.0 */
#include "store_watch.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
    FIRST_LOOK = 4,     /* a write to SQLite's WAL is seen here before its commit is over, so there is more than one look */
    LAST_LOOK = 256,    /* half a second after a change all that belongs to it is there */
    IDLE_LOOK = 2000,   /* for a commit that a slow disk holds up longer */
    BLIND_LOOK = 500
};

struct store_watch store_watch_open(const char *directory)
{
    struct store_watch watch = {.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), .milliseconds = FIRST_LOOK};

    if (watch.fd >= 0 && inotify_add_watch(watch.fd, directory, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
        store_watch_close(&watch);
    return watch;
}

void store_watch_close(struct store_watch *watch)
{
    if (watch->fd >= 0)
        close(watch->fd);
    watch->fd = -1;
}

/* What happened is not of interest, only that it did. */
static bool drain_watch(int fd)
{
    char events[4096];
    bool any = false;

    while (read(fd, events, sizeof events) > 0)
        any = true;
    return any;
}

bool store_watch_wait(struct store_watch *watch)
{
    bool idle = watch->milliseconds > LAST_LOOK;
    /* A burst of changes is one look: the pause comes first, and only who has waited long is woken by a change. */
    struct pollfd files[] = {{.fd = STDOUT_FILENO}, {.fd = idle ? watch->fd : -1, .events = POLLIN}};
    int pause = watch->fd < 0 ? BLIND_LOOK : idle ? IDLE_LOOK : watch->milliseconds;

    poll(files, sizeof files / sizeof files[0], pause);
    if (files[0].revents & (POLLERR | POLLHUP | POLLNVAL))
        return false;
    if (watch->fd >= 0 && drain_watch(watch->fd))
        watch->milliseconds = FIRST_LOOK;
    else if (!idle)
        watch->milliseconds *= 2;
    return true;
}
