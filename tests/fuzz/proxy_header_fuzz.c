/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a PROXY header, once as wanted and once in pieces: the same must be read, and no more be taken than the header has. The first byte of the
 * input is the size of the pieces. */
#include "daemon/source/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum proxy_answer take_all(struct slice input, size_t piece, struct address *client, size_t *taken)
{
    struct proxy_header header = {0};
    enum proxy_answer answer = PROXY_MORE;

    for (*taken = 0; answer == PROXY_MORE && *taken < input.length;) {
        size_t wanted = proxy_header_wanted(&header);
        struct slice part = slice_first(slice_from(input, *taken), wanted < piece ? wanted : piece);
        if (part.length == 0)
            __builtin_trap();
        answer = proxy_header_take(&header, part, client);
        *taken += part.length;
    }
    return answer;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct address clients[2] = {{.length = 0}, {.length = 0}};
    size_t taken[2];

    if (size == 0)
        return 0;
    struct slice input = slice_make((const char *)data + 1, size - 1);
    enum proxy_answer whole = take_all(input, SIZE_MAX, &clients[0], &taken[0]);
    enum proxy_answer pieces = take_all(input, 1 + (size_t)data[0] % 64, &clients[1], &taken[1]);
    if (whole != pieces || (whole == PROXY_WHOLE && (taken[0] != taken[1] || memcmp(&clients[0], &clients[1], sizeof clients[0]) != 0)))
        __builtin_trap();
    return 0;
}
