/* SPDX-License-Identifier: Apache-2.0 */
/* The Unified Data Model: its schema as data, a record of it, and the ways a record comes to be. */
#ifndef HARRIER_UDM_H
#define HARRIER_UDM_H

#include "harrier/base/arena.h"
#include "harrier/base/clock.h"
#include "harrier/json.h"
#include "harrier/base/slice.h"

/* --- schema ------------------------------------------------------------------------------------------------------------- */

enum udm_type {
    UDM_STRING,
    UDM_BYTES,
    UDM_BOOL,
    UDM_INT,   /* int32, int64, uint32, uint64: all kept as int64, larger ones saturate */
    UDM_FLOAT, /* float, double */
    UDM_ENUM,
    UDM_TIMESTAMP,
    UDM_DURATION,
    UDM_STRUCT, /* google.protobuf.Struct: free JSON */
    UDM_MESSAGE
};

struct udm_enum_value {
    const char *name;
    int32_t number;
};

struct udm_enum {
    const char *name;
    const struct udm_enum_value *values;
    size_t value_count;
};

struct udm_message_type;

struct udm_field {
    const char *name; /* snake_case, as in rules */
    enum udm_type type;
    bool repeated;
    bool deprecated;
    const struct udm_message_type *message; /* UDM_MESSAGE */
    const struct udm_enum *enumeration;     /* UDM_ENUM */
};

struct udm_message_type {
    const char *name; /* "Noun", "SecurityResult" ... */
    const struct udm_field *fields;
    size_t field_count;
};

/* The types "UDM" (an event) and "Entity"; any other by name, NULL if there is none. */
const struct udm_message_type *udm_event_type(void);
const struct udm_message_type *udm_entity_type(void);
const struct udm_message_type *udm_message_type_find(const char *name);
const struct udm_message_type *udm_message_type_at(size_t index); /* NULL past the end; for listings */
const struct udm_field *udm_field_find(const struct udm_message_type *type, struct slice snake_case_name);
/* Number of the value of that name; false if the enum has none. */
bool udm_enum_number(const struct udm_enum *enumeration, struct slice name, int32_t *number);
/* First name with that number, NULL if none. */
const char *udm_enum_name(const struct udm_enum *enumeration, int32_t number);
/* A message type whose fields are key and value: `field["key"]` works on a repeated field of it. */
bool udm_is_label(const struct udm_message_type *type);

/* --- paths ---------------------------------------------------------------------------------------------------------------- */

/* Where a value of a record comes from. A record knows of each origin whether it was read, so a condition can tell
 * "absent" from "could not be seen" and from "not yet read". */
enum udm_origin {
    UDM_ORIGIN_LOG_TYPE,        /* metadata.log_type: known before the first byte */
    UDM_ORIGIN_VERB,            /* network.http.method, labels["verb"], security_result.action_details */
    UDM_ORIGIN_URL,             /* target.url */
    UDM_ORIGIN_USER,            /* principal.user.userid, user_display_name, labels["user_kind"] */
    UDM_ORIGIN_STAGE,           /* metadata.description, labels["stage"] */
    UDM_ORIGIN_OBJECT_REF,      /* labels resource, subresource, namespace, api_group, resource_subtype, resource_type */
    UDM_ORIGIN_EVENT,           /* everything else that stands in the event itself, and labels that no mapping makes */
    UDM_ORIGIN_REQUEST_OBJECT,  /* labels of the request's object; labels.key and .value without a key */
    UDM_ORIGIN_RESPONSE_OBJECT, /* response.* labels */
    UDM_ORIGIN_COUNT
};

/* Fields whose value an audit event's head gives by itself, without a record being made. */
enum udm_head_field {
    UDM_HEAD_NONE,
    UDM_HEAD_LOG_TYPE,
    UDM_HEAD_METHOD,
    UDM_HEAD_VERB,
    UDM_HEAD_URL,
    UDM_HEAD_USERNAME,
    UDM_HEAD_STAGE,
    UDM_HEAD_RESOURCE,
    UDM_HEAD_SUBRESOURCE,
    UDM_HEAD_API_GROUP,
    UDM_HEAD_NAMESPACE
};

