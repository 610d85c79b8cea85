/* SPDX-License-Identifier: Apache-2.0 */
/* The mapping GKE_CONTROLPLANE: a LogEntry of Cloud Logging, whose protoPayload is a cluster's audit event, as a UDM record. What
 * it shares with K8S_AUDIT is in k8s/event.c, what its objects give in k8s/object/object.c and k8s/object/pod.c. */
#include "names.h"
#include "daemon/udm/k8s/event.h"
#include "daemon/udm/k8s/state.h"

#include "schema_tables.h"

static const char log_type[] = "GKE_CONTROLPLANE";
static const char *const google_names[] = {"GCP_CLOUDAUDIT", "KUBERNETES_NODE", NULL};

/* --- the tables ----------------------------------------------------------------------------------------------------------- */

enum { MOST_NAMES = 4 };

/* Strings of the entry, and the fields that they fill as they are. */
static const struct {
    const char *from[MOST_NAMES];
    const char *field;
} texts[] = {
    {{"insertId"}, "metadata.product_log_id"},
    {{"logName"}, "security_result.category_details"},
    {{"protoPayload", "serviceName"}, "target.application"},
    {{"protoPayload", "methodName"}, "metadata.product_event_type"},
    {{"protoPayload", "requestMetadata", "callerSuppliedUserAgent"}, "network.http.user_agent"},
    {{"resource", "labels", "project_id"}, "target.cloud.project.name"},
    {{"resource", "labels", "location"}, "target.location.name"},
};

/* Times of the entry, and the members of metadata that they fill. */
static const struct {
    const char *from;
    const struct udm_field *field;
} times[] = {
    {"timestamp", UDM_FIELD(Metadata, event_timestamp)},
    {"receiveTimestamp", UDM_FIELD(Metadata, collected_timestamp)},
};

/* Strings and truth values of the entry, and their keys in additional.fields. */
static const struct {
    const char *from[MOST_NAMES];
    const char *key;
} additional[] = {
    {{"protoPayload", "resourceName"}, "resource_name"},
    {{"resource", "labels", "cluster_name"}, "cluster_name"},
    {{"operation", "id"}, "operation"},
    {{"operation", "producer"}, "operation_producer"},
    {{"operation", "first"}, "operation_first"},
    {{"operation", "last"}, "operation_last"},
    {{"severity"}, "severity"},
    {{"trace"}, "trace"},
};

/* --- reading the entry ---------------------------------------------------------------------------------------------------- */

/* The entry's members; of a name that stands twice the last, but for the objects. */
struct entry {
    const struct json_node *node;
    const struct json_node *payload; /* protoPayload */
    const struct json_node *method, *resource_name;
    const struct json_node *principal; /* the text that names who acted */
    struct slice username;
    const struct json_node *labels; /* the event's annotations */
    const struct json_node *request, *response;
    const struct json_node *status;          /* google.rpc.Status; absent: OK */
    const struct json_node *response_status; /* the Status object that came back; NULL if something else did */
    struct gke_target target;
    const struct json_node *code_origin;
    int64_t code;      /* HTTP status, 0 if it is not known */
    int64_t grpc_code; /* -1 if it is not known */
};

static const char *const method_name[MOST_NAMES] = {"protoPayload", "methodName"};
static const char *const resource_name[MOST_NAMES] = {"protoPayload", "resourceName"};
static const char *const authentication_info[MOST_NAMES] = {"protoPayload", "authenticationInfo"};

/* Follows the names, of each the last member. */
static const struct json_node *at(const struct json_node *node, const char *const names[MOST_NAMES])
{
    for (size_t i = 0; i < MOST_NAMES && names[i]; i++)
        node = json_last_member(node, names[i]);
    return node;
}

/* Who acted: an address, or, where there is none (identities of a pool, of another project), the subject; without both the first of those who acted
 * through a service account. An entry whose end is not there may lack a name that comes before the others. */
static const struct json_node *principal_of(const struct json_node *entry, const struct udm_cut *cut)
{
    const struct json_node *info = at(entry, authentication_info);
    const struct json_node *email = json_last_member(info, "principalEmail"), *chain = json_last_member(info, "serviceAccountDelegationInfo");
    const struct json_node *first = json_is(chain, JSON_ARRAY) ? chain->first : NULL;

    if (json_string(email).length)
        return email;
    if (info && (info->incomplete || k8s_is_broken_off(info, cut) || ((cut->other || cut->transport) && !info->next)))
        return NULL;
    const struct json_node *subject = k8s_first_text(json_last_member(info, "principalSubject"), json_at(info, "thirdPartyPrincipal", "principalSubject", NULL));
    return subject ? subject : k8s_first_text(json_at(first, "firstPartyPrincipal", "principalEmail", NULL), json_last_member(first, "principalSubject"));
}

