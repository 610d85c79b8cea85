/* SPDX-License-Identifier: Apache-2.0 */
/* The functions' table, example by example. */
#include "harrier/yaral_value.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>

enum { MOST_ARGUMENTS = 6 };

static struct yaral_value text_of(const char *text)
{
    return yaral_string(slice_of(text));
}

/* One call as the checker and the evaluator make it. */
struct call {
    struct arena *arena;
    struct regex_matcher *matcher;
    const struct yaral_function *function;
    struct yaral_argument arguments[MOST_ARGUMENTS];
    struct yaral_value values[MOST_ARGUMENTS];
    size_t count;
    void *prepared;
    bool nocase;
    struct slice error;
    size_t guilty;
};

static struct call call_new(const char *name)
{
    struct call call = {.arena = arena_new(4096), .matcher = regex_matcher_new(), .function = yaral_function_find(slice_of(name), NULL)};
    if (!call.function)
        fail_msg("no function %s", name);
    return call;
}

static void call_add(struct call *call, struct yaral_value value)
{
    call->values[call->count] = value;
    call->arguments[call->count++] =
        (struct yaral_argument){.type = value.type, .is_list = value.is_list, .is_constant = !value.is_list, .constant = value};
}

static bool call_check(struct call *call)
{
    return call->function->check(call->function, call->arguments, call->count, call->arena, &call->error, &call->guilty);
}

static enum result call_prepare(struct call *call)
{
    if (!call->function->prepare)
        return RESULT_OK;
    return call->function->prepare(call->arguments, call->count, call->nocase, call->arena, &call->prepared, &call->error, &call->guilty);
}

static struct yaral_value call_run(struct call *call)
{
    struct yaral_call_context context = {.arena = call->arena, .matcher = call->matcher, .now = 1700000000 * CLOCK_SECOND};

    if (!call_check(call) || call_prepare(call) != RESULT_OK)
        fail_msg("%s: %.*s", call->function->name, SLICE_ARGS(call->error));
    struct yaral_value value = call->function->call(&context, call->prepared, call->values, call->count);
    enum yaral_type type = call->function->result_type ? call->function->result_type(call->arguments, call->count) : call->function->type;
    assert_int_equal(value.type, type);
    assert_int_equal(value.is_list, call->function->is_list);
    assert_false(context.unknown);
    return value;
}

static void call_free(struct call *call)
{
    if (call->prepared)
        call->function->release(call->prepared);
    regex_matcher_free(call->matcher);
    arena_free(call->arena);
}

/* What the call gives, as text. */
static void expect_values(const char *name, const struct yaral_value *values, size_t count, const char *expected)
{
    struct call call = call_new(name);

    for (size_t i = 0; i < count; i++)
        call_add(&call, values[i]);
    struct yaral_value value = call_run(&call);
    struct slice text = yaral_to_text(call.arena, &value);
    if (!slice_is(text, expected))
        fail_msg("%s gave `%.*s` where `%s` was expected", name, SLICE_ARGS(text), expected);
    call_free(&call);
}

#define EXPECT(name, expected, ...) \
    expect_values((name), (const struct yaral_value[]){__VA_ARGS__}, sizeof((const struct yaral_value[]){__VA_ARGS__}) / sizeof(struct yaral_value), (expected))
#define S(text) text_of(text)
#define I(number) yaral_int(number)
#define F(number) yaral_float(number)
#define B(boolean) yaral_bool(boolean)

static struct yaral_value bytes_of(const char *text)
{
    return (struct yaral_value){.type = YARAL_BYTES, .string = slice_of(text)};
}

static struct yaral_value list_of(enum yaral_type type, const struct yaral_value *items, size_t count)
{
    return (struct yaral_value){.type = type, .is_list = true, .list = {items, count}};
}

#define LIST(type, ...) list_of((type), (const struct yaral_value[]){__VA_ARGS__}, sizeof((const struct yaral_value[]){__VA_ARGS__}) / sizeof(struct yaral_value))

/* --- re ---------------------------------------------------------------------------------------------------------------------- */

