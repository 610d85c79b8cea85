/* SPDX-License-Identifier: Apache-2.0 */
/* The objects of an audit event, and what can be said where they are missing: unknown is not absent. */
#include "k8s_state.h"

#include "k8s_object.h"

/* What the objects gave. */
struct seen {
    bool request;    /* an object or array */
    bool too_big;    /* a text stands in its place: AKS leaves out what is big */
    bool incomplete; /* it could not be read to its end */
    bool unresolved;
    bool overflow;
    const struct json_node *whole_response;
};

static bool writes_object(const struct k8s_request *request)
{
    if (k8s_subresource_connects(request->subresource))
        return false;
    if (!request->verb.length)
        return true; /* cut off or trimmed: nothing can be said */
    return k8s_verb_writes(request->verb); /* verbs of requests for no resource are methods: post */
}

static const char *patch_type(const struct json_node *body)
{
    if (body->type == JSON_ARRAY)
        return "json";
    if (json_is(json_last_member(body, "apiVersion"), JSON_STRING) && json_is(json_last_member(body, "kind"), JSON_STRING))
        return "apply";
    const struct json_node *node = body->first;
    while (node) {
        if (node->key.length && node->key.bytes[0] == '$')
            return "strategic";
        if (node->first) {
            node = node->first;
            continue;
        }
        while (node != body && !node->next)
            node = node->parent;
        node = node == body ? NULL : node->next;
    }
    return "merge";
}

/* --- the request's object ------------------------------------------------------------------------------------------------- */

static void map_request_object(struct udm_record *record, const struct k8s_request *request, const struct json_node *body, struct seen *seen)
{
    bool is_patch = slice_is(request->verb, "patch");
    struct k8s_walk walk = {.record = record, .is_whole = !is_patch};
    const struct json_node *kind = json_last_member(body, "kind");

    if (body->type == JSON_STRING)
        seen->too_big = true;
    if (body->type != JSON_OBJECT && body->type != JSON_ARRAY)
        return;
    seen->request = true;
    seen->incomplete |= body->incomplete;
    if (json_string(kind).length)
        udm_record_add_label(record, SLICE("kind"), kind->text, kind);
    if (is_patch || body->type == JSON_ARRAY)
        udm_record_add_label(record, SLICE("patch_type"), slice_of(patch_type(body)), body);
    if (body->type == JSON_ARRAY)
        seen->unresolved |= k8s_json_patch_labels(&walk, request, body, seen->whole_response);
    else
        k8s_object_labels(&walk, request, body);
    seen->overflow |= walk.overflow;
}

/* --- the object that came back -------------------------------------------------------------------------------------------- */

static void map_response_object(struct udm_record *record, const struct k8s_request *request, const struct json_node *body, bool is_whole)
{
    const struct json_node *kind = json_last_member(body, "kind"), *items = json_last_member(body, "items");

    if (json_string(kind).length)
        udm_record_add_label(record, SLICE("response_kind"), kind->text, kind);
    if (slice_ends_with(json_string(kind), SLICE("List")) && json_is(items, JSON_ARRAY))
        udm_record_add_label(record, SLICE("response_items"), arena_printf(record->arena, "%u", items->count), items);
    if (is_whole && writes_object(request) && udm_label_filter_wants_response(record->label_filter)) {
        struct k8s_walk walk = {.record = record, .is_response = true, .is_whole = true};
        struct k8s_request about = *request;
        if (slice_is(request->verb, "delete"))
            about.verb = SLICE("");
        if (slice_is(request->subresource, "status"))
            about.subresource = SLICE(""); /* what comes back is the resource */
        k8s_object_labels(&walk, &about, body);
    }
}

static const struct json_node *whole_response_of(const struct json_node *event, const struct udm_cut *cut)
{
    const struct json_node *response = json_last_member(event, "responseObject");
    bool whole = json_is(response, JSON_OBJECT) && !response->incomplete && !cut->response_object &&
                 k8s_kind_is_whole(json_string(json_last_member(response, "kind")));
    return whole ? response : NULL;
}

/* --- states --------------------------------------------------------------------------------------------------------------- */

