# SPDX-License-Identifier: Apache-2.0
"""A daemon that may open few files, and clients that hold on to them."""
import contextlib
import os
import resource
import socket

from daemon import wait_for
from killing import attack_lines

FILES = 160


def few_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))


def hold(stack, port, count, said):
    """Connections that say this much and wait; those that are closed at once are no loss."""
    for _ in range(count):
        connection = stack.enter_context(socket.socket())
        connection.settimeout(5)
        with contextlib.suppress(OSError):
            connection.connect(("127.0.0.1", port))
            connection.sendall(said)


def open_files(harrier):
    return len(os.listdir(f"/proc/{harrier.process.pid}/fd"))


def test_connections_that_take_all_they_can_leave_descriptors_for_the_admin_page_and_followed_files(make_harrier, tmp_path):
    log = tmp_path / "audit.log"
    harrier = make_harrier(workers=1)
    harrier.settings["sources"].append({"name": "node", "type": "file", "file": str(log)})
    harrier.write_config()
    harrier.start(preexec_fn=few_files)
    with contextlib.ExitStack() as stack:
        hold(stack, harrier.port, 300, b"POST / HTTP/1.1\r\n")
        wait_for(lambda: harrier.metric("harrier_http_bounds_hit_total", bound="descriptors") > 0, "the bound was hit")
        assert open_files(harrier) < FILES
        _, line = next(attack_lines(1))
        log.write_bytes(line)
        wait_for(lambda: harrier.metric("harrier_store_alerts") == 1, "an alert, stored for want of nothing")
        assert harrier.probe("/readyz") == 200
    assert harrier.metric("harrier_file_losses_total") == 0
    harrier.stop()
    assert harrier.log().count("no new connection is taken") <= 3
    assert "raise LimitNOFILE" in harrier.log()
    assert len(harrier.log()) < 20000


def test_slow_clients_of_the_admin_page_make_room_for_the_next_and_take_no_more_descriptors(make_harrier):
    harrier = make_harrier(workers=1)
    harrier.start(preexec_fn=few_files)
    before = open_files(harrier)
    with contextlib.ExitStack() as stack:
        hold(stack, harrier.admin_port, 300, b"GET /metrics HT")
        wait_for(lambda: harrier.metric("harrier_admin_bounds_hit_total", bound="connections") > 0, "the bound was hit")
        assert open_files(harrier) <= before + 40
        assert harrier.probe("/healthz") == 200
        with socket.socket(socket.AF_UNIX) as local:
            local.connect(f"{harrier.folder}/admin.sock")
            local.sendall(b"GET /status HTTP/1.1\r\n\r\n")
            assert local.recv(100).startswith(b"HTTP/1.1 200 ")
    harrier.stop()
    assert len(harrier.log()) < 20000


def test_a_process_without_descriptors_is_as_quiet_and_comes_back(make_harrier):
    harrier = make_harrier(workers=1)
    harrier.start(preexec_fn=few_files)
    now = open_files(harrier)
    before = resource.prlimit(harrier.process.pid, resource.RLIMIT_NOFILE, (now - 1, FILES))
    with contextlib.ExitStack() as stack:
        hold(stack, harrier.admin_port, 20, b"GET /metrics HTTP/1.1\r\n\r\n")
        wait_for(lambda: "admin: no connection is taken" in harrier.log(), "the shortage is told")
        resource.prlimit(harrier.process.pid, resource.RLIMIT_NOFILE, before)
        assert harrier.probe("/healthz") == 200
        # ten tries a second at most: it does not spin
        assert 0 < harrier.metric("harrier_admin_bounds_hit_total", bound="descriptors") < 1000
    harrier.stop()
    assert harrier.log().count("no connection is taken") == 1
    assert "[warn]" not in harrier.log() and "[err]" not in harrier.log()
