/* SPDX-License-Identifier: Apache-2.0 */
/* A source that follows a file through its rotations, or reads standard input. It hands stretches of whole lines to the worker's handler as
 * units (harrier/source.h), one at a time: each line is one message, a container's log is unwrapped (harrier/cri.h). A stretch that is not
 * acknowledged is handed over again; how far the file was read is stored with the stretch, so that nothing is lost and at most a second of
 * lines is read twice when the process is killed.
 *
 * Every function is called on the thread of the worker's event_base, but source_follower_count. */
#ifndef HARRIER_FOLLOWER_H
#define HARRIER_FOLLOWER_H

#include "harrier/source.h"

struct source_follower;

/* Zero means the default that is given behind each. */
struct source_follower_options {
    size_t source;                 /* source_head.source of its units */
    const char *name;              /* of the source, for the log */
    const char *path;              /* "-": standard input, which may be no terminal */
    const char *position_key;      /* by which the position is stored (source_position.key); NULL: the source's name */
    size_t stretch_bytes;          /* of one unit, but for longer messages; 1 MiB */
    clock_nanos look_interval;     /* at least so often the file is looked at, whatever inotify says; first wait after a failure; 1 s */
    clock_nanos grace;             /* a rotated file is read on until it has not grown for so long; 3 s */
    clock_nanos part_grace;        /* a container's message is ended as it is if others wait for its next part so long; 5 s */
    clock_nanos position_interval; /* a position that has nothing with it is stored at most so often; 1 s */
};

enum { SOURCE_FOLLOWER_POSITION_BYTES = 256 };

/* Where a follower begins that was never there before: at the first byte of the file that is there now, or of what will be written from now on,
 * if there is none. Stored before anybody is told that the file is followed, it is found again whatever a rotation does to it. */
void source_follower_first_position(const char *path, char position[SOURCE_FOLLOWER_POSITION_BYTES]);

/* position: what source_request_position gave for the source's last stored unit; empty: none, the file is read from its beginning. Both
 * are copied. */
struct source_follower *source_follower_new(struct source_worker *worker, const struct source_follower_options *options,
                                            struct slice position);
/* Reading begins with the loop's next turn. */
void source_follower_start(struct source_follower *follower);
/* No new stretch is begun; a message that is not complete is given up (it is read again after the next start). */
void source_follower_drain(struct source_follower *follower);
/* Before the worker is freed. An answer that is still owed is dropped. */
void source_follower_free(struct source_follower *follower);

/* Totals since the start, but for the last ones. Of what is acknowledged. */
struct source_follower_counts {
    uint64_t bytes, lines;
    uint64_t rotations, truncations;
    uint64_t lost;      /* files, or ends of files, that were missing: truncated, removed, or packed by an unknown packer before they were read */
    uint64_t refusals;  /* stretches that had to be read again */
    uint64_t lag_bytes; /* of the file and of a newer one, not acknowledged yet */
    uint64_t offset;    /* position */
    uint64_t inode;     /* of the file in hand */
    uint64_t unfollowed; /* files that a pattern matches beyond the bound, and that are not read */
    uint64_t readable;  /* 1; 0 for a file that is not there or may not be read, and after the end of standard input */
};

/* Any thread. */
void source_follower_count(const struct source_follower *follower, struct source_follower_counts *counts);

#endif
