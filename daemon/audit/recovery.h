/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong syntax: what broke is judged as far as it goes and is a dead letter (the tail), and reading goes on where a value may begin again. */
#ifndef HARRIER_AUDIT_RECOVERY_H
#define HARRIER_AUDIT_RECOVERY_H

#include "reader.h"

#define AUDIT_NO_ERROR UINT64_MAX

/* The stream has met wrong syntax. Returns how many of the chunk's bytes are done with. */
size_t recovery_begin(struct audit_reader *reader, struct slice chunk);
/* Takes bytes into the tail, up to where reading can go on; returns how many. */
size_t recovery_take(struct audit_reader *reader, struct slice bytes, uint64_t offset);
/* The tail ends before the offset; reading goes on there. */
void recovery_end(struct audit_reader *reader, uint64_t resume);
/* To the text of the tail's dead letter. */
void recovery_append(struct audit_reader *reader, struct slice bytes);
/* Decides on the item that broke off, as far as it goes. */
void recovery_decide_item(struct audit_reader *reader);

#endif
