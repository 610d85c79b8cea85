/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/base/map.h"
#include "harrier/base/memory.h"
#include "harrier/udm.h"

#include <stdlib.h>

#define LABELS "target.resource.attribute.labels"

struct udm_label_filter {
    struct map *keys;
    bool all;       /* labels.key and labels.value without a key */
    bool response;  /* some key of the object that came back */
    bool kind;      /* asked for by a rule: where the request has none, the answer's counts */
    bool object_id; /* target.resource.product_object_id: mostly the answer alone has it */
};

struct udm_label_filter *udm_label_filter_new(void)
{
    struct udm_label_filter *filter = xcalloc(1, sizeof *filter);

    filter->keys = map_new();
    /* alerts and the mapping itself read these */
    map_put(filter->keys, SLICE("kind"), filter);
    map_put(filter->keys, SLICE("generate_name"), filter);
    return filter;
}

void udm_label_filter_free(struct udm_label_filter *filter)
{
    if (!filter)
        return;
    map_free(filter->keys, NULL);
    free(filter);
}

void udm_label_filter_add(struct udm_label_filter *filter, const struct udm_path *path)
{
    if (slice_starts_with(path->text, SLICE(LABELS))) {
        filter->all = filter->all || !path->has_key;
        if (path->has_key)
            map_put(filter->keys, path->key, filter);
    }
    filter->response = filter->response || path->origin == UDM_ORIGIN_RESPONSE_OBJECT;
    filter->kind = filter->kind || slice_is(path->text, LABELS "[\"kind\"]");
    filter->object_id = filter->object_id || slice_is(path->text, "target.resource.product_object_id");
}

bool udm_label_filter_wants(const struct udm_label_filter *filter, struct slice key)
{
    return !filter || filter->all || map_get(filter->keys, key) != NULL;
}

bool udm_label_filter_wants_response(const struct udm_label_filter *filter)
{
    return !filter || filter->all || filter->response;
}

bool udm_k8s_needs_response(const struct udm_label_filter *filter, const struct json_node *event)
{
    bool has_kind = false;

    if (udm_label_filter_wants_response(filter) || filter->object_id)
        return true;
    if (!json_string(json_at(event, "objectRef", "name", NULL)).length)
        return true; /* generateName */
    for (const struct json_node *member = event->first; member; member = member->next) {
        if (!slice_is(member->key, "requestObject"))
            continue;
        if (member->type == JSON_ARRAY)
            return true; /* copy and move may refer to it */
        has_kind = has_kind || json_string(json_member(member, "kind")).length;
    }
    return filter->kind && !has_kind;
}
