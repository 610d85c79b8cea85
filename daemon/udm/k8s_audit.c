/* SPDX-License-Identifier: Apache-2.0 */
/* The mapping K8S_AUDIT: an event of audit.k8s.io as a UDM record. What its objects give is in k8s_object.c and k8s_pod.c. */
#include "k8s_object.h"
#include "k8s_query.h"
#include "k8s_state.h"

#include "schema_tables.h"

/* --- setting fields ------------------------------------------------------------------------------------------------------- */

static void set_string(struct udm_record *record, struct udm_message *message, const struct udm_field *field, struct slice text,
                       const struct json_node *origin)
{
    if (text.length)
        udm_message_add(record, message, field, (struct udm_value){.string = text, .origin = origin});
}

static void set_int(struct udm_record *record, struct udm_message *message, const struct udm_field *field, int64_t number,
                    const struct json_node *origin)
{
    udm_message_add(record, message, field, (struct udm_value){.integer = number, .origin = origin});
}

static void set_time(struct udm_record *record, struct udm_message *message, const struct udm_field *field, const struct json_node *node)
{
    clock_nanos time;
    if (clock_parse_rfc3339(json_string(node), &time))
        udm_message_add(record, message, field, (struct udm_value){.time = time, .origin = node});
}

static void add_label(struct udm_record *record, const char *key, struct slice value, const struct json_node *origin)
{
    if (value.length)
        udm_record_add_label(record, slice_of(key), value, origin);
}

/* A label in a list other than that of target.resource: equal ones are kept. */
static void add_plain_label(struct udm_record *record, struct udm_message *message, const struct udm_field *list, struct slice key, struct slice value,
                            const struct json_node *origin)
{
    struct udm_message *label = udm_message_child(record, message, list);
    udm_message_add(record, label, UDM_FIELD(Label, key), (struct udm_value){.string = key});
    udm_message_add(record, label, UDM_FIELD(Label, value), (struct udm_value){.string = value, .origin = origin});
}

static struct udm_message *child(struct udm_record *record, const struct udm_field *field)
{
    return udm_message_child(record, record->root, field);
}

/* --- parts that the head and the whole event share ------------------------------------------------------------------------ */

static void map_source(struct udm_record *record, const struct udm_source *source)
{
    static const struct slice google_name = {"KUBERNETES_AUDIT", sizeof "KUBERNETES_AUDIT" - 1};
    struct udm_message *metadata = child(record, UDM_FIELD(UDM, metadata));
    struct udm_message *base_labels = udm_message_child(record, metadata, UDM_FIELD(Metadata, base_labels));

    set_string(record, metadata, UDM_FIELD(Metadata, log_type), source->log_type, NULL);
    set_string(record, base_labels, UDM_FIELD(DataAccessLabels, log_types), source->log_type, NULL);
    if (!slice_equal(source->log_type, google_name))
        set_string(record, base_labels, UDM_FIELD(DataAccessLabels, log_types), google_name, NULL);
}

/* security_result has one element. */
static struct udm_message *security_result(struct udm_record *record)
{
    struct udm_values there = udm_message_get(record->root, UDM_FIELD(UDM, security_result));
    return there.count ? there.items[0].message : child(record, UDM_FIELD(UDM, security_result));
}

static struct udm_message *http(struct udm_record *record)
{
    return udm_message_child(record, child(record, UDM_FIELD(UDM, network)), UDM_FIELD(Network, http));
}

static void map_verb(struct udm_record *record, struct slice verb, const struct json_node *origin)
{
    if (!verb.length)
        return;
    set_string(record, http(record), UDM_FIELD(Http, method), k8s_http_method(record->arena, verb), origin);
    set_string(record, security_result(record), UDM_FIELD(SecurityResult, action_details), verb, origin);
    add_label(record, "verb", verb, origin);
}

static void map_url(struct udm_record *record, struct slice request_uri, const struct json_node *origin)
{
    if (request_uri.length)
        set_string(record, child(record, UDM_FIELD(UDM, target)), UDM_FIELD(Noun, url), k8s_url_path(record->arena, request_uri), origin);
}

static struct udm_message *user_of(struct udm_record *record, const struct udm_field *noun)
{
    return udm_message_child(record, child(record, noun), UDM_FIELD(Noun, user));
}

