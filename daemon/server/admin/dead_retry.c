/* SPDX-License-Identifier: Apache-2.0 */
#include "dead_retry.h"

#include "daemon/server/internal.h"
#include "daemon/commit/mailbox.h"

#include "harrier/base/memory.h"

#include <stdlib.h>

/* One request that waits for the commit thread. Its connection stays as long: nobody reads there meanwhile, and an answer to who is gone is dropped. */
struct dead_retry {
    struct mailbox_message message;
    struct dead_retry *next;
    struct page_request *request; /* NULL: answered */
    struct mailbox *mailbox;
    enum result result;
    uint64_t count;
};

struct dead_retries {
    struct server *server;
    struct mailbox *mailbox; /* from the commit thread */
    struct dead_retry *waiting;
};

struct dead_retries *dead_retries_new(struct server *server)
{
    struct dead_retries *retries = xcalloc(1, sizeof *retries);
    retries->server = server;
    retries->mailbox = mailbox_new(server->base, retries);
    return retries;
}

static void answer_retry(struct page_request *request, enum result result, uint64_t count)
{
    if (result == RESULT_OK || result == RESULT_NOT_FOUND) {
        struct buffer body = {NULL, 0, 0};
        buffer_printf(&body, "{\"retried\":%llu}", (unsigned long long)count);
        admin_reply(request, 200, "OK", "application/json", &body);
        buffer_free(&body);
    } else {
        admin_reply_text(request, 503, "Service Unavailable", result_text(result));
    }
}

static void forget_retry(struct dead_retries *retries, struct dead_retry *retry)
{
    struct dead_retry **at = &retries->waiting;
    while (*at != retry)
        at = &(*at)->next;
    *at = retry->next;
    free(retry);
}

/* On the main thread. */
static void retry_arrived(struct mailbox_message *message, void *context)
{
    struct dead_retry *retry = (struct dead_retry *)message;
    if (retry->request)
        answer_retry(retry->request, retry->result, retry->count);
    forget_retry(context, retry);
}

/* On the commit thread. */
static void retry_done(void *context, enum result result, uint64_t count)
{
    struct dead_retry *retry = context;
    retry->result = result;
    retry->count = count;
    mailbox_post(retry->mailbox, &retry->message);
}

static void submit_retry(struct dead_retries *retries, struct page_request *request, int64_t alert, const char *destination)
{
    struct dead_retry *retry = xcalloc(1, sizeof *retry);
    retry->message.deliver = retry_arrived;
    retry->request = request;
    retry->mailbox = retries->mailbox;
    retry->next = retries->waiting;
    retries->waiting = retry;
    if (commit_retry_dead(retries->server->commit, alert, destination, retry_done, retry))
        return;
    forget_retry(retries, retry);
    answer_retry(request, RESULT_BUSY, 0);
}

void dead_retries_cb(struct page_request *request, void *argument)
{
    const char *number = page_request_parameter(request, "alert");
    const char *destination = page_request_parameter(request, "destination");
    int64_t alert = 0;

    if (number && (!slice_to_int64(slice_of(number), &alert) || alert < 0))
        admin_reply_text(request, 400, "Bad Request", "`alert` is the number of an alert");
    else if (destination && strlen(destination) >= STORE_NAME_MAX)
        answer_retry(request, RESULT_NOT_FOUND, 0);
    else
        submit_retry(argument, request, alert, destination && destination[0] ? destination : NULL);
}

void dead_retries_stop(struct dead_retries *retries)
{
    for (struct dead_retry *retry = retries ? retries->waiting : NULL; retry; retry = retry->next) {
        if (retry->request)
            admin_reply_text(retry->request, 503, "Service Unavailable", "the daemon is about to end");
        retry->request = NULL;
    }
}

void dead_retries_free(struct dead_retries *retries)
{
    if (!retries)
        return;
    mailbox_free(retries->mailbox); /* hands out what is in it, and so ends each that waits */
    free(retries);
}