/* As principalEmail would have it: IAM writes user:eve@example.com, serviceAccount:ci@acme.iam.gserviceaccount.com. */
static struct slice username_of(struct slice principal)
{
    static const struct slice kinds[] = {{"user:", 5}, {"serviceAccount:", 15}};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (slice_starts_with(principal, kinds[i]))
            return slice_from(principal, kinds[i].length);
    return principal;
}

/* NULL where the entry does not show all of the value. */
static const struct json_node *whole_at(const struct json_node *node, const char *const names[MOST_NAMES], const struct udm_cut *cut)
{
    const struct json_node *found = at(node, names);
    return k8s_is_broken_off(found, cut) ? NULL : found;
}

static struct k8s_objects objects_of(const struct entry *entry)
{
    struct slice truncated = json_string(json_last_member(entry->labels, "audit.k8s.io/truncated"));

    return (struct k8s_objects){
        .holder = entry->payload,
        .request = "request",
        .response = "response",
        .is_google = true,
        .is_metadata_level = gke_is_metadata_level(&entry->target.request),
        .is_truncated = truncated.length && !slice_is(truncated, "false"),
        .code = entry->code,
    };
}

/* A number, or one that an export has put into quotes; all of it. */
static bool read_number(const struct json_node *node, const struct udm_cut *cut, int64_t *number)
{
    return (json_is(node, JSON_NUMBER) || json_is(node, JSON_STRING)) && !k8s_is_broken_off(node, cut) && slice_to_int64(node->text, number);
}

/* What is not written is 0, OK, unless it may have been cut off. */
static int64_t grpc_code_of(const struct entry *entry, const struct udm_cut *cut)
{
    const struct json_node *code = json_last_member(entry->status, "code");
    bool is_whole = entry->status ? !k8s_is_broken_off(entry->status, cut) && !entry->status->incomplete : !cut->transport && !cut->other;
    int64_t number;

    if (!code)
        return is_whole ? 0 : -1;
    return read_number(code, cut, &number) ? number : -1;
}

/* The answer of the API server itself says it best; most answers are the object, though, and then the gRPC code stands for one. */
static void read_code(struct entry *entry, const struct udm_cut *cut)
{
    const struct json_node *code = json_last_member(entry->response_status, "code");
    struct slice subresource = entry->target.request.subresource;

    entry->grpc_code = grpc_code_of(entry, cut);
    if (read_number(code, cut, &entry->code)) {
        entry->code_origin = code;
        return;
    }
    entry->code = entry->grpc_code < 0 ? 0 : gke_http_code(entry->grpc_code);
    entry->code_origin = json_last_member(entry->status, "code");
    if (entry->code == 200 && (slice_is(subresource, "exec") || slice_is(subresource, "attach")))
        entry->code = 101; /* the connection that they ask for */
}

static struct entry read_entry(struct arena *arena, const struct json_node *node, const struct udm_cut *cut)
{
    struct entry entry = {
        .node = node,
        .payload = json_last_member(node, "protoPayload"),
        .method = whole_at(node, method_name, cut),
        .resource_name = whole_at(node, resource_name, cut),
        .principal = principal_of(node, cut),
        .labels = json_last_member(node, "labels"),
    };
    const struct json_node *kind;

    if (k8s_is_broken_off(entry.principal, cut))
        entry.principal = NULL;
    entry.username = username_of(json_string(entry.principal));
    entry.request = json_last_member(entry.payload, "request");
    entry.response = json_last_member(entry.payload, "response");
    entry.status = json_last_member(entry.payload, "status");
    gke_target_read(arena, json_string(entry.method), json_string(entry.resource_name), &entry.target);
    const struct k8s_objects objects = objects_of(&entry);
    if (slice_is(k8s_object_kind(&objects, entry.response, &kind), "Status"))
        entry.response_status = entry.response;
    read_code(&entry, cut);
    return entry;
}

/* --- the event ------------------------------------------------------------------------------------------------------------ */

