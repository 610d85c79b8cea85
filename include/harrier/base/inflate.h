/* SPDX-License-Identifier: Apache-2.0 */
/* Unpacking what a stranger has packed: gzip (RFC 1952), deflate (RFC 1950 or 1951) and Zstandard (RFC 8878), in pieces of any size, in bounded memory, within bounds on what may
 * come out. */
#ifndef HARRIER_INFLATE_H
#define HARRIER_INFLATE_H

#include "harrier/base/result.h"
#include "harrier/base/slice.h"

#include <stddef.h>

enum inflate_format { INFLATE_GZIP, INFLATE_ZSTD, INFLATE_DEFLATE };

struct inflate_limits {
    uint64_t bytes; /* that may come out in all; 0: no bound */
    uint64_t ratio; /* bytes out for each byte in, looked at beyond the first 32 MiB that come out; 0: no bound */
    /* The inflater's memory is about to grow (or has shrunk, negative) by bytes; false refuses it. NULL: it is not asked for. A zstd frame's window,
     * which the frame itself chooses (RFC 8878 section 3.1.1.1.2), is asked for when its header has come. */
    bool (*budget)(void *context, ptrdiff_t bytes);
    void *context;
};

struct inflater;

/* Unpacked bytes, valid during the call. Anything but RESULT_OK ends the unpacking with that result. */
typedef enum result inflate_sink(void *data, struct slice bytes);

/* With any bound, a zstd window of more than 8 MiB (RFC 9659) is refused as well; without, zstd's own bound holds. NULL: the budget refuses. */
struct inflater *inflater_new(enum inflate_format format, const struct inflate_limits *limits);
void inflater_free(struct inflater *inflater);
/* The next packed bytes. Members (gzip) and frames (zstd, skippable ones too) may follow one another; zeros behind the last gzip member are
 * padding. RESULT_INVALID: damaged; RESULT_LIMIT: a bound was hit; RESULT_BUSY: the budget refuses a window; else what the sink gave. After any of these nothing more is taken, and the
 * same result is given again. */
enum result inflater_feed(struct inflater *inflater, struct slice bytes, inflate_sink *sink, void *data);
/* The same, at the caller's own pace: takes from the front of bytes what it needs for the next unpacked ones, at most 64 KiB, valid until the next call.
 * Empty: more packed bytes are needed. More may come without any: as long as inflater_has_more. */
enum result inflater_next(struct inflater *inflater, struct slice *bytes, struct slice *unpacked);
bool inflater_has_more(const struct inflater *inflater);
/* The packed bytes have ended: RESULT_INVALID if that was within a member or frame, or before the first. */
enum result inflater_finish(struct inflater *inflater);
/* What was wrong, in words. */
const char *inflater_error(const struct inflater *inflater);

/* Do packed bytes begin so? Four bytes are enough to tell; of fewer, false, and of INFLATE_DEFLATE, which has no mark. */
bool inflate_begins(enum inflate_format format, struct slice bytes);

#endif
