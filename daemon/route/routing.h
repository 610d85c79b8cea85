/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HARRIER_ROUTE_ROUTING_H
#define HARRIER_ROUTE_ROUTING_H

#include "harrier/alert.h"
#include "harrier/base/arena.h"
#include "harrier/deliver.h"
#include "harrier/submission.h"

/* Adds the alert to the submission, with the destinations that the routes send it to. The arena is scratch: it is reset here. Errors as
 * submission_add_alert has them. */
enum result routing_add_alert(const struct deliver_routes *routes, struct arena *scratch, const struct alert *alert, struct submission *submission);

/* Bytes that adding an alert of that JSON takes at most, in the submission and on the way there, beside a few that any alert takes. */
size_t routing_memory(const struct deliver_routes *routes, struct slice alert);

#endif
