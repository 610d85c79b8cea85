/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/source/channel.h"

#include <errno.h>
#include <event2/event.h>
#include <sys/resource.h>
#include <unistd.h>

enum { WORKERS = 2 };

struct house {
    struct event_base *base;
    struct source_worker *workers[WORKERS];
    struct source_acceptor *acceptor;
    struct address address;
    size_t accepted[WORKERS];
    size_t last_source;
};

static void *never_begin(void *data, struct source_request *request, const struct source_head *head, struct source_refusal *refusal)
{
    (void)data;
    (void)request;
    (void)head;
    (void)refusal;
    return NULL;
}

static void accepted(void *data, struct source_worker *worker, size_t source, int fd, const struct address *peer)
{
    struct house *house = data;
    house->accepted[worker == house->workers[0] ? 0 : 1]++;
    house->last_source = source;
    assert_true(address_is_loopback(peer));
    source_worker_add(worker, 0, fd, peer);
}

static void build(struct house *house, size_t places)
{
    static const struct source_endpoint endpoints[8] = {[0] = {.name = "other", .path = "/"}, [7] = {.name = "apiserver", .path = "/"}};
    struct source_limits limits = source_default_limits;
    struct source_handler handler = {.data = house, .begin = never_begin};
    struct address any;
    int fd;

    *house = (struct house){.base = event_base_new()};
    limits.connections = places;
    for (size_t i = 0; i < WORKERS; i++)
        house->workers[i] = source_worker_new(house->base, &limits, endpoints, 8, &handler);
    house->acceptor = source_acceptor_new(house->base, house->workers, WORKERS, accepted, house);
    assert_int_equal(address_parse_host_port(SLICE("127.0.0.1:0"), &any, NULL), RESULT_OK);
    assert_int_equal(source_listen(&any, false, &fd), RESULT_OK);
    assert_int_equal(source_listen_inherited(fd), RESULT_OK);
    assert_int_equal(source_listen_address(fd, &house->address), RESULT_OK);
    source_acceptor_add(house->acceptor, 7, fd);
}

static void leave(struct house *house)
{
    source_acceptor_free(house->acceptor);
    for (size_t i = 0; i < WORKERS; i++)
        source_worker_free(house->workers[i]);
    event_base_free(house->base);
}

static int dial(const struct house *house)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&house->address.storage, house->address.length), 0);
    return fd;
}

static void turn(struct house *house)
{
    for (int i = 0; i < 10; i++)
        event_base_loop(house->base, EVLOOP_NONBLOCK);
}

static struct source_counts bounds(const struct house *house)
{
    struct source_counts counts = {0};
    source_acceptor_count(house->acceptor, &counts);
    return counts;
}

static void test_connections_go_to_the_worker_that_has_the_fewest(void **state)
{
    struct house house;
    int clients[6];
    (void)state;
    build(&house, 100);
    for (size_t i = 0; i < 6; i++) {
        clients[i] = dial(&house);
        turn(&house);
    }
    assert_int_equal(house.accepted[0], 3);
    assert_int_equal(house.accepted[1], 3);
    assert_int_equal(house.last_source, 7);
    for (size_t i = 0; i < 6; i++)
        close(clients[i]);
    turn(&house);
    assert_int_equal(source_worker_connections(house.workers[0]) + source_worker_connections(house.workers[1]), 0);
    leave(&house);
}

static void test_a_connection_without_a_place_waits_for_one(void **state)
{
    struct house house;
    int clients[3];
    (void)state;
    build(&house, 1);
    for (size_t i = 0; i < 3; i++)
        clients[i] = dial(&house);
    turn(&house);
    assert_int_equal(house.accepted[0] + house.accepted[1], 2);
    assert_true(bounds(&house).bounds[SOURCE_BOUND_CONNECTIONS] >= 1);
    close(clients[0]);
    while (house.accepted[0] + house.accepted[1] < 3)
        event_base_loop(house.base, EVLOOP_ONCE);
    close(clients[1]);
    close(clients[2]);
    leave(&house);
}

static void test_a_shortage_of_descriptors_ends_by_itself(void **state)
{
    struct house house;
    struct rlimit before, none;
    (void)state;
    build(&house, 100);
    int client = dial(&house);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    turn(&house);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(bounds(&house).bounds[SOURCE_BOUND_DESCRIPTORS], 1);
    assert_int_equal(house.accepted[0] + house.accepted[1], 0);
    assert_int_equal(source_worker_connections(house.workers[0]), 0);
    while (house.accepted[0] + house.accepted[1] < 1)
        event_base_loop(house.base, EVLOOP_ONCE);
    close(client);
    leave(&house);
}

