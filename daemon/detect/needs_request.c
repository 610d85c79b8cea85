/* SPDX-License-Identifier: Apache-2.0 */
/* A kind of request: what is the same for all of its requests, and what is not. */
#include "needs.h"

/* --- telling requests apart --------------------------------------------------------------------------------------------------------- */

enum { MOST_NAMESPACES = 16 };

static bool is_resource_path(const struct udm_path *path)
{
    return slice_is(path->text, LABEL("resource")) || slice_is(path->text, "target.resource.resource_subtype");
}

static bool is_namespace_path(const struct udm_path *path)
{
    return slice_is(path->text, LABEL("namespace")) || slice_is(path->text, "additional.fields[\"namespace\"]") ||
           slice_is(path->text, "additional.fields.fields[\"namespace\"]");
}

static bool is_group_path(const struct udm_path *path)
{
    return slice_is(path->text, LABEL("api_group"));
}

static const struct udm_k8s_resource *find_resource(const struct detect_needs *needs, struct slice group, struct slice name)
{
    for (size_t i = 0; i < needs->resources.count; i++)
        if (slice_is(group, needs->resources.items[i].group) && slice_is(name, needs->resources.items[i].name))
            return &needs->resources.items[i];
    return NULL;
}

static bool group_is_known(const struct detect_needs *needs, struct slice group)
{
    for (size_t i = 0; i < needs->resources.count; i++)
        if (slice_is(group, needs->resources.items[i].group))
            return true;
    return false;
}

static bool namespace_is_known(const struct detect_needs *needs, struct slice namespace)
{
    for (size_t i = 0; i < needs->namespaces.count; i++)
        if (slice_equal(needs->namespaces.items[i], namespace))
            return true;
    return false;
}

typedef VECTOR(struct slice) slices;

/* Constants that the node compares the wanted paths with. */
static void find_constants(const struct detect_plan *plan, const struct node *node, bool (*wanted)(const struct udm_path *),
                           slices *constants)
{
    const struct udm_path *path;
    struct slice constant;

    if (node->kind == NODE_PREDICATE && needs_equality(plan->predicates.items[node->predicate], &path, &constant) && wanted(path))
        VECTOR_PUSH(constants, constant);
    for (size_t i = 0; i < node->operand_count; i++)
        find_constants(plan, node->operands[i], wanted, constants);
}

