/* SPDX-License-Identifier: Apache-2.0 */
/* Which values of a tree are secret by where they stand. Each is judged by its place alone, so that the text of the event and the evidence that quotes a
 * value of it agree. */
#include "internal.h"

enum { MOST_SIBLINGS = 64 /* in a larger object a `value` is secret without a look at what else is there: for each of many values it would cost the square */ };

static bool is_scalar(const struct json_node *node)
{
    return node->type == JSON_STRING || node->type == JSON_NUMBER;
}

static bool is_object(const struct json_node *node)
{
    return node && node->type == JSON_OBJECT;
}

static bool is_called(const struct json_node *node, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (slice_equal_ascii_nocase(node->key, slice_of(names[i])))
            return true;
    return false;
}
#define IS_CALLED(node, names) is_called((node), (names), sizeof(names) / sizeof *(names))

/* --- operations of a JSON patch (RFC 6902) --------------------------------------------------------------------------------------------------------- */

/* A token of a JSON pointer (RFC 6901): ~1 is a slash, ~0 a tilde. Letters and digits decide, so only the slash's digit must go. */
static struct slice last_name_of(struct slice token)
{
    ptrdiff_t slash;
    while ((slash = slice_find(token, SLICE("~1"))) >= 0)
        token = slice_from(token, (size_t)slash + 2);
    return token;
}

static bool is_index(struct slice token)
{
    int64_t ignored;
    return slice_is(token, "-") || slice_to_int64(token, &ignored);
}

/* Of a pointer, or of a field's path as answers have it: spec.env[0].value. */
static struct slice next_token(struct slice *rest, bool is_pointer)
{
    size_t end = 0;

    while (end < rest->length && !(is_pointer ? rest->bytes[end] == '/' : rest->bytes[end] == '.' || rest->bytes[end] == '[' || rest->bytes[end] == ']'))
        end++;
    struct slice token = slice_first(*rest, end);
    *rest = slice_from(*rest, end + 1);
    return token;
}

enum redact_target redact_target_of(struct slice pointer)
{
    enum redact_target target = REDACT_TARGET_OTHER;
    struct slice last_name = {NULL, 0};
    bool is_pointer = slice_find_byte(pointer, '/') >= 0;

    while (pointer.length) {
        struct slice token = next_token(&pointer, is_pointer);
        if (!token.length || is_index(token))
            continue;
        last_name = last_name_of(token);
        if (redact_is_data_name(token))
            return REDACT_TARGET_DATA;
        if (redact_is_env_name(token))
            target = REDACT_TARGET_ENV;
        else if (target == REDACT_TARGET_OTHER && redact_is_secret_name(last_name))
            target = REDACT_TARGET_SECRET;
    }
    /* the name of a variable, of the Secret in a volume */
    return redact_is_place_name(last_name) && !redact_is_secret_name(last_name) ? REDACT_TARGET_OTHER : target;
}

/* Of a name that stands twice each counts. An operation whose path was cut off may write to anything. */
static enum redact_target target_of_operation(const struct json_node *operation)
{
    enum redact_target target = REDACT_TARGET_OTHER;
    bool has_op = false, has_path = false;

    if (operation->count > MOST_SIBLINGS)
        return REDACT_TARGET_DATA;
    for (const struct json_node *member = operation->first; member; member = member->next) {
        has_op = has_op || slice_equal_ascii_nocase(member->key, SLICE("op"));
        if (!slice_equal_ascii_nocase(member->key, SLICE("path")) || member->type != JSON_STRING)
            continue;
        enum redact_target one = redact_target_of(member->text);
        has_path = has_path || !member->incomplete;
        target = one > target ? one : target;
    }
    if (has_op && !has_path)
        return REDACT_TARGET_DATA;
    return has_op ? target : REDACT_TARGET_OTHER;
}

/* The node is what an operation writes; to where. */
static enum redact_target target_of_value(const struct json_node *node)
{
    if (!is_object(node->parent) || !redact_is_value_name(node->key))
        return REDACT_TARGET_OTHER;
    return target_of_operation(node->parent);
}

/* --- variables --------------------------------------------------------------------------------------------------------------------------------------- */

static bool is_assignment(const struct json_node *node)
{
    return node->type == JSON_STRING && slice_find_byte(node->text, '=') > 0;
}

/* {"name": "A", "value": "x"} or {"name": "A", "valueFrom": ...} in the place of {"A": "x"} */
static bool is_variable(const struct json_node *object)
{
    static const char *const values[] = {"value", "valueFrom"};

    for (const struct json_node *member = object->count <= MOST_SIBLINGS ? object->first : NULL; member; member = member->next)
        if (IS_CALLED(member, values))
            return true;
    return false;
}

/* The list or map of variables that the node is directly in; also what a patch adds, a list or one variable. */
static bool is_env_container(const struct json_node *node)
{
    return node && (node->type == JSON_ARRAY || node->type == JSON_OBJECT) && (redact_is_env_name(node->key) || target_of_value(node) == REDACT_TARGET_ENV);
}

