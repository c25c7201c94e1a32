"""Print every control with what attacks it when it is off, and the score.

Run as ``python tests/hostile/mutation.py``. It only reads: that the attacks succeed without the control
and fail with it is what the tests of this folder show.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from hostile_controls import score, table, unknown


def main() -> int:
    """1 where a control of the code has neither a switch nor a reason."""
    rows = table()
    for row in rows:
        mark = "covered" if row.attacks else "NOT COVERED"
        print(f"{mark:12} {row.name:32} switch {row.switch}: {', '.join(row.attacks)} {row.reason}".rstrip())
    print(score(rows))
    for place in sorted(unknown()):
        print(f"unknown: {place}")
    return 1 if unknown() else 0


if __name__ == "__main__":
    sys.exit(main())
