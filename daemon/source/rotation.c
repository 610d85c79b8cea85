/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/source/rotation.h"

#include "harrier/log.h"
#include "harrier/memory.h"

#include <dirent.h>
#include <stdlib.h>

enum { LISTED_MAX = 10000 };

/* Numbers and times: digits, what stands between them, and the T and Z of RFC 3339. */
static bool is_stamp(struct slice text)
{
    bool digit = false;

    for (size_t i = 0; i < text.length; i++) {
        char c = text.bytes[i];
        if (c >= '0' && c <= '9')
            digit = true;
        else if (!memchr(".-_:TZ", c, 6))
            return false;
    }
    return digit;
}

/* begin, a separator, a stamp, end. */
static bool is_stamped(struct slice name, struct slice begin, struct slice end)
{
    if (name.length <= begin.length + end.length + 1 || !slice_starts_with(name, begin) || !slice_ends_with(name, end))
        return false;
    struct slice middle = slice_first(slice_from(name, begin.length), name.length - begin.length - end.length);
    return memchr(".-_", middle.bytes[0], 3) && is_stamp(slice_from(middle, 1));
}

bool rotation_is_name(struct slice base, struct slice name)
{
    ptrdiff_t dot = slice_find_last_byte(base, '.');

    if (is_stamped(name, base, (struct slice){0}))
        return true;
    return dot > 0 && is_stamped(name, slice_first(base, (size_t)dot), slice_from(base, (size_t)dot));
}

/* Each regular file of a folder, opened. take() closes what it does not keep. */
static void visit_files(const char *folder, bool (*wanted)(const char *name, const void *context), const void *context,
                        void (*take)(struct followed_file *file, void *result), void *result)
{
    DIR *directory = opendir(folder);
    size_t listed = 0;

    if (!directory)
        return;
    for (const struct dirent *entry; (entry = readdir(directory));) {
        struct followed_file file;
        bool maybe = entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN;
        if (++listed > LISTED_MAX) {
            log_warning("more than %d files in %s: the others are not searched for rotated logs", LISTED_MAX, folder);
            break;
        }
        if (!maybe || !wanted(entry->d_name, context))
            continue;
        char *path = xasprintf("%s/%s", folder, entry->d_name);
        if (followed_file_open(&file, path) == RESULT_OK)
            take(&file, result);
        free(path);
    }
    closedir(directory);
}

/* --- the file of a position ------------------------------------------------------------------------------------------------------ */

struct search {
    const struct followed_position *position;
    struct followed_file best;
    enum followed_match match;
};

static bool any_name(const char *name, const void *context)
{
    (void)name;
    (void)context;
    return true;
}

static void take_better(struct followed_file *file, void *context)
{
    struct search *search = context;
    enum followed_match match = followed_file_match(file, search->position);

    if (match > search->match || (match != FOLLOWED_OTHER && match == search->match && file->modified > search->best.modified)) {
        followed_file_close(&search->best);
        search->best = *file;
        search->match = match;
    } else {
        followed_file_close(file);
    }
}

enum result rotation_find(const char *folder, const struct followed_position *position, struct followed_file *file,
                          enum followed_match *match)
{
    struct search search = {.position = position, .best = {.fd = -1}, .match = FOLLOWED_OTHER};

    visit_files(folder, any_name, NULL, take_better, &search);
    *file = search.best;
    *match = search.match;
    return search.match == FOLLOWED_OTHER ? RESULT_NOT_FOUND : RESULT_OK;
}

/* --- the next in the order of writing ---------------------------------------------------------------------------------------------- */

struct succession {
    const struct rotation_read *read;
    struct followed_file first;
};

static bool is_rotation(const char *name, const void *context)
{
    return rotation_is_name(*(const struct slice *)context, slice_of(name));
}

static bool was_read(const struct rotation_read *read, uint64_t inode)
{
    for (size_t i = 0; i < read->inode_count; i++)
        if (read->inodes[i] == inode)
            return true;
    return false;
}

/* Equal times are of a coarse clock: both orders are possible then, and leaving one out would be worse than reading it late. */
static void take_earlier(struct followed_file *file, void *context)
{
    struct succession *succession = context;

    if (file->modified < succession->read->modified || was_read(succession->read, file->inode) ||
        (succession->first.fd >= 0 && file->modified >= succession->first.modified)) {
        followed_file_close(file);
        return;
    }
    followed_file_close(&succession->first);
    succession->first = *file;
}

enum result rotation_next(const char *folder, struct slice base, const struct rotation_read *read, struct followed_file *file)
{
    struct succession succession = {.read = read, .first = {.fd = -1}};

    visit_files(folder, is_rotation, &base, take_earlier, &succession);
    *file = succession.first;
    return succession.first.fd >= 0 ? RESULT_OK : RESULT_NOT_FOUND;
}

/* --- membership ------------------------------------------------------------------------------------------------------------------ */

struct membership {
    const struct followed_file *wanted;
    bool found;
};

static void compare(struct followed_file *file, void *context)
{
    struct membership *membership = context;

    if (file->device == membership->wanted->device && file->inode == membership->wanted->inode)
        membership->found = true;
    followed_file_close(file);
}

bool rotation_has(const char *folder, struct slice base, const struct followed_file *file)
{
    struct membership membership = {.wanted = file};

    visit_files(folder, is_rotation, &base, compare, &membership);
    return membership.found;
}
