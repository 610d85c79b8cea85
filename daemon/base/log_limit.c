/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/base/log_limit.h"

#define INTERVAL (60 * CLOCK_SECOND)

bool log_limit_due(struct log_limit *limit, uint64_t *left_out)
{
    clock_nanos now = clock_monotonic();
    int64_t next = atomic_load(&limit->next);

    *left_out = 0;
    if (now < next || !atomic_compare_exchange_strong(&limit->next, &next, now + INTERVAL)) {
        atomic_fetch_add(&limit->left_out, 1);
        return false;
    }
    *left_out = atomic_exchange(&limit->left_out, 0);
    return true;
}
