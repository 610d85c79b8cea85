/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads of base64, which may be gzip. 1 MB may unpack to 1 GB, so that one is not unpacked where it is found, inside yajl's calls, but set aside with its envelope and
 * worked on between pieces, a turn's worth at a time. What is unpacked is read by a reader of its own, which may set payloads aside in its turn: the
 * innermost goes first, so that at most one payload of each level is under way. Those that are not packed wait in the same line, for the order's sake. */
#include "daemon/audit/reader.h"

#include "harrier/base/base64.h"
#include "harrier/base/inflate.h"
#include "harrier/base/memory.h"

#include <stdlib.h>

/* How much all payloads of an input may unpack to before their sum is held against the input's size; and the growth that a sink must grant to an input
 * that cannot be had again (audit_limits.cut_over_budget). */
enum { FREE_BYTES = 32 * 1024 * 1024, GRANTED_BYTES = 32 * 1024 };

/* Set aside: the envelope itself is gone when its turn comes. */
struct package {
    struct package *next;
    struct buffer object; /* the envelope's text */
    size_t charged;
    struct slice text;    /* in object: the base64 */
    uint64_t begin, line; /* of the outermost object around it, in the reader's input */
    uint64_t length;      /* of the envelope in its own input */
    bool broken;          /* an envelope around it is a dead letter already */
    bool over_bound;      /* a configured bound was hit in one */
    bool is_cut;          /* this envelope was cut */
    bool truncated;       /* it stood in a value that was closed where it was cut */
    bool transport;       /* which broke off */
    unsigned int level;   /* envelopes around what is in it */
    struct buffer cluster;
    enum udm_provider provider;
};

struct unpacking {
    struct audit_reader *reader;
    struct package *package; /* in hand; NULL: none */
    struct base64_decoder base64;
    struct slice decoded; /* and not yet unpacked */
    bool begun;           /* its first bytes have told whether it is packed */
    struct inflater *inflater; /* NULL: it is not */
    struct audit_reader *inner; /* reads what comes out */
    struct audit_counts before; /* of inner, when the package began */
    bool closed;      /* nothing more comes out; what the inner reader set aside is still to be done */
    bool dead_letter; /* one was written */
    uint64_t other;
    enum audit_dead_reason reason;
    const char *wrong; /* why it ended early; NULL: it did not */
    char bytes[JSON_TEXT_PIECE];
};

/* --- setting aside ----------------------------------------------------------------------------------------------------------- */

static bool ask_budget(struct audit_reader *reader, ptrdiff_t bytes)
{
    return audit_reader_ask_budget(reader->root, bytes);
}

/* In steps that are always granted where the input must not fail. */
static bool charge(void *context, ptrdiff_t bytes)
{
    struct audit_reader *reader = context;
    size_t step = reader->limits.cut_over_budget ? GRANTED_BYTES : SIZE_MAX, taken = 0;

    if (bytes < 0)
        return ask_budget(reader, bytes);
    while (taken < (size_t)bytes) {
        size_t next = (size_t)bytes - taken < step ? (size_t)bytes - taken : step;
        if (!ask_budget(reader, (ptrdiff_t)next)) {
            if (taken)
                ask_budget(reader, -(ptrdiff_t)taken);
            return false;
        }
        taken += next;
    }
    return true;
}

static void package_free(struct audit_reader *reader, struct package *package)
{
    if (package->charged)
        ask_budget(reader, -(ptrdiff_t)package->charged);
    buffer_free(&package->object);
    buffer_free(&package->cluster);
    free(package);
}

/* The envelope's text: the item's own buffer where it lies there, which is charged already, else a copy of a part of the piece. */
static bool keep_object(struct audit_reader *reader, struct package *package, struct slice object, struct slice text)
{
    size_t at = (size_t)(text.bytes - object.bytes);

    if (!item_give_away(&reader->item, object, &package->object, &package->charged)) {
        if (!charge(reader, (ptrdiff_t)(object.length + 1)))
            return false;
        buffer_append_slice(&package->object, object);
        package->charged = object.length + 1;
    }
    package->text = slice_make(package->object.bytes + at, text.length);
    return true;
}