/* As long as there are none, the listener is looked at ten times a second, and not all the time. */
static void test_a_shortage_of_descriptors_is_waited_out_without_spinning(void **state)
{
    struct house house;
    struct rlimit before, none;
    (void)state;
    build(&house, 100);
    int client = dial(&house);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (int i = 0; i < 1000; i++)
        event_base_loop(house.base, EVLOOP_NONBLOCK);
    assert_int_equal(bounds(&house).bounds[SOURCE_BOUND_DESCRIPTORS], 1);
    for (int i = 0; i < 3; i++)
        event_base_loop(house.base, EVLOOP_ONCE);
    assert_true(bounds(&house).bounds[SOURCE_BOUND_DESCRIPTORS] >= 2);
    assert_true(bounds(&house).bounds[SOURCE_BOUND_DESCRIPTORS] <= 4);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    while (house.accepted[0] + house.accepted[1] < 1)
        event_base_loop(house.base, EVLOOP_ONCE);
    close(client);
    leave(&house);
}

static void test_one_more_connection_than_an_address_may_have_is_closed(void **state)
{
    struct house house;
    struct source_peers *peers = source_peers_new(2);
    int clients[3];
    char byte;
    (void)state;
    build(&house, 100);
    source_acceptor_set_peers(house.acceptor, peers);
    for (size_t i = 0; i < WORKERS; i++)
        source_worker_set_peers(house.workers[i], peers);
    for (size_t i = 0; i < 3; i++) {
        clients[i] = dial(&house);
        turn(&house);
    }
    assert_int_equal(house.accepted[0] + house.accepted[1], 2);
    assert_int_equal(recv(clients[2], &byte, 1, 0), 0);
    assert_int_equal(bounds(&house).bounds[SOURCE_BOUND_ADDRESS], 1);
    assert_int_equal(source_worker_connections(house.workers[0]) + source_worker_connections(house.workers[1]), 2);
    close(clients[0]);
    turn(&house);
    int another = dial(&house);
    turn(&house);
    assert_int_equal(house.accepted[0] + house.accepted[1], 3);
    close(another);
    close(clients[1]);
    close(clients[2]);
    leave(&house);
    source_peers_free(peers);
}

static bool enters(struct source_peers *peers, const char *text)
{
    struct address address;
    assert_int_equal(address_parse_host_port(slice_of(text), &address, NULL), RESULT_OK);
    return peers_enter(peers, &address);
}

static void test_addresses_are_told_apart_by_host_and_ipv6_by_network(void **state)
{
    struct source_peers *peers = source_peers_new(1);
    struct address first;
    (void)state;
    assert_true(enters(peers, "10.0.0.1:1"));
    assert_false(enters(peers, "10.0.0.1:2"));
    assert_false(enters(peers, "[::ffff:10.0.0.1]:3"));
    assert_true(enters(peers, "[::ffff:10.0.0.2]:3"));
    assert_true(enters(peers, "10.0.0.3:1"));
    assert_true(enters(peers, "[2001:db8:0:1::1]:1"));
    assert_false(enters(peers, "[2001:db8:0:1:ffff::2]:1"));
    assert_true(enters(peers, "[2001:db8:0:2::1]:1"));
    assert_int_equal(address_parse_host_port(SLICE("10.0.0.1:9"), &first, NULL), RESULT_OK);
    peers_leave(peers, &first);
    assert_true(enters(peers, "10.0.0.1:2"));
    source_peers_free(peers);
}

static void test_an_address_that_is_taken_is_an_error_with_its_errno(void **state)
{
    struct house house;
    int fd;
    (void)state;
    build(&house, 1);
    assert_int_not_equal(source_listen(&house.address, false, &fd), RESULT_OK);
    assert_int_equal(errno, EADDRINUSE);
    assert_int_equal(fd, -1);
    leave(&house);
}

static void test_only_a_listening_socket_is_inherited(void **state)
{
    int pair[2];
    (void)state;
    assert_int_equal(source_listen_inherited(STDIN_FILENO), RESULT_INVALID);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(source_listen_inherited(pair[0]), RESULT_INVALID);
    close(pair[0]);
    close(pair[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connections_go_to_the_worker_that_has_the_fewest),
        cmocka_unit_test(test_a_connection_without_a_place_waits_for_one),
        cmocka_unit_test(test_a_shortage_of_descriptors_ends_by_itself),
        cmocka_unit_test(test_a_shortage_of_descriptors_is_waited_out_without_spinning),
        cmocka_unit_test(test_one_more_connection_than_an_address_may_have_is_closed),
        cmocka_unit_test(test_addresses_are_told_apart_by_host_and_ipv6_by_network),
        cmocka_unit_test(test_an_address_that_is_taken_is_an_error_with_its_errno),
        cmocka_unit_test(test_only_a_listening_socket_is_inherited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
