# SPDX-License-Identifier: Apache-2.0
"""A stop while much is still to be unpacked."""
import contextlib
import socket

from test_limits import BOMB, firehose, with_length


def test_a_stop_does_not_wait_for_what_is_still_to_be_unpacked(make_harrier):
    harrier = make_harrier(workers=1).start()
    bomb = with_length(firehose(*[BOMB * 20] * 10))
    with contextlib.ExitStack() as stack:
        for _ in range(30):  # 18 GB
            stack.enter_context(socket.create_connection(("127.0.0.1", harrier.port))).sendall(bomb)
        assert harrier.post(b'{"kind":"EventList","items":[]}')[0] == 200
        harrier.stop()
