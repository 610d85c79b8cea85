/* SPDX-License-Identifier: Apache-2.0 */
/* Health on the main thread: once a second it takes what the workers have noticed, and hands what is to be told to the commit thread as any alert. */
#include "internal.h"

#include "daemon/health/gap_tell.h"
#include "daemon/commit/mailbox.h"
#include "daemon/route/routing.h"

#include "harrier/base/log.h"
#include "harrier/base/memory.h"

#include <stdlib.h>

#define KEY_PREFIX "health/"
#define NAMES_PREFIX "clusters/"
#define GAP_KEY "gap/last"

/* What a killed daemon had not saved counts as time in which it was down, so it is to be little beside GAP_PATIENCE. */
enum { SAVE_SECONDS = 15, ARENA_BYTES = 16384, KEY_BYTES = 32 };

struct health_timer {
    struct server *server;
    struct health *health;
    struct gap *gap;
    bool gap_under_way; /* its notices are */
    struct event *timer;
    struct mailbox *mailbox;
    clock_nanos save_at; /* monotonic */
};

/* A source of its own for the queue: no sender's flood holds it up. */
static const struct commit_sender own = {.source = COMMIT_OWN, .insists = true};

/* A notice on its way through the commit thread. */
struct told {
    struct mailbox_message message;
    struct health_timer *timer;
    size_t id;
    bool stored;
    bool over;
    struct buffer text; /* for the log, once it is stored */
    char *source, *cluster;
};

/* A save on its way. */
struct saving {
    struct mailbox_message message;
    struct health_timer *timer;
    uint64_t save;
    bool stored;
};

/* A source's position has its name for a key, and names have no slash. */
static struct slice key_of(const char *prefix, size_t slot, char key[KEY_BYTES])
{
    snprintf(key, KEY_BYTES, "%s%zu", prefix, slot);
    return slice_of(key);
}

/* --- telling ---------------------------------------------------------------------------------------------------------------------------- */

static void log_told(const struct told *told)
{
    log_write_fields(told->over ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING,
                     LOG_FIELDS({LOG_FIELD_SOURCE, slice_of(told->source)}, {LOG_FIELD_CLUSTER, slice_of(told->cluster)}), "health: %.*s",
                     SLICE_ARGS(buffer_slice(&told->text)));
}

static void told_free(struct told *told)
{
    buffer_free(&told->text);
    free(told->source);
    free(told->cluster);
    free(told);
}

static void told_arrived(struct mailbox_message *message, void *context)
{
    struct told *told = (struct told *)message;
    struct health_timer *timer = context;

    if (told->stored)
        log_told(told);
    health_told(timer->health, told->id, told->stored);
    told_free(told);
}

/* On the commit thread. */
static void told_done(void *context, enum result result, struct submission *submission)
{
    struct told *told = context;

    told->stored = result == RESULT_OK;
    submission_free(submission);
    mailbox_post(told->timer->mailbox, &told->message);
}

static struct told *told_new(struct health_timer *timer, const struct health_telling *telling)
{
    const struct alert_notice *notice = telling->notice;
    struct told *told = xcalloc(1, sizeof *told);

    told->message.deliver = told_arrived;
    told->timer = timer;
    told->id = telling->id;
    told->over = notice->over;
    alert_notice_text(notice, &told->text);
    told->source = xasprintf("%.*s", SLICE_ARGS(notice->source));
    told->cluster = xasprintf("%.*s", SLICE_ARGS(notice->cluster));
    return told;
}

static struct submission *submission_of(struct health_timer *timer, const struct health_telling *telling)
{
    struct submission *submission = submission_new(telling->notice->cluster, telling->notice->cluster);
    char key[KEY_BYTES];
    struct alert alert;

    alert_from_notice(&alert, telling->notice);
    enum result result = routing_add_alert(timer->server->generation->routes, &alert, submission);
    alert_free(&alert);
    for (size_t i = 0; result == RESULT_OK && i < telling->state_count; i++)
        result = submission_add_position(submission, key_of(KEY_PREFIX, telling->states[i].slot, key), telling->states[i].state);
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
    struct told *told = told_new(timer, telling);
    if (!commit_submit(timer->server->commit, &own, submission, told_done, told)) {
        submission_free(submission);
        told_free(told);
        return false;
    }
    return true;
}

/* --- gaps ------------------------------------------------------------------------------------------------------------------------------- */

