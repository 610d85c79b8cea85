/* SPDX-License-Identifier: Apache-2.0 */
/* Trees, by yajl. */
#include "scan.h"
#include "text.h"
#include "harrier/json.h"

#include <stdlib.h>
#include <yajl/yajl_parse.h>

const struct json_limits json_default_limits = {.depth = 10100, .token_bytes = (size_t)4 << 20, .nodes = 400000};

/* A tree that is being built. yajl's callbacks append below `parent`; there is no recursion, so nesting costs no stack. */
struct builder {
    struct arena *arena;
    struct slice text;
    const struct json_limits *limits;
    yajl_handle yajl;
    bool ended; /* yajl is being told of the end: what it hands out now lies in its own buffer */
    size_t nodes;
    size_t token_end; /* in text: behind the last value or key */
    struct json_node *root;
    struct json_node *parent; /* innermost open container */
    struct slice key;         /* of the value to come */
    bool has_key;
    struct json_node *final_number; /* a number that only the end of the text completed */
    bool full;                      /* limits.nodes was hit, or the arena is full */
    bool skip_next;                 /* the value to come is limits.skip_member's */
    size_t skipped_depth;           /* open containers inside it */
};

/* Is this value, or key, inside of what is read over? The value itself leaves a null behind. */
static bool is_skipped(struct builder *builder)
{
    return builder->skipped_depth > 0;
}

static struct json_node *add_node(struct builder *builder, enum json_type type)
{
    if (builder->skip_next) {
        builder->skip_next = false;
        builder->skipped_depth = type == JSON_OBJECT || type == JSON_ARRAY;
        type = JSON_NULL;
    }
    struct json_node *parent = builder->parent;
    struct json_node *node = builder->nodes < builder->limits->nodes ? arena_try(builder->arena, sizeof *node) : NULL;
    if (!node) {
        builder->full = true;
        return NULL;
    }
    builder->nodes++;
    memset(node, 0, sizeof *node);
    node->type = type;
    node->parent = parent;
    if (!parent) {
        builder->root = node;
    } else {
        node->index = parent->count++;
        node->key = builder->key;
        if (parent->last)
            parent->last->next = node;
        else
            parent->first = node;
        parent->last = node;
    }
    builder->key = slice_make(NULL, 0);
    builder->has_key = false;
    builder->token_end = builder->ended ? builder->text.length : yajl_get_bytes_consumed(builder->yajl);
    return node;
}

static bool lies_in(struct slice text, const char *bytes, size_t length)
{
    return bytes >= text.bytes && bytes + length <= text.bytes + text.length;
}

/* Where the arena is full the text is empty, and gets no node. */
static struct slice unescape(struct builder *builder, struct slice raw)
{
    if (!raw.length || !memchr(raw.bytes, '\\', raw.length))
        return raw;
    char *out = arena_try(builder->arena, raw.length);
    return out ? slice_make(out, json_text_unescape(raw, out)) : slice_make("", 0);
}

/* yajl's own text where it points into the input; where it does not, yajl has undone escapes (a lone surrogate as "?"), so
 * the string is taken from the input again. */
static struct slice string_text(struct builder *builder, const unsigned char *bytes, size_t length)
{
    struct slice given = slice_make((const char *)bytes, length), raw;
    size_t consumed = yajl_get_bytes_consumed(builder->yajl);

    if (lies_in(builder->text, given.bytes, length))
        return given;
    if (!builder->ended && consumed > 0 && json_text_before_quote(builder->text, consumed - 1, &raw))
        return unescape(builder, raw);
    return arena_copy(builder->arena, given);
}

static int on_null(void *context)
{
    return is_skipped(context) || add_node(context, JSON_NULL) != NULL;
}

static int on_boolean(void *context, int boolean)
{
    if (is_skipped(context))
        return 1;
    struct json_node *node = add_node(context, JSON_BOOL);
    if (node)
        node->boolean = boolean != 0;
    return node != NULL;
}

static int on_number(void *context, const char *bytes, size_t length)
{
    struct builder *builder = context;
    if (is_skipped(builder))
        return 1;
    struct json_node *node = add_node(builder, JSON_NUMBER);
    if (!node)
        return 0;
    size_t end = yajl_get_bytes_consumed(builder->yajl);
    if (builder->ended)
        builder->final_number = node;
    if (lies_in(builder->text, bytes, length))
        node->text = slice_make(bytes, length);
    else if (!builder->ended && end >= length)
        node->text = slice_make(builder->text.bytes + end - length, length);
    else
        node->text = arena_copy(builder->arena, slice_make(bytes, length));
    return 1;
}

static int on_string(void *context, const unsigned char *bytes, size_t length)
{
    struct builder *builder = context;
    if (is_skipped(builder))
        return 1;
    struct slice text = string_text(builder, bytes, length);
    struct json_node *node = add_node(builder, JSON_STRING);
    if (node)
        node->text = text;
    return node != NULL;
}

static int on_key(void *context, const unsigned char *bytes, size_t length)
{
    struct builder *builder = context;
    if (is_skipped(builder))
        return 1;
    builder->key = string_text(builder, bytes, length);
    builder->has_key = true;
    builder->skip_next =
        builder->limits->skip_member && builder->parent == builder->root && slice_is(builder->key, builder->limits->skip_member);
    builder->token_end = yajl_get_bytes_consumed(builder->yajl);
    return 1;
}

static int on_begin(struct builder *builder, enum json_type type)
{
    if (is_skipped(builder)) {
        builder->skipped_depth++;
        return 1;
    }
    struct json_node *node = add_node(builder, type);
    if (node && !is_skipped(builder))
        builder->parent = node;
    return node != NULL;
}

