/* SPDX-License-Identifier: Apache-2.0 */
/* A worker with one connection to it over a socket pair, and a handler that writes down what it is told. */
#ifndef HARRIER_TESTS_LISTENER_H
#define HARRIER_TESTS_LISTENER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harrier/base/buffer.h"
#include "harrier/base/memory.h"
#include "harrier/source.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct listener {
    struct event_base *base;
    struct source_worker *worker;
    struct source_limits limits;
    int client;           /* our end of the connection */
    struct buffer answer; /* all that came back */
    bool closed;          /* the worker closed the connection */
    /* how the handler behaves */
    bool hold_answers; /* keeps the handles instead of answering in end() */
    unsigned int refuse_with;
    size_t turns_left; /* go_on() says so often that something is left */
    bool finished;     /* but of requests that begin from now on it has nothing */
    size_t busy_after; /* body() says RESULT_BUSY once it has seen so many bytes; 0: never */
    /* what it was told */
    struct buffer bodies; /* each followed by '|' */
    size_t begun, ended, aborted, slices;
    int64_t last_length;
    char last_cluster[300], last_client_name[80], last_path[300];
    struct source_request *held[16];
    size_t held_count;
};

struct told_request {
    struct listener *listener;
    struct source_request *request;
    size_t seen;
    bool finished;
};

static void *told_begin(void *data, struct source_request *request, const struct source_head *head, struct source_refusal *refusal)
{
    struct listener *listener = data;
    listener->begun++;
    listener->last_length = head->content_length;
    snprintf(listener->last_cluster, sizeof listener->last_cluster, "%.*s", SLICE_ARGS(head->cluster));
    snprintf(listener->last_client_name, sizeof listener->last_client_name, "%.*s", SLICE_ARGS(head->client_name));
    snprintf(listener->last_path, sizeof listener->last_path, "%.*s", SLICE_ARGS(head->path));
    if (listener->refuse_with) {
        refusal->status = listener->refuse_with;
        return NULL;
    }
    struct told_request *told = xcalloc(1, sizeof *told);
    told->listener = listener;
    told->request = request;
    told->finished = listener->finished;
    return told;
}

static enum result told_body(void *context, struct slice bytes)
{
    struct told_request *told = context;
    buffer_append_slice(&told->listener->bodies, bytes);
    told->listener->slices++;
    told->seen += bytes.length;
    return told->listener->busy_after && told->seen >= told->listener->busy_after ? RESULT_BUSY : RESULT_OK;
}

static bool told_go_on(void *context)
{
    struct told_request *told = context;

    if (told->finished || told->listener->turns_left == 0)
        return false;
    return --told->listener->turns_left > 0;
}

static void told_end(void *context)
{
    struct told_request *told = context;
    struct listener *listener = told->listener;
    struct source_request *request = told->request;

    free(told);
    listener->ended++;
    buffer_append_byte(&listener->bodies, '|');
    if (listener->hold_answers)
        listener->held[listener->held_count++] = request;
    else
        source_request_answer(request, 200, 0, slice_make(NULL, 0));
}

static void told_abort(void *context)
{
    struct told_request *told = context;
    told->listener->aborted++;
    free(told);
}

/* Tests may set it otherwise before start(), and put it back. */
static struct source_endpoint endpoints[] = {{.name = "apiserver", .path = "/k8s-audit"}};

static struct address peer_address(const char *text)
{
    struct address address;
    assert_int_equal(address_parse_host_port(slice_of(text), &address, NULL), RESULT_OK);
    return address;
}

/* Another connection to the same worker; the client's end. */
static int connect_again(struct listener *listener)
{
    int pair[2];
    struct address peer = peer_address("127.0.0.1:40000");

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    assert_true(source_worker_reserve(listener->worker));
    source_worker_add(listener->worker, 0, pair[1], &peer);
    return pair[0];
}

static void start(struct listener *listener, const struct source_limits *limits)
{
    struct source_handler handler = {.data = listener, .begin = told_begin, .body = told_body, .go_on = told_go_on, .end = told_end, .abort = told_abort};

    memset(listener, 0, sizeof *listener);
    listener->limits = limits ? *limits : source_default_limits;
    listener->base = source_base_new();
    listener->worker = source_worker_new(listener->base, &listener->limits, endpoints, 1, &handler);
    listener->client = connect_again(listener);
}

static void collect(struct listener *listener)
{
    char bytes[4096];
    ssize_t got;

    while ((got = recv(listener->client, bytes, sizeof bytes, 0)) > 0)
        buffer_append(&listener->answer, bytes, (size_t)got);
    if (got == 0 || (got < 0 && errno != EAGAIN))
        listener->closed = true;
}

/* Lets the worker do what it can do now. */
static void turn(struct listener *listener)
{
    for (int i = 0; i < 50; i++)
        event_base_loop(listener->base, EVLOOP_NONBLOCK);
    collect(listener);
}

static void say_bytes(struct listener *listener, const char *bytes, size_t length)
{
    while (length) {
        ssize_t sent = send(listener->client, bytes, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            turn(listener);
            continue;
        }
        if (sent < 0)
            return;
        bytes += sent;
        length -= (size_t)sent;
    }
    turn(listener);
}

static __attribute__((unused)) void say(struct listener *listener, const char *text)
{
    say_bytes(listener, text, strlen(text));
}

/* Runs the loop, timers and all, until the worker has closed the connection. */
static __attribute__((unused)) void until_closed(struct listener *listener)
{
    while (!listener->closed) {
        event_base_loop(listener->base, EVLOOP_ONCE);
        collect(listener);
    }
}

static void stop(struct listener *listener)
{
    source_worker_free(listener->worker);
    event_base_free(listener->base);
    close(listener->client);
    buffer_free(&listener->answer);
    buffer_free(&listener->bodies);
}

static __attribute__((unused)) struct source_counts counts_of(const struct listener *listener)
{
    struct source_counts counts = {0};
    source_worker_count(listener->worker, &counts);
    return counts;
}

/* "200 404 ": the status of each answer so far; gives them up. */
static const char *statuses(struct listener *listener, char text[256])
{
    struct slice rest = buffer_slice(&listener->answer);
    ptrdiff_t at;

    text[0] = '\0';
    while ((at = slice_find(rest, SLICE("HTTP/1.1 "))) >= 0) {
        rest = slice_from(rest, (size_t)at + 9);
        strncat(text, rest.bytes, 3);
        strcat(text, " ");
    }
    buffer_reset(&listener->answer, 4096);
    return text;
}

static __attribute__((unused)) void assert_statuses(struct listener *listener, const char *expected)
{
    char text[256];
    assert_string_equal(statuses(listener, text), expected);
}

static __attribute__((unused)) void assert_answer_holds(const struct listener *listener, const char *text)
{
    if (!listener->answer.bytes || !strstr(listener->answer.bytes, text))
        fail_msg("no `%s` in the answer: %s", text, listener->answer.bytes ? listener->answer.bytes : "(none)");
}

static __attribute__((unused)) void assert_bodies(const struct listener *listener, const char *expected)
{
    assert_string_equal(listener->bodies.bytes ? listener->bodies.bytes : "", expected);
}

#endif
