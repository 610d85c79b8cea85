/* SPDX-License-Identifier: Apache-2.0 */
#include "rotation.h"

#include "harrier/base/log.h"
#include "harrier/base/log_limit.h"
#include "harrier/base/memory.h"
#include "harrier/base/vector.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { LISTED_MAX = 10000, GAP_MAX = 100, CHAIN_MAX = 10, DAYS_OF_A_WEEK = 7, DAYS_OF_A_MONTH = 28 };

/* The clock was ahead when the file was written, and went back. A file server's clock may be a little ahead of ours. */
static bool is_of_time_to_come(clock_nanos modified)
{
    return clock_difference(modified, clock_wall()) > 60 * CLOCK_SECOND;
}

/* Temporary, and no fault of the file's. */
static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOMEM;
}

static enum result open_in(const char *folder, const char *name, struct followed_file *file)
{
    char *path = xasprintf("%s/%s", folder, name);
    enum result result = followed_file_open_rotated(file, path);
    int error = errno;

    free(path);
    errno = error;
    return result != RESULT_OK && is_shortage(error) ? RESULT_BUSY : result;
}

/* Of all followers: a folder is looked through each second while a file is missing. */
static void warn_of_too_many(const char *folder)
{
    static struct log_limit limit;
    uint64_t left_out;

    if (log_limit_due(&limit, &left_out))
        log_warning("%s has more than %d files that may be rotated logs: the others are not searched; move what is not of the log elsewhere", folder,
                    LISTED_MAX);
}

/* Calls visit for each name until it gives anything but RESULT_OK; RESULT_LIMIT: it wants no more. */
static enum result visit_names(const char *folder, enum result (*visit)(int folder, const struct dirent *entry, void *context), void *context)
{
    DIR *directory = opendir(folder);
    enum result result = RESULT_OK;
    if (!directory)
        return is_shortage(errno) ? RESULT_BUSY : RESULT_OK;
    for (const struct dirent *entry; result == RESULT_OK && (entry = readdir(directory));) {
        if (entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN)
            result = visit(dirfd(directory), entry, context);
    }
    closedir(directory);
    if (result != RESULT_LIMIT)
        return result;
    warn_of_too_many(folder);
    return RESULT_OK;
}

/* --- the file of a position ------------------------------------------------------------------------------------------------------ */

struct search {
    const char *folder;
    const struct followed_position *position;
    struct followed_file best;
    enum followed_match match;
    size_t opened;
};

static bool is_better(const struct search *search, const struct followed_file *file, enum followed_match match)
{
    if (match == FOLLOWED_OTHER || match != search->match)
        return match > search->match;
    if (!file->packed != !search->best.packed)
        return !file->packed;
    return file->modified > search->best.modified;
}

static enum result take_better(int folder, const struct dirent *entry, void *context)
{
    struct search *search = context;
    struct followed_file file;

    (void)folder;
    if (search->opened++ == LISTED_MAX)
        return RESULT_LIMIT;
    enum result result = open_in(search->folder, entry->d_name, &file);
    if (result != RESULT_OK)
        return result == RESULT_BUSY ? result : RESULT_OK;
    enum followed_match match = followed_file_match(&file, search->position);
    if (!is_better(search, &file, match)) {
        followed_file_close(&file);
        return RESULT_OK;
    }
    followed_file_close(&search->best);
    search->best = file;
    search->match = match;
    return RESULT_OK;
}

enum result rotation_find(const char *folder, const struct followed_position *position, struct followed_file *file,
                          enum followed_match *match)
{
    struct search search = {.folder = folder, .position = position, .best = {.fd = -1}, .match = FOLLOWED_OTHER};
    enum result result = visit_names(folder, take_better, &search);

    *match = search.match;
    if (search.match == FOLLOWED_OTHER && result == RESULT_OK)
        result = RESULT_NOT_FOUND;
    if (result != RESULT_OK)
        followed_file_close(&search.best);
    *file = search.best;
    return result;
}

/* --- the rotated files as they are now ----------------------------------------------------------------------------------------------- */

struct generation {
    char name[256];
    struct rotation_name read;
    uint64_t device, inode;
    clock_nanos modified;
    bool was_read;
};

/* BY_TIME: the names say nothing that holds for all. NUMBERS_FALL: as logrotate's, the highest is the oldest. */
enum order { BY_TIME, NUMBERS_FALL, NUMBERS_GROW };

struct generations {
    const struct rotation_log *log;
    VECTOR(struct generation) of;
    enum order order;
};

