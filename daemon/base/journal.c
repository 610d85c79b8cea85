/* SPDX-License-Identifier: Apache-2.0 */
#include "journal.h"

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

static const char *const field_names[LOG_FIELD_COUNT] = {
    [LOG_FIELD_SOURCE] = "HARRIER_SOURCE", [LOG_FIELD_CLUSTER] = "HARRIER_CLUSTER", [LOG_FIELD_CLIENT] = "HARRIER_CLIENT",
    [LOG_FIELD_PEER] = "HARRIER_PEER",     [LOG_FIELD_RULE] = "HARRIER_RULE",       [LOG_FIELD_DESTINATION] = "HARRIER_DESTINATION",
    [LOG_FIELD_ALERT] = "HARRIER_ALERT",
};

/* The buffer moves while it grows, so where the part is in it is told last, by point_at_parts. */
static void add_part(struct journal_entry *entry, const char *name, struct slice value)
{
    size_t start = entry->text.length;

    buffer_append_text(&entry->text, name);
    buffer_append_byte(&entry->text, '=');
    buffer_append_slice(&entry->text, slice_first(value, JOURNAL_VALUE_MAX));
    entry->parts[entry->count++].iov_len = entry->text.length - start;
}

static void point_at_parts(struct journal_entry *entry)
{
    char *next = entry->text.bytes;

    for (size_t i = 0; i < entry->count; i++) {
        entry->parts[i].iov_base = next;
        next += entry->parts[i].iov_len;
    }
}

void journal_entry_make(struct journal_entry *entry, enum log_level level, struct slice message, const struct log_field *fields,
                        size_t count)
{
    const char digit[2] = {(char)('0' + (int)level), '\0'};

    *entry = (struct journal_entry){0};
    add_part(entry, "PRIORITY", slice_of(digit));
    add_part(entry, "SYSLOG_IDENTIFIER", SLICE("harrierd"));
    add_part(entry, "MESSAGE", message);
    for (size_t i = 0; i < count && entry->count < JOURNAL_PARTS_MAX; i++)
        add_part(entry, field_names[fields[i].name], fields[i].value);
    point_at_parts(entry);
}

void journal_entry_free(struct journal_entry *entry)
{
    buffer_free(&entry->text);
}

bool journal_is_stderr(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    uintmax_t device, inode;
    struct stat about;

    /* A program that has its stderr redirected still inherits the variable: the numbers tell. */
    return stream && sscanf(stream, "%ju:%ju", &device, &inode) == 2 && fstat(STDERR_FILENO, &about) == 0 && about.st_dev == device &&
           about.st_ino == inode && access("/run/systemd/journal/socket", W_OK) == 0;
}

bool journal_send(const struct journal_entry *entry)
{
    return sd_journal_sendv(entry->parts, (int)entry->count) == 0;
}