/* The notices of a gap on their way. */
struct gap_told {
    struct mailbox_message message;
    struct health_timer *timer;
    struct gap_span span;
    bool stored;
};

static void add_gap_position(struct submission *submission, const struct gap *gap, bool told)
{
    struct buffer state = {NULL, 0, 0};

    gap_write(gap, told, &state);
    submission_add_position(submission, slice_of(GAP_KEY), buffer_slice(&state));
    buffer_free(&state);
}

static void log_gap(void *context, const struct alert_notice *notice)
{
    struct buffer text = {NULL, 0, 0};

    (void)context;
    alert_notice_text(notice, &text);
    log_write_fields(LOG_LEVEL_WARNING, LOG_FIELDS({LOG_FIELD_SOURCE, notice->source}, {LOG_FIELD_CLUSTER, notice->cluster}), "health: %.*s",
                     SLICE_ARGS(buffer_slice(&text)));
    buffer_free(&text);
}

static void gap_arrived(struct mailbox_message *message, void *context)
{
    struct gap_told *told = (struct gap_told *)message;
    struct health_timer *timer = context;

    timer->gap_under_way = false;
    if (told->stored) {
        gap_told(timer->gap, &told->span);
        gap_notices(timer->server->boot->config, timer->health, &told->span, log_gap, NULL);
    }
    free(told);
}

/* On the commit thread. */
static void gap_done(void *context, enum result result, struct submission *submission)
{
    struct gap_told *told = context;

    told->stored = result == RESULT_OK;
    submission_free(submission);
    mailbox_post(told->timer->mailbox, &told->message);
}

struct gap_submission {
    struct health_timer *timer;
    struct submission *submission;
};

static void add_gap_alert(void *context, const struct alert_notice *notice)
{
    const struct gap_submission *to = context;
    struct alert alert;

    alert_from_notice(&alert, notice);
    if (routing_add_alert(to->timer->server->generation->routes, &alert, to->submission) != RESULT_OK)
        log_gap(NULL, notice);
    alert_free(&alert);
}

/* All its notices in one transaction with the state that says so. */
static void tell_gap(struct health_timer *timer)
{
    struct gap_span span;

    if (timer->gap_under_way || !gap_untold(timer->gap, &span) || !commit_is_healthy(timer->server->commit))
        return;
    struct gap_submission to = {timer, submission_new(SLICE(""), SLICE(""))};
    struct gap_told *told = xcalloc(1, sizeof *told);
    told->message.deliver = gap_arrived;
    told->timer = timer;
    told->span = span;
    gap_notices(timer->server->boot->config, timer->health, &span, add_gap_alert, &to);
    add_gap_position(to.submission, timer->gap, true);
    timer->gap_under_way = commit_submit(timer->server->commit, &own, to.submission, gap_done, told);
    if (timer->gap_under_way)
        return;
    submission_free(to.submission);
    free(told);
}

void health_timer_gap(const struct health_timer *timer, health_visit *visit, void *context)
{
    struct gap_span span;

    if (gap_untold(timer->gap, &span) || gap_shown(timer->gap, &span))
        gap_notices(timer->server->boot->config, timer->health, &span, visit, context);
}

/* --- remembering ------------------------------------------------------------------------------------------------------------------------ */

static void restore_slot(struct slice key, struct slice state, void *context)
{
    const struct health_timer *timer = context;
    int64_t slot;

    if (slice_to_int64(slice_from(key, strlen(KEY_PREFIX)), &slot) && slot >= 0 && slot < timer->server->boot->config->health.clusters)
        health_restore(timer->health, (size_t)slot, state);
}

static void restore_names(struct slice key, struct slice state, void *context)
{
    const struct health_timer *timer = context;
    int64_t part;

    if (slice_to_int64(slice_from(key, strlen(NAMES_PREFIX)), &part) && part >= 0 && part < timer->server->boot->config->health.unknown_clusters)
        health_restore_names(timer->health, (size_t)part, state);
}

static void restore(struct health_timer *timer)
{
    struct store_reader *reader = timer->server->reader;

    if (store_positions(reader, KEY_PREFIX, restore_slot, timer) != RESULT_OK || store_positions(reader, NAMES_PREFIX, restore_names, timer) != RESULT_OK)
        log_error("health: what was known of clusters cannot be read: %s; those that the configuration does not name are missed from their next "
                  "event on",
                  store_reader_error(reader));
}

