"""The Pod Security Standard "restricted" as a function over manifests, and what else we ask of a workload.

Rules named ``restricted/...`` are those of the standard, the baseline ones among them (kubernetes.io, Pod
Security Standards, v1.37). Rules named ``workload/...`` are ours: limits, probes, no token, a read-only root.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from qlayer.types.finding import Severity

RULES = 1
"""Raised when a rule changes, so that no kept answer of the old ones is taken for one of the new."""

Document = Mapping[str, Any]


class Breach(NamedTuple):
    """A rule that a document does not keep."""

    rule: str
    severity: Severity
    message: str
    hint: str


_POD_OF = {
    "Pod": ("spec",),
    "Deployment": ("spec", "template", "spec"),
    "StatefulSet": ("spec", "template", "spec"),
    "DaemonSet": ("spec", "template", "spec"),
    "ReplicaSet": ("spec", "template", "spec"),
    "ReplicationController": ("spec", "template", "spec"),
    "Job": ("spec", "template", "spec"),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
}
_ENDS = ("Job", "CronJob")
"""They run to an end, so nothing asks whether they are alive."""
_VOLUMES = frozenset(
    (
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    )
)
_SYSCTLS = frozenset(
    (
        *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start"),
        *("net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports"),
        *("net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl"),
        *("net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"),
    )
)
_SELINUX_TYPES = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
_SECCOMP = ("RuntimeDefault", "Localhost")


def breaches(documents: Iterable[Document]) -> list[tuple[Document, Breach]]:
    """Every rule that a document of one release does not keep, with the document. Pure."""
    listed = list(documents)
    found = [(document, breach) for document in listed for breach in _of_pod(document)]
    selectors = [_selector(one) for one in listed if one.get("kind") == "NetworkPolicy"]
    for document in listed:
        labels = _labels(document)
        if labels is not None and not any(_selects(selector, labels) for selector in selectors):
            found.append((document, _NO_POLICY))
    return found


_NO_POLICY = Breach(
    "workload/network-policy",
    Severity.MEDIUM,
    "no NetworkPolicy selects its pods, so everything may reach them and they may reach everything",
    "add a NetworkPolicy that denies by default and names what is needed",
)


def _of_pod(document: Document) -> Iterator[Breach]:
    pod = _pod(document)
    if pod is None:
        return
    yield from _host(pod)
    yield from _volumes(pod)
    inherited = _map(pod, "securityContext")
    yield from _settings(inherited, "the pod")
    if pod.get("automountServiceAccountToken") is not False:
        yield _ours(
            "token", "its pods get a token for the Kubernetes API", "automountServiceAccountToken: false"
        )
    for group in ("initContainers", "containers", "ephemeralContainers"):
        for container in _maps(pod, group):
            lives = group == "containers" and document.get("kind") not in _ENDS
            yield from _container(container, inherited, lives=lives)


def _host(pod: Document) -> Iterator[Breach]:
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(name):
            yield _broken("host-namespaces", f"it shares the node's own ({name})", f"leave {name} out")


def _volumes(pod: Document) -> Iterator[Breach]:
    for volume in _maps(pod, "volumes"):
        for kind in sorted(map(str, volume.keys() - {"name"} - _VOLUMES)):
            yield _broken(
                "volume-types", f"volume {volume.get('name')} is a {kind}", "use an emptyDir or a claim"
            )


def _settings(context: Document, who: str) -> Iterator[Breach]:
    """What must not be said, of the pod or of one container."""
    if context.get("runAsUser") == 0:
        yield _broken("run-as-user", f"{who} runs as root", "runAsUser: 65532")
    if _map(context, "windowsOptions").get("hostProcess"):
        yield _broken("host-process", f"{who} is a process of the node", "leave hostProcess out")
    options = _map(context, "seLinuxOptions")
    if options.get("type", "") not in _SELINUX_TYPES or options.get("user") or options.get("role"):
        yield _broken("selinux", f"{who} chooses its SELinux user, role or type", "leave seLinuxOptions out")
    if _map(context, "appArmorProfile").get("type") == "Unconfined":
        yield _broken("apparmor", f"{who} switches AppArmor off", "leave appArmorProfile out")
    for sysctl in _maps(context, "sysctls"):
        if str(sysctl.get("name")) not in _SYSCTLS:
            yield _broken("sysctls", f"{who} sets {sysctl.get('name')}", "leave the sysctl out")


def _container(container: Document, pod: Document, *, lives: bool) -> Iterator[Breach]:
    name = f"container {container.get('name')}"
    context = _map(container, "securityContext")
    yield from _settings(context, name)
    yield from _privileges(context, name)
    if context.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True:
        yield _broken("run-as-non-root", f"{name} may run as root", "runAsNonRoot: true")
    seccomp = _map(context, "seccompProfile") or _map(pod, "seccompProfile")
    if seccomp.get("type") not in _SECCOMP:
        yield _broken("seccomp", f"{name} has no seccomp profile", "seccompProfile: {type: RuntimeDefault}")
    for port in _maps(container, "ports"):
        if port.get("hostPort"):
            yield _broken("host-ports", f"{name} takes a port of the node", "leave hostPort out")
    yield from _hosts_asked(container, name)
    yield from _asked_by_us(container, context, name, lives=lives)


def _privileges(context: Document, name: str) -> Iterator[Breach]:
    if context.get("privileged"):
        yield _broken("privileged", f"{name} is privileged", "leave privileged out")
    if context.get("allowPrivilegeEscalation") is not False:
        yield _broken(
            "privilege-escalation", f"{name} may gain privileges", "allowPrivilegeEscalation: false"
        )
    if context.get("procMount", "Default") != "Default":
        yield _broken("proc-mount", f"{name} sees more of /proc than it should", "leave procMount out")
    capabilities = _map(context, "capabilities")
    if "ALL" not in _list(capabilities, "drop"):
        yield _broken("capabilities", f"{name} keeps capabilities", "capabilities: {drop: [ALL]}")
    for added in _list(capabilities, "add"):
        if added != "NET_BIND_SERVICE":
            yield _broken("capabilities", f"{name} asks for {added}", "leave it out")


def _hosts_asked(container: Document, name: str) -> Iterator[Breach]:
    """A probe or hook that names a host makes the node itself ask it (baseline since v1.34)."""
    probes = [_map(container, probe) for probe in ("livenessProbe", "readinessProbe", "startupProbe")]
    hooks = [_map(_map(container, "lifecycle"), hook) for hook in ("postStart", "preStop")]
    for handler in (*probes, *hooks):
        if _map(handler, "httpGet").get("host") or _map(handler, "tcpSocket").get("host"):
            yield _broken("host-probes", f"a probe or hook of {name} names a host", "leave host out")


def _asked_by_us(container: Document, context: Document, name: str, *, lives: bool) -> Iterator[Breach]:
    if context.get("readOnlyRootFilesystem") is not True:
        yield _ours("read-only-root", f"{name} can write to its own files", "readOnlyRootFilesystem: true")
    resources = _map(container, "resources")
    for part, amount in (("requests", "cpu"), ("requests", "memory"), ("limits", "memory")):
        if amount not in _map(resources, part):
            yield _ours("resources", f"{name} has no {part} of {amount}", f"resources.{part}.{amount}")
    if lives:
        for probe in ("readinessProbe", "livenessProbe"):
            if not container.get(probe):
                yield _ours("probes", f"nothing asks {name} how it is ({probe})", f"add a {probe}")
    reference = str(container.get("image", ""))
    last = reference.rpartition("/")[2]
    if "@" not in last and (":" not in last or last.endswith(":latest")):
        yield _ours(
            "image", f"{name} runs whatever {reference or 'no image'} is today", "name a tag or a digest"
        )


def _broken(rule: str, message: str, hint: str) -> Breach:
    return Breach(f"restricted/{rule}", Severity.HIGH, message, hint)


def _ours(rule: str, message: str, hint: str) -> Breach:
    return Breach(f"workload/{rule}", Severity.MEDIUM, message, hint)


def _pod(document: Document) -> Document | None:
    """The pod that a workload makes; None: the document makes none."""
    place = _POD_OF.get(str(document.get("kind")))
    return None if place is None else _at(document, place)


def _labels(document: Document) -> Document | None:
    place = _POD_OF.get(str(document.get("kind")))
    return None if place is None else _at(document, (*place[:-1], "metadata", "labels"))


def _selector(policy: Document) -> Document:
    return _at(policy, ("spec", "podSelector"))


def _selects(selector: Document, labels: Document) -> bool:
    """An expression is taken as not matching: what is not understood protects nobody."""
    wanted = _map(selector, "matchLabels")
    return not selector.get("matchExpressions") and all(labels.get(key) == wanted[key] for key in wanted)


def _at(document: Document, place: Sequence[str]) -> Document:
    for name in place:
        document = _map(document, name)
    return document


def _map(document: Document, name: str) -> Document:
    found = document.get(name)
    return found if isinstance(found, Mapping) else {}


def _list(document: Document, name: str) -> Sequence[Any]:
    found = document.get(name)
    return found if isinstance(found, list) else ()


def _maps(document: Document, name: str) -> Sequence[Document]:
    """What is not a mapping is the schema's to complain of."""
    return [one for one in _list(document, name) if isinstance(one, Mapping)]
