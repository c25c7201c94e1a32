"""Release policies: every shipped rule allows and denies, and whatever goes wrong is a denial."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from qlayer.errors import ConfigurationError
from qlayer.governance.policy import SHIPPED, Policy
from qlayer.types.check import Level
from qlayer.types.ids import CapsuleId, ModelId
from qlayer.types.policy import ReleaseFacts, SignedBy
from qlayer.types.signature import KeyId, KeyState

FACTS = ReleaseFacts(
    environment="production",
    capsule=CapsuleId("sha256:" + "0" * 64),
    template="service",
    model=ModelId("m"),
    model_licence="Apache-2.0",
    level=Level.V3,
    allowed=True,
    age_days=1,
    signers=(SignedBy(key=KeyId("00"), name="release", state=KeyState.ACTIVE),),
    scanned=True,
    licences=("MIT",),
)

ENVIRONMENTS = yaml.safe_load((SHIPPED / "environments.yaml").read_text())["environments"]
SETTINGS = tuple(ENVIRONMENTS["production"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped policies, to be changed."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "policies"))


def reasons(policy: Policy, **changed: object) -> tuple[str, ...]:
    decision = policy.decide(FACTS.model_copy(update=changed))
    assert decision.allow is not bool(decision.reasons)
    return decision.reasons


def test_every_shipped_case_is_decided_as_it_says() -> None:
    found = Policy().test()
    assert len(found) >= 15
    assert [one for one in found if not one.passed] == []


def test_a_case_that_is_decided_otherwise_fails(folder: Path) -> None:
    cases = (folder / "release_test.yaml").read_text()
    (folder / "release_test.yaml").write_text(cases.replace("asks for V3}", "asks for V5}"))
    (failed,) = (one for one in Policy(folder).test() if not one.passed)
    assert failed.name == "a low level is denied" and "asks for V3" in failed.problem


def test_all_reasons_are_told_at_once() -> None:
    told = reasons(Policy(), level=Level.V1, scanned=False, signers=(), age_days=400)
    assert len(told) == 4
    assert any("qlayer capsule sign" in reason for reason in told)


def test_named_signers_are_asked_for(folder: Path) -> None:
    data = yaml.safe_load((folder / "environments.yaml").read_text())
    data["environments"]["production"]["signers"] = ["release", "auditor"]
    (folder / "environments.yaml").write_text(yaml.safe_dump(data))
    assert reasons(Policy(folder)) == ("production asks for the signature of auditor",)


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_that_is_left_out_denies(folder: Path, setting: str) -> None:
    data = yaml.safe_load((folder / "environments.yaml").read_text())
    del data["environments"]["production"][setting]
    (folder / "environments.yaml").write_text(yaml.safe_dump(data))
    assert any(f"leaves out {setting}" in reason for reason in reasons(Policy(folder)))


@pytest.mark.parametrize(
    "rules",
    [
        "allow := true",
        "deny contains 1 if false\n\ndefault allow := false",
        "deny contains 1 if false\n\nallow := 1",
        'deny contains 1 if false\n\nallow := "true"',
        "deny contains 1 if false\n\nallow if input.absent.field",
        "deny := null\n\nallow := true",
        'deny contains "no" if true\n\nallow := true',
    ],
)
def test_rules_that_do_not_decide_deny(tmp_path: Path, rules: str) -> None:
    (tmp_path / "own.rego").write_text(f"package qlayer.release\n\nimport rego.v1\n\n{rules}\n")
    try:
        policy = Policy(tmp_path)
    except ConfigurationError:
        return  # refused before anything is decided
    assert reasons(policy)


def test_own_rules_that_decide_allow(tmp_path: Path) -> None:
    rules = "package qlayer.release\n\nimport rego.v1\n\nallow := true\n\ndeny contains 1 if false\n"
    (tmp_path / "own.rego").write_text(rules)
    assert reasons(Policy(tmp_path)) == ()


@pytest.mark.parametrize("text", ['a"b', "a\\b", "a\nb", 'moon"]}]}', "\x00"])
def test_no_text_gets_out_of_its_quotes(text: str) -> None:
    policy = Policy()
    assert len(reasons(policy, environment=text)) == 1
    assert reasons(policy, licences=(text,)) == ()
    assert reasons(policy) == ()


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("broken.rego", "package", "policy broken.rego"),
        ("broken.yaml", "a: [", "is no YAML"),
        ("more.yaml", "environments: {}", "gives environments again"),
        ("list.yaml", "- 1", "must be a mapping"),
        ("more_test.yaml", "base: {}\ncases: [{name: x, facts: {}, allow: true}]", "policy cases"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(folder: Path, name: str, text: str, told: str) -> None:
    (folder / name).write_text(text)
    with pytest.raises(ConfigurationError, match=told):
        Policy(folder).compile()


def test_a_folder_without_policies_is_no_policy(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(ConfigurationError):
            Policy(folder)


def test_the_digest_follows_every_file(folder: Path) -> None:
    before = Policy(folder).digest
    assert before == Policy().digest
    (folder / "environments.yaml").write_text((folder / "environments.yaml").read_text() + "# changed\n")
    assert Policy(folder).digest != before


def test_rego_is_not_loaded_before_a_rule_is_asked() -> None:
    """Loaded before Ray's core it makes Ray corrupt the heap; see `qlayer.governance.rego`."""
    program = "import sys, qlayer.app.build; qlayer.app.build.Policy(); assert 'regopy' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
