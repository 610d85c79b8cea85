/* SPDX-License-Identifier: Apache-2.0 */
#include "skew.h"

static const clock_nanos minute = 60 * CLOCK_SECOND;

static void note_ahead(struct skew *skew, clock_nanos limit, clock_nanos lead, clock_nanos now)
{
    if (lead > limit)
        skew->ahead = true;
    if (!skew->ahead)
        return;
    if (lead > limit / 2) { /* below the half it agrees: at the limit itself it would come and go */
        skew->agreed_since = 0;
    } else if (skew->agreed_since == 0) {
        skew->agreed_since = now;
    } else if (now - skew->agreed_since >= SKEW_MINUTES * minute) {
        skew->ahead = false;
        skew->agreed_since = 0;
    }
}

/* A minute that had events is over. */
static void judge_minute(struct skew *skew, clock_nanos limit)
{
    clock_nanos lead = skew->minute_lead, begin = skew->minute_begin;

    skew->early_minutes = -lead <= limit / 2 ? skew->early_minutes + 1 : 0;
    if (skew->early_minutes >= SKEW_MINUTES)
        skew->late = false;
    if (-lead <= limit) {
        skew->late_minutes = 0;
        return;
    }
    bool catches_up = skew->late_minutes && clock_difference(lead, skew->run_lead) > (begin - skew->run_begin) / 10;
    if (skew->late_minutes == 0 || catches_up) {
        skew->late_minutes = 0;
        skew->run_begin = begin;
        skew->run_lead = lead;
    }
    if (++skew->late_minutes >= SKEW_MINUTES)
        skew->late = true;
}

void skew_pass(struct skew *skew, const struct skew_limits *limits, clock_nanos now)
{
    skew->ahead = skew->ahead && limits->ahead;
    skew->late = skew->late && limits->late;
    if (!skew->minute_open || now - skew->minute_begin < minute)
        return;
    skew->minute_open = false;
    skew->lead = skew->minute_lead;
    if (limits->late)
        judge_minute(skew, limits->late);
}

void skew_note(struct skew *skew, const struct skew_limits *limits, clock_nanos lead, clock_nanos now)
{
    skew_pass(skew, limits, now);
    if (limits->ahead)
        note_ahead(skew, limits->ahead, lead, now);
    if (!skew->minute_open) {
        skew->minute_open = true;
        skew->minute_begin = now;
        skew->minute_lead = lead;
    }
    if (lead > skew->minute_lead)
        skew->minute_lead = lead;
    if (!skew->known || skew->minute_lead > skew->lead)
        skew->lead = skew->minute_lead;
    skew->known = true;
}
