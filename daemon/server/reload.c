/* SPDX-License-Identifier: Apache-2.0 */
/* SIGHUP, and /reload of the admin socket: the new rules are built beside the old ones; bad ones are refused, and the old ones run on. */
#include "internal.h"
#include "daemon/server/admin/page.h"

#include "daemon/setup/endpoints.h"

#include "harrier/json.h"
#include "harrier/base/log.h"

#include <systemd/sd-daemon.h>

void server_log_findings(const struct diagnostics *diagnostics)
{
    for (size_t i = 0; i < diagnostics_count(diagnostics); i++) {
        const struct diagnostic *one = diagnostics_at(diagnostics, i);
        log_write(one->severity == DIAGNOSTIC_ERROR ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "%s:%u:%u: %s", one->file, one->line, one->column,
                  one->message);
    }
}

static void run_generation(struct server *server, struct generation *next)
{
    next->number = server->generation->number + 1;
    for (size_t i = 0; i < server->worker_count; i++)
        worker_set_generation(server->workers[i], next);
    generation_unref(server->generation);
    server->generation = next;
    server->reloads++;
    log_set_level(next->config->log.level);
    log_notice("reloaded: %zu rules, %zu routes (sources, destinations, store, limits and admin are read at start only)",
               detect_plan_rule_count(next->plan), next->config->route_count);
}

bool server_reload(struct server *server, struct diagnostics *diagnostics)
{
    const struct config *boot = server->boot->config;

    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)(clock_monotonic() / 1000));
    struct generation *next = generation_load(server->config_file, server->destinations, boot->destination_count, diagnostics);
    server_log_findings(diagnostics);
    if (next) {
        run_generation(server, next);
    } else {
        server->failed_reloads++;
        log_error("reload refused: the %zu rules from before run on; mend the errors above and reload again",
                  detect_plan_rule_count(server->generation->plan));
    }
    deliver_reopen(server->deliver);
    endpoints_refresh(server->endpoints, boot->source_count);
    sd_notify(0, "READY=1");
    return next != NULL;
}

static void write_finding(struct json_writer *writer, const struct diagnostic *finding)
{
    json_begin_object(writer);
    json_put_text(writer, "severity", finding->severity == DIAGNOSTIC_WARNING ? "warning" : "error");
    json_put_text(writer, "file", finding->file);
    json_put_int(writer, "line", finding->line);
    json_put_int(writer, "column", finding->column);
    json_put_text(writer, "message", finding->message);
    json_end_object(writer);
}

static void write_reload(const struct server *server, const struct diagnostics *findings, struct buffer *body)
{
    struct json_writer *writer = json_writer_new(body, false);

    json_begin_object(writer);
    json_put_int(writer, "rules", (int64_t)detect_plan_rule_count(server->generation->plan));
    json_put_int(writer, "routes", (int64_t)server->generation->config->route_count);
    json_key(writer, "findings");
    json_begin_array(writer);
    for (size_t i = 0; i < diagnostics_count(findings); i++)
        write_finding(writer, diagnostics_at(findings, i));
    json_end_array(writer);
    json_end_object(writer);
    json_writer_free(writer);
}

void reload_request_cb(struct page_request *request, void *argument)
{
    struct server *server = argument;
    struct diagnostics *findings = diagnostics_new();
    struct buffer body = {NULL, 0, 0};
    bool reloaded = server_reload(server, findings);

    write_reload(server, findings, &body);
    admin_reply(request, reloaded ? 200 : 422, reloaded ? "OK" : "Unprocessable Content", "application/json", &body);
    buffer_free(&body);
    diagnostics_free(findings);
}
