/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/base/result.h"

#include <errno.h>

static const char *const texts[RESULT_COUNT] = {
    [RESULT_OK] = "ok",
    [RESULT_NOT_FOUND] = "not found",
    [RESULT_EXISTS] = "already exists",
    [RESULT_INVALID] = "invalid",
    [RESULT_LIMIT] = "limit exceeded",
    [RESULT_BUSY] = "busy, try again later",
    [RESULT_DENIED] = "permission denied",
    [RESULT_IO] = "input/output error",
    [RESULT_FULL] = "no space left",
    [RESULT_CORRUPT] = "damaged data",
    [RESULT_GONE] = "the store's files were removed or replaced",
    [RESULT_UNSUPPORTED] = "not supported",
    [RESULT_CLOSED] = "closed",
    [RESULT_TIMEOUT] = "timed out",
};

const char *result_text(enum result result)
{
    return (unsigned int)result < RESULT_COUNT ? texts[result] : "unknown result";
}

enum result result_from_errno(int error)
{
    switch (error) {
    case 0: return RESULT_OK;
    case ENOENT: return RESULT_NOT_FOUND;
    case EEXIST: return RESULT_EXISTS;
    case EACCES:
    case EPERM: return RESULT_DENIED;
    case ENOSPC:
    case EDQUOT: return RESULT_FULL;
    case EINVAL: return RESULT_INVALID;
    case EAGAIN:
    case EMFILE: /* out of descriptors or memory: it passes, and says nothing about what was asked for */
    case ENFILE:
    case ENOMEM:
    case EBUSY: return RESULT_BUSY;
    case ETIMEDOUT: return RESULT_TIMEOUT;
    case EPIPE:
    case ECONNRESET: return RESULT_CLOSED;
    default: return RESULT_IO;
    }
}
