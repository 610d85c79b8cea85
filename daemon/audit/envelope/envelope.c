/* SPDX-License-Identifier: Apache-2.0 */
/* The second look at an object that is no audit event, once it is whole: which envelope is it, and where in it is what it carries?
 * Lists were entered as they came (values.c), so here are their elements, and what
 * stands alone. Only the object's own members are looked at, and no further than named here: what a client wrote is never an envelope. */
#include "daemon/audit/reader.h"

#include "harrier/audit_text.h"

#include <stddef.h>

enum { LONGEST_NAME = 512 };

bool audit_reader_opens(const struct audit_reader *reader, enum audit_format format)
{
    return reader->accept != AUDIT_ACCEPT_UDM && (reader->format == AUDIT_FORMAT_AUTO || reader->format == format);
}

/* --- clusters --------------------------------------------------------------------------------------------------------------- */

/* `/aws/eks/NAME/cluster`: NAME, or nothing. */
static struct slice eks_name(struct slice log_group)
{
    struct slice before = SLICE("/aws/eks/"), behind = SLICE("/cluster");

    if (!slice_starts_with(log_group, before) || !slice_ends_with(log_group, behind) || log_group.length <= before.length + behind.length)
        return slice_make("", 0);
    return slice_first(slice_from(log_group, before.length), log_group.length - before.length - behind.length);
}

void envelope_name_list(struct audit_reader *reader)
{
    struct slice name = eks_name(buffer_slice(&reader->log_group));

    envelope_forget_list(reader);
    if (name.length == 0)
        return;
    reader->list_provider = UDM_PROVIDER_EKS;
    if (reader->owner.length == 0)
        return;
    buffer_append_slice(&reader->list_cluster, buffer_slice(&reader->owner));
    buffer_append_byte(&reader->list_cluster, '/');
    buffer_append_slice(&reader->list_cluster, name);
}

void envelope_forget_list(struct audit_reader *reader)
{
    reader->list_cluster.length = 0;
    reader->list_provider = UDM_PROVIDER_NONE;
}

static void forget_cluster(struct audit_reader *reader)
{
    reader->cluster.length = 0;
    reader->provider = UDM_PROVIDER_NONE;
}

static void name_gke(struct audit_reader *reader, struct json_raw entry)
{
    static const char *const parts[] = {"project_id", "location", "cluster_name"};
    struct json_raw labels = json_walk_member(json_walk_member(entry, "resource", JSON_OBJECT), "labels", JSON_OBJECT);
    struct buffer *cluster = &reader->cluster;

    cluster->length = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t before = cluster->length;
        struct json_raw part = json_walk_member(labels, parts[i], JSON_STRING);
        if (i)
            buffer_append_byte(cluster, '/');
        if (part.text.length <= LONGEST_NAME)
            json_raw_text(part, cluster);
        if (cluster->length == before + (i > 0)) { /* a part alone may name two clusters */
            cluster->length = 0;
            return;
        }
    }
}

static void name_aks(struct audit_reader *reader, struct json_raw resource_id)
{
    struct buffer *cluster = &reader->cluster;

    cluster->length = 0;
    if (resource_id.text.length > LONGEST_NAME)
        return;
    json_raw_text(resource_id, cluster);
    ptrdiff_t slash = slice_find_last_byte(buffer_slice(cluster), '/');
    if (slash >= 0)
        buffer_consume(cluster, (size_t)slash + 1);
}

/* --- Cloud Logging's LogEntry ------------------------------------------------------------------------------------------------------------- */

/* Of an entry that broke off: is the member not there, or the last thing that is? */
static bool may_lack(struct json_raw entry, struct json_raw payload, const char *name)
{
    struct json_raw member = json_walk_member(payload, name, JSON_OBJECT);

    if (!member.text.bytes)
        return true;
    for (const char *at = member.text.bytes + member.text.length; at < entry.text.bytes + entry.text.length; at++)
        if (*at != '}')
            return false;
    return true;
}

/* The reader's regions are not those of an entry: what was cut is told here. */
static void note_cut_entry(struct audit_reader *reader, struct json_raw entry, struct json_raw payload)
{
    struct udm_cut *cut = &reader->item.cut;

    cut->request_object |= cut->other || may_lack(entry, payload, "request");
    cut->response_object |= cut->other || may_lack(entry, payload, "response");
}

