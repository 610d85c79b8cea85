/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_decodes(enum base64_form form, const char *text, struct slice expected)
{
    struct buffer out = {0};
    buffer_append_text(&out, "before");
    assert_int_equal(base64_decode(form, slice_of(text), &out), RESULT_OK);
    assert_true(slice_equal(slice_from(buffer_slice(&out), 6), expected));
    buffer_free(&out);
}

static void assert_refuses(enum base64_form form, const char *text)
{
    struct buffer out = {0};
    buffer_append_text(&out, "before");
    assert_int_equal(base64_decode(form, slice_of(text), &out), RESULT_INVALID);
    assert_string_equal(out.bytes, "before");
    buffer_free(&out);
}

static void test_the_vectors_of_rfc_4648_go_both_ways(void **state)
{
    static const char *const pairs[][2] = {{"", ""},         {"f", "Zg=="},     {"fo", "Zm8="},          {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}, {"\xFB\xFF\xFE", "+//+"}};
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct buffer out = {0};
        base64_encode(BASE64_STANDARD, slice_of(pairs[i][0]), &out);
        assert_true(slice_is(buffer_slice(&out), pairs[i][1]));
        buffer_free(&out);
        assert_decodes(BASE64_STANDARD, pairs[i][1], slice_of(pairs[i][0]));
        assert_decodes(BASE64_LENIENT, pairs[i][1], slice_of(pairs[i][0]));
    }
}

static void test_the_url_form_has_its_own_digits_and_no_padding(void **state)
{
    struct buffer out = {0};
    (void)state;
    base64_encode(BASE64_URL, SLICE("\xFB\xFF\xFE\x01"), &out);
    assert_string_equal(out.bytes, "-__-AQ");
    buffer_free(&out);
    assert_decodes(BASE64_URL, "-__-AQ", SLICE("\xFB\xFF\xFE\x01"));
    assert_refuses(BASE64_URL, "+//+");
    assert_refuses(BASE64_URL, "AQ==");
}

static void test_the_standard_form_is_strict(void **state)
{
    static const char *const wrong[] = {"A", "AQ", "AQ=", "AQ===", "A===", "=", "AQ==AQ==", "A=Q=", "-__-", "AQID\n", "AQ ID", "AQ\x80="};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_refuses(BASE64_STANDARD, wrong[i]);
}

static void test_the_lenient_form_takes_what_others_write(void **state)
{
    (void)state;
    assert_decodes(BASE64_LENIENT, "AQ", SLICE("\x01"));
    assert_decodes(BASE64_LENIENT, "-/_+\r\nAQ I D \n", SLICE("\xFB\xFF\xFE\x01\x02\x03"));
    assert_refuses(BASE64_LENIENT, "AQIDA");
    assert_refuses(BASE64_LENIENT, "AQ==AQ");
    assert_refuses(BASE64_LENIENT, "A!Q");
}

static void test_pieces_of_any_size_give_the_same(void **state)
{
    static const char text[] = "Zm9vYmFyIGFuZCBzb21lIG1vcmUgb2YgaXQ=";
    (void)state;
    for (size_t size = 1; size < sizeof text; size++) {
        struct base64_decoder decoder;
        char out[64];
        size_t length = 0, written;
        base64_begin(&decoder, BASE64_STANDARD);
        for (struct slice rest = slice_of(text); rest.length; rest = slice_from(rest, size)) {
            assert_int_equal(base64_feed(&decoder, slice_first(rest, size), out + length, &written), RESULT_OK);
            assert_true(written <= base64_room(size));
            length += written;
        }
        assert_int_equal(base64_finish(&decoder, out + length, &written), RESULT_OK);
        length += written;
        assert_true(slice_is(slice_make(out, length), "foobar and some more of it"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_vectors_of_rfc_4648_go_both_ways),
        cmocka_unit_test(test_the_url_form_has_its_own_digits_and_no_padding),
        cmocka_unit_test(test_the_standard_form_is_strict),
        cmocka_unit_test(test_the_lenient_form_takes_what_others_write),
        cmocka_unit_test(test_pieces_of_any_size_give_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
