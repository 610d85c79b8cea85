# SPDX-License-Identifier: Apache-2.0
"""What happens to the store's files under a daemon that runs, as operator and senders see it. The whole list is in tests/unit/store/files_test.c."""
import os
import socket
import subprocess

import captured
from daemon import HARRIERD, free_port, wait_for
from killing import attack_lines


def store_file(harrier, name):
    return os.path.join(harrier.folder, "store", name)


def test_a_removed_store_is_noticed_before_the_next_answer_and_taken_up_again_when_it_is_back(make_harrier):
    harrier = make_harrier().start()
    assert harrier.post(captured.attacks())[0] == 200
    os.rename(store_file(harrier, "store.db"), store_file(harrier, "away"))
    assert harrier.post(captured.attacks().replace(b'"auditID":"', b'"auditID":"f'))[0] == 503
    wait_for(lambda: harrier.probe("/readyz") == 503, "not ready")
    assert "store.db was removed or replaced" in harrier.log()
    assert harrier.metric("harrier_store_losses_total") == 1
    os.rename(store_file(harrier, "away"), store_file(harrier, "store.db"))
    wait_for(lambda: harrier.probe("/readyz") == 200, "ready again")
    assert harrier.post(captured.attacks())[0] == 200
    harrier.stop()


def test_a_removed_store_is_noticed_while_nobody_sends(make_harrier):
    harrier = make_harrier().start()
    os.unlink(store_file(harrier, "store.db"))
    wait_for(lambda: harrier.probe("/readyz") == 503, "not ready")
    harrier.stop()
    harrier.start()
    assert "store.db is missing, though a store was there before" in harrier.log()
    assert harrier.metric("harrier_store_losses_total") == 1
    harrier.stop()


def test_a_second_daemon_is_refused_though_the_lock_file_was_removed(make_harrier):
    harrier = make_harrier().start()
    os.unlink(store_file(harrier, "store.lock"))
    second = make_harrier(store={"directory": os.path.join(harrier.folder, "store")})
    done = subprocess.run([HARRIERD, "-c", second.config], capture_output=True, text=True)
    assert done.returncode == os.EX_UNAVAILABLE
    assert "in use" in done.stderr
    harrier.stop()


def test_what_a_plain_sender_sent_is_not_dropped_while_the_store_cannot_take_it(make_harrier):
    harrier = make_harrier()
    port = free_port()
    harrier.settings["sources"].append({"name": "plain", "type": "syslog", "listen": f"127.0.0.1:{port}", "log_type": "K8S_AUDIT"})
    harrier.write_config()
    harrier.start()
    os.rename(store_file(harrier, "store.db"), store_file(harrier, "away"))
    _, line = next(attack_lines(1))
    with socket.create_connection(("127.0.0.1", port)) as sender:
        sender.sendall(b"<13>1 2026-01-01T00:00:00Z node audit - - - " + line)
        wait_for(lambda: harrier.probe("/readyz") == 503, "not ready")
        os.rename(store_file(harrier, "away"), store_file(harrier, "store.db"))
        wait_for(lambda: len(harrier.stored()) == 1, "the alert")
    assert "are lost" not in harrier.log()
    harrier.stop()
