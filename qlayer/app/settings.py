"""All settings, read once from the environment (``QLAYER_...``) and an optional YAML file.

Order, strongest first: arguments, environment, the file named by ``QLAYER_CONFIG``, defaults. Each part gets
its own slice; nobody gets the whole.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import platformdirs
import yaml
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)

from qlayer.errors import ConfigurationError
from qlayer.packaging.delivery.deliver import Bases
from qlayer.pipeline.policy import LoopPolicy
from qlayer.sandbox.config import SandboxConfig, WarmConfig
from qlayer.sandbox.environments.config import IndexConfig
from qlayer.store.config import StoreConfig
from qlayer.types.ids import ModelId
from qlayer.types.usage import Budget


class Settings(BaseSettings):
    """Everything that can be configured. See `docs/operations.md` for the table."""

    model_config = SettingsConfigDict(
        env_prefix="QLAYER_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )

    data_dir: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("qlayer")))
    """Runs, capsules and weights live below it."""
    models_dir: Path | None = None
    """Catalogue of models (YAML files). Default: the one shipped with qlayer."""
    weights_dir: Path | None = None
    """Default: ``data_dir/weights``."""
    model: ModelId = ModelId("qwen2.5-coder-1.5b")
    """The default model."""
    escalate_to: ModelId | None = None
    """A larger model that is asked when the run's own is stuck, where the same server serves both."""
    llm: Literal["auto", "local", "remote"] = "auto"
    """`local`: llama.cpp in this process. `remote`: `llm_url`. `auto`: remote given `llm_url`, else local."""
    llm_url: str | None = None
    """Base URL of an OpenAI-compatible server, ending in ``/v1``."""
    llm_api_key: str | None = Field(default=None, repr=False)
    llm_threads: int = Field(default_factory=lambda: max(1, len(os.sched_getaffinity(0))), ge=1)
    llm_slots: int = Field(default=2, ge=1, le=64)
    """Generations at once per engine; the context is split among them."""
    hub_url: str = "https://huggingface.co"
    """The model hub, or a mirror that answers the same paths."""
    hub_timeout_s: float = Field(default=5.0, gt=0)
    """How long the model hub may take to answer before the mirror is tried."""
    memory: Literal["auto", "lexical", "embeddings", "off"] = "auto"
    """How corrections like a task are found. `auto`: by embeddings where their weights are, else by words.
    `off`: runs use no corrections."""
    delivery: bool = True
    """Whether capsules get the files that build and ship them: pipeline, container, chart, Makefile."""
    delivery_bases: Bases = Bases()
    """Images that the Dockerfiles of capsules begin with; pinned when given with ``@sha256:...``."""
    image_base: Path | None = None
    """OCI layout that images of capsules are built on."""
    registry_user: str | None = None
    registry_password: str | None = Field(default=None, repr=False)
    signing_key: str = "default"
    """Name of the key that signs what a run releases; see `qlayer keys ls`."""
    suppressions: Path | None = None
    """YAML file with findings that people accept for a while; runs and `qlayer scan` leave them aside."""
    scan: Literal["fast", "full", "off"] = "fast"
    """Which scanners look at each capsule that a run makes. All of them look at one that is to be released,
    unless it is `off`."""
    advisories: Path | None = None
    """Folder of advisories in OSV format, beside the few that are shipped."""
    semgrep: Path | None = None
    """Its executable, in an environment of its own. Default: the one beside qlayer or in the usual places."""
    policies: Path | None = None
    """Folder of release policies in Rego. Default: the one shipped with qlayer."""
    records_url: str | None = None
    """SQLAlchemy async URL. Default: SQLite in ``data_dir``."""
    blobs_url: str | None = None
    """Directory or fsspec URL. Default: ``data_dir/blobs``."""
    blobs_options: dict[str, str] = {}
    sandbox: SandboxConfig = WarmConfig()
    """`backend` chooses among warm (the default), docker, gvisor; the other fields are that backend's own."""
    environments: IndexConfig = IndexConfig()
    """Where a project's locked packages come from. Without `index_url`: pip's own configuration."""
    budget: Budget = Budget()
    loop: LoopPolicy = LoopPolicy()
    """What is set here replaces what follows from the model's size; the rest stays."""
    lease_ttl_s: float = Field(default=15.0, gt=1)
    """A run whose worker was silent for this long may be taken over by another."""

    @field_validator("sandbox", mode="before")
    @classmethod
    def _warm_unless_told(cls, given: Any) -> Any:
        return {"backend": "warm", **given} if isinstance(given, dict) else given

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        config = os.environ.get("QLAYER_CONFIG")
        sources: tuple[PydanticBaseSettingsSource, ...] = (init_settings, _Environment(env_settings))
        return (*sources, YamlConfigSettingsSource(settings_cls, yaml_file=config)) if config else sources

    @property
    def weights(self) -> Path:
        return self.weights_dir or self.data_dir / "weights"

    @property
    def catalogue(self) -> Path:
        return self.models_dir or _shipped_catalogue()

    @property
    def keys_dir(self) -> Path:
        """Signing keys, and the public ones that are trusted."""
        return self.data_dir / "keys"

    @property
    def scans_dir(self) -> Path:
        """What scanners said before."""
        return self.data_dir / "scans"

    @property
    def packages_dir(self) -> Path:
        """Prepared packages."""
        return self.data_dir / "environments"

    @property
    def warm(self) -> WarmConfig:
        """The warm sandbox, with the prepared packages where it was not told otherwise.

        With another backend configured: the warm one as it is without settings.
        """
        config = self.sandbox if isinstance(self.sandbox, WarmConfig) else WarmConfig()
        return config.model_copy(update={"environments": config.environments or self.packages_dir})

    @property
    def store(self) -> StoreConfig:
        return StoreConfig(
            blobs_url=self.blobs_url or str(self.data_dir / "blobs"),
            records_url=self.records_url or f"sqlite+aiosqlite:///{self.data_dir / 'qlayer.db'}",
            blobs_options=self.blobs_options,
        )

    @property
    def uses_remote_llm(self) -> bool:
        return self.llm == "remote" or (self.llm == "auto" and self.llm_url is not None)


class _Environment(PydanticBaseSettingsSource):
    """The environment without ``QLAYER_CONFIG``, which names the file and is no setting itself."""

    def __init__(self, inner: PydanticBaseSettingsSource) -> None:
        super().__init__(inner.settings_cls)
        self._inner = inner

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return self._inner.get_field_value(field, field_name)

    def __call__(self) -> dict[str, Any]:
        return {key: value for key, value in self._inner().items() if key != "config"}


def load_settings(**overrides: Any) -> Settings:
    """Read the settings. Raises `ConfigurationError` naming the setting and its limit."""
    config = os.environ.get("QLAYER_CONFIG")
    if config and not Path(config).is_file():
        raise ConfigurationError(f"QLAYER_CONFIG names {config}, which is not a file")
    given = {key: value for key, value in overrides.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        # The chosen backend stands in the place of an error, but is no part of the setting's name.
        place = [
            part for index, part in enumerate(first["loc"]) if (first["loc"][0], index) != ("sandbox", 1)
        ]
        name = "__".join(map(str, place)).upper()
        raise ConfigurationError(
            f"setting QLAYER_{name}: {first['msg']}", hint="correct it in the environment or the config file"
        ) from None
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{config} is not valid YAML: {error}") from None


def _shipped_catalogue() -> Path:
    """``models/`` beside the package in a checkout, else the copy inside an installed wheel."""
    package = Path(__file__).resolve().parent.parent
    beside = package.parent / "models"
    return beside if beside.is_dir() else package / "llm" / "models"
