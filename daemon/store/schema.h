/* SPDX-License-Identifier: Apache-2.0 */
/* The tables, and the steps by which a store of an older version becomes one of this version. */
#ifndef HARRIER_STORE_SCHEMA_H
#define HARRIER_STORE_SCHEMA_H

#include "database.h"

/* Step n (from 0) makes version n + 1 out of version n; user_version holds the version. */
extern const char *const schema_steps[];
extern const int schema_version;

/* Brings the database up to version count, each step in a transaction of its own. Settles what must be settled before the first table (page size,
 * auto_vacuum, application_id). RESULT_UNSUPPORTED: the database is newer; RESULT_CORRUPT: it belongs to another program. */
enum result schema_migrate(struct database *database, const char *const *steps, int count);

/* For readers: RESULT_UNSUPPORTED, RESULT_CORRUPT as above, RESULT_UNSUPPORTED too if it is older than version. */
enum result schema_check(struct database *database, int version);

#endif
