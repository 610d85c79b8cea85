/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/base/counted.h"

#include "harrier/base/log.h"
#include "harrier/base/memory.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct counted {
    struct counted_source source;
    pthread_mutex_t mutex;
    struct counted_state state; /* as of the last look */
    clock_nanos missed;
    uint64_t jumps;
    clock_nanos last_jump, last_jump_at;
};

/* --- the system's readings ---------------------------------------------------------------------------------------------- */

static void read_system(void *context, clock_nanos *boot, clock_nanos *wall)
{
    struct timespec now;
    (void)context;
    *boot = clock_gettime(CLOCK_BOOTTIME, &now) == 0 ? clock_of_timespec(&now) : clock_monotonic();
    *wall = clock_wall();
}

/* Only the hex digits: the kernel writes the id with dashes, systemd without. */
static void normalize_boot_id(const char *text, char id[COUNTED_BOOT_ID])
{
    size_t length = 0;
    for (; *text != '\0' && length < COUNTED_BOOT_ID - 1; text++) {
        if (strchr("0123456789abcdefABCDEF", *text))
            id[length++] = *text;
    }
    id[length == COUNTED_BOOT_ID - 1 ? length : 0] = '\0';
}

/* Under the unit /proc shows processes only (ProcSubset=pid), so the unit says which boot this is. */
static void read_boot_id(char id[COUNTED_BOOT_ID])
{
    char text[64] = "";
    const char *given = getenv("HARRIER_BOOT_ID");
    int file = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        ssize_t length = read(file, text, sizeof text - 1);
        text[length > 0 ? length : 0] = '\0';
        close(file);
    } else if (given != NULL) {
        strncpy(text, given, sizeof text - 1);
    }
    normalize_boot_id(text, id);
}

/* --- counting ----------------------------------------------------------------------------------------------------------- */

static clock_nanos within(clock_nanos span, clock_nanos most)
{
    return span < 0 ? 0 : span < most ? span : most;
}

static void log_jump(clock_nanos jump)
{
    log_warning("the system's clock has jumped %s by %lld s: nothing that is stored ages by it, but times in alerts and logs are the clock's: see "
                "that it is right (chronyc tracking, timedatectl)",
                jump > 0 ? "forward" : "back", (long long)((jump > 0 ? jump : -jump) / CLOCK_SECOND));
}

/* A jump is what the wall clock went more, or less, than the kernel's. */
static void note_jump(struct counted *counted, clock_nanos boot_step, clock_nanos wall_step)
{
    clock_nanos jump = clock_difference(wall_step, boot_step);
    if (jump < COUNTED_JUMP && jump > -COUNTED_JUMP)
        return;
    counted->jumps++;
    counted->last_jump = jump;
    counted->last_jump_at = counted->state.counted;
    log_jump(jump);
}

/* The mutex is held. */
static void look(struct counted *counted)
{
    struct counted_state *state = &counted->state;
    clock_nanos boot, wall;
    counted->source.read(counted->source.context, &boot, &wall);
    clock_nanos step = clock_difference(boot, state->boot);
    state->counted += within(step, COUNTED_STEP_MAX);
    note_jump(counted, step, clock_difference(wall, state->wall));
    state->boot = boot;
    state->wall = wall;
}

/* Goes on with what the last process has stored. */
static void resume(struct counted *counted, const struct counted_state *stored)
{
    struct counted_state *state = &counted->state;
    clock_nanos away = clock_difference(state->boot, stored->boot);
    bool same_boot = state->boot_id[0] != '\0' && strcmp(state->boot_id, stored->boot_id) == 0 && away >= 0;
    state->counted = within(stored->counted, INT64_MAX / 2);
    counted->missed = same_boot ? away - within(away, COUNTED_AWAY_MAX) : INT64_MAX;
    if (same_boot) {
        state->counted += within(away, COUNTED_AWAY_MAX);
        note_jump(counted, away, clock_difference(state->wall, stored->wall));
    } else if (clock_difference(state->wall, stored->wall) <= -COUNTED_JUMP) {
        note_jump(counted, 0, clock_difference(state->wall, stored->wall)); /* forward would be nothing but a machine that was off */
    }
}

struct counted *counted_new(const struct counted_source *source, const struct counted_state *stored)
{
    struct counted *counted = xcalloc(1, sizeof *counted);
    pthread_mutex_init(&counted->mutex, NULL);
    if (source != NULL && source->read != NULL) {
        counted->source = *source;
        normalize_boot_id(source->boot_id ? source->boot_id : "", counted->state.boot_id);
    } else {
        counted->source.read = read_system;
        read_boot_id(counted->state.boot_id);
    }
    counted->source.read(counted->source.context, &counted->state.boot, &counted->state.wall);
    if (stored != NULL)
        resume(counted, stored);
    else
        counted->state.counted = within(counted->state.wall, INT64_MAX / 2);
    return counted;
}

void counted_free(struct counted *counted)
{
    if (counted == NULL)
        return;
    pthread_mutex_destroy(&counted->mutex);
    free(counted);
}

/* --- asking ------------------------------------------------------------------------------------------------------------- */

clock_nanos counted_now(struct counted *counted)
{
    pthread_mutex_lock(&counted->mutex);
    look(counted);
    clock_nanos now = counted->state.counted;
    pthread_mutex_unlock(&counted->mutex);
    return now;
}

void counted_state(struct counted *counted, struct counted_state *state)
{
    pthread_mutex_lock(&counted->mutex);
    look(counted);
    *state = counted->state;
    pthread_mutex_unlock(&counted->mutex);
}

clock_nanos counted_missed(const struct counted *counted)
{
    return counted->missed;
}

void counted_jumps(struct counted *counted, struct counted_jumps *jumps)
{
    pthread_mutex_lock(&counted->mutex);
    *jumps = (struct counted_jumps){.count = counted->jumps, .last = counted->last_jump};
    if (counted->jumps > 0)
        jumps->last_age = counted->state.counted - counted->last_jump_at;
    pthread_mutex_unlock(&counted->mutex);
}
