/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers' files (reader.c, query.c) share. */
#ifndef HARRIER_STORE_READER_H
#define HARRIER_STORE_READER_H

#include "database.h"
#include "harrier/store.h"

enum reader_statement {
    READER_ALERTS_NEWEST,
    READER_ALERTS_AFTER,
    READER_ALERT_BY_ID,
    READER_ALERT_BY_NUMBER,
    READER_ALERT_DELIVERIES,
    READER_OPEN_DELIVERIES,
    READER_OPEN_DELIVERY_FROM,
    READER_DELIVERIES_IN_STATE,
    READER_DEAD_DELIVERIES,
    READER_DEAD_LETTERS,
    READER_DEAD_LETTER,
    READER_DESTINATION_COUNTS,
    READER_POSITION,
    READER_POSITIONS,
    READER_STATEMENT_COUNT
};

_Static_assert((int)READER_STATEMENT_COUNT <= (int)DATABASE_STATEMENTS_MAX, "room for every statement");

extern const char *const reader_sql[READER_STATEMENT_COUNT];

struct store_reader {
    struct database database;
};

#endif
