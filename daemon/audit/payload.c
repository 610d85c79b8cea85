/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what an envelope carries: text in a string, also base64 of bytes that may be gzip, piece by piece into a reader of its own. */
#include "daemon/audit/reader.h"

#include "harrier/base64.h"
#include "harrier/inflate.h"
#include "harrier/memory.h"

/* Envelopes in each other; and how much all payloads of an input may unpack to before their sum is held against the input's size. */
enum { LEVELS = 6, FREE_BYTES = 32 * 1024 * 1024 };

/* --- what the child tells ---------------------------------------------------------------------------------------------------- */

static bool on_wanted(void *context, const struct udm_k8s_head *head)
{
    struct audit_reader *reader = context;
    return reader->sink.wanted(reader->sink.context, head);
}

/* What a truncated value lost cannot be told: maybe some of each. */
static void on_event(void *context, const struct audit_event *event)
{
    struct audit_reader *reader = context;
    struct audit_event outer = *event;

    reader->counts.cut += reader->item.over_bound;
    outer.enclosed = true;
    outer.offset = reader->item.begin;
    outer.line = reader->item.line;
    if (reader->child->truncated)
        outer.cut = (struct udm_cut){true, true, true, event->cut.transport || reader->item.cut.transport};
    if (outer.cluster.length == 0)
        outer.cluster = reader->cluster.length ? buffer_slice(&reader->cluster) : buffer_slice(&reader->list_cluster);
    reader->sink.event(reader->sink.context, &outer);
}

static void pass_dead(struct audit_reader *reader, const struct audit_dead *dead)
{
    struct audit_dead outer = *dead;

    outer.offset = reader->item.begin;
    outer.line = reader->item.line;
    reader->payload.dead_letter = true;
    audit_reader_dead(reader, &outer);
}

/* Wrong syntax in what began as an object is an event that may be lost; in anything else it is a line of some other log. */
static bool is_damage(const struct audit_dead *dead)
{
    return dead->reason == AUDIT_DEAD_ENCODING || dead->reason == AUDIT_DEAD_LIMIT ||
           (dead->reason == AUDIT_DEAD_SYNTAX && dead->bytes.length && dead->bytes.bytes[0] == '{');
}

static void on_dead(void *context, const struct audit_dead *dead)
{
    struct audit_reader *reader = context;
    struct payload *payload = &reader->payload;
    bool has_event = reader->child->counts.events > payload->before;

    switch (payload->manner) {
    case PAYLOAD_OF_CLOUD:
        if (is_damage(dead))
            pass_dead(reader, dead);
        else
            payload->other++;
        break;
    case PAYLOAD_OF_COLLECTOR:
        if (has_event || dead->reason == AUDIT_DEAD_ENCODING || dead->reason == AUDIT_DEAD_LIMIT)
            pass_dead(reader, dead);
        else
            payload->left_out = true;
        break;
    case PAYLOAD_OF_BROKEN: break;
    }
}

static bool on_budget(void *context, ptrdiff_t bytes)
{
    struct audit_reader *reader = context;
    return !reader->sink.budget || reader->sink.budget(reader->sink.context, bytes);
}

/* UDM records come in no envelopes. */
static struct audit_reader *child_of(struct audit_reader *reader)
{
    const struct audit_sink sink = {reader, on_wanted, on_event, on_dead, on_budget};

    if (!reader->child && reader->level < LEVELS) {
        reader->child = audit_reader_new(&reader->limits, AUDIT_ACCEPT_K8S, reader->format, &sink);
        reader->child->level = reader->level + 1;
        reader->child->root = reader->root;
    }
    return reader->child;
}

/* --- decoding ---------------------------------------------------------------------------------------------------------------- */

struct decoding {
    struct audit_reader *reader;
    struct base64_decoder base64;
    struct inflater *inflater;
    bool begun;
    enum audit_dead_reason reason; /* why it failed, where that was not the reader */
    const char *wrong;             /* the same in words; NULL: it did not */
    char bytes[JSON_TEXT_PIECE];
};

static enum result read_text(void *data, struct slice text)
{
    struct audit_reader *reader = data;
    return audit_reader_feed(reader->child, text);
}

static enum result fail(struct decoding *decoding, enum audit_dead_reason reason, const char *wrong)
{
    decoding->reason = reason;
    decoding->wrong = wrong;
    return reason == AUDIT_DEAD_LIMIT ? RESULT_LIMIT : RESULT_INVALID;
}

