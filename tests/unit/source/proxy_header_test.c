/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/source/proxy_header.h"

#include "harrier/base/buffer.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

/* What the header says, taken piece by piece; *rest is what it left. */
static enum proxy_answer take_in_pieces(struct slice input, size_t piece, char client[ADDRESS_TEXT_SIZE], size_t *taken)
{
    struct proxy_header header = {0};
    struct address address;
    enum proxy_answer answer = PROXY_MORE;

    assert_int_equal(address_parse_host_port(SLICE("198.51.100.1:1"), &address, NULL), RESULT_OK);
    *taken = 0;
    while (answer == PROXY_MORE && *taken < input.length) {
        size_t wanted = proxy_header_wanted(&header);
        struct slice part = slice_first(slice_from(input, *taken), wanted < piece ? wanted : piece);
        assert_true(wanted > 0 && wanted <= PROXY_HEADER_READ);
        answer = proxy_header_take(&header, part, &address);
        *taken += part.length;
    }
    address_format(&address, client);
    return answer;
}

static void assert_header(struct slice header, enum proxy_answer expected, const char *client)
{
    struct buffer input = {0};

    buffer_append_slice(&input, header);
    buffer_append_text(&input, "\x16\x03\x01 what follows\n");
    for (size_t piece = 1; piece <= header.length + 20; piece++) {
        char text[ADDRESS_TEXT_SIZE];
        size_t taken;
        assert_int_equal(take_in_pieces(buffer_slice(&input), piece, text, &taken), expected);
        if (expected != PROXY_WHOLE)
            continue;
        assert_int_equal(taken, header.length); /* not a byte more */
        assert_string_equal(text, client);
    }
    buffer_free(&input);
}

static void test_a_line_names_the_client_and_nothing_behind_it_is_touched(void **state)
{
    (void)state;
    assert_header(SLICE("PROXY TCP4 192.0.2.7 192.0.2.2 56324 443\r\n"), PROXY_WHOLE, "192.0.2.7:56324");
    assert_header(SLICE("PROXY TCP6 2001:db8::7 2001:db8::1 65535 1\r\n"), PROXY_WHOLE, "[2001:db8::7]:65535");
    assert_header(SLICE("PROXY UNKNOWN\r\n"), PROXY_WHOLE, "198.51.100.1:1");
    assert_header(SLICE("PROXY UNKNOWN whatever stands here\r\n"), PROXY_WHOLE, "198.51.100.1:1");
}

static void test_a_line_that_breaks_its_form_is_wrong(void **state)
{
    static const char *const lines[] = {"PROXY TCP4 192.0.2.7 192.0.2.2 56324\r\n",
                                        "PROXY TCP4 192.0.2.7 192.0.2.2 56324 443 x\r\n",
                                        "PROXY TCP4 2001:db8::7 2001:db8::1 1 1\r\n",
                                        "PROXY TCP6 192.0.2.7 192.0.2.2 1 1\r\n",
                                        "PROXY TCP4 192.0.2.7 192.0.2.2 65536 443\r\n",
                                        "PROXY TCP4  192.0.2.7 192.0.2.2 1 443\r\n",
                                        "PROXY TCP4 192.0.2.7 192.0.2.2 1 443\n",
                                        "PROXY UDP4 192.0.2.7 192.0.2.2 1 443\r\n",
                                        "PROXYTCP4 192.0.2.7 192.0.2.2 1 443\r\n",
                                        "POST /k8s-audit HTTP/1.1\r\n",
                                        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello"};
    struct buffer endless = {0};
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        assert_header(slice_of(lines[i]), PROXY_WRONG, NULL);
    buffer_printf(&endless, "PROXY UNKNOWN %0200d", 0);
    assert_header(buffer_slice(&endless), PROXY_WRONG, NULL);
    buffer_free(&endless);
}

static void test_the_binary_header_names_the_client_and_its_extensions_are_passed_over(void **state)
{
    struct buffer large = {0};
    (void)state;
    assert_header(SLICE(SIGNATURE "\x21\x11\x00\x0c\xc0\x00\x02\x07\xc0\x00\x02\x02\xdc\x04\x01\xbb"), PROXY_WHOLE, "192.0.2.7:56324");
    assert_header(SLICE(SIGNATURE "\x21\x11\x00\x0f\xc0\x00\x02\x07\xc0\x00\x02\x02\xdc\x04\x01\xbb\x04\x00\x00"), PROXY_WHOLE, "192.0.2.7:56324");
    assert_header(SLICE(SIGNATURE "\x21\x21\x00\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\xff\xff\x00\x01"),
                  PROXY_WHOLE, "[2001:db8::7]:65535");
    buffer_append_slice(&large, SLICE(SIGNATURE "\x21\x11\x08\x0c\xc0\x00\x02\x07\xc0\x00\x02\x02\xdc\x04\x01\xbb"));
    for (int i = 0; i < 2048; i++)
        buffer_append_byte(&large, (char)i);
    assert_header(buffer_slice(&large), PROXY_WHOLE, "192.0.2.7:56324");
    buffer_free(&large);
}

static void test_a_check_of_the_balancers_own_and_other_families_name_nobody(void **state)
{
    (void)state;
    assert_header(SLICE(SIGNATURE "\x20\x00\x00\x00"), PROXY_WHOLE, "198.51.100.1:1");
    assert_header(SLICE(SIGNATURE "\x20\x11\x00\x0c\xc0\x00\x02\x07\xc0\x00\x02\x02\xdc\x04\x01\xbb"), PROXY_WHOLE, "198.51.100.1:1");
    assert_header(SLICE(SIGNATURE "\x21\x31\x00\x02xx"), PROXY_WHOLE, "198.51.100.1:1");
}

static void test_a_binary_header_that_breaks_its_form_is_wrong(void **state)
{
    (void)state;
    assert_header(SLICE(SIGNATURE "\x11\x11\x00\x0c\xc0\x00\x02\x07\xc0\x00\x02\x02\xdc\x04\x01\xbb"), PROXY_WRONG, NULL);
    assert_header(SLICE(SIGNATURE "\x22\x11\x00\x0c\xc0\x00\x02\x07\xc0\x00\x02\x02\xdc\x04\x01\xbb"), PROXY_WRONG, NULL);
    assert_header(SLICE(SIGNATURE "\x21\x11\x00\x0b\xc0\x00\x02\x07\xc0\x00\x02\x02\xdc\x04\x01"), PROXY_WRONG, NULL);
    assert_header(SLICE(SIGNATURE "\x21\x21\x00\x0c\xc0\x00\x02\x07\xc0\x00\x02\x02\xdc\x04\x01\xbb"), PROXY_WRONG, NULL);
    assert_header(SLICE("\r\n\r\n\0\r\nQUIX\n\x21\x11\x00\x00"), PROXY_WRONG, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_names_the_client_and_nothing_behind_it_is_touched),
        cmocka_unit_test(test_a_line_that_breaks_its_form_is_wrong),
        cmocka_unit_test(test_the_binary_header_names_the_client_and_its_extensions_are_passed_over),
        cmocka_unit_test(test_a_check_of_the_balancers_own_and_other_families_name_nobody),
        cmocka_unit_test(test_a_binary_header_that_breaks_its_form_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
