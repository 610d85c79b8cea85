/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HARRIER_SOURCE_AUTH_TLS_INTERNAL_H
#define HARRIER_SOURCE_AUTH_TLS_INTERNAL_H

#include "stamped_file.h"
#include "tls.h"
#include "harrier/base/log_limit.h"

#include <pthread.h>

enum { TLS_FILES = 3 }; /* certificate, key, client CA */

/* Shared by all workers: what changes is under the mutex, which every accepted connection takes, and which is held to exchange what was read,
 * never to read. What only refreshing needs is under the other one. */
struct source_tls {
    struct source_tls_options options; /* own copies */
    pthread_mutex_t mutex;
    SSL_CTX *context;
    struct source_tls_facts facts;
    pthread_mutex_t refreshing;
    struct file_stamp stamps[TLS_FILES];     /* of what the context was made of */
    struct file_stamp bad_stamps[TLS_FILES]; /* of what was refused last */
    unsigned int bad_looks;                  /* at those; said in the log at the second */
    struct log_limit logged[SOURCE_TLS_FAILURE_COUNT];
};

#endif
