/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that a container runtime wrote in parts, joined again: containers' lines tagged P (audit_text.h), and records of log shippers with a part of
 * a line each. Only the first part begins where the log's line does. Where the others begin is for whoever can make a request long enough to
 * choose, so what looks like an event there is never one. */
#ifndef HARRIER_DAEMON_AUDIT_PARTS_H
#define HARRIER_DAEMON_AUDIT_PARTS_H

#include "harrier/base/buffer.h"
#include "harrier/base/digest.h"
#include "harrier/json_walk.h"

struct audit_reader;

enum { PARTS_LINES = 8 };

/* A line of which more parts come. Its key is the digest of what tells its source: parts of several lines stand between each other, and who may name a pod must
 * not be able to put a part of his own into another's line. */
struct part_line {
    uint8_t key[DIGEST_SHA256_BYTES];
    struct buffer text;
    size_t charged;
    uint64_t begin, line; /* of its first part, in the reader's input */
    bool full_part; /* its last part was as long as a runtime's parts are */
    bool given_up;  /* it was judged as far as it came, and more of it is left out */
};

/* Of more lines at once than there is room for, the oldest is ended as it is. */
struct parts {
    struct part_line lines[PARTS_LINES];
    size_t count;
};

struct part_line *parts_find(struct audit_reader *reader, const uint8_t key[DIGEST_SHA256_BYTES]);
/* A first part comes. */
struct part_line *parts_begin(struct audit_reader *reader, const uint8_t key[DIGEST_SHA256_BYTES], uint64_t offset, uint64_t line);
/* A line that is longer than an event may be, or than the budget allows, is judged as far as it came, and is a dead letter beside that. */
void parts_append(struct audit_reader *reader, struct part_line *line, struct slice text);
/* No more comes of it: what it carries is read as the text of an envelope is. is_whole: that was its last part. */
void parts_end(struct audit_reader *reader, struct part_line *line, bool is_whole);
/* The input ends: also what the readers of its envelopes have. */
void parts_end_all(struct audit_reader *reader);
/* All is forgotten, and given back. */
void parts_drop(struct audit_reader *reader);

/* A record of a log shipper: is it a part of a line? Then it was taken, or is a dead letter. */
bool record_take_part(struct audit_reader *reader, struct slice record);
/* Digest of the members that name the record's source, for the key of what is in its text. */
void record_source(struct slice record, uint8_t source[DIGEST_SHA256_BYTES]);

#endif
