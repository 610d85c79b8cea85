/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes in, audit events out: tells the formats apart by looking, in one pass over the bytes as they come, in any order of keys. Events come
 * bare (EventList, Event, arrays, NDJSON, documents one after another), as LogEntries of Cloud Logging, and in envelopes within envelopes:
 * Pub/Sub, Firehose, CloudWatch (also as `aws logs filter-log-events` prints it), Azure's records, CloudEvents, Event Grid, records of log shippers,
 * OTLP's logs. UDM records are
 * taken too. Lists are never held; an envelope that is one text (Pub/Sub, a shipper's line) is, within limits->event_bytes, as what says what
 * it is may stand behind it. */
#ifndef HARRIER_AUDIT_H
#define HARRIER_AUDIT_H

#include "harrier/json.h"
#include "harrier/base/result.h"
#include "harrier/udm.h"

enum audit_kind {
    AUDIT_KIND_K8S, /* an event of audit.k8s.io */
    AUDIT_KIND_UDM, /* a record */
    AUDIT_KIND_GKE  /* a LogEntry of Cloud Logging whose protoPayload is of k8s.io, or names no service */
};

/* What the source's log type lets the reader take: AUTO tells by the shape of each value, K8S takes audit events and LogEntries. */
enum audit_accept { AUDIT_ACCEPT_AUTO, AUDIT_ACCEPT_K8S, AUDIT_ACCEPT_UDM };

/* Which envelopes are opened. An array, an EventList and a bare event are read in every format. */
enum audit_format {
    AUDIT_FORMAT_AUTO,          /* all, told apart by looking */
    AUDIT_FORMAT_AUDIT,         /* none */
    AUDIT_FORMAT_CLOUD_LOGGING, /* LogEntry, also through Pub/Sub */
    AUDIT_FORMAT_FIREHOSE,      /* Firehose and CloudWatch */
    AUDIT_FORMAT_AZURE,         /* Event Hub records, Event Grid, CloudEvents */
    AUDIT_FORMAT_COLLECTOR      /* lines in the records of log shippers, also of OTLP */
};

struct audit_limits {
    size_t depth;        /* containers in each other within one event; deeper values are skipped over and the event is cut */
    size_t value_bytes;  /* one string; and one requestObject or responseObject as a whole */
    size_t event_bytes;  /* all the rest of an event */
    size_t dead_letter_bytes; /* of what is not an event, how much is kept */
    uint64_t inflated_bytes; /* that one compressed payload within an envelope may have; 0: no bound */
    uint64_t inflate_ratio;  /* times its compressed size, beyond the first 32 MiB; 0: no bound */
    size_t turn_bytes;       /* unpacked in one call, beyond which the rest waits for audit_reader_go_on; 0: all is unpacked at once */
    bool cut_over_budget;    /* where sink.budget refuses, the event is cut there as over event_bytes, and reading goes on: the input cannot be had
                              * again. The sink must then grant small amounts always, or an event's text is empty */
};
extern const struct audit_limits audit_default_limits;

struct audit_event {
    enum audit_kind kind;
    const struct udm_k8s_head *head; /* AUDIT_KIND_K8S, complete but with cut.transport; NULL for others */
    struct slice bytes;              /* the event's own text as it stood, from { to }; where something was cut, well-formed without it */
    struct udm_cut cut;
    const uint8_t *full_sha256;      /* where bytes is not all of it: SHA-256 (32 octets) over the whole text as it stood; else NULL */
    struct slice cluster;            /* that the envelope names, for who believes it; empty: none, or not yet known */
    enum udm_provider provider;      /* whose envelope it came in; UDM_PROVIDER_NONE: nobody's */
    bool enclosed;                   /* it stood in the text of an envelope: bytes are not the input's own */
    uint64_t offset;                 /* of the event's first byte in the input; of one from an envelope's text, that of the envelope's object */
    uint64_t line;                   /* from 1; counts newlines between top-level values (NDJSON) */
};

/* Why bytes went to the dead letters. */
enum audit_dead_reason {
    AUDIT_DEAD_SYNTAX,
    AUDIT_DEAD_SHAPE,
    AUDIT_DEAD_NOT_AN_EVENT,
    AUDIT_DEAD_ENCODING, /* an envelope's base64 or gzip is damaged */
    AUDIT_DEAD_LIMIT     /* an envelope is larger, or unpacks to more, than the bounds allow; what is within them was read */
};
const char *audit_dead_reason_text(enum audit_dead_reason reason);

struct audit_dead {
    enum audit_dead_reason reason;
    struct slice bytes; /* at most limits.dead_letter_bytes of it */
    uint64_t length;    /* all of it */
    uint64_t offset;
    uint64_t line;
    const char *detail; /* what was wrong, in words */
};

/* Slices live until the call returns. */
struct audit_sink {
    void *context;
    /* Asked when the first object of an event begins (head not complete), and again at the event's end (complete): can this event
     * matter? Once the answer is no, nothing more of the event is kept and event() is not called for it. */
    bool (*wanted)(void *context, const struct udm_k8s_head *head);
    void (*event)(void *context, const struct audit_event *event);
    void (*dead)(void *context, const struct audit_dead *dead);
    /* Memory is about to grow by bytes (or shrink, negative): false refuses it, and audit_reader_feed answers RESULT_BUSY (but
     * see cut_over_budget). May be NULL. */
    bool (*budget)(void *context, ptrdiff_t bytes);
};

struct audit_counts {
    uint64_t received;    /* values that were judged: events + dead */
    uint64_t events;      /* audit events (or UDM records), wanted or not */
    uint64_t dead;        /* dead letters */
    uint64_t cut;         /* wanted events that went over a configured bound (a list's answer of which only the beginning is kept did not) */
    uint64_t values;      /* whole JSON values read at the top level */
    uint64_t other;       /* what an envelope holds that is no audit event and no error: control messages, other log streams, other categories */
};

struct audit_reader;

struct audit_reader *audit_reader_new(const struct audit_limits *limits, enum audit_accept accept, enum audit_format format,
                                      const struct audit_sink *sink);
void audit_reader_free(struct audit_reader *reader);
/* Ready for the next input; what was left of the last one is dropped, large buffers are given back. */
void audit_reader_reset(struct audit_reader *reader);
/* The next bytes, in pieces of any size. RESULT_OK, also when something in them was wrong (that went to dead()); RESULT_BUSY when the
 * budget refused: the reader then takes nothing more until it is reset. */
enum result audit_reader_feed(struct audit_reader *reader, struct slice bytes);
/* After a feed, an end of a message, and the finish: works on packed payloads that envelopes carry, which were set aside, as far as turn_bytes go (and 64
 * KiB more). True: something is left; call it again in a later turn. More bytes may be fed meanwhile: what they carry is set aside, too, and held. Events
 * in packed payloads come during these calls, so nothing that they are told with (such as a message's sender) may change while something is left. */
bool audit_reader_go_on(struct audit_reader *reader);
/* Is something left? */
bool audit_reader_is_due(const struct audit_reader *reader);
/* RESULT_BUSY: the budget refused, in one of these calls or before. */
enum result audit_reader_state(const struct audit_reader *reader);
/* Before the first bytes: the input comes as messages, each ended by audit_reader_end_message. One that does not begin as JSON does is text:
 * `other`, and no dead letter. */
void audit_reader_take_messages(struct audit_reader *reader);
/* At a message's beginning: it is none, such as what stands where a frame should begin. Up to its end it is a dead letter and nothing else. why: what is
 * wrong, of which some 100 bytes are kept. */
void audit_reader_refuse_message(struct audit_reader *reader, const char *why);
/* The bytes since the last end (or the beginning) were one whole message, such as a syslog message or a line: what is unfinished is judged as
 * cut off, the next bytes begin anew. Costs nothing where nothing is open. RESULT_BUSY as above. */
enum result audit_reader_end_message(struct audit_reader *reader);
/* The input has ended: what is unfinished is judged. RESULT_INVALID when not one whole JSON value could be read (an empty input too);
 * *error_offset then tells where it went wrong. */
enum result audit_reader_finish(struct audit_reader *reader, uint64_t *error_offset);
const struct audit_counts *audit_reader_counts(const struct audit_reader *reader);

#endif
