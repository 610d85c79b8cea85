/* SPDX-License-Identifier: Apache-2.0 */
/* What the process gives up, and what it asks for, whoever starts it. harrierd.service does all of it too, and more. */
#include "internal.h"

#include "harrier/log.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum {
    OTHER_DESCRIPTORS = 64,       /* store, log, event loops, followers, the admin page */
    DESTINATION_DESCRIPTORS = 16, /* requests in flight */
};

void process_harden(void)
{
    umask(077);
    /* No program that it could be made to run gains anything by being set-user-ID. */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        log_warning("cannot give up new privileges: %s", strerror(errno));
    /* Tokens and keys are in its memory: no core dumps, and no debugger but root's. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        log_warning("cannot forbid core dumps: %s", strerror(errno));
}

void process_raise_descriptors(const struct config *config, size_t worker_count)
{
    uint64_t needed =
        (uint64_t)config->limits.connections * worker_count + config->destination_count * DESTINATION_DESCRIPTORS + OTHER_DESCRIPTORS;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
            limit = raised;
    }
    if (limit.rlim_cur < needed)
        log_warning(
            "%llu files may be open, but limits.connections (%lld) of %zu workers need up to %llu: raise LimitNOFILE= (or ulimit -n), or "
            "lower limits.connections; until then clients may have to wait",
            (unsigned long long)limit.rlim_cur, (long long)config->limits.connections, worker_count, (unsigned long long)needed);
}
