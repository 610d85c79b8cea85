/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HARRIER_SETUP_ENDPOINTS_H
#define HARRIER_SETUP_ENDPOINTS_H

#include "harrier/config.h"
#include "harrier/source.h"

/* The configuration's sources in the form that source/ takes, one for each; their TLS and access are made. NULL: the log says what is wrong.
 * Strings belong to the config. */
struct source_endpoint *endpoints_new(const struct config *config);
void endpoints_free(struct source_endpoint *endpoints, size_t count);
/* Certificates, keys and secrets that have changed are read again; open connections keep what they have. */
void endpoints_refresh(struct source_endpoint *endpoints, size_t count);
#endif
