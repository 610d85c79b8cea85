/* SPDX-License-Identifier: Apache-2.0 */
/* What the process gives up, and what it asks for, whoever starts it. harrierd.service does all of it too, and more. */
#include "internal.h"

#include "harrier/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    OTHER_DESCRIPTORS = 64,       /* what store, reload and files of secrets open for a moment, and to spare */
    FOLLOWER_DESCRIPTORS = 24,    /* the file, those pinned behind it, a folder being looked through */
    DESTINATION_DESCRIPTORS = 16, /* requests in flight */
};

/* Memory of huge events goes back to the system when they are done: glibc would raise by itself the size from which it maps blocks of their own, and each
 * thread's heap would then keep its largest event's. */
void process_bound_heaps(void)
{
#ifdef __GLIBC__
    enum { MAPPED_FROM = 256 * 1024 };
    mallopt(M_MMAP_THRESHOLD, MAPPED_FROM);
#endif
}

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

void process_raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_warning("cannot raise the number of open files to %llu: %s", (unsigned long long)limit.rlim_max, strerror(errno));
}

/* What is open besides connections, now and later. */
static uint64_t descriptors_of_others(const struct config *config)
{
    uint64_t others = (uint64_t)config->admin.connections * 2 + config->destination_count * DESTINATION_DESCRIPTORS + OTHER_DESCRIPTORS;

    for (size_t i = 0; i < config->source_count; i++)
        others += config->sources[i].type == CONFIG_SOURCE_FILE ? FOLLOWER_DESCRIPTORS : 1;
    return others;
}

uint64_t process_connections_most(const struct config *config, size_t worker_count)
{
    uint64_t wanted = (uint64_t)config->limits.connections * worker_count, others = descriptors_of_others(config);
    int lowest = open("/dev/null", O_RDONLY | O_CLOEXEC); /* about as many are open */
    struct rlimit limit;

    if (lowest >= 0)
        close(lowest);
    if (lowest < 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return wanted;
    uint64_t room = limit.rlim_cur > (rlim_t)lowest ? limit.rlim_cur - (rlim_t)lowest : 0;
    if (room >= wanted + others)
        return wanted;
    uint64_t most = room > 2 * others ? room - others : room / 2;
    log_warning("%llu files may be open: %llu are kept for the store, destinations, followed files and the admin page, so that %llu connections "
                "are taken at once, and not the %llu of limits.connections (%lld) and %zu workers; raise LimitNOFILE= (or ulimit -n) to %llu, or "
                "lower limits.connections",
                (unsigned long long)limit.rlim_cur, (unsigned long long)(limit.rlim_cur - most), (unsigned long long)most,
                (unsigned long long)wanted, (long long)config->limits.connections, worker_count,
                (unsigned long long)((uint64_t)lowest + wanted + others));
    return most;
}
