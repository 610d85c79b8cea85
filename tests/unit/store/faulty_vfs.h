/* SPDX-License-Identifier: Apache-2.0 */
/* A VFS that fails when told to. */
#ifndef HARRIER_TESTS_STORE_FAULTY_VFS_H
#define HARRIER_TESTS_STORE_FAULTY_VFS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>

struct faulty_file {
    sqlite3_file base;
    sqlite3_file *real;
};

static int fail_syncs, fail_writes; /* that many calls fail */
static bool fail_growth;            /* a full disk: what is written must lie within the file as it is */

#define REAL(file) (((struct faulty_file *)(file))->real)

static inline int faulty_close(sqlite3_file *file)
{
    int code = REAL(file)->pMethods->xClose(REAL(file));
    sqlite3_free(REAL(file));
    return code;
}
static inline int faulty_read(sqlite3_file *file, void *out, int amount, sqlite3_int64 offset)
{
    return REAL(file)->pMethods->xRead(REAL(file), out, amount, offset);
}
static inline int faulty_write(sqlite3_file *file, const void *bytes, int amount, sqlite3_int64 offset)
{
    if (fail_writes > 0) {
        fail_writes--;
        return SQLITE_FULL;
    }
    sqlite3_int64 size = 0;
    if (fail_growth && (REAL(file)->pMethods->xFileSize(REAL(file), &size) != SQLITE_OK || offset + amount > size))
        return SQLITE_FULL;
    return REAL(file)->pMethods->xWrite(REAL(file), bytes, amount, offset);
}
static inline int faulty_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return REAL(file)->pMethods->xTruncate(REAL(file), size);
}
static inline int faulty_sync(sqlite3_file *file, int flags)
{
    if (fail_syncs > 0) {
        fail_syncs--;
        return SQLITE_IOERR_FSYNC;
    }
    return REAL(file)->pMethods->xSync(REAL(file), flags);
}
static inline int faulty_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return REAL(file)->pMethods->xFileSize(REAL(file), size);
}
static inline int faulty_lock(sqlite3_file *file, int level)
{
    return REAL(file)->pMethods->xLock(REAL(file), level);
}
static inline int faulty_unlock(sqlite3_file *file, int level)
{
    return REAL(file)->pMethods->xUnlock(REAL(file), level);
}
static inline int faulty_check(sqlite3_file *file, int *out)
{
    return REAL(file)->pMethods->xCheckReservedLock(REAL(file), out);
}
static inline int faulty_control(sqlite3_file *file, int operation, void *argument)
{
    return REAL(file)->pMethods->xFileControl(REAL(file), operation, argument);
}
static inline int faulty_sector(sqlite3_file *file)
{
    return REAL(file)->pMethods->xSectorSize(REAL(file));
}
static inline int faulty_characteristics(sqlite3_file *file)
{
    return REAL(file)->pMethods->xDeviceCharacteristics(REAL(file));
}
static inline int faulty_map(sqlite3_file *file, int region, int size, int extend, void volatile **out)
{
    return REAL(file)->pMethods->xShmMap(REAL(file), region, size, extend, out);
}
static inline int faulty_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return REAL(file)->pMethods->xShmLock(REAL(file), offset, count, flags);
}
static inline void faulty_barrier(sqlite3_file *file)
{
    REAL(file)->pMethods->xShmBarrier(REAL(file));
}
static inline int faulty_unmap(sqlite3_file *file, int remove_it)
{
    return REAL(file)->pMethods->xShmUnmap(REAL(file), remove_it);
}

static const sqlite3_io_methods faulty_methods = {2,
                                                  faulty_close,
                                                  faulty_read,
                                                  faulty_write,
                                                  faulty_truncate,
                                                  faulty_sync,
                                                  faulty_size,
                                                  faulty_lock,
                                                  faulty_unlock,
                                                  faulty_check,
                                                  faulty_control,
                                                  faulty_sector,
                                                  faulty_characteristics,
                                                  faulty_map,
                                                  faulty_shm_lock,
                                                  faulty_barrier,
                                                  faulty_unmap,
                                                  NULL,
                                                  NULL};

static inline int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    sqlite3_vfs *real = vfs->pAppData;
    struct faulty_file *faulty = (struct faulty_file *)file;
    faulty->real = sqlite3_malloc(real->szOsFile);
    memset(faulty->real, 0, (size_t)real->szOsFile);
    int code = real->xOpen(real, name, faulty->real, flags, out_flags);
    if (code != SQLITE_OK) {
        sqlite3_free(faulty->real);
        return code;
    }
    faulty->base.pMethods = &faulty_methods;
    return SQLITE_OK;
}

static sqlite3_vfs faulty_vfs;

/* As "faulty". */
static inline void faulty_register(void)
{
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    faulty_vfs = *real;
    faulty_vfs.zName = "faulty";
    faulty_vfs.szOsFile = sizeof(struct faulty_file);
    faulty_vfs.pAppData = real;
    faulty_vfs.xOpen = faulty_open;
    faulty_vfs.pNext = NULL;
    sqlite3_vfs_register(&faulty_vfs, 0);
}

#endif
