/* SPDX-License-Identifier: Apache-2.0 */
/* A submission: what a source hands over for one unit that its sender wants acknowledged (a POST, a frame, a stretch of a file).
 * It is one heap buffer in a versioned encoding, so that it can wait in a queue between threads, and later travel between machines.
 *
 * Encoding 1, integers big endian: "HSUB", u16 version, text cluster, text partition key, then items until the end of the buffer:
 * u8 kind, u32 length of the body, body. A text is u32 length and bytes. Item bodies are in submission.c, next to the code that writes
 * and reads each. A reader takes nothing on trust: lengths, kinds, hexadecimal ids and counts are all checked. */
#ifndef HARRIER_SUBMISSION_H
#define HARRIER_SUBMISSION_H

#include "harrier/base/clock.h"
#include "harrier/base/result.h"
#include "harrier/base/slice.h"

enum {
    SUBMISSION_VERSION = 1,
    SUBMISSION_DESTINATIONS_MAX = 64,   /* destinations that one alert can be routed to */
    SUBMISSION_ID_HEX = 64,             /* characters of alert_id and dedup_key: SHA-256 in lower-case hex */
    SUBMISSION_POSITION_KEY_MAX = 255,  /* bytes of a position's key */
    SUBMISSION_POSITION_MAX = 4096      /* bytes of a position */
};

/* An alert as the store keeps it: a few columns, and the whole document as text. Slices belong to the caller on writing and
 * point into the submission's bytes on reading. */
struct submission_alert {
    struct slice alert_id;  /* 64 lower-case hex */
    struct slice dedup_key; /* 64 lower-case hex */
    clock_nanos time;       /* of the event */
    struct slice rule;
    struct slice severity; /* "INFO" ... "CRITICAL", see severity_rank */
    double risk_score;
    struct slice json;                                      /* "harrier.alert/1", one line */
    struct slice destinations[SUBMISSION_DESTINATIONS_MAX]; /* names */
    size_t destination_count;
};

/* Input that was not an event. */
struct submission_dead_letter {
    struct slice source;   /* name of the source that received it */
    struct slice reason;   /* short and fixed, for counting: "syntax", "shape", ... */
    struct slice detail;   /* for people: what was wrong */
    uint64_t total_length; /* bytes that the rejected stretch had */
    uint64_t offset;       /* where it began in the unit, in bytes */
    struct slice kept;     /* its first bytes, as many as were kept */
};

/* Where a source that can be read again goes on after a restart. It is stored in the same transaction as the alerts of the submission, in the
 * place of the position that the key had before. */
struct submission_position {
    struct slice key;   /* name of the source; 1 to SUBMISSION_POSITION_KEY_MAX bytes */
    struct slice value; /* known to the source alone; at most SUBMISSION_POSITION_MAX bytes */
};

enum submission_kind {
    SUBMISSION_ALERT = 1,
    SUBMISSION_DEAD_LETTER = 2,
    SUBMISSION_OBSERVATION = 3, /* opaque bytes for the correlator */
    SUBMISSION_POSITION = 4
};

struct submission_item {
    enum submission_kind kind;
    struct submission_alert alert;             /* kind SUBMISSION_ALERT */
    struct submission_dead_letter dead_letter; /* kind SUBMISSION_DEAD_LETTER */
    struct slice observation;                  /* kind SUBMISSION_OBSERVATION */
    struct submission_position position;       /* kind SUBMISSION_POSITION */
};

/* --- writing ------------------------------------------------------------------------------------------------------------ */

struct submission;

/* partition_key tells which submissions must keep their order among each other; empty: none. */
struct submission *submission_new(struct slice cluster, struct slice partition_key);
void submission_free(struct submission *submission);
/* Copies. RESULT_INVALID, and nothing is added, if an id is not 64 lower-case hex, there are too many destinations, or a destination's name
 * is empty; RESULT_LIMIT if a part has 4 GiB or more. */
enum result submission_add_alert(struct submission *submission, const struct submission_alert *alert);
enum result submission_add_dead_letter(struct submission *submission, const struct submission_dead_letter *letter);
enum result submission_add_observation(struct submission *submission, struct slice observation);
/* Copies. RESULT_INVALID, and nothing is added, for an empty or too long key or a too long value. Where a submission has several of one
 * key, the last one holds. */
enum result submission_add_position(struct submission *submission, struct slice key, struct slice value);
/* Nothing to keep: it can be acknowledged at once. */
bool submission_is_empty(const struct submission *submission);
size_t submission_alert_count(const struct submission *submission);
/* The encoding; valid until the next change. Its length is what the submission costs in memory. */
struct slice submission_bytes(const struct submission *submission);

/* --- reading ------------------------------------------------------------------------------------------------------------ */

/* Walks over an encoding. Holds slices into it. */
struct submission_reader {
    struct slice rest;
    struct slice cluster;
    struct slice partition_key;
};

/* RESULT_UNSUPPORTED for another version, RESULT_INVALID for what is no submission. */
enum result submission_reader_open(struct submission_reader *reader, struct slice bytes);
/* The next item; RESULT_NOT_FOUND at the end, RESULT_INVALID on anything odd (the reader then stays where it is). */
enum result submission_reader_next(struct submission_reader *reader, struct submission_item *item);

/* --- severities --------------------------------------------------------------------------------------------------------- */

enum severity_rank {
    SEVERITY_INFO = 1,
    SEVERITY_LOW,
    SEVERITY_MEDIUM,
    SEVERITY_HIGH,
    SEVERITY_CRITICAL,
    SEVERITY_UNKNOWN /* above all: a misspelt severity must not be filtered or routed away */
};

/* ASCII case does not matter; "INFORMATIONAL" is INFO. */
enum severity_rank severity_rank(struct slice severity);

#endif
