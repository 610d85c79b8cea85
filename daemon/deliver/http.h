/* SPDX-License-Identifier: Apache-2.0 */
/* POSTs by libcurl's multi interface on an event_base. Connections and easy handles are kept and used again. */
#ifndef HARRIER_DELIVER_HTTP_H
#define HARRIER_DELIVER_HTTP_H

#include "destination.h"

struct event_base;
struct http;

/* The answer, or the transport error; response lives until it returns. It may post again. */
typedef void (*http_answered)(const struct http_response *response, int64_t tag, uint32_t round, void *context);
/* All answers that were there have been told. */
typedef void (*http_turn)(void *context);

struct http *http_new(struct event_base *base, http_turn turn, void *turn_context);
/* What is in flight is broken off without a word. */
void http_free(struct http *http);

/* Takes request's headers and body. tag, round and context come back with the answer. */
void http_post(struct http *http, const struct destination *destination, struct http_request *request, http_answered answered, int64_t tag,
               uint32_t round, void *context);
void http_request_free(struct http_request *request);

#endif
