/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/source/trail.h"

#include "daemon/source/rotation.h"
#include "harrier/log.h"
#include "harrier/memory.h"
#include "harrier/vector.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Where the next file comes from while none is open. */
enum begin {
    BEGIN_NEWEST, /* nothing was read before: the newest file from its first byte */
    BEGIN_RESUME, /* the file that holds `last` */
    BEGIN_AFTER   /* the one that was written after that of `last` */
};

/* The newest file is where the path leads. A file to which it leads no more is superseded: it is read to its end, for which a writer that
 * still has it open is given some time, and then the next in the order of writing is opened: perhaps another rotated file, at last the
 * newest. */
struct trail {
    char *name, *path;
    char *folder, *base; /* of the newest file, symbolic links followed */
    clock_nanos grace;
    enum begin begin;
    struct followed_position last; /* BEGIN_RESUME, BEGIN_AFTER */
    bool searched;                 /* for the file that holds it, while there is no newest one */
    struct followed_file file;
    uint64_t read_to; /* offset in it */
    uint64_t turn;
    bool superseded;
    bool settled; /* and nobody writes to it any more */
    bool at_end;
    clock_nanos superseded_at, grown_at; /* monotonic */
    VECTOR(uint64_t) read_inodes;        /* of files read to their end since the newest was last reached */
    int complaint;                       /* errno that was logged last; 0: none since the last success */
    uint64_t rotations, truncations, lost;
};

/* --- logging: once, until it is better -------------------------------------------------------------------------------------------- */

static void complain(struct trail *trail, int error, const char *what)
{
    if (trail->complaint == error)
        return;
    trail->complaint = error;
    log_about(LOG_LEVEL_WARNING, LOG_FIELD_SOURCE, trail->name, "source `%s`: cannot read %s: %s; trying again", trail->name, trail->path,
              what);
}

static void be_content(struct trail *trail)
{
    if (trail->complaint)
        log_about(LOG_LEVEL_NOTICE, LOG_FIELD_SOURCE, trail->name, "source `%s`: %s can be read", trail->name, trail->path);
    trail->complaint = 0;
}

/* --- opening ---------------------------------------------------------------------------------------------------------------------- */

static void resolve(struct trail *trail)
{
    char *real = realpath(trail->path, NULL);
    const char *path = real ? real : trail->path;
    const char *slash = strrchr(path, '/');

    free(trail->folder);
    free(trail->base);
    trail->folder = slash ? xstrndup(path, slash == path ? 1 : (size_t)(slash - path)) : xstrdup(".");
    trail->base = xstrdup(slash ? slash + 1 : path);
    free(real);
}

static bool open_newest(struct trail *trail, struct followed_file *file)
{
    enum result result = followed_file_open(file, trail->path);

    if (result == RESULT_OK)
        be_content(trail);
    else
        complain(trail, result == RESULT_INVALID ? EINVAL : errno, result == RESULT_INVALID ? "it is no regular file" : strerror(errno));
    return result == RESULT_OK;
}

static bool open_rotated_after(const struct trail *trail, clock_nanos modified, struct followed_file *file)
{
    const struct rotation_read read = {modified, trail->read_inodes.items, trail->read_inodes.count};
    return rotation_next(trail->folder, slice_of(trail->base), &read, file) == RESULT_OK;
}

static void use(struct trail *trail, const struct followed_file *file, uint64_t offset)
{
    trail->file = *file;
    trail->read_to = offset;
    trail->turn++;
    trail->superseded = trail->settled = trail->at_end = false;
}

/* The path leads elsewhere. If a later file was rotated as well, its writer has changed over for good. */
static void supersede(struct trail *trail, clock_nanos now)
{
    struct followed_file later;

    trail->superseded = true;
    trail->superseded_at = now;
    VECTOR_PUSH(&trail->read_inodes, trail->file.inode);
    if (open_rotated_after(trail, trail->file.modified, &later)) {
        trail->settled = true;
        followed_file_close(&later);
    }
}

static bool is_same_file(const struct followed_file *a, const struct followed_file *b)
{
    return a->device == b->device && a->inode == b->inode;
}