void envelope_log_entry(struct audit_reader *reader, struct slice bytes, bool complete)
{
    struct json_raw entry = {JSON_OBJECT, bytes}, payload = json_walk_member(entry, "protoPayload", JSON_OBJECT);
    struct json_raw service = json_walk_member(payload, "serviceName", JSON_STRING);

    if (service.text.length && !json_raw_is(service, "k8s.io")) {
        reader->counts.other += complete; /* else it is a dead letter */
        return;
    }
    if (audit_reader_item_is_cut(reader))
        note_cut_entry(reader, entry, payload);
    name_gke(reader, entry);
    audit_reader_deliver(reader, AUDIT_KIND_GKE, bytes, complete);
    forget_cluster(reader);
}

/* --- members ----------------------------------------------------------------------------------------------------------------- */

/* The members by which envelopes are told; without text where there is none of the right type. */
struct members {
    struct json_raw message_object, message_text, subscription, data_text, data, data_base64;
    struct json_raw category, properties, resource_id, specversion, event_type, log_name, log_payload, kind, api_version, body, log_stream_name;
};

enum { STRING = 1 << JSON_STRING, ARRAY = 1 << JSON_ARRAY, OBJECT = 1 << JSON_OBJECT };

static const struct {
    const char *name;
    unsigned int types;
    size_t place;
} member_places[] = {
    {"message", OBJECT, offsetof(struct members, message_object)},
    {"message", STRING, offsetof(struct members, message_text)},
    {"subscription", STRING, offsetof(struct members, subscription)},
    {"data", STRING, offsetof(struct members, data_text)},
    {"data", STRING | ARRAY | OBJECT, offsetof(struct members, data)},
    {"data_base64", STRING, offsetof(struct members, data_base64)},
    {"category", STRING, offsetof(struct members, category)},
    {"properties", OBJECT, offsetof(struct members, properties)},
    {"resourceId", STRING, offsetof(struct members, resource_id)},
    {"specversion", STRING, offsetof(struct members, specversion)},
    {"eventType", STRING, offsetof(struct members, event_type)},
    {"logName", STRING, offsetof(struct members, log_name)},
    {"textPayload", STRING, offsetof(struct members, log_payload)},
    {"jsonPayload", OBJECT, offsetof(struct members, log_payload)},
    {"kind", STRING, offsetof(struct members, kind)},
    {"apiVersion", STRING, offsetof(struct members, api_version)},
    {"body", OBJECT, offsetof(struct members, body)},
    {"logStreamName", STRING, offsetof(struct members, log_stream_name)},
};

/* The last of equal names counts. */
static void find_members(struct slice bytes, struct members *members)
{
    struct json_walk walk;
    struct json_raw value;
    struct slice key;

    *members = (struct members){0};
    json_walk_begin(&walk, bytes);
    while (json_walk_next(&walk, &key, &value))
        for (size_t i = 0; i < sizeof member_places / sizeof *member_places; i++)
            if ((member_places[i].types & 1u << value.type) && json_walk_is(key, member_places[i].name))
                memcpy((char *)members + member_places[i].place, &value, sizeof value);
}

static bool is_there(struct json_raw value)
{
    return value.text.bytes != NULL;
}

enum text_kind {
    TEXT_WITHOUT_JSON,
    TEXT_WITH_JSON,
    TEXT_OF_CONTAINER /* with a head, behind which may be the rest of a line */
};

static enum text_kind tell_text(struct json_raw value)
{
    enum { ROOM = 64 }; /* more than the longest escape */
    char beginning[AUDIT_TEXT_BYTES + ROOM];
    struct slice text = slice_make(beginning, json_raw_beginning(value, beginning, sizeof beginning));
    struct audit_json_place ignored;
    struct audit_cri_head head;

    if (audit_read_cri_head(text, true, &head) == AUDIT_TEXT_FOUND)
        return TEXT_OF_CONTAINER;
    return audit_find_json(text, true, &ignored) == AUDIT_TEXT_FOUND ? TEXT_WITH_JSON : TEXT_WITHOUT_JSON;
}

/* --- opening ----------------------------------------------------------------------------------------------------------------- */

static void note_other(struct audit_reader *reader)
{
    reader->payload.other++;
}

/* Of a cloud's envelope all is accounted for: events, damage, other. */
static bool open_cloud(struct audit_reader *reader, struct slice object, struct json_raw value, enum payload_form form)
{
    struct payload *payload = &reader->payload;
    enum payload_outcome outcome = payload_read(reader, object, value, form);

    payload->set_aside = outcome == PAYLOAD_SET_ASIDE;
    if (outcome == PAYLOAD_DONE && !payload->events && !payload->deferred && !payload->held && !payload->dead_letter && !payload->other)
        note_other(reader);
    return outcome != PAYLOAD_TOO_DEEP;
}

