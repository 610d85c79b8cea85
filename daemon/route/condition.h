/* SPDX-License-Identifier: Apache-2.0 */
/* The condition of a route: severity >= HIGH and not (namespace in [dev, test]). */
#ifndef HARRIER_ROUTE_CONDITION_H
#define HARRIER_ROUTE_CONDITION_H

#include "harrier/deliver.h"

struct condition;

/* NULL if it is wrong: then *column (from 1, in bytes) and *message (the caller frees it; "what, and what to do") tell. */
struct condition *condition_parse(struct slice text, uint32_t *column, char **message);
void condition_free(struct condition *condition);
bool condition_holds(const struct condition *condition, const struct alert_fields *fields);

#endif
