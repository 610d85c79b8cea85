/* SPDX-License-Identifier: Apache-2.0 */
/* Fields read straight from an event's head. Every event is asked about before it is known whether any rule can concern it, and
 * making messages for each would cost a tenth of all the work there is. */
#include "head.h"

#include "names.h"

#define RESOURCE_LABEL(key) "target.resource.attribute.labels[\"" key "\"]"

static const struct {
    const char *path;
    enum udm_head_field field;
} fields[] = {
    {"metadata.log_type", UDM_HEAD_LOG_TYPE},
    {"network.http.method", UDM_HEAD_METHOD},
    {RESOURCE_LABEL("verb"), UDM_HEAD_VERB},
    {"target.url", UDM_HEAD_URL},
    {"principal.user.userid", UDM_HEAD_USERNAME},
    {"principal.user.user_display_name", UDM_HEAD_USERNAME},
    {"metadata.description", UDM_HEAD_STAGE},
    {RESOURCE_LABEL("stage"), UDM_HEAD_STAGE},
    {"target.resource.resource_subtype", UDM_HEAD_RESOURCE},
    {RESOURCE_LABEL("resource"), UDM_HEAD_RESOURCE},
    {RESOURCE_LABEL("subresource"), UDM_HEAD_SUBRESOURCE},
    {RESOURCE_LABEL("api_group"), UDM_HEAD_API_GROUP},
    {RESOURCE_LABEL("namespace"), UDM_HEAD_NAMESPACE},
};

enum udm_head_field k8s_head_field(struct slice path)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (slice_is(path, fields[i].path))
            return fields[i].field;
    return UDM_HEAD_NONE;
}

static enum udm_knowledge known(const struct udm_k8s_head *head, bool seen)
{
    return seen || head->complete ? UDM_KNOWN : UDM_UNREAD;
}

/* apiVersion may have it. */
static bool knows_group(const struct udm_k8s_head *head)
{
    return head->api_group.seen && (head->api_group.text.length || head->api_version.seen);
}

static struct slice group_of(const struct udm_k8s_head *head)
{
    ptrdiff_t slash = slice_find_byte(head->api_version.text, '/');

    return head->api_group.text.length || slash < 0 ? head->api_group.text : slice_first(head->api_version.text, (size_t)slash);
}

void udm_k8s_head_view(struct udm_record *record, struct arena *arena, const struct udm_source *source, const struct udm_k8s_head *head)
{
    *record = (struct udm_record){.arena = arena, .map_sees_all_values = true, .head = head, .source = source};
    for (size_t i = 0; i < UDM_ORIGIN_COUNT; i++)
        record->knowledge[i] = UDM_UNREAD;
    record->knowledge[UDM_ORIGIN_LOG_TYPE] = UDM_KNOWN;
    record->knowledge[UDM_ORIGIN_VERB] = known(head, head->verb.seen);
    record->knowledge[UDM_ORIGIN_URL] = known(head, head->request_uri.seen);
    record->knowledge[UDM_ORIGIN_USER] = known(head, head->username.seen);
    record->knowledge[UDM_ORIGIN_STAGE] = known(head, head->stage.seen);
    record->knowledge[UDM_ORIGIN_OBJECT_REF] =
        known(head, head->resource.seen && head->subresource.seen && knows_group(head) && head->namespace.seen);
}

static struct slice text_of(const struct udm_record *record, enum udm_head_field field)
{
    const struct udm_k8s_head *head = record->head;

    switch (field) {
    case UDM_HEAD_LOG_TYPE: return record->source->log_type;
    case UDM_HEAD_METHOD: return head->verb.text.length ? k8s_http_method(record->arena, head->verb.text) : head->verb.text;
    case UDM_HEAD_VERB: return head->verb.text;
    case UDM_HEAD_URL: return head->request_uri.text.length ? k8s_url_path(record->arena, head->request_uri.text) : head->request_uri.text;
    case UDM_HEAD_USERNAME: return head->username.text;
    case UDM_HEAD_STAGE: return head->stage.text;
    case UDM_HEAD_RESOURCE: return head->resource.text;
    case UDM_HEAD_SUBRESOURCE: return head->subresource.text;
    case UDM_HEAD_API_GROUP: return group_of(head);
    case UDM_HEAD_NAMESPACE: return head->namespace.text;
    default: return (struct slice){NULL, 0};
    }
}

bool udm_head_value(const struct udm_record *record, enum udm_head_field field, struct slice *value)
{
    *value = text_of(record, field);
    return value->length > 0;
}
