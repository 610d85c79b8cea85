/* SPDX-License-Identifier: Apache-2.0 */
/* What the RELP machine says of an input, written down; the same for the input in pieces of any size. */
#ifndef HARRIER_NIT_SOURCE_SYSLOG_RELP_TRANSCRIPT_H
#define HARRIER_NIT_SOURCE_SYSLOG_RELP_TRANSCRIPT_H

#include "daemon/source/syslog/relp.h"
#include "harrier/base/memory.h"

#include <stdlib.h>

/* "1 open;", "2[data];", "3 close;", "!error". True while more can be read. */
static bool relp_transcribe(struct relp *relp, struct slice bytes, struct buffer *said)
{
    for (;;) {
        struct slice data;
        switch (relp_next(relp, &bytes, &data)) {
        case RELP_MORE: return true;
        case RELP_OPEN: buffer_printf(said, "%u open;", (unsigned int)relp->transaction); break;
        case RELP_OPEN_AGAIN: buffer_printf(said, "%u open again;", (unsigned int)relp->transaction); break;
        case RELP_MESSAGE: buffer_printf(said, "%llu=", (unsigned long long)relp->data_left); break;
        case RELP_DATA:
            data = slice_first(data, 1 + data.length / 2);
            buffer_append_slice(said, data);
            relp_take(relp, &bytes, data.length);
            break;
        case RELP_MESSAGE_END: buffer_printf(said, " is %u;", (unsigned int)relp->transaction); break;
        case RELP_CLOSE: buffer_printf(said, "%u close;", (unsigned int)relp->transaction); break;
        case RELP_UNKNOWN: buffer_printf(said, "%u unknown;", (unsigned int)relp->transaction); break;
        case RELP_BROKEN: buffer_printf(said, "!%s", relp->error); return false;
        }
    }
}

static void relp_transcribe_all(struct slice input, size_t piece, struct relp relp, struct buffer *said)
{
    bool going = true;

    while (going && input.length) {
        struct slice part = slice_first(input, piece);
        char *alone = memcpy(xmalloc(part.length), part.bytes, part.length); /* so that a sanitizer sees reads beyond it */
        going = relp_transcribe(&relp, slice_make(alone, part.length), said);
        free(alone);
        input = slice_from(input, part.length);
    }
    buffer_append_text(said, relp_is_between(&relp) ? "." : "?");
    relp_free(&relp);
}

#endif
