/* SPDX-License-Identifier: Apache-2.0 */
/* Which file of a log comes next, and what is missing before it. */
#include "trail_internal.h"

#include "harrier/base/log.h"
#include "harrier/base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

/* --- logging: once, until it is better -------------------------------------------------------------------------------------------- */

void trail_complain(struct trail *trail, int error, const char *what)
{
    if (trail->complaint == error)
        return;
    trail->complaint = error;
    log_about(LOG_LEVEL_WARNING, LOG_FIELD_SOURCE, trail->name, "source `%s`: cannot read %s: %s; trying again", trail->name, trail->path,
              what);
}

void trail_be_content(struct trail *trail)
{
    if (trail->complaint)
        log_about(LOG_LEVEL_NOTICE, LOG_FIELD_SOURCE, trail->name, "source `%s`: %s can be read", trail->name, trail->path);
    trail->complaint = 0;
}

/* --- opening ---------------------------------------------------------------------------------------------------------------------- */

void trail_resolve_path(struct trail *trail)
{
    char *real = realpath(trail->path, NULL);
    const char *path = real ? real : trail->path;
    const char *slash = strrchr(path, '/');
    struct stat about;

    free(trail->folder);
    free(trail->base);
    trail->folder = slash ? xstrndup(path, slash == path ? 1 : (size_t)(slash - path)) : xstrdup(".");
    trail->base = xstrdup(slash ? slash + 1 : path);
    trail->linked = lstat(trail->path, &about) == 0 && S_ISLNK(about.st_mode);
    free(real);
}

struct rotation_log trail_log(const struct trail *trail)
{
    return (struct rotation_log){.folder = trail->folder, .base = slice_of(trail->base), .linked = trail->linked};
}

static bool open_newest(struct trail *trail, struct followed_file *file)
{
    enum result result = followed_file_open(file, trail->path);

    if (result == RESULT_OK)
        trail_be_content(trail);
    else
        trail_complain(trail, result == RESULT_INVALID ? EINVAL : errno, result == RESULT_INVALID ? "it is no regular file" : strerror(errno));
    return result == RESULT_OK;
}

/* last NULL: it is in none of the rotated files. */
static enum result find_next_rotated(const struct trail *trail, const struct followed_position *last, clock_nanos modified, struct rotation_step *step)
{
    const struct rotation_log log = trail_log(trail);
    const struct rotation_read read = {.last = last,
                                       .modified = modified,
                                       .ends = trail->ends.items,
                                       .end_count = trail->ends.count,
                                       .unreadable = trail->unreadable.items,
                                       .unreadable_count = trail->unreadable.count};
    return rotation_next(&log, &read, step);
}

bool trail_is_same_file(const struct followed_file *a, const struct followed_file *b)
{
    return a->device == b->device && a->inode == b->inode;
}

static void drop_pinned(struct trail *trail, size_t index)
{
    struct followed_file *pinned = trail->pinned.items;

    memmove(pinned + index, pinned + index + 1, (trail->pinned.count - index - 1) * sizeof *pinned);
    trail->pinned.count--;
}

/* The file is in hand now, under whatever name. */
static void unpin_file(struct trail *trail, const struct followed_file *file)
{
    for (size_t i = 0; i < trail->pinned.count; i++) {
        if (!trail_is_same_file(&trail->pinned.items[i], file))
            continue;
        followed_file_close(&trail->pinned.items[i]);
        drop_pinned(trail, i);
        return;
    }
}

void trail_use(struct trail *trail, const struct followed_file *file, uint64_t offset)
{
    unpin_file(trail, file);
    trail->file = *file;
    trail->read_to = offset;
    trail->turn++;
    trail->superseded = trail->settled = trail->at_end = false;
    trail->trouble_since = 0;
    trail->told = 0;
}

/* The path leads elsewhere. If a later file was rotated as well, its writer has changed over for good. */
void trail_supersede(struct trail *trail, clock_nanos now)
{
    const struct followed_position position = followed_file_position(&trail->file, 0);
    struct rotation_step later;

    trail->superseded = true;
    trail->superseded_at = now;
    enum result result = find_next_rotated(trail, &position, trail->file.modified, &later);
    trail->settled = result == RESULT_OK || result == RESULT_INVALID || trail->pinned.count > 1 || trail->file.packed;
    followed_file_close(&later.file);
}

/* --- what is missing ---------------------------------------------------------------------------------------------------------------- */

static void report_missing(struct trail *trail, uint64_t count)
{
    trail->lost += count;
    trail->told += count;
    log_about(LOG_LEVEL_ERROR, LOG_FIELD_SOURCE, trail->name,
              "source `%s`: of %s, after the file with inode %llu, %llu rotated file%s missing, as the names of the others in %s tell: removed "
              "before the reading came there; going on with the oldest file that is left",
              trail->name, trail->path, (unsigned long long)trail->last.inode, (unsigned long long)count, count == 1 ? " is" : "s are", trail->folder);
}

