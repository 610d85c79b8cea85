# SPDX-License-Identifier: Apache-2.0
"""The soak tests use the fixtures of the system tests."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "system"))

from fixtures import make_harrier, make_receiver, receiver  # noqa: E402,F401
