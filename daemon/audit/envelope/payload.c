/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what an envelope carries as text, piece by piece into a reader of its own. Base64, which may be packed, is for unpack.c. */
#include "otlp.h"
#include "daemon/audit/reader.h"

#include "harrier/audit_text.h"

/* Envelopes in each other. */
enum { LEVELS = 6 };

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
        outer.cluster = audit_reader_cluster(reader);
    if (outer.provider == UDM_PROVIDER_NONE)
        outer.provider = audit_reader_provider(reader);
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
bool payload_is_damage(const struct audit_dead *dead)
{
    return dead->reason == AUDIT_DEAD_ENCODING || dead->reason == AUDIT_DEAD_LIMIT || audit_names_event(dead->bytes) ||
           (dead->reason == AUDIT_DEAD_SYNTAX && dead->bytes.length && dead->bytes.bytes[0] == '{');
}

static void on_dead(void *context, const struct audit_dead *dead)
{
    struct audit_reader *reader = context;
    struct payload *payload = &reader->payload;
    bool has_event = reader->child->counts.events > payload->before;

    switch (payload->manner) {
    case PAYLOAD_OF_CLOUD:
        if (payload_is_damage(dead))
            pass_dead(reader, dead);
        else
            payload->other++;
        break;
    case PAYLOAD_OF_COLLECTOR:
        if (has_event || dead->reason == AUDIT_DEAD_ENCODING || dead->reason == AUDIT_DEAD_LIMIT)
            pass_dead(reader, dead);
        else
            payload->left_out = true;
        payload->damaged |= payload_is_damage(dead);
        break;
    case PAYLOAD_OF_BROKEN: break;
    }
}

/* UDM records come in no envelopes. */
static struct audit_reader *child_of(struct audit_reader *reader)
{
    const struct audit_sink sink = {reader, on_wanted, on_event, on_dead, audit_reader_ask_budget};

    if (!reader->child && reader->level < LEVELS) {
        reader->child = audit_reader_new(&reader->limits, AUDIT_ACCEPT_K8S, reader->format, &sink);
        reader->child->parent = reader;
        reader->child->root = reader->root;
        reader->child->base = reader->base;
    }
    if (reader->level >= LEVELS)
        return NULL;
    reader->child->level = reader->level + 1; /* one that unpacks has another level with each payload */
    return reader->child;
}

static enum result read_text(void *data, struct slice text)
{
    struct audit_reader *reader = data;
    return audit_reader_feed(reader->child, text);
}

/* What is nested too deep in it is left out of the event, as what is over a bound is. */
static void read_any_value(struct audit_reader *reader, struct json_raw value)
{
    if (otlp_give(value, read_text, reader, &reader->child->truncated) == RESULT_INVALID)
        audit_reader_feed(reader->child, SLICE("\n")); /* what came of it ends in its middle, which the child tells */
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

/* What the child had counted before it reads a payload. */
struct child_before {
    struct audit_counts counts;
    uint64_t deferred;
};

static struct child_before begin_payload(struct audit_reader *reader)
{
    const struct audit_reader *child = reader->child;

    reader->payload.before = child->counts.events;
    reader->payload.left_out = false;
    return (struct child_before){child->counts, child->deferred};
}

static void end_payload(struct audit_reader *reader, const struct child_before *before)
{
    audit_reader_end_message(reader->child);
    reader->busy |= reader->child->busy;
    add_counts(reader, &before->counts);
    reader->payload.deferred = reader->child->deferred - before->deferred;
}

bool payload_read_text(struct audit_reader *reader, struct slice text)
{
    struct audit_reader *child = child_of(reader);

    if (!child)
        return false;
    const struct child_before before = begin_payload(reader);
    child->truncated = false;
    audit_reader_feed(child, text);
    end_payload(reader, &before);
    return true;
}

void payload_end_parts(struct audit_reader *reader)
{
    struct audit_reader *child = reader->child;
    const struct audit_counts before = child->counts;

    reader->payload.before = before.events;
    parts_end_all(child);
    reader->busy |= child->busy;
    add_counts(reader, &before);
}

enum payload_outcome payload_read(struct audit_reader *reader, struct slice object, struct json_raw value, enum payload_form form)
{
    struct audit_reader *child = child_of(reader);

    if (!child)
        return PAYLOAD_TOO_DEEP;
    if (value.type == JSON_STRING && form == PAYLOAD_BASE64)
        return unpack_later(reader, object, value);
    const struct child_before before = begin_payload(reader);
    const uint64_t parts_before = child->parts_taken;
    /* a text that was cut ends within its JSON, which the child sees; a value was closed behind the cut and looks whole */
    child->truncated = value.type != JSON_STRING && (reader->truncated || audit_reader_item_is_cut(reader));
    memcpy(child->text_source, reader->value_source, sizeof child->text_source);
    if (form == PAYLOAD_ANY_VALUE)
        read_any_value(reader, value);
    else if (value.type != JSON_STRING)
        read_text(reader, value.text);
    else
        json_raw_give(value, read_text, reader);
    end_payload(reader, &before);
    reader->payload.held |= child->parts_taken != parts_before;
    return PAYLOAD_DONE;
}