enum udm_knowledge {
    UDM_KNOWN,   /* read: what is absent is absent */
    UDM_UNKNOWN, /* cannot be seen: what is there counts, what is absent is unknown */
    UDM_UNREAD   /* not read yet: nothing can be said */
};

enum udm_part { UDM_PART_WHOLE, UDM_PART_SECONDS, UDM_PART_NANOS };

/* One name of a path as a rule writes it. */
struct udm_name {
    struct slice name;
    bool has_index;
    uint32_t index;
    bool has_key;
    struct slice key;
};

struct udm_step {
    const struct udm_field *field;
    bool has_index;
    uint32_t index;
};

struct udm_path {
    struct udm_step *steps;
    size_t step_count;
    enum udm_part part;      /* .seconds or .nanos of a timestamp or duration */
    bool has_key;            /* ["key"] on the last step: a Label list, or a struct's `fields` */
    struct slice key;
    bool repeated;           /* some step is repeated, has no index and is not the map: rows arise from it */
    enum udm_origin origin;
    enum udm_head_field head;
    struct slice text;       /* canonical: target.resource.attribute.labels["image"] */
};

/* Resolves names from the type's top (a leading "udm" is skipped). On failure: RESULT_NOT_FOUND or RESULT_INVALID, *error_step the guilty
 * name's index, *error a text with a suggestion, in the arena ("UDM has no field `usr` in `principal`; did you mean `user`?",
 * "a message where a value is needed: name a field of it", "an index on a field that is not repeated"). */
enum result udm_path_resolve(struct arena *arena, const struct udm_message_type *root, const struct udm_name *names, size_t name_count,
                             struct udm_path *path, size_t *error_step, struct slice *error);

/* --- records -------------------------------------------------------------------------------------------------------------- */

struct udm_message;
struct udm_label_set;
struct udm_label_filter;

/* A value of a field; which member of the union counts is the field's type. */
struct udm_value {
    union {
        struct slice string; /* UDM_STRING, UDM_BYTES */
        int64_t integer;     /* UDM_INT, UDM_ENUM (its number) */
        double number;
        bool boolean;
        clock_nanos time;              /* UDM_TIMESTAMP, UDM_DURATION */
        const struct json_node *json;  /* UDM_STRUCT: an object */
        struct udm_message *message;
    };
    const struct json_node *origin; /* where it stood in the event, NULL if it was made */
};

struct udm_values {
    const struct udm_value *items;
    size_t count; /* 0: absent; more than 1 only where the field is repeated */
};

/* The record of one event. Everything it holds is in its arena. Once that is full (arena_is_full) no list of it grows any more, which whoever fills it
 * has to ask: udm_record_note_full. */
struct udm_record {
    struct arena *arena;
    struct udm_message *root; /* of type UDM */
    enum udm_knowledge knowledge[UDM_ORIGIN_COUNT];
    /* A map form (`labels["k"]`) sees all values of a key (records that our mappings make), or only the first (UDM JSON, as
     * Google has it). */
    bool map_sees_all_values;
    struct udm_label_set *label_set; /* of udm_record_add_label */
    struct udm_message *spare;       /* stands for elements that found the arena full; NULL until needed */
    const struct udm_label_filter *label_filter; /* labels of objects that are made; NULL: all */
    /* Not NULL: a record of a head alone. It has no messages; udm_head_value gives its values, and what has no head field is unread. */
    const struct udm_k8s_head *head;
    const struct udm_source *source;
};

void udm_record_init(struct udm_record *record, struct arena *arena, enum udm_knowledge knowledge);
/* Where the arena is full, what is absent is unknown; true: so it is. */
bool udm_record_note_full(struct udm_record *record);
/* The field's values in the message; message may be NULL (then none). */
struct udm_values udm_message_get(const struct udm_message *message, const struct udm_field *field);
const struct udm_message_type *udm_message_type_of(const struct udm_message *message);
/* Appends (repeated) or sets (single: replaces). The value is copied, what it points to is not. */
void udm_message_add(struct udm_record *record, struct udm_message *message, const struct udm_field *field, struct udm_value value);
/* The child message of that field: the one that is there, or a new one; for a repeated field always a new element. */
struct udm_message *udm_message_child(struct udm_record *record, struct udm_message *message, const struct udm_field *field);
/* By names from the root, messages made on the way, of a repeated one the first: udm_record_add_string(r, "principal.user.userid", slice, origin).
 * Names must be in the schema (asserted). */
