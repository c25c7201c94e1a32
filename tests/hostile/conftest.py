"""Prints at the end which attack answers for which control, so that a gap is seen."""

from __future__ import annotations

import pytest
from hostile_corpus import ATTACKS, BENIGN, FORGERIES

from qlayer.sandbox.config import Control

WALLS = {
    Control.MOUNT_READONLY: "test_what_is_shown_of_the_host_is_read_only",
    Control.MOUNT_NODEV: "test_devices_shown_of_the_host_do_not_open",
    Control.MOUNT_NOSUID: "test_set_uid_files_lend_no_account (+no_new_privs)",
    Control.NO_NEW_PRIVS: "test_set_uid_files_lend_no_account (+mount_nosuid)",
    Control.PDEATHSIG: "test_a_zygote_ends_with_its_keeper",
}
"""Covered in `test_walls`, because they need a bait."""
NO_SWITCH = "no switch yet"
UNCOVERED = {
    "bounding set": "redundant with no_new_privs and the emptied sets",
    "dumpable": "redundant with the second uid, the capabilities and filter_inspection",
    "read-only root": NO_SWITCH,
    "flags of /tmp (nosuid, nodev)": NO_SWITCH,
    "pid namespace": NO_SWITCH,
    "ipc namespace": NO_SWITCH,
    "uts namespace": NO_SWITCH,
    "cgroup namespace": NO_SWITCH,
    "RLIMIT_CORE": NO_SWITCH,
    "RLIMIT_MEMLOCK": NO_SWITCH,
    "RLIMIT_NPROC and RLIMIT_DATA without a cgroup": NO_SWITCH,
    "filter: x32 numbers": "the sweep tries them; no switch yet",
    "filter: mounts, chroot, bpf and all else": "only by switching off seccomp as a whole",
    "cleared environment": NO_SWITCH,
    "nonce of each call in split mode": NO_SWITCH,
    "name rules of trees and outputs": NO_SWITCH,
    "oom order": NO_SWITCH,
}
"""Controls without a test that shows an attack getting past when they are off; they lower the score."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("hostile programs by the control that stops them")
    for control in Control:
        names = [
            attack.name + ("".join(f" (+{other})" for other in sorted(attack.guards - {control})))
            for attack in ATTACKS
            if control in attack.guards
        ]
        terminalreporter.write_line(
            f"{control:22} {', '.join(names) or WALLS.get(control, 'GAP: no attack')}"
        )
    bare = [attack.name for attack in ATTACKS if attack.needs_bare_process]
    terminalreporter.write_line(f"{'(bare process)':22} {', '.join(bare)}")
    controls = {control for attack in ATTACKS for control in attack.guards} | WALLS.keys()
    terminalreporter.write_line(
        f"{len(ATTACKS)} attacks ({len(FORGERIES)} forge a pass), {len(BENIGN)} benign twins; "
        f"{len(controls)} of {len(Control) + len(UNCOVERED)} controls have an attack that succeeds without"
    )
    for name, reason in UNCOVERED.items():
        terminalreporter.write_line(f"not covered: {name}: {reason}")