static void test_re_regex_searches_and_takes_nocase(void **state)
{
    struct call call = call_new("re.regex");

    (void)state;
    EXPECT("re.regex", "true", S("xabc"), S("b"));
    EXPECT("re.regex", "false", S("xABC"), S("b"));
    EXPECT("re.regex", "false", S("abc"), S("^b"));
    call_add(&call, S("xABC"));
    call_add(&call, S("abc"));
    call.nocase = true;
    assert_true(call.function->takes_nocase);
    assert_true(call_run(&call).boolean);
    call_free(&call);
}

static void test_re_capture_gives_the_group_or_the_match_or_nothing(void **state)
{
    (void)state;
    EXPECT("re.capture", "aaa1", S("aaa1bbaa2"), S("a+[1-9]"));
    EXPECT("re.capture", "x.org", S("t@x.org"), S("@(.*)"));
    EXPECT("re.capture", "", S("abc"), S("z(.)"));
    EXPECT("re.capture", "", S("ac"), S("a(b)?c"));
    EXPECT("re.capture", "cmd.exe", S("C:\\Windows\\cmd.exe"), S("([^\\\\]+)$"));
    EXPECT("re.capture", "\xEF\xBF\xBD", S("a\xFF" "b"), S("a(.)b"));
    EXPECT("re.capture_all", "[aa1, a2]", S("aa1-a2"), S("a+[0-9]"));
    EXPECT("re.capture_all", "[1, 2]", S("a1a2b3"), S("a([0-9])"));
    EXPECT("re.capture_all", "[]", S("b"), S("a"));
}

static void test_re_replace_replaces_every_match(void **state)
{
    (void)state;
    EXPECT("re.replace", "b111na", S("banana"), S("ana"), S("111"));
    EXPECT("re.replace", "test1.com.google", S("test1.test2.google.com"), S("test2\\.([a-z]*)\\.([a-z]*)"), S("\\2.\\1"));
    EXPECT("re.replace", "-a-b-c-", S("abc"), S(""), S("-"));
    EXPECT("re.replace", "-b-d-", S("abacd"), S("a?c?a?"), S("-")); /* RE2's GlobalReplace gives the same */
    EXPECT("re.replace", "-\xC3\xA9-", S("\xC3\xA9"), S(""), S("-"));
    EXPECT("re.replace", "[a][b]", S("ab"), S("."), S("[\\0]"));
    EXPECT("re.replace", "\\", S("x"), S("x"), S("\\\\"));
    EXPECT("re.replace", "admin", S("admin@corp.example"), S("@.*$"), S(""));
    EXPECT("re.replace", "-", S(""), S(""), S("-"));
    EXPECT("re.replace", "", S(""), S("x"), S("-"));
}

/* --- strings -------------------------------------------------------------------------------------------------------------------- */

static void test_strings_that_say_yes_or_no_or_how_often(void **state)
{
    (void)state;
    EXPECT("strings.contains", "true", S("abcd"), S("bc"));
    EXPECT("strings.contains", "false", S("abcd"), S("BC"));
    EXPECT("strings.starts_with", "true", S("abc"), S("ab"));
    EXPECT("strings.starts_with", "false", S("abc"), S(""));
    EXPECT("strings.ends_with", "true", S("abc"), S("bc"));
    EXPECT("strings.ends_with", "false", S("abc"), S(""));
    EXPECT("strings.count_substrings", "2", S("ABABABA"), S("ABA"));
    EXPECT("strings.count_substrings", "0", S("ABABABA"), S(""));
    EXPECT("strings.length", "3", S("a\xC3\xA9\xF0\x9F\x98\x80"));
}

static void test_strings_that_change_a_text(void **state)
{
    (void)state;
    EXPECT("strings.to_lower", "abc\xC3\xA9", S("ABC\xC3\x89"));
    EXPECT("strings.to_upper", "ABC\xC3\x89", S("abc\xC3\xA9"));
    EXPECT("strings.concat", "h:80-2.5-3", S("h"), S(":"), I(80), S("-"), F(2.5), S("-3"));
    EXPECT("strings.concat", "2.53", F(2.5), F(3.0));
    EXPECT("strings.concat", "2", F(2.0));
    EXPECT("strings.coalesce", "b", S(""), S("b"), S("c"));
    EXPECT("strings.coalesce", "", S(""), S(""));
    EXPECT("strings.reverse", "\xC3\xA9" "ba", S("ab\xC3\xA9"));
    EXPECT("strings.ltrim", "str|||", S("|||str|||"), S("|"));
    EXPECT("strings.rtrim", "|||str", S("|||str|||"), S("|"));
    EXPECT("strings.trim", "str", S("*|str|*"), S("|*"));
    EXPECT("strings.trim", "str", S("str"), S(""));
    EXPECT("strings.trim", "", S("aaa"), S("a"));
    EXPECT("strings.trim", "b", S("\xC3\xA9" "b\xC3\xA9"), S("\xC3\xA9"));
    EXPECT("strings.rtrim", "\xC3\xA9", S("\xC3\xA9"), S("\xC3\xA8\xC2\xA9")); /* not a byte of a character */
}

