/* SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

#include "harrier/base/log.h"
#include "harrier/base/memory.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

struct file_watch {
    int fd;
    int file, folder; /* watch descriptors; -1: none */
    struct event *readable;
    void (*changed)(void *context);
    void *context;
};

/* What happened is not looked at: whoever is woken looks at the files themselves. */
static void readable_cb(evutil_socket_t fd, short what, void *argument)
{
    struct file_watch *watch = argument;
    char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

    (void)what;
    while (read(fd, events, sizeof events) > 0)
        continue;
    watch->changed(watch->context);
}

struct file_watch *file_watch_new(struct event_base *base, void (*changed)(void *context), void *context)
{
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

    if (fd < 0) {
        log_notice("no inotify (%s): followed files are looked at once a second", strerror(errno));
        return NULL;
    }
    struct file_watch *watch = xcalloc(1, sizeof *watch);
    *watch = (struct file_watch){.fd = fd, .file = -1, .folder = -1, .changed = changed, .context = context};
    watch->readable = event_new(base, fd, EV_READ | EV_PERSIST, readable_cb, watch);
    event_add(watch->readable, NULL);
    return watch;
}

void file_watch_free(struct file_watch *watch)
{
    if (!watch)
        return;
    event_free(watch->readable);
    close(watch->fd);
    free(watch);
}

static void replace(const struct file_watch *watch, int *descriptor, const char *path, uint32_t events)
{
    int before = *descriptor;

    *descriptor = path ? inotify_add_watch(watch->fd, path, events) : -1;
    if (before >= 0 && before != *descriptor)
        inotify_rm_watch(watch->fd, before);
}

void file_watch_set(struct file_watch *watch, int file, const char *folder)
{
    char path[64];

    if (!watch)
        return;
    /* the open file itself, whatever its name leads to by now */
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    replace(watch, &watch->file, file >= 0 ? path : NULL, IN_MODIFY | IN_MOVE_SELF);
    replace(watch, &watch->folder, folder, IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_ONLYDIR);
}
