/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of audit.h: reader.c takes bytes and recovers from wrong syntax, values.c follows the values. */
#ifndef HARRIER_DAEMON_AUDIT_READER_H
#define HARRIER_DAEMON_AUDIT_READER_H

#include "daemon/audit/item.h"
#include "daemon/audit/shape.h"
#include "harrier/audit.h"

/* An envelope in an envelope, at most six times: each is an array, or an object whose list was entered; and the event itself. */
enum { FRAMES = 13 };

/* An array whose elements are judged, or an object that is being judged by its members. */
struct frame {
    bool is_array;
    uint64_t begin;
    struct audit_shape shape; /* of an object */
};

/* Which object the members of the head are being read from. */
enum head_object { HEAD_EVENT, HEAD_USER, HEAD_OBJECT_REF };

/* What to do with bytes that follow wrong syntax, until reading goes on. */
enum tail_until { TAIL_NONE, TAIL_NEWLINE, TAIL_OPENING_LINE, TAIL_END };

/* Bytes that are lost to wrong syntax: from the item that broke (or the error, if no item was open) to where reading resumes. */
struct tail {
    enum tail_until until;
    uint64_t begin;
    uint64_t end;
    uint64_t line;
    bool behind_newline;
    struct buffer bytes; /* its beginning */
    char detail[112];
};

struct audit_reader {
    struct audit_limits limits;
    enum audit_accept accept;
    struct audit_sink sink;
    struct json_stream *stream;
    uint64_t offset;    /* of the next byte fed */
    uint8_t mark_bytes; /* of a byte order mark, at the input's beginning */
    bool busy;          /* the budget refused */

    struct frame frames[FRAMES];
    size_t frame_count;
    enum audit_member member; /* whose value comes next */
    enum head_object head_object;
    bool skipping; /* the stream tells only the end of the container at hand */

    struct item item;         /* the innermost object, as long as it may be an event */
    struct udm_k8s_head head; /* texts point into the piece, or into texts */
    struct buffer texts[HEAD_MEMBERS];
    struct tail tail;
    bool read_something; /* one whole JSON value at least, an item's too */
    uint64_t error_offset;
    struct audit_counts counts;
};

extern const struct json_handlers audit_handlers;

/* A dead letter, counted. */
void audit_reader_dead(struct audit_reader *reader, const struct audit_dead *dead);
/* The item is an event, with these bytes: counted, and told if it is wanted. */
void audit_reader_deliver(struct audit_reader *reader, enum audit_kind kind, struct slice bytes, bool complete);
void audit_reader_forget_frames(struct audit_reader *reader);

#endif
