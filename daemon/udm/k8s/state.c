/* SPDX-License-Identifier: Apache-2.0 */
/* The objects of an audit event, and what can be said where they are missing: unknown is not absent. */
#include "state.h"

#include "event.h"
#include "daemon/udm/k8s/object/object.h"

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
    if (!request->verb.length)
        return !k8s_subresource_connects(request->subresource); /* cut off or trimmed: nothing can be said */
    return k8s_request_writes(request); /* verbs of requests for no resource are methods: post */
}

/* Of an object; an array is a patch of type json. */
static const char *patch_type(const struct json_node *body)
{
    if (json_is(json_last_member(body, "apiVersion"), JSON_STRING) && json_is(json_last_member(body, "kind"), JSON_STRING))
        return "apply";
    for (const struct json_node *node = body->first; node; node = json_next(node, body, false)) {
        if (node->key.length && node->key.bytes[0] == '$')
            return "strategic";
    }
    return "merge";
}

/* --- the request's object ------------------------------------------------------------------------------------------------- */

struct slice k8s_object_kind(const struct k8s_objects *objects, const struct json_node *object, const struct json_node **origin)
{
    *origin = json_last_member(object, "kind");
    if (json_string(*origin).length || !objects->is_google)
        return json_string(*origin);
    /* batch.k8s.io/v1.CronJob; k8s.io/Patch names no kind */
    *origin = json_last_member(object, "@type");
    struct slice version_kind = json_string(*origin);
    version_kind = slice_from(version_kind, (size_t)(slice_find_last_byte(version_kind, '/') + 1));
    ptrdiff_t dot = slice_find_byte(version_kind, '.');
    return dot < 0 ? SLICE("") : slice_from(version_kind, (size_t)dot + 1);
}

static void map_patch_array(struct k8s_walk *walk, const struct k8s_request *request, const struct json_node *operations, struct seen *seen)
{
    udm_record_add_label(walk->record, SLICE("patch_type"), SLICE("json"), operations);
    seen->unresolved |= k8s_json_patch_labels(walk, request, operations, seen->whole_response);
}

/* The patches in an object that stands for an array; gives true if the object holds anything else that counts. */
static bool map_wrapped_patches(struct k8s_walk *walk, const struct k8s_request *request, const struct json_node *body, struct seen *seen)
{
    bool has_others = false;

    for (const struct json_node *member = body->first; member; member = member->next) {
        if (slice_is(member->key, "value") && member->type == JSON_ARRAY)
            map_patch_array(walk, request, member, seen);
        else
            has_others = has_others || !slice_is(member->key, "@type");
    }
    return has_others;
}

/* Google's "@type" alone: the object itself was left out. */
static bool is_empty_shell(const struct k8s_objects *objects, const struct json_node *body)
{
    return objects->is_google && body->count == 1 && slice_is(body->first->key, "@type");
}

static void map_request_object(struct udm_record *record, const struct k8s_request *request, const struct k8s_objects *objects,
                               const struct json_node *body, struct seen *seen)
{
    bool is_patch = slice_is(request->verb, "patch") || (objects->is_google && slice_is(json_string(json_last_member(body, "@type")), "k8s.io/Patch"));
    struct k8s_walk walk = {.record = record, .is_whole = !is_patch};
    const struct json_node *kind_origin;
    struct slice kind = k8s_object_kind(objects, body, &kind_origin);

    if (body->type == JSON_STRING)
        seen->too_big = true;
    if (body->type != JSON_OBJECT && body->type != JSON_ARRAY)
        return;
    seen->incomplete |= body->incomplete;
    if (is_empty_shell(objects, body))
        return;
    seen->request = true;
    if (kind.length)
        udm_record_add_label(record, SLICE("kind"), kind, kind_origin);
    if (body->type == JSON_ARRAY) {
        map_patch_array(&walk, request, body, seen);
    } else if (!objects->is_google || !is_patch || map_wrapped_patches(&walk, request, body, seen)) {
        if (is_patch)
            udm_record_add_label(record, SLICE("patch_type"), slice_of(patch_type(body)), body);
        k8s_object_labels(&walk, request, body);
    }
    seen->overflow |= walk.overflow;
}

/* --- the object that came back -------------------------------------------------------------------------------------------- */