static void test_strings_split(void **state)
{
    (void)state;
    EXPECT("strings.split", "[a, b, c]", S("a:b:c"), S(":"));
    EXPECT("strings.split", "[a, b]", S("a,b"));
    EXPECT("strings.split", "[abc]", S("abc"), S(":"));
    EXPECT("strings.split", "[a, \xC3\xA9]", S("a\xC3\xA9"), S(""));
    EXPECT("strings.split", "[]", S(""), S(":")); /* one empty text */
    EXPECT("strings.split", "[, a, ]", S(":a:"), S(":"));
    EXPECT("strings.split", "[]", S(""), S(""));
}

static void test_encodings(void **state)
{
    (void)state;
    EXPECT("strings.base64_decode", "test", S("dGVzdA=="));
    EXPECT("strings.base64_decode", "not base64!", S("not base64!"));
    EXPECT("strings.base64_decode", "dGVzdA", S("dGVzdA"));
    EXPECT("strings.base64_decode", "a=bc", S("a=bc"));
    EXPECT("strings.base64_decode", "", S(""));
    EXPECT("strings.base64_decode", "\xEF\xBF\xBD", S("/w=="));
    EXPECT("strings.from_base64", "test", S("dGVzdA=="));
    EXPECT("strings.from_base64", "", S("!"));
    EXPECT("strings.from_hex", "str", S("737472"));
    EXPECT("strings.from_hex", "", S("73747"));
    EXPECT("strings.from_hex", "", S("7x"));
    EXPECT("strings.url_decode", "/exec?command=sh -c+x", S("/exec?command=sh%20-c+x"));
    EXPECT("strings.url_decode", "", S("100%"));
    EXPECT("strings.url_decode", "", S("%zz"));
    EXPECT("strings.url_decode", "%", S("%25"));
    EXPECT("bytes.to_base64", "dGVzdA==", bytes_of("test"));
    EXPECT("bytes.to_base64", "none", bytes_of(""), S("none"));
    EXPECT("hash.sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", S(""));
}

static void test_hostnames(void **state)
{
    (void)state;
    EXPECT("strings.extract_hostname", "1234", S("1234"));
    EXPECT("strings.extract_hostname", "www.example.com", S("https://user:pw@www.example.com:8080/a?b=c@d#e"));
    EXPECT("strings.extract_hostname", "example.com", S("example.com/path//x"));
    EXPECT("strings.extract_hostname", "2001:db8::1", S("http://[2001:db8::1]:80/"));
    EXPECT("strings.extract_hostname", "", S(""));
    EXPECT("strings.extract_hostname", "", S("http://"));
    EXPECT("strings.extract_hostname", "h", S("//h/x"));
}

/* --- net, arrays, cast, math ---------------------------------------------------------------------------------------------------- */

static void test_addresses_in_ranges(void **state)
{
    (void)state;
    EXPECT("net.ip_in_range_cidr", "true", S("192.0.2.255"), S("192.0.2.0/24"));
    EXPECT("net.ip_in_range_cidr", "false", S("192.0.3.0"), S("192.0.2.0/24"));
    EXPECT("net.ip_in_range_cidr", "true", S("192.9.9.9"), S("192.0.2.0/8"));
    EXPECT("net.ip_in_range_cidr", "true", S("2001:db8:1::5"), S("2001:db8::/32"));
    EXPECT("net.ip_in_range_cidr", "false", S("2001:db9::1"), S("2001:db8::/32"));
    EXPECT("net.ip_in_range_cidr", "false", S("host"), S("0.0.0.0/0"));
    EXPECT("net.ip_in_range_cidr", "false", S(""), S("0.0.0.0/0"));
    EXPECT("net.ip_in_range_cidr", "true", S("::ffff:10.1.2.3"), S("10.0.0.0/8"));
    EXPECT("net.ip_in_range_cidr", "true", S("10.1.2.3"), S("::ffff:10.0.0.0/104"));
    EXPECT("net.ip_in_range_cidr", "false", S("10.1.2.3"), S("::/0"));
    EXPECT("net.ip_in_range_cidr", "true", S("::ffff:10.1.2.3"), S("::/0"));
    EXPECT("net.ip_in_range_cidr", "true", S("1.2.3.4"), S("1.2.3.4/32"));
    EXPECT("net.ip_in_range_cidr", "true", S("2001:db8::f"), S("2001:db8::8/125"));
    EXPECT("net.ip_in_range_cidr", "false", S("2001:db8::10"), S("2001:db8::8/125"));
}

