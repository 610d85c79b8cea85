/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that the language has and that cannot run here, each with the reason. */
#include "function.h"

static const struct yaral_function group_functions[] = {
    {.name = "group", .signature = "group(field, field, ...)", .help = "several fields searched as one",
     .refused = "is a function of searches; in a rule write `or` between the fields"},
};

static const struct yaral_function metrics_functions[] = {
    {.name = "metrics.*", .signature = "metrics.*(period:, window:, metric:, agg:, field:value ...)", .help = "what is usual for a user or host",
     .refused = "metrics functions need Google's historical baselines"},
};

static const struct yaral_function optimization_functions[] = {
    {.name = "optimization.sample_rate", .signature = "optimization.sample_rate(text, n, d) -> bool", .help = "a fixed share of all values",
     .refused = "its hash is Google's own and not published"},
};

#define WINDOW(function, takes, says) \
    {.name = "window." #function, .signature = "window." #function takes, .help = says, .places = YARAL_IN_OUTCOME, .needs_match = true, \
     .refused = "needs a match window"}

static const struct yaral_function window_functions[] = {
    WINDOW(avg, "(number [, ignore_zeros]) -> float", "the mean over the window"),
    WINDOW(first, "(sort_key, value) -> string", "the value with the least key"),
    WINDOW(last, "(sort_key, value) -> string", "the value with the greatest key"),
    WINDOW(median, "(number [, ignore_zeros]) -> float", "the median over the window"),
    WINDOW(mode, "(value) -> string", "the most frequent value"),
    WINDOW(range, "(number) -> float", "the greatest less the least"),
    WINDOW(stddev, "(number) -> float", "the standard deviation of the sample"),
    WINDOW(variance, "(number) -> float", "the variance of the sample"),
};

FUNCTION_GROUP(function_group_group, group_functions);
FUNCTION_GROUP(function_group_metrics, metrics_functions);
FUNCTION_GROUP(function_group_optimization, optimization_functions);
FUNCTION_GROUP(function_group_window, window_functions);
