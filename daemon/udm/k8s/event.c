/* SPDX-License-Identifier: Apache-2.0 */
#include "event.h"

#include "schema_tables.h"

/* --- setting fields ------------------------------------------------------------------------------------------------------- */

void k8s_set_string(struct udm_record *record, struct udm_message *message, const struct udm_field *field, struct slice text,
                    const struct json_node *origin)
{
    if (text.length)
        udm_message_add(record, message, field, (struct udm_value){.string = text, .origin = origin});
}

void k8s_set_int(struct udm_record *record, struct udm_message *message, const struct udm_field *field, int64_t number,
                 const struct json_node *origin)
{
    udm_message_add(record, message, field, (struct udm_value){.integer = number, .origin = origin});
}

void k8s_set_time(struct udm_record *record, struct udm_message *message, const struct udm_field *field, const struct json_node *node)
{
    clock_nanos time;

    if ((json_is(node, JSON_STRING) || json_is(node, JSON_NUMBER)) && clock_parse_any(node->text, &time))
        udm_message_add(record, message, field, (struct udm_value){.time = time, .origin = node});
}

void k8s_set_label(struct udm_record *record, const char *key, struct slice value, const struct json_node *origin)
{
    if (value.length)
        udm_record_add_label(record, slice_of(key), value, origin);
}

void k8s_set_plain_label(struct udm_record *record, struct udm_message *message, const struct udm_field *list, struct slice key, struct slice value,
                         const struct json_node *origin)
{
    struct udm_message *label = udm_message_child(record, message, list);
    udm_message_add(record, label, UDM_FIELD(Label, key), (struct udm_value){.string = key});
    udm_message_add(record, label, UDM_FIELD(Label, value), (struct udm_value){.string = value, .origin = origin});
}

struct udm_message *k8s_message(struct udm_record *record, const struct udm_field *field_of_root)
{
    return udm_message_child(record, record->root, field_of_root);
}

struct udm_message *k8s_user(struct udm_record *record, const struct udm_field *noun)
{
    return udm_message_child(record, k8s_message(record, noun), UDM_FIELD(Noun, user));
}

struct udm_message *k8s_resource(struct udm_record *record)
{
    return udm_message_child(record, k8s_message(record, UDM_FIELD(UDM, target)), UDM_FIELD(Noun, resource));
}

struct udm_message *k8s_http(struct udm_record *record)
{
    return udm_message_child(record, k8s_message(record, UDM_FIELD(UDM, network)), UDM_FIELD(Network, http));
}

/* security_result has one element. */
struct udm_message *k8s_security_result(struct udm_record *record)
{
    struct udm_values there = udm_message_get(record->root, UDM_FIELD(UDM, security_result));
    return there.count ? there.items[0].message : k8s_message(record, UDM_FIELD(UDM, security_result));
}

struct json_node *k8s_additional_new(struct arena *arena)
{
    struct json_node *fields = ARENA_NEW(arena, struct json_node);
    fields->type = JSON_OBJECT;
    return fields;
}

void k8s_additional_add(struct arena *arena, struct json_node *fields, const char *key, struct slice text)
{
    if (!text.length)
        return;
    struct json_node *member = ARENA_NEW(arena, struct json_node);
    member->type = JSON_STRING;
    member->key = slice_of(key);
    member->text = text;
    member->parent = fields;
    member->index = fields->count++;
    if (fields->last)
        fields->last->next = member;
    else
        fields->first = member;
    fields->last = member;
}

void k8s_additional_add_causes(struct arena *arena, struct json_node *fields, const struct json_node *status)
{
    const struct json_node *causes = json_at(status, "details", "causes", NULL);

    for (const struct json_node *cause = json_is(causes, JSON_ARRAY) ? causes->first : NULL; cause; cause = cause->next)
        k8s_additional_add(arena, fields, "cause_field", json_string(json_last_member(cause, "field")));
}

void k8s_map_additional(struct udm_record *record, const struct json_node *fields)
{
    if (fields->count)
        udm_message_add(record, record->root, UDM_FIELD(UDM, additional), (struct udm_value){.json = fields});
}

/* --- reading events ------------------------------------------------------------------------------------------------------- */

const struct json_node *k8s_first_text(const struct json_node *node, const struct json_node *other)
{
    if (json_string(node).length)
        return node;
    return json_string(other).length ? other : NULL;
}

bool k8s_is_broken_off(const struct json_node *node, const struct udm_cut *cut)
{
    if (!cut->transport || !node)
        return false;
    while (node->parent && !node->next)
        node = node->parent;
    return !node->parent;
}

/* --- fields that all events fill ------------------------------------------------------------------------------------------ */