static void keep_cluster(struct package *package, const struct audit_reader *reader)
{
    if (package->provider == UDM_PROVIDER_NONE)
        package->provider = audit_reader_provider(reader);

    struct slice cluster = audit_reader_cluster(reader);
    if (package->cluster.length == 0)
        buffer_append_slice(&package->cluster, cluster);
}

/* What the envelopes around it have to say, up to the reader that will unpack it. */
static void note_origin(struct audit_reader *reader, struct package *package)
{
    for (struct audit_reader *at = reader;; at = at->parent) {
        package->broken |= at->payload.manner == PAYLOAD_OF_BROKEN;
        package->over_bound |= at->item.over_bound;
        package->transport |= at->item.cut.transport;
        keep_cluster(package, at);
        at->deferred++;
        if (at == reader->base)
            break;
        package->truncated |= at->truncated;
    }
    package->begin = reader->base->item.begin;
    package->line = reader->base->item.line;
}

enum payload_outcome unpack_later(struct audit_reader *reader, struct slice object, struct json_raw string)
{
    struct package *package = xcalloc(1, sizeof *package);
    struct audit_reader *base = reader->base;

    if (!keep_object(reader, package, object, json_raw_inside(string))) {
        free(package);
        reader->busy = true;
        return PAYLOAD_DONE;
    }
    package->length = object.length;
    package->level = reader->level + 1;
    package->is_cut = audit_reader_item_is_cut(reader);
    note_origin(reader, package);
    *base->last_package = package;
    base->last_package = &package->next;
    return PAYLOAD_SET_ASIDE;
}

/* --- what the inner reader tells ----------------------------------------------------------------------------------------------- */

static bool on_wanted(void *context, const struct udm_k8s_head *head)
{
    struct audit_reader *reader = ((struct unpacking *)context)->reader;
    return reader->sink.wanted(reader->sink.context, head);
}

/* What a truncated value lost cannot be told: maybe some of each. */
static void on_event(void *context, const struct audit_event *event)
{
    struct unpacking *unpacking = context;
    const struct package *package = unpacking->package;
    struct audit_reader *reader = unpacking->reader;
    struct audit_event outer = *event;

    reader->counts.cut += package->over_bound;
    outer.enclosed = true;
    outer.offset = package->begin;
    outer.line = package->line;
    if (package->truncated)
        outer.cut = (struct udm_cut){true, true, true, event->cut.transport || package->transport};
    if (outer.cluster.length == 0)
        outer.cluster = buffer_slice(&package->cluster);
    if (outer.provider == UDM_PROVIDER_NONE)
        outer.provider = package->provider;
    reader->sink.event(reader->sink.context, &outer);
}

static void tell_dead(struct unpacking *unpacking, struct audit_dead dead)
{
    unpacking->dead_letter = true;
    dead.offset = unpacking->package->begin;
    dead.line = unpacking->package->line;
    if (!unpacking->package->broken)
        audit_reader_dead(unpacking->reader, &dead);
}

static void on_dead(void *context, const struct audit_dead *dead)
{
    struct unpacking *unpacking = context;

    if (payload_is_damage(dead))
        tell_dead(unpacking, *dead);
    else
        unpacking->other++;
}

static bool on_budget(void *context, ptrdiff_t bytes)
{
    return ask_budget(((struct unpacking *)context)->reader, bytes);
}

/* --- working on one ------------------------------------------------------------------------------------------------------------ */

static void fail(struct unpacking *unpacking, enum audit_dead_reason reason, const char *wrong)
{
    unpacking->reason = reason;
    unpacking->wrong = wrong;
}

static struct unpacking *unpacking_of(struct audit_reader *reader)
{
    const struct audit_sink sink = {NULL, on_wanted, on_event, on_dead, on_budget};

    if (reader->unpacking)
        return reader->unpacking;
    struct unpacking *unpacking = xcalloc(1, sizeof *unpacking);
    unpacking->reader = reader;
    struct audit_sink own = sink;
    own.context = unpacking;
    unpacking->inner = audit_reader_new(&reader->limits, AUDIT_ACCEPT_K8S, reader->format, &own);
    unpacking->inner->root = reader->root;
    reader->unpacking = unpacking;
    return unpacking;
}

