/* SPDX-License-Identifier: Apache-2.0 */
/* SIGHUP: the new rules are built beside the old ones; bad ones are refused, and the old ones run on. */
#include "internal.h"

#include "endpoints.h"

#include "harrier/log.h"

#include <systemd/sd-daemon.h>

void server_log_findings(const struct diagnostics *diagnostics)
{
    for (size_t i = 0; i < diagnostics_count(diagnostics); i++) {
        const struct diagnostic *one = diagnostics_at(diagnostics, i);
        log_write(one->severity == DIAGNOSTIC_ERROR ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "%s:%u:%u: %s", one->file, one->line, one->column,
                  one->message);
    }
}

void server_reload(struct server *server)
{
    struct diagnostics *diagnostics = diagnostics_new();
    const struct config *boot = server->boot->config;

    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)(clock_monotonic() / 1000));
    struct generation *next = generation_load(server->config_file, server->destinations, boot->destination_count, diagnostics);
    server_log_findings(diagnostics);
    if (next) {
        next->number = server->generation->number + 1;
        for (size_t i = 0; i < server->worker_count; i++)
            worker_set_generation(server->workers[i], next);
        generation_unref(server->generation);
        server->generation = next;
        server->reloads++;
        log_set_level(next->config->log.level);
        log_notice("reloaded: %zu rules, %zu routes (sources, destinations, store, limits and admin are read at start only)",
                   detect_plan_rule_count(next->plan), next->config->route_count);
    } else {
        server->failed_reloads++;
        log_error("reload refused: the %zu rules from before run on; mend the errors above and reload again",
                  detect_plan_rule_count(server->generation->plan));
    }
    deliver_reopen(server->deliver);
    endpoints_refresh(server->endpoints, boot->source_count);
    diagnostics_free(diagnostics);
    sd_notify(0, "READY=1");
}