static void test_arrays(void **state)
{
    struct yaral_value abc = LIST(YARAL_STRING, S("a"), S("b"), S("c")), none = list_of(YARAL_STRING, NULL, 0);
    struct yaral_value numbers = LIST(YARAL_FLOAT, F(0), F(4), F(2.5));
    struct yaral_value texts = LIST(YARAL_STRING, S("7"), S("x"), S("2.9"), S("9007199254740993"));

    (void)state;
    EXPECT("arrays.contains", "true", abc, S("b"));
    EXPECT("arrays.contains", "false", abc, S("B"));
    EXPECT("arrays.size", "3", abc);
    EXPECT("arrays.index_to_str", "b", abc, I(1));
    EXPECT("arrays.index_to_str", "c", abc, I(-1));
    EXPECT("arrays.index_to_str", "", abc, I(3));
    EXPECT("arrays.index_to_str", "", abc, I(-4));
    EXPECT("arrays.index_to_int", "7", texts, I(0));
    EXPECT("arrays.index_to_int", "0", texts, I(1));
    EXPECT("arrays.index_to_int", "2", texts, I(2));
    EXPECT("arrays.index_to_int", "9007199254740993", texts, I(3));
    EXPECT("arrays.index_to_float", "2.9", texts, I(2));
    EXPECT("arrays.index_to_float", "0", texts, I(9));
    EXPECT("arrays.join_string", "a,b,c", abc, S(","));
    EXPECT("arrays.join_string", "abc", abc);
    EXPECT("arrays.join_string", "", none, S(","));
    EXPECT("arrays.join_string", "a,c", LIST(YARAL_STRING, S("a"), (struct yaral_value){0}, S("c")), S(","));
    EXPECT("arrays.concat", "[a, b, c, 0, 4, 2.5]", abc, numbers);
    EXPECT("arrays.max", "4", numbers);
    EXPECT("arrays.min", "0", numbers);
    EXPECT("arrays.min", "2.5", numbers, B(true));
    EXPECT("arrays.min", "0", none);
}

static void test_casts(void **state)
{
    (void)state;
    EXPECT("cast.as_int", "2", S("2.01"));
    EXPECT("cast.as_int", "-2", S("-2.9"));
    EXPECT("cast.as_int", "0", S("str"));
    EXPECT("cast.as_int", "0", S("0x10"));
    EXPECT("cast.as_int", "0", S(" 1"));
    EXPECT("cast.as_int", "0", S("1e300"));
    EXPECT("cast.as_int", "9007199254740993", S("9007199254740993"));
    EXPECT("cast.as_float", "2.5", S("2.5"));
    EXPECT("cast.as_float", "0", S("nan"));
    EXPECT("cast.as_bool", "true", S("TRUE"));
    EXPECT("cast.as_bool", "true", I(1));
    EXPECT("cast.as_bool", "false", S("123"));
    EXPECT("cast.as_bool", "false", S("yes"));
    EXPECT("cast.as_string", "8443", I(8443));
    EXPECT("cast.as_string", "true", B(true));
    EXPECT("cast.as_string", "x", bytes_of("x"));
    EXPECT("cast.as_string", "d", bytes_of("\xFF"), S("d"));
    EXPECT("cast.as_string", "", F(2.5));
}

