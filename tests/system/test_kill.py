# SPDX-License-Identifier: Apache-2.0
from killing import kill_under_load


def test_ten_kills_under_load_lose_nothing_that_was_acknowledged(make_harrier, receiver):
    harrier = make_harrier(destinations=[receiver.destination(in_flight=8)])
    kill_under_load(harrier, receiver, times=10, seed=1053007)
