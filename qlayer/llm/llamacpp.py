"""llama.cpp inside this process, through the `xllamacpp` wheel.

Each generation has a thread that sits in llama.cpp and hands its pieces to the event loop. Batching over
slots, the prefix cache and the sampling are llama.cpp's own. Choosing and fetching weights is left to
`catalogue` and `weights`.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from pydantic import Field

from qlayer.errors import (
    ConfigurationError,
    InputError,
    LLMUnavailable,
    NotFoundError,
    WeightsError,
)
from qlayer.llm.base import ChatChunk, ChatRequest, ServedModel
from qlayer.llm.catalogue import CatalogueEntry
from qlayer.llm.llamacpp_generation import Generation
from qlayer.llm.slots import Occupancy, Slots
from qlayer.llm.wire import Assembler, request_body
from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest, ModelId

MiB = 1024 * 1024

PREFILL_BATCH = 256
"""Prompt tokens computed between two looks at the cancel flag: 3 s on one core for 0.5 B parameters. Smaller
than llama.cpp's 2048 without loss on a CPU (79 against 78 prompt tokens a CPU second)."""


class LlamaCppConfig(Frozen):
    """What to load and how much of the machine it may have. Light and picklable; the engine is neither."""

    model: ModelId
    weights: Path
    """A GGUF file."""
    digest: Digest | None = None
    """SHA-256 of the file, when it was verified."""
    context_tokens: int = Field(default=4096, ge=256)
    """Per slot, prompt and answer together; rounded up to a multiple of 256."""
    slots: int = Field(default=2, ge=1, le=64)
    threads: int = Field(default=1, ge=1)
    """As many as CPUs are granted: two threads on one granted CPU are slower than one."""
    max_queued: int = Field(default=256, ge=0)
    """Requests that may wait for a slot; one more is refused as overload."""
    prefix_cache_bytes: int = Field(default=512 * MiB, ge=0)
    """Memory for prompts that left their slot but may come back."""

    @property
    def usable_context_tokens(self) -> int:
        return -(-self.context_tokens // 256) * 256

    @classmethod
    def for_entry(
        cls,
        entry: CatalogueEntry,
        weights: Path,
        *,
        digest: Digest | None = None,
        slots: int,
        threads: int,
        max_queued: int = 256,
    ) -> LlamaCppConfig:
        """As the catalogue says, on `threads` CPUs. Raises `ConfigurationError` without llama.cpp options."""
        options = entry.llamacpp
        if options is None:
            raise ConfigurationError(
                f"the catalogue has no llama.cpp options for {entry.id}",
                hint="serve it with vLLM, or add `llamacpp:` to its entry",
            )
        return cls(
            model=entry.id,
            weights=weights,
            digest=digest,
            context_tokens=options.slot_tokens,
            slots=slots,
            threads=options.threads or threads,
            max_queued=max_queued,
        )


class LlamaCpp:
    """An `LLM` over one GGUF file. Belongs to one event loop; loads on first use or in `load`.

    Loading holds the interpreter lock inside `xllamacpp` (0.5 s for 0.5 B parameters from a warm page cache):
    call `load` before serving others from the same process. Closing a stream stops its generation at the next
    token, or at the next `PREFILL_BATCH` of its prompt; its slot is free from then on. A reader that does not
    keep up never holds a slot: what waits for it is bounded by the context. The same seed gives the same text
    on the same build with the same slots at work; llama.cpp promises no more.
    """

    def __init__(self, config: LlamaCppConfig) -> None:
        self._config = config
        self._slots = Slots(config.slots, config.max_queued)
        self._loading = asyncio.Lock()
        self._server: Any = None
        self._running: set[Generation] = set()
        self._closed = False

    @property
    def occupancy(self) -> Occupancy:
        return self._slots.occupancy

    async def load(self) -> None:
        """Load the weights. Raises `WeightsError`, or `ConfigurationError` without the `local` extra."""
        async with self._loading:
            if self._closed:
                raise LLMUnavailable("the model was closed")
            if self._server is None:
                self._server = await asyncio.to_thread(open_server, self._config)

    async def models(self) -> tuple[ServedModel, ...]:
        config = self._config
        return (
            ServedModel(id=config.model, context_tokens=config.usable_context_tokens, digest=config.digest),
        )

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        if request.model != self._config.model:
            raise NotFoundError(f"model {request.model!r} is not served here", kind="model")
        if "" in request.sampling.stop:
            raise InputError("a stop string is empty", field="stop", limit="at least 1 character")
        if self._server is None:
            await self.load()
        await self._slots.acquire()
        if self._closed:
            self._slots.release()
            raise LLMUnavailable("the model was closed")
        generation = Generation(self._server, _body(request), on_end=self._ended)
        self._running.add(generation)
        generation.start()
        assembler = Assembler()
        try:
            while (value := await generation.next()) is not None:
                chunk = assembler.feed(value)
                if chunk is not None:
                    yield chunk
            yield assembler.last(cancelled=generation.stopped)
        finally:
            generation.stop()

    async def aclose(self) -> None:
        self._closed = True
        running = tuple(self._running)
        for generation in running:
            generation.stop()
        for generation in running:
            await generation.ended.wait()
        async with self._loading:
            self._server = None  # its destructor ends llama.cpp's own threads and frees the memory

    def _ended(self, generation: Generation) -> None:
        self._running.discard(generation)
        self._slots.release()


def _body(request: ChatRequest) -> dict[str, Any]:
    """With llama.cpp's own members: plain top-p sampling, the cached prefix, news during the prefill."""
    body = request_body(request) | {"cache_prompt": True, "top_k": 0, "min_p": 0.0, "return_progress": True}
    if request.logprobs:
        body["top_logprobs"] = 1
    return body


def open_server(config: LlamaCppConfig) -> Any:
    """llama.cpp itself (`xllamacpp.Server`) with the weights loaded: blocks, and holds the interpreter lock.

    Raises `WeightsError`, or `ConfigurationError` without the `local` extra.
    """
    _require_gguf(config.weights, config.model)
    try:
        import xllamacpp  # a 100 MB library of an optional extra: only for those who load a model
    except ImportError:
        raise ConfigurationError(
            "llama.cpp is not installed", hint="pip install 'qlayer[local]', or set QLAYER_LLM_URL"
        ) from None
    params = xllamacpp.CommonParams()
    params.model.path = str(config.weights)
    params.n_ctx = config.usable_context_tokens * config.slots
    params.n_parallel = config.slots
    params.kv_unified = False
    params.fit_params = False
    params.n_batch = params.n_ubatch = PREFILL_BATCH
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = config.threads
    params.cache_ram_mib = config.prefix_cache_bytes // MiB
    params.prefill_assistant = False
    params.verbosity = -1
    # xllamacpp always opens an HTTP listener. Nobody is meant to use it: loopback, a port that the kernel
    # picks, and a key that nobody knows.
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [secrets.token_hex(32)]
    params.endpoint_slots = False
    params.n_threads_http = 1
    params.ui = False
    try:
        return xllamacpp.Server(params)
    except RuntimeError:
        raise WeightsError(
            f"llama.cpp cannot load {config.weights.name}: damaged, unsupported, or too large for the memory",
            hint=f"qlayer models verify {config.model}",
        ) from None


def _require_gguf(weights: Path, model: ModelId) -> None:
    try:
        with weights.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise WeightsError(
            f"the weights of {model} cannot be read: {error.strerror}", hint=f"qlayer models pull {model}"
        ) from None
    if magic != b"GGUF":
        raise WeightsError(f"{weights.name} is not a GGUF file", hint=f"qlayer models verify {model}")