void udm_record_add_string(struct udm_record *record, const char *path, struct slice value, const struct json_node *origin);
/* target.resource.attribute.labels: once per equal (key, value), order of arrival. */
void udm_record_add_label(struct udm_record *record, struct slice key, struct slice value, const struct json_node *origin);
/* All values of labels[key], appended to out, at most capacity; returns how many there are. For alerts; rules go through paths. */
size_t udm_record_labels(const struct udm_record *record, const char *key, struct udm_value *out, size_t capacity);
/* First value of labels[key], or an empty slice. */
struct slice udm_record_label(const struct udm_record *record, const char *key);
/* First value at a dotted path of single or repeated string fields, or an empty slice. */
struct slice udm_record_string(const struct udm_record *record, const char *path);
/* The same for int and enum fields; 0 if absent. */
int64_t udm_record_int(const struct udm_record *record, const char *path);

/* What of objects anybody will look at: a long list of containers makes tens of thousands of labels that nobody asks for. Labels of the
 * event itself, `kind` and `generate_name` are made in any case. */
struct udm_label_filter *udm_label_filter_new(void);
void udm_label_filter_free(struct udm_label_filter *filter);
/* A path that somebody will read. */
void udm_label_filter_add(struct udm_label_filter *filter, const struct udm_path *path);
/* filter may be NULL: everything is wanted. */
bool udm_label_filter_wants(const struct udm_label_filter *filter, struct slice key);
/* Some label with the prefix `response.`. */
bool udm_label_filter_wants_response(const struct udm_label_filter *filter);

/* Sensitive labels can be tested by rules, but are shown only as a stand-in (redact.h): values of variables and of data, and any label,
 * annotation or label of the user's own with a secret's name. */
bool udm_label_is_sensitive(struct slice key);

/* --- making records --------------------------------------------------------------------------------------------------------- */

/* Labels of the operator's own: a key, and the JSON path in the event where its values stand, such as
 * requestObject.metadata.labels["app.kubernetes.io/name"] or requestObject.spec.template.spec.containers[*].name; in a LogEntry from the entry's root,
 * protoPayload.request.metadata.labels.team. They count as part of the event: a
 * value that an unseen object might have is absent, not unknown. Immutable once made. */
struct udm_own_labels;
struct udm_own_labels *udm_own_labels_new(void);
void udm_own_labels_free(struct udm_own_labels *labels);
/* RESULT_INVALID: *wrong (constant) says what is wrong with the path, or that the mapping makes that label itself. */
enum result udm_own_labels_add(struct udm_own_labels *labels, struct slice key, struct slice path, const char **wrong);
/* Some path leads into responseObject. labels may be NULL here and below. */
bool udm_own_labels_need_response(const struct udm_own_labels *labels);
/* Which objects the labels of that key look into. */
void udm_own_labels_find(const struct udm_own_labels *labels, struct slice key, bool *in_request, bool *in_response);
/* udm_k8s_record and udm_gke_record do it. */
void udm_own_labels_apply(const struct udm_own_labels *labels, struct udm_record *record, const struct json_node *event);

/* Whose managed API server wrote an audit event, as its envelope says. */
enum udm_provider { UDM_PROVIDER_NONE, UDM_PROVIDER_EKS, UDM_PROVIDER_AKS };

/* For trusted_proxies: as many as the provider is known to have. */
enum { UDM_PROXIES_BY_PROVIDER = -1 };

/* What a source says about the events that come through it. */
struct udm_source {
    struct slice log_type; /* metadata.log_type: K8S_AUDIT, or as configured */
    struct slice cluster;
    enum udm_provider provider;
    int trusted_proxies;      /* entries of sourceIPs from the end that belong to proxies of ours, or UDM_PROXIES_BY_PROVIDER */
    clock_nanos received;     /* metadata.ingested_timestamp; 0: not set */
    struct slice syslog_host; /* of the message that the event came in: additional.fields["syslog_host"]; empty: none */
    const struct udm_own_labels *own_labels; /* may be NULL */
};