static void map_response_object(struct udm_record *record, const struct k8s_request *request, const struct k8s_objects *objects,
                                const struct json_node *body, bool is_whole)
{
    const struct json_node *kind_origin, *items = json_last_member(body, "items");
    struct slice kind = k8s_object_kind(objects, body, &kind_origin);

    if (kind.length)
        udm_record_add_label(record, SLICE("response_kind"), kind, kind_origin);
    if (slice_ends_with(kind, SLICE("List")) && json_is(items, JSON_ARRAY))
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

static const struct json_node *whole_response_of(const struct k8s_objects *objects, const struct udm_cut *cut)
{
    const struct json_node *response = json_last_member(objects->holder, objects->response), *kind_origin;
    bool whole = json_is(response, JSON_OBJECT) && !response->incomplete && !cut->response_object && !is_empty_shell(objects, response) &&
                 k8s_kind_is_whole(k8s_object_kind(objects, response, &kind_origin));
    return whole ? response : NULL;
}

/* --- states --------------------------------------------------------------------------------------------------------------- */

/* Refused before or at decoding: nothing was changed. Other refusals come after it, with the object logged. An authorizer that fails gives a 500. */
static bool is_refusal(int64_t code)
{
    return code >= 400;
}

/* The event's object_state. */
static const char *object_state(const struct k8s_objects *objects, const struct k8s_request *request, const struct seen *seen,
                                const struct udm_cut *cut)
{
    if (seen->overflow || cut->request_object || seen->incomplete || seen->too_big)
        return "truncated";
    if (seen->request)
        return seen->unresolved ? "unresolved" : "present";
    if (!writes_object(request))
        return "none";
    if (!objects->is_metadata_level && is_refusal(objects->code))
        return "rejected";
    if (objects->is_early_stage)
        return "stage";
    if (objects->is_metadata_level)
        return "level";
    if (objects->is_truncated || cut->transport)
        return "truncated";
    if (slice_is(request->verb, "delete") || slice_is(request->verb, "deletecollection"))
        return "none"; /* options of a delete are optional */
    return "missing";
}

void k8s_know(struct udm_record *record, const struct k8s_origin_member *members, size_t count, const struct udm_cut *cut)
{
    bool is_cut = cut->other || cut->transport;

    for (size_t i = 0; i < UDM_ORIGIN_COUNT; i++)
        record->knowledge[i] = UDM_KNOWN;
    if (is_cut)
        record->knowledge[UDM_ORIGIN_EVENT] = UDM_UNKNOWN;
    for (size_t i = 0; i < count; i++) {
        const struct json_node *member = members[i].member;
        if (is_cut && (!member || member->incomplete || k8s_is_broken_off(member, cut)))
            record->knowledge[members[i].origin] = UDM_UNKNOWN;
    }
}

void k8s_map_objects(struct udm_record *record, const struct k8s_request *request, const struct k8s_objects *objects, const struct udm_cut *cut)
{
    struct seen seen = {.whole_response = whole_response_of(objects, cut)};
    const struct json_node *body = NULL;

    while ((body = k8s_next_member(objects->holder, objects->request, body)))
        map_request_object(record, request, objects, body, &seen);
    while ((body = k8s_next_member(objects->holder, objects->response, body)))
        map_response_object(record, request, objects, body, body == seen.whole_response);
    if (seen.whole_response && !udm_record_label(record, "kind").length) {
        const struct json_node *origin;
        struct slice kind = k8s_object_kind(objects, seen.whole_response, &origin);
        udm_record_add_label(record, SLICE("kind"), kind, origin);
    }
    if (seen.overflow || cut->request_object || cut->response_object || cut->other)
        udm_record_add_label(record, SLICE("overflow"), SLICE("true"), NULL);
    const char *state = object_state(objects, request, &seen, cut);
    bool is_known = strcmp(state, "present") == 0 || strcmp(state, "none") == 0;
    udm_record_add_label(record, SLICE("object_state"), slice_of(state), NULL);
    record->knowledge[UDM_ORIGIN_REQUEST_OBJECT] = is_known ? UDM_KNOWN : UDM_UNKNOWN;
    record->knowledge[UDM_ORIGIN_RESPONSE_OBJECT] = seen.whole_response && writes_object(request) ? UDM_KNOWN : UDM_UNKNOWN;
}