/* The file that was written after what was read last. */
static bool open_after(struct trail *trail, clock_nanos now)
{
    struct followed_file newest, rotated;
    /* the newest first: what is rotated from now on is then in the folder */
    bool exists = open_newest(trail, &newest);

    if (open_rotated_after(trail, trail->last.modified, &rotated)) {
        if (exists)
            followed_file_close(&newest);
        use(trail, &rotated, 0);
        supersede(trail, now);
        return true;
    }
    if (!exists)
        return false;
    /* it can be the one that was read last, where the path led elsewhere for a moment */
    bool same = followed_file_match(&newest, &trail->last) == FOLLOWED_SAME;
    use(trail, &newest, same ? trail->last.offset : 0);
    trail->read_inodes.count = 0;
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
static bool open_rotated_since_empty(const struct trail *trail, clock_nanos modified, struct followed_file *rotated)
{
    return open_rotated_after(trail, modified + 1, rotated);
}

static void go_on_after_empty(struct trail *trail, const struct followed_file *rotated, clock_nanos now)
{
    log_about(LOG_LEVEL_NOTICE, LOG_FIELD_SOURCE, trail->name,
              "source `%s`: %s was empty when it was read last, and was rotated since; going on with the file with inode %llu first",
              trail->name, trail->path, (unsigned long long)rotated->inode);
    trail->rotations++;
    use(trail, rotated, 0);
    supersede(trail, now);
}

static bool open_after_empty(struct trail *trail, bool is_there, clock_nanos now)
{
    struct followed_file rotated, found;
    enum followed_match match;

    if (!open_rotated_since_empty(trail, trail->last.modified, &rotated))
        return false;
    if (!is_there && rotation_find(trail->folder, &trail->last, &found, &match) == RESULT_OK) {
        is_there = true;
        followed_file_close(&found);
    }
    if (!is_there)
        report_lost(trail);
    go_on_after_empty(trail, &rotated, now);
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
        use(trail, &newest, trail->last.offset);
        return true;
    }
    if (!exists && trail->searched)
        return false;
    trail->searched = true;
    if (rotation_find(trail->folder, &trail->last, &found, &match) == RESULT_OK) {
        bool is_newest = exists && is_same_file(&found, &newest);
        use(trail, &found, trail->last.offset);
        if (exists)
            followed_file_close(&newest);
        if (!is_newest) {
            log_about(LOG_LEVEL_NOTICE, LOG_FIELD_SOURCE, trail->name,
                      "source `%s`: %s was rotated; going on at byte %llu of the file with inode %llu first", trail->name, trail->path,
                      (unsigned long long)trail->read_to, (unsigned long long)found.inode);
            trail->rotations++;
            supersede(trail, now);
            trail->settled = trail->settled || match == FOLLOWED_COPY;
        }
        return true;
    }
    if (!exists)
        return false;
    followed_file_close(&newest);
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
    use(trail, &newest, 0);
    return true;
}