static void fail_to_inflate(struct decoding *decoding, enum result result)
{
    if (result == RESULT_LIMIT)
        fail(decoding, AUDIT_DEAD_LIMIT, "it unpacks to more than inflated_bytes or inflate_ratio allow; what comes behind that is not judged");
    else
        fail(decoding, AUDIT_DEAD_ENCODING, inflater_error(decoding->inflater));
}

/* The inflater bounds one payload by its own size; many small ones, or one in another, are bounded by the size of the input. */
static enum result read_inflated(void *data, struct slice bytes)
{
    struct decoding *decoding = data;
    struct audit_reader *root = decoding->reader->root;
    uint64_t ratio = root->limits.inflate_ratio;

    root->inflated += bytes.length;
    if (ratio && root->inflated > FREE_BYTES && root->inflated / ratio > root->credit)
        return fail(decoding, AUDIT_DEAD_LIMIT, "the payloads of this input unpack to too many times its size; what comes behind that is not judged");
    return read_text(decoding->reader, bytes);
}

static enum result read_bytes(struct decoding *decoding, struct slice bytes)
{
    const struct audit_limits *limits = &decoding->reader->limits;
    const struct inflate_limits bounds = {limits->inflated_bytes, limits->inflate_ratio};

    if (bytes.length == 0)
        return RESULT_OK;
    if (!decoding->begun && inflate_begins(INFLATE_GZIP, bytes))
        decoding->inflater = inflater_new(INFLATE_GZIP, &bounds);
    decoding->begun = true;
    if (!decoding->inflater)
        return read_text(decoding->reader, bytes);
    enum result result = inflater_feed(decoding->inflater, bytes, read_inflated, decoding);
    if (!decoding->wrong && (result == RESULT_INVALID || result == RESULT_LIMIT))
        fail_to_inflate(decoding, result);
    return result;
}

static enum result read_base64(void *data, struct slice text)
{
    struct decoding *decoding = data;
    size_t written;
    enum result decoded = base64_feed(&decoding->base64, text, decoding->bytes, &written);
    enum result result = read_bytes(decoding, slice_make(decoding->bytes, written));

    if (result == RESULT_OK && decoded != RESULT_OK)
        result = fail(decoding, AUDIT_DEAD_ENCODING, "this is no base64");
    return result;
}

static void decode(struct audit_reader *reader, struct json_raw string)
{
    struct decoding decoding = {.reader = reader};
    size_t written = 0;

    base64_begin(&decoding.base64, BASE64_LENIENT);
    enum result result = json_raw_give(string, read_base64, &decoding);
    if (result == RESULT_OK && base64_finish(&decoding.base64, decoding.bytes, &written) != RESULT_OK)
        fail(&decoding, AUDIT_DEAD_ENCODING, "the base64 ends within a byte");
    if (result == RESULT_OK)
        result = read_bytes(&decoding, slice_make(decoding.bytes, written));
    if (result == RESULT_OK && decoding.inflater && inflater_finish(decoding.inflater) != RESULT_OK && !decoding.wrong)
        fail(&decoding, AUDIT_DEAD_ENCODING, "the gzip data ends too early");
    if (decoding.wrong && reader->payload.manner != PAYLOAD_OF_BROKEN) {
        reader->payload.dead_letter = true;
        audit_reader_dead_item(reader, decoding.reason, decoding.wrong);
    }
    inflater_free(decoding.inflater);
}

/* --- reading ----------------------------------------------------------------------------------------------------------------- */

/* What the child has counted since then is the reader's own. */
static void add_counts(struct audit_reader *reader, const struct audit_counts *before)
{
    const struct audit_counts *now = &reader->child->counts;
    uint64_t events = now->events - before->events;

    reader->counts.events += events;
    reader->counts.received += events;
    reader->counts.cut += now->cut - before->cut;
    reader->payload.other += now->other - before->other;
    reader->payload.events = events;
}

bool payload_read(struct audit_reader *reader, struct json_raw value, enum payload_form form)
{
    struct audit_reader *child = child_of(reader);

    if (!child)
        return false;
    const struct audit_counts before = child->counts;
    /* a text that was cut ends within its JSON, which the child sees; a value was closed behind the cut and looks whole */
    child->truncated = value.type != JSON_STRING && (reader->truncated || audit_reader_item_is_cut(reader));
    reader->payload.before = before.events;
    reader->payload.left_out = false;
    if (value.type != JSON_STRING)
        read_text(reader, value.text);
    else if (form == PAYLOAD_BASE64)
        decode(reader, value);
    else
        json_raw_give(value, read_text, reader);
    reader->payload.cut_off = child->frame_count > 0;
    audit_reader_end_message(child);
    reader->busy |= child->busy;
    add_counts(reader, &before);
    return true;
}