static void map_username(struct udm_record *record, struct slice username, const struct json_node *origin)
{
    if (!username.length)
        return;
    struct udm_message *user = user_of(record, UDM_FIELD(UDM, principal));
    set_string(record, user, UDM_FIELD(User, userid), username, origin);
    set_string(record, user, UDM_FIELD(User, user_display_name), username, origin);
}

static void map_stage(struct udm_record *record, struct slice stage, const struct json_node *origin)
{
    set_string(record, child(record, UDM_FIELD(UDM, metadata)), UDM_FIELD(Metadata, description), stage, origin);
    add_label(record, "stage", stage, origin);
}

static struct udm_message *resource(struct udm_record *record)
{
    return udm_message_child(record, child(record, UDM_FIELD(UDM, target)), UDM_FIELD(Noun, resource));
}

struct object_ref {
    struct slice resource, subresource, namespace, api_group;
    const struct json_node *node;
};

static void map_object_ref(struct udm_record *record, const struct object_ref *ref)
{
    const struct json_node *node = ref->node;

    if (ref->resource.length) {
        set_string(record, resource(record), UDM_FIELD(Resource, resource_subtype), ref->resource, json_member(node, "resource"));
        set_int(record, resource(record), UDM_FIELD(Resource, resource_type), k8s_resource_type(ref->resource), json_member(node, "resource"));
    }
    add_label(record, "resource", ref->resource, json_member(node, "resource"));
    add_label(record, "subresource", ref->subresource, json_member(node, "subresource"));
    add_label(record, "namespace", ref->namespace, json_member(node, "namespace"));
    add_label(record, "api_group", ref->api_group, json_member(node, "apiGroup"));
}

/* --- the event ------------------------------------------------------------------------------------------------------------ */

/* The event's members; of a name that stands twice the last, but see map_objects. */
struct audit_event {
    const struct json_node *node;
    const struct json_node *request_uri, *verb, *user, *object_ref, *response_status, *annotations;
    struct k8s_request request;
};

static void map_fixed(struct udm_record *record, const struct udm_source *source)
{
    struct udm_message *metadata = child(record, UDM_FIELD(UDM, metadata));

    set_string(record, metadata, UDM_FIELD(Metadata, vendor_name), SLICE("Kubernetes"), NULL);
    set_string(record, metadata, UDM_FIELD(Metadata, product_name), SLICE("Kubernetes Audit"), NULL);
    set_string(record, child(record, UDM_FIELD(UDM, target)), UDM_FIELD(Noun, application), SLICE("kube-apiserver"), NULL);
    if (source->received)
        udm_message_add(record, metadata, UDM_FIELD(Metadata, ingested_timestamp), (struct udm_value){.time = source->received});
    if (source->cluster.length) {
        struct udm_message *ancestor =
            udm_message_child(record, child(record, UDM_FIELD(UDM, target)), UDM_FIELD(Noun, resource_ancestors));
        set_string(record, ancestor, UDM_FIELD(Resource, name), source->cluster, NULL);
        set_int(record, ancestor, UDM_FIELD(Resource, resource_type), UDM_VALUE_Resource_ResourceType_CLUSTER, NULL);
        add_label(record, "cluster", source->cluster, NULL);
    }
}

static void map_metadata(struct udm_record *record, const struct audit_event *event)
{
    static const struct {
        const char *member;
        const struct udm_field *field;
    } texts[] = {
        {"apiVersion", UDM_FIELD(Metadata, product_version)},
        {"auditID", UDM_FIELD(Metadata, product_log_id)},
    };
    struct udm_message *metadata = child(record, UDM_FIELD(UDM, metadata));
    const struct json_node *received = json_last_member(event->node, "requestReceivedTimestamp");
    const struct json_node *level = json_last_member(event->node, "level"), *stage = json_last_member(event->node, "stage");

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const struct json_node *node = json_last_member(event->node, texts[i].member);
        set_string(record, metadata, texts[i].field, json_string(node), node);
    }
    set_time(record, metadata, UDM_FIELD(Metadata, event_timestamp), received ? received : json_last_member(event->node, "timestamp"));
    set_time(record, metadata, UDM_FIELD(Metadata, collected_timestamp), json_last_member(event->node, "stageTimestamp"));
    map_stage(record, json_string(stage), stage);
    add_label(record, "level", json_string(level), level);
    set_int(record, metadata, UDM_FIELD(Metadata, event_type), k8s_event_type(&event->request), event->verb);
    if (event->request.verb.length)
        set_string(record, metadata, UDM_FIELD(Metadata, product_event_type), k8s_method_name(record->arena, &event->request), event->verb);
}

