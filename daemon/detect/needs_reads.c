/* SPDX-License-Identifier: Apache-2.0 */
/* What rules read, whatever the event. */
#include "needs.h"

static bool is_any_of(struct slice text, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (slice_is(text, texts[i]))
            return true;
    return false;
}

#define IS_ANY_OF(text, texts) is_any_of((text), (texts), sizeof(texts) / sizeof *(texts))

static void read_path(struct needs_reads *reads, const struct udm_path *path, const struct udm_own_labels *own_labels)
{
    static const char *const of_objects[] = {LABEL("object_state"), LABEL("truncated"), LABEL("overflow")};
    static const char *const of_delete_options[] = {LABEL("dry_run"), LABEL("propagation_policy")};
    static const char *const of_resources[] = {LABEL("resource"), "target.resource.resource_subtype", "target.resource.resource_type",
                                               "metadata.product_event_type"};
    static const char annotations[] = "security_result.detection_fields", key_of_patches[] = "patch.webhook.admission.k8s.io";
    struct slice text = path->text;
    bool in_request = false, in_response = false;

    if (path->has_key && path->origin == UDM_ORIGIN_EVENT && slice_starts_with(text, SLICE("target.resource.attribute.labels")))
        udm_own_labels_find(own_labels, path->key, &in_request, &in_response);
    reads->request |= path->origin == UDM_ORIGIN_REQUEST_OBJECT || in_request || IS_ANY_OF(text, of_objects);
    reads->response |= path->origin == UDM_ORIGIN_RESPONSE_OBJECT || in_response;
    /* labels without a key are those of both objects */
    reads->response |= path->origin == UDM_ORIGIN_REQUEST_OBJECT && !path->has_key;
    /* admission webhooks leave their patches in annotations, from level Request on */
    if (slice_starts_with(text, slice_of(annotations)))
        reads->request |= !path->has_key || slice_starts_with(path->key, slice_of(key_of_patches));
    reads->name |= slice_is(text, "target.resource.name");
    reads->kind |= slice_is(text, LABEL("kind"));
    reads->id |= slice_is(text, "target.resource.product_object_id");
    reads->delete_options |= IS_ANY_OF(text, of_delete_options);
    reads->url |= path->origin == UDM_ORIGIN_URL;
    reads->resource |= IS_ANY_OF(text, of_resources);
}

static void read_node(struct needs_reads *reads, const struct detect_plan *plan, const struct node *node,
                      const struct udm_own_labels *own_labels)
{
    if (!node)
        return;
    if (node->kind == NODE_PREDICATE) {
        const struct predicate *predicate = plan->predicates.items[node->predicate];
        for (size_t i = 0; i < predicate->field_count; i++)
            read_path(reads, predicate->fields[i]->path, own_labels);
    }
    if (node->field)
        read_path(reads, node->field->path, own_labels);
    for (size_t i = 0; i < node->operand_count; i++)
        read_node(reads, plan, node->operands[i], own_labels);
}

struct needs_reads needs_reads_of(const struct detect_plan *plan, const struct rule_plan *rule, const struct udm_own_labels *own_labels,
                                  bool with_outcomes)
{
    struct needs_reads reads = {0};

    for (size_t i = 0; i < rule->event_count; i++)
        read_node(&reads, plan, rule->events[i], own_labels);
    read_node(&reads, plan, rule->condition, own_labels);
    for (size_t i = 0; i < rule->rule->placeholder_count; i++)
        read_node(&reads, plan, rule->placeholders[i], own_labels);
    for (size_t i = 0; with_outcomes && i < rule->rule->outcome_count; i++)
        read_node(&reads, plan, rule->outcomes[i], own_labels);
    return reads;
}

bool needs_equality(const struct predicate *predicate, const struct udm_path **path, struct slice *constant)
{
    const struct yaral_expr *expr = predicate->expr;

    if (expr->kind != YARAL_EXPR_COMPARE || expr->op != YARAL_OP_EQUAL || expr->nocase)
        return false;
    for (size_t side = 0; side < 2; side++) {
        const struct node *field = predicate->operands[side], *literal = predicate->operands[1 - side];
        if (field->kind == NODE_VALUE && field->field && field->field->dimension == NONE && literal->kind == NODE_VALUE &&
            literal->expr->kind == YARAL_EXPR_LITERAL && literal->expr->literal.type == YARAL_STRING) {
            *path = field->field->path;
            *constant = literal->expr->literal.string;
            return true;
        }
    }
    return false;
}

const char *detect_level_name(enum detect_level level)
{
    static const char *const names[] = {[DETECT_LEVEL_NONE] = "None",
                                        [DETECT_LEVEL_METADATA] = "Metadata",
                                        [DETECT_LEVEL_REQUEST] = "Request",
                                        [DETECT_LEVEL_REQUEST_RESPONSE] = "RequestResponse"};
    return names[level];
}

enum detect_level detect_rule_level(const struct detect_plan *plan, size_t rule_index, const struct udm_own_labels *own_labels)
{
    struct needs_reads reads = needs_reads_of(plan, &plan->rules[rule_index], own_labels, false);

    if (reads.response)
        return DETECT_LEVEL_REQUEST_RESPONSE;
    return reads.request ? DETECT_LEVEL_REQUEST : DETECT_LEVEL_METADATA;
}
