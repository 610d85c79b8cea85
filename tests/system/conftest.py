# SPDX-License-Identifier: Apache-2.0
"""Makes the fixtures known to pytest; the soak tests take the same."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from fixtures import make_harrier, make_receiver, receiver  # noqa: E402,F401
