/* SPDX-License-Identifier: Apache-2.0 */
#include "pointer.h"

bool k8s_pointer_is_refused(struct slice text)
{
    return text.length && slice_find_byte(text, '/') < 0;
}

/* ~1 is a slash, ~0 a tilde. */
static struct slice unescape(struct arena *arena, struct slice token)
{
    if (slice_find_byte(token, '~') < 0)
        return token;
    char *text = arena_alloc(arena, token.length + 1);
    size_t length = 0;

    for (size_t i = 0; i < token.length; i++) {
        char byte = token.bytes[i];
        if (byte == '~' && i + 1 < token.length && (token.bytes[i + 1] == '0' || token.bytes[i + 1] == '1'))
            byte = token.bytes[++i] == '1' ? '/' : '~';
        text[length++] = byte;
    }
    return slice_make(text, length);
}

/* How many there are; more than K8S_POINTER_TOKENS are not counted. */
static size_t count_tokens(struct slice text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.length && count < K8S_POINTER_TOKENS; i++)
        count += text.bytes[i] == '/';
    return count;
}

bool k8s_pointer_parse(struct arena *arena, struct slice text, struct k8s_pointer *pointer)
{
    ptrdiff_t slash = slice_find_byte(text, '/');

    *pointer = (struct k8s_pointer){0};
    if (slash < 0)
        return true;
    pointer->tokens = arena_calloc(arena, count_tokens(text), sizeof *pointer->tokens);
    text = slice_from(text, (size_t)slash);
    while (text.length) {
        if (pointer->count == K8S_POINTER_TOKENS)
            return false;
        text = slice_from(text, 1);
        slash = slice_find_byte(text, '/');
        struct slice token = slash < 0 ? text : slice_first(text, (size_t)slash);
        pointer->tokens[pointer->count++] = unescape(arena, token);
        text = slice_from(text, token.length);
    }
    return true;
}

bool k8s_pointer_index(struct slice token, int64_t *index, bool *is_end)
{
    *is_end = slice_is(token, "-");
    *index = 0;
    return *is_end || (slice_to_int64(token, index) && *index > -INT32_MAX && *index < INT32_MAX);
}

static const struct json_node *element_at(const struct json_node *array, struct slice token)
{
    int64_t index;
    bool is_end;

    if (!k8s_pointer_index(token, &index, &is_end))
        return NULL;
    if (is_end)
        return array->last;
    if (index < 0)
        index += array->count;
    const struct json_node *element = index < 0 || index >= array->count ? NULL : array->first;
    while (element && element->index != (uint64_t)index)
        element = element->next;
    return element;
}

const struct json_node *k8s_pointer_lookup(const struct json_node *node, const struct slice *tokens, size_t count, size_t *visited)
{
    for (size_t i = 0; node && i < count; i++) {
        *visited += node->count;
        if (node->type == JSON_ARRAY) {
            node = element_at(node, tokens[i]);
        } else {
            const struct json_node *found = NULL; /* of a name that stands twice the last */
            for (const struct json_node *member = node->type == JSON_OBJECT ? node->first : NULL; member; member = member->next) {
                if (slice_equal(member->key, tokens[i]))
                    found = member;
            }
            node = found;
        }
    }
    return node;
}
