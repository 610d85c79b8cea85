/* SPDX-License-Identifier: Apache-2.0 */
/* Lines into messages. A line of a container's log, as the container runtime writes it, is a time, the stream, a tag and text; what was too
 * long for one line is in several, tagged P but for the last (Kubernetes, "CRI container log format"):
 *   2026-11-24T04:46:20.000000000Z stdout P {"kind":"Event","audi
 *   2026-11-24T04:46:20.000000001Z stdout F tID":"0c1d..."}
 * Any other line is a message as it stands (but for NULs at its beginning, which a truncated file can show), so this reads plain NDJSON
 * too: each line is told by looking at it. */
#ifndef HARRIER_CRI_H
#define HARRIER_CRI_H

#include "harrier/base/result.h"
#include "harrier/base/slice.h"

enum { CRI_WAITING_MAX = 1024 * 1024 };

struct cri_sink {
    void *context;
    /* The next bytes of the message in hand, never empty, valid during the call. A whole message's last byte is its newline. */
    enum result (*text)(void *context, struct slice bytes);
    void (*message_end)(void *context);
};

struct cri_reader;

struct cri_reader *cri_reader_new(const struct cri_sink *sink);
void cri_reader_free(struct cri_reader *reader);
/* The next bytes, in pieces of any size; the sink gets its text as it comes. Parts of stdout and of stderr that stand between each other
 * are put in order: what comes between the parts of a message waits for its end, at most CRI_WAITING_MAX bytes, or the message is ended as
 * it is, and what comes of it later is another one.
 * Anything but RESULT_OK is what text() gave; the reader must then be reset. */
enum result cri_reader_feed(struct cri_reader *reader, struct slice bytes);
/* The input has ended: what is unfinished is a message as it is. The reader is as new. */
enum result cri_reader_finish(struct cri_reader *reader);
/* As new; what is unfinished is forgotten. */
void cri_reader_reset(struct cri_reader *reader);
/* If these bytes were fed now: how many of them, from the first on, until the last place where no message is unfinished; 0: there is none.
 * *lines (may be NULL): how many lines end within them. */
size_t cri_reader_boundary(const struct cri_reader *reader, struct slice bytes, uint64_t *lines);
/* Of what was fed, nothing is unfinished. */
bool cri_reader_is_between_messages(const struct cri_reader *reader);
/* If these bytes were fed now: no line is unfinished, but a message is, of which more parts are to come. */
bool cri_reader_is_between_parts(const struct cri_reader *reader, struct slice bytes);
/* If these bytes were fed now: do whole messages wait for an unfinished one of another stream? *read: how many bytes the reader would have
 * got since it was new. */
bool cri_reader_is_held_up(const struct cri_reader *reader, struct slice bytes, uint64_t *read);
/* As cri_reader_boundary, but a message that holds others up is left alone if its last part is within the first `old` bytes since the reader
 * was new: where *boundary bytes (perhaps none) are fed, nothing but such messages is unfinished, and cri_reader_finish ends them. False:
 * there is no such place. */
bool cri_reader_boundary_without(const struct cri_reader *reader, struct slice bytes, uint64_t old, size_t *boundary, uint64_t *lines);

#endif
