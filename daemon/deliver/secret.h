/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets from files: read again when the file changes, wiped before they are freed, masked in every text that is shown. */
#ifndef HARRIER_DELIVER_SECRET_H
#define HARRIER_DELIVER_SECRET_H

#include "harrier/base/buffer.h"
#include "harrier/base/result.h"
#include "harrier/base/slice.h"

#include <sys/stat.h>

struct secret {
    const char *path;        /* NULL: not from a file */
    char *text;              /* owned; NULL until it was read */
    struct timespec changed; /* of the file when it was read */
    off_t size;
    ino_t inode;
    bool mode_logged;
};

/* The first line of the file, blanks taken off. *fresh: it is another text than before. On failure *error (the caller frees it) names the path. */
enum result secret_read(struct secret *secret, bool *fresh, char **error);
void secret_free(struct secret *secret);
/* Each occurrence of needle in text becomes "***"; needles under 6 bytes are left (they would mask common words). */
void secret_mask(struct buffer *text, struct slice needle);

#endif
