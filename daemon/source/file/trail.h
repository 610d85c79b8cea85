/* SPDX-License-Identifier: Apache-2.0 */
/* A log through its rotations: the bytes of one file after the other, in the order in which they were written. Reads and looks, and waits
 * for nothing: whoever calls says what time it is. */
#ifndef HARRIER_SOURCE_FILE_TRAIL_H
#define HARRIER_SOURCE_FILE_TRAIL_H

#include "followed_file.h"

struct trail;

/* name: of the source, for the log. path: where the log's newest file is, or will be; it may be a symbolic link. grace: how long a rotated
 * file must not have grown to be at its end. position: where to go on (trail_position); empty: at the first byte of the newest file. */
struct trail *trail_new(const char *name, const char *path, clock_nanos grace, struct slice position);
void trail_free(struct trail *trail);

enum trail_state {
    TRAIL_BYTES,   /* some were read */
    TRAIL_NOTHING, /* none now */
    TRAIL_AGAIN,   /* none yet: a packed file takes some turns until the place is reached */
    TRAIL_END      /* the file will have no more: a line that is unfinished in it stays so. trail_next goes on */
};

/* The next bytes, at most size. now: monotonic. */
enum trail_state trail_read(struct trail *trail, clock_nanos now, char *bytes, size_t size, size_t *length);
/* Whether or not anything is to be read now: the file that the path leads to is kept open until its turn comes, if it is another than
 * before, so that a rotation cannot take it away from who lags behind. Cheap; to be called often. */
void trail_look(struct trail *trail);
/* The last bytes that were read will be read again, from this file, unless it was truncated: then they are counted as lost. */
void trail_go_back(struct trail *trail, uint64_t bytes);
/* After TRAIL_END: does a message that was begun in this file perhaps go on in the next? Not if bytes between them are missing, or if the
 * path leads to another log by now. */
bool trail_goes_on(const struct trail *trail);
/* After TRAIL_END: the file that was written after this one. */
void trail_next(struct trail *trail);
/* Reading goes on at a place that trail_position gave, in whatever file it is by now. */
void trail_resume(struct trail *trail, struct slice position);

/* The place before the last `unread` of the bytes that were read from this file. False: there is no file yet. */
bool trail_position(const struct trail *trail, uint64_t unread, char text[FOLLOWED_POSITION_TEXT]);

/* The place before the first byte of the file that is there, or of what will be written from now on, if there is none. wall: now. */
void trail_first_position(const char *path, clock_nanos wall, char text[FOLLOWED_POSITION_TEXT]);

struct trail_figures {
    bool open;       /* a file is being read */
    uint64_t inode;  /* its inode */
    uint64_t offset; /* up to where it was read */
    uint64_t behind; /* bytes not read yet, of this file and of the newest */
    uint64_t rotations;
    uint64_t truncations;
    uint64_t lost; /* files, or ends of files, that were no longer there or not readable when their turn came */
};
void trail_figures(const struct trail *trail, struct trail_figures *figures);

/* For watching: the file that is being read (-1: none), which file in turn that is, and the folder of the log. */
int trail_descriptor(const struct trail *trail);
uint64_t trail_turn(const struct trail *trail);
const char *trail_folder(const struct trail *trail);

#endif