/* --- users and addresses -------------------------------------------------------------------------------------------------- */

static void map_groups_and_extra(struct udm_record *record, struct udm_message *user, const struct json_node *node)
{
    const struct json_node *groups = json_last_member(node, "groups"), *extra = json_last_member(node, "extra"), *uid = json_last_member(node, "uid");

    set_string(record, user, UDM_FIELD(User, product_object_id), json_string(uid), uid);
    for (const struct json_node *group = groups ? groups->first : NULL; group; group = group->next)
        set_string(record, user, UDM_FIELD(User, group_identifiers), json_string(group), group);
    for (const struct json_node *key = json_is(extra, JSON_OBJECT) ? extra->first : NULL; key; key = key->next) {
        struct udm_message *attribute = udm_message_child(record, user, UDM_FIELD(User, attribute));
        for (const struct json_node *value = key->first; value; value = value->next)
            add_plain_label(record, attribute, UDM_FIELD(Attribute, labels), key->key, json_string(value), value);
    }
}

static bool has_group(const struct json_node *user, const char *name)
{
    const struct json_node *groups = json_last_member(user, "groups");

    for (const struct json_node *group = groups ? groups->first : NULL; group; group = group->next) {
        if (slice_is(json_string(group), name))
            return true;
    }
    return false;
}

static void map_derived_user_labels(struct udm_record *record, const struct json_node *user, const struct json_node *username)
{
    static const char prefix[] = "authentication.kubernetes.io/";
    static const struct {
        const char *key;
        const char *label;
    } extras[] = {{"credential-id", "credential_id"}, {"pod-name", "token_pod"}, {"node-name", "token_node"}};
    struct slice name = json_string(username), namespace, account, kind = k8s_user_kind(name);
    const struct json_node *extra = json_last_member(user, "extra");

    if (slice_is(kind, "user") && has_group(user, "system:unauthenticated"))
        kind = SLICE("anonymous");
    add_label(record, "user_kind", kind, username ? username : user);
    if (k8s_service_account(name, &namespace, &account)) {
        add_label(record, "service_account_namespace", namespace, username);
        add_label(record, "service_account_user", account, username);
    }
    for (const struct json_node *key = json_is(extra, JSON_OBJECT) ? extra->first : NULL; key; key = key->next) {
        for (size_t i = 0; i < sizeof extras / sizeof *extras; i++) {
            if (!slice_starts_with(key->key, slice_of(prefix)) || !slice_is(slice_from(key->key, sizeof prefix - 1), extras[i].key))
                continue;
            for (const struct json_node *value = key->first; value; value = value->next)
                add_label(record, extras[i].label, json_string(value), value);
        }
    }
}

static void map_users(struct udm_record *record, const struct audit_event *event)
{
    const struct json_node *username = json_last_member(event->user, "username");
    const struct json_node *impersonated = json_last_member(event->node, "impersonatedUser");
    const struct json_node *constraint = json_at(event->node, "authenticationMetadata", "impersonationConstraint", NULL);
    struct slice name = json_string(username);

    map_username(record, name, username);
    if (json_is(event->user, JSON_OBJECT)) {
        struct udm_message *user = user_of(record, UDM_FIELD(UDM, principal));
        if (slice_find_byte(name, '@') >= 0 && !slice_starts_with(name, SLICE("system:")))
            set_string(record, user, UDM_FIELD(User, email_addresses), name, username);
        map_groups_and_extra(record, user, event->user);
    }
    map_derived_user_labels(record, event->user, username);
    if (json_is(impersonated, JSON_OBJECT)) {
        struct udm_message *user = user_of(record, UDM_FIELD(UDM, target));
        const struct json_node *as = json_last_member(impersonated, "username");
        set_string(record, user, UDM_FIELD(User, userid), json_string(as), as);
        map_groups_and_extra(record, user, impersonated);
        add_label(record, "impersonated", SLICE("true"), impersonated);
    }
    add_label(record, "impersonation_constraint", json_string(constraint), constraint);
}