static void report_unreadable(struct trail *trail, const struct rotation_step *step, int error)
{
    trail->lost++;
    trail->told++;
    VECTOR_PUSH(&trail->unreadable, step->inode);
    log_about(LOG_LEVEL_ERROR, LOG_FIELD_SOURCE, trail->name,
              "source `%s`: the rotated file %s/%s cannot be read: %s: what is in it is missing; `harrierctl replay` reads it once it is "
              "unpacked",
              trail->name, trail->folder, step->name, error == ENOTSUP ? "it is packed, and not by gzip or zstd" : strerror(error));
}

/* In the middle of a rotation names are missing for a moment, and files not yet anybody's: what is still so after the grace is reported. */
static bool is_trouble_settled(struct trail *trail, clock_nanos now)
{
    if (!trail->trouble_since)
        trail->trouble_since = now;
    return now - trail->trouble_since >= trail->grace;
}

/* The rotated file that was written after what was read last, with what is missing before it told. RESULT_NOT_FOUND: there is none;
 * RESULT_BUSY: not known yet. */
static enum result open_next_rotated(struct trail *trail, struct rotation_step *step, clock_nanos now)
{
    const struct followed_position *last = followed_position_is_of_none(&trail->last) ? NULL : &trail->last;

    for (;;) {
        enum result result = find_next_rotated(trail, last, trail->last.modified, step);
        int error = errno;
        bool missing = result != RESULT_BUSY && step->missing > trail->told;
        if ((missing || result == RESULT_INVALID) && !is_trouble_settled(trail, now)) {
            followed_file_close(&step->file);
            return RESULT_BUSY;
        }
        if (missing)
            report_missing(trail, step->missing - trail->told);
        if (result != RESULT_INVALID)
            return result;
        report_unreadable(trail, step, error);
    }
}

/* --- the next file ------------------------------------------------------------------------------------------------------------------- */

/* The first pinned file comes next, unless a rotated one was written before it that was not seen in its time. */
static bool is_before_pinned(const struct trail *trail, const struct followed_file *rotated)
{
    const struct followed_file *pinned = &trail->pinned.items[0];
    const struct followed_position position = followed_file_position(pinned, 0);

    if (trail_is_same_file(rotated, pinned))
        return true;
    for (size_t i = 1; i < trail->pinned.count; i++)
        if (trail_is_same_file(rotated, &trail->pinned.items[i]))
            return false;
    return followed_file_match(rotated, &position) == FOLLOWED_OTHER && rotated->modified < pinned->modified;
}

/* False: there is none, or it is found by its name as well. */
static bool open_pinned(struct trail *trail, clock_nanos now)
{
    const struct followed_position *last = followed_position_is_of_none(&trail->last) ? NULL : &trail->last;
    struct rotation_step step;

    if (trail->pinned.count == 0)
        return false;
    enum result result = find_next_rotated(trail, last, trail->last.modified, &step);
    bool by_name = result == RESULT_BUSY || (result == RESULT_OK && is_before_pinned(trail, &step.file));
    followed_file_close(&step.file);
    if (by_name)
        return false;
    const struct followed_file pinned = trail->pinned.items[0];
    drop_pinned(trail, 0);
    trail_use(trail, &pinned, 0);
    trail_supersede(trail, now);
    return true;
}

static bool open_newest_after(struct trail *trail, const struct followed_file *newest)
{
    /* it can be the one that was read last, where the path led elsewhere for a moment */
    bool same = followed_file_match(newest, &trail->last) == FOLLOWED_SAME;

    trail_use(trail, newest, same ? trail->last.offset : 0);
    trail->unreadable.count = 0;
    return true;
}

/* The file that was written after what was read last. */
static bool open_after(struct trail *trail, clock_nanos now)
{
    struct followed_file newest;
    struct rotation_step rotated;
    /* the newest first: what is rotated from now on is then in the folder */
    bool exists = open_newest(trail, &newest);
    bool is_pinned = exists && trail->pinned.count && trail_is_same_file(&newest, &trail->pinned.items[0]);

    if (!is_pinned && open_pinned(trail, now)) {
        followed_file_close(&newest);
        return true;
    }
    enum result result = open_next_rotated(trail, &rotated, now);
    if (result == RESULT_NOT_FOUND && exists)
        return open_newest_after(trail, &newest);
    followed_file_close(&newest);
    if (result != RESULT_OK)
        return false;
    trail_use(trail, &rotated.file, 0);
    trail_supersede(trail, now);
    return true;
}

