/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that a container runtime wrote in parts and that a log shipper did not join again. Only the first part begins where the audit log's line
 * does. Where the others begin is for whoever can make a request long enough to choose, so what looks like an event there is never one. */
#ifndef HARRIER_DAEMON_AUDIT_SPLIT_H
#define HARRIER_DAEMON_AUDIT_SPLIT_H

#include "harrier/json_walk.h"

#include <stdbool.h>
#include <stdint.h>

enum { SPLIT_SOURCES = 8 };

/* A line of which more parts come, told by the record's members that name its source: records of several may stand between each other. */
struct split_line {
    uint64_t source;
    bool full; /* its last part was as long as a runtime's parts are */
};

/* Of more lines at once than there is room for, the oldest is forgotten. */
struct split {
    struct split_line lines[SPLIT_SOURCES];
    size_t count;
};

/* Is the record a part of a line that is not its first? Keeps in mind whether more are to come. */
bool split_is_rest(struct split *split, struct slice record);
/* The record is no rest, and its text no whole event: it may be a first part. */
void split_note_first(struct split *split, struct slice record);

#endif
