/* SPDX-License-Identifier: Apache-2.0 */
/* A destination as the drivers see it, and what a driver is. */
#ifndef HARRIER_DELIVER_DESTINATION_H
#define HARRIER_DELIVER_DESTINATION_H

#include "harrier/arena.h"
#include "harrier/buffer.h"
#include "harrier/deliver.h"
#include "secret.h"

#include <curl/curl.h>

/* What a try came to, by the driver's judgement. */
enum verdict_kind {
    VERDICT_DELIVERED,
    VERDICT_DUPLICATE, /* the receiver has it already */
    VERDICT_RETRY,     /* may work later */
    VERDICT_HOLD,      /* credentials, address or settings are refused: nothing in the queue would fare better */
    VERDICT_SHRINK,    /* this form is refused: once more, smaller */
    VERDICT_DEAD       /* this alert will never be taken */
};

struct verdict {
    enum verdict_kind kind;
    bool suspect;            /* VERDICT_RETRY: the alert itself may be why (an answer 500), not the state of the receiver */
    clock_nanos retry_after; /* the receiver asked for this wait; 0: it did not */
    char reason[STORE_ERROR_MAX];
};

/* One alert on its way out. */
struct outgoing {
    const char *alert_id;
    struct slice json;
    bool shrunk; /* the smaller form is wanted */
};

struct http_request {
    struct curl_slist *headers;
    struct buffer body;
};

struct http_response {
    CURLcode transport; /* CURLE_OK: there is an answer */
    long status;
    clock_nanos retry_after; /* of its Retry-After, 0 without */
    struct slice body;       /* the first 64 KiB */
};

struct destination;

/* A driver renders an alert and judges the answer (HTTP), or writes by itself (the other set is NULL). It keeps no queue and no time. */
struct driver {
    void (*close)(struct destination *destination);
    /* Fills the request; false with a verdict if it cannot be made. */
    bool (*prepare)(struct destination *destination, const struct outgoing *alert, struct http_request *request, struct verdict *verdict);
    void (*judge)(struct destination *destination, const struct http_response *response, struct verdict *verdict);
    /* Makes the first alerts durable; returns how many; if that is not all, verdict says why. */
    size_t (*write)(struct destination *destination, const struct outgoing *alerts, size_t count, struct verdict *verdict);
};

extern const struct driver file_driver;
extern const struct driver webhook_driver;
extern const struct driver slack_driver;

const struct driver *driver_of(enum deliver_type type);

struct destination {
    const struct deliver_destination_config *config;
    const struct driver *driver;
    struct secret url; /* from url_file, or config->url itself */
    struct secret token;
    struct secret secret; /* signature key */
    char *origin;         /* scheme://host of the url: all of it that may be shown; NULL until it was read */
    int file;             /* file driver: open descriptor or -1 */
    bool torn;            /* file driver: the last line has no end */
};

/* Reads the url (again, if its file changed). False with a HOLD verdict. */
bool destination_read_url(struct destination *destination, struct verdict *verdict);

#endif
