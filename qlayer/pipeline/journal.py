"""Steps that are done once: the recorded result is taken instead of doing a step again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from qlayer.errors import StoreError
from qlayer.store.base import Records
from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest, RunId, digest_of
from qlayer.types.run import EventBody, RunRecord

Body = TypeVar("Body", bound=Frozen)


class Journal:
    """The record of one run, seen as a memory of finished steps."""

    def __init__(self, records: Records, run_id: RunId) -> None:
        self._records = records
        self.run_id = run_id

    async def step(
        self, name: str, inputs: Any, kind: type[Body], make: Callable[[], Awaitable[Body]]
    ) -> Body:
        """The result of this step, from the record if it was done before, else by `make`.

        The step's key digests its name and inputs (JSON values or models), so changed inputs are a new step.
        """
        key = step_key(name, inputs)
        done = await self._records.step(self.run_id, key)
        if done is None:
            body = await make()
            done = await self._records.append(self.run_id, _as_body(body), step=key)
        if not isinstance(done.body, kind):
            raise StoreError(
                f"{self.run_id}: step {name} is recorded as {done.body.kind}, not as {kind.__name__}"
            )
        return done.body

    async def record(self) -> RunRecord:
        return await self._records.run(self.run_id)


def step_key(name: str, inputs: Any) -> Digest:
    return digest_of([name, inputs])


def _as_body(body: Frozen) -> EventBody:
    return body  # type: ignore[return-value]  # the bound is wider than the union; append validates
