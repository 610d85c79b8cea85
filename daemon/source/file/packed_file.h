/* SPDX-License-Identifier: Apache-2.0 */
/* A packed file read as if it were not: gzip and Zstandard, in bounded memory, and in bounded steps. */
#ifndef HARRIER_SOURCE_FILE_PACKED_FILE_H
#define HARRIER_SOURCE_FILE_PACKED_FILE_H

#include "harrier/base/inflate.h"

#include <stdbool.h>
#include <sys/types.h>

struct packed_file;

/* Is the file packed, and how? A log begins with neither format's first bytes. */
bool packed_file_is(int fd, enum inflate_format *format);

/* fd stays the caller's. */
struct packed_file *packed_file_new(int fd, enum inflate_format format);
void packed_file_free(struct packed_file *file);
/* At most size of the unpacked bytes from the offset; 0: there are no more. Going on where the last reading ended is quick; anything else
 * unpacks what is before. -1, with errno: EAGAIN, the way to the offset is long, call again to go on; EBADMSG, the file is damaged or cut
 * short; else of the reading. */
ssize_t packed_file_read(struct packed_file *file, uint64_t offset, char *bytes, size_t size);
/* Has a reading met the end? Then *size is that of the unpacked bytes. */
bool packed_file_has_ended(const struct packed_file *file, uint64_t *size);

#endif
