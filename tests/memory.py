"""How much memory this process took at most."""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
# macOS counts bytes where others count KiB.
_PER_KIB = 1024 if sys.platform == "darwin" else 1


def peak_kib() -> int:
    """The largest resident size so far in KiB, of this program alone.

    On Linux from VmHWM: `ru_maxrss` keeps, over vfork and exec, the size of the process that started this
    one, so that a small child of a large test run seems as large as the run.
    """
    if _STATUS.exists():
        found = re.search(r"^VmHWM:\s+(\d+) kB$", _STATUS.read_text(encoding="ascii"), re.MULTILINE)
        if found:
            return int(found[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // _PER_KIB
