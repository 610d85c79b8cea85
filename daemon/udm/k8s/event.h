/* SPDX-License-Identifier: Apache-2.0 */
/* What the mappings of Kubernetes events share: setting fields, and the fields that every such event fills alike, however its log
 * writes them down. An empty text sets nothing. */
#ifndef HARRIER_UDM_K8S_EVENT_H
#define HARRIER_UDM_K8S_EVENT_H

#include "names.h"

/* --- setting fields ------------------------------------------------------------------------------------------------------- */

void k8s_set_string(struct udm_record *record, struct udm_message *message, const struct udm_field *field, struct slice text,
                    const struct json_node *origin);
void k8s_set_int(struct udm_record *record, struct udm_message *message, const struct udm_field *field, int64_t number,
                 const struct json_node *origin);
/* A text or a number that is a time; anything else sets nothing. */
void k8s_set_time(struct udm_record *record, struct udm_message *message, const struct udm_field *field, const struct json_node *node);
void k8s_set_label(struct udm_record *record, const char *key, struct slice value, const struct json_node *origin);
/* A label in a list other than that of target.resource: equal ones are kept. */
void k8s_set_plain_label(struct udm_record *record, struct udm_message *message, const struct udm_field *list, struct slice key, struct slice value,
                         const struct json_node *origin);

/* Messages of the record, made where they are not there yet. */
struct udm_message *k8s_message(struct udm_record *record, const struct udm_field *field_of_root);
struct udm_message *k8s_user(struct udm_record *record, const struct udm_field *noun);
struct udm_message *k8s_resource(struct udm_record *record);
struct udm_message *k8s_http(struct udm_record *record);
struct udm_message *k8s_security_result(struct udm_record *record);

/* additional.fields: texts are put into an object, which becomes the field if it holds any. */
struct json_node *k8s_additional_new(struct arena *arena);
void k8s_additional_add(struct arena *arena, struct json_node *fields, const char *key, struct slice text);
/* cause_field, for each cause of a Status object. */
void k8s_additional_add_causes(struct arena *arena, struct json_node *fields, const struct json_node *status);
void k8s_map_additional(struct udm_record *record, const struct json_node *fields);

/* --- reading events ------------------------------------------------------------------------------------------------------- */

/* The first of the two that is a string and not empty; NULL if none is. */
const struct json_node *k8s_first_text(const struct json_node *node, const struct json_node *other);
/* The text of an event ended inside the node: half of a path or name would be taken for another. */
bool k8s_is_broken_off(const struct json_node *node, const struct udm_cut *cut);

/* --- fields that all events fill ------------------------------------------------------------------------------------------ */

/* metadata.log_type, and all its names (Google's own behind it) in base_labels; other_names end with NULL. */
void k8s_map_log_type(struct udm_record *record, struct slice log_type, const char *const other_names[]);
/* When it arrived, and the cluster. */
void k8s_map_source(struct udm_record *record, const struct udm_source *source);
void k8s_map_verb(struct udm_record *record, struct slice verb, const struct json_node *origin);
/* principal.user: userid, user_display_name and email_addresses. */
void k8s_map_username(struct udm_record *record, struct slice username, const struct json_node *origin);
/* labels user_kind, service_account_namespace and service_account_user; k8s_know comes first. */
void k8s_map_user_kind(struct udm_record *record, struct slice username, bool is_unauthenticated, const struct json_node *origin);
/* What the request is about. `reference` is an objectRef, or the one text from which all was read. */
void k8s_map_object_ref(struct udm_record *record, const struct k8s_request *request, struct slice namespace, const struct json_node *reference);
/* target.resource's name and product_object_id: what the reference says (empty, NULL: nothing), else what the objects do. */
void k8s_map_object_names(struct udm_record *record, struct slice name, const struct json_node *name_origin, const struct json_node *uid,
                          const struct json_node *request_object, const struct json_node *response_object);
/* The HTTP status, 0 if there is none, and what it says of the request: security_result.action. */
void k8s_map_response_code(struct udm_record *record, int64_t code, struct slice decision, const struct json_node *origin);
/* security_result.summary. */
void k8s_map_message(struct udm_record *record, const struct json_node *message);
/* labels response_status and response_reason, of a Status object. */
void k8s_map_status(struct udm_record *record, const struct json_node *status);
/* Each to security_result.detection_fields, and to the labels that some of them are. */
void k8s_map_annotations(struct udm_record *record, const struct json_node *annotations);

#endif
