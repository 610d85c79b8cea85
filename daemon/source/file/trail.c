/* SPDX-License-Identifier: Apache-2.0 */
#include "trail_internal.h"

#include "harrier/base/log.h"
#include "harrier/base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

/* --- reading ---------------------------------------------------------------------------------------------------------------------- */

/* Rotation by copying and truncating: what was not read yet is in the copy. RESULT_NOT_FOUND: there is none; RESULT_BUSY: not known now. */
static enum result switch_to_copy(struct trail *trail)
{
    const struct followed_position position = followed_file_position(&trail->file, trail->read_to);
    struct followed_file copy;
    enum followed_match match;

    trail_resolve_path(trail);
    enum result result = rotation_find(trail->folder, &position, &copy, &match);
    if (result != RESULT_OK)
        return result;
    followed_file_close(&trail->file);
    trail_use(trail, &copy, trail->read_to);
    trail->superseded = trail->settled = true;
    return RESULT_OK;
}

static void report_truncated(struct trail *trail, uint64_t unread)
{
    if (unread) {
        trail->lost++;
        log_about(LOG_LEVEL_ERROR, LOG_FIELD_SOURCE, trail->name,
                  "source `%s`: %s was truncated, and no copy of it is in %s: at least %llu bytes after byte %llu are missing; reading it "
                  "from its beginning",
                  trail->name, trail->path, trail->folder, (unsigned long long)unread, (unsigned long long)trail->read_to);
    } else {
        log_about(LOG_LEVEL_NOTICE, LOG_FIELD_SOURCE, trail->name, "source `%s`: %s was truncated; reading it from its beginning",
                  trail->name, trail->path);
    }
}

/* As the file was when it was looked at last. What was copied since is written after that, whenever the truncated file was
 * modified last. False: not known now. */
static bool was_truncated(struct trail *trail, uint64_t size_before, clock_nanos modified_before)
{
    trail->file.size = size_before;
    trail->file.modified = modified_before;
    enum result result = switch_to_copy(trail);
    if (result == RESULT_BUSY)
        return false;
    trail->truncations++;
    if (result == RESULT_OK) {
        log_about(LOG_LEVEL_NOTICE, LOG_FIELD_SOURCE, trail->name, "source `%s`: %s was truncated; the rest of it is read from its copy",
                  trail->name, trail->path);
        return true;
    }
    trail->at_end = true;
    report_truncated(trail, size_before > trail->read_to ? size_before - trail->read_to : 0);
    return true;
}

/* The open file had nothing when it was looked at last: what is in it now need not be what came next. */
static bool was_rotated_since_empty(struct trail *trail, clock_nanos modified, clock_nanos now)
{
    struct followed_file rotated;

    if (trail->superseded || trail->file.modified == modified)
        return false;
    trail_resolve_path(trail);
    if (!trail_open_rotated_since_empty(trail, modified, &rotated))
        return false;
    followed_file_close(&trail->file);
    trail_go_on_after_empty(trail, &rotated, now);
    return true;
}

/* A rotated file that cannot be read is not waited for without end: what is in it is lost, and what was written since is not. */
static void give_up_rest(struct trail *trail)
{
    trail->lost++;
    log_about(LOG_LEVEL_WARNING, LOG_FIELD_SOURCE, trail->name,
              "source `%s`: a rotated file of %s (inode %llu) cannot be read beyond byte %llu: what is behind it is missing", trail->name,
              trail->path, (unsigned long long)trail->file.inode, (unsigned long long)trail->read_to);
}

/* All of the file is read that can be. */
static enum trail_state look_for_rotation(struct trail *trail, clock_nanos now)
{
    struct stat about;

    if (!trail->superseded) {
        if (stat(trail->path, &about) != 0)
            return TRAIL_NOTHING;
        if ((uint64_t)about.st_ino == trail->file.inode && (uint64_t)about.st_dev == trail->file.device)
            return TRAIL_NOTHING;
        trail->rotations++;
        log_about(LOG_LEVEL_INFO, LOG_FIELD_SOURCE, trail->name, "source `%s`: %s was rotated at byte %llu", trail->name, trail->path,
                  (unsigned long long)trail->file.size);
        trail_resolve_path(trail);
        trail_supersede(trail, now);
    }
    clock_nanos since = trail->superseded_at > trail->grown_at ? trail->superseded_at : trail->grown_at;
    bool unread = trail->file.size > trail->read_to; /* it grew after the reading, or the reading failed */
    trail->at_end = (trail->settled && !unread) || now - since >= trail->grace;
    if (trail->at_end && unread)
        give_up_rest(trail);
    return trail->at_end ? TRAIL_END : TRAIL_NOTHING;
}

