"""Sentence embeddings on the CPU: all-MiniLM-L6-v2, a BERT of six layers, computed with numpy alone.

The model is small enough (22 million parameters) that a runtime would weigh more than it. `tokenizers` reads
the vocabulary, `safetensors` the weights; both come with the extra ``memory`` and are imported only here.
The arithmetic is that of BERT (Devlin et al. 2018, arXiv:1810.04805) with mean pooling and vectors of length
1 (Reimers and Gurevych 2019, arXiv:1908.10084), as the model's card says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qlayer.errors import ConfigurationError, WeightsError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

MAX_TOKENS = 256
"""The model was trained on pieces of this length; what follows is cut."""
HEADS = 12
_EPSILON = 1e-12
"""Of the layer normalisation, from the model's configuration."""


class MiniLM:
    """`Embedder` over two verified files. They are read at the first use, in a thread."""

    name = "all-minilm-l6-v2"

    def __init__(self, weights: Path, vocabulary: Path) -> None:
        self._weights_path = weights
        self._vocabulary_path = vocabulary

    async def embed(self, texts: Sequence[str]) -> tuple[tuple[float, ...], ...]:
        return await asyncio.to_thread(lambda: tuple(self._vector(text) for text in texts))

    def _vector(self, text: str) -> tuple[float, ...]:
        import numpy as np

        ids = self._tokenizer.encode(text).ids
        pooled = _encode(np.asarray(ids), self._tensors).mean(axis=0)
        return tuple(float(x) for x in pooled / np.linalg.norm(pooled))

    @cached_property
    def _tensors(self) -> Mapping[str, Array]:
        from safetensors.numpy import load_file

        try:
            return load_file(self._weights_path)
        except Exception as error:  # the library's own base class is Exception
            raise WeightsError(f"{self._weights_path.name} cannot be read: {error}") from error

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self._vocabulary_path))
        tokenizer.no_padding()
        tokenizer.enable_truncation(MAX_TOKENS)
        return tokenizer


def require_runtime() -> None:
    """Raise `ConfigurationError` when the packages of the extra ``memory`` are not installed."""
    missing = [name for name in ("numpy", "safetensors", "tokenizers") if find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"sentence embeddings need the package {missing[0]}", hint="pip install 'qlayer[memory]'"
        )


def _encode(ids: NDArray[np.int_], w: Mapping[str, Array]) -> Array:
    """One row of 384 numbers for each token."""
    hidden = (
        w["embeddings.word_embeddings.weight"][ids]
        + w["embeddings.position_embeddings.weight"][: len(ids)]
        + w["embeddings.token_type_embeddings.weight"][0]
    )
    hidden = _normed(hidden, w, "embeddings.LayerNorm")
    layers = sum(name.endswith(".output.dense.weight") for name in w) // 2
    for number in range(layers):
        layer = f"encoder.layer.{number}"
        seen = _linear(_attention(hidden, w, f"{layer}.attention.self"), w, f"{layer}.attention.output.dense")
        hidden = _normed(hidden + seen, w, f"{layer}.attention.output.LayerNorm")
        wide = _gelu(_linear(hidden, w, f"{layer}.intermediate.dense"))
        hidden = _normed(hidden + _linear(wide, w, f"{layer}.output.dense"), w, f"{layer}.output.LayerNorm")
    return hidden


def _attention(hidden: Array, w: Mapping[str, Array], name: str) -> Array:
    import numpy as np

    def heads(part: str) -> Array:
        tokens = _linear(hidden, w, f"{name}.{part}")
        return tokens.reshape(len(tokens), HEADS, -1).transpose(1, 0, 2)

    query, key, value = heads("query"), heads("key"), heads("value")
    scores = query @ key.transpose(0, 2, 1) / np.sqrt(np.float32(query.shape[-1]))
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    seen: Array = (weights @ value).transpose(1, 0, 2).reshape(hidden.shape)
    return seen


def _linear(x: Array, w: Mapping[str, Array], name: str) -> Array:
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def _normed(x: Array, w: Mapping[str, Array], name: str) -> Array:
    import numpy as np

    centred = x - x.mean(axis=-1, keepdims=True)
    spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + np.float32(_EPSILON))
    normed: Array = centred / spread * w[f"{name}.weight"] + w[f"{name}.bias"]
    return normed


def _gelu(x: Array) -> Array:
    """With the error function as in Abramowitz and Stegun 7.1.26: off by at most 1.5e-7."""
    import numpy as np

    z = np.abs(x) / np.float32(np.sqrt(2))
    t = 1 / (1 + 0.3275911 * z)
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    erf = np.sign(x) * (1 - poly * np.exp(-z * z))
    return (x * 0.5 * (1 + erf)).astype(x.dtype)
