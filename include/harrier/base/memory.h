/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that cannot fail to the caller. What the network can ask for is budgeted before it is allocated (budget.h);
 * an allocation that fails all the same ends the process with a line in the log: everything acknowledged is on disk, the
 * supervisor starts it again, and no half-built state is ever carried on with. */
#ifndef HARRIER_MEMORY_H
#define HARRIER_MEMORY_H

#include <stddef.h>

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *pointer, size_t size) __attribute__((returns_nonnull));
/* count * size with an overflow check. */
void *xreallocarray(void *pointer, size_t count, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *text) __attribute__((malloc, returns_nonnull));
/* A new NUL-terminated copy of length bytes. */
char *xstrndup(const char *bytes, size_t length) __attribute__((malloc, returns_nonnull));
/* printf into a new string; the caller frees it. */
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2), malloc, returns_nonnull));

#endif
