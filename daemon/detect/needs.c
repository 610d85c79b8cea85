/* SPDX-License-Identifier: Apache-2.0 */
/* Which requests can a rule concern, and what has to be logged of them? Each kind of request is asked the rule's own conditions: what is the
 * same for all of its requests stands in a record, on which the engine answers; what is not may be anything. */
#include "needs.h"

struct detect_needs *detect_needs_new(struct detect_plan *plan, const struct udm_own_labels *own_labels)
{
    struct detect_needs *needs = xcalloc(1, sizeof *needs);

    needs->plan = plan;
    needs->engine = detect_engine_new(plan, &detect_default_limits);
    needs->matcher = regex_matcher_new();
    needs->arena = arena_new(4096);
    for (size_t i = 0; i < NEEDS_STAGE_COUNT; i++)
        needs->events[i].arena = arena_new(16384);
    needs->reads = arena_calloc(needs->arena, plan->rule_count, sizeof *needs->reads);
    for (size_t i = 0; i < plan->rule_count; i++)
        needs->reads[i] = needs_reads_of(plan, &plan->rules[i], own_labels, true);
    needs_partition(needs);
    return needs;
}

void detect_needs_free(struct detect_needs *needs)
{
    if (!needs)
        return;
    detect_engine_free(needs->engine);
    regex_matcher_free(needs->matcher);
    VECTOR_FREE(&needs->resources);
    VECTOR_FREE(&needs->namespaces);
    arena_free(needs->arena);
    for (size_t i = 0; i < NEEDS_STAGE_COUNT; i++)
        arena_free(needs->events[i].arena);
    free(needs);
}

const struct udm_k8s_resource *detect_needs_resource(const struct detect_needs *needs, size_t index)
{
    return index < needs->resources.count ? &needs->resources.items[index] : NULL;
}

const struct slice *detect_needs_namespace(const struct detect_needs *needs, size_t index)
{
    return index < needs->namespaces.count ? &needs->namespaces.items[index] : NULL;
}

bool detect_needs_tells_by_url(const struct detect_needs *needs, size_t rule_index)
{
    return needs->reads[rule_index].url && !needs->reads[rule_index].resource;
}

/* --- what a condition may be ------------------------------------------------------------------------------------------------------------ */

static bool depends_on_time(const struct yaral_expr *expr)
{
    if (!expr)
        return false;
    if (expr->kind == YARAL_EXPR_CALL && expr->operand_count == 0)
        return true;
    for (size_t i = 0; i < expr->operand_count; i++)
        if (depends_on_time(expr->operands[i]))
            return true;
    return false;
}

/* The regex that target.url is matched with, where that is all there is to the predicate. */
static const struct regex *url_regex(const struct predicate *predicate)
{
    const struct yaral_expr *expr = predicate->expr;

    if (predicate->field_count != 1)
        return NULL;
    if (expr->kind == YARAL_EXPR_CALL && strcmp(expr->call.function->name, "re.regex") == 0 && expr->operands[0]->kind == YARAL_EXPR_FIELD)
        return expr->call.prepared;
    if (expr->kind != YARAL_EXPR_COMPARE)
        return NULL;
    for (size_t i = 0; i < 2; i++)
        if (expr->operands[i]->kind == YARAL_EXPR_REGEX && expr->operands[1 - i]->kind == YARAL_EXPR_FIELD)
            return expr->operands[i]->regex;
    return NULL;
}

static unsigned int url_may_be(const struct detect_needs *needs, const struct predicate *predicate)
{
    const struct regex *regex = url_regex(predicate);

    if (!regex || needs_url_may_match(needs, regex))
        return MAY_BE_EITHER;
    return predicate->expr->op == YARAL_OP_NOT_EQUAL ? MAY_BE_TRUE : MAY_BE_FALSE;
}

static bool holds(int64_t left, enum yaral_op op, int64_t right)
{
    switch (op) {
    case YARAL_OP_EQUAL: return left == right;
    case YARAL_OP_NOT_EQUAL: return left != right;
    case YARAL_OP_LESS: return left < right;
    case YARAL_OP_LESS_EQUAL: return left <= right;
    case YARAL_OP_GREATER: return left > right;
    case YARAL_OP_GREATER_EQUAL: return left >= right;
    default: return true;
    }
}

/* An answer has a code of HTTP: what holds of none of them, such as `= 0`, is asked of events that have none yet. */
static bool asks_for_no_code(const struct predicate *predicate)
{
    const struct yaral_expr *expr = predicate->expr;

    if (expr->kind != YARAL_EXPR_COMPARE || predicate->field_count != 1 ||
        !slice_is(predicate->fields[0]->path->text, "network.http.response_code"))
        return false;
    const struct yaral_expr *left = expr->operands[0], *right = expr->operands[1];
    const struct yaral_expr *literal = left->kind == YARAL_EXPR_LITERAL ? left : right;
    if (literal->kind != YARAL_EXPR_LITERAL || literal->literal.type != YARAL_INT || (left != literal && left->kind != YARAL_EXPR_FIELD) ||
        (right != literal && right->kind != YARAL_EXPR_FIELD))
        return false;
    for (int64_t code = 100; code < 600; code++)
        if (holds(literal == left ? literal->literal.integer : code, expr->op, literal == left ? code : literal->literal.integer))
            return false;
    return true;
}

