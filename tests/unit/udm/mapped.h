/* SPDX-License-Identifier: Apache-2.0 */
/* Records of small events for the tests of the mapping. */
#ifndef HARRIER_TEST_UDM_MAPPED_H
#define HARRIER_TEST_UDM_MAPPED_H

#include "harrier/udm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* A record with all that it lives on. */
struct mapped {
    struct arena *arena;
    struct json_node *tree;
    struct udm_record record;
};

/* The record is still empty. */
static inline struct mapped read_text(struct slice text)
{
    struct mapped mapped = {.arena = arena_new(64 * 1024)};

    text = arena_copy(mapped.arena, text); /* the tree points into it */
    json_tree_parse(mapped.arena, text, &json_default_limits, &mapped.tree, NULL);
    assert_non_null(mapped.tree);
    udm_record_init(&mapped.record, mapped.arena, UDM_UNREAD);
    return mapped;
}

static inline struct mapped map_text(struct slice text, struct udm_cut cut, int trusted_proxies)
{
    struct mapped mapped = read_text(text);
    struct udm_source source = {.log_type = SLICE("K8S_AUDIT"), .cluster = SLICE("blue"), .trusted_proxies = trusted_proxies};

    udm_k8s_record(&mapped.record, &source, mapped.tree, &cut);
    return mapped;
}

static inline struct mapped map_event(const char *text)
{
    return map_text(slice_of(text), (struct udm_cut){0}, 0);
}

static inline void double_quotes(struct buffer *text)
{
    for (size_t i = 0; i < text->length; i++) {
        if (text->bytes[i] == '\'')
            text->bytes[i] = '"';
    }
}

/* A finished request on the resource ("pods", "/pods/status", "batch/cronjobs", "apps/deployments/scale") with that body, in which
 * quotes are written as '. */
static inline struct mapped map_request(const char *verb, const char *resource, const char *body, const char *response)
{
    char group[64] = "", name[64] = "", subresource[64] = "";
    const char *slash = strchr(resource, '/');
    struct buffer text = {0};

    if (resource[0] == '/')
        sscanf(resource, "/%63[^/]/%63s", name, subresource);
    else if (slash)
        sscanf(resource, "%63[^/]/%63[^/]/%63s", group, name, subresource);
    else
        sscanf(resource, "%63s", name);
    buffer_printf(&text, "{'auditID':'a','level':'RequestResponse','stage':'ResponseComplete','requestURI':'/x','verb':'%s',"
                         "'objectRef':{'resource':'%s','apiGroup':'%s','subresource':'%s','apiVersion':'v1'},'responseStatus':{'code':200}",
                  verb, name, group, subresource);
    if (body)
        buffer_printf(&text, ",'requestObject':%s", body);
    if (response)
        buffer_printf(&text, ",'responseObject':%s", response);
    buffer_append_byte(&text, '}');
    double_quotes(&text);
    struct mapped mapped = map_text(buffer_slice(&text), (struct udm_cut){0}, 0);
    buffer_free(&text);
    return mapped;
}

/* A file's whole text; the caller frees it. */
static inline struct buffer file_text(const char *path)
{
    struct buffer text = {0};
    FILE *file = fopen(path, "rb");

    assert_non_null(file);
    buffer_reserve(&text, 64 * 1024);
    text.length = fread(text.bytes, 1, 64 * 1024, file);
    fclose(file);
    return text;
}

static inline void unmap(struct mapped *mapped)
{
    arena_free(mapped->arena);
}

/* All values of a label, joined by " | ". */
static inline const char *label_text(const struct mapped *mapped, const char *key)
{
    struct udm_value values[64];
    size_t count = udm_record_labels(&mapped->record, key, values, 64);
    struct buffer text = {0};

    for (size_t i = 0; i < count && i < 64; i++) {
        buffer_append_text(&text, i ? " | " : "");
        buffer_append_slice(&text, values[i].string);
    }
    const char *copy = arena_strdup(mapped->arena, buffer_slice(&text));
    buffer_free(&text);
    return copy;
}

static inline void assert_label(const struct mapped *mapped, const char *key, const char *expected)
{
    const char *got = label_text(mapped, key);
    if (strcmp(got, expected) != 0)
        print_error("label %s\n", key);
    assert_string_equal(got, expected);
}

static inline void assert_field(const struct mapped *mapped, const char *path, const char *expected)
{
    struct slice value = udm_record_string(&mapped->record, path);
    if (!slice_is(value, expected))
        print_error("%s is `%.*s`\n", path, SLICE_ARGS(value));
    assert_true(slice_is(value, expected));
}

static inline const struct udm_message *message_at(const struct mapped *mapped, const char *const names[], size_t count)
{
    const struct udm_message *message = mapped->record.root;
    for (size_t i = 0; i < count; i++)
        message = udm_message_get(message, udm_field_find(udm_message_type_of(message), slice_of(names[i]))).items[0].message;
    return message;
}

#endif
