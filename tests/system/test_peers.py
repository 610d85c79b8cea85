# SPDX-License-Identifier: Apache-2.0
"""Real programs bring a log of captured events: none is lost and none comes twice. The soak tests do the same with ten thousand."""
from peer_cases import CASES, ACKNOWLEDGING, deliver

import pytest


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_a_log_arrives_whole_and_once(make_harrier, tmp_path, case):
    deliver(make_harrier, tmp_path, case, count=300)


@pytest.mark.parametrize("case", ACKNOWLEDGING, ids=lambda case: case.__name__)
def test_a_log_arrives_whole_and_once_though_the_daemon_is_killed(make_harrier, tmp_path, case):
    deliver(make_harrier, tmp_path, case, count=2000, kill_period=1.0)