/* A name as a policy may have it: part of a DNS name (RFC 1123). */
static bool is_dns_name(struct slice name)
{
    for (size_t i = 0; i < name.length; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789.-", name.bytes[i]))
            return false;
    return name.length > 0 && name.length < 254;
}

static void add_custom_resources(struct detect_needs *needs, const slices *groups, const slices *names)
{
    for (size_t g = 0; g < groups->count; g++)
        for (size_t n = 0; n < names->count; n++) {
            struct slice group = groups->items[g], name = names->items[n];
            if (find_resource(needs, group, name) || !is_dns_name(group) || !is_dns_name(name))
                continue;
            struct udm_k8s_resource *added = VECTOR_ADD(&needs->resources);
            added->group = arena_strdup(needs->arena, group);
            added->name = arena_strdup(needs->arena, name);
            added->is_namespaced = added->has_pod_spec = true; /* it may be */
        }
}

void needs_partition(struct detect_needs *needs)
{
    const struct udm_k8s_resource *known;

    for (size_t i = 0; (known = udm_k8s_resource_at(i)); i++)
        VECTOR_PUSH(&needs->resources, *known);
    for (size_t r = 0; r < needs->plan->rule_count; r++) {
        const struct rule_plan *rule = &needs->plan->rules[r];
        slices groups = {0}, names = {0}, namespaces = {0};
        for (size_t i = 0; i < rule->event_count; i++) {
            find_constants(needs->plan, rule->events[i], is_group_path, &groups);
            find_constants(needs->plan, rule->events[i], is_resource_path, &names);
            find_constants(needs->plan, rule->events[i], is_namespace_path, &namespaces);
        }
        add_custom_resources(needs, &groups, &names);
        for (size_t i = 0; i < namespaces.count && needs->namespaces.count < MOST_NAMESPACES; i++)
            if (!namespace_is_known(needs, namespaces.items[i]) && is_dns_name(namespaces.items[i]))
                VECTOR_PUSH(&needs->namespaces, namespaces.items[i]);
        VECTOR_FREE(&groups);
        VECTOR_FREE(&names);
        VECTOR_FREE(&namespaces);
    }
}

/* A verb, or a method, that requests of an unusual verb do not have. */
static bool is_usual(const struct detect_request *request, struct slice word)
{
    static const char *const words[] = {"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection",
                                        "GET", "POST", "PUT",   "PATCH",  "DELETE"};
    static const char *const of_paths[] = {"post", "put", "head", "options", "HEAD", "OPTIONS"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (slice_is(word, words[i]))
            return true;
    for (size_t i = 0; i < sizeof of_paths / sizeof *of_paths && !request->is_resource; i++)
        if (slice_is(word, of_paths[i]))
            return true;
    return false;
}

bool needs_excludes(const struct detect_needs *needs, const struct udm_path *path, struct slice constant)
{
    const struct detect_request *request = &needs->request;

    if (slice_is(path->text, "network.http.method") || slice_is(path->text, LABEL("verb")))
        return !request->verb.length && is_usual(request, constant);
    /* later stages have a code, and an object if there is one */
    if (slice_is(path->text, LABEL("code")))
        return !constant.length;
    if (slice_is(path->text, LABEL("object_state")))
        return slice_is(constant, "stage");
    if (is_namespace_path(path))
        return request->is_resource && !request->namespace && namespace_is_known(needs, constant);
    if (request->resource || !request->is_resource)
        return false;
    if (is_resource_path(path))
        return request->group.bytes && find_resource(needs, request->group, constant);
    return is_group_path(path) && !request->group.bytes && group_is_known(needs, constant);
}

/* --- the record that stands for all ----------------------------------------------------------------------------------------------------- */

static bool is_any_subresource(const struct detect_request *request)
{
    return slice_is(request->subresource, "*");
}

bool needs_has_object(const struct detect_request *request)
{
    static const char *const writers[] = {"create", "update", "patch", "delete", "deletecollection"};

    for (size_t i = 0; i < sizeof writers / sizeof *writers; i++)
        if (slice_is(request->verb, writers[i]))
            return request->is_resource && !udm_k8s_subresource_connects(request->subresource);
    return false;
}

/* The namespace is the same for all: the one that is given, or none. A namespace itself is its own. */
static bool is_cluster_wide(const struct detect_request *request)
{
    return request->resource && !request->resource->is_namespaced && strcmp(request->resource->name, "namespaces") != 0;
}

static void put_object_ref(struct json_writer *writer, const struct detect_request *request)
{
    struct slice group = request->resource ? slice_of(request->resource->group) : request->group;

    json_key(writer, "objectRef");
    json_begin_object(writer);
    json_put_text(writer, "resource", request->resource ? request->resource->name : "*");
    if (group.length)
        json_put_string(writer, "apiGroup", group);
    if (request->namespace && !is_cluster_wide(request))
        json_put_string(writer, "namespace", *request->namespace);
    if (request->subresource.length)
        json_put_string(writer, "subresource", request->subresource);
    json_end_object(writer);
}

static void put_event(struct json_writer *writer, const struct detect_request *request, enum needs_stage stage)
{
    static const char *const names[] = {"RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"};

    json_begin_object(writer);
    json_put_text(writer, "level", "RequestResponse");
    json_put_text(writer, "stage", names[stage]);
    json_put_text(writer, "requestURI", "/");
    json_put_string(writer, "verb", request->verb);
    if (request->is_resource)
        put_object_ref(writer, request);
    for (size_t i = 0; i < 2 && stage != NEEDS_REQUEST_RECEIVED && needs_has_object(request); i++) {
        json_key(writer, i ? "responseObject" : "requestObject");
        json_begin_object(writer);
        json_end_object(writer);
    }
    json_end_object(writer);
}

static bool is_in_hand(const struct detect_request *a, const struct detect_request *b)
{
    return slice_equal(a->verb, b->verb) && a->is_resource == b->is_resource && a->resource == b->resource &&
           slice_equal(a->group, b->group) && !a->group.bytes == !b->group.bytes && slice_equal(a->subresource, b->subresource) &&
           a->namespace == b->namespace;
}

void needs_take(struct detect_needs *needs, const struct detect_request *request)
{
    if (is_in_hand(&needs->request, request))
        return;
    needs->request = *request;
    for (size_t i = 0; i < NEEDS_STAGE_COUNT; i++)
        needs->events[i].is_made = false;
}

static void make_record(struct needs_event *event, const struct detect_request *request, enum needs_stage stage)
{
    static const struct udm_source source = {.log_type = {"K8S_AUDIT", sizeof "K8S_AUDIT" - 1}};
    static const struct udm_cut nothing_cut = {0};
    struct buffer text = {NULL, 0, 0};
    struct json_writer *writer = json_writer_new(&text, false);
    struct json_node *tree;

    put_event(writer, request, stage);
    json_writer_free(writer);
    arena_reset(event->arena);
    json_tree_parse(event->arena, arena_copy(event->arena, buffer_slice(&text)), &json_default_limits, &tree, NULL);
    buffer_free(&text);
    udm_record_init(&event->record, event->arena, UDM_KNOWN);
    udm_k8s_record(&event->record, &source, tree, &nothing_cut);
    event->is_made = true;
}

void needs_look_at(struct detect_needs *needs, enum needs_stage stage)
{
    struct needs_event *event = &needs->events[stage];

    if (!event->is_made)
        make_record(event, &needs->request, stage);
    needs->stage = stage;
    detect_begin(needs->engine);
    needs->engine->record = &event->record;
    needs->engine->now = 0;
    needs->engine->doubt_truth = TRUTH_TRUE;
}

/* --- fields ------------------------------------------------------------------------------------------------------------------------- */

static bool is_one_of(struct slice text, const char *const *texts)
{
    for (; *texts; texts++)
        if (slice_is(text, *texts))
            return true;
    return false;
}

/* A label of the request's object that none of these requests can have. */
static bool cannot_have(const struct detect_request *request, const struct udm_path *path)
{
    if (path->has_key && slice_is(path->key, "kind"))
        return !request->is_resource; /* the answer's counts, also where something is read */
    if (!needs_has_object(request))
        return true;
    if (!path->has_key || !udm_k8s_label_is_of_pod_spec(path->key))
        return false;
    if (slice_is(request->verb, "delete") || slice_is(request->verb, "deletecollection"))
        return true;
    return !udm_k8s_subresource_has_pod_spec(request->subresource) || (request->resource && !request->resource->has_pod_spec);
}

static bool is_fixed_resource(const struct detect_request *request, struct slice text)
{
    static const char *const group[] = {LABEL("api_group"), NULL};
    static const char *const names[] = {LABEL("resource"), "target.resource.resource_subtype", "target.resource.resource_type", NULL};
    static const char *const subresource[] = {LABEL("subresource"), NULL};
    static const char *const event_type[] = {"metadata.event_type", NULL};

    if (!request->is_resource)
        return is_one_of(text, group) || is_one_of(text, names) || is_one_of(text, subresource);
    if (is_one_of(text, group))
        return request->resource || request->group.bytes;
    if (is_one_of(text, names))
        return request->resource != NULL;
    if (is_one_of(text, subresource))
        return !is_any_subresource(request);
    return is_one_of(text, event_type) && request->resource && !is_any_subresource(request) && request->verb.length;
}

enum needs_fate needs_fate_of(const struct detect_needs *needs, const struct udm_path *path)
{
    static const char *const always[] = {"metadata.log_type",    "metadata.vendor_name", "metadata.product_name",
                                         "metadata.description", LABEL("stage"),         NULL};
    static const char *const by_verb[] = {"network.http.method", LABEL("verb"), NULL};
    static const char *const of_the_answer[] = {"network.http.response_code",
                                                LABEL("code"),
                                                LABEL("response_status"),
                                                LABEL("response_reason"),
                                                LABEL("decision"),
                                                LABEL("reason"),
                                                LABEL("truncated"),
                                                LABEL("object_state"),
                                                LABEL("impersonated"),
                                                LABEL("mutated_by"),
                                                LABEL("deprecated"),
                                                LABEL("pod_security_violation"),
                                                LABEL("pod_security_policy"),
                                                NULL};
    const struct detect_request *request = &needs->request;
    bool received = needs->stage == NEEDS_REQUEST_RECEIVED;

    if (path->origin == UDM_ORIGIN_URL)
        return NEEDS_URL;
    if (is_one_of(path->text, always) || (request->verb.length && is_one_of(path->text, by_verb)) || is_fixed_resource(request, path->text))
        return NEEDS_FIXED;
    if (is_namespace_path(path))
        return !request->is_resource || request->namespace || is_cluster_wide(request) ? NEEDS_FIXED : NEEDS_FREE;
    if (path->origin == UDM_ORIGIN_REQUEST_OBJECT)
        return received || cannot_have(request, path) ? NEEDS_FIXED : NEEDS_FREE;
    if (slice_is(path->text, LABEL("object_state")) && !needs_has_object(request))
        return NEEDS_FIXED;
    if (received && (path->origin == UDM_ORIGIN_RESPONSE_OBJECT || is_one_of(path->text, of_the_answer)))
        return NEEDS_FIXED;
    return NEEDS_FREE;
}

/* --- target.url --------------------------------------------------------------------------------------------------------------------- */

enum { MOST_PARTS = 24 };

/* The parts of a path, as they are put together. */
struct outline {
    struct regex_outline parts[MOST_PARTS];
    size_t count;
};

static void add_part(struct outline *outline, enum regex_outline_kind kind, struct slice text)
{
    outline->parts[outline->count++] = (struct regex_outline){kind, text};
}

static void add_text(struct outline *outline, const char *text)
{
    add_part(outline, REGEX_OUTLINE_TEXT, slice_of(text));
}

static void add_free(struct outline *outline, enum regex_outline_kind kind)
{
    add_part(outline, kind, SLICE(""));
}

/* /apis/GROUP/VERSION/ or /api/v1/, with watch/ behind it in requests of old. */
static void begin_path(struct outline *outline, const struct udm_k8s_resource *resource, bool watch)
{
    add_text(outline, "/");
    add_free(outline, REGEX_OUTLINE_SLASHES);
    add_text(outline, resource->group[0] ? "apis/" : "api/");
    if (resource->group[0]) {
        add_text(outline, resource->group);
        add_text(outline, "/");
    }
    add_free(outline, REGEX_OUTLINE_SEGMENT);
    add_text(outline, watch ? "/watch/" : "/");
}

/* What follows the resource: nothing, or the object's name, or that and a subresource. */
static void end_path(struct outline *outline, const struct detect_request *request, bool named)
{
    if (named || request->subresource.length) {
        add_text(outline, "/");
        add_free(outline, REGEX_OUTLINE_SEGMENT);
    }
    if (is_any_subresource(request)) {
        add_text(outline, "/");
        add_free(outline, REGEX_OUTLINE_ANYTHING);
    } else if (request->subresource.length) {
        add_text(outline, "/");
        add_part(outline, REGEX_OUTLINE_TEXT, request->subresource);
    }
}

/* The ways to write the path of a known resource: bit 0 watch, 1 within a namespace, 2 with a name, 3 something behind it. */
static bool known_path(struct outline *outline, const struct detect_request *request, unsigned int way)
{
    bool namespaced = way & 2, named = way & 4;

    if (namespaced ? is_cluster_wide(request) : request->namespace != NULL)
        return false;
    outline->count = 0;
    begin_path(outline, request->resource, way & 1);
    if (namespaced) {
        add_text(outline, "namespaces/");
        add_part(outline, request->namespace ? REGEX_OUTLINE_TEXT : REGEX_OUTLINE_SEGMENT,
                 request->namespace ? *request->namespace : SLICE(""));
        add_text(outline, "/");
    }
    add_text(outline, request->resource->name);
    end_path(outline, request, named);
    if (way & 8) {
        add_text(outline, "/");
        add_free(outline, request->subresource.length ? REGEX_OUTLINE_ANYTHING : REGEX_OUTLINE_SLASHES);
    }
    return true;
}

bool needs_url_may_match(const struct detect_needs *needs, const struct regex *regex)
{
    struct outline outline = {.count = 0};

    if (needs->request.is_resource && needs->request.resource) {
        for (unsigned int way = 0; way < 16; way++)
            if (known_path(&outline, &needs->request, way) && regex_may_match(regex, needs->matcher, outline.parts, outline.count))
                return true;
        return false;
    }
    add_text(&outline, "/");
    add_free(&outline, REGEX_OUTLINE_ANYTHING);
    return regex_may_match(regex, needs->matcher, outline.parts, outline.count);
}
