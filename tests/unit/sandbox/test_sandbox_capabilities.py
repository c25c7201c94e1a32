"""From capabilities to a tier, and the refusal of one that is missing."""

from __future__ import annotations

import pickle

import pytest

from qlayer.errors import TierUnavailable
from qlayer.sandbox import capabilities
from qlayer.sandbox.base import Capability
from qlayer.sandbox.config import Control
from qlayer.types.verdict import Tier

ALL = ("user_ns", "pid_ns", "net_ns", "mount_ns", "seccomp", "second_uid", "memory_cgroup", "pids_cgroup")


def host(*missing: str) -> list[Capability]:
    return [Capability(name=name, available=name not in missing, detail=f"{name} detail") for name in ALL]


@pytest.mark.parametrize(
    ("missing", "tier"),
    [
        ((), Tier.FULL),
        (("second_uid",), Tier.USERNS),
        (("memory_cgroup", "pids_cgroup", "second_uid"), Tier.USERNS),
        (("user_ns",), Tier.SECCOMP),
        (("net_ns", "mount_ns"), Tier.SECCOMP),
        (("seccomp",), Tier.NONE),
    ],
)
def test_the_tier_is_what_the_capabilities_amount_to(missing: tuple[str, ...], tier: Tier) -> None:
    assert capabilities.tier(host(*missing)) is tier


@pytest.mark.parametrize(
    ("control", "tier"),
    [
        (Control.SECCOMP, Tier.NONE),
        (Control.NET_NS, Tier.SECCOMP),
        (Control.MEMORY_CGROUP, Tier.USERNS),
        (Control.SECOND_UID, Tier.USERNS),
        (Control.NONCE, Tier.FULL),
    ],
)
def test_a_disabled_control_lowers_the_tier_in_the_evidence(control: Control, tier: Tier) -> None:
    assert capabilities.tier(host(), {control}) is tier


def test_a_missing_tier_is_refused_with_every_reason() -> None:
    with pytest.raises(TierUnavailable) as caught:
        capabilities.require(Tier.FULL, host("second_uid", "pids_cgroup"))
    for word in ("full", "second_uid detail", "pids_cgroup detail"):
        assert word in caught.value.message
    assert "memory_cgroup" not in caught.value.message
    assert not caught.value.retryable
    assert pickle.loads(pickle.dumps(caught.value)).message == caught.value.message


def test_a_weaker_tier_is_enough_where_it_was_asked_for() -> None:
    capabilities.require(Tier.USERNS, host("second_uid", "pids_cgroup"))


def test_other_systems_have_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capabilities.sys, "platform", "darwin")
    found = capabilities.probe()
    assert found.controllers == ()
    with pytest.raises(TierUnavailable, match="needs Linux"):
        capabilities.require(Tier.USERNS, found.capabilities)
