/* SPDX-License-Identifier: Apache-2.0 */
/* What senders pack, for tests of what unpacks it. Include it behind cmocka.h. */
#ifndef HARRIER_TESTS_UNIT_PACKING_H
#define HARRIER_TESTS_UNIT_PACKING_H

#include "harrier/base/buffer.h"

#include <zlib.h>
#include <zstd.h>

/* Appends the text as one stream of zlib's. window_bits: what is around it, as deflateInit2 takes it. */
static inline void append_deflated(struct buffer *out, struct slice text, int window_bits)
{
    z_stream stream = {0};

    assert_int_equal(deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    buffer_reserve(out, deflateBound(&stream, text.length));
    stream.next_in = (Bytef *)(uintptr_t)text.bytes;
    stream.avail_in = (uInt)text.length;
    stream.next_out = (Bytef *)out->bytes + out->length;
    stream.avail_out = (uInt)(out->capacity - out->length);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out->length += stream.total_out;
    deflateEnd(&stream);
}

/* Appends the text as one gzip member. */
static inline void append_gzip(struct buffer *out, struct slice text)
{
    append_deflated(out, text, 16 + MAX_WBITS);
}

/* Appends the text as one zstd frame. */
static inline void append_zstd(struct buffer *out, struct slice text)
{
    size_t room = ZSTD_compressBound(text.length);

    buffer_reserve(out, room);
    size_t length = ZSTD_compress(out->bytes + out->length, room, text.bytes, text.length, 3);
    assert_false(ZSTD_isError(length));
    out->length += length;
}

#endif
