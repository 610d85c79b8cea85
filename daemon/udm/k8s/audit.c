/* SPDX-License-Identifier: Apache-2.0 */
/* The mapping K8S_AUDIT: an event of audit.k8s.io as a UDM record. What its objects give is in k8s/object/object.c and k8s/object/pod.c. */
#include "event.h"
#include "query.h"
#include "state.h"

#include "schema_tables.h"

#include "harrier/base/address.h"

/* The event's members; of a name that stands twice the last, but for the objects. */
struct audit_event {
    const struct json_node *node;
    const struct json_node *request_uri, *verb, *user, *object_ref, *response_status, *annotations;
    struct k8s_request request;
    int64_t code; /* of the answer, 0 if there is none */
};

/* --- the event ------------------------------------------------------------------------------------------------------------ */

/* OpenShift's collector overwrites `level` by that of a log line, and keeps the true one. */
static const struct json_node *level_of(const struct json_node *event)
{
    const struct json_node *kept = k8s_first_text(json_last_member(event, "k8s_audit_level"), json_last_member(event, "openshift_audit_level"));
    return kept ? kept : json_last_member(event, "level");
}

static void map_fixed(struct udm_record *record, const struct udm_source *source)
{
    static const char *const google_names[][3] = {
        [UDM_PROVIDER_NONE] = {"KUBERNETES_AUDIT", NULL},
        [UDM_PROVIDER_EKS] = {"KUBERNETES_AUDIT", "AWS_EKS", NULL},
        [UDM_PROVIDER_AKS] = {"KUBERNETES_AUDIT", "KUBERNETES_AUDIT_AZURE", NULL},
    };
    struct udm_message *metadata = k8s_message(record, UDM_FIELD(UDM, metadata));

    k8s_map_log_type(record, source->log_type, google_names[source->provider]);
    k8s_set_string(record, metadata, UDM_FIELD(Metadata, vendor_name), SLICE("Kubernetes"), NULL);
    k8s_set_string(record, metadata, UDM_FIELD(Metadata, product_name), SLICE("Kubernetes Audit"), NULL);
    k8s_set_string(record, k8s_message(record, UDM_FIELD(UDM, target)), UDM_FIELD(Noun, application), SLICE("kube-apiserver"), NULL);
}

static void map_stage(struct udm_record *record, const struct json_node *stage)
{
    k8s_set_string(record, k8s_message(record, UDM_FIELD(UDM, metadata)), UDM_FIELD(Metadata, description), json_string(stage), stage);
    k8s_set_label(record, "stage", json_string(stage), stage);
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
    struct udm_message *metadata = k8s_message(record, UDM_FIELD(UDM, metadata));
    const struct json_node *received = json_last_member(event->node, "requestReceivedTimestamp");
    const struct json_node *level = level_of(event->node);

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const struct json_node *node = json_last_member(event->node, texts[i].member);
        k8s_set_string(record, metadata, texts[i].field, json_string(node), node);
    }
    k8s_set_time(record, metadata, UDM_FIELD(Metadata, event_timestamp), received ? received : json_last_member(event->node, "timestamp"));
    k8s_set_time(record, metadata, UDM_FIELD(Metadata, collected_timestamp), json_last_member(event->node, "stageTimestamp"));
    map_stage(record, json_last_member(event->node, "stage"));
    k8s_set_label(record, "level", json_string(level), level);
    k8s_set_int(record, metadata, UDM_FIELD(Metadata, event_type), k8s_event_type(&event->request), event->verb);
    if (event->request.verb.length)
        k8s_set_string(record, metadata, UDM_FIELD(Metadata, product_event_type), k8s_method_name(record->arena, &event->request), event->verb);
}

static void map_url(struct udm_record *record, const struct json_node *request_uri)
{
    if (json_string(request_uri).length)
        k8s_set_string(record, k8s_message(record, UDM_FIELD(UDM, target)), UDM_FIELD(Noun, url), k8s_url_path(record->arena, request_uri->text),
                       request_uri);
}

/* --- users and addresses -------------------------------------------------------------------------------------------------- */

