/* SPDX-License-Identifier: Apache-2.0 */
/* A destination as the drivers see it, and what a driver is. */
#ifndef HARRIER_DELIVER_DESTINATION_H
#define HARRIER_DELIVER_DESTINATION_H

#include "harrier/base/arena.h"
#include "harrier/base/buffer.h"
#include "harrier/deliver.h"
#include "secret.h"

#include <curl/curl.h>

/* What a try came to, by what the answer says. Whether that is true is standing.h's question: a proxy with a wrong setting answers 400 to everything,
 * a firewall 403 to one alert. */
enum verdict_kind {
    VERDICT_DELIVERED,
    VERDICT_DUPLICATE, /* the receiver has it already */
    VERDICT_RETRY,     /* may work later */
    VERDICT_HOLD,      /* refused: credentials, address or settings, it says */
    VERDICT_SHRINK,    /* this form is refused: once more, smaller */
    VERDICT_DEAD       /* refused: the alert itself, it says */
};

enum verdict_blame {
    BLAME_UNKNOWN,
    BLAME_DESTINATION /* nothing of the alert was sent: any other would have fared the same */
};

struct verdict {
    enum verdict_kind kind;
    enum verdict_blame blame;
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
    CURLcode transport; /* CURLE_OK: there is an answer, by its status */
    const char *error;  /* of transport, in libcurl's words, such as what is wrong with a certificate; NULL or empty: no more than the code says */
    long status;
    bool sent; /* some of the request has left */
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

/* The file's last line, of which only a part found room. */
struct torn_line {
    bool torn;
    char alert_id[STORE_ID_HEX]; /* whose it is; empty: not known */
    size_t length;               /* bytes of it that are there */
    int64_t size;                /* of the file, as it was left */
};

struct destination {
    const struct deliver_destination_config *config;
    const struct driver *driver;
    struct secret url; /* from url_file, or config->url itself */
    struct secret token;
    struct secret secret; /* signature key */
    char *origin;         /* scheme://host:port of the url: all of it that may be shown; NULL until it was read */
    int file;             /* file driver: open descriptor or -1 */
    struct torn_line torn; /* file driver */
};

/* Reads the url (again, if its file changed). False with a HOLD verdict that blames the destination. */
bool destination_read_url(struct destination *destination, struct verdict *verdict);

#endif
