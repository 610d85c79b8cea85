/* SPDX-License-Identifier: Apache-2.0 */
/* What text.c and syslog_header.c have of each other. */
#ifndef HARRIER_DAEMON_AUDIT_TEXT_H
#define HARRIER_DAEMON_AUDIT_TEXT_H

#include "cursor.h"
#include "harrier/audit_text.h"
#include "harrier/syslog_header.h"

/* Does a container's head stand at the cursor? */
bool text_is_at_cri_head(struct cursor *cursor);
/* Is the cursor at the beginning of JSON, or of what stands directly in front of it? */
bool text_is_at_json(struct cursor *cursor);
/* Blanks, marks, escape sequences, cookies. */
void text_skip_dressing(struct cursor *cursor);
/* JSON is ahead, behind all that may stand in front of it: the cursor is there. False: it is behind what is no text. */
bool text_find_json(struct cursor *cursor, bool *behind_words);

/* A priority and the header behind it; false: there is none, and the cursor stays. */
bool syslog_take_header(struct cursor *cursor, struct syslog_beginning *beginning);

#endif
