/* SPDX-License-Identifier: Apache-2.0 */
#include "retry.h"

#include <curl/curl.h>

clock_nanos retry_ceiling(unsigned int failures, clock_nanos base, clock_nanos cap)
{
    clock_nanos ceiling = base;
    while (failures-- > 1 && ceiling < cap)
        ceiling = ceiling > cap / 2 ? cap : ceiling * 2;
    return ceiling < cap ? ceiling : cap;
}

clock_nanos retry_wait(unsigned int failures, clock_nanos base, clock_nanos cap, uint64_t random)
{
    return (clock_nanos)(random % ((uint64_t)retry_ceiling(failures, base, cap) + 1));
}

/* 1*DIGIT; of so many that no number holds them, the largest number. */
static bool read_delay_seconds(struct slice value, int64_t *seconds)
{
    for (size_t i = 0; i < value.length; i++) {
        if (value.bytes[i] < '0' || value.bytes[i] > '9')
            return false;
    }
    if (!slice_to_int64(value, seconds))
        *seconds = INT64_MAX;
    return value.length > 0;
}

bool retry_parse_date(struct slice value, clock_nanos *instant)
{
    char text[64];
    value = slice_trim(value);
    if (value.length == 0 || value.length >= sizeof text)
        return false;
    memcpy(text, value.bytes, value.length);
    text[value.length] = '\0';
    time_t seconds = curl_getdate(text, NULL);
    *instant = clock_of_seconds(seconds);
    return seconds >= 0;
}

clock_nanos retry_after_parse(struct slice value, clock_nanos now)
{
    int64_t seconds;
    clock_nanos instant;
    value = slice_trim(value);
    if (read_delay_seconds(value, &seconds))
        return seconds >= RETRY_AFTER_MAX / CLOCK_SECOND ? RETRY_AFTER_MAX : seconds * CLOCK_SECOND;
    if (!retry_parse_date(value, &instant) || instant <= now)
        return 0;
    clock_nanos wait = clock_difference(instant, now);
    return wait < RETRY_AFTER_MAX ? wait : RETRY_AFTER_MAX;
}
