/* SPDX-License-Identifier: Apache-2.0 */
/* An event is stored and sent on with its secrets taken out. Rules have been run over the real values by then. Each value is judged by its place alone
 * (is_taken_out), so that the text of the event and the evidence that quotes a value of it agree. */
#include "internal.h"

enum {
    TEXTS_IN_TEXTS = 4, /* JSON in a string of JSON in a string ...: what is deeper is looked at as text */
    NODES_OF_A_TEXT = 50000, /* about 6 MB, given back after each text; what has more is looked at as text */
    SMALL_TREE_BYTES = 4096,
    MOST_SIBLINGS = 64  /* in a larger object a `value` is secret without a look at what else is there: for each of many values it would cost the square */
};

static bool is_scalar(const struct json_node *node)
{
    return node->type == JSON_STRING || node->type == JSON_NUMBER;
}

/* --- operations of a JSON patch (RFC 6902) --------------------------------------------------------------------------------------------------------- */

/* What an operation writes to. */
enum target { TARGET_OTHER, TARGET_SECRET, TARGET_ENV, TARGET_DATA };

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

static enum target target_of(struct slice path)
{
    enum target target = TARGET_OTHER;
    struct slice last_name = {NULL, 0};

    while (path.length) {
        ptrdiff_t slash = slice_find_byte(path, '/');
        struct slice token = slash < 0 ? path : slice_first(path, (size_t)slash);
        path = slash < 0 ? (struct slice){NULL, 0} : slice_from(path, (size_t)slash + 1);
        if (redact_is_data_name(token))
            return TARGET_DATA;
        if (slice_equal_ascii_nocase(token, SLICE("env")))
            target = TARGET_ENV;
        if (token.length && !is_index(token))
            last_name = last_name_of(token);
    }
    if (slice_equal_ascii_nocase(last_name, SLICE("name")))
        return TARGET_OTHER; /* of a variable */
    return target == TARGET_OTHER && redact_is_secret_name(last_name) ? TARGET_SECRET : target;
}

/* Of a name that stands twice each counts. An operation whose path was cut off may write to anything. */
static enum target target_of_operation(const struct json_node *operation)
{
    enum target target = TARGET_OTHER;
    bool has_op = false, has_path = false;

    if (operation->count > MOST_SIBLINGS)
        return TARGET_DATA;
    for (const struct json_node *member = operation->first; member; member = member->next) {
        has_op = has_op || slice_equal_ascii_nocase(member->key, SLICE("op"));
        if (!slice_equal_ascii_nocase(member->key, SLICE("path")) || member->type != JSON_STRING)
            continue;
        enum target one = target_of(member->text);
        has_path = has_path || !member->incomplete;
        target = one > target ? one : target;
    }
    if (has_op && !has_path)
        return TARGET_DATA;
    return has_op ? target : TARGET_OTHER;
}

/* The node is what an operation writes; to where. */
static enum target target_of_value(const struct json_node *node)
{
    const struct json_node *operation = node->parent;
    if (!operation || operation->type != JSON_OBJECT || !redact_is_value_name(node->key))
        return TARGET_OTHER;
    return target_of_operation(operation);
}

/* --- a value's place --------------------------------------------------------------------------------------------------------------------------------- */

static bool is_env_list(const struct json_node *node)
{
    return node && (redact_is_env_name(node->key) || target_of_value(node) == TARGET_ENV);
}

/* {"name": ..., "value": ...} in a list of variables, or by itself as what a patch adds to one. */
static bool is_env_value(const struct json_node *node)
{
    const struct json_node *variable = node->parent;

    if (!variable || variable->type != JSON_OBJECT || !redact_is_value_name(node->key))
        return false;
    return is_env_list(variable->type == JSON_OBJECT && variable->parent && variable->parent->type == JSON_ARRAY ? variable->parent : variable);
}