static void add_state(void *context, size_t slot, struct slice state)
{
    char key[KEY_BYTES];
    submission_add_position(context, key_of(KEY_PREFIX, slot, key), state);
}

static void add_names(void *context, size_t part, struct slice state)
{
    char key[KEY_BYTES];
    submission_add_position(context, key_of(NAMES_PREFIX, part, key), state);
}

/* Nothing is forgotten before it is known to be stored; what was not is offered again soon. */
static void saving_arrived(struct mailbox_message *message, void *context)
{
    struct saving *saving = (struct saving *)message;
    struct health_timer *timer = context;

    if (saving->stored)
        health_saved(timer->health, saving->save);
    else
        timer->save_at = 0;
    free(saving);
}

/* On the commit thread. */
static void saving_done(void *context, enum result result, struct submission *submission)
{
    struct saving *saving = context;

    saving->stored = result == RESULT_OK;
    submission_free(submission);
    mailbox_post(saving->timer->mailbox, &saving->message);
}

static void save(struct health_timer *timer)
{
    struct submission *submission = submission_new(SLICE(""), SLICE(""));
    struct saving *saving = xcalloc(1, sizeof *saving);

    saving->message.deliver = saving_arrived;
    saving->timer = timer;
    saving->save = health_save(timer->health, add_state, add_names, submission);
    if (!timer->gap_under_way) /* what is on the way says more */
        add_gap_position(submission, timer->gap, false);
    timer->save_at = clock_monotonic() + SAVE_SECONDS * CLOCK_SECOND;
    if (commit_submit(timer->server->commit, &own, submission, saving_done, saving))
        return;
    timer->save_at = 0;
    submission_free(submission);
    free(saving);
}

/* --- the timer --------------------------------------------------------------------------------------------------------------------------- */

static void note_losses(struct health_timer *timer)
{
    struct server *server = timer->server;

    for (size_t s = 0; s < server->boot->config->source_count; s++) {
        struct source_follower_counts counts;
        for (size_t i = 0; i < server->worker_count; i++)
            if (worker_follower_counts(server->workers[i], s, &counts))
                health_note_losses(timer->health, s, counts.lost);
    }
}

static void take(struct health_timer *timer)
{
    struct server *server = timer->server;

    for (size_t i = 0; i < server->worker_count; i++) {
        struct watch_batch batch = watch_take(worker_watch(server->workers[i]));
        health_merge(timer->health, &batch);
        watch_batch_free(&batch);
    }
    note_losses(timer);
}

static void timer_cb(evutil_socket_t fd, short what, void *argument)
{
    struct health_timer *timer = argument;
    clock_nanos now = clock_monotonic();

    (void)fd;
    (void)what;
    take(timer);
    bool accepting = server_not_ready(timer->server) == NULL;
    struct counted_state clocks;
    counted_state(store_clock(timer->server->store), &clocks);
    clock_nanos slept = gap_tick(timer->gap, &clocks, now, accepting);
    if (slept)
        health_away(timer->health, slept);
    health_tick(timer->health, clocks.wall, now, accepting);
    tell_gap(timer);
    if (now >= timer->save_at && commit_is_healthy(timer->server->commit))
        save(timer);
}

static struct gap *restored_gap(struct server *server, const struct counted_state *clocks)
{
    struct arena *arena = arena_new(ARENA_BYTES);
    struct slice stored = SLICE("");

    if (store_position(server->reader, GAP_KEY, arena, &stored) != RESULT_OK)
        stored = SLICE("");
    struct gap *gap = gap_new(clocks, stored);
    arena_free(arena);
    return gap;
}

struct health_timer *health_timer_start(struct server *server)
{
    const struct timeval period = {.tv_sec = 1};
    struct health_timer *timer = xcalloc(1, sizeof *timer);
    struct counted_state clocks;

    timer->server = server;
    counted_state(store_clock(server->store), &clocks);
    timer->gap = restored_gap(server, &clocks);
    const struct health_options options = {.config = server->boot->config,
                                           .clusters = server->clusters,
                                           .wall = clocks.wall,
                                           .monotonic = clock_monotonic(),
                                           .away = gap_away(timer->gap),
                                           .tell = tell,
                                           .context = timer};
    timer->mailbox = mailbox_new(server->base, timer);
    timer->health = health_new(&options);
    restore(timer);
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
    gap_free(timer->gap);
    free(timer);
}

const struct health *health_timer_health(const struct health_timer *timer)
{
    return timer->health;
}
