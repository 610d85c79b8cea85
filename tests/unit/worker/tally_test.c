/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/worker/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

static void test_each_cluster_of_a_source_has_its_row(void **state)
{
    struct tally tally = {0};
    (void)state;
    tally_row(&tally, 0, SLICE("a"))->counts.received += 2;
    tally_row(&tally, 0, SLICE("b"))->counts.received += 3;
    tally_row(&tally, 1, SLICE("a"))->counts.received += 5;
    tally_row(&tally, 0, SLICE("a"))->counts.alerts += 1;
    assert_int_equal(tally.count, 3);
    assert_int_equal(tally_of_source(&tally, 0).received, 5);
    assert_int_equal(tally_of_source(&tally, 0).alerts, 1);
    assert_int_equal(tally_of_source(&tally, 1).received, 5);
    tally_free(&tally);
}

static void test_tallies_of_workers_add_up(void **state)
{
    struct tally one = {0}, two = {0}, sum = {0};
    (void)state;
    tally_row(&one, 0, SLICE("a"))->counts = (struct tally_counts){1, 2, 3, 4, 5, 6, 7, 8};
    tally_row(&two, 0, SLICE("b"))->counts.received = 1;
    tally_row(&two, 0, SLICE("a"))->counts = (struct tally_counts){10, 20, 30, 40, 50, 60, 70, 80};
    tally_merge(&sum, &one);
    tally_merge(&sum, &two);
    struct tally_counts a = tally_row(&sum, 0, SLICE("a"))->counts;
    const struct tally_counts expected = {11, 22, 33, 44, 55, 66, 77, 88};
    assert_memory_equal(&a, &expected, sizeof expected);
    assert_int_equal(sum.count, 2);
    tally_free(&one);
    tally_free(&two);
    tally_free(&sum);
}

static void test_clusters_beyond_the_bound_share_a_row(void **state)
{
    struct tally tally = {0};
    char name[16];
    (void)state;
    for (int i = 0; i < TALLY_ROWS_MAX + 500; i++) {
        snprintf(name, sizeof name, "%d", i);
        tally_row(&tally, 0, slice_of(name))->counts.received++;
    }
    assert_true(tally.count <= TALLY_ROWS_MAX + 1);
    assert_int_equal(tally_of_source(&tally, 0).received, TALLY_ROWS_MAX + 500);
    assert_int_equal(tally_row(&tally, 0, SLICE("(other clusters)"))->counts.received, 500);
    tally_free(&tally);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_cluster_of_a_source_has_its_row),
        cmocka_unit_test(test_tallies_of_workers_add_up),
        cmocka_unit_test(test_clusters_beyond_the_bound_share_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
