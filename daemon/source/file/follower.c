/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/follower.h"

#include "daemon/source/channel.h"
#include "watch.h"
#include "trail.h"
#include "harrier/cri.h"
#include "harrier/base/log.h"
#include "harrier/base/memory.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum { DEFAULT_STRETCH_BYTES = 1024 * 1024, RETRY_DOUBLINGS = 4 };

struct figures {
    _Atomic uint64_t bytes, lines, rotations, truncations, lost, refusals, lag_bytes, offset, inode, readable;
};

/* The bytes that are read and not acknowledged: `gone` of them were handed over and are in the file alone, `filled` are in the buffer, the
 * first `taken` of these handed over as well. A stretch whose whole messages fit into the buffer is handed over in one go and ended; of a
 * message that does not, the buffer is handed over piece by piece (gone grows), and the unit ends where a message ends. What is not
 * acknowledged comes again out of the buffer, or, if some of it is gone, out of the file. */
struct source_follower {
    struct source_worker *worker;
    struct source_follower_options options; /* its strings are owned */
    struct trail *trail;                    /* NULL: standard input */
    struct file_watch *watch;
    uint64_t watched_turn;
    struct event *turn;     /* goes on with the next stretch */
    struct event *look;     /* once in a while */
    struct event *readable; /* standard input */
    struct cri_reader *messages;
    char *buffer;
    size_t filled, taken;
    uint64_t gone;
    struct source_request *request; /* the unit in hand */
    uint64_t unit_lines;
    bool carried;                        /* what is gone began in a file before this one, */
    char origin[FOLLOWED_POSITION_TEXT]; /* there */
    bool waiting;                        /* for its answer */
    bool ended;                          /* standard input */
    bool draining;
    clock_nanos held_up_since; /* by a message whose last part is missing; 0: nothing is */
    uint64_t held_up_at;       /* bytes that the messages' reader knew of then */
    bool part_reported;
    unsigned int failures; /* in a row */
    clock_nanos paused_until;
    bool unsaved; /* there is a newer position than the one that is stored */
    bool has_position, position_due;
    char position[FOLLOWED_POSITION_TEXT]; /* behind the unit in hand */
    clock_nanos saved_at;
    struct figures figures;
};

/* --- figures --------------------------------------------------------------------------------------------------------------------- */

static void put(_Atomic uint64_t *figure, uint64_t value)
{
    atomic_store_explicit(figure, value, memory_order_relaxed);
}

static uint64_t get(const _Atomic uint64_t *figure)
{
    return atomic_load_explicit(figure, memory_order_relaxed);
}

static void note_figures(struct source_follower *follower)
{
    struct figures *figures = &follower->figures;
    uint64_t owed = follower->filled + follower->gone;
    struct trail_figures now;

    if (!follower->trail) {
        put(&figures->lag_bytes, owed);
        put(&figures->readable, !follower->ended);
        return;
    }
    trail_figures(follower->trail, &now);
    put(&figures->rotations, now.rotations);
    put(&figures->truncations, now.truncations);
    put(&figures->lost, now.lost);
    put(&figures->lag_bytes, now.behind + owed);
    put(&figures->offset, now.offset > owed ? now.offset - owed : 0);
    put(&figures->inode, now.inode);
    put(&figures->readable, now.open);
}

void source_follower_count(const struct source_follower *follower, struct source_follower_counts *counts)
{
    const struct figures *figures = &follower->figures;

    *counts = (struct source_follower_counts){
        .bytes = get(&figures->bytes),
        .lines = get(&figures->lines),
        .rotations = get(&figures->rotations),
        .truncations = get(&figures->truncations),
        .lost = get(&figures->lost),
        .refusals = get(&figures->refusals),
        .lag_bytes = get(&figures->lag_bytes),
        .offset = get(&figures->offset),
        .inode = get(&figures->inode),
        .readable = get(&figures->readable),
    };
}

/* --- units ----------------------------------------------------------------------------------------------------------------------- */

