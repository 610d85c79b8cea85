/* SPDX-License-Identifier: Apache-2.0 */
/* Labels that the configuration adds: a key and where in the event its values stand. */
#include "harrier/base/memory.h"
#include "harrier/udm.h"
#include "harrier/base/vector.h"

#include <stdlib.h>

enum { MOST_STEPS = 32, MOST_VALUES = 1000 };

/* requestObject.spec.template.spec.containers[*].name: member names, ["any name"], [3] and [*]. */
struct step {
    enum { STEP_MEMBER, STEP_ELEMENT, STEP_EVERY } kind;
    char *name;
    uint32_t index;
};

struct own_label {
    char *key;
    struct step steps[MOST_STEPS];
    size_t step_count;
};

struct udm_own_labels {
    VECTOR(struct own_label *) all;
    bool need_response;
};

struct udm_own_labels *udm_own_labels_new(void)
{
    return xcalloc(1, sizeof(struct udm_own_labels));
}

static void label_free(struct own_label *label)
{
    for (size_t i = 0; i < label->step_count; i++)
        free(label->steps[i].name);
    free(label->key);
    free(label);
}

void udm_own_labels_free(struct udm_own_labels *labels)
{
    if (!labels)
        return;
    for (size_t i = 0; i < labels->all.count; i++)
        label_free(labels->all.items[i]);
    VECTOR_FREE(&labels->all);
    free(labels);
}

/* --- reading a path ------------------------------------------------------------------------------------------------------------- */

static const char *read_brackets(struct slice *rest, struct step *step)
{
    ptrdiff_t end = rest->length > 1 && rest->bytes[1] == '"' ? slice_find(*rest, SLICE("\"]")) : slice_find_byte(*rest, ']');
    int64_t index;

    if (end < 0)
        return "a [ is not closed: write [3], [*] or [\"a name\"]";
    struct slice inside = slice_first(slice_from(*rest, 1), (size_t)end - 1);
    *rest = slice_from(*rest, (size_t)end + (rest->bytes[1] == '"' ? 2 : 1));
    if (inside.length && inside.bytes[0] == '"') {
        *step = (struct step){STEP_MEMBER, xstrndup(inside.bytes + 1, inside.length - 1), 0};
        return NULL;
    }
    if (slice_is(inside, "*")) {
        *step = (struct step){STEP_EVERY, NULL, 0};
        return NULL;
    }
    if (!slice_to_int64(inside, &index) || index < 0 || index > UINT32_MAX)
        return "between [ and ] stands a number, * or a name in double quotes";
    *step = (struct step){STEP_ELEMENT, NULL, (uint32_t)index};
    return NULL;
}

static const char *read_path(struct own_label *label, struct slice rest)
{
    while (rest.length) {
        if (label->step_count == MOST_STEPS)
            return "the path has more than 32 steps";
        struct step *step = &label->steps[label->step_count];
        if (rest.bytes[0] == '[') {
            const char *wrong = read_brackets(&rest, step);
            if (wrong)
                return wrong;
        } else {
            size_t length = 0;
            while (length < rest.length && rest.bytes[length] != '.' && rest.bytes[length] != '[')
                length++;
            if (length == 0)
                return "a name is missing: write requestObject.metadata.labels.team";
            *step = (struct step){STEP_MEMBER, xstrndup(rest.bytes, length), 0};
            rest = slice_from(rest, length);
        }
        label->step_count++;
        if (rest.length && rest.bytes[0] == '.') {
            rest = slice_from(rest, 1);
            if (!rest.length)
                return "a name is missing behind the last dot";
        }
    }
    return label->step_count ? NULL : "the path is empty";
}

static bool has_row(const struct udm_field_help *row_at(size_t), struct slice path)
{
    const struct udm_field_help *row;

    for (size_t i = 0; (row = row_at(i)) != NULL; i++)
        if (slice_is(path, row->path))
            return true;
    return false;
}

static bool is_made_by_a_mapping(struct slice key)
{
    struct buffer path = {NULL, 0, 0};

    buffer_printf(&path, "target.resource.attribute.labels[\"%.*s\"]", SLICE_ARGS(key));
    bool found = has_row(udm_k8s_field_help_at, buffer_slice(&path)) || has_row(udm_gke_field_help_at, buffer_slice(&path));
    buffer_free(&path);
    return found;
}

static bool begins_with(const struct own_label *label, const char *member)
{
    return label->steps[0].name && strcmp(label->steps[0].name, member) == 0;
}

enum result udm_own_labels_add(struct udm_own_labels *labels, struct slice key, struct slice path, const char **wrong)
{
    struct own_label *label = xcalloc(1, sizeof *label);

    label->key = xstrndup(key.bytes, key.length);
    *wrong = is_made_by_a_mapping(key) ? "the mapping makes a label of that name already: take another name" : read_path(label, path);
    if (*wrong) {
        label_free(label);
        return RESULT_INVALID;
    }
    VECTOR_PUSH(&labels->all, label);
    labels->need_response = labels->need_response || begins_with(label, "responseObject");
    return RESULT_OK;
}

void udm_own_labels_find(const struct udm_own_labels *labels, struct slice key, bool *in_request, bool *in_response)
{
    *in_request = *in_response = false;
    for (size_t i = 0; labels && i < labels->all.count; i++) {
        const struct own_label *label = labels->all.items[i];
        if (!slice_is(key, label->key))
            continue;
        *in_request = *in_request || begins_with(label, "requestObject");
        *in_response = *in_response || begins_with(label, "responseObject");
    }
}

bool udm_own_labels_need_response(const struct udm_own_labels *labels)
{
    return labels && labels->need_response;
}

/* --- reading an event --------------------------------------------------------------------------------------------------------------- */

static void add_value(struct udm_record *record, struct slice key, const struct json_node *node)
{
    if (node->type == JSON_STRING || node->type == JSON_NUMBER)
        udm_record_add_label(record, key, node->text, node);
    else if (node->type == JSON_BOOL)
        udm_record_add_label(record, key, node->boolean ? SLICE("true") : SLICE("false"), node);
}

static bool takes(const struct step *step, const struct json_node *child)
{
    switch (step->kind) {
    case STEP_MEMBER: return child->parent->type == JSON_OBJECT && slice_is(child->key, step->name);
    case STEP_ELEMENT: return child->parent->type == JSON_ARRAY && child->index == step->index;
    default: return true;
    }
}

/* Depth is the number of steps that the operator wrote; a name that stands twice gives both values. */
static void follow(struct udm_record *record, const struct own_label *label, const struct json_node *node, size_t step, size_t *values)
{
    if (step == label->step_count) {
        if (++*values <= MOST_VALUES)
            add_value(record, slice_of(label->key), node);
        return;
    }
    for (const struct json_node *child = node->first; child && *values < MOST_VALUES; child = child->next)
        if (takes(&label->steps[step], child))
            follow(record, label, child, step + 1, values);
}

void udm_own_labels_apply(const struct udm_own_labels *labels, struct udm_record *record, const struct json_node *event)
{
    for (size_t i = 0; labels && i < labels->all.count; i++) {
        size_t values = 0;
        if (udm_label_filter_wants(record->label_filter, slice_of(labels->all.items[i]->key)))
            follow(record, labels->all.items[i], event, 0, &values);
    }
}
