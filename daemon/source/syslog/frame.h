/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a counted message: MSG-LEN SP and the priority that every message begins with (RFC 6587 section 3.4.1, RFC 5424 section 6). The priority
 * is a part of it here, since digits and a blank alone begin many a line. */
#ifndef HARRIER_SOURCE_SYSLOG_FRAME_H
#define HARRIER_SOURCE_SYSLOG_FRAME_H

#include "harrier/base/slice.h"

enum { SYSLOG_FRAME_HEAD_BYTES = 15 }; /* nine digits, a blank, <191> */

enum syslog_frame_answer {
    SYSLOG_FRAME_MORE, /* needed */
    SYSLOG_FRAME_HEAD,
    SYSLOG_FRAME_NONE
};

struct syslog_frame_head {
    uint64_t count;
    size_t message_at; /* where the message begins, which the count is of */
    size_t length;     /* of the head, up to the end of the priority */
};

/* bare: a message may also begin with {, which some senders count without a header. Any answer but MORE stays the same whatever comes after. */
enum syslog_frame_answer syslog_read_frame_head(struct slice bytes, bool bare, struct syslog_frame_head *head);

/* Where the first head begins that is in bytes, or may be once more has come; bytes.length: nowhere. behind_digit: so ended what came before, and a
 * count does not begin within a number. */
size_t syslog_find_frame_head(struct slice bytes, bool behind_digit);

#endif
