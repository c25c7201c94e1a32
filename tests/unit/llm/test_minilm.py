"""Sentence embeddings: the same numbers as the model's reference implementation."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import platformdirs
import pytest

from qlayer.errors import ConfigurationError, WeightsError
from qlayer.llm import minilm
from qlayer.llm.catalogue import load_embedder
from qlayer.llm.minilm import MAX_TOKENS, MiniLM, require_runtime
from qlayer.llm.weights import Weights

MODELS = Path(__file__).parents[3] / "models"
REFERENCE = {
    "That is a happy person": (-0.03388, 0.09194, 0.04870, -0.03488),
    "Add two numbers: def add(a: int, b: int) -> int": (0.02364, -0.01007, -0.05660, -0.04832),
    "x " * 400: (-0.00206, -0.03747, -0.03149, -0.04256),
    "Ünïcode 字 🎉": (-0.02398, 0.01341, 0.01331, 0.04951),
}
"""The first four numbers, by transformers 5.23 on torch 2.13 (masked mean of the last layer, length 1)."""


@pytest.fixture(scope="module")
def embedder() -> MiniLM:
    """Skips the tests, with the reason, when packages or weights are not on this machine."""
    weights = Weights(Path(platformdirs.user_data_dir("qlayer")) / "weights")
    entry = load_embedder(MODELS, MiniLM.name)
    try:
        require_runtime()
        path = weights.path(entry)
    except (ConfigurationError, WeightsError) as error:
        pytest.skip(f"{error.message}: {error.hint}")
    return MiniLM(path, path.with_name(entry.files[1].name))


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


@pytest.mark.model
async def test_vectors_are_those_of_the_reference(embedder: MiniLM) -> None:
    for text, vector in zip(REFERENCE, await embedder.embed(list(REFERENCE)), strict=True):
        assert len(vector) == 384
        assert vector[:4] == pytest.approx(REFERENCE[text], abs=2e-5)
        assert cosine(vector, vector) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.model
async def test_meaning_is_nearer_than_words(embedder: MiniLM) -> None:
    happy, very, sunny = await embedder.embed(
        ["That is a happy person", "That is a very happy person", "Today is a sunny day"]
    )
    assert cosine(happy, very) == pytest.approx(0.943, abs=0.002), "as on the model's card"
    assert cosine(happy, sunny) == pytest.approx(0.257, abs=0.002)


@pytest.mark.model
async def test_what_is_beyond_the_model_s_length_is_cut(embedder: MiniLM) -> None:
    long, longer = await embedder.embed(["a " * MAX_TOKENS, "a " * MAX_TOKENS + "zebra " * 50])
    assert long == longer


async def test_damaged_weights_are_the_weights_fault(tmp_path: Path) -> None:
    if find_spec("tokenizers") is None or find_spec("safetensors") is None:
        pytest.skip("no tokenizers or safetensors: install the extra memory")
    damaged, vocabulary = tmp_path / "w.safetensors", tmp_path / "t.json"
    damaged.write_bytes(b"\0" * 64)
    vocabulary.write_text(
        '{"model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}, "added_tokens": []}'
    )
    with pytest.raises(WeightsError, match=r"w\.safetensors cannot be read"):
        await MiniLM(damaged, vocabulary).embed(["a"])


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minilm, "find_spec", lambda name: None if name == "tokenizers" else object())
    with pytest.raises(ConfigurationError, match="tokenizers") as raised:
        require_runtime()
    assert raised.value.hint is not None and "qlayer[memory]" in raised.value.hint
