/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HARRIER_HEALTH_GAP_TELL_H
#define HARRIER_HEALTH_GAP_TELL_H

#include "gap.h"
#include "health.h"

#include "harrier/alert.h"

/* What is said of a gap: for each source that API servers send to, whose clusters had come in, which time is to be sent again, with the command. What sends
 * from a queue of its own (log shippers, clouds' exports) or is read from a file comes again by itself. */

/* The notices, each valid while visit runs. */
void gap_notices(const struct config *config, const struct health *health, const struct gap_span *span, health_visit *visit, void *context);
/* "awk '...' audit.log | curl ... 'http://127.0.0.1:9443/k8s-audit'": what is the operator's to fill in is in capitals. Of the log only that time, for
 * the log has other bytes than the webhook, and what came already would be a second alert. cluster: empty: several. */
void gap_command(const struct config_source *source, struct slice cluster, const struct gap_span *span, struct buffer *out);

#endif
