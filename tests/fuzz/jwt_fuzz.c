/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a bearer token, as its claims, and as a set of keys. The set has one key, whose other half is nowhere: no token may open. */
#include "daemon/source/auth/jwt.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char set[] =
    "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY\","
    "\"y\":\"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU\"}]}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct jwt_keys *keys;
    struct slice input = slice_make((const char *)data, size);
    struct arena *arena = arena_new(4096);
    struct json_node *claims = NULL;
    struct jwt_keys *other;
    const char *error;

    if (!keys && jwt_keys_parse(SLICE(set), &keys, &error) != RESULT_OK)
        abort();
    if (jwt_open(keys, input, arena))
        abort();
    if (json_tree_parse(arena, input, &json_default_limits, &claims, NULL) == RESULT_OK)
        jwt_admits(claims, &(struct jwt_demands){.audience = "me", .email = "a@b"}, CLOCK_SECOND);
    if (jwt_keys_parse(input, &other, &error) == RESULT_OK) {
        jwt_open(other, input, arena);
        jwt_keys_free(other);
    }
    arena_free(arena);
    return 0;
}
