/* SPDX-License-Identifier: Apache-2.0 */
/* Delivery: takes what the store has queued for each destination there, in order, and reports what became of it. A library that runs
 * on one thread's event_base; the state of every delivery is in the store, so that a restart loses nothing and delivers at least once.
 * curl_global_init is the program's to call. */
#ifndef HARRIER_DELIVER_H
#define HARRIER_DELIVER_H

#include "harrier/alert_fields.h"
#include "harrier/base/clock.h"
#include "harrier/base/diagnostics.h"
#include "harrier/json.h"
#include "harrier/base/result.h"
#include "harrier/base/slice.h"
#include "harrier/store.h"

struct event_base;

enum { DELIVER_DESTINATIONS_MAX = SUBMISSION_DESTINATIONS_MAX };

/* --- destinations ------------------------------------------------------------------------------------------------------- */

enum deliver_type { DELIVER_FILE, DELIVER_WEBHOOK, DELIVER_SLACK };

enum deliver_signature {
    DELIVER_UNSIGNED,
    DELIVER_STANDARD_WEBHOOKS, /* webhook-timestamp, webhook-signature; secret "whsec_" + base64 (standardwebhooks.com) */
    DELIVER_GITHUB             /* X-Hub-Signature-256, secret as text (docs.github.com, validating webhook deliveries) */
};

struct deliver_header {
    const char *name;
    const char *value;
};

/* Zero and NULL mean: not given, the default behind it. Strings must live as long as struct deliver. */
struct deliver_destination_config {
    const char *name; /* 1-63 of [A-Za-z0-9_.-]; unique */
    enum deliver_type type;

    const char *path; /* file: appended to, one alert a line (NDJSON), made with mode 0600 */

    const char *url;                      /* webhook, slack: http or https; one of url and url_file */
    const char *url_file;                 /* first line of the file; read again when it changes */
    const char *token_file;               /* webhook: Authorization: Bearer; read again when it changes */
    enum deliver_signature signature;     /* webhook */
    const char *secret_file;              /* webhook with a signature; read again when it changes */
    const struct deliver_header *headers; /* webhook: in addition */
    size_t header_count;
    const char *ca_file;          /* PEM; the system's otherwise */
    const char *certificate_file; /* PEM, client certificate, with key_file */
    const char *key_file;
    const char *proxy;           /* slack, webhook: http://, socks5:// or socks5h:// HOST:PORT; none otherwise: the environment's proxies are never used */
    clock_nanos reconnect_after; /* age from which a kept connection takes no further try, so that a name that has moved is followed; 5 min */
    clock_nanos connect_timeout; /* 10 s */
    clock_nanos timeout;         /* of one try in all; 30 s */
    unsigned int in_flight;      /* webhook: tries at once, at most 16; more than 1 gives up the order. 1 */
    double rate;                 /* requests a second; slack 1, webhook no limit */

    clock_nanos retry_base;    /* first back-off; 1 s */
    clock_nanos retry_cap;     /* largest back-off; 5 min */
    clock_nanos hold_interval; /* between tries while whatever is sent is refused; 5 min. A file waits for 5 s at most */
    clock_nanos give_up_after; /* then it becomes a dead letter, unless all is refused; 7 days */
};

/* What is wrong with it, apart from its files' contents: RESULT_INVALID and *error (the caller frees it), "what, and what to do". */
enum result deliver_check_destination(const struct deliver_destination_config *config, char **error);

/* --- running ------------------------------------------------------------------------------------------------------------ */

/* Called on the deliver thread with results that must reach store_commit, again and again until it has taken them; copies them. At most some
 * hundred per destination are on their way: no more is sent before the store shows them committed. */
typedef void (*deliver_report)(const struct store_delivery_result *results, size_t count, void *context);

