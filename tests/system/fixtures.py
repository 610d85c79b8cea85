# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the system tests: harrierd and the destinations that it delivers to, all on loopback."""
import pytest

from daemon import Harrier
from receiver import Receiver


@pytest.fixture
def make_receiver():
    """Makes receivers, and stops them at the end."""
    made = []

    def make(*arguments, **options):
        made.append(Receiver(*arguments, **options))
        return made[-1]

    yield make
    for receiver in made:
        receiver.stop()


@pytest.fixture
def receiver(make_receiver):
    return make_receiver()


@pytest.fixture
def make_harrier(tmp_path):
    """Makes daemons, each in a folder of its own and not yet started; what still runs at the end is killed."""
    made = []

    def make(**options):
        folder = tmp_path / f"harrier-{len(made)}"
        folder.mkdir()
        made.append(Harrier(str(folder), **options))
        return made[-1]

    yield make
    for harrier in made:
        harrier.discard()