void k8s_map_log_type(struct udm_record *record, struct slice log_type, const char *const other_names[])
{
    struct udm_message *metadata = k8s_message(record, UDM_FIELD(UDM, metadata));
    struct udm_message *base_labels = udm_message_child(record, metadata, UDM_FIELD(Metadata, base_labels));

    k8s_set_string(record, metadata, UDM_FIELD(Metadata, log_type), log_type, NULL);
    k8s_set_string(record, base_labels, UDM_FIELD(DataAccessLabels, log_types), log_type, NULL);
    for (; *other_names; other_names++) {
        if (!slice_is(log_type, *other_names))
            k8s_set_string(record, base_labels, UDM_FIELD(DataAccessLabels, log_types), slice_of(*other_names), NULL);
    }
}

void k8s_map_source(struct udm_record *record, const struct udm_source *source)
{
    if (source->received)
        udm_message_add(record, k8s_message(record, UDM_FIELD(UDM, metadata)), UDM_FIELD(Metadata, ingested_timestamp),
                        (struct udm_value){.time = source->received});
    if (!source->cluster.length)
        return;
    struct udm_message *ancestor = udm_message_child(record, k8s_message(record, UDM_FIELD(UDM, target)), UDM_FIELD(Noun, resource_ancestors));
    k8s_set_string(record, ancestor, UDM_FIELD(Resource, name), source->cluster, NULL);
    k8s_set_int(record, ancestor, UDM_FIELD(Resource, resource_type), UDM_VALUE_Resource_ResourceType_CLUSTER, NULL);
    k8s_set_label(record, "cluster", source->cluster, NULL);
}

void k8s_map_verb(struct udm_record *record, struct slice verb, const struct json_node *origin)
{
    if (!verb.length)
        return;
    k8s_set_string(record, k8s_http(record), UDM_FIELD(Http, method), k8s_http_method(record->arena, verb), origin);
    k8s_set_string(record, k8s_security_result(record), UDM_FIELD(SecurityResult, action_details), verb, origin);
    k8s_set_label(record, "verb", verb, origin);
}

void k8s_map_username(struct udm_record *record, struct slice username, const struct json_node *origin)
{
    if (!username.length)
        return;
    struct udm_message *user = k8s_user(record, UDM_FIELD(UDM, principal));
    k8s_set_string(record, user, UDM_FIELD(User, userid), username, origin);
    k8s_set_string(record, user, UDM_FIELD(User, user_display_name), username, origin);
    bool is_uri = slice_find(username, SLICE("://")) >= 0; /* a subject of a pool of identities, in which an address may stand */
    if (slice_find_byte(username, '@') >= 0 && !is_uri && !slice_starts_with(username, SLICE("system:")))
        k8s_set_string(record, user, UDM_FIELD(User, email_addresses), username, origin);
}

void k8s_map_user_kind(struct udm_record *record, struct slice username, bool is_unauthenticated, const struct json_node *origin)
{
    struct slice namespace, account, kind = k8s_user_kind(username);

    if (!username.length && record->knowledge[UDM_ORIGIN_USER] != UDM_KNOWN)
        return; /* cut off, not anonymous */
    if (slice_is(kind, "user") && is_unauthenticated)
        kind = SLICE("anonymous");
    k8s_set_label(record, "user_kind", kind, origin);
    if (k8s_service_account(username, &namespace, &account)) {
        k8s_set_label(record, "service_account_namespace", namespace, origin);
        k8s_set_label(record, "service_account_user", account, origin);
    }
}

static const struct json_node *part_of(const struct json_node *reference, const char *name)
{
    return json_is(reference, JSON_OBJECT) ? json_member(reference, name) : reference;
}

void k8s_map_object_ref(struct udm_record *record, const struct k8s_request *request, struct slice namespace, const struct json_node *reference)
{
    const struct json_node *resource = part_of(reference, "resource");

    if (request->resource.length) {
        k8s_set_string(record, k8s_resource(record), UDM_FIELD(Resource, resource_subtype), request->resource, resource);
        k8s_set_int(record, k8s_resource(record), UDM_FIELD(Resource, resource_type), k8s_resource_type(request->resource), resource);
    }
    k8s_set_label(record, "resource", request->resource, resource);
    k8s_set_label(record, "subresource", request->subresource, part_of(reference, "subresource"));
    k8s_set_label(record, "namespace", namespace, part_of(reference, "namespace"));
    const struct json_node *group = part_of(reference, "apiGroup");
    k8s_set_label(record, "api_group", request->api_group, json_string(group).length ? group : part_of(reference, "apiVersion"));
    k8s_set_label(record, "api_version", request->api_version, part_of(reference, "apiVersion"));
}

void k8s_map_object_names(struct udm_record *record, struct slice name, const struct json_node *name_origin, const struct json_node *uid,
                          const struct json_node *request_object, const struct json_node *response_object)
{
    if (!name.length) {
        name_origin = k8s_first_text(json_at(response_object, "metadata", "name", NULL), json_at(request_object, "metadata", "name", NULL));
        name = json_string(name_origin);
    }
    uid = k8s_first_text(uid, json_at(response_object, "metadata", "uid", NULL));
    if (name.length)
        k8s_set_string(record, k8s_resource(record), UDM_FIELD(Resource, name), name, name_origin);
    if (uid)
        k8s_set_string(record, k8s_resource(record), UDM_FIELD(Resource, product_object_id), uid->text, uid);
}