static void begin_package(struct audit_reader *reader)
{
    struct unpacking *unpacking = unpacking_of(reader);
    struct package *package = reader->packages;

    reader->packages = package->next;
    if (!reader->packages)
        reader->last_package = &reader->packages;
    unpacking->package = package;
    unpacking->decoded = slice_make("", 0);
    unpacking->begun = false;
    base64_begin(&unpacking->base64, BASE64_LENIENT);
    unpacking->before = unpacking->inner->counts;
    unpacking->inner->level = package->level;
    unpacking->closed = unpacking->dead_letter = false;
    unpacking->other = 0;
    unpacking->wrong = NULL;
}

/* The next of the base64. False: that was all. */
static bool decode_more(struct unpacking *unpacking)
{
    char plain[JSON_TEXT_PIECE];
    size_t written = 0;
    bool ends = unpacking->package->text.length == 0;
    struct slice text = json_raw_next(&unpacking->package->text, plain);

    if (!ends && base64_feed(&unpacking->base64, text, unpacking->bytes, &written) != RESULT_OK)
        fail(unpacking, AUDIT_DEAD_ENCODING, "this is no base64");
    else if (ends && base64_finish(&unpacking->base64, unpacking->bytes, &written) != RESULT_OK)
        fail(unpacking, AUDIT_DEAD_ENCODING, "the base64 ends within a byte");
    unpacking->decoded = slice_make(unpacking->bytes, written);
    return !ends;
}

static void look_at_beginning(struct unpacking *unpacking)
{
    struct audit_reader *reader = unpacking->reader;
    const struct inflate_limits bounds = {reader->limits.inflated_bytes, reader->limits.inflate_ratio, charge, reader->root};

    unpacking->begun = true;
    if (!inflate_begins(INFLATE_GZIP, unpacking->decoded))
        return;
    unpacking->inflater = inflater_new(INFLATE_GZIP, &bounds);
    reader->busy |= !unpacking->inflater;
}

static void read_block(struct unpacking *unpacking, struct slice block)
{
    unpacking->reader->root->turn_bytes += block.length;
    if (block.length && audit_reader_feed(unpacking->inner, block) != RESULT_OK)
        unpacking->reader->busy = true;
}

/* The inflater bounds one payload by its own size; many small ones, or one in another, are bounded by the size of the input. */
static void read_unpacked(struct unpacking *unpacking, struct slice block)
{
    struct audit_reader *root = unpacking->reader->root;
    uint64_t ratio = root->limits.inflate_ratio;

    root->inflated += block.length;
    if (ratio && root->inflated > FREE_BYTES && root->inflated / ratio > root->credit) {
        fail(unpacking, AUDIT_DEAD_LIMIT, "the payloads of this input unpack to too many times its size; what comes behind that is not judged");
        return;
    }
    read_block(unpacking, block);
}

static void note_inflated(struct unpacking *unpacking, enum result result)
{
    if (result == RESULT_LIMIT)
        fail(unpacking, AUDIT_DEAD_LIMIT, "it unpacks to more than inflated_bytes or inflate_ratio allow; what comes behind that is not judged");
    else if (result == RESULT_BUSY)
        unpacking->reader->busy = true;
    else if (result != RESULT_OK && !unpacking->wrong)
        fail(unpacking, AUDIT_DEAD_ENCODING, inflater_error(unpacking->inflater));
}

static bool has_more(const struct unpacking *unpacking)
{
    return unpacking->decoded.length || (unpacking->inflater && inflater_has_more(unpacking->inflater));
}