static unsigned int predicate_may_be(struct detect_needs *needs, size_t number)
{
    const struct predicate *predicate = needs->plan->predicates.items[number];
    const struct udm_path *path;
    struct slice constant;
    bool fixed = predicate->field_count > 0 && !depends_on_time(predicate->expr), url = false;

    for (size_t i = 0; i < predicate->field_count; i++) {
        const struct field *field = predicate->fields[i];
        enum needs_fate fate = field->dimension == NONE ? needs_fate_of(needs, field->path) : NEEDS_FREE;
        fixed = fixed && fate == NEEDS_FIXED;
        url = url || fate == NEEDS_URL;
    }
    if (fixed) {
        enum truth truth = predicate_truth(needs->engine, number);
        return truth == TRUTH_TRUE ? MAY_BE_TRUE : truth == TRUTH_FALSE ? MAY_BE_FALSE : 0;
    }
    if (url)
        return url_may_be(needs, predicate);
    if (needs_equality(predicate, &path, &constant) && needs_excludes(needs, path, constant))
        return MAY_BE_FALSE;
    return asks_for_no_code(predicate) && needs->stage != NEEDS_REQUEST_RECEIVED ? MAY_BE_FALSE : MAY_BE_EITHER;
}

static unsigned int node_may_be(struct detect_needs *needs, const struct node *node)
{
    unsigned int any = 0, every = MAY_BE_EITHER, one;

    if (node->kind == NODE_PREDICATE)
        return predicate_may_be(needs, node->predicate);
    if (node->kind == NODE_VALUE)
        return MAY_BE_EITHER;
    for (size_t i = 0; i < node->operand_count; i++) {
        one = node_may_be(needs, node->operands[i]);
        any |= one;
        every &= one;
    }
    if (node->kind == NODE_NOT)
        return (any & MAY_BE_TRUE ? MAY_BE_FALSE : 0) | (any & MAY_BE_FALSE ? MAY_BE_TRUE : 0);
    unsigned int needs_all = node->kind == NODE_AND ? MAY_BE_TRUE : MAY_BE_FALSE;
    return (every & needs_all) | (any & ~needs_all);
}

static bool rule_may_fire_at(struct detect_needs *needs, const struct rule_plan *rule, enum needs_stage stage)
{
    needs_look_at(needs, stage);
    for (size_t i = 0; i < rule->event_count; i++)
        if (!(node_may_be(needs, rule->events[i]) & MAY_BE_TRUE))
            return false;
    return true;
}

static bool rule_may_fire_later(struct detect_needs *needs, const struct rule_plan *rule)
{
    return rule_may_fire_at(needs, rule, NEEDS_RESPONSE_COMPLETE) || rule_may_fire_at(needs, rule, NEEDS_RESPONSE_STARTED) ||
           rule_may_fire_at(needs, rule, NEEDS_PANIC);
}

bool detect_needs_fires_at_received(struct detect_needs *needs, size_t rule_index, const struct detect_request *request)
{
    needs_take(needs, request);
    return rule_may_fire_at(needs, &needs->plan->rules[rule_index], NEEDS_REQUEST_RECEIVED);
}

bool detect_needs_request_received(struct detect_needs *needs, size_t rule_index, const struct detect_request *request)
{
    const struct rule_plan *rule = &needs->plan->rules[rule_index];

    needs_take(needs, request);
    return rule_may_fire_at(needs, rule, NEEDS_REQUEST_RECEIVED) && !rule_may_fire_later(needs, rule);
}

/* --- levels --------------------------------------------------------------------------------------------------------------------------- */

/* What only the answer shows: what a JSON patch copies, and what the API server has made. */
static bool needs_answer(const struct needs_reads *reads, const struct detect_request *request, bool has_object)
{
    bool patches = slice_is(request->verb, "patch"), creates = slice_is(request->verb, "create");

    if (!request->is_resource)
        return false;
    if (reads->response || reads->id || (reads->kind && !slice_is(request->verb, "update")))
        return true;
    return has_object && ((reads->request && patches) || (reads->name && creates));
}

enum detect_level detect_needs_level(struct detect_needs *needs, size_t rule_index, const struct detect_request *request)
{
    const struct rule_plan *rule = &needs->plan->rules[rule_index];
    const struct needs_reads *reads = &needs->reads[rule_index];
    bool has_object = needs_has_object(request);
    bool deletes = slice_is(request->verb, "delete") || slice_is(request->verb, "deletecollection");

    needs_take(needs, request);
    if (!rule_may_fire_later(needs, rule) && !rule_may_fire_at(needs, rule, NEEDS_REQUEST_RECEIVED))
        return DETECT_LEVEL_NONE;
    if (needs_answer(reads, request, has_object))
        return DETECT_LEVEL_REQUEST_RESPONSE;
    if (has_object && (reads->request || (reads->delete_options && deletes)))
        return DETECT_LEVEL_REQUEST;
    return DETECT_LEVEL_METADATA;
}