/* The unit in hand is gone, and what it had comes again. */
static void take_back(struct source_follower *follower)
{
    follower->request = NULL;
    follower->taken = 0;
    follower->held_up_since = 0;
    cri_reader_reset(follower->messages);
    if (follower->carried) {
        trail_resume(follower->trail, slice_of(follower->origin));
        follower->filled = 0;
    } else if (follower->gone && follower->trail) {
        trail_go_back(follower->trail, follower->gone + follower->filled);
        follower->filled = 0;
    } else if (follower->gone) {
        log_about(LOG_LEVEL_ERROR, LOG_FIELD_SOURCE, follower->options.name,
                  "source `%s`: a message was not stored, and %llu bytes of it are lost: standard input cannot be read again",
                  follower->options.name, (unsigned long long)follower->gone);
    }
    follower->gone = 0;
    follower->carried = false;
}

static void fail(struct source_follower *follower, unsigned int status)
{
    unsigned int doublings = follower->failures < RETRY_DOUBLINGS ? follower->failures : RETRY_DOUBLINGS;
    clock_nanos pause = follower->options.look_interval << doublings;

    take_back(follower);
    counter_add(&follower->figures.refusals, 1);
    if (follower->failures++ == 0)
        log_about(LOG_LEVEL_WARNING, LOG_FIELD_SOURCE, follower->options.name,
                  "source `%s`: a stretch was not taken (%u); it is handed over again until it is", follower->options.name, status);
    follower->paused_until = clock_monotonic() + pause;
}

/* Too many events for now, says begin(): as the source is configured, and nothing to speak of. */
static void wait_for(struct source_follower *follower, unsigned int seconds)
{
    take_back(follower);
    follower->paused_until = clock_monotonic() + (seconds ? seconds * CLOCK_SECOND : follower->options.look_interval);
}

static void succeed(struct source_follower *follower)
{
    if (follower->failures)
        log_about(LOG_LEVEL_NOTICE, LOG_FIELD_SOURCE, follower->options.name, "source `%s`: goes on", follower->options.name);
    follower->failures = 0;
    counter_add(&follower->figures.bytes, follower->gone + follower->taken);
    counter_add(&follower->figures.lines, follower->unit_lines);
    follower->filled -= follower->taken;
    memmove(follower->buffer, follower->buffer + follower->taken, follower->filled);
    follower->taken = 0;
    follower->gone = 0;
    follower->carried = false;
    follower->unsaved = !(follower->has_position && follower->position_due);
    if (!follower->unsaved)
        follower->saved_at = clock_monotonic();
}

static void save_position(struct source_follower *follower);

/* 400: there was nothing to read in it; what it was is in the dead letters. */
static void answered(void *owner, unsigned int status, unsigned int retry_after, struct slice json)
{
    struct source_follower *follower = owner;

    (void)retry_after;
    (void)json;
    follower->waiting = false;
    follower->request = NULL;
    if (status / 100 == 2 || status == 400)
        succeed(follower);
    else
        fail(follower, status);
    note_figures(follower);
    if (!follower->draining)
        event_active(follower->turn, EV_TIMEOUT, 0);
    else if (follower->failures == 0)
        save_position(follower);
}

static bool position_of(const void *owner, struct source_position *position)
{
    const struct source_follower *follower = owner;

    *position = (struct source_position){slice_of(follower->options.position_key), slice_of(follower->position), follower->position_due};
    return follower->has_position;
}

static const struct request_owner follower_as_owner = {.answered = answered, .position = position_of};

/* One, if there is none in hand. */
static bool begin_unit(struct source_follower *follower)
{
    const struct source_head head = {
        .source = follower->options.source, .content_length = SOURCE_LENGTH_UNKNOWN, .resends = follower->trail != NULL};
    struct source_refusal refusal;

    if (follower->request)
        return true;
    follower->unit_lines = 0;
    follower->request = unit_begin(follower->worker, &head, follower, &follower_as_owner, &refusal);
    if (!follower->request && refusal.status == 429)
        wait_for(follower, refusal.retry_after);
    else if (!follower->request)
        fail(follower, refusal.status);
    return follower->request != NULL;
}