/* {"name": "Authorization", "value": ...}: a header of a probe, a parameter; `key` is such a name in labels. And {"password": {"value": ...}}. */
static bool is_named_secret(const struct json_node *node)
{
    const struct json_node *pair = node->parent;

    if (!pair || pair->type != JSON_OBJECT || pair->count > MOST_SIBLINGS || !redact_is_value_name(node->key))
        return false;
    if (pair->key.length && redact_is_secret_name(pair->key))
        return true;
    for (const struct json_node *member = pair->first; member; member = member->next) {
        bool names = slice_equal_ascii_nocase(member->key, SLICE("name")) || slice_equal_ascii_nocase(member->key, SLICE("key"));
        if (names && member->type == JSON_STRING && redact_is_secret_name(member->text))
            return true;
    }
    return false;
}

/* Of {"env": {"NAME": "value"}}. */
static bool is_env_member(const struct json_node *node)
{
    return is_scalar(node) && node->parent && node->parent->type == JSON_OBJECT && redact_is_env_name(node->parent->key);
}

/* A list of plain values, such as "passwords": ["a", "b"]. An object under such a name mostly tells where the secret lies: it is looked into. */
static bool is_plain_list(const struct json_node *node)
{
    if (node->type != JSON_ARRAY)
        return false;
    for (const struct json_node *item = node->first; item; item = item->next)
        if (item->type == JSON_OBJECT || item->type == JSON_ARRAY)
            return false;
    return true;
}

static bool is_secret_by_name(const struct json_node *node)
{
    return node->key.length && (is_scalar(node) || is_plain_list(node)) && redact_is_secret_name(node->key);
}

static bool is_data(const struct json_node *node)
{
    return node->key.length && (node->type == JSON_OBJECT || node->type == JSON_STRING || is_plain_list(node)) && redact_is_data_name(node->key);
}

/* "--password", "hunter2" in the words of a command. */
static bool is_option_of_secret(const struct json_node *word)
{
    return word->type == JSON_STRING && slice_starts_with(word->text, SLICE("-")) && slice_find_byte(word->text, '=') < 0 &&
           redact_is_secret_name(word->text);
}

static bool follows_option(const struct json_node *node)
{
    const struct json_node *before = NULL;

    if (!node->parent || node->parent->type != JSON_ARRAY || node->type != JSON_STRING || redact_is_reference(node->text))
        return false;
    for (const struct json_node *word = node->parent->first; word && word != node; word = word->next)
        before = word;
    return before && is_option_of_secret(before);
}

/* A refusal may quote the object that it refuses, in its message and in those of its causes. */
static bool is_quoting_message(const struct json_node *node)
{
    enum { LONG_ENOUGH_TO_QUOTE = 2048 };
    const struct json_node *top = node, *answer = NULL;

    if (node->type != JSON_STRING || !slice_is(node->key, "message"))
        return false;
    for (; top->parent; top = top->parent)
        if (slice_is(top->key, "responseStatus") || slice_is(top->key, "responseObject") || slice_is(top->key, "status") || slice_is(top->key, "response"))
            answer = top;
    if (!answer)
        return false;
    struct slice resource = json_string(json_at(top, "objectRef", "resource", NULL)), name = json_string(json_at(top, "protoPayload", "resourceName", NULL));
    return node->text.length > LONG_ENOUGH_TO_QUOTE || slice_is(resource, "secrets") || slice_is(resource, "configmaps") ||
           slice_find(name, SLICE("/secrets")) >= 0 || slice_find(name, SLICE("/configmaps")) >= 0;
}

/* But for follows_option, which the walk finds by itself: looked for from each word it would cost the square of their number. */
static bool is_taken_out(const struct json_node *node)
{
    enum target target = target_of_value(node);

    if (target == TARGET_DATA || (target != TARGET_OTHER && (is_scalar(node) || is_plain_list(node))))
        return true;
    return is_data(node) || is_env_value(node) || is_env_member(node) || is_named_secret(node) || is_secret_by_name(node) || is_quoting_message(node);
}

bool redact_covers(const struct json_node *node)
{
    if (node && follows_option(node))
        return true;
    for (; node; node = node->parent)
        if (is_taken_out(node))
            return true;
    return false;
}

/* --- taking out -------------------------------------------------------------------------------------------------------------------------------------- */

