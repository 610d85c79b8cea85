/* SPDX-License-Identifier: Apache-2.0 */
/* Where a line of text begins, and what stands in front of its JSON: reader.c asks before it hands bytes to the stream. Those that take bytes return how
 * many they are done with, which may be none when they have only changed line_state. */
#ifndef HARRIER_AUDIT_LINE_H
#define HARRIER_AUDIT_LINE_H

#include "reader.h"

/* The next line is a new one. */
void line_forget_beginning(struct audit_reader *reader);
/* The line, from the offset on, is taken for another log's: it is passed over to its end. */
void line_begin_text(struct audit_reader *reader, uint64_t offset);
/* It ends: counted as another log's, or a dead letter, if it names an audit event. */
void line_end_text(struct audit_reader *reader);
/* The stream goes on at the offset, if it has not seen what stands before. */
void line_restart_stream(struct audit_reader *reader, uint64_t offset);

size_t line_take_beginning(struct audit_reader *reader, struct slice bytes);
size_t line_take_head(struct audit_reader *reader, struct slice bytes);
size_t line_take_text(struct audit_reader *reader, struct slice bytes);
size_t line_take_part(struct audit_reader *reader, struct slice bytes);
/* The line in hand has no more bytes. */
void line_finish(struct audit_reader *reader);

#endif