enum trail_state trail_read(struct trail *trail, clock_nanos now, char *bytes, size_t size, size_t *length)
{
    *length = 0;
    if (trail->at_end)
        return TRAIL_END;
    if (trail->file.fd < 0 && !trail_open_file(trail, now))
        return TRAIL_NOTHING;
    uint64_t size_before = trail->file.size;
    clock_nanos modified_before = trail->file.modified;
    bool was_empty = trail->file.head_length == 0;
    ssize_t got = followed_file_read(&trail->file, trail->read_to, bytes, size);
    if (got < 0 && errno == EAGAIN)
        return TRAIL_AGAIN;
    if (got < 0)
        trail_complain(trail, errno, errno == EBADMSG ? "a packed file of it is damaged or cut short" : strerror(errno));
    /* after the reading: bytes that were read while the file was truncated are not trusted */
    if (!followed_file_is_intact(&trail->file, trail->read_to + (got > 0 ? (uint64_t)got : 0))) {
        return was_truncated(trail, size_before, modified_before) ? trail_read(trail, now, bytes, size, length) : TRAIL_NOTHING;
    }
    if (was_empty && was_rotated_since_empty(trail, modified_before, now))
        return trail_read(trail, now, bytes, size, length);
    if (got > 0 || trail->file.size != size_before)
        trail->grown_at = now;
    if (got <= 0)
        return look_for_rotation(trail, now);
    trail_be_content(trail);
    trail->read_to += (uint64_t)got;
    *length = (size_t)got;
    return TRAIL_BYTES;
}

void trail_go_back(struct trail *trail, uint64_t bytes)
{
    if (trail->at_end && !trail->superseded) { /* truncated: the bytes are no longer there */
        trail->lost++;
        log_about(LOG_LEVEL_WARNING, LOG_FIELD_SOURCE, trail->name,
                  "source `%s`: %llu bytes of %s were not stored before it was truncated, and are missing", trail->name,
                  (unsigned long long)bytes, trail->path);
        return;
    }
    trail->read_to -= bytes;
    trail->at_end = false;
}

bool trail_goes_on(const struct trail *trail)
{
    const struct rotation_log log = trail_log(trail);
    return trail->superseded && trail->read_to >= trail->file.size && rotation_has(&log, &trail->file);
}

/* What is in hand is not left to chance either. */
static void pin_first(struct trail *trail)
{
    if (trail->file.fd < 0)
        return;
    VECTOR_PUSH(&trail->pinned, trail->file);
    memmove(trail->pinned.items + 1, trail->pinned.items, (trail->pinned.count - 1) * sizeof trail->file);
    trail->pinned.items[0] = trail->file;
    trail->file.fd = -1;
    trail->file.packed = NULL;
}

void trail_resume(struct trail *trail, struct slice position)
{
    pin_first(trail);
    trail->begin = followed_position_read(&trail->last, position) ? BEGIN_RESUME : BEGIN_NEWEST;
    trail->searched = trail->superseded = trail->at_end = false;
    trail->ends.count = trail->unreadable.count = 0;
}

static bool is_known(const struct trail *trail, const struct stat *about)
{
    const struct followed_file there = {.device = (uint64_t)about->st_dev, .inode = (uint64_t)about->st_ino};

    for (size_t i = 0; i < trail->pinned.count; i++)
        if (trail_is_same_file(&there, &trail->pinned.items[i]))
            return true;
    return trail_is_same_file(&there, &trail->file);
}

void trail_look(struct trail *trail)
{
    struct followed_file newest;
    struct stat about;

    if (trail->file.fd < 0 || trail->pinned.count == PINNED_MAX || stat(trail->path, &about) != 0 || is_known(trail, &about))
        return;
    if (followed_file_open(&newest, trail->path) == RESULT_OK)
        VECTOR_PUSH(&trail->pinned, newest);
}

