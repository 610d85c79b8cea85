/* SPDX-License-Identifier: Apache-2.0 */
/* Handshakes by which Azure asks, before it delivers, whether events are wanted here. They are answered for those who may send only: else
 * the endpoint would vouch for strangers. */
#include "connection.h"

#include "harrier/json.h"
#include "harrier/base/log.h"

enum { VALIDATION_BYTES = 65536, CODE_BYTES = 1024, ORIGIN_BYTES = 253 };

/* --- Event Grid: "Endpoint validation" ---------------------------------------------------------------------------------------- */

void validation_feed(struct connection *connection, struct slice bytes)
{
    if (connection->validation.length + bytes.length > VALIDATION_BYTES)
        request_refuse_rest(connection, (struct refusal){413, 0, "the handshake is larger than 64 KiB"}, SOURCE_BOUND_BODY_BYTES);
    else
        buffer_append_slice(&connection->validation, bytes);
}

/* data.validationCode of the one event in [{"eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "data": {...}}]. */
static struct slice find_code(struct arena *arena, struct slice text)
{
    static const struct json_limits limits = {.depth = 16, .token_bytes = VALIDATION_BYTES, .nodes = 1000};
    struct json_node *root = NULL;

    if (json_tree_parse(arena, text, &limits, &root, NULL) != RESULT_OK)
        return slice_make(NULL, 0);
    const struct json_node *event = json_is(root, JSON_ARRAY) ? root->first : root;
    if (!slice_is(json_string(json_member(event, "eventType")), "Microsoft.EventGrid.SubscriptionValidationEvent"))
        return slice_make(NULL, 0);
    return json_string(json_at(event, "data", "validationCode", NULL));
}

static void answer_code(struct connection *connection, struct slice code)
{
    struct buffer json = {0};
    struct json_writer *writer = json_writer_new(&json, false);

    json_begin_object(writer);
    json_put_string(writer, "validationResponse", code);
    json_end_object(writer);
    json_writer_free(writer);
    answer_send(connection, 200, 0, buffer_slice(&json));
    buffer_free(&json);
}

void validation_end(struct connection *connection)
{
    const char *name = connection->channel.worker->endpoints[connection->channel.source].name;
    struct arena *arena = arena_new(4096);
    struct slice code = find_code(arena, buffer_slice(&connection->validation));
    char who[ADDRESS_TEXT_SIZE];

    connection->validating = false;
    if (code.length && code.length <= CODE_BYTES) {
        log_about(LOG_LEVEL_NOTICE, LOG_FIELD_SOURCE, name, "source `%s`: the validation handshake of Event Grid from %s is answered", name,
                  address_format(&connection->channel.peer, who));
        answer_code(connection, code);
    } else {
        answer_refusal(connection, &(struct refusal){400, 0, "no validationCode in Event Grid's handshake"});
    }
    buffer_free(&connection->validation);
    arena_free(arena);
}

/* --- CloudEvents ------------------------------------------------------------------------------------------------------------------ */

/* The origin goes into a header field of the answer: a host's name, or something as plain. */
bool validation_keep_origin(struct connection *connection, struct slice origin)
{
    buffer_reset(&connection->origin, 0);
    if (origin.length == 0 || origin.length > ORIGIN_BYTES)
        return false;
    for (size_t i = 0; i < origin.length; i++)
        if (origin.bytes[i] <= ' ' || origin.bytes[i] >= 0x7f)
            return false;
    buffer_append_slice(&connection->origin, origin);
    return true;
}
