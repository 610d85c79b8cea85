/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes on a connection, once as a whole and once in pieces: the handler must be told the same, and the client answered the same; but
 * where a body could not be unpacked to its end, how much comes out before may depend on the pieces. The first byte of the input is the
 * size of the pieces; its highest bit chooses an endpoint whose path has places and that answers handshakes. */
#include "conversation.h"

#include "harrier/base/memory.h"
#include "harrier/source.h"

#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct heard {
    struct buffer told; /* what the handler got */
    struct buffer said; /* what the client got */
    size_t begun, over;
    bool unpacked; /* every compressed body to its end */
};

struct heard_request {
    struct heard *heard;
    struct source_request *request;
};

static void *begin(void *data, struct source_request *request, const struct source_head *head, struct source_refusal *refusal)
{
    struct heard *heard = data;
    (void)refusal;
    buffer_printf(&heard->told, "[%.*s %.*s %.*s %lld ", SLICE_ARGS(head->path), SLICE_ARGS(head->cluster), SLICE_ARGS(head->content_type),
                  (long long)head->content_length);
    heard->begun++;
    struct heard_request *one = xcalloc(1, sizeof *one);
    one->heard = heard;
    one->request = request;
    return one;
}

static enum result body(void *context, struct slice bytes)
{
    struct heard_request *one = context;
    if (bytes.length == 0)
        __builtin_trap();
    buffer_append_slice(&one->heard->told, bytes);
    return RESULT_OK;
}

static void finish(struct heard_request *one, const char *how)
{
    buffer_append_text(&one->heard->told, how);
    one->heard->over++;
    free(one);
}

static void end(void *context)
{
    struct heard_request *one = context;
    struct source_request *request = one->request;
    finish(one, " end]");
    source_request_answer(request, 200, 0, slice_make(NULL, 0));
}

static void abort_it(void *context)
{
    finish(context, " abort]");
}

static void connection(size_t endpoint, const uint8_t *data, size_t size, size_t piece, struct heard *heard)
{
    static const struct source_endpoint endpoints[] = {{.name = "apiserver", .path = "/k8s-audit"},
                                                       {.name = "azure", .path = "/{cluster}/{token}", .event_grid = true}};
    struct source_handler handler = {.data = heard, .begin = begin, .body = body, .end = end, .abort = abort_it};
    struct source_limits limits = source_default_limits;
    struct event_base *base = event_base_new();
    struct source_counts counts = {0};
    struct address peer;
    int pair[2];

    limits.header_bytes = 1024;
    limits.body_bytes = 10000;
    limits.inflated_bytes = 1 << 20;
    struct source_worker *worker = source_worker_new(base, &limits, endpoints, 2, &handler);
    if (address_parse_host_port(SLICE("127.0.0.1:1"), &peer, NULL) != RESULT_OK ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) != 0 || !source_worker_reserve(worker))
        __builtin_trap();
    source_worker_add(worker, endpoint, pair[1], &peer);
    conversation_hold(base, pair[0], data, size, piece, &heard->said);
    source_worker_count(worker, &counts);
    heard->unpacked = counts.damaged_bodies == 0 && counts.bounds[SOURCE_BOUND_INFLATED] == 0;
    source_worker_free(worker);
    close(pair[0]);
    event_base_free(base);
    if (heard->begun != heard->over)
        __builtin_trap();
}

/* The status lines alone: the rest has the time in it. */
static void keep_statuses(struct buffer *said)
{
    struct buffer kept = {0};
    struct slice rest = buffer_slice(said);
    ptrdiff_t at;

    while ((at = slice_find(rest, SLICE("HTTP/1.1 "))) >= 0) {
        rest = slice_from(rest, (size_t)at + 9);
        buffer_append_slice(&kept, slice_first(rest, 4));
    }
    buffer_free(said);
    *said = kept;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct heard whole = {0}, pieces = {0};

    if (size < 2 || size > 16384)
        return 0;
    connection(data[0] >> 7, data + 1, size - 1, size, &whole);
    connection(data[0] >> 7, data + 1, size - 1, (size_t)data[0] % 64 + 1, &pieces);
    keep_statuses(&whole.said);
    keep_statuses(&pieces.said);
    if (whole.unpacked && pieces.unpacked &&
        (!slice_equal(buffer_slice(&whole.told), buffer_slice(&pieces.told)) ||
         !slice_equal(buffer_slice(&whole.said), buffer_slice(&pieces.said))))
        __builtin_trap();
    buffer_free(&whole.told);
    buffer_free(&whole.said);
    buffer_free(&pieces.told);
    buffer_free(&pieces.said);
    return 0;
}
