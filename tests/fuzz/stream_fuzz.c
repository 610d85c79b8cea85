/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes on a connection of syslog or RELP, once as a whole and once in pieces: the handler must be told the same messages, and the client be
 * answered the same. Where units begin and end may differ, and what was given up does not count. The first byte of the input chooses the protocol and the size of the pieces. */
#include "conversation.h"

#include "harrier/base/log.h"
#include "harrier/base/memory.h"
#include "harrier/source.h"

#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct heard {
    struct buffer told, said;
    size_t begun, over;
};

struct unit {
    struct heard *heard;
    struct source_request *request;
    struct buffer cluster, told;
    bool inside; /* a message */
};

static void require(bool condition)
{
    if (!condition)
        __builtin_trap();
}

static void *begin(void *data, struct source_request *request, const struct source_head *head, struct source_refusal *refusal)
{
    struct unit *unit = xcalloc(1, sizeof *unit);
    (void)refusal;
    unit->heard = data;
    unit->heard->begun++;
    unit->request = request;
    buffer_append_slice(&unit->cluster, head->cluster);
    return unit;
}

static enum result body(void *context, struct slice bytes)
{
    struct unit *unit = context;
    require(bytes.length > 0);
    if (!unit->inside) {
        buffer_append_slice(&unit->told, buffer_slice(&unit->cluster));
        buffer_append_byte(&unit->told, ':');
    }
    unit->inside = true;
    buffer_append_slice(&unit->told, bytes);
    return RESULT_OK;
}

static void message_end(void *context)
{
    struct unit *unit = context;
    unit->inside = false;
    buffer_append_byte(&unit->told, ';');
}

static struct source_request *finish(struct unit *unit)
{
    struct source_request *request = unit->request;
    unit->heard->over++;
    buffer_free(&unit->cluster);
    buffer_free(&unit->told);
    free(unit);
    return request;
}

static void end(void *context)
{
    struct unit *unit = context;
    require(!unit->inside);
    buffer_append_slice(&unit->heard->told, buffer_slice(&unit->told));
    source_request_answer(finish(unit), 200, 0, slice_make(NULL, 0));
}

static void give_up(void *context)
{
    finish(context);
}

static void connection(const uint8_t *data, size_t size, size_t source, size_t piece, struct heard *heard)
{
    static const struct source_endpoint endpoints[] = {{.protocol = SOURCE_SYSLOG, .name = "syslog", .cluster_from_syslog = true},
                                                       {.protocol = SOURCE_RELP, .name = "relp"}};
    struct source_handler handler = {
        .data = heard, .begin = begin, .body = body, .message_end = message_end, .end = end, .abort = give_up};
    struct event_base *base = event_base_new();
    struct address peer;
    int pair[2];

    struct source_worker *worker = source_worker_new(base, &source_default_limits, endpoints, 2, &handler);
    require(address_parse_host_port(SLICE("127.0.0.1:1"), &peer, NULL) == RESULT_OK &&
            socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0 && source_worker_reserve(worker));
    source_worker_add(worker, source, pair[1], &peer);
    conversation_hold(base, pair[0], data, size, piece, &heard->said);
    source_worker_free(worker);
    close(pair[0]);
    event_base_free(base);
    require(heard->begun == heard->over);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct heard whole = {0}, pieces = {0};

    if (size < 2 || size > 16384)
        return 0;
    log_set_level(LOG_LEVEL_ERROR);
    connection(data + 1, size - 1, data[0] >> 7, size, &whole);
    connection(data + 1, size - 1, data[0] >> 7, (size_t)data[0] % 64 + 1, &pieces);
    require(slice_equal(buffer_slice(&whole.told), buffer_slice(&pieces.told)));
    require(slice_equal(buffer_slice(&whole.said), buffer_slice(&pieces.said)));
    buffer_free(&whole.told);
    buffer_free(&whole.said);
    buffer_free(&pieces.told);
    buffer_free(&pieces.said);
    return 0;
}