static void map_groups_and_extra(struct udm_record *record, struct udm_message *user, const struct json_node *node)
{
    const struct json_node *groups = json_last_member(node, "groups"), *extra = json_last_member(node, "extra"), *uid = json_last_member(node, "uid");

    k8s_set_string(record, user, UDM_FIELD(User, product_object_id), json_string(uid), uid);
    for (const struct json_node *group = groups ? groups->first : NULL; group; group = group->next)
        k8s_set_string(record, user, UDM_FIELD(User, group_identifiers), json_string(group), group);
    for (const struct json_node *key = json_is(extra, JSON_OBJECT) ? extra->first : NULL; key; key = key->next) {
        struct udm_message *attribute = udm_message_child(record, user, UDM_FIELD(User, attribute));
        for (const struct json_node *value = key->first; value; value = value->next)
            k8s_set_plain_label(record, attribute, UDM_FIELD(Attribute, labels), key->key, json_string(value), value);
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

static void map_extra_labels(struct udm_record *record, const struct json_node *user)
{
    static const char prefix[] = "authentication.kubernetes.io/";
    static const struct {
        const char *key;
        const char *label;
    } extras[] = {{"credential-id", "credential_id"}, {"pod-name", "token_pod"}, {"node-name", "token_node"}};
    const struct json_node *extra = json_last_member(user, "extra");

    for (const struct json_node *key = json_is(extra, JSON_OBJECT) ? extra->first : NULL; key; key = key->next) {
        for (size_t i = 0; i < sizeof extras / sizeof *extras; i++) {
            if (!slice_starts_with(key->key, slice_of(prefix)) || !slice_is(slice_from(key->key, sizeof prefix - 1), extras[i].key))
                continue;
            for (const struct json_node *value = key->first; value; value = value->next)
                k8s_set_label(record, extras[i].label, json_string(value), value);
        }
    }
}

static void map_users(struct udm_record *record, const struct audit_event *event)
{
    const struct json_node *username = json_last_member(event->user, "username");
    const struct json_node *impersonated = json_last_member(event->node, "impersonatedUser");
    const struct json_node *constraint = json_at(event->node, "authenticationMetadata", "impersonationConstraint", NULL);

    k8s_map_username(record, json_string(username), username);
    if (json_is(event->user, JSON_OBJECT))
        map_groups_and_extra(record, k8s_user(record, UDM_FIELD(UDM, principal)), event->user);
    k8s_map_user_kind(record, json_string(username), has_group(event->user, "system:unauthenticated"), username ? username : event->user);
    map_extra_labels(record, event->user);
    if (json_is(impersonated, JSON_OBJECT)) {
        struct udm_message *user = k8s_user(record, UDM_FIELD(UDM, target));
        const struct json_node *as = json_last_member(impersonated, "username");
        k8s_set_string(record, user, UDM_FIELD(User, userid), json_string(as), as);
        map_groups_and_extra(record, user, impersonated);
        k8s_set_label(record, "impersonated", SLICE("true"), impersonated);
    }
    k8s_set_label(record, "impersonation_constraint", json_string(constraint), constraint);
}

static const struct json_node *last_element(const struct json_node *array)
{
    const struct json_node *last = array->first;
    while (last && last->next)
        last = last->next;
    return last;
}

/* AKS puts a proxy of its own in front of most API servers. It is told by its address: 172.30.0.0/16 and 172.31.0.0/16 are AKS's own, and no node or
 * pod can have one (https://learn.microsoft.com/azure/aks/configure-kubenet, "Prerequisites"). Where it is not there, as with API Server VNet
 * Integration, the last address is the client's, and the one before it of the client's choosing. */
static bool is_proxy_of_aks(struct slice address)
{
    static const struct address_network own = {{[10] = 0xff, [11] = 0xff, [12] = 172, [13] = 30}, 96 + 15};
    struct address parsed;

    return address_parse_host(address, &parsed) && address_in_network(&parsed, &own);
}

/* Only the last address is a peer's; what stands before it the client may have made up, but for our own proxies. Where nobody has said how many those
 * are, all addresses are kept as claimed. */
static void map_addresses(struct udm_record *record, const struct json_node *addresses, const struct udm_source *source)
{
    if (!json_is(addresses, JSON_ARRAY) || !addresses->count)
        return;
    bool is_assumed = source->trusted_proxies == UDM_PROXIES_BY_PROVIDER && source->provider == UDM_PROVIDER_AKS &&
                      is_proxy_of_aks(json_string(last_element(addresses)));
    uint32_t proxies = is_assumed ? 1 : source->trusted_proxies > 0 ? (uint32_t)source->trusted_proxies : 0;
    uint32_t peer = addresses->count - 1 > proxies ? addresses->count - 1 - proxies : 0;

    for (const struct json_node *address = addresses->first; address; address = address->next) {
        if (address->index == peer)
            k8s_set_string(record, k8s_message(record, UDM_FIELD(UDM, principal)), UDM_FIELD(Noun, ip), json_string(address), address);
        if (address->index != peer || is_assumed)
            k8s_set_label(record, "source_ip_claimed", json_string(address), address);
    }
}

/* --- what it was about, and what came of it ------------------------------------------------------------------------------- */

static void map_resource(struct udm_record *record, const struct audit_event *event)
{
    const struct json_node *ref = event->object_ref, *name = json_member(ref, "name");

    k8s_map_object_ref(record, &event->request, json_string(json_member(ref, "namespace")), ref);
    k8s_map_object_names(record, json_string(name), name, json_member(ref, "uid"), json_last_member(event->node, "requestObject"),
                         json_last_member(event->node, "responseObject"));
}

static void map_response(struct udm_record *record, const struct audit_event *event)
{
    struct slice decision = json_string(json_last_member(event->annotations, "authorization.k8s.io/decision"));

    k8s_map_response_code(record, event->code, decision, json_last_member(event->response_status, "code"));
    k8s_map_status(record, event->response_status);
    k8s_map_message(record, json_last_member(event->response_status, "message"));
}

static void map_additional(struct udm_record *record, const struct audit_event *event, const struct udm_source *source)
{
    struct json_node *fields = k8s_additional_new(record->arena);

    k8s_additional_add(record->arena, fields, "level", json_string(level_of(event->node)));
    k8s_additional_add(record->arena, fields, "namespace", json_string(json_last_member(event->object_ref, "namespace")));
    k8s_additional_add(record->arena, fields, "resource_version", json_string(json_last_member(event->object_ref, "resourceVersion")));
    k8s_additional_add_causes(record->arena, fields, event->response_status);
    k8s_additional_add(record->arena, fields, "syslog_host", source->syslog_host);
    k8s_map_additional(record, fields);
}

/* --- objects -------------------------------------------------------------------------------------------------------------- */

static void map_objects(struct udm_record *record, const struct audit_event *event, const struct udm_cut *cut)
{
    struct slice stage = json_string(json_last_member(event->node, "stage"));
    struct slice truncated = json_string(json_last_member(event->annotations, "audit.k8s.io/truncated"));
    const struct k8s_objects objects = {
        .holder = event->node,
        .request = "requestObject",
        .response = "responseObject",
        .is_metadata_level = slice_is(json_string(level_of(event->node)), "Metadata"),
        .is_early_stage = slice_is(stage, "RequestReceived") || slice_is(stage, "ResponseStarted"),
        .is_truncated = truncated.length && !slice_is(truncated, "false"),
        .code = event->code,
    };

    k8s_map_objects(record, &event->request, &objects, cut);
}

static void know(struct udm_record *record, const struct json_node *node, const struct udm_cut *cut)
{
    const struct k8s_origin_member members[] = {
        {UDM_ORIGIN_VERB, json_last_member(node, "verb")},   {UDM_ORIGIN_URL, json_last_member(node, "requestURI")},
        {UDM_ORIGIN_USER, json_last_member(node, "user")},   {UDM_ORIGIN_STAGE, json_last_member(node, "stage")},
        {UDM_ORIGIN_OBJECT_REF, json_last_member(node, "objectRef")},
    };
    k8s_know(record, members, sizeof members / sizeof *members, cut);
}

/* --- all of it ------------------------------------------------------------------------------------------------------------ */

/* The member in which an event broke off is none. */
static const struct json_node *whole_member(const struct json_node *node, const char *name, const struct udm_cut *cut)
{
    const struct json_node *member = json_last_member(node, name);
    return k8s_is_broken_off(member, cut) ? NULL : member;
}

/* Old API servers have the group in apiVersion: rbac.authorization.k8s.io/v1beta1. */
static void read_group_version(struct k8s_request *request, const struct json_node *object_ref)
{
    struct slice version = json_string(json_member(object_ref, "apiVersion"));
    ptrdiff_t slash = slice_find_byte(version, '/');

    request->api_group = json_string(json_member(object_ref, "apiGroup"));
    if (slash >= 0 && !request->api_group.length)
        request->api_group = slice_first(version, (size_t)slash);
    request->api_version = slice_from(version, (size_t)(slash + 1));
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
        .resource = json_string(json_member(event.object_ref, "resource")),
        .subresource = json_string(json_member(event.object_ref, "subresource")),
    };
    read_group_version(&event.request, event.object_ref);
    const struct json_node *code = json_last_member(event.response_status, "code");
    if (!json_is(code, JSON_NUMBER) || !slice_to_int64(code->text, &event.code))
        event.code = 0;
    return event;
}

void udm_k8s_record(struct udm_record *record, const struct udm_source *source, const struct json_node *node, const struct udm_cut *cut)
{
    struct audit_event event = read_event(node, cut);
    const struct json_node *user_agent = json_last_member(node, "userAgent");

    record->map_sees_all_values = true;
    know(record, node, cut);
    map_fixed(record, source);
    k8s_map_source(record, source);
    map_metadata(record, &event);
    k8s_map_verb(record, event.request.verb, event.verb);
    map_url(record, event.request_uri);
    k8s_query_labels(record, &event.request, event.request_uri);
    map_users(record, &event);
    map_addresses(record, json_last_member(node, "sourceIPs"), source);
    if (json_string(user_agent).length)
        k8s_set_string(record, k8s_http(record), UDM_FIELD(Http, user_agent), user_agent->text, user_agent);
    map_resource(record, &event);
    map_response(record, &event);
    k8s_map_annotations(record, event.annotations);
    map_additional(record, &event, source);
    map_objects(record, &event, cut);
    udm_own_labels_apply(source->own_labels, record, node);
}
