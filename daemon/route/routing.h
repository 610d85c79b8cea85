/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HARRIER_ROUTE_ROUTING_H
#define HARRIER_ROUTE_ROUTING_H

#include "harrier/alert.h"
#include "harrier/deliver.h"
#include "harrier/submission.h"

/* Adds the alert to the submission, with the destinations that the routes send it to. Errors as submission_add_alert has them. */
enum result routing_add_alert(const struct deliver_routes *routes, const struct alert *alert, struct submission *submission);

#endif