/* Only the last address is a peer's; what stands before it the client may have made up, but for our own proxies. */
static void map_addresses(struct udm_record *record, const struct json_node *addresses, unsigned int trusted_proxies)
{
    if (!json_is(addresses, JSON_ARRAY) || !addresses->count)
        return;
    uint32_t peer = addresses->count - 1 > trusted_proxies ? addresses->count - 1 - trusted_proxies : 0;

    for (const struct json_node *address = addresses->first; address; address = address->next) {
        if (address->index == peer)
            set_string(record, child(record, UDM_FIELD(UDM, principal)), UDM_FIELD(Noun, ip), json_string(address), address);
        else
            add_label(record, "source_ip_claimed", json_string(address), address);
    }
}

/* --- what it was about ---------------------------------------------------------------------------------------------------- */

/* The first of the nodes that is a string and not empty. */
static const struct json_node *first_text(const struct json_node *const nodes[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (json_string(nodes[i]).length)
            return nodes[i];
    }
    return NULL;
}

static void map_resource(struct udm_record *record, const struct audit_event *event)
{
    const struct json_node *ref = event->object_ref, *request = json_last_member(event->node, "requestObject");
    const struct json_node *response = json_last_member(event->node, "responseObject");
    const struct json_node *names[] = {json_member(ref, "name"), json_at(response, "metadata", "name", NULL), json_at(request, "metadata", "name", NULL)};
    const struct json_node *uids[] = {json_member(ref, "uid"), json_at(response, "metadata", "uid", NULL)};
    const struct json_node *name = first_text(names, 3), *uid = first_text(uids, 2), *namespace = json_member(ref, "namespace");

    map_object_ref(record, &(struct object_ref){event->request.resource, event->request.subresource, json_string(namespace),
                                                event->request.api_group, ref});
    add_label(record, "api_version", event->request.api_version, json_member(ref, "apiVersion"));
    if (name)
        set_string(record, resource(record), UDM_FIELD(Resource, name), name->text, name);
    if (uid)
        set_string(record, resource(record), UDM_FIELD(Resource, product_object_id), uid->text, uid);
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

static void map_response(struct udm_record *record, const struct audit_event *event)
{
    enum { SUMMARY_BYTES = 512 };
    const struct json_node *status = event->response_status, *code_node = json_last_member(status, "code");
    const struct json_node *message = json_last_member(status, "message"), *decision = json_last_member(event->annotations, "authorization.k8s.io/decision");
    struct slice summary = json_string(message);
    struct udm_message *result = security_result(record);
    int64_t code = 0;

    if (json_is(code_node, JSON_NUMBER) && slice_to_int64(code_node->text, &code)) {
        set_int(record, http(record), UDM_FIELD(Http, response_code), code, code_node);
        add_label(record, "code", code_node->text, code_node);
    }
    add_label(record, "response_status", json_string(json_last_member(status, "status")), json_last_member(status, "status"));
    add_label(record, "response_reason", json_string(json_last_member(status, "reason")), json_last_member(status, "reason"));
    set_string(record, result, UDM_FIELD(SecurityResult, summary), slice_first(summary, slice_utf8_cut(summary, SUMMARY_BYTES)), message);
    udm_message_add(record, result, UDM_FIELD(SecurityResult, action), (struct udm_value){.integer = action_of(code, json_string(decision))});
}

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
};

/* {"configuration":"c","webhook":"name","mutated":true} as text. */
static void map_mutation(struct udm_record *record, const struct json_node *annotation)
{
    const struct json_limits limits = {.depth = 8, .token_bytes = 64 * 1024, .nodes = 1000};
    struct json_node *round = NULL;

    json_tree_parse(record->arena, annotation->text, &limits, &round, NULL);
    const struct json_node *mutated = json_last_member(round, "mutated");
    if (json_is(mutated, JSON_BOOL) && mutated->boolean)
        add_label(record, "mutated_by", json_string(json_last_member(round, "webhook")), annotation);
}

static void map_annotation(struct udm_record *record, const struct json_node *annotation)
{
    struct udm_message *result = security_result(record);

    add_plain_label(record, result, UDM_FIELD(SecurityResult, detection_fields), annotation->key, annotation->text, annotation);
    if (slice_is(annotation->key, "authorization.k8s.io/reason"))
        set_string(record, result, UDM_FIELD(SecurityResult, description), annotation->text, annotation);
    if (slice_starts_with(annotation->key, SLICE("mutation.webhook.admission.k8s.io/round_")))
        map_mutation(record, annotation);
    for (size_t i = 0; i < sizeof annotation_labels / sizeof *annotation_labels; i++) {
        if (slice_is(annotation->key, annotation_labels[i].annotation))
            add_label(record, annotation_labels[i].label, annotation->text, annotation);
    }
}

