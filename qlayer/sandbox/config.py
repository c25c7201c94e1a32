"""Typed configurations of the sandbox backends: a union, one member per backend."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from qlayer.types.frozen import Frozen
from qlayer.types.verdict import Tier


class Control(StrEnum):
    """One guard of the warm-fork sandbox.

    The hostile tests turn them off one at a time (`WarmSandbox(config, unsafe_disabled=...)`) to show that
    an attack works without its guard; nothing else may.
    """

    SECCOMP = "seccomp"
    """The system-call allowlists of the zygote and of its children."""
    PIVOT_ROOT = "pivot_root"
    """The own file tree: off, the host's files are visible under the candidate's uid."""
    NET_NS = "net_ns"
    """The empty network: off, the host's network."""
    SECOND_UID = "second_uid"
    """Another uid than the zygote's (and, in split mode, than the tester's)."""
    MEMORY_CGROUP = "memory_cgroup"
    PIDS_CGROUP = "pids_cgroup"
    RLIMITS = "rlimits"
    """CPU, open files, file size, core; processes and memory too where no cgroup counts them."""
    WALL_LIMIT = "wall_limit"
    """The deadline kept by the host: off, it is sixty times as long."""
    OUTPUT_LIMIT = "output_limit"
    """Ending a run by the bytes that were drained: off, all is drained, and only the first part kept."""
    PACKAGES_COVERED = "packages_covered"
    """Showing a run no other set of prepared packages than its own."""
    PACKAGES_HIDDEN = "packages_hidden"
    """Taking them away after the run that asked for them."""
    PRIVATE_TMP = "private_tmp"
    """An emptied /tmp for every run, of limited size: off, files stay for the next run."""
    CLEAN_UP = "clean_up"
    """Killing whatever is left of a run before its result is given."""
    NONCE = "nonce"
    """Secrets on the private channel: off, any well-formed report is believed."""
    DESCRIPTORS = "descriptors"
    """Closing what a child inherits from the zygote."""
    CAPABILITIES = "capabilities"
    """Emptying a child's capability sets."""
    CHILD_FILTER = "child_filter"
    """The second filter, which takes from a child what only the zygote needs."""
    RLIMIT_FILES = "rlimit_files"
    RLIMIT_FILE_SIZE = "rlimit_file_size"
    RLIMIT_CORE = "rlimit_core"
    RLIMIT_LOCKED = "rlimit_locked"
    RLIMIT_PROCESSES = "rlimit_processes"
    """Where no cgroup counts them; so is the next."""
    RLIMIT_DATA = "rlimit_data"
    MOUNT_READONLY = "mount_readonly"
    """Flags of what is shown of the host."""
    MOUNT_NOSUID = "mount_nosuid"
    MOUNT_NODEV = "mount_nodev"
    NO_NEW_PRIVS = "no_new_privs"
    """Off, the second filter cannot be loaded either."""
    PDEATHSIG = "pdeathsig"
    """The zygote's end together with its keeper's."""
    PID_NS = "pid_ns"
    """Off, the zygote is no process 1, and its clean-up reaches all that its uids may signal (root only)."""
    IPC_NS = "ipc_ns"
    UTS_NS = "uts_ns"
    """Off, the host's name is seen."""
    CGROUP_NS = "cgroup_ns"
    """Off, what can read a /proc sees where the zygote's groups lie."""
    USER_NS = "user_ns"
    """Off, a zygote that root started stays root on the host; without root there is none without it."""
    ROOT_READONLY = "root_readonly"
    ROOT_MODE = "root_mode"
    """The own tree's root belongs to nobody inside: off, all may write what is not read-only."""
    ROOT_NOSUID = "root_nosuid"
    ROOT_NODEV = "root_nodev"
    DUMPABLE = "dumpable"
    BOUNDING_SET = "bounding_set"
    OOM_ORDER = "oom_order"
    """Naming the candidate to the kernel as what to kill when memory is used up."""
    ENVIRONMENT = "environment"
    """Clearing what the zygote was started with."""
    SPLIT_NONCE = "split_nonce"
    """Believing an answer only to the call that was made last."""
    TMP_NOSUID = "tmp_nosuid"
    TMP_NODEV = "tmp_nodev"
    TMP_SIZE = "tmp_size"
    TMP_INODES = "tmp_inodes"
    FILTER_NAMESPACES = "filter_namespaces"
    """One group of the allowlist's refusals each, see `qlayer.sandbox.zygote.weaken` (x86_64 only)."""
    FILTER_SOCKETS = "filter_sockets"
    FILTER_INSPECTION = "filter_inspection"
    FILTER_KEYS = "filter_keys"
    FILTER_IPC = "filter_ipc"
    FILTER_ANONYMOUS_FILES = "filter_anonymous_files"
    FILTER_ASYNCHRONOUS = "filter_asynchronous"
    FILTER_SCHEDULING = "filter_scheduling"
    FILTER_MEMORY = "filter_memory"
    FILTER_TERMINAL = "filter_terminal"
    FILTER_OTHERS = "filter_others"
    FILTER_PRCTL = "filter_prctl"
    FILTER_PERSONALITY = "filter_personality"
    FILTER_WATCHING = "filter_watching"
    FILTER_ARCHITECTURE = "filter_architecture"
    FILTER_DEFAULT = "filter_default"
    """The refusal of every call that nothing names."""