static bool hand_over(struct source_follower *follower, size_t length)
{
    if (!begin_unit(follower))
        return false;
    if (cri_reader_feed(follower->messages, slice_make(follower->buffer, length)) == RESULT_OK)
        return true;
    unit_abort(follower->request);
    fail(follower, 503);
    return false;
}

/* Nothing of the follower's may be touched after it: the answer may have come. */
static void end_unit(struct source_follower *follower)
{
    struct source_request *request = follower->request;

    follower->has_position = follower->trail && trail_position(follower->trail, follower->filled - follower->taken, follower->position);
    follower->position_due = clock_monotonic() - follower->saved_at >= follower->options.position_interval || follower->draining;
    follower->waiting = true;
    follower->held_up_since = 0;
    request->worker->handler.end(request->context);
}

static enum result on_text(void *context, struct slice bytes)
{
    const struct source_request *request = ((struct source_follower *)context)->request;
    return request->worker->handler.body(request->context, bytes);
}

static void on_message_end(void *context)
{
    const struct source_request *request = ((struct source_follower *)context)->request;
    request->worker->handler.message_end(request->context);
}

/* A unit of no bytes, for the position alone. */
static void save_position(struct source_follower *follower)
{
    char place[FOLLOWED_POSITION_TEXT];

    if (follower->unsaved && follower->trail && trail_position(follower->trail, 0, place) && begin_unit(follower))
        end_unit(follower);
}

/* --- reading --------------------------------------------------------------------------------------------------------------------- */

static enum trail_state read_standard_input(char *bytes, size_t size, size_t *length)
{
    struct pollfd readable = {.fd = STDIN_FILENO, .events = POLLIN};
    ssize_t got = -1;

    *length = 0;
    if (poll(&readable, 1, 0) <= 0)
        return TRAIL_NOTHING;
    got = read(STDIN_FILENO, bytes, size);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return TRAIL_NOTHING;
    if (got <= 0)
        return TRAIL_END;
    *length = (size_t)got;
    return TRAIL_BYTES;
}

/* As much as there is and the buffer takes. TRAIL_BYTES: there may be more. */
static enum trail_state fill(struct source_follower *follower)
{
    enum trail_state state = TRAIL_BYTES;

    while (state == TRAIL_BYTES && follower->filled < follower->options.stretch_bytes) {
        char *end = follower->buffer + follower->filled;
        size_t room = follower->options.stretch_bytes - follower->filled, length;
        if (follower->trail)
            state = trail_read(follower->trail, clock_monotonic(), end, room, &length);
        else
            state = read_standard_input(end, room, &length);
        follower->filled += length;
    }
    return state;
}

static void watch_file(struct source_follower *follower)
{
    if (!follower->trail || trail_turn(follower->trail) == follower->watched_turn)
        return;
    follower->watched_turn = trail_turn(follower->trail);
    file_watch_set(follower->watch, trail_descriptor(follower->trail), trail_folder(follower->trail));
}

/* Whole messages. */
static void hand_stretch_over(struct source_follower *follower, size_t length, uint64_t lines)
{
    if (!hand_over(follower, length))
        return;
    follower->taken = length;
    follower->unit_lines += lines;
    end_unit(follower);
}

/* The beginning of a message, or more of it: the unit stays in hand. */
static void hand_piece_over(struct source_follower *follower)
{
    if (!hand_over(follower, follower->filled))
        return;
    follower->gone += follower->filled;
    follower->filled = 0;
    event_active(follower->turn, EV_TIMEOUT, 0);
}

/* What is unfinished of it is a message as it is. */
static void finish_messages(struct source_follower *follower, size_t length, uint64_t lines)
{
    if (!hand_over(follower, length))
        return;
    if (cri_reader_finish(follower->messages) != RESULT_OK) {
        unit_abort(follower->request);
        fail(follower, 503);
        return;
    }
    follower->taken = length;
    follower->unit_lines += lines;
    end_unit(follower);
}