static bool open_file(struct trail *trail, clock_nanos now)
{
    bool opened = false;

    resolve(trail);
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

/* --- reading ---------------------------------------------------------------------------------------------------------------------- */

/* Rotation by copying and truncating: what was not read yet is in the copy. False: there is none. */
static bool switch_to_copy(struct trail *trail)
{
    const struct followed_position position = followed_file_position(&trail->file, trail->read_to);
    struct followed_file copy;
    enum followed_match match;

    resolve(trail);
    if (rotation_find(trail->folder, &position, &copy, &match) != RESULT_OK)
        return false;
    followed_file_close(&trail->file);
    use(trail, &copy, trail->read_to);
    VECTOR_PUSH(&trail->read_inodes, copy.inode);
    trail->superseded = trail->settled = true;
    return true;
}

static void truncated(struct trail *trail, uint64_t size_before)
{
    uint64_t unread = size_before > trail->read_to ? size_before - trail->read_to : 0;

    trail->truncations++;
    if (switch_to_copy(trail)) {
        log_about(LOG_LEVEL_NOTICE, LOG_FIELD_SOURCE, trail->name, "source `%s`: %s was truncated; the rest of it is read from its copy",
                  trail->name, trail->path);
        return;
    }
    trail->at_end = true;
    if (unread) {
        trail->lost++;
        log_about(LOG_LEVEL_WARNING, LOG_FIELD_SOURCE, trail->name,
                  "source `%s`: %s was truncated, and no copy of it is in %s: at least %llu bytes after byte %llu are missing; reading it "
                  "from its beginning",
                  trail->name, trail->path, trail->folder, (unsigned long long)unread, (unsigned long long)trail->read_to);
    } else {
        log_about(LOG_LEVEL_NOTICE, LOG_FIELD_SOURCE, trail->name, "source `%s`: %s was truncated; reading it from its beginning",
                  trail->name, trail->path);
    }
}

/* The open file had nothing when it was looked at last: what is in it now need not be what came next. */
static bool was_rotated_since_empty(struct trail *trail, clock_nanos modified, clock_nanos now)
{
    struct followed_file rotated;

    if (trail->superseded || trail->file.modified == modified)
        return false;
    resolve(trail);
    if (!open_rotated_since_empty(trail, modified, &rotated))
        return false;
    followed_file_close(&trail->file);
    go_on_after_empty(trail, &rotated, now);
    return true;
}

/* A rotated file that cannot be read is not waited for without end: what is in it is lost, and what was written since is not. */
static void give_up(struct trail *trail)
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
        resolve(trail);
        supersede(trail, now);
    }
    clock_nanos since = trail->superseded_at > trail->grown_at ? trail->superseded_at : trail->grown_at;
    bool unread = trail->file.size > trail->read_to; /* it grew after the reading, or the reading failed */
    trail->at_end = (trail->settled && !unread) || now - since >= trail->grace;
    if (trail->at_end && unread)
        give_up(trail);
    return trail->at_end ? TRAIL_END : TRAIL_NOTHING;
}

enum trail_state trail_read(struct trail *trail, clock_nanos now, char *bytes, size_t size, size_t *length)
{
    *length = 0;
    if (trail->at_end)
        return TRAIL_END;
    if (trail->file.fd < 0 && !open_file(trail, now))
        return TRAIL_NOTHING;
    uint64_t size_before = trail->file.size;
    clock_nanos modified_before = trail->file.modified;
    bool was_empty = trail->file.head_length == 0;
    ssize_t got = followed_file_read(&trail->file, trail->read_to, bytes, size);
    if (got < 0)
        complain(trail, errno, strerror(errno));
    /* after the reading: bytes that were read while the file was truncated are not trusted */
    if (!followed_file_is_intact(&trail->file, trail->read_to + (got > 0 ? (uint64_t)got : 0))) {
        truncated(trail, size_before);
        return trail_read(trail, now, bytes, size, length);
    }
    if (was_empty && was_rotated_since_empty(trail, modified_before, now))
        return trail_read(trail, now, bytes, size, length);
    if (got > 0 || trail->file.size != size_before)
        trail->grown_at = now;
    if (got <= 0)
        return look_for_rotation(trail, now);
    be_content(trail);
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
    return trail->superseded && trail->read_to >= trail->file.size && rotation_has(trail->folder, slice_of(trail->base), &trail->file);
}

void trail_resume(struct trail *trail, struct slice position)
{
    followed_file_close(&trail->file);
    trail->begin = followed_position_read(&trail->last, position) ? BEGIN_RESUME : BEGIN_NEWEST;
    trail->searched = trail->superseded = trail->at_end = false;
    trail->read_inodes.count = 0;
}

void trail_next(struct trail *trail)
{
    trail->last = followed_file_position(&trail->file, trail->read_to);
    trail->begin = BEGIN_AFTER;
    followed_file_close(&trail->file);
    trail->at_end = false;
}

/* --- what others ask ---------------------------------------------------------------------------------------------------------------- */

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

    *figures = (struct trail_figures){.open = open,
                                      .inode = open ? trail->file.inode : 0,
                                      .offset = open ? trail->read_to : 0,
                                      .rotations = trail->rotations,
                                      .truncations = trail->truncations,
                                      .lost = trail->lost};
    if (open && fstat(trail->file.fd, &about) == 0 && (uint64_t)about.st_size > trail->read_to)
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
    resolve(trail);
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
    VECTOR_FREE(&trail->read_inodes);
    free(trail->folder);
    free(trail->base);
    free(trail->name);
    free(trail->path);
    free(trail);
}
