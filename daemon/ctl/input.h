/* SPDX-License-Identifier: Apache-2.0 */
/* Files of events as bytes, whatever they are packed in: plain, gzip (RFC 1952) or Zstandard (RFC 8878), told by their first bytes. */
#ifndef HARRIER_CTL_INPUT_H
#define HARRIER_CTL_INPUT_H

#include "harrier/base/inflate.h"

struct input;

/* path "-" is standard input. On failure *input is NULL and errno tells. */
enum result input_open(const char *path, struct input **input);
void input_close(struct input *input);
/* Gives all bytes, unpacked, piece by piece. RESULT_INVALID: the archive is damaged (what came before was given); RESULT_IO: reading failed;
 * else what the sink gave. */
enum result input_give(struct input *input, inflate_sink *sink, void *data);
/* Why it failed, in words. */
const char *input_error(const struct input *input);
/* The name shown to people: the path, or "stdin". */
const char *input_name(const struct input *input);
/* Bytes of the file taken so far, and its size; 0 where that cannot be told. */
uint64_t input_taken(const struct input *input);
uint64_t input_size(const struct input *input);

#endif
