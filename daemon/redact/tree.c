/* SPDX-License-Identifier: Apache-2.0 */
/* An event is stored and sent on with its secrets taken out. Rules have been run over the real values by then. What is one place.c says. */
#include "internal.h"

enum {
    TEXTS_IN_TEXTS = 4, /* JSON in a string of JSON in a string ...: what is deeper is looked at as text */
    NODES_OF_A_TEXT = 50000, /* about 6 MB, given back after each text; what has more is looked at as text */
    SMALL_TREE_BYTES = 4096,
};

struct walk {
    struct arena *arena;
    unsigned int depth; /* texts in texts */
    bool changed;
};

/* From begin to the end of the scalar's text. */
static void take_out_from(struct walk *walk, struct json_node *node, size_t begin)
{
    struct slice secret = slice_from(node->text, begin);

    if (redact_is_reference(secret, true))
        return;
    struct slice stand_in = redact_stand_in(walk->arena, secret);
    node->text = begin ? arena_printf(walk->arena, "%.*s[%.*s]", (int)begin, node->text.bytes, SLICE_ARGS(stand_in)) : stand_in;
    node->type = JSON_STRING;
    walk->changed = true;
}

static void redact_string(struct walk *walk, struct json_node *node);
static void redact_key(struct walk *walk, struct json_node *node);

static void take_out_scalar(struct walk *walk, struct json_node *node, enum redact_part part)
{
    if (node->type != JSON_STRING && node->type != JSON_NUMBER)
        return;
    if ((part == REDACT_BUT_PLACES || part == REDACT_VARIABLES) && redact_is_place(node)) {
        if (node->type == JSON_STRING)
            redact_string(walk, node); /* an address may have a password in it */
        return;
    }
    bool keeps_name = part == REDACT_ASSIGNED || (part == REDACT_VARIABLES && !node->key.length);
    take_out_from(walk, node, keeps_name ? (size_t)(slice_find_byte(node->text, '=') + 1) : 0);
}

static void take_out(struct walk *walk, struct json_node *top, enum redact_part part)
{
    for (struct json_node *node = top; node; node = json_next(node, top, false)) {
        take_out_scalar(walk, node, part);
        if (node != top)
            redact_key(walk, node);
    }
}

/* The next word is judged by what stood there before. */
static void take_out_words(struct walk *walk, struct json_node *words)
{
    struct json_node previous, *before = NULL;

    for (struct json_node *word = words->first; word; word = word->next) {
        struct json_node as_it_was = *word;
        size_t begin = 0;
        if (redact_word(word, before, &begin))
            take_out_from(walk, word, begin);
        previous = as_it_was;
        before = &previous;
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

/* Of a cause the field stands beside the message. */
static bool is_of_harmless_field(const struct json_node *node)
{
    return slice_is(node->key, "message") && redact_is_harmless_field(json_string(json_member(node->parent, "field")));
}

static void redact_string(struct walk *walk, struct json_node *node)
{
    struct buffer text = {NULL, 0, 0};
    bool is_json = looks_like_json(node->text);
    struct redact_hints hints = {.broken = is_json, .echo_is_harmless = is_of_harmless_field(node)};

    if (is_json && walk->depth < TEXTS_IN_TEXTS && redact_json_text(walk, node))
        return;
    if (redact_scan(node->text, &hints, &text)) {
        node->text = arena_copy(walk->arena, buffer_slice(&text));
        walk->changed = true;
    }
    buffer_free(&text);
}

/* A name is no secret by its place, but an address with a password may stand for one: {"auths": {"https://name:password@registry": ...}}. */
static void redact_key(struct walk *walk, struct json_node *node)
{
    enum { SHORTEST = 16 };
    struct redact_hints hints = {.broken = false};
    struct buffer text = {NULL, 0, 0};

    if (node->key.length >= SHORTEST && redact_scan(node->key, &hints, &text)) {
        node->key = arena_copy(walk->arena, buffer_slice(&text));
        walk->changed = true;
    }
    buffer_free(&text);
}

static bool redact_tree(struct arena *arena, struct json_node *top, unsigned int depth)
{
    struct redact_setting setting = redact_setting_of(top);
    struct walk walk = {.arena = arena, .depth = depth};

    for (struct json_node *node = top; node;) {
        enum redact_part part = redact_part_of(&setting, node);
        if (part)
            take_out(&walk, node, part);
        else if (node->type == JSON_STRING)
            redact_string(&walk, node);
        else if (node->type == JSON_ARRAY)
            take_out_words(&walk, node);
        redact_key(&walk, node);
        node = json_next(node, top, part != REDACT_NOTHING);
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