/* Of a container's line also notes whose it is, which tells lines in parts apart. */
static bool may_hold_event(struct audit_reader *reader, struct slice object, struct json_raw text)
{
    enum text_kind kind = tell_text(text);

    if (kind == TEXT_OF_CONTAINER)
        record_source(object, reader->value_source);
    return kind == TEXT_WITH_JSON || kind == TEXT_OF_CONTAINER;
}

/* Told once where the first event of a text stood behind something else. */
static bool open_line(struct audit_reader *reader, struct slice object, struct json_raw value)
{
    struct payload *payload = &reader->payload;

    if (payload->manner == PAYLOAD_OF_CLOUD)
        payload->manner = PAYLOAD_OF_COLLECTOR;
    if (!is_there(value) || (value.type == JSON_STRING && !may_hold_event(reader, object, value)) ||
        payload_read(reader, object, value, PAYLOAD_TEXT) == PAYLOAD_TOO_DEEP)
        return false;
    if (payload->events && payload->left_out) {
        payload->dead_letter = true;
        audit_reader_dead_item(reader, AUDIT_DEAD_NOT_AN_EVENT, "part of what this envelope carries is no audit event");
    }
    return payload->events > 0 || payload->deferred > 0 || payload->held;
}

/* Azure Monitor's records, as an Event Hub has them. */
static bool open_azure_record(struct audit_reader *reader, const struct members *members, struct slice bytes)
{
    if (!json_raw_is(members->category, "kube-audit") && !json_raw_is(members->category, "kube-audit-admin")) {
        note_other(reader);
        return true;
    }
    name_aks(reader, members->resource_id);
    reader->provider = UDM_PROVIDER_AKS;
    struct json_raw log = json_walk_member(members->properties, "log", JSON_STRING);
    return open_line(reader, bytes, is_there(log) ? log : json_walk_member(members->properties, "log", JSON_OBJECT));
}

/* CloudEvents, of Event Grid and others. */
static bool open_cloud_event(struct audit_reader *reader, const struct members *members, struct slice bytes)
{
    return is_there(members->data) ? open_cloud(reader, bytes, members->data, PAYLOAD_TEXT) : open_cloud(reader, bytes, members->data_base64, PAYLOAD_BASE64);
}

/* Event Grid's own schema; the handshake is answered by who received the request. */
static bool open_event_grid(struct audit_reader *reader, const struct members *members, struct slice bytes)
{
    if (!json_raw_is(members->event_type, "Microsoft.EventGrid.SubscriptionValidationEvent"))
        return open_cloud(reader, bytes, members->data, PAYLOAD_TEXT);
    note_other(reader);
    return true;
}

/* A line of a shipper that no event is in is another log's, unless it names one, or began as JSON and is none. Kept here: it is no word on
 * what stands around it. */
static bool is_other_line(const struct audit_reader *reader, struct slice bytes, bool has_line)
{
    return has_line && !reader->payload.damaged && !audit_names_event(bytes);
}

/* Members in the order of the document; the first that yields an event wins. */
static bool open_collector(struct audit_reader *reader, struct slice bytes)
{
    static const char *const names[] = {"message", "log", "msg", "MESSAGE", "event", "_raw", "structured"};
    struct payload *payload = &reader->payload;
    struct json_walk walk;
    struct json_raw value;
    struct slice key;

    bool has_line = false;

    json_walk_begin(&walk, bytes);
    while (json_walk_next(&walk, &key, &value) && !reader->busy)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            if ((value.type != JSON_STRING && value.type != JSON_OBJECT) || !json_walk_is(key, names[i]))
                continue;
            has_line |= value.type == JSON_STRING;
            if (open_line(reader, bytes, value))
                return true;
        }
    if (!payload->other && !payload->dead_letter && payload->manner != PAYLOAD_OF_BROKEN && is_other_line(reader, bytes, has_line))
        note_other(reader);
    return payload->other || payload->dead_letter;
}

/* What is open_collector's but a part of a line. */
static bool open_record(struct audit_reader *reader, struct slice bytes)
{
    if (reader->payload.manner != PAYLOAD_OF_BROKEN && record_take_part(reader, bytes))
        return true;
    return open_collector(reader, bytes);
}

/* A line of one log stream of many. */
static bool open_stream_line(struct audit_reader *reader, struct slice bytes, struct json_raw text)
{
    if (may_hold_event(reader, bytes, text))
        return open_cloud(reader, bytes, text, PAYLOAD_TEXT);
    reader->payload.dead_letter = audit_names_event(text.text);
    if (!reader->payload.dead_letter)
        note_other(reader);
    else if (reader->payload.manner != PAYLOAD_OF_BROKEN)
        audit_reader_dead_item(reader, AUDIT_DEAD_NOT_AN_EVENT, audit_unread_event);
    return true;
}

