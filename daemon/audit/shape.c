/* SPDX-License-Identifier: Apache-2.0 */
#include "shape.h"

#define IS(name, literal) (memcmp((name).bytes, (literal), sizeof(literal) - 1) == 0)

enum audit_member audit_member_of_object(struct slice name)
{
    switch (name.length) {
    case 3: return IS(name, "udm") ? MEMBER_UDM : IS(name, "log") || IS(name, "msg") ? MEMBER_LINE : MEMBER_OTHER;
    case 4:
        return IS(name, "verb")   ? MEMBER_VERB
               : IS(name, "user") ? MEMBER_USER
               : IS(name, "kind") ? MEMBER_KIND
               : IS(name, "_raw") ? MEMBER_LINE
                                  : MEMBER_OTHER;
    case 5:
        return IS(name, "level")   ? MEMBER_LEVEL
               : IS(name, "stage") ? MEMBER_STAGE
               : IS(name, "items") ? MEMBER_ITEMS
               : IS(name, "owner") ? MEMBER_OWNER
               : IS(name, "event") ? MEMBER_LINE
                                   : MEMBER_OTHER;
    case 6: return IS(name, "events") ? MEMBER_LOG_EVENTS : MEMBER_OTHER;
    case 7:
        return IS(name, "auditID")                              ? MEMBER_AUDIT_ID
               : IS(name, "records")                            ? MEMBER_RECORDS
               : IS(name, "message") || IS(name, "MESSAGE") ? MEMBER_LINE
                                                                : MEMBER_OTHER;
    case 8: return IS(name, "metadata") ? MEMBER_METADATA : IS(name, "logGroup") ? MEMBER_LOG_GROUP : MEMBER_OTHER;
    case 9: return IS(name, "objectRef") ? MEMBER_OBJECT_REF : IS(name, "logEvents") ? MEMBER_LOG_EVENTS : IS(name, "scopeLogs") ? MEMBER_OTLP_LIST : MEMBER_OTHER;
    case 10: return IS(name, "requestURI") ? MEMBER_REQUEST_URI : IS(name, "logRecords") ? MEMBER_LOG_RECORDS : MEMBER_OTHER;
    case 12: return IS(name, "protoPayload") ? MEMBER_PROTO_PAYLOAD : IS(name, "resourceLogs") ? MEMBER_OTLP_LIST : MEMBER_OTHER;
    case 13: return IS(name, "requestObject") ? MEMBER_REQUEST_OBJECT : MEMBER_OTHER;
    case 14: return IS(name, "responseObject") ? MEMBER_RESPONSE_OBJECT : MEMBER_OTHER;
    default: return MEMBER_OTHER;
    }
}

enum audit_member audit_member_of_user(struct slice name)
{
    return slice_equal(name, SLICE("username")) ? MEMBER_USERNAME : MEMBER_OTHER;
}

enum audit_member audit_member_of_object_ref(struct slice name)
{
    switch (name.length) {
    case 8: return IS(name, "resource") ? MEMBER_RESOURCE : IS(name, "apiGroup") ? MEMBER_API_GROUP : MEMBER_OTHER;
    case 9: return IS(name, "namespace") ? MEMBER_NAMESPACE : MEMBER_OTHER;
    case 10: return IS(name, "apiVersion") ? MEMBER_API_VERSION : MEMBER_OTHER;
    case 11: return IS(name, "subresource") ? MEMBER_SUBRESOURCE : MEMBER_OTHER;
    default: return MEMBER_OTHER;
    }
}

struct udm_head_member *audit_head_member(struct udm_k8s_head *head, enum audit_member member)
{
    switch (member) {
    case MEMBER_LEVEL: return &head->level;
    case MEMBER_STAGE: return &head->stage;
    case MEMBER_REQUEST_URI: return &head->request_uri;
    case MEMBER_VERB: return &head->verb;
    case MEMBER_USERNAME: return &head->username;
    case MEMBER_RESOURCE: return &head->resource;
    case MEMBER_SUBRESOURCE: return &head->subresource;
    case MEMBER_API_GROUP: return &head->api_group;
    case MEMBER_API_VERSION: return &head->api_version;
    default: return &head->namespace;
    }
}

