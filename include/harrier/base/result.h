/* SPDX-License-Identifier: Apache-2.0 */
/* One vocabulary of results for the whole program. A function that can fail for more than one reason returns an
 * enum result; what it produces goes out by pointer. The text of a result is for people; details (a file, a line, an
 * errno's text) go beside it in a struct of the function's own or in the log. */
#ifndef HARRIER_RESULT_H
#define HARRIER_RESULT_H

enum result {
    RESULT_OK = 0,
    RESULT_NOT_FOUND,      /* no such file, key, row */
    RESULT_EXISTS,         /* there already */
    RESULT_INVALID,        /* the input breaks its format */
    RESULT_LIMIT,          /* a configured bound was hit */
    RESULT_BUSY,           /* try again later: a queue is full, memory is budgeted out */
    RESULT_DENIED,         /* permission refused */
    RESULT_IO,             /* the operating system reported an error */
    RESULT_FULL,           /* the disk is full */
    RESULT_CORRUPT,        /* stored data is damaged: nothing is known of what was to be stored, which is RESULT_INVALID if it is bad itself */
    RESULT_GONE,           /* what was opened was removed, or replaced by something else */
    RESULT_UNSUPPORTED,    /* understood, but not available here */
    RESULT_CLOSED,         /* the peer or the queue is gone */
    RESULT_TIMEOUT,        /* the time allowed has passed */
    RESULT_COUNT
};

/* A short lower-case English text for the result, never NULL. */
const char *result_text(enum result result);

/* The result that stands for an errno value. */
enum result result_from_errno(int error);

#endif