static void report_part(struct source_follower *follower)
{
    if (!follower->part_reported)
        log_about(LOG_LEVEL_WARNING, LOG_FIELD_SOURCE, follower->options.name,
                  "source `%s`: a line is tagged P, and the rest of its message has not come: it is judged as it is, and what is behind "
                  "it goes on; further ones are not reported",
                  follower->options.name);
    follower->part_reported = true;
}

/* A message whose next part does not come must not keep what is complete behind it for ever: after a grace it ends as it is. */
static bool hand_held_up_over(struct source_follower *follower)
{
    struct slice bytes = slice_make(follower->buffer, follower->filled);
    clock_nanos now = clock_monotonic();
    uint64_t read, lines;
    size_t length;

    if (!cri_reader_is_held_up(follower->messages, bytes, &read)) {
        follower->held_up_since = 0;
        return false;
    }
    bool first = follower->held_up_since == 0;
    if (!first && now - follower->held_up_since < follower->options.part_grace)
        return false;
    if (first || !cri_reader_boundary_without(follower->messages, bytes, follower->held_up_at, &length, &lines)) {
        follower->held_up_since = now;
        follower->held_up_at = read;
        return false;
    }
    report_part(follower);
    finish_messages(follower, length, lines);
    return true;
}

/* The rest of a message that was begun in this file is in the next: the unit stays in hand, and only where it ends is a position. */
static void carry_over(struct source_follower *follower)
{
    if (!follower->carried)
        trail_position(follower->trail, follower->gone + follower->filled, follower->origin);
    if (!hand_over(follower, follower->filled))
        return;
    follower->unit_lines += follower->filled > 0;
    follower->gone += follower->filled;
    follower->filled = 0;
    follower->carried = true;
    trail_next(follower->trail);
    event_active(follower->turn, EV_TIMEOUT, 0);
}

/* The file has no more: what is unfinished is a message as it is, unless it goes on in the next one. */
static void finish_file(struct source_follower *follower)
{
    struct slice bytes = slice_make(follower->buffer, follower->filled);

    if (follower->trail && cri_reader_is_between_parts(follower->messages, bytes) && trail_goes_on(follower->trail)) {
        carry_over(follower);
    } else if (follower->filled || follower->request) {
        finish_messages(follower, follower->filled, 1);
    } else if (follower->trail) {
        trail_next(follower->trail);
        follower->unsaved = true;
        event_active(follower->turn, EV_TIMEOUT, 0);
    } else {
        follower->ended = true;
        log_about(LOG_LEVEL_NOTICE, LOG_FIELD_SOURCE, follower->options.name, "source `%s`: standard input has ended",
                  follower->options.name);
    }
}

static void be_idle(struct source_follower *follower)
{
    if (!follower->trail)
        event_add(follower->readable, NULL);
    else if (!follower->request && clock_monotonic() - follower->saved_at >= follower->options.position_interval)
        save_position(follower);
}

static void take_turn(struct source_follower *follower)
{
    uint64_t lines;

    if (follower->waiting || follower->ended || follower->draining || clock_monotonic() < follower->paused_until)
        return;
    enum trail_state state = fill(follower);
    size_t boundary = cri_reader_boundary(follower->messages, slice_make(follower->buffer, follower->filled), &lines);
    watch_file(follower);
    if (boundary || (follower->request && cri_reader_is_between_messages(follower->messages)))
        hand_stretch_over(follower, boundary, lines);
    else if (hand_held_up_over(follower))
        return;
    else if (follower->filled == follower->options.stretch_bytes)
        hand_piece_over(follower);
    else if (state == TRAIL_END)
        finish_file(follower);
    else if (state == TRAIL_AGAIN)
        event_active(follower->turn, EV_TIMEOUT, 0);
    else
        be_idle(follower);
}

