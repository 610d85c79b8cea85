/* SPDX-License-Identifier: Apache-2.0 */
#include "item.h"

#include "harrier/base/memory.h"

#include <stdlib.h>

enum { DOUBLING_ENDS = 1024 * 1024, SMALLEST_CAPACITY = 8 * 1024, KEPT_CAPACITY = 256 * 1024 };

void item_init(struct item *item, const struct audit_limits *limits, const struct audit_sink *sink)
{
    item->limits = limits;
    item->sink = sink;
    item->digest = digest_new();
}

static bool ask_budget(struct item *item, ptrdiff_t bytes)
{
    return !item->sink->budget || item->sink->budget(item->sink->context, bytes);
}

static void release(struct item *item, size_t keep)
{
    buffer_reset(&item->kept, keep);
    if (item->kept.capacity >= item->charged)
        return;
    ask_budget(item, -(ptrdiff_t)(item->charged - item->kept.capacity));
    item->charged = item->kept.capacity;
}

void item_free(struct item *item)
{
    release(item, 0);
    buffer_free(&item->kept);
    digest_free(item->digest);
}

void item_begin(struct item *item, uint64_t offset, uint64_t line)
{
    item->open = true;
    item->asked = item->unwanted = false;
    item->begin = item->from = offset;
    item->line = line;
    item->region = item->kept_region = REGION_REST;
    item->mark_count = 0;
    item->bound[REGION_REST] = item->limits->event_bytes;
    item->bound[REGION_REQUEST] = item->bound[REGION_RESPONSE] = item->limits->value_bytes;
    memset(item->used, 0, sizeof item->used);
    memset(item->region_cut, 0, sizeof item->region_cut);
    item->over_bound = item->full = false;
    item->cut = (struct udm_cut){0};
    item->digesting = false;
    item->kept.length = 0;
}

void item_drop(struct item *item)
{
    item->open = false;
    release(item, KEPT_CAPACITY);
}

/* --- keeping -------------------------------------------------------------------------------------------------------------- */

static size_t next_capacity(size_t capacity, size_t needed)
{
    if (capacity < SMALLEST_CAPACITY)
        capacity = SMALLEST_CAPACITY;
    while (capacity < needed && capacity < DOUBLING_ENDS)
        capacity *= 2;
    if (capacity < needed)
        capacity = (needed + DOUBLING_ENDS - 1) / DOUBLING_ENDS * DOUBLING_ENDS;
    return capacity;
}

/* For so many bytes more. False: the budget refuses. */
static bool make_room(struct item *item, size_t extra)
{
    struct buffer *kept = &item->kept;
    size_t needed = kept->length + extra + 1;

    if (needed <= kept->capacity)
        return true;
    size_t capacity = next_capacity(kept->capacity, needed);
    if (!ask_budget(item, (ptrdiff_t)(capacity - item->charged)))
        return false;
    item->charged = capacity;
    kept->bytes = xrealloc(kept->bytes, capacity);
    kept->capacity = capacity;
    return true;
}

/* Closing brackets and the like. Where the budget refuses them and the item may not, they alone go uncharged. */
static void close_kept(struct item *item, size_t from)
{
    struct buffer *kept = &item->kept;

    json_close(kept, from);
    if (kept->capacity <= item->charged)
        return;
    if (ask_budget(item, (ptrdiff_t)(kept->capacity - item->charged))) {
        item->charged = kept->capacity;
    } else if (item->limits->cut_over_budget) {
        kept->capacity = kept->length + 1 > item->charged ? kept->length + 1 : item->charged;
        kept->bytes = xrealloc(kept->bytes, kept->capacity);
    } else {
        item->refused = true;
    }
}

/* From now on what is kept is not all. Until now it was. */
static void begin_digest(struct item *item)
{
    if (item->digesting)
        return;
    item->digesting = true;
    digest_begin(item->digest);
    digest_update(item->digest, buffer_slice(&item->kept));
}

