# SPDX-License-Identifier: Apache-2.0
import subprocess

import captured
from daemon import HARRIERCTL


def test_a_replay_leaves_no_memory_behind(tmp_path):
    _, files = captured.scenarios(str(tmp_path))
    # What PCRE2's JIT compiles reads past a value within its aligned word, which memcheck takes for undefined values.
    done = subprocess.run(["valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full", "--undef-value-errors=no",
                           "--errors-for-leak-kinds=definite,indirect", HARRIERCTL, "replay", "-o", "ndjson", "-r", captured.RULE,
                           *files[:40]], capture_output=True)
    assert done.stdout, done.stderr.decode()
    assert done.returncode == 0, done.stderr.decode()