/* What cannot be read of it counts as read: it was told. */
static void note_end(struct trail *trail)
{
    const struct followed_file *file = &trail->file;
    bool gave_up = !file->packed && file->size > trail->read_to;

    if (trail->ends.count == ENDS_MAX)
        memmove(trail->ends.items, trail->ends.items + 1, --trail->ends.count * sizeof *trail->ends.items);
    VECTOR_PUSH(&trail->ends, followed_file_position(file, gave_up ? file->size : trail->read_to));
}

void trail_next(struct trail *trail)
{
    if (trail->superseded)
        note_end(trail);
    trail->last = followed_file_position(&trail->file, trail->read_to);
    trail->begin = BEGIN_AFTER;
    followed_file_close(&trail->file);
    trail->at_end = false;
}

/* --- what others ask ---------------------------------------------------------------------------------------------------------------- */

void trail_first_position(const char *path, clock_nanos wall, char text[FOLLOWED_POSITION_TEXT])
{
    struct followed_file file;
    struct followed_position position = followed_position_of_none(wall);

    if (followed_file_open(&file, path) == RESULT_OK) {
        position = followed_file_position(&file, 0);
        followed_file_close(&file);
    }
    followed_position_write(&position, text);
}

bool trail_position(const struct trail *trail, uint64_t unread, char text[FOLLOWED_POSITION_TEXT])
{
    bool open = trail->file.fd >= 0;

    if (!open && trail->begin != BEGIN_RESUME)
        return false;
    const struct followed_position position = open ? followed_file_position(&trail->file, trail->read_to - unread) : trail->last;
    followed_position_write(&position, text);
    return true;
}

void trail_figures(const struct trail *trail, struct trail_figures *figures)
{
    bool open = trail->file.fd >= 0;
    struct stat about;
    bool packed = open && trail->file.packed;

    *figures = (struct trail_figures){.open = open,
                                      .inode = open ? trail->file.inode : 0,
                                      .offset = open ? trail->read_to : 0,
                                      .rotations = trail->rotations,
                                      .truncations = trail->truncations,
                                      .lost = trail->lost};
    if (packed && trail->file.size == UINT64_MAX && fstat(trail->file.fd, &about) == 0)
        figures->behind = (uint64_t)about.st_size; /* at least */
    else if (open && !packed && fstat(trail->file.fd, &about) == 0 && (uint64_t)about.st_size > trail->read_to)
        figures->behind = (uint64_t)about.st_size - trail->read_to;
    if ((!open || trail->superseded) && stat(trail->path, &about) == 0 && about.st_size > 0)
        figures->behind += (uint64_t)about.st_size;
}

int trail_descriptor(const struct trail *trail)
{
    return trail->file.fd;
}

uint64_t trail_turn(const struct trail *trail)
{
    return trail->turn;
}

const char *trail_folder(const struct trail *trail)
{
    return trail->folder;
}

struct trail *trail_new(const char *name, const char *path, clock_nanos grace, struct slice position)
{
    struct trail *trail = xcalloc(1, sizeof *trail);

    trail->name = xstrdup(name);
    trail->path = xstrdup(path);
    trail->grace = grace;
    trail->file.fd = -1;
    trail_resolve_path(trail);
    if (followed_position_read(&trail->last, position))
        trail->begin = BEGIN_RESUME;
    else if (position.length)
        log_about(LOG_LEVEL_WARNING, LOG_FIELD_SOURCE, trail->name,
                  "source `%s`: the stored position cannot be understood; reading %s from its beginning", name, path);
    return trail;
}

void trail_free(struct trail *trail)
{
    if (!trail)
        return;
    followed_file_close(&trail->file);
    for (size_t i = 0; i < trail->pinned.count; i++)
        followed_file_close(&trail->pinned.items[i]);
    VECTOR_FREE(&trail->pinned);
    VECTOR_FREE(&trail->ends);
    VECTOR_FREE(&trail->unreadable);
    free(trail->folder);
    free(trail->base);
    free(trail->name);
    free(trail->path);
    free(trail);
}
