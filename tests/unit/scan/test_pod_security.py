"""Pod Security "restricted": a workload that keeps it, and every way of not keeping it, one at a time."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml

from qlayer.scan.pod_security import breaches

KEPT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: true
        seccompProfile: {type: RuntimeDefault}
      containers:
        - name: app
          image: shop:1.0.0
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {drop: [ALL]}
          readinessProbe: {httpGet: {path: /health, port: 8000}}
          livenessProbe: {httpGet: {path: /health, port: 8000}}
          resources:
            requests: {cpu: 50m, memory: 64Mi}
            limits: {memory: 64Mi}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: shop}
spec:
  podSelector: {matchLabels: {app: shop}}
  policyTypes: [Ingress, Egress]
"""
POD = ("spec", "template", "spec")
BOX = (*POD, "containers", 0)
SAFETY = (*BOX, "securityContext")


def documents() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(KEPT))


def rules(of: list[dict[str, Any]]) -> set[str]:
    return {breach.rule for _, breach in breaches(of)}


def at(document: Any, place: tuple[str | int, ...]) -> Any:
    for name in place:
        document = document[name]
    return document


def test_the_whole_one_is_clean() -> None:
    assert rules(documents()) == set()


@pytest.mark.parametrize(
    ("place", "rule"),
    [
        ((*POD, "automountServiceAccountToken"), "workload/token"),
        ((*POD, "securityContext", "runAsNonRoot"), "restricted/run-as-non-root"),
        ((*POD, "securityContext", "seccompProfile"), "restricted/seccomp"),
        ((*SAFETY, "allowPrivilegeEscalation"), "restricted/privilege-escalation"),
        ((*SAFETY, "capabilities"), "restricted/capabilities"),
        ((*SAFETY, "readOnlyRootFilesystem"), "workload/read-only-root"),
        ((*BOX, "readinessProbe"), "workload/probes"),
        ((*BOX, "livenessProbe"), "workload/probes"),
        ((*BOX, "resources", "requests", "cpu"), "workload/resources"),
        ((*BOX, "resources", "requests", "memory"), "workload/resources"),
        ((*BOX, "resources", "limits", "memory"), "workload/resources"),
        ((*BOX, "image"), "workload/image"),
        ((*POD[:-1], "metadata"), "workload/network-policy"),
    ],
)
def test_each_field_that_is_taken_away_is_found(place: tuple[str | int, ...], rule: str) -> None:
    changed = documents()
    del at(changed[0], place[:-1])[place[-1]]
    assert rules(changed) == {rule}


@pytest.mark.parametrize(
    ("place", "value", "rule"),
    [
        ((*POD, "hostNetwork"), True, "restricted/host-namespaces"),
        ((*POD, "hostPID"), True, "restricted/host-namespaces"),
        ((*POD, "hostIPC"), True, "restricted/host-namespaces"),
        ((*POD, "volumes"), [{"name": "x", "hostPath": {"path": "/"}}], "restricted/volume-types"),
        ((*POD, "securityContext", "runAsUser"), 0, "restricted/run-as-user"),
        ((*POD, "securityContext", "sysctls"), [{"name": "kernel.msgmax"}], "restricted/sysctls"),
        ((*SAFETY, "runAsNonRoot"), False, "restricted/run-as-non-root"),
        ((*SAFETY, "seccompProfile"), {"type": "Unconfined"}, "restricted/seccomp"),
        ((*SAFETY, "appArmorProfile"), {"type": "Unconfined"}, "restricted/apparmor"),
        ((*SAFETY, "seLinuxOptions"), {"type": "spc_t"}, "restricted/selinux"),
        ((*SAFETY, "windowsOptions"), {"hostProcess": True}, "restricted/host-process"),
        ((*SAFETY, "privileged"), True, "restricted/privileged"),
        ((*SAFETY, "procMount"), "Unmasked", "restricted/proc-mount"),
        ((*SAFETY, "capabilities", "add"), ["SYS_ADMIN"], "restricted/capabilities"),
        ((*BOX, "ports"), [{"containerPort": 80, "hostPort": 80}], "restricted/host-ports"),
        ((*BOX, "lifecycle"), {"preStop": {"httpGet": {"host": "10.0.0.1"}}}, "restricted/host-probes"),
        ((*BOX, "image"), "registry:5000/shop", "workload/image"),
        ((*BOX, "image"), "shop:latest", "workload/image"),
    ],
)
def test_each_thing_that_must_not_be_said_is_found(
    place: tuple[str | int, ...], value: object, rule: str
) -> None:
    changed = documents()
    at(changed[0], place[:-1])[place[-1]] = value
    assert rules(changed) == {rule}


@pytest.mark.parametrize("group", ["initContainers", "ephemeralContainers"])
def test_the_other_containers_of_a_pod_count_too(group: str) -> None:
    changed = documents()
    at(changed[0], POD)[group] = [{"name": "x", "image": "x:1"}]
    assert {"restricted/privilege-escalation", "restricted/capabilities"} <= rules(changed)


def test_a_job_needs_no_probe_and_a_pod_of_a_cron_job_is_seen() -> None:
    deployment, policy = documents()
    template = copy.deepcopy(at(deployment, POD[:-1]))
    del template["spec"]["containers"][0]["livenessProbe"]
    job = {"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": template}}}}
    assert rules([job, policy]) == set()
    template["spec"]["hostPID"] = True
    assert rules([job, policy]) == {"restricted/host-namespaces"}


def test_a_policy_that_selects_others_protects_nothing() -> None:
    changed = documents()
    changed[1]["spec"]["podSelector"] = {"matchLabels": {"app": "another"}}
    assert rules(changed) == {"workload/network-policy"}
    changed[1]["spec"]["podSelector"] = {}
    assert rules(changed) == set()


def test_nonsense_is_no_reason_to_fall_over() -> None:
    nonsense = {
        "kind": "Pod",
        "spec": {"containers": [3, {"securityContext": "x", "ports": 4}], "volumes": "y"},
    }
    assert "restricted/privilege-escalation" in rules([nonsense])