static enum redact_part part_of_variable(const struct json_node *node)
{
    const struct json_node *container = node->parent;

    if (redact_is_env_name(node->key) && is_assignment(node))
        return REDACT_ASSIGNED;
    if (!is_env_container(container))
        return REDACT_NOTHING;
    if (container->type == JSON_ARRAY)
        return node->type == JSON_STRING ? (is_assignment(node) ? REDACT_ASSIGNED : REDACT_NOTHING) : REDACT_VARIABLES;
    if (!is_scalar(node))
        return REDACT_VARIABLES;
    return is_variable(container) && redact_is_place_name(node->key) ? REDACT_NOTHING : REDACT_ALL;
}

/* --- names --------------------------------------------------------------------------------------------------------------------------------------------- */

/* {"name": "Authorization", "value": ...}: a header of a probe, a parameter; `key` is such a name in labels. */
static bool is_named_secret(const struct json_node *node)
{
    static const char *const names[] = {"name", "key"};
    const struct json_node *pair = node->parent;

    if (!is_object(pair) || pair->count > MOST_SIBLINGS || !redact_is_value_name(node->key))
        return false;
    for (const struct json_node *member = pair->first; member; member = member->next)
        if (IS_CALLED(member, names) && member->type == JSON_STRING && redact_is_secret_name(member->text))
            return true;
    return false;
}

/* A list of plain values, such as "passwords": ["a", "b"]. */
static bool is_plain_list(const struct json_node *node)
{
    if (node->type != JSON_ARRAY)
        return false;
    for (const struct json_node *item = node->first; item; item = item->next)
        if (item->type == JSON_OBJECT || item->type == JSON_ARRAY)
            return false;
    return true;
}

/* An object under such a name mostly tells where the secret lies: that stays. */
static enum redact_part part_by_name(const struct json_node *node)
{
    if (!node->key.length || node->type == JSON_BOOL || node->type == JSON_NULL || !redact_is_secret_name(node->key))
        return REDACT_NOTHING;
    if (is_scalar(node))
        return redact_is_file_of_secret(node->key, node->text) ? REDACT_NOTHING : REDACT_ALL;
    return is_plain_list(node) ? REDACT_ALL : REDACT_BUT_PLACES;
}

static bool is_data(const struct json_node *node)
{
    return node->key.length && (node->type == JSON_OBJECT || node->type == JSON_STRING || is_plain_list(node)) && redact_is_data_name(node->key);
}

/* --- Secrets --------------------------------------------------------------------------------------------------------------------------------------------- */

static bool is_of_kind(const struct json_node *object, const char *kind)
{
    if (!is_object(object) || object->count > MOST_SIBLINGS)
        return false;
    for (const struct json_node *member = object->first; member; member = member->next)
        if (slice_equal_ascii_nocase(member->key, SLICE("kind")) && member->type == JSON_STRING && slice_equal_ascii_nocase(member->text, slice_of(kind)))
            return true;
    return false;
}

/* What an event asked for and was answered. */
static bool is_body(const struct json_node *node)
{
    static const char *const bodies[] = {"requestObject", "responseObject", "request", "response"};
    const struct json_node *above = node->parent;

    return above && IS_CALLED(node, bodies) && (!above->parent || slice_is(above->key, "protoPayload"));
}

/* Of an event about Secrets: a body, an item of its list, the object of a row, an operation of a patch. */
static bool is_of_secrets_body(const struct json_node *object)
{
    static const char *const steps[] = {"items", "rows", "object", "value"};
    static const char *const others[] = {"Status", "DeleteOptions", "Table"};
    enum { MOST_STEPS = 5 };
    const struct json_node *body = object;

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (is_of_kind(object, others[i]))
            return false;
    for (int i = 0; body && i < MOST_STEPS && !is_body(body); i++) {
        if (body->key.length && !IS_CALLED(body, steps))
            return false;
        body = body->parent;
    }
    return body && is_body(body);
}

static bool is_secret_object(const struct redact_setting *setting, const struct json_node *object)
{
    const struct json_node *list = object->parent;

    if (is_of_kind(object, "Secret"))
        return true;
    if (list && list->type == JSON_ARRAY && slice_equal_ascii_nocase(list->key, SLICE("items")) && is_of_kind(list->parent, "SecretList"))
        return true;
    return setting->is_of_secrets && is_of_secrets_body(object);
}

/* Such as kubernetes.io/service-account.name: whose token it is. */
static bool is_note_of_kubernetes(struct slice key)
{
    return slice_find(key, SLICE("kubernetes.io/")) >= 0 || slice_find(key, SLICE("k8s.io/")) >= 0;
}

