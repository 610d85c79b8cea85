/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/yaral/list/cidr.h"
#include "function.h"

#include "harrier/base/memory.h"

#include <stdlib.h>

static enum result prepare_range(const struct yaral_argument *arguments, size_t count, bool nocase, struct arena *arena, void **prepared,
                                 struct slice *error, size_t *guilty)
{
    struct cidr_range range;
    const char *wrong = cidr_range_parse(arguments[1].constant.string, &range);

    (void)count, (void)nocase;
    if (wrong) {
        *guilty = 1;
        *error = arena_printf(arena, "%s", wrong);
        return RESULT_INVALID;
    }
    *prepared = xmalloc(sizeof range);
    memcpy(*prepared, &range, sizeof range);
    return RESULT_OK;
}

static struct yaral_value call_in_range(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    struct cidr_address address;

    (void)count;
    return yaral_bool(cidr_address_parse(function_text(context, &arguments[0]), &address) && cidr_range_has(prepared, &address));
}

static const struct yaral_function functions[] = {
    {.name = "net.ip_in_range_cidr", .signature = "net.ip_in_range_cidr(address, \"range\") -> bool", .parameters = "sS",
     .help = "is the address in the range? False when it is no address", .places = FUNCTION_ANYWHERE, .type = YARAL_BOOL, .check = function_check,
     .prepare = prepare_range, .release = free, .call = call_in_range},
};

FUNCTION_GROUP(function_group_net, functions);
