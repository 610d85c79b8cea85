/* SPDX-License-Identifier: Apache-2.0 */
/* From bytes to alerts: what a worker of harrierd and `harrierctl replay` do alike. It joins audit, udm, detect and alert, which do not
 * know each other; sources, the store and delivery are on its far side. (A folder of its own because both programs need the very same
 * line, and server/ is closed to harrierctl.) */
#ifndef HARRIER_INTAKE_H
#define HARRIER_INTAKE_H

#include "harrier/alert.h"
#include "harrier/audit.h"
#include "harrier/base/budget.h"
#include "harrier/detect.h"

/* What does not change from body to body of one source. Everything outlives the intake. */
struct intake_options {
    struct udm_source source;
    enum audit_accept accept;
    enum audit_format format;
    bool messages;         /* what is fed are messages, each ended by intake_end_message, that may be text: audit_reader_take_messages */
    bool envelope_cluster; /* the cluster that an envelope names is believed, in source.cluster's place */
    struct audit_limits limits;
    size_t raw_bytes;      /* of an event's text, in its alerts */
    struct budget *budget; /* of bytes in flight, of all; NULL: unbounded */
    uint64_t memory;       /* bytes that this intake alone may hold in flight; 0: only the budget bounds it. An event that would go over it, or alone over the
                            * whole budget, is cut, as sent again it would fit no better */
    bool must_not_fail;    /* the sender cannot send again: where memory is refused, the event in hand is cut, and never the unit */
};

/* An event that was mapped, and what the rules made of it. Valid during the call. */
struct intake_observed {
    struct slice bytes;              /* audit_event.bytes */
    const struct udm_source *source; /* with the event's own cluster, and when it was received */
    const struct udm_record *record;
    const struct udm_cut *cut;
    const struct detect_result *result;
};

struct intake_sink {
    void *context;
    /* An alert; its strings and its JSON live until the call returns. */
    void (*alert)(void *context, const struct alert *alert);
    /* Bytes that were no event. */
    void (*dead)(void *context, const struct audit_dead *dead);
    /* Each event's record after its evaluation, for tools that show records or explanations; NULL in the daemon. When it is set, every event is
     * mapped in full, also one that no rule can concern. */
    void (*record)(void *context, const struct udm_record *record, const struct detect_result *result);
    /* Each event that a rule can concern, after its alerts. May be NULL. */
    void (*observed)(void *context, const struct intake_observed *observed);
    /* A UDM record has members that UDM does not know, which nothing can ask for: how many, the first one's path, the record's line. May be NULL. */
    void (*unknown_members)(void *context, uint64_t line, size_t count, struct slice first);
};

/* A thread's scratch, shared by all intakes of that thread: they run one event at a time. */
struct intake_scratch;

/* References the plan through an engine of its own. */
struct intake_scratch *intake_scratch_new(struct detect_plan *plan, const struct detect_limits *limits);
void intake_scratch_free(struct intake_scratch *scratch);
struct detect_engine *intake_engine(struct intake_scratch *scratch);

struct intake;

/* options and scratch outlive the intake. */
struct intake *intake_new(struct intake_scratch *scratch, const struct intake_options *options, const struct intake_sink *sink);
void intake_free(struct intake *intake);
/* The next bytes of a body. RESULT_BUSY: the memory budget refused; the body must be refused as a whole. */
enum result intake_feed(struct intake *intake, struct slice bytes);
/* The next message came from that syslog host; at most 255 bytes of its name are kept. */
void intake_begin_message(struct intake *intake, struct slice syslog_host);
/* The message in hand, of which no byte was fed yet, is none: audit_reader_refuse_message. */
void intake_refuse_message(struct intake *intake, const char *why);
/* The bytes since the last call were one whole message (a syslog message, a line): audit_reader_end_message. */
enum result intake_end_message(struct intake *intake);
/* Packed payloads that were set aside: audit_reader_go_on. True: something is left. */
bool intake_go_on(struct intake *intake);
/* Is something left? */
bool intake_is_due(const struct intake *intake);
/* RESULT_BUSY: the memory budget refused, in this call or before. */
enum result intake_state(const struct intake *intake);
/* The body has ended. RESULT_INVALID: not one JSON value could be read, *error_offset tells where it went wrong. */
enum result intake_finish(struct intake *intake, uint64_t *error_offset);
/* Bytes of the budget that it holds, with those of the event in hand. */
uint64_t intake_memory(const struct intake *intake);
/* Of this body: received = events + dead. */
const struct audit_counts *intake_counts(const struct intake *intake);

#endif
