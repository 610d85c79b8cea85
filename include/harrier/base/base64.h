/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648), whole or in pieces of any size. */
#ifndef HARRIER_BASE64_H
#define HARRIER_BASE64_H

#include "harrier/base/buffer.h"
#include "harrier/base/result.h"

enum base64_form {
    BASE64_STANDARD, /* section 4, padded */
    BASE64_URL,      /* section 5, not padded, as in JWTs (RFC 7515 section 2) */
    BASE64_LENIENT   /* digits of both alphabets, padding or none, blanks and line breaks between; of what others wrote for us to read */
};

struct base64_decoder {
    enum base64_form form;
    uint32_t bits;        /* of the group in hand */
    unsigned int digits;  /* in it */
    unsigned int padding; /* '=' seen */
};

void base64_begin(struct base64_decoder *decoder, enum base64_form form);
/* The next text; what it stands for is written to out, which needs room for base64_room(text.length) bytes. RESULT_INVALID at a byte that does
 * not belong there: *written tells what came before it. */
enum result base64_feed(struct base64_decoder *decoder, struct slice text, char *out, size_t *written);
/* The text has ended. At most 2 more bytes go to out. RESULT_INVALID: in the middle of a byte, or with the wrong padding. */
enum result base64_finish(struct base64_decoder *decoder, char *out, size_t *written);

static inline size_t base64_room(size_t length)
{
    return length / 4 * 3 + 3;
}

/* The whole text, appended to out; on RESULT_INVALID out is as it was. */
enum result base64_decode(enum base64_form form, struct slice text, struct buffer *out);
/* Appends the text of the bytes; BASE64_LENIENT writes as BASE64_STANDARD. */
void base64_encode(enum base64_form form, struct slice bytes, struct buffer *out);

#endif
