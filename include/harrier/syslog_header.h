/* SPDX-License-Identifier: Apache-2.0 */
/* The header of one syslog message, out of its first bytes. */
#ifndef HARRIER_SYSLOG_HEADER_H
#define HARRIER_SYSLOG_HEADER_H

#include "harrier/base/slice.h"

enum syslog_content {
    SYSLOG_CONTENT_UNKNOWN, /* more bytes are needed */
    SYSLOG_CONTENT_JSON, /* or a container's line, which may be the rest of one */
    SYSLOG_CONTENT_OTHER
};

/* Slices of the message. */
struct syslog_beginning {
    struct slice hostname, app;
    struct slice cluster; /* with its escapes */
    bool damaged;         /* structured data that cannot be read: the text begins with it, and who reads JSON will say what is wrong */
    size_t text;          /* behind the header, blanks, marks and a cookie: JSON, or what else a line has in front of it (audit_text.h) */
};

/* whole: the message has no more bytes, so the answer is never UNKNOWN. Any answer but UNKNOWN stays the same whatever comes after. */
enum syslog_content syslog_read_beginning(struct slice message, bool whole, struct syslog_beginning *beginning);

#endif
