# SPDX-License-Identifier: Apache-2.0
from peer_cases import CASES, ACKNOWLEDGING, deliver

import pytest


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_ten_thousand_events_arrive_whole_and_once(make_harrier, tmp_path, case):
    deliver(make_harrier, tmp_path, case, count=10000)


@pytest.mark.parametrize("case", ACKNOWLEDGING, ids=lambda case: case.__name__)
def test_ten_thousand_events_arrive_whole_and_once_though_the_daemon_is_killed(make_harrier, tmp_path, case):
    deliver(make_harrier, tmp_path, case, count=10000, kill_period=3.0)