static void test_math(void **state)
{
    (void)state;
    EXPECT("math.abs", "90", I(-90));
    EXPECT("math.abs", "1.5", F(-1.5));
    EXPECT("math.abs", "9223372036854775807", I(INT64_MIN));
    EXPECT("math.ceil", "3", F(2.5));
    EXPECT("math.ceil", "0", F(1e300));
    EXPECT("math.floor", "-2", F(-1.5));
    EXPECT("math.round", "3", F(2.5));
    EXPECT("math.round", "-3", F(-2.5));
    EXPECT("math.round", "1.3", F(1.25001), I(1));
    EXPECT("math.pow", "8", I(2), I(3));
    EXPECT("math.pow", "0", I(10), I(400));
    EXPECT("math.sqrt", "4", I(16));
    EXPECT("math.sqrt", "0", I(-1));
    EXPECT("math.log", "0", I(0));
    EXPECT("math.log", "0", I(1));
    EXPECT("math.is_increasing", "true", I(1), F(1.5), I(2));
    EXPECT("math.is_increasing", "false", I(1), I(1), I(2));
    EXPECT("math.geo_distance", "-1", F(181), F(0), F(0), F(0));
    EXPECT("math.geo_distance", "0", F(10), F(50), F(10), F(50));
}

static void test_the_distance_of_two_cities(void **state)
{
    struct call call = call_new("math.geo_distance");

    (void)state;
    call_add(&call, F(13.4050));
    call_add(&call, F(52.5200));
    call_add(&call, F(2.3522));
    call_add(&call, F(48.8566));
    assert_true(fabs(call_run(&call).number - 877463) < 100); /* Berlin to Paris */
    call_free(&call);
}

/* --- timestamp --------------------------------------------------------------------------------------------------------------------- */

static void test_parts_of_times(void **state)
{
    struct yaral_value time = I(1767232800); /* 2026-01-01T02:00:00Z, a Thursday */

    (void)state;
    EXPECT("timestamp.get_hour", "2", time);
    EXPECT("timestamp.get_minute", "0", time);
    EXPECT("timestamp.get_minute", "30", time, S("+5:30"));
    EXPECT("timestamp.get_day_of_week", "5", time);
    EXPECT("timestamp.get_date", "2026-01-01", time);
    EXPECT("timestamp.get_week", "0", time);
    EXPECT("timestamp.get_week", "1", I(1767232800 + 3 * 86400)); /* the first Sunday */
    EXPECT("timestamp.get_hour", "18", time, S("America/Los_Angeles"));
    EXPECT("timestamp.get_date", "2025-12-31", time, S("America/Los_Angeles"));
    EXPECT("timestamp.get_hour", "18", time, S("-08:00"));
    EXPECT("timestamp.get_hour", "3", time, S("+1:00"));
    EXPECT("timestamp.get_hour", "2", time, S("GMT"));
    EXPECT("timestamp.get_hour", "0", I(INT64_MAX));
    EXPECT("timestamp.get_date", "1969-12-31", I(-1));
    EXPECT("timestamp.now", "1700000000");
    EXPECT("timestamp.current_seconds", "1700000000");
}

static void test_summer_time_now_and_beyond_the_file(void **state)
{
    (void)state;
    EXPECT("timestamp.get_hour", "1", I(1774746000 - 3600), S("Europe/Berlin")); /* 2026-03-29T00:00Z, an hour before the change */
    EXPECT("timestamp.get_hour", "3", I(1774746000), S("Europe/Berlin"));        /* at 01:00Z clocks go from 2 to 3 */
    EXPECT("timestamp.get_hour", "14", I(2540894400), S("Europe/Berlin"));       /* 2050-07-08T12:00Z: by the footer's rule */
    EXPECT("timestamp.get_hour", "13", I(2556619200), S("Europe/Berlin"));       /* 2051-01-06T12:00Z */
    EXPECT("timestamp.get_hour", "23", I(2556619200), S("Australia/Sydney"));    /* where it is summer then */
}

