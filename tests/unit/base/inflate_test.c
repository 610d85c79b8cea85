/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/base/buffer.h"
#include "harrier/base/inflate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/packing.h"

static void pack(enum inflate_format format, struct slice text, struct buffer *out)
{
    if (format == INFLATE_ZSTD)
        append_zstd(out, text);
    else
        append_gzip(out, text);
}

struct taken {
    struct buffer bytes;
    size_t bound; /* then no more is taken; 0: none */
};

static enum result take(void *data, struct slice bytes)
{
    struct taken *taken = data;
    buffer_append_slice(&taken->bytes, bytes);
    return taken->bound && taken->bytes.length > taken->bound ? RESULT_BUSY : RESULT_OK;
}

static enum result unpack(enum inflate_format format, struct slice packed, size_t chunk, const struct inflate_limits *limits, struct taken *taken)
{
    static const struct inflate_limits none = {0};
    struct inflater *inflater = inflater_new(format, limits ? limits : &none);
    enum result result = RESULT_OK;

    while (packed.length && result == RESULT_OK) {
        result = inflater_feed(inflater, slice_first(packed, chunk), take, taken);
        packed = slice_from(packed, chunk);
    }
    enum result finished = inflater_finish(inflater);
    if (finished) {
        assert_int_equal(inflater_feed(inflater, SLICE("x"), take, taken), finished); /* once wrong, always wrong */
        assert_true(inflater_error(inflater)[0]);
    }
    inflater_free(inflater);
    return result ? result : finished;
}

static struct buffer long_text(void)
{
    struct buffer text = {0};
    for (int i = 0; text.length < 500000; i++)
        buffer_printf(&text, "{\"number\": %d}\n", i * 7919);
    return text;
}

static const size_t chunks[] = {1, 7, 1000, SIZE_MAX};

static void test_members_and_frames_are_read_in_pieces_of_any_size(void **state)
{
    struct buffer text = long_text();
    (void)state;
    for (enum inflate_format format = INFLATE_GZIP; format <= INFLATE_ZSTD; format++) {
        struct buffer packed = {0};
        pack(format, buffer_slice(&text), &packed);
        if (format == INFLATE_ZSTD)
            buffer_append(&packed, "\x50\x2A\x4D\x18\x03\x00\x00\x00xyz", 11); /* to be skipped */
        pack(format, SLICE("tail"), &packed);
        if (format == INFLATE_GZIP)
            buffer_append(&packed, "\0\0\0\0", 4); /* padding */
        assert_true(inflate_begins(format, slice_first(buffer_slice(&packed), 4)));
        assert_false(inflate_begins(!format, slice_first(buffer_slice(&packed), 4)));
        for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
            struct taken taken = {0};
            assert_int_equal(unpack(format, buffer_slice(&packed), chunks[i], NULL, &taken), RESULT_OK);
            assert_int_equal(taken.bytes.length, text.length + 4);
            assert_memory_equal(taken.bytes.bytes, text.bytes, text.length);
            buffer_free(&taken.bytes);
        }
        buffer_free(&packed);
    }
    buffer_free(&text);
}

static void test_deflate_is_read_with_and_without_the_zlib_format_around_it(void **state)
{
    static const int around[] = {MAX_WBITS, -MAX_WBITS};
    static const struct inflate_limits by_bytes = {.bytes = 100000};
    struct buffer text = long_text();
    (void)state;
    for (size_t i = 0; i < sizeof around / sizeof around[0]; i++) {
        struct buffer packed = {0};
        append_deflated(&packed, buffer_slice(&text), around[i]);
        for (size_t c = 0; c < sizeof chunks / sizeof chunks[0]; c++) {
            struct taken taken = {0};
            assert_int_equal(unpack(INFLATE_DEFLATE, buffer_slice(&packed), chunks[c], NULL, &taken), RESULT_OK);
            assert_true(slice_equal(buffer_slice(&taken.bytes), buffer_slice(&text)));
            buffer_reset(&taken.bytes, 0);
            assert_int_equal(unpack(INFLATE_DEFLATE, slice_first(buffer_slice(&packed), packed.length - 5), chunks[c], NULL, &taken), RESULT_INVALID);
            assert_true(taken.bytes.length > 0);
            buffer_reset(&taken.bytes, 0);
            assert_int_equal(unpack(INFLATE_DEFLATE, buffer_slice(&packed), chunks[c], &by_bytes, &taken), RESULT_LIMIT);
            buffer_free(&taken.bytes);
        }
        buffer_free(&packed);
    }
    struct taken nothing = {0};
    assert_int_equal(unpack(INFLATE_DEFLATE, SLICE(""), 1, NULL, &nothing), RESULT_INVALID);
    assert_int_equal(unpack(INFLATE_DEFLATE, SLICE("\x78\x9c{\"a\":1}"), 1, NULL, &nothing), RESULT_INVALID);
    buffer_free(&nothing.bytes);
    buffer_free(&text);
}

