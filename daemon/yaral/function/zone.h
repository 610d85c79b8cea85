/* SPDX-License-Identifier: Apache-2.0 */
/* Time zones by name or offset. The C library knows the zone of its process only (TZ), so a zone's own file is read, once, at load. */
#ifndef HARRIER_YARAL_FUNCTION_ZONE_H
#define HARRIER_YARAL_FUNCTION_ZONE_H

#include "harrier/base/slice.h"

struct zone;

/* A name of the tz database ("Europe/Berlin", "GMT", "UTC") or an offset ("+1:00", "-08:00"). NULL when it is neither; *wrong then says
 * what is wrong. */
struct zone *zone_new(struct slice name, const char **wrong);
void zone_free(struct zone *zone);
/* Seconds east of Greenwich at a Unix time. zone NULL: GMT. */
int64_t zone_offset(const struct zone *zone, int64_t unix_seconds);
/* The Unix time at which clocks of the zone show what a clock in Greenwich shows at `shown`. Of two (clocks set back) the first; of none
 * (clocks set forward) by the offset that went before. */
int64_t zone_to_unix(const struct zone *zone, int64_t shown);

#endif