/* A block of at most 64 KiB, or what is needed for one. False: there is none any more. */
static bool unpack_block(struct unpacking *unpacking)
{
    bool more = has_more(unpacking) || decode_more(unpacking);
    struct slice block = unpacking->decoded;

    if (!unpacking->begun && block.length)
        look_at_beginning(unpacking);
    unpacking->reader->root->turn_bytes++; /* a step without output is one as well */
    if (unpacking->inflater) {
        note_inflated(unpacking, inflater_next(unpacking->inflater, &unpacking->decoded, &block));
        read_unpacked(unpacking, block);
    } else {
        unpacking->decoded = slice_make("", 0);
        read_block(unpacking, block);
    }
    more |= has_more(unpacking);
    if (!more && !unpacking->wrong && unpacking->inflater && inflater_finish(unpacking->inflater) != RESULT_OK)
        fail(unpacking, AUDIT_DEAD_ENCODING, "the gzip data ends too early");
    return more && !unpacking->wrong;
}

static void end_package(struct unpacking *unpacking)
{
    struct audit_reader *reader = unpacking->reader;
    const struct audit_counts *now = &unpacking->inner->counts, *before = &unpacking->before;
    struct package *package = unpacking->package;
    uint64_t events = now->events - before->events;
    struct audit_dead dead = {.reason = unpacking->reason, .detail = unpacking->wrong, .length = package->length,
                              .bytes = slice_first(buffer_slice(&package->object), reader->limits.dead_letter_bytes)};

    reader->counts.events += events;
    reader->counts.received += events;
    reader->counts.cut += now->cut - before->cut;
    unpacking->other += now->other - before->other;
    if (unpacking->wrong)
        tell_dead(unpacking, dead);
    if (!events && !unpacking->dead_letter && !unpacking->other)
        unpacking->other = 1;
    if (!package->broken)
        reader->counts.other += unpacking->other;
    dead.reason = AUDIT_DEAD_LIMIT;
    dead.detail = "this envelope is over a bound, and its rest was left out";
    if (package->is_cut && !unpacking->dead_letter)
        tell_dead(unpacking, dead);
    package_free(reader, package);
    unpacking->package = NULL;
}

static void close_inflater(struct unpacking *unpacking)
{
    inflater_free(unpacking->inflater);
    unpacking->inflater = NULL;
}

static void step(struct audit_reader *reader)
{
    struct unpacking *unpacking = reader->unpacking;

    if (!unpacking || !unpacking->package) {
        begin_package(reader);
    } else if (audit_reader_is_due(unpacking->inner)) {
        step(unpacking->inner);
        reader->busy |= unpacking->inner->busy;
    } else if (!unpacking->closed) {
        if (unpack_block(unpacking))
            return;
        unpacking->closed = true;
        close_inflater(unpacking);
        audit_reader_end_message(unpacking->inner);
        parts_end_all(unpacking->inner);
        reader->busy |= unpacking->inner->busy;
    } else {
        end_package(unpacking);
    }
}

bool audit_reader_is_due(const struct audit_reader *reader)
{
    return reader->packages || (reader->unpacking && reader->unpacking->package);
}

bool audit_reader_go_on(struct audit_reader *reader)
{
    size_t bound = reader->limits.turn_bytes;

    reader->turn_bytes = 0;
    while (!reader->busy && audit_reader_is_due(reader) && (!bound || reader->turn_bytes < bound))
        step(reader);
    return !reader->busy && audit_reader_is_due(reader);
}

void unpack_if_unbounded(struct audit_reader *reader)
{
    if (reader == reader->root && !reader->limits.turn_bytes && audit_reader_is_due(reader))
        audit_reader_go_on(reader);
}

/* --- the end ------------------------------------------------------------------------------------------------------------------- */

void unpack_drop(struct audit_reader *reader)
{
    struct unpacking *unpacking = reader->unpacking;
    struct package *next;

    for (struct package *package = reader->packages; package; package = next) {
        next = package->next;
        package_free(reader, package);
    }
    reader->packages = NULL;
    reader->last_package = &reader->packages;
    if (!unpacking)
        return;
    close_inflater(unpacking);
    if (unpacking->package)
        package_free(reader, unpacking->package);
    unpacking->package = NULL;
    audit_reader_reset(unpacking->inner);
}

void unpack_free(struct audit_reader *reader)
{
    unpack_drop(reader);
    if (reader->unpacking)
        audit_reader_free(reader->unpacking->inner);
    free(reader->unpacking);
}