static void test_damage_is_told_behind_what_came_before_it(void **state)
{
    struct buffer text = long_text();
    (void)state;
    for (enum inflate_format format = INFLATE_GZIP; format <= INFLATE_ZSTD; format++) {
        struct buffer packed = {0};
        struct taken taken = {0};
        pack(format, buffer_slice(&text), &packed);
        assert_int_equal(unpack(format, slice_first(buffer_slice(&packed), packed.length - 3), 100, NULL, &taken), RESULT_INVALID);
        assert_true(taken.bytes.length > 0);
        buffer_append_text(&packed, "no archive");
        taken.bytes.length = 0;
        assert_int_equal(unpack(format, buffer_slice(&packed), 100, NULL, &taken), RESULT_INVALID);
        assert_int_equal(taken.bytes.length, text.length);
        assert_int_equal(unpack(format, SLICE(""), 1, NULL, &taken), RESULT_INVALID);
        assert_int_equal(unpack(format, SLICE("{\"a\":1}"), 1, NULL, &taken), RESULT_INVALID);
        buffer_free(&taken.bytes);
        buffer_free(&packed);
    }
    buffer_free(&text);
}

static void test_a_bomb_stops_at_either_bound(void **state)
{
    enum { BYTES = 40 << 20, MIB = 1 << 20, PIECE = 64 << 10 };
    const struct inflate_limits by_bytes = {.bytes = 3 * MIB, .ratio = 0}, by_ratio = {.bytes = 0, .ratio = 10}, fitting = {.bytes = BYTES, .ratio = 1 << 20};
    struct buffer zeros = {0};
    (void)state;
    buffer_reserve(&zeros, BYTES);
    memset(zeros.bytes, 0, BYTES);
    zeros.length = BYTES;
    for (enum inflate_format format = INFLATE_GZIP; format <= INFLATE_ZSTD; format++) {
        struct buffer packed = {0};
        struct taken taken = {0};
        pack(format, buffer_slice(&zeros), &packed);
        assert_int_equal(unpack(format, buffer_slice(&packed), SIZE_MAX, &by_bytes, &taken), RESULT_LIMIT);
        assert_in_range(taken.bytes.length, 3 * MIB - PIECE, 3 * MIB);
        taken.bytes.length = 0;
        assert_int_equal(unpack(format, buffer_slice(&packed), SIZE_MAX, &by_ratio, &taken), RESULT_LIMIT);
        assert_in_range(taken.bytes.length, 32 * MIB - PIECE, 32 * MIB + PIECE);
        taken.bytes.length = 0;
        assert_int_equal(unpack(format, buffer_slice(&packed), 100, &fitting, &taken), RESULT_OK);
        assert_int_equal(taken.bytes.length, BYTES);
        buffer_free(&taken.bytes);
        buffer_free(&packed);
    }
    buffer_free(&zeros);
}

static void test_a_large_window_is_refused_of_strangers_only(void **state)
{
    const struct inflate_limits bounded = {.bytes = 1 << 30, .ratio = 0};
    ZSTD_CCtx *context = ZSTD_createCCtx();
    struct buffer packed = {0};
    struct taken taken = {0};
    ZSTD_inBuffer in = {"text", 4, 0};
    (void)state;
    buffer_reserve(&packed, 1000);
    ZSTD_outBuffer out = {packed.bytes, 1000, 0};
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 26);
    assert_int_equal(ZSTD_compressStream2(context, &out, &in, ZSTD_e_flush), 0); /* no size in the header, so the window counts */
    assert_int_equal(ZSTD_compressStream2(context, &out, &in, ZSTD_e_end), 0);
    packed.length = out.pos;
    assert_int_equal(unpack(INFLATE_ZSTD, buffer_slice(&packed), 3, &bounded, &taken), RESULT_INVALID);
    assert_int_equal(unpack(INFLATE_ZSTD, buffer_slice(&packed), 3, NULL, &taken), RESULT_OK);
    assert_true(slice_is(buffer_slice(&taken.bytes), "text"));
    ZSTD_freeCCtx(context);
    buffer_free(&taken.bytes);
    buffer_free(&packed);
}

static void test_what_the_sink_answers_ends_it(void **state)
{
    struct buffer text = long_text(), packed = {0};
    struct taken taken = {.bound = 100};
    (void)state;
    pack(INFLATE_GZIP, buffer_slice(&text), &packed);
    assert_int_equal(unpack(INFLATE_GZIP, buffer_slice(&packed), SIZE_MAX, NULL, &taken), RESULT_BUSY);
    assert_true(taken.bytes.length < text.length);
    buffer_free(&taken.bytes);
    buffer_free(&packed);
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_and_frames_are_read_in_pieces_of_any_size),
        cmocka_unit_test(test_deflate_is_read_with_and_without_the_zlib_format_around_it),
        cmocka_unit_test(test_damage_is_told_behind_what_came_before_it),
        cmocka_unit_test(test_a_bomb_stops_at_either_bound),
        cmocka_unit_test(test_a_large_window_is_refused_of_strangers_only),
        cmocka_unit_test(test_what_the_sink_answers_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
