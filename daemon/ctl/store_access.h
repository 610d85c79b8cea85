/* SPDX-License-Identifier: Apache-2.0 */
/* The store and the daemon behind it, as -c, --store and --socket name them. */
#ifndef HARRIER_CTL_STORE_ACCESS_H
#define HARRIER_CTL_STORE_ACCESS_H

#include "common.h"

#include "harrier/store.h"

/* Directory of the store and the daemon's admin socket. Strings are owned. */
struct places {
    char *store;  /* NULL: not known */
    char *socket; /* NULL: not known */
};

/* From --store, --socket, or the configuration (-c, or the default one). EX_OK, or the exit code after a message. */
int places_find(const struct arguments *arguments, struct places *places);
void places_free(struct places *places);

/* Opens the store for reading. EX_OK, or the exit code after a message. */
int open_reader(const struct places *places, struct store_reader **reader);
/* A message for a failed read: gives its exit code; EX_OK for RESULT_OK. */
int reader_failed(const struct store_reader *reader, enum result result);

/* One request to the daemon over its admin socket. RESULT_OK: answered with 200, *body is the answer (append to an empty buffer).
 * RESULT_INVALID: answered with 422, *body is the answer. RESULT_CLOSED: nobody serves there. RESULT_DENIED: no permission. RESULT_IO: anything
 * else; *body then says what. seconds: how long it may take. */
enum result admin_request(const char *socket, bool post, const char *path, long seconds, struct buffer *body);
enum { ADMIN_REQUEST_SECONDS = 15 }; /* for what the daemon answers at once */
/* The message for a request that was not answered with 200, and its exit code. */
int admin_request_failed(const char *socket, enum result result, const struct buffer *body);

#endif