/* --- additional ----------------------------------------------------------------------------------------------------------- */

static void add_additional(struct udm_record *record, struct json_node *fields, const char *key, const struct json_node *value)
{
    if (!json_string(value).length)
        return;
    struct json_node *member = ARENA_NEW(record->arena, struct json_node);
    member->type = JSON_STRING;
    member->key = slice_of(key);
    member->text = value->text;
    member->parent = fields;
    member->index = fields->count++;
    if (fields->last)
        fields->last->next = member;
    else
        fields->first = member;
    fields->last = member;
}

static void map_additional(struct udm_record *record, const struct audit_event *event)
{
    const struct json_node *causes = json_at(event->response_status, "details", "causes", NULL);
    struct json_node *fields = ARENA_NEW(record->arena, struct json_node);

    fields->type = JSON_OBJECT;
    add_additional(record, fields, "level", json_last_member(event->node, "level"));
    add_additional(record, fields, "namespace", json_last_member(event->object_ref, "namespace"));
    add_additional(record, fields, "resource_version", json_last_member(event->object_ref, "resourceVersion"));
    for (const struct json_node *cause = json_is(causes, JSON_ARRAY) ? causes->first : NULL; cause; cause = cause->next)
        add_additional(record, fields, "cause_field", json_last_member(cause, "field"));
    if (fields->count)
        udm_message_add(record, record->root, UDM_FIELD(UDM, additional), (struct udm_value){.json = fields});
}

/* --- all of it ------------------------------------------------------------------------------------------------------------ */

/* The member in which an event broke off is none: half of a path or name would be taken for another. */
static const struct json_node *whole_member(const struct json_node *node, const char *name, const struct udm_cut *cut)
{
    const struct json_node *member = json_last_member(node, name);
    return cut->transport && member == node->last ? NULL : member;
}

static struct audit_event read_event(const struct json_node *node, const struct udm_cut *cut)
{
    struct audit_event event = {
        .node = node,
        .request_uri = whole_member(node, "requestURI", cut),
        .verb = whole_member(node, "verb", cut),
        .user = whole_member(node, "user", cut),
        .object_ref = whole_member(node, "objectRef", cut),
        .response_status = json_last_member(node, "responseStatus"),
        .annotations = json_last_member(node, "annotations"),
    };
    event.request = (struct k8s_request){
        .verb = json_string(event.verb),
        .api_group = json_string(json_member(event.object_ref, "apiGroup")),
        .api_version = json_string(json_member(event.object_ref, "apiVersion")),
        .resource = json_string(json_member(event.object_ref, "resource")),
        .subresource = json_string(json_member(event.object_ref, "subresource")),
    };
    return event;
}

void udm_k8s_record(struct udm_record *record, const struct udm_source *source, const struct json_node *node, const struct udm_cut *cut)
{
    struct audit_event event = read_event(node, cut);
    const struct json_node *user_agent = json_last_member(node, "userAgent");

    record->map_sees_all_values = true;
    map_source(record, source);
    map_fixed(record, source);
    map_metadata(record, &event);
    map_verb(record, event.request.verb, event.verb);
    map_url(record, json_string(event.request_uri), event.request_uri);
    k8s_query_labels(record, &event.request, event.request_uri);
    map_users(record, &event);
    map_addresses(record, json_last_member(node, "sourceIPs"), source->trusted_proxies);
    if (json_string(user_agent).length)
        set_string(record, http(record), UDM_FIELD(Http, user_agent), user_agent->text, user_agent);
    map_resource(record, &event);
    map_response(record, &event);
    for (const struct json_node *annotation = json_is(event.annotations, JSON_OBJECT) ? event.annotations->first : NULL; annotation;
         annotation = annotation->next) {
        if (annotation->type == JSON_STRING)
            map_annotation(record, annotation);
    }
    map_additional(record, &event);
    k8s_map_objects(record, &event.request, node, cut);
    udm_own_labels_apply(source->own_labels, record, node);
}
