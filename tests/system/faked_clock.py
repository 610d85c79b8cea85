# SPDX-License-Identifier: Apache-2.0
"""A wall clock that the test sets while a program runs (libfaketime).

The program reads its offset from a file at each look at the clock. CLOCK_MONOTONIC and CLOCK_BOOTTIME stay the kernel's, for neither goes back, unless a test
wants them to jump as well."""
import glob
import os

import pytest

LIBRARIES = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")


class FakedClock:
    """environment is the program's; set() may be called at any time."""

    def __init__(self, folder, offset="+0", all_clocks=False):
        if not LIBRARIES:
            pytest.skip("no libfaketime")
        if os.environ.get("HARRIER_SANDBOX") == "1":
            pytest.skip("the sandbox preloads nothing")
        self.path = os.path.join(folder, "clock")
        self.set(offset)
        sanitizer = os.environ.get("ASAN_OPTIONS", "")
        self.environment = {**os.environ, "LD_PRELOAD": LIBRARIES[0], "FAKETIME_TIMESTAMP_FILE": self.path, "FAKETIME_NO_CACHE": "1",
                            "DONT_FAKE_MONOTONIC": "0" if all_clocks else "1",
                            "ASAN_OPTIONS": f"{sanitizer}:verify_asan_link_order=0"}  # which wants to be the first of all libraries

    def set(self, offset):
        """To so much after the real one: "+365d", "-1h", "+0"."""
        with open(self.path + ".new", "w", encoding="ascii") as file:
            file.write(offset + "\n")
        os.replace(self.path + ".new", self.path)  # never seen half written
