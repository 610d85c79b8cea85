/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/base/log.h"

#include "harrier/base/utf8.h"
#include "journal.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

/* The log is the process's own, as stderr is: these are the program's only globals. */
static _Atomic int current_level = LOG_LEVEL_INFO;
static _Atomic bool to_journal;
static _Atomic(log_filter *) current_filter;

static const struct {
    const char *name;
    enum log_level level;
} names[] = {
    {"error", LOG_LEVEL_ERROR}, {"warning", LOG_LEVEL_WARNING}, {"notice", LOG_LEVEL_NOTICE},
    {"info", LOG_LEVEL_INFO},   {"debug", LOG_LEVEL_DEBUG},
};

void log_set_level(enum log_level level)
{
    atomic_store(&current_level, (int)level);
}

bool log_enabled(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&current_level, memory_order_relaxed);
}

bool log_level_from_name(const char *name, enum log_level *level)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcasecmp(name, names[i].name) == 0) {
            *level = names[i].level;
            return true;
        }
    }
    return false;
}

static const char *level_name(enum log_level level)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].level == level)
            return names[i].name;
    return "log";
}

char *log_escape(struct slice text, char *out, size_t size)
{
    size_t length = 0;
    for (size_t i = 0; i < text.length;) {
        size_t step = utf8_sequence(slice_from(text, i));
        unsigned char first = (unsigned char)text.bytes[i];
        uint32_t code_point = 0;
        if (step > 0)
            utf8_decode(slice_from(text, i), &code_point);
        bool plain = step > 0 && !utf8_is_unprintable(code_point);
        size_t needed = plain ? step : 4;
        if (length + needed + 4 > size) {
            if (size >= length + 4)
                length += (size_t)snprintf(out + length, size - length, "...");
            break;
        }
        if (plain) {
            memcpy(out + length, text.bytes + i, step);
            length += step;
            i += step;
        } else {
            length += (size_t)snprintf(out + length, size - length, "\\x%02x", first);
            i++;
        }
    }
    if (size)
        out[length] = '\0';
    return out;
}

bool log_to_journal(void)
{
    bool journal = journal_is_stderr();
    atomic_store(&to_journal, journal);
    return journal;
}

static bool write_journal(enum log_level level, const char *message, const struct log_field *fields, size_t count)
{
    struct journal_entry entry;

    journal_entry_make(&entry, level, slice_of(message), fields, count);
    bool sent = journal_send(&entry);
    journal_entry_free(&entry);
    return sent;
}

static void write_stderr(enum log_level level, const char *message)
{
    char line[4200];
    /* "<N>" is sd-daemon(3)'s way to give journald the severity; people at a terminal read the name */
    int length = isatty(STDERR_FILENO) ? snprintf(line, sizeof line, "harrier: %s: %s\n", level_name(level), message)
                                       : snprintf(line, sizeof line, "<%d>harrier: %s: %s\n", (int)level, level_name(level), message);
    ssize_t ignored = write(STDERR_FILENO, line, (size_t)length);
    (void)ignored;
}

void log_use_filter(log_filter *filter)
{
    atomic_store(&current_filter, filter);
}

static void __attribute__((format(printf, 4, 0)))
write_message(enum log_level level, const struct log_field *fields, size_t count, const char *format, va_list arguments)
{
    char message[2048], escaped[4096];

    vsnprintf(message, sizeof message, format, arguments);
    log_filter *filter = atomic_load_explicit(&current_filter, memory_order_relaxed);
    struct buffer filtered = {NULL, 0, 0};
    bool is_changed = filter && filter(slice_of(message), &filtered);
    log_escape(is_changed ? buffer_slice(&filtered) : slice_of(message), escaped, sizeof escaped);
    buffer_free(&filtered);
    if (!atomic_load_explicit(&to_journal, memory_order_relaxed) || !write_journal(level, escaped, fields, count))
        write_stderr(level, escaped);
}

void log_write(enum log_level level, const char *format, ...)
{
    va_list arguments;

    if (!log_enabled(level))
        return;
    va_start(arguments, format);
    write_message(level, NULL, 0, format, arguments);
    va_end(arguments);
}

void log_write_fields(enum log_level level, const struct log_field *fields, size_t count, const char *format, ...)
{
    va_list arguments;

    if (!log_enabled(level))
        return;
    va_start(arguments, format);
    write_message(level, fields, count, format, arguments);
    va_end(arguments);
}