static void note_cut(struct item *item, enum item_region region)
{
    switch (region) {
    case REGION_REQUEST: item->cut.request_object = true; break;
    case REGION_RESPONSE: item->cut.response_object = true; break;
    default: item->cut.other = true; break;
    }
}

/* Kept becomes an object without its closing bracket, which comes last. */
static void close_but_last(struct item *item)
{
    close_kept(item, 0);
    if (item->kept.length)
        item->kept.length--;
}

/* The budget has no more: nothing of the object is kept from here on, in any region. */
static void be_refused(struct item *item)
{
    if (!item->limits->cut_over_budget) {
        item->refused = true;
        return;
    }
    item->full = item->over_bound = true;
    if (item->unwanted)
        return;
    begin_digest(item);
    note_cut(item, REGION_REST);
    note_cut(item, item->kept_region);
    for (size_t i = 0; i < REGIONS; i++)
        item->region_cut[i] = true;
    if (item->kept.length == 0)
        buffer_append_byte(&item->kept, '{');
    close_but_last(item);
}

static void append(struct item *item, struct slice bytes)
{
    if (item->refused || item->full)
        return;
    if (make_room(item, bytes.length))
        buffer_append_slice(&item->kept, bytes);
    else
        be_refused(item);
}

/* Of a read's answer only the beginning is kept in any case: what stands behind it is over no bound that anybody set. */
static bool is_configured_bound(const struct item *item, enum item_region region)
{
    return region == REGION_REST || item->bound[region] == item->limits->value_bytes;
}

static void cut_region(struct item *item, enum item_region region)
{
    item->region_cut[region] = true;
    item->over_bound |= is_configured_bound(item, region);
    note_cut(item, region);
    if (region == REGION_REST)
        close_but_last(item);
    else
        close_kept(item, item->region_start);
}

static void keep(struct item *item, struct slice bytes)
{
    enum item_region region = item->kept_region;

    if (item->unwanted) {
        size_t bound = item->limits->dead_letter_bytes;
        append(item, slice_first(bytes, bound > item->kept.length ? bound - item->kept.length : 0));
        return;
    }
    size_t room = item->bound[region] - item->used[region];
    if (!item->region_cut[region] && !item->refused && !make_room(item, bytes.length < room ? bytes.length : room))
        be_refused(item);
    if (!item->region_cut[region] && bytes.length > room)
        begin_digest(item);
    if (item->digesting)
        digest_update(item->digest, bytes);
    if (item->region_cut[region])
        return;
    struct slice kept = slice_first(bytes, room);
    append(item, kept);
    item->used[region] += kept.length;
    if (kept.length < bytes.length)
        cut_region(item, region);
}

static void pass_mark(struct item *item, enum item_region region)
{
    item->kept_region = region;
    if (region == REGION_REST || item->unwanted)
        return;
    if (item->full) {
        note_cut(item, region);
        return;
    }
    if (item->region_cut[REGION_REST]) {
        if (item->kept.length > 1)
            append(item, SLICE(","));
        append(item, region == REGION_REQUEST ? SLICE("\"requestObject\":") : SLICE("\"responseObject\":"));
    }
    item->region_start = item->kept.length;
    if (item->region_cut[region]) /* its name stands a second time */
        append(item, SLICE("null"));
}

static void collect(struct item *item, uint64_t end, struct slice piece, uint64_t piece_offset)
{
    for (size_t i = 0; i < item->mark_count; i++) {
        struct item_mark mark = item->marks[i];
        keep(item, slice_make(piece.bytes + (item->from - piece_offset), (size_t)(mark.offset - item->from)));
        item->from = mark.offset;
        pass_mark(item, mark.region);
    }
    item->mark_count = 0;
    keep(item, slice_make(piece.bytes + (item->from - piece_offset), (size_t)(end - item->from)));
    item->from = end;
}