static void report_lost(struct trail *trail)
{
    trail->lost++;
    log_about(LOG_LEVEL_WARNING, LOG_FIELD_SOURCE, trail->name,
              "source `%s`: the file that was read up to byte %llu (inode %llu) is not in %s any more, packed or removed by a rotation: "
              "what was written after that and is in no file of that folder is missing; going on with the oldest file that is left",
              trail->name, (unsigned long long)trail->last.offset, (unsigned long long)trail->last.inode, trail->folder);
}

/* Nothing but its inode tells a file that was empty, and that stays the same when the file is copied and truncated. What was rotated since
 * is read before it, then. A copy of what was there before is older than the truncation, or of the same tick of a coarse clock. */
bool trail_open_rotated_since_empty(const struct trail *trail, clock_nanos modified, struct followed_file *rotated)
{
    struct rotation_step step;
    enum result result = find_next_rotated(trail, NULL, modified + 1, &step);

    *rotated = step.file;
    return result == RESULT_OK;
}

void trail_go_on_after_empty(struct trail *trail, const struct followed_file *rotated, clock_nanos now)
{
    log_about(LOG_LEVEL_NOTICE, LOG_FIELD_SOURCE, trail->name,
              "source `%s`: %s was empty when it was read last, and was rotated since; going on with the file with inode %llu first",
              trail->name, trail->path, (unsigned long long)rotated->inode);
    trail->rotations++;
    trail_use(trail, rotated, 0);
    trail_supersede(trail, now);
}

static bool open_after_empty(struct trail *trail, bool is_there, clock_nanos now)
{
    struct followed_file rotated, found;
    enum followed_match match;

    if (!trail_open_rotated_since_empty(trail, trail->last.modified, &rotated))
        return false;
    if (!is_there && rotation_find(trail->folder, &trail->last, &found, &match) == RESULT_OK) {
        is_there = true;
        followed_file_close(&found);
    }
    if (!is_there && !followed_position_is_of_none(&trail->last))
        report_lost(trail);
    trail_go_on_after_empty(trail, &rotated, now);
    return true;
}

/* After a start. While there is no newest file the position is kept: the file system may not be mounted yet. */
static bool open_resumed(struct trail *trail, clock_nanos now)
{
    struct followed_file newest, found;
    enum followed_match match;
    bool exists = open_newest(trail, &newest);
    bool is_there = exists && followed_file_match(&newest, &trail->last) == FOLLOWED_SAME;

    if (exists && trail->last.head_length == 0 && open_after_empty(trail, is_there, now)) {
        followed_file_close(&newest);
        return true;
    }
    if (is_there) {
        trail_use(trail, &newest, trail->last.offset);
        return true;
    }
    if (!exists && trail->searched)
        return false;
    trail->searched = true;
    enum result result = rotation_find(trail->folder, &trail->last, &found, &match);
    if (result == RESULT_BUSY) {
        followed_file_close(&newest);
        return false;
    }
    if (result == RESULT_OK) {
        bool is_newest = exists && trail_is_same_file(&found, &newest);
        trail_use(trail, &found, trail->last.offset);
        if (exists)
            followed_file_close(&newest);
        if (!is_newest) {
            log_about(LOG_LEVEL_NOTICE, LOG_FIELD_SOURCE, trail->name,
                      "source `%s`: %s was rotated; going on at byte %llu of the file with inode %llu first", trail->name, trail->path,
                      (unsigned long long)trail->read_to, (unsigned long long)found.inode);
            trail->rotations++;
            trail_supersede(trail, now);
            trail->settled = trail->settled || match == FOLLOWED_COPY;
        }
        return true;
    }
    if (!exists)
        return false;
    followed_file_close(&newest);
    if (!followed_position_is_of_none(&trail->last))
        report_lost(trail);
    trail->begin = BEGIN_AFTER;
    trail->last.offset = 0;
    return open_after(trail, now);
}

static bool open_first(struct trail *trail)
{
    struct followed_file newest;

    if (!open_newest(trail, &newest))
        return false;
    trail_use(trail, &newest, 0);
    return true;
}

bool trail_open_file(struct trail *trail, clock_nanos now)
{
    bool opened = false;

    trail_resolve_path(trail);
    switch (trail->begin) {
    case BEGIN_NEWEST: opened = open_first(trail); break;
    case BEGIN_RESUME: opened = open_resumed(trail, now); break;
    case BEGIN_AFTER: opened = open_after(trail, now); break;
    }
    if (opened && trail->turn == 1)
        log_about(LOG_LEVEL_NOTICE, LOG_FIELD_SOURCE, trail->name, "source `%s`: following %s from byte %llu", trail->name, trail->path,
                  (unsigned long long)trail->read_to);
    return opened;
}