static enum result list_generation(int folder, const struct dirent *entry, void *context)
{
    struct generations *all = context;
    struct generation generation = {0};
    struct stat about;

    if (!rotation_name_read(all->log, slice_of(entry->d_name), &generation.read) ||
        fstatat(folder, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(about.st_mode))
        return RESULT_OK;
    if (all->of.count == LISTED_MAX)
        return RESULT_LIMIT;
    snprintf(generation.name, sizeof generation.name, "%s", entry->d_name);
    generation.device = (uint64_t)about.st_dev;
    generation.inode = (uint64_t)about.st_ino;
    generation.modified = about.st_mtim.tv_sec * CLOCK_SECOND + about.st_mtim.tv_nsec;
    VECTOR_PUSH(&all->of, generation);
    return RESULT_OK;
}

static bool same_stamp(const struct rotation_stamp *a, const struct rotation_stamp *b)
{
    return a->kind == b->kind && strcmp(a->digits, b->digits) == 0;
}

static bool same_stamps(const struct rotation_name *a, const struct rotation_name *b)
{
    return same_stamp(&a->file, &b->file) && same_stamp(&a->rotation, &b->rotation);
}

/* While a file is packed, both are there, and the packed one is not whole. */
static bool is_being_packed(const struct generations *all, const struct generation *one)
{
    for (size_t i = 0; one->read.packing != ROTATION_PLAIN && i < all->of.count; i++)
        if (all->of.items[i].read.packing == ROTATION_PLAIN && same_stamps(&all->of.items[i].read, &one->read))
            return true;
    return false;
}

static void leave_out_what_is_being_packed(struct generations *all)
{
    size_t kept = 0;

    for (size_t i = 0; i < all->of.count; i++)
        if (!is_being_packed(all, &all->of.items[i]))
            all->of.items[kept++] = all->of.items[i];
    all->of.count = kept;
}

static enum order order_of(const struct generations *all)
{
    const struct generation *lowest = NULL, *highest = NULL;
    enum rotation_stamp_kind kind = ROTATION_STAMP_NONE;

    for (size_t i = 0; i < all->of.count; i++) {
        const struct generation *one = &all->of.items[i];
        const struct rotation_stamp *stamp = &one->read.rotation;
        if (stamp->kind == ROTATION_STAMP_OTHER || one->read.file.kind == ROTATION_STAMP_OTHER)
            return BY_TIME;
        if (stamp->kind == ROTATION_STAMP_NONE)
            continue;
        if (kind != ROTATION_STAMP_NONE && kind != stamp->kind)
            return BY_TIME;
        kind = stamp->kind;
        if (kind != ROTATION_STAMP_NUMBER || one->read.packing != ROTATION_PLAIN || is_of_time_to_come(one->modified))
            continue; /* not every packer keeps the time */
        if (!lowest || stamp->number < lowest->read.rotation.number)
            lowest = one;
        if (!highest || stamp->number > highest->read.rotation.number)
            highest = one;
    }
    return lowest && highest->modified > lowest->modified ? NUMBERS_GROW : NUMBERS_FALL;
}

static enum result list_generations(const struct rotation_log *log, struct generations *all)
{
    *all = (struct generations){.log = log};
    enum result result = visit_names(log->folder, list_generation, all);
    leave_out_what_is_being_packed(all);
    all->order = order_of(all);
    return result;
}

/* --- their order --------------------------------------------------------------------------------------------------------------------- */

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_stamps(const struct rotation_stamp *a, const struct rotation_stamp *b, bool numbers_fall)
{
    if (a->kind == ROTATION_STAMP_NONE || b->kind == ROTATION_STAMP_NONE) /* not rotated: it is written after those that were */
        return (a->kind == ROTATION_STAMP_NONE) - (b->kind == ROTATION_STAMP_NONE);
    if (a->kind == ROTATION_STAMP_NUMBER)
        return numbers_fall ? compare_numbers(b->number, a->number) : compare_numbers(a->number, b->number);
    return strcmp(a->digits, b->digits);
}

/* Was a written before b (< 0) or after it (> 0)? */
static int compare_generations(const struct generations *all, const struct generation *a, const struct generation *b)
{
    if (all->order == BY_TIME)
        return compare_numbers(a->modified, b->modified);
    int files = compare_stamps(&a->read.file, &b->read.file, false);
    return files ? files : compare_stamps(&a->read.rotation, &b->read.rotation, all->order == NUMBERS_FALL);
}

/* --- the next in the order of writing ---------------------------------------------------------------------------------------------- */

static enum result match_generation(const struct generations *all, const struct generation *one, const struct followed_position *last,
                                    enum followed_match *match)
{
    struct followed_file file;
    enum result result = open_in(all->log->folder, one->name, &file);

