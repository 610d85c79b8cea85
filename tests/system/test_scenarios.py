# SPDX-License-Identifier: Apache-2.0
"""The rule over every captured scenario: it fires once for each row that says YES, and for none that says no."""
import collections

import captured
from daemon import audit_ids, replay


def test_each_scenario_gives_the_expected_verdicts(tmp_path):
    rows, files = captured.scenarios(str(tmp_path))
    expected = collections.Counter(row.audit_id for row in rows if row.expected == "YES")
    open_to_argument = {row.audit_id for row in rows if row.expected not in ("YES", "no")}
    found = collections.Counter(audit_ids(replay(files, check=False)))
    described = {row.audit_id: f"{row.file}: {row.what}" for row in rows}
    missed = [described[one] for one in expected if found[one] < expected[one]]
    false = [described.get(one, one) for one in found if found[one] > expected[one] and one not in open_to_argument]
    assert not missed and not false, f"missed: {missed}\nfalse: {false}"