struct deliver_config {
    const struct deliver_destination_config *destinations;
    size_t destination_count;
    unsigned int in_flight; /* HTTP tries at once over all destinations; 16 */
    struct counted *clock;  /* the store's (store_clock): ages and waits that the store has are of it */
    deliver_report report;
    void *report_context;
};

struct deliver;

/* base and reader are used by deliver alone, on base's thread; deliver_new itself may run on any thread before the loop. config's arrays must live as
 * long. Opens nothing yet: a destination that is down is no error. RESULT_INVALID with *error if a destination is wrong. */
enum result deliver_new(const struct deliver_config *config, struct event_base *base, struct store_reader *reader, struct deliver **deliver,
                        char **error);
/* After the loop has ended. */
void deliver_free(struct deliver *deliver);

/* Any thread: something was committed (alerts, results, retries): look into the store. */
void deliver_wake(struct deliver *deliver);
/* Any thread: close the files and open them by name again (log rotation, SIGHUP); try again what waits for an operator. */
void deliver_reopen(struct deliver *deliver);
/* Any thread: start nothing new, let what is in flight end for at most grace, report it, then leave the event loop. What was not reported is tried
 * again after the next start. */
void deliver_stop(struct deliver *deliver, clock_nanos grace);

struct deliver_counts {
    uint64_t delivered; /* duplicates that the receiver knew counted too */
    uint64_t retried;
    uint64_t dead;
    uint64_t set_aside; /* how often an alert was: others were taken, but not that one */
    uint64_t in_flight;
    bool held;                  /* whatever is sent is refused: an operator is needed */
    clock_nanos last_delivered; /* wall clock; 0: not since the start */
};

/* Any thread: of the destination at index in the configuration. */
void deliver_counts(const struct deliver *deliver, size_t index, struct deliver_counts *counts);

/* --- routes ------------------------------------------------------------------------------------------------------------- */

struct deliver_route_config {
    const char *when;      /* NULL: every alert */
    const char *const *to; /* names of destinations */
    size_t to_count;
    uint32_t line, column; /* where the text of when begins in the file; column 0 if it cannot be told */
};

struct deliver_routes;

/* Compiles the routes; NULL, with every error in diagnostics (at file), if one is wrong or names a destination that does not exist.
 * Immutable: may be used by several threads at once.
 *
 * Conditions: FIELD = VALUE, != , < <= > >= (severity by rank INFO < LOW < MEDIUM < HIGH < CRITICAL; risk_score and response_code as
 * numbers), FIELD in [VALUE, ...], FIELD not in [...], FIELD =~ "regex" (PCRE2, unanchored), FIELD !~ "regex", and, or, not, parentheses. Words need
 * no quotes if they are [A-Za-z0-9_.:/@-]+ . Fields: severity risk_score rule cluster title user group source_ip user_agent impersonated verb
 * resource subresource api_group namespace name decision response_code dry_run tactic technique log_type. Of those with several values (group, source_ip,
 * tactic, technique, log_type) a condition is true if it is of any value; != , not in and !~ if it is of none. technique = T1053 also takes its
 * sub-techniques. A severity that is none of the five is above CRITICAL, and a regex that PCRE2 gives up on counts as a match: a route may send
 * too much, never too little. */
struct deliver_routes *deliver_routes_new(const struct deliver_route_config *routes, size_t route_count,
                                          const struct deliver_destination_config *destinations, size_t destination_count, const char *file,
                                          struct diagnostics *diagnostics);
void deliver_routes_free(struct deliver_routes *routes);
/* Some route has a condition; otherwise deliver_route looks at no field. */
bool deliver_routes_ask(const struct deliver_routes *routes);
/* Names of the destinations that the alert goes to, each once, in the order of the destinations; returns how many. Every route that
 * matches counts. 0: no route matched; the alert is stored all the same. The names live as long as the routes. */
size_t deliver_route(const struct deliver_routes *routes, const struct alert_fields *fields,
                     const char *names[DELIVER_DESTINATIONS_MAX]);

#endif