class WarmConfig(Frozen):
    """The warm-fork backend."""

    backend: Literal["warm"] = "warm"
    minimum_tier: Tier = Tier.USERNS
    """Refuse to start below this. `none` must be asked for by name and is meant for tests only."""
    workers: int = Field(default=2, ge=1, le=256)
    """Zygotes, each running one job at a time."""
    idle_s: float | None = Field(default=300.0, gt=0)
    """Zygotes above the first end after so long without work; None: they wait for ever."""
    helper: bool = True
    """Serve plain runs with compiled code, where a C compiler is at hand; else everything in Python."""
    environments: Path | None = None
    """The folder of prepared packages (`qlayer.sandbox.environments`); None: no job may name any."""
    artefacts: Path | None = None
    """The folder in which compiled programs are kept; None: one that is removed with the sandbox."""
    artefacts_bytes: int = Field(default=512 * 1024 * 1024, ge=0)
    """How much of them is kept."""


class DockerConfig(Frozen):
    """Containers of a docker daemon on this host."""

    backend: Literal["docker"] = "docker"
    host: str | None = None
    """The daemon's address, for example ``unix:///run/docker.sock``. None: as docker's own tools find it."""
    workers: int = Field(default=2, ge=1, le=256)
    """Containers that run a job at the same time."""


class GvisorConfig(Frozen):
    """gVisor sandboxes, each with a kernel of its own in user space."""

    backend: Literal["gvisor"] = "gvisor"
    runsc: str = "runsc"
    """The command."""
    platform: str = "ptrace"
    """How gVisor catches system calls: ``ptrace`` works everywhere; ``kvm`` and ``systrap`` are faster."""
    workers: int = Field(default=2, ge=1, le=256)
    """Sandboxes that run a job at the same time."""


class KubernetesConfig(Frozen):
    """Pods of a cluster. The shape is reserved; there is no backend yet, and asking for it is refused."""

    backend: Literal["kubernetes"] = "kubernetes"
    namespace: str = "qlayer-sandbox"
    image: str = ""
    """By digest."""
    runtime_class: str = "gvisor"
    """The RuntimeClass of the pods: the cluster's name for the isolation."""
    service_account: str = "default"
    workers: int = Field(default=2, ge=1, le=256)
    """Pods that run a job at the same time."""


class FakeConfig(Frozen):
    """The fake, for unit tests of other parts."""

    backend: Literal["fake"] = "fake"


SandboxConfig = Annotated[
    WarmConfig | DockerConfig | GvisorConfig | KubernetesConfig | FakeConfig, Field(discriminator="backend")
]
