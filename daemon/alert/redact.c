/* SPDX-License-Identifier: Apache-2.0 */
/* An event is stored and sent on with its secrets taken out. Rules have been run over the real values by then. When in doubt a value is
 * taken out: a lost word of context is a nuisance, a leaked password in a chat channel is an incident. */
#include "harrier/alert.h"

static bool name_is(const struct json_node *node, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (slice_is(node->key, names[i]))
            return true;
    return false;
}
#define NAME_IS(node, names) name_is((node), (names), sizeof(names) / sizeof(names)[0])

/* Members whose string is a secret wherever they stand. */
static const char *const secret_names[] = {"token",        "password",     "passwd",       "bearerToken",   "clientSecret", "client_secret",
                                           "access_token", "accessToken",  "refreshToken", "refresh_token", "apiKey",       "api_key",
                                           "secretKey",    "secret_key",   "privateKey",   "private_key",   "caBundle",
                                           "kubectl.kubernetes.io/last-applied-configuration"};
/* Maps whose values are secrets or may hold some: Secret and ConfigMap. */
static const char *const data_names[] = {"data", "stringData", "binaryData"};

static void take_out(struct arena *arena, struct json_node *node)
{
    if (node->type == JSON_NUMBER)
        node->type = JSON_STRING;
    if (node->type == JSON_STRING)
        node->text = udm_redacted(arena, node->text);
}

static void take_out_all(struct arena *arena, struct json_node *top)
{
    for (struct json_node *node = top; node; node = json_next(node, top, false))
        take_out(arena, node);
}

/* Every member called `value` below top, and top itself where it is a plain value: for JSON-patch operations on env. */
static void take_out_values(struct arena *arena, struct json_node *top)
{
    if (!top->first) {
        take_out(arena, top);
        return;
    }
    for (struct json_node *node = top; node; node = json_next(node, top, false))
        if (slice_is(node->key, "value"))
            take_out(arena, node);
}

/* An operation {"op","path","value"} of a JSON patch: what it sets is judged by where it puts it. */
static void redact_operation(struct arena *arena, struct json_node *operation)
{
    struct slice path = json_string(json_last_member(operation, "path"));
    bool env = slice_find(path, SLICE("/env")) >= 0;
    bool data = slice_find(path, SLICE("/data")) >= 0 || slice_find(path, SLICE("/stringData")) >= 0 || slice_find(path, SLICE("/binaryData")) >= 0;
    bool annotation = slice_find(path, SLICE("last-applied-configuration")) >= 0;

    if (!env && !data && !annotation)
        return;
    for (struct json_node *member = operation->first; member; member = member->next) {
        if (!slice_is(member->key, "value"))
            continue;
        if (env)
            take_out_values(arena, member);
        else
            take_out_all(arena, member);
    }
}

/* {"name": ..., "value": ...} in an array called env. */
static bool is_env_value(const struct json_node *node)
{
    return slice_is(node->key, "value") && node->parent && node->parent->parent && node->parent->parent->type == JSON_ARRAY &&
           slice_is(node->parent->parent->key, "env");
}

static void redact_operations(struct arena *arena, struct json_node *array)
{
    for (struct json_node *operation = array->first; array->type == JSON_ARRAY && operation; operation = operation->next)
        if (operation->type == JSON_OBJECT)
            redact_operation(arena, operation);
}

static void redact_object(struct arena *arena, struct json_node *top)
{
    redact_operations(arena, top);
    for (struct json_node *node = top; node;) {
        bool whole = NAME_IS(node, data_names) && (node->type == JSON_OBJECT || node->type == JSON_STRING);
        if (whole)
            take_out_all(arena, node);
        else if (is_env_value(node))
            take_out_all(arena, node); /* a refused patch may have a list or an object there */
        else if (node->type == JSON_STRING && NAME_IS(node, secret_names))
            take_out(arena, node);
        node = json_next(node, top, whole);
    }
}

/* A refusal may quote the object that it refuses, in its message and in those of its causes. */
static void redact_messages(struct arena *arena, struct json_node *answer, bool is_of_data)
{
    enum { LONG_ENOUGH_TO_QUOTE = 2048 };

    for (struct json_node *node = answer; node; node = json_next(node, answer, false))
        if (slice_is(node->key, "message") && (is_of_data || node->text.length > LONG_ENOUGH_TO_QUOTE))
            take_out(arena, node);
}

/* protoPayload of a LogEntry of Cloud Logging. */
static void redact_payload(struct arena *arena, struct json_node *payload)
{
    struct slice name = json_string(json_last_member(payload, "resourceName"));
    bool is_of_data = slice_find(name, SLICE("/secrets")) >= 0 || slice_find(name, SLICE("/configmaps")) >= 0;

    for (struct json_node *member = payload->first; member; member = member->next) {
        if (slice_is(member->key, "request") || slice_is(member->key, "response")) {
            redact_object(arena, member);
            /* an array of operations stands in the member `value` */
            for (struct json_node *value = member->first; value; value = value->next)
                if (slice_is(value->key, "value"))
                    redact_operations(arena, value);
        }
        if (slice_is(member->key, "status") || slice_is(member->key, "response"))
            redact_messages(arena, member, is_of_data);
    }
}

void alert_redact_event(struct arena *arena, struct json_node *event)
{
    static const char *const objects[] = {"requestObject", "responseObject", "annotations", "labels"};
    struct slice resource = json_string(json_at(event, "objectRef", "resource", NULL));
    bool is_of_data = slice_is(resource, "secrets") || slice_is(resource, "configmaps");

    if (!event || event->type != JSON_OBJECT)
        return;
    for (struct json_node *member = event->first; member; member = member->next) {
        if (NAME_IS(member, objects))
            redact_object(arena, member);
        else if (slice_is(member->key, "protoPayload"))
            redact_payload(arena, member);
        if (slice_is(member->key, "responseStatus") || slice_is(member->key, "responseObject"))
            redact_messages(arena, member, is_of_data);
    }
}