/* Refused before or at decoding: nothing was changed. Other refusals come after it, with the object logged. */
static bool is_refusal(const struct json_node *event)
{
    int64_t code = 0;
    const struct json_node *node = json_at(event, "responseStatus", "code", NULL);
    return json_is(node, JSON_NUMBER) && slice_to_int64(node->text, &code) && code >= 400 && code < 500;
}

static bool is_truncated(const struct json_node *event)
{
    const struct json_node *annotation = json_last_member(json_last_member(event, "annotations"), "audit.k8s.io/truncated");
    return json_string(annotation).length && !slice_is(annotation->text, "false");
}

/* The event's object_state. */
static const char *object_state(const struct json_node *event, const struct k8s_request *request, const struct seen *seen, const struct udm_cut *cut)
{
    struct slice level = json_string(json_last_member(event, "level")), stage = json_string(json_last_member(event, "stage"));

    if (seen->overflow || cut->request_object || seen->incomplete || seen->too_big)
        return "truncated";
    if (seen->request)
        return seen->unresolved ? "unresolved" : "present";
    if (!writes_object(request))
        return "none";
    if (!slice_is(level, "Metadata") && is_refusal(event))
        return "rejected";
    if (slice_is(stage, "RequestReceived") || slice_is(stage, "ResponseStarted"))
        return "stage";
    if (slice_is(level, "Metadata"))
        return "level";
    if (is_truncated(event) || cut->transport)
        return "truncated";
    if (slice_is(request->verb, "delete") || slice_is(request->verb, "deletecollection"))
        return "none"; /* options of a delete are optional */
    return "missing";
}

/* What a cut-off text has not shown is unknown, what it has is there. */
static void know(struct udm_record *record, const struct json_node *event, const struct udm_cut *cut, bool request_known, bool response_known)
{
    static const struct {
        enum udm_origin origin;
        const char *member;
    } members[] = {
        {UDM_ORIGIN_VERB, "verb"},   {UDM_ORIGIN_URL, "requestURI"},      {UDM_ORIGIN_USER, "user"}, {UDM_ORIGIN_USER_KIND, "user"},
        {UDM_ORIGIN_STAGE, "stage"}, {UDM_ORIGIN_OBJECT_REF, "objectRef"},
    };

    for (size_t i = 0; i < UDM_ORIGIN_COUNT; i++)
        record->knowledge[i] = UDM_KNOWN;
    record->knowledge[UDM_ORIGIN_REQUEST_OBJECT] = request_known ? UDM_KNOWN : UDM_UNKNOWN;
    record->knowledge[UDM_ORIGIN_RESPONSE_OBJECT] = response_known ? UDM_KNOWN : UDM_UNKNOWN;
    if (cut->other || cut->transport)
        record->knowledge[UDM_ORIGIN_EVENT] = UDM_UNKNOWN;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const struct json_node *member = json_last_member(event, members[i].member);
        bool broken = cut->transport && member == event->last; /* see read_event */
        if ((cut->other || cut->transport) && (!member || member->incomplete || broken))
            record->knowledge[members[i].origin] = UDM_UNKNOWN;
    }
}

void k8s_map_objects(struct udm_record *record, const struct k8s_request *request, const struct json_node *event, const struct udm_cut *cut)
{
    struct seen seen = {.whole_response = whole_response_of(event, cut)};
    const struct json_node *body = NULL;

    while ((body = k8s_next_member(event, "requestObject", body)))
        map_request_object(record, request, body, &seen);
    while ((body = k8s_next_member(event, "responseObject", body)))
        map_response_object(record, request, body, body == seen.whole_response);
    if (seen.whole_response && !udm_record_label(record, "kind").length) {
        const struct json_node *kind = json_last_member(seen.whole_response, "kind");
        udm_record_add_label(record, SLICE("kind"), kind->text, kind);
    }
    if (seen.overflow || cut->request_object || cut->response_object || cut->other)
        udm_record_add_label(record, SLICE("overflow"), SLICE("true"), NULL);
    const char *state = object_state(event, request, &seen, cut);
    udm_record_add_label(record, SLICE("object_state"), slice_of(state), NULL);
    know(record, event, cut, strcmp(state, "present") == 0 || strcmp(state, "none") == 0, seen.whole_response && writes_object(request));
}
