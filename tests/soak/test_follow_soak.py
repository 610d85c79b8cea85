# SPDX-License-Identifier: Apache-2.0
from test_follow import follow_under_kills


def test_ten_thousand_lines_through_kills_and_rotations_are_each_there_once(make_harrier, tmp_path):
    follow_under_kills(make_harrier, tmp_path, lines=10000, kills=12)