/* A record of OTLP: its body is an AnyValue, or there is none. */
static bool open_otlp_record(struct audit_reader *reader, const struct members *members, struct slice bytes)
{
    struct json_raw text = json_walk_member(members->body, "stringValue", JSON_STRING);
    struct json_raw base64 = json_walk_member(members->body, "bytesValue", JSON_STRING);

    if (is_there(text))
        return open_stream_line(reader, bytes, text);
    if (is_there(base64))
        return open_cloud(reader, bytes, base64, PAYLOAD_BASE64);
    if (is_there(json_walk_member(members->body, "kvlistValue", JSON_OBJECT)) || is_there(json_walk_member(members->body, "arrayValue", JSON_OBJECT)))
        return open_cloud(reader, bytes, members->body, PAYLOAD_ANY_VALUE);
    note_other(reader);
    return true;
}

/* An event of CloudWatch, as its subscriptions and `aws logs` give it. The audit log's stream says whose it is where no log group is named. */
static bool open_log_event(struct audit_reader *reader, const struct members *members, struct slice bytes)
{
    char beginning[64];
    struct slice stream = slice_make(beginning, json_raw_beginning(members->log_stream_name, beginning, sizeof beginning));

    if (slice_starts_with(stream, SLICE("kube-apiserver-audit-")))
        reader->provider = UDM_PROVIDER_EKS;
    return open_stream_line(reader, bytes, members->message_text);
}

static enum list_kind list_around(const struct audit_reader *reader)
{
    return reader->frame_count > 1 ? reader->frames[reader->frame_count - 2].list : LIST_PLAIN;
}

static bool open_members(struct audit_reader *reader, struct slice bytes)
{
    enum list_kind list = list_around(reader);
    struct members members;

    find_members(bytes, &members);
    if (list == LIST_LOG_RECORDS)
        return open_otlp_record(reader, &members, bytes);
    if (audit_reader_opens(reader, AUDIT_FORMAT_CLOUD_LOGGING)) {
        struct json_raw data = json_walk_member(members.message_object, "data", JSON_STRING);
        if (is_there(data)) /* Pub/Sub */
            return open_cloud(reader, bytes, data, PAYLOAD_BASE64);
        if ((is_there(members.message_object) && is_there(members.subscription)) || (is_there(members.log_name) && is_there(members.log_payload))) {
            note_other(reader);
            return true;
        }
    }
    if (audit_reader_opens(reader, AUDIT_FORMAT_AZURE)) {
        bool is_record = is_there(members.properties) || list == LIST_RECORDS || is_there(members.resource_id);
        if (is_there(members.category) && is_record)
            return open_azure_record(reader, &members, bytes);
        if (is_there(members.specversion) && (is_there(members.data) || is_there(members.data_base64)))
            return open_cloud_event(reader, &members, bytes);
        if (is_there(members.event_type) && is_there(members.data))
            return open_event_grid(reader, &members, bytes);
    }
    if (audit_reader_opens(reader, AUDIT_FORMAT_FIREHOSE)) {
        if (list == LIST_RECORDS && is_there(members.data_text)) /* Data Firehose */
            return open_cloud(reader, bytes, members.data_text, PAYLOAD_BASE64);
        if (list == LIST_LOG_EVENTS && is_there(members.message_text))
            return open_log_event(reader, &members, bytes);
    }
    /* A Kubernetes object is no collector's record; who may create an Event chooses its message. */
    bool kubernetes_object = is_there(members.kind) && is_there(members.api_version);
    return audit_reader_opens(reader, AUDIT_FORMAT_COLLECTOR) && !kubernetes_object && open_record(reader, bytes);
}

bool envelope_open(struct audit_reader *reader, struct slice bytes, bool broken)
{
    if (reader->accept == AUDIT_ACCEPT_UDM || reader->format == AUDIT_FORMAT_AUDIT)
        return false;
    memset(reader->value_source, 0, sizeof reader->value_source);
    reader->payload = (struct payload){.manner = broken ? PAYLOAD_OF_BROKEN : PAYLOAD_OF_CLOUD};
    if (reader->level == 0)
        reader->credit = reader->item.begin + bytes.length;
    bool opened = open_members(reader, bytes);
    forget_cluster(reader);
    if (broken)
        return opened;
    reader->counts.other += reader->payload.other;
    if (opened && !reader->payload.set_aside && !reader->payload.dead_letter && audit_reader_item_is_cut(reader))
        audit_reader_dead_item(reader, AUDIT_DEAD_LIMIT, "this envelope is over a bound, and its rest was left out");
    return opened;
}
