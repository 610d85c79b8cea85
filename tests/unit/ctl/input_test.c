/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/ctl/input.h"

#include "harrier/base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/packing.h"

/* More than any buffer of the reader, and not all alike. */
static struct buffer long_text(void)
{
    struct buffer text = {NULL, 0, 0};
    for (int i = 0; text.length < 1000000; i++)
        buffer_printf(&text, "{\"number\": %d}\n", i * 7919);
    return text;
}

static enum result append_piece(void *data, struct slice bytes)
{
    buffer_append_slice(data, bytes);
    return RESULT_OK;
}

/* Reads all of a file that holds the bytes; *result is why it ended. */
static struct buffer read_all(struct slice bytes, enum result *result)
{
    char path[] = "/tmp/harrier-input-XXXXXX";
    struct buffer all = {NULL, 0, 0};
    struct input *input;
    int fd = mkstemp(path);

    assert_int_equal(write(fd, bytes.bytes, bytes.length), bytes.length);
    close(fd);
    assert_int_equal(input_open(path, &input), RESULT_OK);
    *result = input_give(input, append_piece, &all);
    if (*result == RESULT_OK)
        assert_int_equal(input_taken(input), bytes.length);
    else
        assert_true(input_error(input)[0]);
    input_close(input);
    unlink(path);
    return all;
}

static void assert_reads(struct slice packed, struct slice expected)
{
    enum result result;
    struct buffer all = read_all(packed, &result);
    assert_int_equal(result, RESULT_OK);
    assert_int_equal(all.length, expected.length);
    assert_true(slice_equal(buffer_slice(&all), expected));
    buffer_free(&all);
}

static void test_a_plain_file_is_read_as_it_is(void **state)
{
    (void)state;
    struct buffer text = long_text();
    assert_reads(buffer_slice(&text), buffer_slice(&text));
    assert_reads(SLICE("{}"), SLICE("{}"));
    assert_reads(SLICE(""), SLICE(""));
    buffer_free(&text);
}

static void check_packing(void (*append)(struct buffer *out, struct slice text))
{
    struct buffer text = long_text(), packed = {NULL, 0, 0};
    append(&packed, buffer_slice(&text));
    assert_reads(buffer_slice(&packed), buffer_slice(&text));
    append(&packed, SLICE("tail"));
    buffer_append_text(&text, "tail");
    assert_reads(buffer_slice(&packed), buffer_slice(&text));
    buffer_free(&text);
    buffer_free(&packed);
}

static void test_gzip_members_are_read_one_behind_the_other(void **state)
{
    (void)state;
    check_packing(append_gzip);
}

static void test_zstd_frames_are_read_one_behind_the_other(void **state)
{
    (void)state;
    check_packing(append_zstd);
}

static void test_zeros_behind_a_gzip_member_are_padding(void **state)
{
    (void)state;
    struct buffer packed = {NULL, 0, 0};
    append_gzip(&packed, SLICE("text"));
    buffer_append(&packed, "\0\0\0\0\0\0\0\0", 8);
    assert_reads(buffer_slice(&packed), SLICE("text"));
    buffer_free(&packed);
}

static void check_damage(void (*append)(struct buffer *out, struct slice text))
{
    struct buffer text = long_text(), packed = {NULL, 0, 0};
    enum result result;
    append(&packed, buffer_slice(&text));
    struct buffer all = read_all(slice_first(buffer_slice(&packed), packed.length - 3), &result);
    assert_int_equal(result, RESULT_INVALID);
    assert_true(all.length > 0 && all.length <= text.length);
    buffer_free(&all);
    packed.bytes[packed.length / 2] ^= 0x55;
    all = read_all(buffer_slice(&packed), &result);
    assert_int_equal(result, RESULT_INVALID);
    buffer_free(&all);
    packed.bytes[packed.length / 2] ^= 0x55;
    buffer_append_text(&packed, "no archive");
    all = read_all(buffer_slice(&packed), &result);
    assert_int_equal(result, RESULT_INVALID);
    assert_int_equal(all.length, text.length);
    buffer_free(&all);
    buffer_free(&text);
    buffer_free(&packed);
}

static void test_a_damaged_gzip_archive_is_told(void **state)
{
    (void)state;
    check_damage(append_gzip);
}

static void append_zstd_with_sum(struct buffer *out, struct slice text)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    size_t bound = ZSTD_compressBound(text.length);
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    buffer_reserve(out, bound);
    out->length += ZSTD_compress2(context, out->bytes + out->length, bound, text.bytes, text.length);
    ZSTD_freeCCtx(context);
}

static void test_a_damaged_zstd_archive_is_told(void **state)
{
    (void)state;
    check_damage(append_zstd_with_sum);
}

static void test_what_is_no_file_is_not_opened(void **state)
{
    (void)state;
    struct input *input;
    assert_int_equal(input_open("/nonexistent/file", &input), RESULT_NOT_FOUND);
    assert_null(input);
    assert_int_equal(input_open("/tmp", &input), RESULT_IO);
    assert_null(input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plain_file_is_read_as_it_is),
        cmocka_unit_test(test_gzip_members_are_read_one_behind_the_other),
        cmocka_unit_test(test_zstd_frames_are_read_one_behind_the_other),
        cmocka_unit_test(test_zeros_behind_a_gzip_member_are_padding),
        cmocka_unit_test(test_a_damaged_gzip_archive_is_told),
        cmocka_unit_test(test_a_damaged_zstd_archive_is_told),
        cmocka_unit_test(test_what_is_no_file_is_not_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
