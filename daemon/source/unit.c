/* SPDX-License-Identifier: Apache-2.0 */
/* Units in hand: from the handler's begin() to the answer, whoever it goes to. */
#include "channel.h"

#include "harrier/base/memory.h"

#include <stdlib.h>

struct source_request *unit_begin(struct source_worker *worker, const struct source_head *head, void *owner,
                                  const struct request_owner *owner_type, struct source_refusal *refusal)
{
    struct source_request *request = xcalloc(1, sizeof *request);

    *refusal = (struct source_refusal){503, worker->limits.retry_after, NULL};
    request->worker = worker;
    request->owner = owner;
    request->owner_type = owner_type;
    request->context = worker->handler.begin(worker->handler.data, request, head, refusal);
    if (request->context) {
        LIST_INSERT_HEAD(&worker->requests, request, entry);
        return request;
    }
    free(request);
    counter_add(&worker->counters.bounds[SOURCE_BOUND_REFUSED], 1);
    return NULL;
}

void unit_abort(struct source_request *request)
{
    LIST_REMOVE(request, entry);
    request->worker->handler.abort(request->context);
    free(request);
}

bool source_request_position(const struct source_request *request, struct source_position *position)
{
    return request->owner && request->owner_type->position && request->owner_type->position(request->owner, position);
}

void source_request_answer(struct source_request *request, unsigned int status, unsigned int retry_after, struct slice json)
{
    void *owner = request->owner;
    const struct request_owner *owner_type = request->owner_type;

    if (request->worker) {
        LIST_REMOVE(request, entry);
        if (!owner)
            counter_add(&request->worker->counters.answers_dropped, 1);
    }
    free(request);
    if (owner)
        owner_type->answered(owner, status, retry_after, json.length ? json : SLICE("{}"));
}
