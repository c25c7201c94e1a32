"""Prints at the end which attack answers for which control, so that a gap is seen."""

from __future__ import annotations

import pytest
from hostile_corpus import ATTACKS, BENIGN

from qlayer.sandbox.config import Control


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("hostile programs by the control that stops them")
    for control in Control:
        names = [
            attack.name + ("".join(f" (+{other})" for other in sorted(attack.guards - {control})))
            for attack in ATTACKS
            if control in attack.guards
        ]
        terminalreporter.write_line(f"{control:14} {', '.join(names) or 'GAP: no attack'}")
    bare = [attack.name for attack in ATTACKS if attack.needs_bare_process]
    terminalreporter.write_line(f"{'(bare process)':14} {', '.join(bare)}")
    terminalreporter.write_line(f"{len(ATTACKS)} attacks, {len(BENIGN)} benign twins")
