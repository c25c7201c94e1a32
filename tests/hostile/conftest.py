"""Prints at the end which attack answers for which control, so that a gap is seen."""

from __future__ import annotations

import pytest
from hostile_controls import score, table
from hostile_corpus import ATTACKS, BENIGN, FORGERIES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("hostile programs by the control that stops them")
    rows = table()
    for row in rows:
        if row.attacks:
            terminalreporter.write_line(f"{row.name:22} {', '.join(row.attacks)} {row.reason}".rstrip())
    bare = [attack.name for attack in ATTACKS if attack.needs_bare_process]
    terminalreporter.write_line(f"{'(bare process)':22} {', '.join(bare)}")
    terminalreporter.write_line(
        f"{len(ATTACKS)} attacks ({len(FORGERIES)} forge a pass), {len(BENIGN)} benign twins; {score(rows)}"
    )
    for row in rows:
        if not row.attacks:
            terminalreporter.write_line(f"not covered: {row.name}: {row.reason}")


@pytest.fixture(scope="module", autouse=True)
def host_is_probed_once(one_probe: None) -> None:
    """Sandboxes are opened by the hundred here."""
