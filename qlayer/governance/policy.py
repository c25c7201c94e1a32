"""Release policies in Rego, decided in this process (rego-cpp through regopy).

A folder holds rules (``*.rego``), data (``*.yaml``) and cases (``*_test.yaml``). Rules live in package
``qlayer.release``: ``allow`` must be true *and* ``deny`` must be empty, else it is denied. An undefined
result, an error, or an answer that cannot be read is a denial that says so.

Cases are data and not ``test_`` rules, because rego-cpp 1.5.2 crashes the process on ``with input as``.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from regopy import Bundle, Input, Interpreter, LogLevel, Output, RegoError

from qlayer.errors import ConfigurationError
from qlayer.types.ids import Digest, digest_of, sha256
from qlayer.types.policy import PolicyCase, PolicyCases, PolicyDecision, PolicyTest, ReleaseFacts

SHIPPED = Path(__file__).parent / "policies"
ALLOW, DENY = "qlayer/release/allow", "qlayer/release/deny"
MAX_POLICY_BYTES = 1024 * 1024
_CASES = "_test.yaml"
_UNSAFE = re.compile(r'["\\\x00-\x1f\x7f]')


class Policy:
    """The policy of one folder, compiled once. Decisions are serialised: the interpreter is not reentrant."""

    def __init__(self, folder: Path = SHIPPED) -> None:
        """Raises `ConfigurationError` naming the file that cannot be read or compiled."""
        files = _read(folder)
        self._rules = {name: text for name, text in files.items() if name.endswith(".rego")}
        documents = {name: _parsed(name, text) for name, text in files.items() if name not in self._rules}
        self._data = _merged({n: d for n, d in documents.items() if not n.endswith(_CASES)})
        self._cases = [_cases(n, d) for n, d in documents.items() if n.endswith(_CASES)]
        self.digest: Digest = digest_of({name: sha256(text.encode()) for name, text in files.items()})
        self._interpreter = self._loaded()
        self._bundle = self._compiled(self._interpreter)
        self._lock = threading.Lock()

    @property
    def environments(self) -> tuple[str, ...]:
        return tuple(sorted(self._data.get("environments", {})))

    def decide(self, facts: ReleaseFacts) -> PolicyDecision:
        """Whether these facts may be released. Never raises for what a rule does wrong: it denies."""
        with self._lock:
            self._interpreter.set_input(Input(_plain(facts.model_dump(mode="json"))))
            allow = self._answer(ALLOW)
            deny = self._answer(DENY)
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

    def _loaded(self) -> Interpreter:
        interpreter = Interpreter()
        interpreter.log_level = LogLevel.NONE
        interpreter.strict_built_in_errors = True
        for name, text in self._rules.items():
            try:
                interpreter.add_module(name, text)
            except RegoError as error:
                raise ConfigurationError(f"policy {name}: {_message(error)}") from None
        interpreter.add_data(self._data)
        return interpreter

    def _compiled(self, interpreter: Interpreter) -> Bundle:
        try:
            return interpreter.build(None, [ALLOW, DENY])
        except RegoError as error:
            raise ConfigurationError(
                f"the policy does not compile: {_message(error)}",
                hint="it must define `allow` and `deny` in package qlayer.release",
            ) from None

    def _answer(self, entrypoint: str) -> Any:
        """The value of a rule; None when it is undefined, failed, or came back unreadable."""
        try:
            return _value(self._interpreter.query_bundle_entrypoint(self._bundle, entrypoint))
        except (RegoError, ValueError):
            return None


def _reasons(allow: Any, deny: Any) -> tuple[str, ...]:
    """Why not; empty only when both rules say yes in so many words."""
    if not isinstance(deny, list):
        return ("the policy could not be decided: `deny` gave no answer",)
    denied = tuple(sorted(str(reason) for reason in deny))
    if denied or allow is True:
        return denied
    return ("the policy does not allow it and gives no reason",)


def _value(output: Output) -> Any:
    expressions = output[0].expressions if len(output) else []
    return expressions[0] if expressions else None


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


def _message(error: Exception) -> str:
    found = re.search(r"errormsg \d+:([^)]*)", str(error))
    return found[1] if found else str(error).splitlines()[0]
