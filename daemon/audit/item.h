/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of the object in hand, within their bounds. */
#ifndef HARRIER_DAEMON_AUDIT_ITEM_H
#define HARRIER_DAEMON_AUDIT_ITEM_H

#include "harrier/audit.h"
#include "harrier/base/buffer.h"
#include "harrier/base/digest.h"
#include "harrier/json_stream.h"

/* Which bound counts. */
enum item_region { REGION_REST, REGION_REQUEST, REGION_RESPONSE, REGIONS };

struct item_mark {
    uint64_t offset;
    enum item_region region; /* from there on */
};

enum { ITEM_MARKS = 8 };

/* An item that begins and ends in one piece and is within all bounds is never copied: its bytes are the piece's. Any other's are
 * collected in kept at the end of each piece; the marks tell which bytes of the piece belong to which region.
 * Once something is left out, kept is made well-formed without it and the digest runs over the text as it stands. After
 * a cut in the rest, kept is an object without its closing bracket, to which only the objects are still added. */
struct item {
    bool open;
    bool asked;    /* whether it is wanted */
    bool unwanted; /* only the beginning is kept, for a dead letter */
    uint64_t begin;
    uint64_t line;

    enum item_region region;      /* at the current token */
    enum item_region kept_region; /* where from stands */
    uint64_t from;                /* all before it is in kept, or left out */
    struct item_mark marks[ITEM_MARKS];
    size_t mark_count;

    struct buffer kept;
    size_t bound[REGIONS];
    size_t used[REGIONS];
    bool region_cut[REGIONS];
    size_t region_start; /* in kept: of the object in hand */
    bool over_bound;     /* a configured bound was hit */
    struct udm_cut cut;
    bool digesting;
    struct digest *digest;

    const struct audit_limits *limits;
    const struct audit_sink *sink;
    size_t charged; /* of kept's capacity, to the budget */
    bool refused;   /* by the budget: nothing is kept any more, and the input ends */
    bool full;      /* likewise, where the input must go on (limits->cut_over_budget): the object alone is cut */
};

void item_init(struct item *item, const struct audit_limits *limits, const struct audit_sink *sink);
void item_free(struct item *item);
void item_begin(struct item *item, uint64_t offset, uint64_t line);
/* Closes it; large buffers are given back. */
void item_drop(struct item *item);

/* From the offset in the piece that is being parsed on, bytes belong to the region; bound is that of a region that begins. */
void item_enter(struct item *item, enum item_region region, size_t bound, uint64_t offset, struct slice piece, uint64_t piece_offset);
/* Something in the current region goes over a bound of the stream's. */
void item_note_bound(struct item *item);
/* A piece is through. */
void item_piece(struct item *item, enum json_piece kind, struct slice piece, uint64_t piece_offset);
/* Wrong syntax at end, which is in the piece: the item goes no further. */
void item_broken(struct item *item, uint64_t end, struct slice piece, uint64_t piece_offset);
/* What the input ended in, within the item. */
void item_unfinished(struct item *item, struct slice bytes);

/* The item's bytes up to end, which is in the piece: well-formed, also where some were left out. */
struct slice item_bytes(struct item *item, uint64_t end, struct slice piece, uint64_t piece_offset);
/* The same of an item that broke off. */
struct slice item_closed_bytes(struct item *item);
/* What is there of it up to end as it stood, for a dead letter: at most limits->dead_letter_bytes. */
struct slice item_beginning(struct item *item, uint64_t end, struct slice piece, uint64_t piece_offset);
/* Gives the buffer away that these bytes, which item_bytes or item_closed_bytes gave, lie in, with what of the budget it holds. False: they lie in the
 * piece. The item is only good for being dropped then. */
bool item_give_away(struct item *item, struct slice bytes, struct buffer *buffer, size_t *charged);
/* Over the text as it stood, if item_bytes gave less than that or something else; false if it gave just that. */
bool item_sha256(struct item *item, uint8_t out[DIGEST_SHA256_BYTES]);

#endif
