/* SPDX-License-Identifier: Apache-2.0 */
/* Looking things up in a tree. */
#include "harrier/json.h"
#include "harrier/base/memory.h"

#include <stdarg.h>
#include <stdlib.h>

struct json_node *json_member(const struct json_node *node, const char *name)
{
    if (!json_is(node, JSON_OBJECT))
        return NULL;
    struct slice wanted = slice_of(name);
    for (struct json_node *child = node->first; child; child = child->next)
        if (slice_equal(child->key, wanted))
            return child;
    return NULL;
}

struct json_node *json_last_member(const struct json_node *node, const char *name)
{
    struct json_node *found = NULL;
    if (!json_is(node, JSON_OBJECT))
        return NULL;
    struct slice wanted = slice_of(name);
    for (struct json_node *child = node->first; child; child = child->next)
        if (slice_equal(child->key, wanted))
            found = child;
    return found;
}

struct json_node *json_at(const struct json_node *node, ...)
{
    struct json_node *found = (struct json_node *)node;
    va_list names;

    va_start(names, node);
    for (const char *name = va_arg(names, const char *); name && found; name = va_arg(names, const char *))
        found = json_member(found, name);
    va_end(names);
    return found;
}

struct json_node *json_next(const struct json_node *node, const struct json_node *top, bool skips_children)
{
    if (node->first && !skips_children)
        return node->first;
    while (node != top && !node->next)
        node = node->parent;
    return node == top ? NULL : node->next;
}

struct slice json_string(const struct json_node *node)
{
    return json_is(node, JSON_STRING) ? node->text : slice_make(NULL, 0);
}

bool json_is(const struct json_node *node, enum json_type type)
{
    return node && node->type == type;
}

static bool is_plain_name(struct slice name)
{
    for (size_t i = 0; i < name.length; i++) {
        char byte = name.bytes[i];
        bool plain =
            (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte == '_' || byte == '-';
        if (!plain)
            return false;
    }
    return name.length > 0;
}

static void append_step(const struct json_node *node, struct buffer *out, bool first)
{
    if (node->parent->type == JSON_ARRAY) {
        buffer_printf(out, "[%u]", node->index);
    } else if (is_plain_name(node->key)) {
        if (!first)
            buffer_append_byte(out, '.');
        buffer_append_slice(out, node->key);
    } else {
        buffer_append_byte(out, '[');
        struct json_writer *writer = json_writer_new(out, false);
        json_write_string(writer, node->key);
        json_writer_free(writer);
        buffer_append_byte(out, ']');
    }
}

void json_path(const struct json_node *node, struct buffer *out)
{
    size_t depth = 0;

    for (const struct json_node *at = node; at && at->parent; at = at->parent)
        depth++;
    if (depth == 0)
        return;
    const struct json_node **steps = xreallocarray(NULL, depth, sizeof *steps);
    size_t place = depth;
    for (const struct json_node *at = node; at->parent; at = at->parent)
        steps[--place] = at;
    for (size_t i = 0; i < depth; i++)
        append_step(steps[i], out, i == 0);
    free(steps);
}
