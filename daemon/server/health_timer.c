/* SPDX-License-Identifier: Apache-2.0 */
/* Health on the main thread: once a second it takes what the workers have noticed, and hands what is to be told to the commit thread as any alert. */
#include "internal.h"

#include "health.h"
#include "mailbox.h"
#include "routing.h"

#include "harrier/log.h"
#include "harrier/memory.h"

#include <stdlib.h>

#define KEY_PREFIX "health/"

enum { SAVE_SECONDS = 60, ARENA_BYTES = 16384, KEY_BYTES = 32 };

struct health_timer {
    struct server *server;
    struct health *health;
    struct event *timer;
    struct mailbox *mailbox;
    struct arena *arena; /* scratch of routes */
    clock_nanos save_at; /* monotonic */
};

/* A source of its own for the queue: no sender's flood holds it up. */
static const struct commit_sender own = {.source = COMMIT_OWN, .insists = true};

/* A notice on its way through the commit thread. */
struct told {
    struct mailbox_message message;
    struct health_timer *timer;
    size_t slot;
    bool stored;
};

/* A source's position has its name for a key, and names have no slash. */
static struct slice key_of(size_t slot, char key[KEY_BYTES])
{
    snprintf(key, KEY_BYTES, KEY_PREFIX "%zu", slot);
    return slice_of(key);
}

/* --- telling ---------------------------------------------------------------------------------------------------------------------------- */

static void told_arrived(struct mailbox_message *message, void *context)
{
    struct told *told = (struct told *)message;
    struct health_timer *timer = context;

    health_told(timer->health, told->slot, told->stored);
    free(told);
}

/* On the commit thread. */
static void told_done(void *context, enum result result, struct submission *submission)
{
    struct told *told = context;

    told->stored = result == RESULT_OK;
    submission_free(submission);
    mailbox_post(told->timer->mailbox, &told->message);
}

static void log_notice_text(const struct alert_notice *notice)
{
    struct buffer text = {NULL, 0, 0};

    alert_notice_text(notice, &text);
    log_write_fields(notice->over ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING,
                     LOG_FIELDS({LOG_FIELD_SOURCE, notice->source}, {LOG_FIELD_CLUSTER, notice->cluster}), "health: %.*s",
                     SLICE_ARGS(buffer_slice(&text)));
    buffer_free(&text);
}

static struct submission *submission_of(struct health_timer *timer, const struct health_telling *telling)
{
    struct submission *submission = submission_new(telling->notice->cluster, telling->notice->cluster);
    char key[KEY_BYTES];
    struct alert alert;

    alert_from_notice(&alert, telling->notice);
    enum result result = routing_add_alert(timer->server->generation->routes, timer->arena, &alert, submission);
    alert_free(&alert);
    if (result == RESULT_OK)
        result = submission_add_position(submission, key_of(telling->slot, key), telling->state);
    if (result == RESULT_OK)
        return submission;
    log_error("health: a notice could not be queued: %s", result_text(result));
    submission_free(submission);
    return NULL;
}

static bool tell(void *context, const struct health_telling *telling)
{
    struct health_timer *timer = context;

    if (!commit_is_healthy(timer->server->commit))
        return false;
    struct submission *submission = submission_of(timer, telling);
    if (!submission)
        return false;
    struct told *told = xcalloc(1, sizeof *told);
    told->message.deliver = told_arrived;
    told->timer = timer;
    told->slot = telling->slot;
    if (!commit_submit(timer->server->commit, &own, submission, told_done, told)) {
        submission_free(submission);
        free(told);
        return false;
    }
    log_notice_text(telling->notice);
    return true;
}

/* --- remembering ------------------------------------------------------------------------------------------------------------------------ */

static void restore_slot(struct slice key, struct slice state, void *context)
{
    const struct health_timer *timer = context;
    int64_t slot;

    if (slice_to_int64(slice_from(key, strlen(KEY_PREFIX)), &slot) && slot >= 0 && slot < timer->server->boot->config->health.clusters)
        health_restore(timer->health, (size_t)slot, state);
}

static void add_state(void *context, size_t slot, struct slice state)
{
    char key[KEY_BYTES];
    submission_add_position(context, key_of(slot, key), state);
}

/* What is not saved is saved the next time. */
static void saved(void *context, enum result result, struct submission *submission)
{
    (void)context;
    (void)result;
    submission_free(submission);
}

static void save(struct health_timer *timer)
{
    struct submission *submission = submission_new(SLICE(""), SLICE(""));

    health_save(timer->health, add_state, submission);
    if (submission_is_empty(submission) || !commit_submit(timer->server->commit, &own, submission, saved, NULL))
        submission_free(submission);
}

/* --- the timer --------------------------------------------------------------------------------------------------------------------------- */

static void take(struct health_timer *timer)
{
    struct server *server = timer->server;
    uint64_t refused = 0;

    for (size_t i = 0; i < server->worker_count; i++) {
        struct map *batch = watch_take(worker_watch(server->workers[i]), &refused);
        health_merge(timer->health, batch);
        watch_batch_free(batch);
    }
    health_add_refused(timer->health, refused);
}

static void timer_cb(evutil_socket_t fd, short what, void *argument)
{
    struct health_timer *timer = argument;
    clock_nanos now = clock_monotonic();

    (void)fd;
    (void)what;
    take(timer);
    health_tick(timer->health, clock_wall(), now, server_not_ready(timer->server) == NULL);
    if (now < timer->save_at)
        return;
    save(timer);
    timer->save_at = now + SAVE_SECONDS * CLOCK_SECOND;
}

struct health_timer *health_timer_start(struct server *server)
{
    const struct timeval period = {.tv_sec = 1};
    struct health_timer *timer = xcalloc(1, sizeof *timer);
    const struct health_options options = {
        .config = server->boot->config, .wall = clock_wall(), .monotonic = clock_monotonic(), .tell = tell, .context = timer};

    timer->server = server;
    timer->arena = arena_new(ARENA_BYTES);
    timer->mailbox = mailbox_new(server->base, timer);
    timer->health = health_new(&options);
    store_positions(server->reader, KEY_PREFIX, restore_slot, timer);
    timer->timer = event_new(server->base, -1, EV_PERSIST, timer_cb, timer);
    event_add(timer->timer, &period);
    return timer;
}

void health_timer_stop(struct health_timer *timer)
{
    if (!timer)
        return;
    event_free(timer->timer);
    timer->timer = NULL;
    take(timer);
    save(timer);
}

void health_timer_free(struct health_timer *timer)
{
    if (!timer)
        return;
    mailbox_free(timer->mailbox);
    health_free(timer->health);
    arena_free(timer->arena);
    free(timer);
}

const struct health *health_timer_health(const struct health_timer *timer)
{
    return timer->health;
}
