/* SPDX-License-Identifier: Apache-2.0 */
/* One entry of the journal, as sd_journal_sendv(3) takes it. */
#ifndef HARRIER_BASE_JOURNAL_H
#define HARRIER_BASE_JOURNAL_H

#include "harrier/base/buffer.h"
#include "harrier/base/log.h"

#include <sys/uio.h>

enum { JOURNAL_PARTS_MAX = 3 + LOG_FIELD_COUNT, JOURNAL_VALUE_MAX = 4096 };

/* Each part is NAME=value, and its length says where the value ends: one with newlines in it is sent with that length (systemd's "Native Journal
 * Protocol"), so no value can begin another field. */
struct journal_entry {
    struct buffer text;
    struct iovec parts[JOURNAL_PARTS_MAX];
    size_t count;
};

/* PRIORITY, SYSLOG_IDENTIFIER, MESSAGE, then the fields; those over JOURNAL_PARTS_MAX are left out. To be freed with journal_entry_free. */
void journal_entry_make(struct journal_entry *entry, enum log_level level, struct slice message, const struct log_field *fields,
                        size_t count);
void journal_entry_free(struct journal_entry *entry);

/* Is stderr the journal's, and its socket there? */
bool journal_is_stderr(void);
/* False: it could not be sent. */
bool journal_send(const struct journal_entry *entry);

#endif
