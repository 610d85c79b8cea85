/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include "schema_tables.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

struct name_number {
    const char *name;
    int32_t number;
};

/* --- verb and path -------------------------------------------------------------------------------------------------------- */

struct slice k8s_http_method(struct arena *arena, struct slice verb)
{
    static const struct {
        struct slice verb, method;
    } methods[] = {
        {{"get", 3}, {"GET", 3}},    {{"list", 4}, {"GET", 3}},    {{"watch", 5}, {"GET", 3}},     {{"create", 6}, {"POST", 4}},
        {{"update", 6}, {"PUT", 3}}, {{"patch", 5}, {"PATCH", 5}}, {{"delete", 6}, {"DELETE", 6}}, {{"deletecollection", 16}, {"DELETE", 6}},
    };

    for (size_t i = 0; i < COUNT(methods); i++) {
        if (slice_equal(verb, methods[i].verb))
            return methods[i].method;
    }
    char *text = arena_strdup(arena, verb);
    for (size_t i = 0; i < verb.length; i++) {
        if (text[i] >= 'a' && text[i] <= 'z')
            text[i] = (char)(text[i] - 'a' + 'A');
    }
    return slice_make(text, verb.length);
}

struct slice k8s_percent_decode(struct arena *arena, struct slice text, bool plus_is_blank)
{
    if (slice_find_byte(text, '%') < 0 && !(plus_is_blank && slice_find_byte(text, '+') >= 0))
        return text;
    char *decoded = arena_alloc(arena, text.length + 1);
    size_t length = 0;

    for (size_t i = 0; i < text.length; i++) {
        char byte = text.bytes[i];
        if (byte == '%' && i + 2 < text.length && slice_hex_digit(text.bytes[i + 1]) >= 0 && slice_hex_digit(text.bytes[i + 2]) >= 0) {
            byte = (char)(slice_hex_digit(text.bytes[i + 1]) * 16 + slice_hex_digit(text.bytes[i + 2]));
            i += 2;
        } else if (byte == '+' && plus_is_blank) {
            byte = ' ';
        }
        decoded[length++] = byte;
    }
    return slice_make(decoded, length);
}

bool k8s_percent_is_right(struct slice text)
{
    for (size_t i = 0; i < text.length; i++)
        if (text.bytes[i] == '%' && (i + 2 >= text.length || slice_hex_digit(text.bytes[i + 1]) < 0 || slice_hex_digit(text.bytes[i + 2]) < 0))
            return false;
    return true;
}

struct slice k8s_url_path(struct arena *arena, struct slice request_uri)
{
    ptrdiff_t question = slice_find_byte(request_uri, '?');
    return k8s_percent_decode(arena, question < 0 ? request_uri : slice_first(request_uri, (size_t)question), false);
}

bool k8s_verb_writes(struct slice verb)
{
    return slice_is(verb, "create") || slice_is(verb, "update") || slice_is(verb, "patch") || slice_is(verb, "delete") ||
           slice_is(verb, "deletecollection");
}

bool k8s_subresource_connects(struct slice subresource)
{
    return slice_is(subresource, "exec") || slice_is(subresource, "attach") || slice_is(subresource, "portforward") ||
           slice_is(subresource, "proxy");
}

bool k8s_request_writes(const struct k8s_request *request)
{
    return k8s_verb_writes(request->verb) && !k8s_subresource_connects(request->subresource);
}

/* --- types ---------------------------------------------------------------------------------------------------------------- */

#define RESOURCE(type) UDM_VALUE_Resource_ResourceType_##type
#define EVENT(type) UDM_VALUE_Metadata_EventType_##type

int32_t k8s_resource_type(struct slice resource)
{
    static const struct name_number types[] = {
        {"pods", RESOURCE(POD)},
        {"jobs", RESOURCE(TASK)},
        {"cronjobs", RESOURCE(TASK)},
        {"serviceaccounts", RESOURCE(SERVICE_ACCOUNT)},
        {"secrets", RESOURCE(CREDENTIAL)},
        {"roles", RESOURCE(ACCESS_POLICY)},
        {"clusterroles", RESOURCE(ACCESS_POLICY)},
        {"rolebindings", RESOURCE(ACCESS_POLICY)},
        {"clusterrolebindings", RESOURCE(ACCESS_POLICY)},
        {"networkpolicies", RESOURCE(FIREWALL_RULE)},
        {"persistentvolumes", RESOURCE(VOLUME)},
        {"persistentvolumeclaims", RESOURCE(VOLUME)},
        {"namespaces", RESOURCE(CLUSTER)},
        {"nodes", RESOURCE(CLUSTER)},
    };

    for (size_t i = 0; i < COUNT(types); i++) {
        if (slice_is(resource, types[i].name))
            return types[i].number;
    }
    return RESOURCE(UNSPECIFIED);
}