static void map_metadata(struct udm_record *record, const struct entry *entry)
{
    struct udm_message *metadata = k8s_message(record, UDM_FIELD(UDM, metadata));

    k8s_map_log_type(record, slice_of(log_type), google_names);
    k8s_set_string(record, metadata, UDM_FIELD(Metadata, vendor_name), SLICE("Google Cloud Platform"), NULL);
    k8s_set_string(record, metadata, UDM_FIELD(Metadata, product_name), SLICE("Google Kubernetes Engine"), NULL);
    /* a request is logged once, when it has been answered */
    k8s_set_string(record, metadata, UDM_FIELD(Metadata, description), SLICE("ResponseComplete"), NULL);
    k8s_set_label(record, "stage", SLICE("ResponseComplete"), NULL);
    k8s_set_int(record, metadata, UDM_FIELD(Metadata, event_type), k8s_event_type(&entry->target.request), entry->method);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        k8s_set_time(record, metadata, times[i].field, json_last_member(entry->node, times[i].from));
}

static void map_texts(struct udm_record *record, const struct entry *entry, const struct udm_cut *cut)
{
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const struct json_node *node = whole_at(entry->node, texts[i].from, cut);
        if (json_string(node).length)
            udm_record_add_string(record, texts[i].field, node->text, node);
    }
}

static void map_additional(struct udm_record *record, const struct entry *entry, const struct udm_source *source, const struct udm_cut *cut)
{
    struct json_node *fields = k8s_additional_new(record->arena);

    k8s_additional_add(record->arena, fields, "namespace", entry->target.namespace);
    for (size_t i = 0; i < sizeof additional / sizeof *additional; i++) {
        const struct json_node *node = whole_at(entry->node, additional[i].from, cut);
        bool is_bool = json_is(node, JSON_BOOL);
        struct slice text = is_bool ? slice_of(node->boolean ? "true" : "false") : json_string(node);
        k8s_additional_add(record->arena, fields, additional[i].key, text);
    }
    k8s_additional_add_causes(record->arena, fields, entry->response_status);
    k8s_additional_add(record->arena, fields, "syslog_host", source->syslog_host);
    k8s_map_additional(record, fields);
}

/* --- who ------------------------------------------------------------------------------------------------------------------ */

static void add_user_label(struct udm_record *record, const char *key, const struct json_node *value)
{
    if (!json_string(value).length)
        return;
    struct udm_message *attribute = udm_message_child(record, k8s_user(record, UDM_FIELD(UDM, principal)), UDM_FIELD(User, attribute));
    k8s_set_plain_label(record, attribute, UDM_FIELD(Attribute, labels), slice_of(key), value->text, value);
}

/* Service accounts through which a user acts, the user first. */
static void map_delegation(struct udm_record *record, const struct json_node *delegations)
{
    for (const struct json_node *each = json_is(delegations, JSON_ARRAY) ? delegations->first : NULL; each; each = each->next)
        add_user_label(record, "delegation",
                       k8s_first_text(json_last_member(each, "principalSubject"), json_at(each, "firstPartyPrincipal", "principalEmail", NULL)));
}

/* Who was acted as: impersonation. A list names several. */
static void map_selected_authority(struct udm_record *record, const struct json_node *selector)
{
    const struct json_node *as = json_is(selector, JSON_ARRAY) ? selector->first : selector;

    if (!json_string(as).length)
        return;
    k8s_set_string(record, k8s_user(record, UDM_FIELD(UDM, target)), UDM_FIELD(User, userid), as->text, as);
    k8s_set_label(record, "impersonated", SLICE("true"), as);
}

static void map_user(struct udm_record *record, const struct entry *entry)
{
    const struct json_node *info = json_last_member(entry->payload, "authenticationInfo");
    const struct json_node *metadata = json_last_member(entry->payload, "requestMetadata");
    const struct json_node *address = k8s_first_text(json_last_member(metadata, "callerIp"), json_last_member(metadata, "callerIP"));

    k8s_map_username(record, entry->username, entry->principal);
    k8s_map_user_kind(record, entry->username, false, entry->principal);
    map_selected_authority(record, json_last_member(info, "authoritySelector"));
    add_user_label(record, "principal_subject", json_last_member(info, "principalSubject"));
    map_delegation(record, json_last_member(info, "serviceAccountDelegationInfo"));
    if (address)
        k8s_set_string(record, k8s_message(record, UDM_FIELD(UDM, principal)), UDM_FIELD(Noun, ip), address->text, address);
}

/* --- what it was about, and what came of it ------------------------------------------------------------------------------- */

static void map_target(struct udm_record *record, const struct entry *entry)
{
    const struct gke_target *target = &entry->target;

    k8s_set_string(record, k8s_message(record, UDM_FIELD(UDM, target)), UDM_FIELD(Noun, url), target->url, entry->resource_name);
    k8s_map_object_ref(record, &target->request, target->namespace, entry->resource_name);
    k8s_map_object_names(record, target->name, entry->resource_name, NULL, entry->request, entry->response);
}

