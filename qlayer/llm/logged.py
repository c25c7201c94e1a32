"""A model that answers from a log: generation is paid for once, and what uses it can be run again and again.

An answer is logged under the digest of what decides it: model, messages and sampling. What is not in the log
is asked of the model behind, and logged when it was said to the end; without a model behind, a miss is an
error that says so. Where the log is kept is the caller's business.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing

from qlayer.errors import AnswerMissing
from qlayer.llm.base import LLM, ChatChunk, ChatRequest, FinishReason, ServedModel
from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest, digest_of
from qlayer.types.usage import TokenUsage

PIECE_CHARACTERS = 16
"""A logged answer comes in pieces of this length, a few tokens each, so that a reader can stop early."""


def request_key(request: ChatRequest) -> Digest:
    """Of what decides the answer's text; a schema counts only where there is one."""
    parts = [request.model, [message.model_dump() for message in request.messages], request.sampling]
    return digest_of(parts if request.response_schema is None else [*parts, request.response_schema])


class LoggedAnswer(Frozen):
    """What a model said to one request."""

    key: Digest
    """`request_key` of the request."""
    text: str
    finish_reason: FinishReason
    usage: TokenUsage
    seconds: float
    """That the model took."""


class LoggedLLM:
    """The log before the model behind it; `keep` is told every new whole answer before its last chunk is.

    Logprobs are not logged: a request for them goes to the model behind. Raises, beside what the model behind
    raises, `AnswerMissing` for an answer that is not logged when there is no model behind.
    """

    def __init__(
        self,
        answers: Iterable[LoggedAnswer],
        behind: LLM | None,
        *,
        keep: Callable[[LoggedAnswer], None] = lambda _: None,
        served: tuple[ServedModel, ...] = (),
    ) -> None:
        self._answers = {answer.key: answer for answer in answers}
        self._behind = behind
        self._keep = keep
        self._served = served
        self.replayed = 0
        """Requests that the log answered."""
        self.missed = 0
        """Requests that it did not."""

    async def models(self) -> tuple[ServedModel, ...]:
        """Of the model behind; without one, what was said to be served."""
        return self._served if self._behind is None else await self._behind.models()

    async def aclose(self) -> None:
        if self._behind is not None:
            await self._behind.aclose()

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        key = request_key(request)
        logged = None if request.logprobs else self._answers.get(key)
        if logged is not None:
            self.replayed += 1
            for at in range(0, len(logged.text), PIECE_CHARACTERS):
                yield ChatChunk(text=logged.text[at : at + PIECE_CHARACTERS])
            yield ChatChunk(finish_reason=logged.finish_reason, usage=logged.usage)
            return
        self.missed += 1
        if self._behind is None:
            raise AnswerMissing(
                f"the log holds no answer to this request ({key})",
                hint="draw it first, or let the model behind the log answer what is missing",
            )
        async with aclosing(self._asked(self._behind, key, request)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _asked(self, behind: LLM, key: Digest, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        began, pieces = time.monotonic(), list[str]()
        async with aclosing(behind.stream(request)) as chunks:
            async for chunk in chunks:
                pieces.append(chunk.text)
                if chunk.finish_reason in ("stop", "length") and key not in self._answers:
                    answer = LoggedAnswer(
                        key=key,
                        text="".join(pieces),
                        finish_reason=chunk.finish_reason,
                        usage=chunk.usage or TokenUsage(),
                        seconds=time.monotonic() - began,
                    )
                    self._keep(answer)
                    self._answers[key] = answer
                yield chunk