    *match = FOLLOWED_OTHER;
    if (result != RESULT_OK)
        return result == RESULT_BUSY ? result : RESULT_OK;
    *match = followed_file_match(&file, last);
    followed_file_close(&file);
    return RESULT_OK;
}

static enum result find_among(const struct generations *all, const struct followed_position *last, bool of_its_inode,
                              const struct generation **found)
{
    enum result result = RESULT_OK;

    for (size_t i = 0; !*found && i < all->of.count && result == RESULT_OK; i++) {
        const struct generation *one = &all->of.items[i];
        enum followed_match match = FOLLOWED_OTHER;
        if ((one->inode == last->inode) != of_its_inode || one->read.packing == ROTATION_UNREADABLE)
            continue;
        result = match_generation(all, one, last, &match);
        if (match != FOLLOWED_OTHER)
            *found = one;
    }
    return result;
}

/* The generation that was read last: by its inode, else a copy; NULL: it is not there any more. */
static enum result find_last(const struct generations *all, const struct followed_position *last, const struct generation **found)
{
    *found = NULL;
    if (!last)
        return RESULT_OK;
    enum result result = find_among(all, last, true, found);
    return result == RESULT_OK && !*found && last->head_length ? find_among(all, last, false, found) : result;
}

/* Is all of it read? An inode alone tells nothing: that of a file that was removed is soon another's. */
static bool is_at_end(const struct followed_file *file, const struct followed_position *end)
{
    enum followed_match match = followed_file_match(file, end);
    if (end->head_length == 0)
        return match == FOLLOWED_SAME && file->size == 0;
    return match != FOLLOWED_OTHER && (file->packed || file->size <= end->offset);
}

static bool is_worth_opening(const struct generation *one, const struct rotation_read *read)
{
    bool worth = is_of_time_to_come(read->modified) && read->end_count;

    for (size_t i = 0; !worth && i < read->end_count; i++)
        worth = read->ends[i].inode == one->inode;
    return worth;
}

static enum result note_what_was_read(struct generations *all, const struct rotation_read *read)
{
    enum result result = RESULT_OK;