static void test_times_as_text_and_back(void **state)
{
    struct yaral_value time = I(1708598580); /* 2024-02-22T10:43:00Z, a Thursday */

    (void)state;
    EXPECT("timestamp.get_timestamp", "2024-02-22 10:43:00", time);
    EXPECT("timestamp.get_timestamp", "2024-02-22 10:43", time, S("MINUTE"));
    EXPECT("timestamp.get_timestamp", "2024-02-22 10", time, S("HOUR"));
    EXPECT("timestamp.get_timestamp", "2024-02-22", time, S("DATE"));
    EXPECT("timestamp.get_timestamp", "2024-02-18", time, S("WEEK"));
    EXPECT("timestamp.get_timestamp", "2024-02", time, S("MONTH"));
    EXPECT("timestamp.get_timestamp", "2024", time, S("YEAR"));
    EXPECT("timestamp.get_timestamp", "22/02/24 02h", time, S("%d/%m/%y %Hh"), S("America/Los_Angeles"));
    EXPECT("timestamp.get_timestamp", "", time, S(""));
    EXPECT("timestamp.get_timestamp", "a%", time, S("a%%%"));
    EXPECT("timestamp.as_unix_seconds", "1708598580", S("2024-02-22 10:43:00"));
    EXPECT("timestamp.as_unix_seconds", "1708627380", S("2024-02-22 10:43:00"), S("America/Los_Angeles"));
    EXPECT("timestamp.as_unix_seconds", "1708594980", S("2024-02-22 10:43:00"), S("+01:00"));
    EXPECT("timestamp.as_unix_seconds", "0", S("2024-02-22"));
    EXPECT("timestamp.as_unix_seconds", "0", S("2024-13-22 10:43:00"));
    EXPECT("timestamp.as_unix_seconds", "1774744200", S("2026-03-29 01:30:00"), S("Europe/Berlin")); /* half an hour before the gap */
}

/* --- the table and its checks --------------------------------------------------------------------------------------------------------- */

static void expect_refused(const char *name, const struct yaral_value *values, size_t count, const char *says, size_t guilty)
{
    struct call call = call_new(name);

    for (size_t i = 0; i < count; i++)
        call_add(&call, values[i]);
    if (call_check(&call) && call_prepare(&call) == RESULT_OK)
        fail_msg("%s was taken", name);
    if (slice_find(call.error, slice_of(says)) < 0)
        fail_msg("%s: `%.*s` does not say `%s`", name, SLICE_ARGS(call.error), says);
    assert_int_equal(call.guilty, guilty);
    assert_null(call.prepared);
    call_free(&call);
}

#define EXPECT_REFUSED(name, says, guilty, ...)                                                                                              \
    expect_refused((name), (const struct yaral_value[]){__VA_ARGS__}, sizeof((const struct yaral_value[]){__VA_ARGS__}) / sizeof(struct yaral_value), \
                   (says), (guilty))

static void test_wrong_arguments_are_refused_at_load(void **state)
{
    (void)state;
    EXPECT_REFUSED("re.regex", "1 argument where re.regex is called as re.regex(text, regex)", 0, S("a"));
    EXPECT_REFUSED("re.regex", "look-ahead", 1, S("a"), S("(?=a)"));
    EXPECT_REFUSED("re.capture", "2 capturing groups", 1, S("a"), S("(a)(b)"));
    EXPECT_REFUSED("re.replace", "does not have", 2, S("a"), S("(a)"), S("\\2"));
    EXPECT_REFUSED("re.replace", "backslash", 2, S("a"), S("(a)"), S("\\n"));
    EXPECT_REFUSED("strings.to_lower", "argument 1 must be a string, not an int", 0, I(1));
    EXPECT_REFUSED("math.abs", "a number, not a string", 0, S("1"));
    EXPECT_REFUSED("arrays.size", "a list, not a string", 0, S("1"));
    EXPECT_REFUSED("arrays.length", "a repeated field", 0, S("1"));
    EXPECT_REFUSED("strings.concat", "not a list of a string", 0, LIST(YARAL_STRING, S("a")));
    EXPECT_REFUSED("net.ip_in_range_cidr", "0 to 32", 1, S("1.2.3.4"), S("10.0.0.0/33"));
    EXPECT_REFUSED("net.ip_in_range_cidr", "prefix length", 1, S("1.2.3.4"), S("10.0.0.0"));
    EXPECT_REFUSED("net.ip_in_range_cidr", "no IP address", 1, S("1.2.3.4"), S("10.0.0/8"));
    EXPECT_REFUSED("timestamp.get_hour", "short names such as PST", 1, I(0), S("PST"));
    EXPECT_REFUSED("timestamp.get_hour", "short names such as PST", 1, I(0), S("../../etc/passwd"));
    EXPECT_REFUSED("timestamp.get_hour", "no such time zone", 1, I(0), S("Europe/Nowhere"));
    EXPECT_REFUSED("timestamp.get_hour", "a time zone is", 1, I(0), S("+25:00"));
}

