"""Every control: what in the code it is, the switch that turns it off, and what attacks it then.

Namespaces, mount flags, limits, process settings, filter rules and name rules are read from the source.
`unknown()` names what nobody has given a switch or a reason, so that a new control cannot be forgotten.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

import test_hostile_names as names
from hostile_corpus import ATTACKS

import qlayer
from qlayer.sandbox.config import Control
from qlayer.sandbox.zygote import filters

_ZYGOTE = Path(qlayer.__file__).parent / "sandbox" / "zygote"
_FOUND = {
    "keeper.py": r"\bCLONE_NEW\w+",
    "pid1.py": r"\bCLONE_NEW\w+|\bPR_(?!SET_SECCOMP)\w+",
    "child.py": r"\bRLIMIT_\w+|\bcloserange\b|\bdrop_capabilities\b|\bset(?:res)?uid\b|\bload_filter\b",
    "rootfs.py": r"\bMS_(?!REMOUNT|BIND|REC|PRIVATE|RELATIME)\w+|\bpivot_root\b|nr_inodes|size=\{",
    "packages.py": r"'cover'|\bMS_(?!BIND)\w+|\bumount",
}
"""What a control looks like in each file."""
_BY_CODE: dict[str, tuple[Control | str, ...]] = {
    "keeper.py CLONE_NEWPID": (Control.PID_NS,),
    "keeper.py CLONE_NEWNET": (Control.NET_NS,),
    "keeper.py CLONE_NEWIPC": (Control.IPC_NS,),
    "keeper.py CLONE_NEWUTS": (Control.UTS_NS,),
    "keeper.py CLONE_NEWUSER": (
        "without root nothing else can be made without it: off, there is no sandbox",
    ),
    "pid1.py CLONE_NEWNS": (Control.PIVOT_ROOT,),
    "pid1.py CLONE_NEWUSER": (Control.USER_NS,),
    "pid1.py CLONE_NEWCGROUP": (Control.CGROUP_NS,),
    "pid1.py PR_SET_PDEATHSIG": (Control.PDEATHSIG,),
    "pid1.py PR_SET_DUMPABLE": (Control.DUMPABLE,),
    "pid1.py PR_SET_NO_NEW_PRIVS": (Control.NO_NEW_PRIVS,),
    "pid1.py PR_CAPBSET_DROP": (Control.BOUNDING_SET,),
    "child.py RLIMIT_CORE": (Control.RLIMIT_CORE,),
    "child.py RLIMIT_MEMLOCK": (Control.RLIMIT_LOCKED,),
    "child.py RLIMIT_FSIZE": (Control.RLIMIT_FILE_SIZE,),
    "child.py RLIMIT_NOFILE": (Control.RLIMIT_FILES,),
    "child.py RLIMIT_NPROC": (Control.RLIMIT_PROCESSES,),
    "child.py RLIMIT_DATA": (Control.RLIMIT_DATA,),
    "child.py RLIMIT_CPU": (Control.RLIMITS,),
    "child.py closerange": (Control.DESCRIPTORS,),
    "child.py drop_capabilities": (Control.CAPABILITIES,),
    "child.py setresuid": (Control.SECOND_UID,),
    "child.py load_filter": (Control.CHILD_FILTER,),
    "rootfs.py pivot_root": (Control.PIVOT_ROOT,),
    "rootfs.py MS_RDONLY": (Control.MOUNT_READONLY, Control.ROOT_READONLY),
    "rootfs.py MS_NOSUID": (
        Control.MOUNT_NOSUID,
        Control.TMP_NOSUID,
        Control.ROOT_NOSUID,
    ),
    "rootfs.py MS_NODEV": (
        Control.MOUNT_NODEV,
        Control.TMP_NODEV,
        Control.ROOT_NODEV,
    ),
    "rootfs.py size={": (Control.TMP_SIZE,),
    "rootfs.py nr_inodes": (Control.TMP_INODES,),
    "packages.py 'cover'": (Control.PACKAGES_COVERED,),
    "packages.py umount": (Control.PACKAGES_HIDDEN,),
    "filters.py clone": (Control.FILTER_NAMESPACES,),
    "filters.py socket": (Control.FILTER_SOCKETS,),
    "filters.py socketpair": (Control.FILTER_SOCKETS,),
    "filters.py ioctl": (Control.FILTER_TERMINAL,),
    "filters.py prlimit64": (Control.FILTER_OTHERS,),
    "filters.py sched_setaffinity": (Control.FILTER_OTHERS,),
    "filters.py prctl": (Control.FILTER_PRCTL,),
    "filters.py personality": (Control.FILTER_PERSONALITY,),
    "filters.py openat2": (
        "refused by default too, and grants no more than openat; the entry says only how it is answered",
    ),
    "filters.py clone3": (Control.FILTER_NAMESPACES,),
    "filters.py memfd_create": (Control.FILTER_ANONYMOUS_FILES,),
}
"""Which switch turns off what stands in the code; a sentence says why there is none."""
WALLS = {
    Control.MOUNT_READONLY: "test_what_is_shown_of_the_host_is_read_only",
    Control.MOUNT_NODEV: "test_devices_shown_of_the_host_do_not_open",
    Control.MOUNT_NOSUID: "test_set_uid_files_lend_no_account (+no_new_privs)",
    Control.NO_NEW_PRIVS: "test_set_uid_files_lend_no_account (+mount_nosuid)",
    Control.PDEATHSIG: "test_a_zygote_ends_with_its_keeper",
    Control.PID_NS: "test_processes_of_the_host_do_not_exist",
    Control.IPC_NS: "test_memory_that_the_host_shares_is_out_of_reach (+filter_ipc)",
    Control.BOUNDING_SET: "test_files_with_capabilities_lend_none (+no_new_privs, mount_nosuid)",
    Control.TMP_NOSUID: "test_set_uid_files_in_tmp_lend_no_account (+no_new_privs)",
    Control.ROOT_NOSUID: "test_set_uid_files_beside_tmp_lend_no_account (+3)",
    Control.ENVIRONMENT: "test_the_host_s_environment_is_not_inherited (+an empty one at the start)",
    Control.OOM_ORDER: "test_memory_that_runs_out_costs_no_zygote",
    Control.PACKAGES_COVERED: "test_no_other_set_of_packages_is_seen",
    Control.PACKAGES_HIDDEN: "test_packages_are_gone_after_the_run_that_asked_for_them",
}
"""Attacked in `test_walls` and `test_walls_of_packages`, because they need a bait."""
REACHED = {
    Control.FILTER_PRCTL: "reached the kernel only",
    Control.FILTER_TERMINAL: "reached the kernel only: a run has no terminal",
}
"""The attack shows that the call got past the filter, not that harm was done."""


class Row(NamedTuple):
    """One control. Covered when there are attacks; else `reason` says why not."""

    name: str
    switch: str
    attacks: tuple[str, ...] = ()
    reason: str = ""


def table() -> tuple[Row, ...]:
    """All controls, those of the sandbox first."""
    return (*(_row(control) for control in Control), *_without_switch(), *_refusals())


def _row(control: Control) -> Row:
    attacks = tuple(
        attack.name + "".join(f" (+{other})" for other in sorted(attack.guards - {control}))
        for attack in ATTACKS
        if control in attack.guards
    )
    if control in WALLS:
        attacks = (*attacks, WALLS[control])
    return Row(
        control.value, control.value, attacks, REACHED.get(control, "" if attacks else "GAP: no attack")
    )


def _without_switch() -> list[Row]:
    rows = []
    for place in sorted(found()):
        for switch in _BY_CODE.get(place, ("GAP: neither a switch nor a reason",)):
            if not isinstance(switch, Control):
                rows.append(Row(place, "none", (), switch))
    return rows


def _refusals() -> list[Row]:
    """Those whose mutants `test_hostile_names` runs; each of its tests fails where a bait is missing."""
    rows = [Row(f"name: {rule}", "mutant", ("a forged tree",)) for rule in names.RULES]
    for rule in names.COLLECTION:
        group = f" (+{names.MANY_TAKEN})" if rule == names.MANY_GLOBBED else ""
        rows.append(Row(f"output: {rule}", "mutant", (f"a forged file{group}",)))
    return [*rows, Row("output: openat2's RESOLVE flags", "mutant", ("test_links_to_the_host",))]


def found() -> frozenset[str]:
    """Where the code has a control, as ``file what``."""
    places = {
        f"{file} {match}"
        for file, pattern in _FOUND.items()
        for match in re.findall(pattern, _code_of(_ZYGOTE / file))
    }
    rules = {*filters._CHECKED, *filters.PRETENDED_MISSING}
    return frozenset(places | {f"filters.py {rule}" for rule in rules})


def _code_of(path: Path) -> str:
    """Without comments and docstrings."""
    return ast.unparse(ast.parse(path.read_text()))


def unknown() -> frozenset[str]:
    """Controls in the code that nobody has given a switch or a reason, and entries whose code is gone."""
    return found() ^ _BY_CODE.keys()


def covered(rows: tuple[Row, ...]) -> int:
    return sum(bool(row.attacks) for row in rows)


def score(rows: tuple[Row, ...]) -> str:
    part, all_of_them = covered(rows), len(rows)
    percent = 100 * part / all_of_them
    return f"{part} of {all_of_them} controls ({percent:.1f} %) have an attack that succeeds without"
