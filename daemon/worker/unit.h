/* SPDX-License-Identifier: Apache-2.0 */
/* A unit: what a source hands over for one answer. unit.c has its life, parts.c what it owes on its way to the commit thread, findings.c what is found
 * in it. */
#ifndef HARRIER_WORKER_UNIT_H
#define HARRIER_WORKER_UNIT_H

#include "internal.h"

/* ITEM_BYTES: of an item of a submission, beside its texts of any length. */
enum { ITEM_BYTES = 4096, CLUSTER_BYTES = 256 };

struct unit {
    struct worker *worker;
    struct rules *rules;
    struct source_request *handle;
    size_t source;
    char cluster[CLUSTER_BYTES];
    size_t tally_row; /* index, in the worker's tally */
    char sender[ADDRESS_TEXT_SIZE]; /* for the rate: its address, or nothing for a file */
    struct commit_sender queue_as;  /* whose share of the commits its parts take */
    bool must_not_fail;
    bool has_messages; /* some thousand in a second: they are counted many at a time */
    struct intake_options options;
    struct intake *intake;
    struct submission *submission;
    size_t charged;          /* bytes of `submission` that were taken from the budget */
    size_t parts;            /* at the commit thread, or waiting to be taken there again */
    bool last_part_is_due;   /* it has the position, and waits until no other part is under way */
    bool handed_over;        /* end() or abort() has come: nothing more will */
    bool aborted;
    enum result failed;      /* why it cannot be acknowledged; RESULT_OK so far */
    bool unreadable;         /* not one JSON value in it */
    uint64_t error_offset;
    uint64_t letters, letters_bytes;           /* dead letters that are kept */
    uint64_t left_out, left_out_bytes, left_out_from; /* and those that are not: how many, of how many bytes, and where the first stood */
    struct event *turn;          /* after end(): goes on with what is set aside; NULL until needed */
    struct audit_counts counted; /* so far */
};

/* --- parts.c ------------------------------------------------------------------------------------------------------------------------------ */

void unit_begin_submission(struct unit *unit);
void unit_drop_submission(struct unit *unit);
/* Before so much is added to the submission, it is taken from the budget. What does not fit fails the unit (false), unless that helps nobody. */
bool unit_make_room(struct unit *unit, size_t bytes);
/* What was added is what counts; a part that is large enough goes to the commit thread. */
void unit_note_added(struct unit *unit);
void unit_add_dead_letter(struct unit *unit, const struct submission_dead_letter *letter);
/* Gives what has gathered to the commit thread. */
void unit_hand_part_over(struct unit *unit);
/* Is there time left, at a stop, to store what could not be stored? */
bool worker_may_try_again(const struct worker *worker);

/* --- findings.c --------------------------------------------------------------------------------------------------------------------------- */

struct intake_sink unit_sink(struct unit *unit);
/* The worker's mutex is held. */
struct tally_counts *unit_counts(struct unit *unit);
/* Brings the worker's tally up to what the intake has read. */
void unit_count_read(struct unit *unit);
/* The dead letters that are not kept one by one, as one. */
void unit_add_summary(struct unit *unit);

/* --- unit.c ------------------------------------------------------------------------------------------------------------------------------- */

/* After the end, or when a part has come back: what is left to be done. */
void unit_go_on_handed_over(struct unit *unit);

#endif
