/* SPDX-License-Identifier: Apache-2.0 */
/* What a reader of syslog says of an input, written down; the same for the input in pieces of any size. */
#ifndef HARRIER_NIT_SOURCE_SYSLOG_SYSLOG_TRANSCRIPT_H
#define HARRIER_NIT_SOURCE_SYSLOG_SYSLOG_TRANSCRIPT_H

#include "harrier/base/buffer.h"
#include "harrier/base/memory.h"
#include "harrier/syslog.h"

#include <stdlib.h>

/* "[host app cluster|text]" for a message, "!|text]" for what is none, "(other)". */
static void syslog_transcribe(struct syslog_reader *reader, struct slice bytes, struct buffer *said)
{
    for (;;) {
        const struct syslog_header *header = syslog_reader_header(reader);
        struct slice text;
        switch (syslog_next(reader, &bytes, &text)) {
        case SYSLOG_MORE: return;
        case SYSLOG_BEGIN:
            if (syslog_reader_refused(reader)) {
                buffer_append_text(said, "!|");
                break;
            }
            buffer_append_byte(said, '[');
            buffer_append_slice(said, header->hostname);
            buffer_append_byte(said, ' ');
            buffer_append_slice(said, header->app);
            buffer_append_byte(said, ' ');
            buffer_append_slice(said, header->cluster);
            buffer_append_byte(said, '|');
            break;
        case SYSLOG_TEXT: buffer_append_slice(said, text); break;
        case SYSLOG_END: buffer_append_byte(said, ']'); break;
        case SYSLOG_OTHER: buffer_append_text(said, "(other)"); break;
        }
    }
}

/* From the first byte to the end of the input. */
static void syslog_transcribe_all(struct slice input, size_t piece, const struct syslog_limits *limits, struct buffer *said,
                                  struct syslog_counts *counts)
{
    struct syslog_reader *reader = syslog_reader_new(limits);

    while (input.length) {
        struct slice part = slice_first(input, piece);
        char *alone = part.length ? memcpy(xmalloc(part.length), part.bytes, part.length) : NULL; /* so that a sanitizer sees reads beyond it */
        syslog_transcribe(reader, slice_make(alone, part.length), said);
        free(alone);
        input = slice_from(input, part.length);
    }
    syslog_reader_finish(reader);
    syslog_transcribe(reader, slice_make(NULL, 0), said);
    *counts = *syslog_reader_counts(reader);
    syslog_reader_free(reader);
}

#endif
