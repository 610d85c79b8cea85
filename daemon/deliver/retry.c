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

clock_nanos retry_after_parse(struct slice value, clock_nanos now)
{
    int64_t seconds;
    value = slice_trim(value);
    if (slice_to_int64(value, &seconds)) {
        if (seconds <= 0)
            return 0;
        return seconds >= RETRY_AFTER_MAX / CLOCK_SECOND ? RETRY_AFTER_MAX : seconds * CLOCK_SECOND;
    }
    char text[64];
    if (value.length == 0 || value.length >= sizeof text)
        return 0;
    memcpy(text, value.bytes, value.length);
    text[value.length] = '\0';
    time_t instant = curl_getdate(text, NULL);
    if (instant < 0 || instant > INT64_MAX / CLOCK_SECOND || instant * CLOCK_SECOND <= now)
        return 0;
    clock_nanos wait = instant * CLOCK_SECOND - now;
    return wait < RETRY_AFTER_MAX ? wait : RETRY_AFTER_MAX;
}