int32_t k8s_event_type(const struct k8s_request *request)
{
    static const struct name_number by_verb[] = {
        {"create", EVENT(RESOURCE_CREATION)},
        {"update", EVENT(RESOURCE_WRITTEN)},
        {"patch", EVENT(RESOURCE_WRITTEN)},
        {"delete", EVENT(RESOURCE_DELETION)},
        {"deletecollection", EVENT(RESOURCE_DELETION)},
        {"get", EVENT(RESOURCE_READ)},
        {"list", EVENT(RESOURCE_READ)},
        {"watch", EVENT(RESOURCE_READ)},
    };

    if (k8s_subresource_connects(request->subresource))
        return EVENT(USER_RESOURCE_ACCESS);
    if (slice_is(request->api_group, "rbac.authorization.k8s.io") && k8s_verb_writes(request->verb))
        return EVENT(RESOURCE_PERMISSIONS_CHANGE);
    if (slice_is(request->resource, "serviceaccounts") && slice_is(request->verb, "create") && !request->subresource.length)
        return EVENT(USER_CREATION);
    for (size_t i = 0; i < COUNT(by_verb); i++) {
        if (slice_is(request->verb, by_verb[i].name))
            return by_verb[i].number;
    }
    return EVENT(GENERIC_EVENT);
}

bool k8s_is_custom_group(struct slice api_group)
{
    return slice_find_byte(api_group, '.') >= 0 && !slice_ends_with(api_group, SLICE(".k8s.io"));
}

/* a.b.c as c.b.a */
static void append_backwards(struct buffer *text, struct slice dotted)
{
    ptrdiff_t dot;

    while ((dot = slice_find_last_byte(dotted, '.')) >= 0) {
        buffer_append_slice(text, slice_from(dotted, (size_t)dot + 1));
        buffer_append_byte(text, '.');
        dotted = slice_first(dotted, (size_t)dot);
    }
    buffer_append_slice(text, dotted);
}

static void append_group(struct buffer *text, struct slice group)
{
    static const struct slice suffix = {".k8s.io", sizeof ".k8s.io" - 1};

    if (!k8s_is_custom_group(group)) {
        buffer_append_text(text, "io.k8s.");
        if (slice_ends_with(group, suffix))
            group = slice_first(group, group.length - suffix.length);
    }
    append_backwards(text, group.length ? group : SLICE("core"));
}

struct slice k8s_method_name(struct arena *arena, const struct k8s_request *request)
{
    struct buffer text = {0};

    if (request->resource.length) {
        const struct slice parts[] = {request->api_version, request->resource, request->subresource};
        append_group(&text, request->api_group);
        for (size_t i = 0; i < COUNT(parts); i++) {
            if (parts[i].length) {
                buffer_append_byte(&text, '.');
                buffer_append_slice(&text, parts[i]);
            }
        }
    } else {
        buffer_append_text(&text, "io.k8s");
    }
    buffer_append_byte(&text, '.');
    buffer_append_slice(&text, request->verb);
    struct slice copy = arena_copy(arena, buffer_slice(&text));
    buffer_free(&text);
    return copy;
}

/* --- users ---------------------------------------------------------------------------------------------------------------- */

bool k8s_service_account(struct slice username, struct slice *namespace, struct slice *name)
{
    static const struct slice prefix = {"system:serviceaccount:", sizeof "system:serviceaccount:" - 1};

    if (!slice_starts_with(username, prefix))
        return false;
    struct slice rest = slice_from(username, prefix.length);
    ptrdiff_t colon = slice_find_byte(rest, ':');
    if (colon < 0)
        return false;
    *namespace = slice_first(rest, (size_t)colon);
    *name = slice_from(rest, (size_t)colon + 1);
    return true;
}

struct slice k8s_user_kind(struct slice username)
{
    struct slice namespace, name;

    if (!username.length || slice_is(username, "system:anonymous"))
        return SLICE("anonymous");
    if (k8s_service_account(username, &namespace, &name))
        return SLICE("serviceaccount");
    if (slice_starts_with(username, SLICE("system:node:")))
        return SLICE("node");
    return slice_starts_with(username, SLICE("system:")) ? SLICE("system") : SLICE("user");
}
