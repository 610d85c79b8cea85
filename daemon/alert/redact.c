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

/* Next node in the order of the document, below top; recursion could not bear what clients nest. */
static struct json_node *next_node(struct json_node *node, const struct json_node *top, bool skip_children)
{
    if (node->first && !skip_children)
        return node->first;
    while (node != top && !node->next)
        node = node->parent;
    return node == top ? NULL : node->next;
}

static void take_out_all(struct arena *arena, struct json_node *top)
{
    for (struct json_node *node = top; node; node = next_node(node, top, false))
        take_out(arena, node);
}

/* Every member called `value` below top, and top itself where it is a plain value: for JSON-patch operations on env. */
static void take_out_values(struct arena *arena, struct json_node *top)
{
    if (!top->first) {
        take_out(arena, top);
        return;
    }
    for (struct json_node *node = top; node; node = next_node(node, top, false))
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

static void redact_object(struct arena *arena, struct json_node *top)
{
    if (top->type == JSON_ARRAY)
        for (struct json_node *operation = top->first; operation; operation = operation->next)
            if (operation->type == JSON_OBJECT)
                redact_operation(arena, operation);
    for (struct json_node *node = top; node;) {
        bool whole = NAME_IS(node, data_names) && (node->type == JSON_OBJECT || node->type == JSON_STRING);
        if (whole)
            take_out_all(arena, node);
        else if (is_env_value(node))
            take_out_all(arena, node); /* a refused patch may have a list or an object there */
        else if (node->type == JSON_STRING && NAME_IS(node, secret_names))
            take_out(arena, node);
        node = next_node(node, top, whole);
    }
}

void alert_redact_event(struct arena *arena, struct json_node *event)
{
    if (!event || event->type != JSON_OBJECT)
        return;
    for (struct json_node *member = event->first; member; member = member->next) {
        if (slice_is(member->key, "requestObject") || slice_is(member->key, "responseObject"))
            redact_object(arena, member);
        else if (slice_is(member->key, "annotations"))
            redact_object(arena, member);
    }
    /* a refusal may quote the object that it refuses */
    struct json_node *message = json_at(event, "responseStatus", "message", NULL);
    struct slice resource = json_string(json_at(event, "objectRef", "resource", NULL));
    if (message && (slice_is(resource, "secrets") || slice_is(resource, "configmaps") || message->text.length > 2048))
        take_out(arena, message);
}
