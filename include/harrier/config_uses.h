/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration's parts in the forms in which other modules take them, and checks of what it names outside of itself: one way for harrierd and
 * harrierctl. Strings stay the config's. */
#ifndef HARRIER_CONFIG_USES_H
#define HARRIER_CONFIG_USES_H

#include "harrier/config.h"
#include "harrier/deliver.h"
#include "harrier/source_access.h"
#include "harrier/source_tls.h"

/* One for each destination; the caller frees them. */
struct deliver_destination_config *config_destinations(const struct config *config);
void config_destinations_free(struct deliver_destination_config *destinations, size_t count);
/* NULL, and diagnostics, where a condition is wrong or a destination is none of these. */
struct deliver_routes *config_routes(const struct config *config, const struct deliver_destination_config *destinations,
                                     size_t destination_count, struct diagnostics *diagnostics);
/* Of a source with a certificate_file. */
struct source_tls_options config_tls_options(const struct config_source *source);
/* One for each client of the source; the caller frees the array. */
struct source_client *config_clients(const struct config_source *source);

void config_check_destinations(const struct config *config, const struct deliver_destination_config *destinations,
                               struct diagnostics *diagnostics);
/* Certificates, keys, CAs and what clients are known by: what cannot be used is an error, and so is a certificate that has expired at `now` or
 * is not good yet; one that has less than 30 days left is a warning. flags: those of config_load; with CONFIG_SECRETS_ELSEWHERE a source is
 * passed over where one of its secrets cannot be read here. */
void config_check_sources(const struct config *config, unsigned int flags, clock_nanos now, struct diagnostics *diagnostics);

#endif
