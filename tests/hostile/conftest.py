"""Prints at the end which attack answers for which control, so that a gap is seen."""

from __future__ import annotations

import pytest
from hostile_corpus import ATTACKS, BENIGN, FORGERIES

from qlayer.sandbox.config import Control

UNCOVERED = {
    "mount flags (read-only, nosuid, nodev)": "what is mounted belongs to root, whom no mapped uid is",
    "no_new_privs": "nothing in the tree has a set-uid bit, and the mounts would not honour it",
    "bounding set": "redundant with no_new_privs and the emptied sets",
    "dumpable": "redundant with the second uid, the capabilities and filter_inspection",
    "parent-death signal": "redundant with the keeper, which kills the zygote when the host is gone",
    "no /proc": "part of pivot_root; has no switch of its own",
}
"""Controls without a switch, and why no single program would succeed without them."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("hostile programs by the control that stops them")
    for control in Control:
        names = [
            attack.name + ("".join(f" (+{other})" for other in sorted(attack.guards - {control})))
            for attack in ATTACKS
            if control in attack.guards
        ]
        terminalreporter.write_line(f"{control:22} {', '.join(names) or 'GAP: no attack'}")
    bare = [attack.name for attack in ATTACKS if attack.needs_bare_process]
    terminalreporter.write_line(f"{'(bare process)':22} {', '.join(bare)}")
    controls = {control for attack in ATTACKS for control in attack.guards}
    terminalreporter.write_line(
        f"{len(ATTACKS)} attacks ({len(FORGERIES)} forge a pass), {len(BENIGN)} benign twins; "
        f"{len(controls)} of {len(Control) + len(UNCOVERED)} controls have an attack that succeeds without"
    )
    for name, reason in UNCOVERED.items():
        terminalreporter.write_line(f"not covered: {name}: {reason}")
