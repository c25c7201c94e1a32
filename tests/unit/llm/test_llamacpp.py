"""llama.cpp in process: what can be said without weights, and what it does at the end of a process."""

from __future__ import annotations

import asyncio
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest

from qlayer.errors import ConfigurationError, LLMUnavailable, WeightsError
from qlayer.llm.base import ChatRequest, Message, complete
from qlayer.llm.catalogue import Catalogue
from qlayer.llm.llamacpp import PREFILL_BATCH, LlamaCpp, LlamaCppConfig
from qlayer.llm.weights import Weights
from qlayer.types.candidate import Sampling
from qlayer.types.ids import ModelId

MODELS = Path(__file__).parents[3] / "models"
SMALL = ModelId("qwen2.5-coder-0.5b")
HELLO = ChatRequest(model=SMALL, messages=(Message(role="user", content="hello"),))


def config(weights: Path) -> LlamaCppConfig:
    return LlamaCppConfig(model=SMALL, weights=weights, slots=2, threads=1)


async def test_missing_weights_say_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        await complete(LlamaCpp(config(tmp_path / "absent.gguf")), HELLO)
    assert caught.value.hint == f"qlayer models pull {SMALL}"
    assert "No such file" in caught.value.message


@pytest.mark.parametrize(
    ("content", "said"), [(b"<html>", "not a GGUF file"), (b"GGUF" + bytes(999), "cannot load")]
)
async def test_a_file_that_is_no_model_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    pytest.importorskip("xllamacpp")
    weights = tmp_path / "broken.gguf"
    weights.write_bytes(content)
    with pytest.raises(WeightsError, match=said) as caught:
        await LlamaCpp(config(weights)).load()
    assert "broken.gguf" in caught.value.message


async def test_without_the_extra_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "model.gguf"
    weights.write_bytes(b"GGUF")
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(ConfigurationError) as caught:
        await LlamaCpp(config(weights)).load()
    assert caught.value.hint is not None
    assert "qlayer[local]" in caught.value.hint


async def test_what_was_closed_stays_closed(tmp_path: Path) -> None:
    engine = LlamaCpp(config(tmp_path / "absent.gguf"))
    await engine.aclose()
    with pytest.raises(LLMUnavailable):
        await engine.load()


def test_the_builder_is_light_and_picklable(tmp_path: Path) -> None:
    made = config(tmp_path / "absent.gguf")
    assert pickle.loads(pickle.dumps(made)) == made


def test_the_context_is_rounded_up_to_what_llamacpp_can_give(tmp_path: Path) -> None:
    made = LlamaCppConfig(model=SMALL, weights=tmp_path / "m", context_tokens=1000)
    assert made.usable_context_tokens == 1024


def test_the_catalogue_gives_the_slots_and_the_granted_cpus_the_threads(tmp_path: Path) -> None:
    entry = Catalogue.load(MODELS).get(SMALL)
    made = LlamaCppConfig.for_entry(entry, tmp_path / "m", slots=3, threads=5)
    assert (made.slots, made.threads, made.context_tokens) == (3, 5, 4096)
    with pytest.raises(ConfigurationError, match=r"no llama\.cpp options"):
        LlamaCppConfig.for_entry(
            entry.model_copy(update={"llamacpp": None}), tmp_path / "m", slots=1, threads=1
        )


LEAVING = """
import asyncio, os, signal, sys
from pathlib import Path
from qlayer.llm.base import ChatRequest, Message
from qlayer.llm.llamacpp import PREFILL_BATCH, LlamaCpp, LlamaCppConfig
from qlayer.types.candidate import Sampling

config = LlamaCppConfig(model="m", weights=Path(sys.argv[1]), threads=1)
story = ChatRequest(model="m", messages=(Message(role="user", content="Tell a very long story."),),
                    sampling=Sampling(max_tokens=4000))
engine = LlamaCpp(config)

async def leave_without_closing():
    async for _ in engine.stream(story):
        print("streaming", flush=True)
        return

async def interrupted():
    async for _ in engine.stream(story):
        print("streaming", flush=True)
        os.kill(os.getpid(), signal.SIGINT)

async def loop_is_lost():
    await anext(engine.stream(story))
    print("streaming", flush=True)
    sys.exit(0)

asyncio.run(globals()[sys.argv[2]]())
"""


@pytest.mark.model
@pytest.mark.parametrize(
    ("way", "status"), [("leave_without_closing", 0), ("interrupted", -signal.SIGINT), ("loop_is_lost", 0)]
)
def test_the_process_ends_by_itself_in_the_middle_of_an_answer(way: str, status: int) -> None:
    """A thread left in llama.cpp would hang the exit for minutes, or crash it with a signal."""
    path = weights()
    done = subprocess.run(
        [sys.executable, "-c", LEAVING, str(path), way],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "streaming" in done.stdout
    assert done.returncode == status, done.stderr
    assert way == "interrupted" or done.stderr == "", "llama.cpp is to be silent"


@pytest.mark.model
async def test_cancelling_during_the_prefill_stops_at_the_next_batch() -> None:
    """Only what was computed is in the prefix cache, which shows how far it got."""
    engine = LlamaCpp(LlamaCppConfig(model=SMALL, weights=weights(), context_tokens=1024, slots=1, threads=1))
    await engine.load()
    words = " ".join(f"word{number}" for number in range(100, 230))
    request = ChatRequest(
        model=SMALL,
        messages=(Message(role="user", content=words),),
        sampling=Sampling(max_tokens=1),
    )
    started = asyncio.create_task(anext(engine.stream(request)))
    while engine.occupancy.running == 0:  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0)
    started.cancel()
    await asyncio.gather(started, return_exceptions=True)
    answer = await complete(engine, request)
    assert answer.usage.prompt_tokens > 2 * PREFILL_BATCH + 20
    assert answer.usage.cached_tokens <= PREFILL_BATCH
    await engine.aclose()


def weights() -> Path:
    """Skips the test, with the reason, when the weights are not on this machine."""
    entry = Catalogue.load(MODELS).get(SMALL)
    try:
        return Weights(Path(platformdirs.user_data_dir("qlayer")) / "weights").path(entry)
    except WeightsError as error:
        pytest.skip(f"{error.message}: {error.hint}")
