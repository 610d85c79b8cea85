# SPDX-License-Identifier: Apache-2.0
import random

from killing import kill_under_load


def test_two_hundred_kills_under_load_lose_nothing_that_was_acknowledged(make_harrier, receiver):
    seed = random.randrange(1 << 31)
    print("seed", seed)
    harrier = make_harrier(destinations=[receiver.destination(in_flight=8)])
    kill_under_load(harrier, receiver, times=200, seed=seed)
