/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HARRIER_SERVER_ADMIN_DEAD_RETRY_H
#define HARRIER_SERVER_ADMIN_DEAD_RETRY_H

#include "page.h"

/* POST /dead/retry?alert=N&destination=NAME: puts dead deliveries back into the queue; alert 0 or none: all of them. The commit thread does it, and may be
 * busy for long, so the answer waits for it and the main thread does not. */
struct dead_retries;
struct server;

struct dead_retries *dead_retries_new(struct server *server);
/* A page's handler; argument: struct dead_retries. */
void dead_retries_cb(struct page_request *request, void *argument);
/* Answers all that wait with 503. To be called before the page is freed. NULL is nothing. */
void dead_retries_stop(struct dead_retries *retries);
/* To be called once the commit thread has ended. NULL is nothing. */
void dead_retries_free(struct dead_retries *retries);

#endif