static enum audit_kind_name kind_name(struct slice text)
{
    if (slice_equal(text, SLICE("Event")))
        return KIND_EVENT;
    return slice_equal(text, SLICE("EventList")) ? KIND_EVENT_LIST : KIND_OTHER;
}

void audit_shape_note(struct audit_shape *shape, enum audit_member member, enum json_type type, struct slice text)
{
    bool string = type == JSON_STRING, object = type == JSON_OBJECT;

    switch (member) {
    case MEMBER_AUDIT_ID: shape->audit_id = string; break;
    case MEMBER_VERB: shape->verb = string; break;
    case MEMBER_STAGE: shape->stage = string; break;
    case MEMBER_OBJECT_REF: shape->object_ref = object; break;
    case MEMBER_PROTO_PAYLOAD: shape->proto_payload = object; return;
    case MEMBER_METADATA: shape->metadata = object; return;
    case MEMBER_UDM: shape->udm = object; return;
    case MEMBER_KIND: shape->kind = string ? kind_name(text) : KIND_OTHER; return;
    case MEMBER_LEVEL:
    case MEMBER_REQUEST_URI:
    case MEMBER_REQUEST_OBJECT:
    case MEMBER_RESPONSE_OBJECT: break;
    default: return;
    }
    shape->audit_member = true;
}

/* Trimmed exports have no auditID, but say what they are. */
bool audit_shape_is_event(const struct audit_shape *shape)
{
    return (shape->audit_id && (shape->verb || shape->stage)) || (shape->kind == KIND_EVENT && shape->verb && shape->object_ref);
}

bool audit_shape_begins_event(const struct audit_shape *shape)
{
    return shape->audit_id && shape->object_ref && !shape->list;
}

static enum audit_verdict none(const char **why, const char *text)
{
    *why = text;
    return VERDICT_NONE;
}

const char audit_no_event[] = "an object that is no audit event and no UDM record: it has no kind Event with apiVersion audit.k8s.io/..., and no auditID";

enum audit_verdict audit_shape_judge(const struct audit_shape *shape, enum audit_accept accept, const char **why)
{
    if (audit_shape_is_event(shape)) {
        if (shape->list)
            return none(why, "an audit event with a list of items before its auditID or verb");
        return accept == AUDIT_ACCEPT_UDM ? none(why, "an audit event where UDM records are expected") : VERDICT_EVENT;
    }
    if (shape->list || shape->kind == KIND_EVENT_LIST)
        return VERDICT_LIST;
    if (shape->proto_payload && accept != AUDIT_ACCEPT_UDM)
        return VERDICT_LOG_ENTRY;
    if (shape->udm || (shape->metadata && !shape->audit_member))
        return accept == AUDIT_ACCEPT_K8S ? none(why, "a UDM record where audit events are expected") : VERDICT_UDM;
    if (shape->audit_id)
        return none(why, "an object with auditID, but with neither verb nor stage");
    if (shape->kind == KIND_EVENT)
        return none(why, "an object of kind Event without verb and objectRef: one of Kubernetes' own events, not of its audit log?");
    return none(why, audit_no_event);
}

/* Where UDM is what the source is said to send, there is nothing to tell it from. */
bool audit_shape_is_udm(const struct audit_shape *shape, enum audit_accept accept, struct slice bytes)
{
    return shape->udm || accept == AUDIT_ACCEPT_UDM || udm_json_is_record(bytes);
}

/* `metadata` is not looked at: an EventList has one. */
enum audit_verdict audit_shape_judge_beside_list(const struct audit_shape *shape, enum audit_accept accept, const char **why)
{
    *why = shape->proto_payload || shape->udm || shape->line ? "an object with a list without an event, and with more beside it" : NULL;
    if (shape->proto_payload && accept != AUDIT_ACCEPT_UDM)
        return VERDICT_LOG_ENTRY;
    return shape->udm && accept != AUDIT_ACCEPT_K8S ? VERDICT_UDM : VERDICT_NONE;
}
