/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HARRIER_COMMIT_MAILBOX_H
#define HARRIER_COMMIT_MAILBOX_H

#include <event2/event.h>
#include <stddef.h>

/* Messages from any thread to the thread that runs an event_base. Posting never blocks and never drops: what may be posted is bounded by
 * those who post (a connection has a reserved place, an answer belongs to a request). */
struct mailbox;

struct mailbox_message {
    struct mailbox_message *next;
    void (*deliver)(struct mailbox_message *message, void *context); /* on the receiving thread; frees the message */
};

/* context is handed to each message's deliver. */
struct mailbox *mailbox_new(struct event_base *base, void *context);
/* Undelivered messages are delivered first. */
void mailbox_free(struct mailbox *mailbox);
void mailbox_post(struct mailbox *mailbox, struct mailbox_message *message);

#endif
