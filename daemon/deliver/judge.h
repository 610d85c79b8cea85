/* SPDX-License-Identifier: Apache-2.0 */
/* What HTTP says by its status, where a driver knows nothing better, and how an answer is told to people. */
#ifndef HARRIER_DELIVER_JUDGE_H
#define HARRIER_DELIVER_JUDGE_H

#include "destination.h"

/* RFC 9110 section 15, read for a sender of events: 2xx delivered; 408, 425, 429 and 5xx and transport errors: again later; 400 and what else
 * blames the content: dead; 413: shrink; 3xx (never followed: it would carry the secret on) and all other 4xx: hold. A failure before anything was
 * sent is the destination's. */
void judge_status(const struct http_response *response, struct verdict *verdict);
/* Fills verdict->reason: scheme and host, status or transport error, and the beginning of the answer, printable and with all secrets masked. */
void judge_explain(const struct destination *destination, const struct http_response *response, struct verdict *verdict);

#endif
