/* SPDX-License-Identifier: Apache-2.0 */
#include "mailbox.h"

#include "harrier/base/memory.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A list under a mutex and an eventfd that wakes the loop: the bases need no locks of libevent's. */
struct mailbox {
    pthread_mutex_t mutex;
    struct mailbox_message *first;
    struct mailbox_message **last;
    int wake_fd;
    struct event *wake;
    void *context;
};

static void deliver_all(struct mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->mutex);
    struct mailbox_message *message = mailbox->first;
    mailbox->first = NULL;
    mailbox->last = &mailbox->first;
    pthread_mutex_unlock(&mailbox->mutex);
    while (message) {
        struct mailbox_message *next = message->next;
        message->deliver(message, mailbox->context);
        message = next;
    }
}

static void wake_cb(evutil_socket_t fd, short what, void *argument)
{
    uint64_t count;
    ssize_t ignored = read(fd, &count, sizeof count);
    (void)ignored;
    (void)what;
    deliver_all(argument);
}

struct mailbox *mailbox_new(struct event_base *base, void *context)
{
    struct mailbox *mailbox = xcalloc(1, sizeof *mailbox);

    pthread_mutex_init(&mailbox->mutex, NULL);
    mailbox->last = &mailbox->first;
    mailbox->context = context;
    mailbox->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    mailbox->wake = event_new(base, mailbox->wake_fd, EV_READ | EV_PERSIST, wake_cb, mailbox);
    event_priority_set(mailbox->wake, 0); /* the first, where the loop has several */
    event_add(mailbox->wake, NULL);
    return mailbox;
}

void mailbox_free(struct mailbox *mailbox)
{
    if (!mailbox)
        return;
    deliver_all(mailbox);
    event_free(mailbox->wake);
    close(mailbox->wake_fd);
    pthread_mutex_destroy(&mailbox->mutex);
    free(mailbox);
}

void mailbox_post(struct mailbox *mailbox, struct mailbox_message *message)
{
    const uint64_t one = 1;

    message->next = NULL;
    pthread_mutex_lock(&mailbox->mutex);
    *mailbox->last = message;
    mailbox->last = &message->next;
    pthread_mutex_unlock(&mailbox->mutex);
    ssize_t ignored = write(mailbox->wake_fd, &one, sizeof one);
    (void)ignored;
}
