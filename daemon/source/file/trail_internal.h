/* SPDX-License-Identifier: Apache-2.0 */
/* A trail's state, for trail.c, which reads the file in hand, and trail_open.c, which finds the next. */
#ifndef HARRIER_SOURCE_FILE_TRAIL_INTERNAL_H
#define HARRIER_SOURCE_FILE_TRAIL_INTERNAL_H

#include "rotation.h"
#include "trail.h"
#include "harrier/base/vector.h"

/* Files that are kept open for a follower that lags behind rotations; beyond them, names alone tell what was missed. And rotated files of which
 * it is known that they were read. */
enum { PINNED_MAX = 16, ENDS_MAX = 256 };

/* Where the next file comes from while none is open. */
enum begin {
    BEGIN_NEWEST, /* nothing was read before: the newest file from its first byte */
    BEGIN_RESUME, /* the file that holds `last` */
    BEGIN_AFTER   /* the one that was written after that of `last` */
};

/* The newest file is where the path leads. A file to which it leads no more is superseded: it is read to its end, for which a writer that
 * still has it open is given some time, and then the next in the order of writing is opened: perhaps another rotated file, at last the
 * newest. */
struct trail {
    char *name, *path;
    char *folder, *base; /* of the newest file, symbolic links followed, */
    bool linked;         /* of which the path is one */
    clock_nanos grace;
    enum begin begin;
    struct followed_position last; /* BEGIN_RESUME, BEGIN_AFTER */
    bool searched;                 /* for the file that holds it, while there is no newest one */
    struct followed_file file;
    uint64_t read_to; /* offset in it */
    uint64_t turn;
    bool superseded;
    bool settled; /* nobody writes to it any more */
    bool at_end;
    clock_nanos superseded_at, grown_at; /* monotonic */
    VECTOR(struct followed_position) ends; /* of the last rotated files that were read, up to where */
    VECTOR(uint64_t) unreadable;         /* inodes of files that were passed over since the newest was last reached */
    VECTOR(struct followed_file) pinned; /* that the path led to since, while the file in hand was read: nobody can remove them */
    clock_nanos trouble_since;           /* a file between the last and the next is missing, or cannot be read; 0: none */
    uint64_t told;                       /* files that were reported so since the last one */
    int complaint;                       /* errno that was logged last; 0: none since the last success */
    uint64_t rotations, truncations, lost;
};

/* Once, until it is better. */
void trail_complain(struct trail *trail, int error, const char *what);
void trail_be_content(struct trail *trail);
/* Where the path leads now. */
void trail_resolve_path(struct trail *trail);
/* The file is in hand from now on, and the trail's. */
void trail_use(struct trail *trail, const struct followed_file *file, uint64_t offset);
/* The path leads elsewhere than to the file in hand. */
void trail_supersede(struct trail *trail, clock_nanos now);
/* The next file. False: there is none, or it cannot be told yet. */
bool trail_open_file(struct trail *trail, clock_nanos now);
/* Of a file that was empty when it was last modified: what was rotated since, opened. */
bool trail_open_rotated_since_empty(const struct trail *trail, clock_nanos modified, struct followed_file *rotated);
void trail_go_on_after_empty(struct trail *trail, const struct followed_file *rotated, clock_nanos now);
struct rotation_log trail_log(const struct trail *trail);
bool trail_is_same_file(const struct followed_file *a, const struct followed_file *b);

#endif