struct walk {
    struct arena *arena;
    unsigned int depth; /* texts in texts */
    bool changed;
};

static void take_out(struct walk *walk, struct json_node *node)
{
    if (!is_scalar(node) || redact_is_stand_in(node->text))
        return;
    node->type = JSON_STRING;
    node->text = redact_stand_in(walk->arena, node->text);
    walk->changed = true;
}

static void take_out_all(struct walk *walk, struct json_node *top)
{
    for (struct json_node *node = top; node; node = json_next(node, top, false))
        take_out(walk, node);
}

static void take_out_after_options(struct walk *walk, struct json_node *words)
{
    bool is_value = false;

    for (struct json_node *word = words->first; word; word = word->next) {
        bool names_the_next = !is_value && is_option_of_secret(word);
        if (is_value && word->type == JSON_STRING && !redact_is_reference(word->text))
            take_out(walk, word);
        is_value = names_the_next;
    }
}

static bool redact_tree(struct arena *arena, struct json_node *top, unsigned int depth);

static bool looks_like_json(struct slice text)
{
    text = slice_trim(text);
    return text.length > 1 && (text.bytes[0] == '{' || text.bytes[0] == '[');
}

/* A string that is JSON itself: a patch that an admission webhook notes, a manifest in an annotation. False: it is not, or not whole. It is written
 * anew only if there was a secret in it. */
static bool redact_json_text(struct walk *walk, struct json_node *node)
{
    struct json_limits limits = json_default_limits;
    struct arena *arena = arena_new(SMALL_TREE_BYTES);
    struct json_node *tree = NULL;
    struct buffer text = {NULL, 0, 0};

    limits.nodes = NODES_OF_A_TEXT;
    bool is_json = json_tree_parse(arena, node->text, &limits, &tree, NULL) == RESULT_OK;
    if (is_json && redact_tree(arena, tree, walk->depth + 1)) {
        struct json_writer *writer = json_writer_new(&text, false);
        json_write_node(writer, tree);
        json_writer_free(writer);
        node->text = arena_copy(walk->arena, buffer_slice(&text));
        walk->changed = true;
    }
    buffer_free(&text);
    arena_free(arena);
    return is_json;
}

static void redact_string(struct walk *walk, struct json_node *node)
{
    struct buffer text = {NULL, 0, 0};
    bool is_json = looks_like_json(node->text);

    if (is_json && walk->depth < TEXTS_IN_TEXTS && redact_json_text(walk, node))
        return;
    if (redact_scan(node->text, is_json, &text)) {
        node->text = arena_copy(walk->arena, buffer_slice(&text));
        walk->changed = true;
    }
    buffer_free(&text);
}

/* A name is no secret by its place, but an address with a password may stand for one: {"auths": {"https://name:password@registry": ...}}. */
static void redact_key(struct walk *walk, struct json_node *node)
{
    enum { SHORTEST = 16 };
    struct buffer text = {NULL, 0, 0};

    if (node->key.length >= SHORTEST && redact_scan(node->key, false, &text)) {
        node->key = arena_copy(walk->arena, buffer_slice(&text));
        walk->changed = true;
    }
    buffer_free(&text);
}

static bool redact_tree(struct arena *arena, struct json_node *top, unsigned int depth)
{
    struct walk walk = {.arena = arena, .depth = depth};

    for (struct json_node *node = top; node;) {
        bool whole = is_taken_out(node);
        if (whole)
            take_out_all(&walk, node);
        else if (node->type == JSON_STRING)
            redact_string(&walk, node);
        else if (node->type == JSON_ARRAY)
            take_out_after_options(&walk, node);
        redact_key(&walk, node);
        node = json_next(node, top, whole);
    }
    return walk.changed;
}

/* As a string of a tree: it may be JSON too. */
struct slice redact_text(struct arena *arena, struct slice text)
{
    struct walk walk = {.arena = arena};
    struct json_node node = {.type = JSON_STRING, .text = text};

    redact_string(&walk, &node);
    return node.text;
}

void redact_event(struct arena *arena, struct json_node *event)
{
    if (event)
        redact_tree(arena, event, 0);
}