/* authorizationInfo, from its first element on. */
static void map_permissions(struct udm_record *record, const struct json_node *first)
{
    static const char *const members[] = {"permission", "resource"};

    for (const struct json_node *each = first; each; each = each->next) {
        for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
            const struct json_node *value = json_last_member(each, members[i]);
            if (json_string(value).length)
                k8s_set_plain_label(record, k8s_security_result(record), UDM_FIELD(SecurityResult, detection_fields), slice_of(members[i]), value->text,
                                    value);
        }
    }
}

/* What an authorization says, empty if nothing. Where `granted` is not written it is false (such members are left out), or an export has
 * left it out: the answer tells. */
static struct slice decision_of(const struct json_node *authorization, int64_t code)
{
    const struct json_node *granted = json_last_member(authorization, "granted");
    bool is_known = json_is(granted, JSON_BOOL) || code;
    bool is_forbidden = json_is(granted, JSON_BOOL) ? !granted->boolean : code == 401 || code == 403;

    return !is_known ? SLICE("") : is_forbidden ? SLICE("forbid") : SLICE("allow");
}

/* The decision: that of the labels, else what the authorizations say together, one that forbids before all others. */
static struct slice map_decision(struct udm_record *record, const struct entry *entry, const struct json_node *first)
{
    struct slice decision = json_string(json_last_member(entry->labels, "authorization.k8s.io/decision"));
    const struct json_node *origin = NULL;

    if (decision.length)
        return decision; /* an annotation, which is a label as it is */
    for (const struct json_node *each = first; each && !slice_is(decision, "forbid"); each = each->next) {
        struct slice one = decision_of(each, entry->code);
        if (!decision.length || slice_is(one, "forbid")) {
            decision = one;
            origin = each;
        }
    }
    k8s_set_label(record, "decision", decision, origin);
    return decision;
}

static void map_outcome(struct udm_record *record, const struct entry *entry)
{
    const struct json_node *dry_run = json_last_member(entry->labels, "command.gke.io/dryRun");
    const struct json_node *authorizations = json_last_member(entry->payload, "authorizationInfo");
    const struct json_node *first = json_is(authorizations, JSON_ARRAY) ? authorizations->first : NULL;

    map_permissions(record, first);
    k8s_map_response_code(record, entry->code, map_decision(record, entry, first), entry->code_origin);
    k8s_map_annotations(record, entry->labels);
    k8s_map_status(record, entry->response_status);
    k8s_map_message(record, k8s_first_text(json_last_member(entry->status, "message"), json_last_member(entry->response_status, "message")));
    if (entry->grpc_code >= 0)
        k8s_set_label(record, "grpc_code", arena_printf(record->arena, "%lld", (long long)entry->grpc_code),
                      json_last_member(entry->status, "code"));
    if (k8s_request_writes(&entry->target.request)) /* what exec runs is run all the same */
        k8s_set_label(record, "dry_run", json_string(dry_run), dry_run);
}

/* --- all of it ------------------------------------------------------------------------------------------------------------ */

static void know(struct udm_record *record, const struct json_node *node, const struct udm_cut *cut)
{
    const struct k8s_origin_member members[] = {
        {UDM_ORIGIN_VERB, at(node, method_name)},
        {UDM_ORIGIN_URL, at(node, resource_name)},
        {UDM_ORIGIN_OBJECT_REF, at(node, resource_name)},
        {UDM_ORIGIN_USER, principal_of(node, cut)},
    };
    k8s_know(record, members, sizeof members / sizeof *members, cut);
}

void udm_gke_record(struct udm_record *record, const struct udm_source *source, const struct json_node *node, const struct udm_cut *cut)
{
    struct entry entry = read_entry(record->arena, node, cut);
    const struct k8s_objects objects = objects_of(&entry);

    record->map_sees_all_values = true;
    know(record, node, cut);
    map_metadata(record, &entry);
    map_texts(record, &entry, cut);
    k8s_map_source(record, source);
    k8s_map_verb(record, entry.target.request.verb, entry.method);
    map_user(record, &entry);
    map_target(record, &entry);
    map_outcome(record, &entry);
    map_additional(record, &entry, source, cut);
    k8s_map_objects(record, &entry.target.request, &objects, cut);
    udm_own_labels_apply(source->own_labels, record, node);
}
