/* SPDX-License-Identifier: Apache-2.0 */
/* Generic webhook: POST of the alert's own document. webhook-id is the alert's id and stays the same on every try, so that the receiver can tell
 * a repeat; timestamp and signature are of the try. */
#include "daemon/deliver/destination.h"
#include "daemon/deliver/judge.h"
#include "signature.h"

#include <stdio.h>
#include <stdlib.h>

static void add_header(struct http_request *request, const char *name, const char *value)
{
    struct buffer line = {0};
    buffer_printf(&line, "%s: %s", name, value);
    request->headers = curl_slist_append(request->headers, line.bytes);
    explicit_bzero(line.bytes, line.length);
    buffer_free(&line);
}

static bool read_or_hold(struct secret *secret, const char *setting, struct verdict *verdict)
{
    char *error = NULL;
    bool fresh;
    if (secret_read(secret, &fresh, &error) == RESULT_OK)
        return true;
    verdict->kind = VERDICT_HOLD;
    verdict->blame = BLAME_DESTINATION;
    snprintf(verdict->reason, sizeof verdict->reason, "%s: %s", setting, error);
    free(error);
    return false;
}

static bool add_token(struct destination *destination, struct http_request *request, struct verdict *verdict)
{
    if (destination->token.path == NULL)
        return true;
    if (!read_or_hold(&destination->token, "token_file", verdict))
        return false;
    struct buffer value = {0};
    buffer_printf(&value, "Bearer %s", destination->token.text);
    add_header(request, "Authorization", value.bytes);
    explicit_bzero(value.bytes, value.length);
    buffer_free(&value);
    return true;
}

static bool add_signature(struct destination *destination, const char *id, struct http_request *request, struct verdict *verdict)
{
    if (destination->config->signature == DELIVER_UNSIGNED)
        return true;
    if (!read_or_hold(&destination->secret, "secret_file", verdict))
        return false;
    struct slice secret = slice_of(destination->secret.text), body = buffer_slice(&request->body);
    struct buffer signature = {0};
    bool good = true;
    if (destination->config->signature == DELIVER_GITHUB) {
        signature_github(secret, body, &signature);
        add_header(request, "X-Hub-Signature-256", signature.bytes);
    } else {
        int64_t seconds = clock_wall() / CLOCK_SECOND;
        char text[24];
        snprintf(text, sizeof text, "%lld", (long long)seconds);
        good = signature_standard_webhooks(secret, id, seconds, body, &signature) == RESULT_OK;
        if (good) {
            add_header(request, "webhook-timestamp", text);
            add_header(request, "webhook-signature", signature.bytes);
        } else {
            verdict->kind = VERDICT_HOLD;
            verdict->blame = BLAME_DESTINATION;
            snprintf(verdict->reason, sizeof verdict->reason,
                     "secret_file: %s holds no Standard Webhooks secret (whsec_ and base64 of 24 to 64 bytes)", destination->secret.path);
        }
    }
    buffer_free(&signature);
    return good;
}

/* The document without the events' own text, by far its largest part; the receiver can tell by their absence. */
static void write_without_raw(struct json_writer *writer, const struct json_node *node)
{
    if (node->type != JSON_OBJECT && node->type != JSON_ARRAY) {
        json_write_node(writer, node);
        return;
    }
    node->type == JSON_OBJECT ? json_begin_object(writer) : json_begin_array(writer);
    for (const struct json_node *child = node->first; child != NULL; child = child->next) {
        bool is_raw = node->type == JSON_OBJECT && slice_is(child->key, "raw");
        if (is_raw)
            continue;
        if (node->type == JSON_OBJECT)
            json_key_slice(writer, child->key);
        write_without_raw(writer, child);
    }
    node->type == JSON_OBJECT ? json_end_object(writer) : json_end_array(writer);
}

static bool render_shrunk(const struct outgoing *alert, struct buffer *out)
{
    struct arena *arena = arena_new(64 * 1024);
    struct json_node *root;
    bool good = json_tree_parse(arena, alert->json, &json_default_limits, &root, NULL) == RESULT_OK;
    if (good) {
        struct json_writer *writer = json_writer_new(out, false);
        json_begin_object(writer);
        for (const struct json_node *child = root->first; child != NULL; child = child->next) {
            json_key_slice(writer, child->key);
            slice_is(child->key, "events") ? write_without_raw(writer, child) : json_write_node(writer, child);
        }
        json_end_object(writer);
        json_writer_free(writer);
    }
    arena_free(arena);
    return good;
}

static bool prepare(struct destination *destination, const struct outgoing *alert, struct http_request *request, struct verdict *verdict)
{
    if (!destination_read_url(destination, verdict))
        return false;
    if (!alert->shrunk) {
        buffer_append_slice(&request->body, alert->json);
    } else if (!render_shrunk(alert, &request->body)) {
        verdict->kind = VERDICT_DEAD;
        snprintf(verdict->reason, sizeof verdict->reason, "the stored document cannot be read to make it smaller");
        return false;
    }
    add_header(request, "Content-Type", "application/json");
    add_header(request, "webhook-id", alert->alert_id);
    for (size_t i = 0; i < destination->config->header_count; i++)
        add_header(request, destination->config->headers[i].name, destination->config->headers[i].value);
    return add_token(destination, request, verdict) && add_signature(destination, alert->alert_id, request, verdict);
}

static void judge(struct destination *destination, const struct http_response *response, struct verdict *verdict)
{
    judge_status(response, verdict);
    judge_explain(destination, response, verdict);
}

const struct driver webhook_driver = {.prepare = prepare, .judge = judge};
