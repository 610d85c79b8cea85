/* SPDX-License-Identifier: Apache-2.0 */
/* An alert's document as people read it. */
#ifndef HARRIER_CTL_ALERT_VIEW_H
#define HARRIER_CTL_ALERT_VIEW_H

#include "display.h"

#include "harrier/json.h"
#include "harrier/store.h"
#include "harrier/base/vector.h"

/* A table of alerts, one row each. */
struct alert_table;

struct alert_table *alert_table_new(const struct display *display);
void alert_table_free(struct alert_table *table);
/* json: the alert's document. */
void alert_table_add(struct alert_table *table, struct slice json);
size_t alert_table_rows(const struct alert_table *table);
/* Appends the rows and forgets them. */
void alert_table_print(struct alert_table *table, struct buffer *out);

/* Appends all of one alert: what, who, from where, which object, why; and where it was delivered. now: wall clock. */
void alert_show(const struct display *display, struct slice json, const struct store_delivery *deliveries, size_t delivery_count,
                clock_nanos now, struct buffer *out);

#endif