void item_enter(struct item *item, enum item_region region, size_t bound, uint64_t offset, struct slice piece, uint64_t piece_offset)
{
    item->region = region;
    if (region != REGION_REST)
        item->bound[region] = bound < item->used[region] ? item->used[region] : bound;
    if (item->mark_count == ITEM_MARKS)
        collect(item, offset, piece, piece_offset);
    item->marks[item->mark_count++] = (struct item_mark){offset, region};
}

void item_note_bound(struct item *item)
{
    item->over_bound |= is_configured_bound(item, item->region);
    note_cut(item, item->region);
}

void item_piece(struct item *item, enum json_piece kind, struct slice piece, uint64_t piece_offset)
{
    if (!item->open)
        return;
    if (kind == JSON_PIECE_GIVEN) {
        collect(item, piece_offset + piece.length, piece, piece_offset);
        return;
    }
    if (item->unwanted) {
        item->from += kind == JSON_PIECE_LEFT_OUT ? piece.length : 0;
        return;
    }
    begin_digest(item);
    if (kind == JSON_PIECE_LEFT_OUT) {
        digest_update(item->digest, piece);
        item->from = piece_offset + piece.length;
    } else if (!item->region_cut[item->kept_region]) {
        append(item, piece);
    }
}

/* What is kept will be closed by brackets and look whole: that the object broke off must not be forgotten. */
static void note_broken(struct item *item)
{
    item->cut.transport = true;
    if (item->region != REGION_REST)
        note_cut(item, item->region);
    if (!item->unwanted)
        begin_digest(item);
}

void item_unfinished(struct item *item, struct slice bytes)
{
    note_broken(item);
    keep(item, bytes);
}

void item_broken(struct item *item, uint64_t end, struct slice piece, uint64_t piece_offset)
{
    if (end > item->from && item->from >= piece_offset)
        collect(item, end, piece, piece_offset);
    note_broken(item);
}

/* --- giving out ----------------------------------------------------------------------------------------------------------- */

static bool lies_in_piece(const struct item *item)
{
    return item->from == item->begin && item->kept.length == 0 && !item->digesting;
}

static size_t smallest_bound(const struct item *item)
{
    size_t smallest = item->bound[REGION_REST];
    for (size_t i = 0; i < REGIONS; i++)
        smallest = item->bound[i] < smallest ? item->bound[i] : smallest;
    return smallest;
}

struct slice item_bytes(struct item *item, uint64_t end, struct slice piece, uint64_t piece_offset)
{
    if (lies_in_piece(item) && end - item->begin <= smallest_bound(item))
        return slice_make(piece.bytes + (item->begin - piece_offset), (size_t)(end - item->begin));
    collect(item, end, piece, piece_offset);
    if (item->region_cut[REGION_REST])
        append(item, SLICE("}"));
    if (item->full && !item->unwanted)
        buffer_append_byte(&item->kept, '}');
    return buffer_slice(&item->kept);
}

struct slice item_closed_bytes(struct item *item)
{
    close_kept(item, 0);
    return buffer_slice(&item->kept);
}

struct slice item_beginning(struct item *item, uint64_t end, struct slice piece, uint64_t piece_offset)
{
    size_t bound = item->limits->dead_letter_bytes;
    if (lies_in_piece(item) && item->begin >= piece_offset)
        return slice_first(slice_make(piece.bytes + (item->begin - piece_offset), (size_t)(end - item->begin)), bound);
    if (end > item->from && item->from >= piece_offset)
        collect(item, end, piece, piece_offset);
    return slice_first(buffer_slice(&item->kept), bound);
}

bool item_give_away(struct item *item, struct slice bytes, struct buffer *buffer, size_t *charged)
{
    if (!item->kept.bytes || bytes.bytes != item->kept.bytes)
        return false;
    *buffer = item->kept;
    *charged = item->charged;
    item->kept = (struct buffer){NULL, 0, 0};
    item->charged = 0;
    return true;
}

bool item_sha256(struct item *item, uint8_t out[DIGEST_SHA256_BYTES])
{
    if (item->digesting)
        digest_end(item->digest, out);
    return item->digesting;
}
