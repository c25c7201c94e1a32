"""Every exception qlayer raises, in one place.

A candidate program that fails is data (`qlayer.types.verdict.Verdict`); an exception here means that a
*part* broke or that a caller asked for something impossible::

    QlayerError
    ├── InputError             the caller's input is wrong; names the field and the limit
    │   └── DependencyError    a lock names packages that cannot be had as it says
    ├── NotFoundError          a run, capsule, model or template of that name does not exist
    ├── PolicyDenied           a release policy says no; the message holds its reasons
    ├── ConflictError          the same key with other content, or two at once where one is allowed
    ├── ConfigurationError     settings or the host cannot do what was asked (says what to do next)
    ├── BudgetExceeded         tokens or seconds of a run are used up
    ├── RunCancelled           somebody asked the run to stop
    ├── LLMError               the language model's side broke
    │   ├── LLMUnavailable     not reachable or overloaded; retry helps
    │   ├── PromptTooLong      the prompt does not fit the context; retry does not help
    │   ├── AnswerMissing      a log of answers lacks this one; retry helps once it was drawn
    │   └── WeightsError       weights are missing, damaged or cannot be fetched
    │       └── SourceFailed   one source of several did not give them; the next one is tried
    ├── SandboxError           the sandbox itself broke; never the judged program's fault
    │   ├── IndexUnavailable   the package index cannot be reached; retry helps
    │   ├── SessionsFull       no more sessions at once; retry helps
    │   ├── SessionGone        the session has ended (idle, a limit, closed)
    │   └── TierUnavailable    the isolation asked for cannot be given here; refused, never weakened
    ├── Overloaded             a server takes in no more for now; retry helps
    ├── SigningError           a key cannot sign: missing, damaged, readable by others, server down
    ├── SignatureRefused       a signature that does not count; the message says why
    └── StoreError             blobs or records cannot be read or written
        ├── StoreFull          no space left; nothing was half-written
        └── CorruptBlob        stored bytes do not match their digest

Each says whether trying again can help (`retryable`) and, where it is known, what to do next (`hint`).
All survive pickling: one message plus keywords with defaults.
"""

from __future__ import annotations

from typing import Any


class QlayerError(Exception):
    """Base of all qlayer errors. `message` is one sentence for a person; `hint` says what to do next."""

    retryable: bool = False
    exit_code: int = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.message, dict(self.__dict__)))


def _rebuild(cls: type[QlayerError], message: str, state: dict[str, Any]) -> QlayerError:
    error = cls(message)
    error.__dict__.update(state)
    return error


class InputError(QlayerError):
    """The caller's input is wrong. `field` names where, `limit` the bound that was broken."""

    exit_code = 2

    def __init__(
        self, message: str, *, field: str = "input", limit: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.field = field
        self.limit = limit


class DependencyError(InputError):
    """A lock names packages that cannot be had as it says: the project's fault, never the index's.

    `field` is the lock's file and line; a judged program gets DEPENDENCY_ERROR.
    """


class NotFoundError(QlayerError):
    """No such thing. `kind` is one of run, capsule, model, template, blob, memory."""

    exit_code = 4

    def __init__(self, message: str, *, kind: str = "thing", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.kind = kind


class PolicyDenied(QlayerError):
    """A release policy does not allow it. The message holds every reason."""


class ConflictError(QlayerError):
    """The same key was used for other content, or two act at once where one may."""

    exit_code = 5


class ConfigurationError(QlayerError):
    """Settings, or the host, cannot do what was asked."""

    exit_code = 3


class BudgetExceeded(QlayerError):
    """A run's tokens or seconds are used up. `resource` is ``tokens`` or ``seconds``."""

    def __init__(self, message: str, *, resource: str = "tokens", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.resource = resource


class RunCancelled(QlayerError):
    """Somebody asked the run to stop."""

    exit_code = 130


class LLMError(QlayerError):
    """The language model's side broke; the prompt was not at fault unless a subclass says so."""

    exit_code = 6


class LLMUnavailable(LLMError):
    """The model cannot be reached or is overloaded. Trying again can help."""

    retryable = True


class PromptTooLong(LLMError):
    """The prompt does not fit the model's context."""

    def __init__(
        self, message: str, *, prompt_tokens: int = 0, context_tokens: int = 0, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.prompt_tokens = prompt_tokens
        self.context_tokens = context_tokens


class AnswerMissing(LLMError):
    """A log holds no answer to this request and no model is behind it. Trying again helps once it grew."""

    retryable = True


class WeightsError(LLMError):
    """Weights are missing, damaged or cannot be fetched."""


class SourceFailed(WeightsError):
    """One source of weights did not give a file; the next one is tried. Trying again later can help."""

    retryable = True


class SandboxError(QlayerError):
    """The sandbox itself broke. It is never the judged program's fault, so nothing is judged."""

    retryable = True
    exit_code = 7


class IndexUnavailable(SandboxError):
    """The package index cannot be reached or answers with its own failure. It says nothing about a lock."""


class TierUnavailable(SandboxError):
    """The isolation tier asked for cannot be given on this host; it is refused, never weakened."""

    retryable = False
    exit_code = 3


class SessionsFull(SandboxError):
    """As many sessions are open as this host allows. One more can be had when one has ended."""


class SessionGone(SandboxError):
    """The session has ended; the message says why. Another can be opened."""

    retryable = False


class Overloaded(QlayerError):
    """As much is waiting as this server takes in; nothing was begun. Trying again later can help."""

    retryable = True


class SigningError(QlayerError):
    """A key cannot be used for signing. No secret is in the message."""

    exit_code = 3


class SignatureRefused(QlayerError):
    """A signature does not count: wrong bytes, an unknown or a revoked key, no envelope at all."""


class StoreError(QlayerError):
    """Blobs or records cannot be read or written."""

    retryable = True
    exit_code = 8


class StoreFull(StoreError):
    """No space left. Nothing was half-written; free some space and run the same command again."""


class CorruptBlob(StoreError):
    """Stored bytes do not match their digest."""

    retryable = False