static void test_a_pattern_must_be_a_literal(void **state)
{
    struct call call = call_new("re.regex");

    (void)state;
    call_add(&call, S("a"));
    call_add(&call, S("b"));
    call.arguments[1].is_constant = false;
    assert_false(call_check(&call));
    assert_int_equal(call.guilty, 1);
    call.arguments[1].is_regex = true;
    assert_true(call_check(&call));
    call_free(&call);
}

static void test_arrays_length_takes_a_repeated_field_whole(void **state)
{
    struct call call = call_new("arrays.length");

    (void)state;
    assert_true(call.function->whole_field);
    call_add(&call, LIST(YARAL_STRING, S("a"), S("a")));
    call.arguments[0] = (struct yaral_argument){.type = YARAL_STRING, .is_field = true, .is_repeated = true};
    assert_int_equal(call_run(&call).integer, 2);
    call_free(&call);
}

static void test_the_table_is_in_order_and_whole(void **state)
{
    const struct yaral_function *function, *before = NULL;
    size_t count = 0;

    (void)state;
    for (; (function = yaral_function_at(count)); count++, before = function) {
        assert_true(!before || slice_compare(slice_of(before->name), slice_of(function->name)) < 0);
        assert_non_null(function->signature);
        assert_non_null(function->help);
        if (function->refused)
            continue;
        assert_non_null(function->check);
        assert_non_null(function->call);
        assert_non_null(function->parameters);
        assert_int_not_equal(function->places, 0);
        assert_int_equal(function->prepare != NULL, function->release != NULL);
    }
    assert_true(count > 60);
}

static void test_functions_are_found_by_name_or_suggested(void **state)
{
    const char *suggestion;

    (void)state;
    assert_non_null(yaral_function_find(SLICE("re.regex"), &suggestion));
    assert_null(suggestion);
    assert_null(yaral_function_find(SLICE("re.regexp"), &suggestion));
    assert_string_equal(suggestion, "re.regex");
    assert_null(yaral_function_find(SLICE("string.to_lower"), &suggestion));
    assert_string_equal(suggestion, "strings.to_lower");
    assert_null(yaral_function_find(SLICE("nothing.like.it.at.all"), &suggestion));
    assert_null(suggestion);
}

static void test_what_cannot_work_here_says_why(void **state)
{
    static const char *const names[][2] = {
        {"strings.extract_domain", "public suffix list"}, {"math.random", "same alerts"}, {"hash.fingerprint2011", "not published"},
        {"optimization.sample_rate", "not published"},    {"group", "searches"},          {"metrics.network_bytes_total", "baselines"},
        {"window.median", "match window"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct yaral_function *function = yaral_function_find(slice_of(names[i][0]), NULL);
        assert_non_null(function);
        assert_non_null(strstr(function->refused, names[i][1]));
    }
    assert_true(yaral_function_find(SLICE("window.avg"), NULL)->needs_match);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_re_regex_searches_and_takes_nocase),
        cmocka_unit_test(test_re_capture_gives_the_group_or_the_match_or_nothing),
        cmocka_unit_test(test_re_replace_replaces_every_match),
        cmocka_unit_test(test_strings_that_say_yes_or_no_or_how_often),
        cmocka_unit_test(test_strings_that_change_a_text),
        cmocka_unit_test(test_strings_split),
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_hostnames),
        cmocka_unit_test(test_addresses_in_ranges),
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_casts),
        cmocka_unit_test(test_math),
        cmocka_unit_test(test_the_distance_of_two_cities),
        cmocka_unit_test(test_parts_of_times),
        cmocka_unit_test(test_summer_time_now_and_beyond_the_file),
        cmocka_unit_test(test_times_as_text_and_back),
        cmocka_unit_test(test_wrong_arguments_are_refused_at_load),
        cmocka_unit_test(test_a_pattern_must_be_a_literal),
        cmocka_unit_test(test_arrays_length_takes_a_repeated_field_whole),
        cmocka_unit_test(test_the_table_is_in_order_and_whole),
        cmocka_unit_test(test_functions_are_found_by_name_or_suggested),
        cmocka_unit_test(test_what_cannot_work_here_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
