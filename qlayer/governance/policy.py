"""Release policies in Rego, decided in this process (rego-cpp through regopy).

A folder holds rules (``*.rego``), data (``*.yaml``) and cases (``*_test.yaml``). Rules live in package
``qlayer.release``: ``allow`` must be true *and* ``deny`` must be empty, else it is denied. An undefined
result, an error, or an answer that cannot be read is a denial that says so.

Cases are data and not ``test_`` rules, because rego-cpp 1.5.2 crashes the process on ``with input as``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from qlayer.errors import ConfigurationError
from qlayer.types.ids import Digest, digest_of, sha256
from qlayer.types.policy import PolicyCase, PolicyCases, PolicyDecision, PolicyTest, ReleaseFacts

if TYPE_CHECKING:
    from qlayer.governance.rego import Rego

SHIPPED = Path(__file__).parent / "policies"
ALLOW, DENY = "qlayer/release/allow", "qlayer/release/deny"
MAX_POLICY_BYTES = 1024 * 1024
_CASES = "_test.yaml"
_UNSAFE = re.compile(r'["\\\x00-\x1f\x7f]')


class Policy:
    """The policy of one folder: read now, compiled when it is first asked."""

    def __init__(self, folder: Path = SHIPPED) -> None:
        """Raises `ConfigurationError` naming the file that cannot be read."""
        files = _read(folder)
        self._rules = {name: text for name, text in files.items() if name.endswith(".rego")}
        documents = {name: _parsed(name, text) for name, text in files.items() if name not in self._rules}
        self._data = _merged({n: d for n, d in documents.items() if not n.endswith(_CASES)})
        self._cases = [_cases(n, d) for n, d in documents.items() if n.endswith(_CASES)]
        self.digest: Digest = digest_of({name: sha256(text.encode()) for name, text in files.items()})

    @property
    def environments(self) -> tuple[str, ...]:
        return tuple(sorted(self._data.get("environments", {})))

    @cached_property
    def _rego(self) -> Rego:
        from qlayer.governance.rego import Rego  # not before it is asked: its docstring says why

        return Rego(self._rules, self._data, (ALLOW, DENY))

    def compile(self) -> None:
        """Find out whether the rules compile. Raises `ConfigurationError` naming the file that does not."""
        _ = self._rego

    def decide(self, facts: ReleaseFacts) -> PolicyDecision:
        """Whether these facts may be released. A rule that goes wrong denies.

        Raises `ConfigurationError` for rules that do not compile.
        """
        allow, deny = self._rego.ask(_plain(facts.model_dump(mode="json")))
        reasons = _reasons(allow, deny)
        return PolicyDecision(
            environment=facts.environment,
            capsule=facts.capsule,
            allow=not reasons,
            reasons=reasons,
            policy=self.digest,
        )

    def test(self) -> tuple[PolicyTest, ...]:
        """Decide every case of the folder's ``*_test.yaml``."""
        return tuple(self._tested(case) for cases in self._cases for case in cases.all())

    def _tested(self, case: PolicyCase) -> PolicyTest:
        decision = self.decide(case.facts)
        told = not case.reason or any(case.reason in reason for reason in decision.reasons)
        said = "allowed" if decision.allow else "; ".join(decision.reasons)
        passed = decision.allow is case.allow and told
        return PolicyTest(name=case.name, passed=passed, problem="" if passed else said)


def _reasons(allow: Any, deny: Any) -> tuple[str, ...]:
    """Why not; empty only when both rules say yes in so many words."""
    if not isinstance(deny, list):
        return ("the policy could not be decided: `deny` gave no answer",)
    denied = tuple(sorted(str(reason) for reason in deny))
    if denied or allow is True:
        return denied
    return ("the policy does not allow it and gives no reason",)


def _plain(value: Any) -> Any:
    """Without the characters that rego-cpp 1.5 does not escape in its answers."""
    if isinstance(value, str):
        return _UNSAFE.sub("?", value)
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _read(folder: Path) -> dict[str, str]:
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix in (".rego", ".yaml", ".yml"))
        large = next((path for path in paths if path.stat().st_size > MAX_POLICY_BYTES), None)
        files = {path.name: path.read_text() for path in paths if large is None}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the policies in {folder} cannot be read: {error}") from None
    if large is not None:
        raise ConfigurationError(f"policy {large.name} has more than {MAX_POLICY_BYTES} bytes")
    if not any(name.endswith(".rego") for name in files):
        raise ConfigurationError(f"there is no policy in {folder}", hint="a policy is a file NAME.rego")
    return files


def _parsed(name: str, text: str) -> dict[str, Any]:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"policy data {name} is no YAML: {error}") from None
    if not isinstance(document, dict):
        raise ConfigurationError(f"policy data {name} must be a mapping")
    return document


def _merged(documents: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for name, document in documents.items():
        twice = data.keys() & document.keys()
        if twice:
            raise ConfigurationError(f"policy data {name} gives {', '.join(sorted(twice))} again")
        data.update(document)
    return data


def _cases(name: str, document: dict[str, Any]) -> PolicyCases:
    try:
        cases = PolicyCases.model_validate(document)
        cases.all()
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigurationError(f"policy cases {name}: {where}: {first['msg']}") from None
    return cases