/* --- what came of it ------------------------------------------------------------------------------------------------------ */

static int32_t action_of(int64_t code, struct slice decision)
{
    if (!code)
        return slice_is(decision, "forbid") ? UDM_VALUE_SecurityResult_Action_BLOCK : UDM_VALUE_SecurityResult_Action_UNKNOWN_ACTION;
    if (code == 401 || code == 403 || slice_is(decision, "forbid"))
        return UDM_VALUE_SecurityResult_Action_BLOCK;
    if (code == 101 || (code >= 200 && code < 300))
        return UDM_VALUE_SecurityResult_Action_ALLOW;
    return code >= 400 ? UDM_VALUE_SecurityResult_Action_FAIL : UDM_VALUE_SecurityResult_Action_UNKNOWN_ACTION;
}

void k8s_map_response_code(struct udm_record *record, int64_t code, struct slice decision, const struct json_node *origin)
{
    if (code) {
        k8s_set_int(record, k8s_http(record), UDM_FIELD(Http, response_code), code, origin);
        k8s_set_label(record, "code", arena_printf(record->arena, "%lld", (long long)code), origin);
    }
    k8s_set_int(record, k8s_security_result(record), UDM_FIELD(SecurityResult, action), action_of(code, decision), NULL);
}

void k8s_map_message(struct udm_record *record, const struct json_node *message)
{
    enum { SUMMARY_BYTES = 512 };
    struct slice text = json_string(message);

    k8s_set_string(record, k8s_security_result(record), UDM_FIELD(SecurityResult, summary), slice_first(text, slice_utf8_cut(text, SUMMARY_BYTES)),
                   message);
}

void k8s_map_status(struct udm_record *record, const struct json_node *status)
{
    const struct json_node *outcome = json_last_member(status, "status"), *reason = json_last_member(status, "reason");

    k8s_set_label(record, "response_status", json_string(outcome), outcome);
    k8s_set_label(record, "response_reason", json_string(reason), reason);
}

/* --- annotations ---------------------------------------------------------------------------------------------------------- */

/* Annotations that are labels of their own. */
static const struct {
    const char *annotation;
    const char *label;
} annotation_labels[] = {
    {"authorization.k8s.io/decision", "decision"},
    {"authorization.k8s.io/reason", "reason"},
    {"audit.k8s.io/truncated", "truncated"},
    {"pod-security.kubernetes.io/audit-violations", "pod_security_violation"},
    {"pod-security.kubernetes.io/enforce-policy", "pod_security_policy"},
    {"k8s.io/deprecated", "deprecated"},
    /* what GKE keeps of the query of exec and attach */
    {"command.gke.io/command", "exec_command"},
    {"command.gke.io/container", "exec_container"},
    {"command.gke.io/stdin", "exec_stdin"},
    {"command.gke.io/stdout", "exec_stdout"},
    {"command.gke.io/stderr", "exec_stderr"},
    {"command.gke.io/tty", "exec_tty"},
};

/* {"configuration":"c","webhook":"name","mutated":true} as text. */
static void map_mutation(struct udm_record *record, const struct json_node *annotation)
{
    const struct json_limits limits = {.depth = 8, .token_bytes = 64 * 1024, .nodes = 1000};
    struct json_node *round = NULL;

    json_tree_parse(record->arena, annotation->text, &limits, &round, NULL);
    const struct json_node *mutated = json_last_member(round, "mutated");
    if (json_is(mutated, JSON_BOOL) && mutated->boolean)
        k8s_set_label(record, "mutated_by", json_string(json_last_member(round, "webhook")), annotation);
}

static void map_annotation(struct udm_record *record, const struct json_node *annotation)
{
    struct udm_message *result = k8s_security_result(record);

    k8s_set_plain_label(record, result, UDM_FIELD(SecurityResult, detection_fields), annotation->key, annotation->text, annotation);
    if (slice_is(annotation->key, "authorization.k8s.io/reason"))
        k8s_set_string(record, result, UDM_FIELD(SecurityResult, description), annotation->text, annotation);
    if (slice_is(annotation->key, "command.gke.io/command") && annotation->text.length)
        udm_record_add_string(record, "target.process.command_line", annotation->text, annotation);
    if (slice_starts_with(annotation->key, SLICE("mutation.webhook.admission.k8s.io/round_")))
        map_mutation(record, annotation);
    for (size_t i = 0; i < sizeof annotation_labels / sizeof *annotation_labels; i++) {
        if (slice_is(annotation->key, annotation_labels[i].annotation))
            k8s_set_label(record, annotation_labels[i].label, annotation->text, annotation);
    }
}

void k8s_map_annotations(struct udm_record *record, const struct json_node *annotations)
{
    if (!json_is(annotations, JSON_OBJECT))
        return;
    for (const struct json_node *annotation = annotations->first; annotation; annotation = annotation->next) {
        if (annotation->type == JSON_STRING)
            map_annotation(record, annotation);
    }
}