/* A member of a Secret, whatever it is called; of the cells of a table of Secrets all. */
static bool is_of_secret(struct redact_setting *setting, const struct json_node *node)
{
    static const char *const kept[] = {"kind", "apiVersion", "type", "immutable", "name", "namespace", "key", "optional", "op", "path", "from", "@type",
                                       "apiGroup", "fieldPath", "uid", "resourceVersion", "controller", "blockOwnerDeletion"};
    static const char *const kept_containers[] = {"metadata", "items", "columnDefinitions", "rows", "object"};
    const struct json_node *object = node->parent;

    if (!object)
        return false;
    if (slice_is(node->key, "cells") && (setting->is_of_secrets || is_of_kind(json_member(object, "object"), "Secret")))
        return true;
    if (setting->is_of_secrets && is_scalar(node) && (is_body(node) || (object->type == JSON_ARRAY && is_body(object))))
        return true;
    if (slice_is(object->key, "annotations") && object->parent && slice_is(object->parent->key, "metadata"))
        return !is_note_of_kubernetes(node->key) && object->parent->parent && is_secret_object(setting, object->parent->parent);
    if (!is_object(object) || IS_CALLED(node, kept) || (!is_scalar(node) && IS_CALLED(node, kept_containers)))
        return false;
    if (setting->judged != object) {
        setting->judged = object;
        setting->is_secret = is_secret_object(setting, object);
    }
    return setting->is_secret;
}

/* --- messages --------------------------------------------------------------------------------------------------------------------------------------------- */

static bool is_answer(const struct json_node *node)
{
    static const char *const answers[] = {"responseStatus", "responseObject", "status", "response"};

    for (; node->parent; node = node->parent)
        if (IS_CALLED(node, answers))
            return true;
    return false;
}

/* Of a cause the field stands beside the message. */
static bool is_of_secret_field(const struct json_node *message)
{
    struct slice field = json_string(json_member(message->parent, "field"));
    return field.length && redact_target_of(field) != REDACT_TARGET_OTHER;
}

/* A refusal may quote the object that it refuses, in its message and in those of its causes. */
static bool is_quoting_message(const struct redact_setting *setting, const struct json_node *node)
{
    enum { LONG_ENOUGH_TO_QUOTE = 2048 };

    return node->type == JSON_STRING && slice_is(node->key, "message") &&
           (setting->may_quote || node->text.length > LONG_ENOUGH_TO_QUOTE || is_of_secret_field(node)) && is_answer(node);
}

struct redact_setting redact_setting_of(const struct json_node *top)
{
    while (top && top->parent)
        top = top->parent;
    struct slice resource = json_string(json_at(top, "objectRef", "resource", NULL)), name = json_string(json_at(top, "protoPayload", "resourceName", NULL));
    bool is_of_secrets = slice_equal_ascii_nocase(resource, SLICE("secrets")) || slice_find(name, SLICE("/secrets")) >= 0;
    return (struct redact_setting){
        .is_of_secrets = is_of_secrets,
        .may_quote = is_of_secrets || slice_is(resource, "configmaps") || slice_find(name, SLICE("/configmaps")) >= 0,
    };
}

/* But for the words of commands (redact_word), which the walk finds by itself: looked for from each word it would cost the square of their number. */
enum redact_part redact_part_of(struct redact_setting *setting, const struct json_node *node)
{
    enum redact_target target = target_of_value(node);

    if (target == REDACT_TARGET_DATA || is_of_secret(setting, node) || is_data(node))
        return REDACT_ALL;
    if (target == REDACT_TARGET_SECRET)
        return is_scalar(node) || is_plain_list(node) ? REDACT_ALL : REDACT_BUT_PLACES;
    if (target == REDACT_TARGET_ENV && is_scalar(node))
        return is_assignment(node) ? REDACT_ASSIGNED : REDACT_ALL;
    enum redact_part part = part_of_variable(node);
    if (part == REDACT_NOTHING)
        part = is_named_secret(node) || is_quoting_message(setting, node) ? REDACT_ALL : part_by_name(node);
    return part;
}

bool redact_is_place(const struct json_node *node)
{
    const struct json_node *named = node->key.length || !node->parent ? node : node->parent;
    return named->key.length && redact_is_place_name(named->key);
}

/* --- a value that is shown by itself ---------------------------------------------------------------------------------------------------------------------- */

static bool holds_more_than_places(const struct json_node *top)
{
    for (const struct json_node *node = top; node; node = json_next(node, top, false))
        if (is_scalar(node) && !redact_is_place(node))
            return true;
    return false;
}

static bool is_secret_word(const struct json_node *node)
{
    const struct json_node *previous = NULL;
    size_t ignored;

    if (!node->parent || node->parent->type != JSON_ARRAY)
        return false;
    for (const struct json_node *word = node->parent->first; word && word != node; word = word->next)
        previous = word;
    return redact_word(node, previous, &ignored);
}

bool redact_covers(const struct json_node *node)
{
    struct redact_setting setting = redact_setting_of(node);

    if (node && is_secret_word(node))
        return true;
    for (const struct json_node *above = node; above; above = above->parent) {
        enum redact_part part = redact_part_of(&setting, above);
        if (part == REDACT_ALL || part == REDACT_ASSIGNED)
            return true;
        if (part != REDACT_NOTHING && holds_more_than_places(node))
            return true;
    }
    return false;
}
