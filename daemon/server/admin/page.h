/* SPDX-License-Identifier: Apache-2.0 */
/* A small HTTP/1.1 server (RFC 9112) for a page of small requests and answers: one request on a connection, which then closes. It takes no
 * more descriptors than it was given connections, whoever connects and however slowly: libevent's evhttp has no such bound, and spins when
 * the process is out of descriptors. Everything is on the thread of the event_base. */
#ifndef HARRIER_SERVER_ADMIN_PAGE_H
#define HARRIER_SERVER_ADMIN_PAGE_H

#include "harrier/base/address.h"
#include "harrier/base/buffer.h"
#include "harrier/base/clock.h"

#include <event2/event.h>
#include <stdbool.h>

struct page;
struct page_request;

struct page_options {
    const struct address *listen; /* where it listens: requests for another host are refused (host.h); NULL: a Unix socket, where no browser comes */
    size_t connections;  /* open at once. One more takes the place of the oldest that has no whole request yet, or does not take its answer */
    clock_nanos timeout; /* for the whole request to arrive, and for the answer to be taken */
};

/* Serves the listening, non-blocking socket, which becomes the page's. */
struct page *page_new(struct event_base *base, int fd, const struct page_options *options);
/* Requests that wait for an answer are gone: page_answer must not be called for them any more. */
void page_free(struct page *page);

enum page_method { PAGE_GET = 1, PAGE_POST = 2 }; /* HEAD is taken where GET is */
/* Answers with page_answer, at once or later. */
typedef void page_handler(struct page_request *request, void *argument);
void page_add(struct page *page, enum page_method method, const char *path, page_handler *handler, void *argument);

/* The value of a header field, by its name in any case, or of a parameter of the query, unescaped; NULL: there is none. Valid until the answer. */
const char *page_request_header(const struct page_request *request, const char *name);
const char *page_request_parameter(const struct page_request *request, const char *name);
/* Ends the request. reason: RFC 9110's words for the status. */
void page_answer(struct page_request *request, unsigned int status, const char *reason, const char *type, struct slice body);

struct page_counts {
    uint64_t open;
    uint64_t displaced;   /* connections closed for a newer one */
    uint64_t timed_out;
    uint64_t descriptors; /* times that none was accepted because the process was out of descriptors */
};
void page_count(const struct page *page, struct page_counts *counts);

#endif
