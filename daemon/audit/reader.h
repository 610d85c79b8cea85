/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of audit.h: reader.c takes bytes and recovers from wrong syntax, values.c follows the values, envelope.c looks at an object that is no
 * event a second time, record.c and parts.c join lines that came in parts, payload.c reads what it carries, and unpack.c what of it is base64. */
#ifndef HARRIER_DAEMON_AUDIT_READER_H
#define HARRIER_DAEMON_AUDIT_READER_H

#include "item.h"
#include "parts.h"
#include "shape.h"
#include "harrier/audit.h"
#include "harrier/audit_text.h"
#include "harrier/json_walk.h"

/* An envelope in an envelope, at most six times: each is an array, or an object whose list was entered; and the event itself. */
enum { FRAMES = 13 };

/* The member that an array was: what its elements may be. */
enum list_kind { LIST_PLAIN, LIST_RECORDS, LIST_LOG_EVENTS, LIST_LOG_RECORDS };

/* An array whose elements are judged, or an object that is being judged by its members. */
struct frame {
    bool is_array;
    enum list_kind list;
    uint64_t begin;
    uint64_t events;          /* counted before it */
    struct audit_shape shape; /* of an object */
};

/* Which object the members of the head are being read from. */
enum head_object { HEAD_EVENT, HEAD_USER, HEAD_OBJECT_REF };

/* What to do with bytes that follow wrong syntax, until reading goes on. */
enum tail_until { TAIL_NONE, TAIL_NEWLINE, TAIL_OPENING_LINE, TAIL_END };

/* Whose payload is being read, which tells what becomes of what is no event in it. */
enum payload_manner {
    PAYLOAD_OF_CLOUD,     /* logs of all kinds go through it: `other` */
    PAYLOAD_OF_COLLECTOR, /* the envelope is a dead letter, once */
    PAYLOAD_OF_BROKEN     /* the envelope is one already */
};

/* What an envelope carries is read by a reader of its own, the child, which is made when it is first needed. */
struct payload {
    enum payload_manner manner;
    uint64_t before;  /* events that the child had counted when the text in hand began */
    uint64_t events;  /* of that text */
    uint64_t other;   /* of all of the envelope */
    uint64_t deferred; /* payloads in it that are set aside: what is in them is not counted yet */
    bool set_aside;    /* the envelope's own is one: the rest is told with it */
    bool left_out;    /* something in it was no event and is not accounted for */
    bool dead_letter; /* the child's word was passed on */
    bool damaged;     /* something in it began as JSON and is none, or was over a bound */
    bool held;        /* part of it is a part of a line, of which more is to come */
};

/* Where the reading is in a line that begins between two values. Within a value it is in JSON, whatever lines that takes. */
enum line_state {
    LINE_BEGINS,
    LINE_HEAD, /* its beginning is in `line_head`: where JSON begins cannot be said yet */
    LINE_JSON,
    LINE_PART, /* the rest of it is a part of a container's line */
    LINE_TEXT  /* of another log: passed over */
};

/* Bytes that are lost to wrong syntax: from the item that broke (or the error, if no item was open) to where reading resumes. */
struct tail {
    enum tail_until until;
    uint64_t begin;
    uint64_t end;
    uint64_t line;
    bool behind_newline;
    bool behind_value; /* on the same line: escape sequences and NULs alone are nothing */
    struct buffer bytes; /* its beginning */
    char detail[112];
};

struct package;
struct unpacking;

struct audit_reader {
    struct audit_limits limits;
    enum audit_accept accept;
    enum audit_format format;
    struct audit_sink sink;
    struct json_stream *stream;
    uint64_t offset; /* of the next byte fed */
    bool busy;       /* the budget refused */

    enum line_state line_state;
    bool begun;          /* the input, or the message in hand, has begun with something */
    uint64_t stream_at;  /* offset of the byte that the stream expects next: what stands in front of JSON is not for it */
    bool messages;       /* the input is messages, which may be text */
    struct audit_name_search text_names; /* in the text in hand, whose beginning is in tail.bytes */
    bool text_is_named;  /* an audit event is, so that it is no other log's */
    uint64_t text_begin, text_length;
    struct buffer line_head;
    uint64_t head_at;    /* where it begins */
    bool behind_head;    /* a container's head was taken off the line in hand */
    bool ends_with_line; /* what began on it ends with it: a log that stamps its lines breaks none */
    bool behind_words;   /* of a logger: what is no event in the line is `other` */
    bool is_last_part;   /* LINE_PART */
    uint8_t part_key[DIGEST_SHA256_BYTES]; /* LINE_PART */
    uint64_t text_lines; /* newlines in a message that is text */
    uint64_t judged;     /* counts.received when the line began */
    uint64_t line_events; /* counts.events then */

    struct frame frames[FRAMES];
    size_t frame_count;
    enum audit_member member; /* whose value comes next */
    enum head_object head_object;
    bool skipping; /* the stream tells only the end of the container at hand */