static int on_begin_object(void *context)
{
    return on_begin(context, JSON_OBJECT);
}

static int on_begin_array(void *context)
{
    return on_begin(context, JSON_ARRAY);
}

static int on_end(void *context)
{
    struct builder *builder = context;
    if (is_skipped(builder)) {
        builder->skipped_depth--;
        builder->token_end = yajl_get_bytes_consumed(builder->yajl);
        return 1;
    }
    builder->parent = builder->parent->parent;
    builder->token_end = yajl_get_bytes_consumed(builder->yajl);
    return 1;
}

static const yajl_callbacks tree_callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_begin_object,
    .yajl_map_key = on_key,
    .yajl_end_map = on_end,
    .yajl_start_array = on_begin_array,
    .yajl_end_array = on_end,
};

/* Where the text passes the bound of depth or of a string: yajl gets it only up to there, as its stack of states has no bound. */
static size_t find_limit(struct slice text, const struct json_limits *limits)
{
    size_t depth = 0, string_start = 0;
    bool in_string = false;

    if (text.length <= limits->token_bytes && json_scan(text).openings <= limits->depth)
        return text.length;
    for (size_t i = 0; i < text.length; i++) {
        char byte = text.bytes[i];
        if (in_string) {
            if (byte == '\\')
                i++;
            else if (byte == '"')
                in_string = false;
            if (in_string && i - string_start > limits->token_bytes)
                return string_start + 1 + limits->token_bytes;
        } else if (byte == '"') {
            in_string = true;
            string_start = i;
        } else if (byte == '{' || byte == '[') {
            if (++depth > limits->depth)
                return i;
        } else if ((byte == '}' || byte == ']') && depth > 0) {
            depth--;
        }
    }
    return text.length;
}

/* A string that the text broke off in is what people want to see most: its beginning becomes a value, if it is one. */
static void add_broken_string(struct builder *builder, struct slice text)
{
    struct slice rest = slice_from(text, builder->token_end);
    bool in_object = builder->parent && builder->parent->type == JSON_OBJECT;
    ptrdiff_t quote = slice_find_byte(rest, '"');

    if (quote < 0 || is_skipped(builder) || (in_object && !builder->has_key) || (builder->root && !builder->parent))
        return;
    for (ptrdiff_t i = 0; i < quote; i++)
        if (!json_text_is_blank(rest.bytes[i]) && rest.bytes[i] != ',' && rest.bytes[i] != ':')
            return;
    struct slice raw = slice_from(rest, (size_t)quote + 1);
    raw = slice_first(raw, json_text_cut(raw, raw.length));
    struct slice unescaped = unescape(builder, raw);
    struct json_node *node = add_node(builder, JSON_STRING);
    if (node) {
        node->text = unescaped;
        node->incomplete = true;
    }
}

static enum result close_tree(struct builder *builder, enum result result)
{
    for (struct json_node *open = builder->parent; open; open = open->parent)
        open->incomplete = true;
    if (result != RESULT_OK && builder->root)
        builder->root->incomplete = true;
    return result;
}

/* yajl takes the beginning of a string behind the value for nothing. */
static bool only_blanks_behind(const struct builder *builder)
{
    for (size_t i = builder->token_end; i < builder->text.length; i++)
        if (!json_text_is_blank(builder->text.bytes[i]))
            return false;
    return true;
}

static enum result build(struct builder *builder, size_t *error_offset)
{
    size_t limit = find_limit(builder->text, builder->limits);
    struct slice text = slice_first(builder->text, limit);
    yajl_status status = yajl_parse(builder->yajl, (const unsigned char *)text.bytes, text.length);

    *error_offset = yajl_get_bytes_consumed(builder->yajl);
    if (builder->full)
        return close_tree(builder, RESULT_LIMIT);
    if (status != yajl_status_ok)
        return close_tree(builder, RESULT_INVALID);
    builder->ended = true;
    bool complete = limit == builder->text.length && yajl_complete_parse(builder->yajl) == yajl_status_ok;
    if (complete && builder->root && only_blanks_behind(builder))
        return close_tree(builder, builder->full ? RESULT_LIMIT : RESULT_OK);
    *error_offset = limit;
    if (builder->final_number) /* a number that the end made whole may have gone on */
        builder->final_number->incomplete = true;
    add_broken_string(builder, text);
    return close_tree(builder, limit < builder->text.length ? RESULT_LIMIT : RESULT_INVALID);
}

size_t json_most_values(struct slice text)
{
    size_t count = 1;

    for (size_t i = 0; i < text.length; i++)
        count += text.bytes[i] == ',' || text.bytes[i] == '{' || text.bytes[i] == '[' ? 1U : 0U;
    return count < json_default_limits.nodes ? count : json_default_limits.nodes;
}

enum result json_tree_parse(struct arena *arena, struct slice text, const struct json_limits *limits, struct json_node **root,
                            size_t *error_offset)
{
    struct builder builder = {.arena = arena, .text = text, .limits = limits ? limits : &json_default_limits};
    size_t ignored;

    if (!text.bytes)
        builder.text = slice_make("", 0);
    builder.yajl = yajl_alloc(&tree_callbacks, NULL, &builder);
    if (!builder.yajl)
        abort();
    yajl_config(builder.yajl, yajl_dont_validate_strings, 1);
    enum result result = build(&builder, error_offset ? error_offset : &ignored);
    yajl_free(builder.yajl);
    *root = builder.root;
    return result;
}