    for (size_t i = 0; i < all->of.count && result != RESULT_BUSY; i++) {
        struct generation *one = &all->of.items[i];
        struct followed_file file;
        for (size_t u = 0; u < read->unreadable_count; u++)
            one->was_read |= read->unreadable[u] == one->inode;
        if (one->was_read || !is_worth_opening(one, read))
            continue;
        result = open_in(all->log->folder, one->name, &file);
        for (size_t e = 0; result == RESULT_OK && e < read->end_count; e++)
            one->was_read |= is_at_end(&file, &read->ends[e]);
        if (result == RESULT_OK)
            followed_file_close(&file);
    }
    return result == RESULT_BUSY ? result : RESULT_OK;
}

/* Which no clock has to do with. */
static bool is_ordered_by_number(const struct generations *all, const struct generation *one, const struct generation *last)
{
    return all->order == NUMBERS_FALL && one->read.rotation.kind == ROTATION_STAMP_NUMBER && last->read.rotation.kind == ROTATION_STAMP_NUMBER;
}

/* A plain file that was modified after the last one has something that was not read, whatever its name says. Equal times are of a coarse
 * clock: both orders are possible then, and leaving one out would be worse than reading it late. */
static bool is_unread(const struct generations *all, const struct generation *one, const struct generation *last,
                      const struct rotation_read *read)
{
    if (one == last || one->was_read)
        return false;
    if (is_of_time_to_come(read->modified) && (!last || !is_ordered_by_number(all, one, last)))
        return true;
    if (!last)
        return one->modified >= read->modified;
    int order = compare_generations(all, one, last);
    bool grew_later = one->read.packing == ROTATION_PLAIN && one->modified > read->modified && one->modified > last->modified;
    return order > 0 || (order == 0 && all->order == BY_TIME) || grew_later;
}

static const struct generation *first_unread(const struct generations *all, const struct generation *last, const struct rotation_read *read)
{
    const struct generation *first = NULL;

    for (size_t i = 0; i < all->of.count; i++) {
        const struct generation *one = &all->of.items[i];
        if (is_unread(all, one, last, read) && (!first || compare_generations(all, one, first) < 0))
            first = one;
    }
    return first;
}

/* --- gaps ---------------------------------------------------------------------------------------------------------------------------- */

static uint64_t files_between(int64_t from, int64_t to, int64_t step)
{
    int64_t between = to > from ? (to - from) / step - 1 : 0;
    return between > 0 && between <= GAP_MAX ? (uint64_t)between : 0;
}

/* The least step between two days of which there are files. A step of a week or a month between the only two is taken for the usual one. */
static int64_t days_between_files(const struct generations *all, int64_t from, int64_t to)
{
    int64_t least = to - from, before = INT64_MIN, day;

    for (size_t i = 0; i < all->of.count; i++)
        if (rotation_stamp_day(&all->of.items[i].read.file, &day) && day < from && day > before)
            before = day;
    if (before != INT64_MIN)
        return from - before < least ? from - before : least;
    return least == DAYS_OF_A_WEEK || least >= DAYS_OF_A_MONTH ? least : 1;
}

static uint64_t files_missing(const struct generations *all, const struct rotation_stamp *from, const struct rotation_stamp *to)
{
    int64_t first, last;

    if (from->kind == ROTATION_STAMP_NUMBER && to->kind == ROTATION_STAMP_NUMBER)
        return files_between(from->number, to->number, 1);
    if (!rotation_stamp_day(from, &first) || !rotation_stamp_day(to, &last) || first >= last)
        return 0;
    return files_between(first, last, days_between_files(all, first, last));
}

/* Numbers that logrotate gave begin at 1 or 0: others may have gaps from the start. */
static bool is_chain(const struct generations *all, const struct generation *last)
{
    if (last->read.rotation.number <= CHAIN_MAX)
        return true;
    for (size_t i = 0; i < all->of.count; i++)
        if (same_stamp(&all->of.items[i].read.file, &last->read.file) && all->of.items[i].read.rotation.number <= 1)
            return true;
    return false;
}

/* next NULL: the newest file, which has the number 0 if logrotate were to give it one. */
static uint64_t generations_missing(const struct generations *all, const struct generation *last, const struct generation *next)
{
    struct rotation_stamp newest = rotation_stamp_of_newest(all->log);
    const struct rotation_stamp *file = next ? &next->read.file : &newest;

    if (all->order == BY_TIME)
        return 0;
    if (!same_stamp(&last->read.file, file))
        return files_missing(all, &last->read.file, file);
    if (last->read.rotation.kind != ROTATION_STAMP_NUMBER || !is_chain(all, last))
        return 0;
    int64_t number = last->read.rotation.number;
    if (all->order == NUMBERS_FALL)
        return files_between(next ? next->read.rotation.number : 0, number, 1);
    return next ? files_between(number, next->read.rotation.number, 1) : 0;
}

static enum result open_step(const struct generations *all, const struct generation *next, struct rotation_step *step)
{
    step->inode = next->inode;
    snprintf(step->name, sizeof step->name, "%s", next->name);
    if (next->read.packing == ROTATION_UNREADABLE) {
        errno = ENOTSUP;
        return RESULT_INVALID;
    }
    enum result result = open_in(all->log->folder, next->name, &step->file);
    if (result == RESULT_OK || result == RESULT_BUSY)
        return result;
    return errno == ENOENT ? RESULT_BUSY : RESULT_INVALID; /* it was just renamed: look again */
}

enum result rotation_next(const struct rotation_log *log, const struct rotation_read *read, struct rotation_step *step)
{
    struct generations all;
    const struct generation *last = NULL, *next = NULL;
    enum result result = list_generations(log, &all);

    *step = (struct rotation_step){.file = {.fd = -1}};
    if (result == RESULT_OK)
        result = find_last(&all, read->last, &last);
    if (result == RESULT_OK)
        result = note_what_was_read(&all, read);
    if (result == RESULT_OK) {
        next = first_unread(&all, last, read);
        step->found_last = last != NULL;
        step->missing = last ? generations_missing(&all, last, next) : 0;
        result = next ? open_step(&all, next, step) : RESULT_NOT_FOUND;
    }
    VECTOR_FREE(&all.of);
    return result;
}

/* --- membership ------------------------------------------------------------------------------------------------------------------ */

bool rotation_has(const struct rotation_log *log, const struct followed_file *file)
{
    const struct rotation_log strict = {.folder = log->folder, .base = log->base};
    const struct followed_position position = followed_file_position(file, 0);
    const struct generation *found = NULL;
    struct generations all;

    if (list_generations(&strict, &all) == RESULT_OK)
        find_last(&all, &position, &found);
    VECTOR_FREE(&all.of);
    return found != NULL;
}