    struct item item;         /* the innermost object, as long as it may be an event */
    struct item held;         /* the object whose list is being read, until an element says that it is one of events or envelopes */
    size_t held_frames;       /* how many frames its list began with */
    struct udm_k8s_head head; /* texts point into the piece, or into texts */
    struct buffer texts[HEAD_MEMBERS];
    struct tail tail;

    unsigned int level;         /* envelopes around the input */
    struct audit_reader *root;  /* the reader of level 0 */
    struct audit_reader *child; /* NULL until needed */
    struct audit_reader *parent; /* whose child it is; NULL: nobody's */
    struct audit_reader *base;   /* the nearest reader outwards that is nobody's child: it has what is set aside of its input */
    struct package *packages, **last_package;
    struct unpacking *unpacking; /* NULL until needed */
    uint64_t deferred;           /* payloads that were set aside */
    uint64_t turn_bytes;         /* in the root: unpacked in this turn */
    bool truncated;             /* the input is a value that was closed where it was cut: it may lack anything */
    struct payload payload;
    struct parts parts;
    uint64_t parts_taken;
    uint8_t value_source[DIGEST_SHA256_BYTES]; /* of the text in hand, for the child's text_source */
    uint8_t text_source[DIGEST_SHA256_BYTES]; /* of the message in hand, or the record whose text this reader reads: tells the lines in parts apart */
    uint64_t inflated;              /* in the root: bytes that all payloads of this input unpacked to */
    uint64_t credit;                /* in the root: bytes that the input has up to the object in hand */
    struct buffer owner, log_group; /* of the object in hand */
    struct buffer list_cluster;     /* named by the object whose list is being read */
    struct buffer cluster;          /* named by the object in hand, at its end */
    enum udm_provider list_provider, provider; /* as the clusters are */

    bool read_something; /* one whole JSON value at least, an item's too */
    uint64_t error_offset;
    struct audit_counts counts;
};

extern const struct json_handlers audit_handlers;

/* Asks the reader that is the context for so many bytes more, or gives them back: of the type of audit_sink.budget. */
bool audit_reader_ask_budget(void *context, ptrdiff_t bytes);
/* A dead letter, counted. */
void audit_reader_dead(struct audit_reader *reader, const struct audit_dead *dead);
/* The object at hand went over a bound, or broke off: its text was closed behind what is there. */
bool audit_reader_item_is_cut(const struct audit_reader *reader);
/* The object at hand is one, up to end. */
void audit_reader_dead_item(struct audit_reader *reader, enum audit_dead_reason reason, const char *why);
/* The item is an event, with these bytes: counted, and told if it is wanted. */
void audit_reader_deliver(struct audit_reader *reader, enum audit_kind kind, struct slice bytes, bool complete);
void audit_reader_forget_frames(struct audit_reader *reader);
bool audit_reader_opens(const struct audit_reader *reader, enum audit_format format);

/* A LogEntry, whole or closed where it broke off. */
void envelope_log_entry(struct audit_reader *reader, struct slice bytes, bool complete);
/* The object that ends, or broke off, is no event: opens it, if it is an envelope. False: it is none, or one without an event where one should be. */
bool envelope_open(struct audit_reader *reader, struct slice bytes, bool broken);
/* Names cluster and provider of the list that begins, by the members before it. */
void envelope_name_list(struct audit_reader *reader);
/* The list has ended. */
void envelope_forget_list(struct audit_reader *reader);

/* The cluster that the object in hand names, or its list does; empty: neither. */
struct slice audit_reader_cluster(const struct audit_reader *reader);
enum udm_provider audit_reader_provider(const struct audit_reader *reader);

enum payload_form {
    PAYLOAD_TEXT,
    PAYLOAD_BASE64,
    PAYLOAD_ANY_VALUE /* of OTLP: an object that stands for JSON */
};
enum payload_outcome {
    PAYLOAD_DONE,
    PAYLOAD_SET_ASIDE, /* base64: unpack_later */
    PAYLOAD_TOO_DEEP   /* there are too many envelopes around it */
};
/* Reads what the value, which stands in that object, carries: a string's text, or the value itself. */
enum payload_outcome payload_read(struct audit_reader *reader, struct slice object, struct json_raw value, enum payload_form form);
/* Is what the reader of a cloud's payload could not read damage, and no line of another log? */
bool payload_is_damage(const struct audit_dead *dead);

/* The string, base64 of text or of gzip, is read by audit_reader_go_on. PAYLOAD_DONE: the budget refused. */
enum payload_outcome unpack_later(struct audit_reader *reader, struct slice object, struct json_raw string);
/* After each value: without a bound on a turn nothing waits, so that what is told keeps the order of the input whatever its chunks. */
void unpack_if_unbounded(struct audit_reader *reader);
/* What is set aside and under way is given up. */
void unpack_drop(struct audit_reader *reader);
void unpack_free(struct audit_reader *reader);
/* The same of text that is at hand, such as that of joined parts. reader->item's begin and line are those that are told. */
bool payload_read_text(struct audit_reader *reader, struct slice text);
/* No more comes of the lines in parts that the child has. */
void payload_end_parts(struct audit_reader *reader);

/* Reads on. */
void audit_reader_take_bytes(struct audit_reader *reader, struct slice bytes);

#endif