static void turn_cb(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    if (((const struct source_follower *)argument)->trail)
        trail_look(((const struct source_follower *)argument)->trail);
    take_turn(argument);
    note_figures(argument);
}

static void changed(void *context)
{
    turn_cb(-1, 0, context);
}

/* --- begin and end --------------------------------------------------------------------------------------------------------------- */

static void fill_defaults(struct source_follower_options *options)
{
    if (options->stretch_bytes == 0)
        options->stretch_bytes = DEFAULT_STRETCH_BYTES;
    if (options->look_interval <= 0)
        options->look_interval = CLOCK_SECOND;
    if (options->grace <= 0)
        options->grace = 3 * CLOCK_SECOND;
    if (options->part_grace <= 0)
        options->part_grace = 5 * CLOCK_SECOND;
    if (options->position_interval <= 0)
        options->position_interval = CLOCK_SECOND;
}

_Static_assert((int)SOURCE_FOLLOWER_POSITION_BYTES == (int)FOLLOWED_POSITION_TEXT, "a position fits");

void source_follower_first_position(const char *path, char position[SOURCE_FOLLOWER_POSITION_BYTES])
{
    trail_first_position(path, clock_wall(), position);
}

struct source_follower *source_follower_new(struct source_worker *worker, const struct source_follower_options *options,
                                            struct slice position)
{
    struct source_follower *follower = xcalloc(1, sizeof *follower);

    follower->worker = worker;
    follower->options = *options;
    fill_defaults(&follower->options);
    follower->options.name = xstrdup(options->name);
    follower->options.path = xstrdup(options->path);
    follower->options.position_key = xstrdup(options->position_key ? options->position_key : "");
    follower->buffer = xmalloc(follower->options.stretch_bytes);
    follower->messages = cri_reader_new(&(struct cri_sink){follower, on_text, on_message_end});
    follower->turn = event_new(worker->base, -1, 0, turn_cb, follower);
    follower->look = event_new(worker->base, -1, EV_PERSIST, turn_cb, follower);
    if (strcmp(options->path, "-") == 0)
        follower->readable = event_new(worker->base, STDIN_FILENO, EV_READ, turn_cb, follower);
    else
        follower->trail = trail_new(options->name, options->path, follower->options.grace, position);
    return follower;
}

void source_follower_start(struct source_follower *follower)
{
    clock_nanos interval = follower->options.look_interval;
    const struct timeval period = {.tv_sec = interval / CLOCK_SECOND, .tv_usec = interval % CLOCK_SECOND / 1000};

    if (!follower->trail && isatty(STDIN_FILENO)) {
        log_about(LOG_LEVEL_ERROR, LOG_FIELD_SOURCE, follower->options.name,
                  "source `%s`: standard input is a terminal, and is not read; give a pipe", follower->options.name);
        follower->ended = true;
        return;
    }
    if (follower->trail) {
        follower->watch = file_watch_new(follower->worker->base, changed, follower);
        file_watch_set(follower->watch, -1, trail_folder(follower->trail));
    }
    event_add(follower->look, &period);
    event_active(follower->turn, EV_TIMEOUT, 0);
}

void source_follower_drain(struct source_follower *follower)
{
    if (follower->draining)
        return;
    follower->draining = true;
    if (follower->waiting)
        return;
    if (follower->request) {
        unit_abort(follower->request);
        take_back(follower);
    }
    if (follower->failures == 0)
        save_position(follower);
}

void source_follower_free(struct source_follower *follower)
{
    if (!follower)
        return;
    if (follower->waiting)
        follower->request->owner = NULL;
    else if (follower->request)
        unit_abort(follower->request);
    event_free(follower->turn);
    event_free(follower->look);
    if (follower->readable)
        event_free(follower->readable);
    file_watch_free(follower->watch);
    trail_free(follower->trail);
    cri_reader_free(follower->messages);
    free(follower->buffer);
    free((char *)follower->options.name);
    free((char *)follower->options.path);
    free((char *)follower->options.position_key);
    free(follower);
}