/* A cheap member of an audit event as the reader met it. */
struct udm_head_member {
    bool seen;         /* it stands in the event, or it is certain that it will not come (its parent has been read to its end) */
    struct slice text; /* unescaped; empty: absent */
};

/* The members that a kube-apiserver writes before the objects; enough to tell most events that no rule can concern. */
struct udm_k8s_head {
    bool complete; /* the event has been read to its end: what was not seen is absent */
    struct udm_head_member level, stage, request_uri, verb, username, resource, subresource, api_group, api_version, namespace;
};

/* A record of the head alone, made without messages: it costs a few nanoseconds, as it is asked for every event. It gives the fields of enum
 * udm_head_field; an origin is UDM_KNOWN when all its members were seen or the head is complete, else UDM_UNREAD. head and source outlive it. */
void udm_k8s_head_view(struct udm_record *record, struct arena *arena, const struct udm_source *source, const struct udm_k8s_head *head);
/* A field of such a record; false if it is absent. Ask udm_record_knowledge first. */
bool udm_head_value(const struct udm_record *record, enum udm_head_field field, struct slice *value);

/* What the record knows of the path. */
static inline enum udm_knowledge udm_record_knowledge(const struct udm_record *record, const struct udm_path *path)
{
    return record->head && path->head == UDM_HEAD_NONE ? UDM_UNREAD : record->knowledge[path->origin];
}

/* What the reader had to leave out of an event. */
struct udm_cut {
    bool request_object;
    bool response_object;
    bool other;
    bool transport; /* the text ended before the event did */
};

/* The whole mapping K8S_AUDIT (harrier-rules(7)) over the tree of one event. */
void udm_k8s_record(struct udm_record *record, const struct udm_source *source, const struct json_node *event, const struct udm_cut *cut);

/* The whole mapping GKE_CONTROLPLANE (section 6) over the tree of one LogEntry of Cloud Logging whose protoPayload is of k8s.io. metadata.log_type is
 * GKE_CONTROLPLANE, whatever the source says. */
void udm_gke_record(struct udm_record *record, const struct udm_source *source, const struct json_node *entry, const struct udm_cut *cut);

/* Does the mapping of this event, read without its responseObject, need that too? For labels that are asked for, for what a JSON patch copies, and
 * for names that only the answer holds. */
bool udm_k8s_needs_response(const struct udm_label_filter *filter, const struct json_node *event);

/* A record from UDM JSON (a bare record, or below "udm"): camelCase or snake_case, numbers as numbers or strings, one value
 * where a list is expected. Unknown members are skipped and counted in *unknown_members (may be NULL), the first one's path goes to
 * *first_unknown. RESULT_INVALID when the node is no object. */
enum result udm_json_record(struct udm_record *record, const struct json_node *node, size_t *unknown_members, struct slice *first_unknown);

/* Has the text of an object that has a member `metadata` anything by which UDM is told from other schemas that have one: a member of UDM's Metadata in it,
 * or who acted, on what, with what result? */
bool udm_json_is_record(struct slice object);

/* The record as UDM JSON, snake_case names, labels as [{"key","value"}], timestamps as RFC 3339. Redacted. */
void udm_record_write(const struct udm_record *record, struct json_writer *writer);

/* Is what the value says a secret, by the place in the event where it stood? What is not of the text there is none: a member's name, or one that a JSON
 * patch has in its path. */
bool udm_value_is_sensitive(struct slice text, const struct json_node *origin);

/* What can be written in a rule for events of a log type, for `harrierctl fields`: path, where it comes from. NULL past the end. */
struct udm_field_help {
    const char *path;   /* principal.user.userid, or labels["image"] in full */
    const char *source; /* the event's member */
    const char *meaning;
};
const struct udm_field_help *udm_k8s_field_help_at(size_t index); /* K8S_AUDIT */
const struct udm_field_help *udm_gke_field_help_at(size_t index); /* GKE_CONTROLPLANE */

#endif
