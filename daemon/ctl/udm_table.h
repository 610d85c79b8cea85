/* SPDX-License-Identifier: Apache-2.0 */
/* A UDM record for people: a row for each value, its field as a rule writes it. */
#ifndef HARRIER_CTL_UDM_TABLE_H
#define HARRIER_CTL_UDM_TABLE_H

#include "common.h"

/* Appends the table. record: JSON of udm_record_write, from which secrets are gone. */
void udm_table_append(const struct display *display, struct slice record, struct buffer *out);

#endif
