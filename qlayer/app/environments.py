"""Prepared packages, put together from the settings and, where they name no index, from pip's own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from qlayer.app.settings import Settings
from qlayer.errors import ConfigurationError
from qlayer.sandbox.environments.cache import CachedEnvironments
from qlayer.sandbox.environments.config import EnvironmentsConfig

_PIP_TIMEOUT_S = 60.0
_ASK_PIP = """
import json
from pip._internal.configuration import Configuration
from pip._internal.models.index import PyPI
found = Configuration(isolated=False)
found.load()
entries = []
for name, value in found.items():  # by file since pip 24, else all together
    entries += value.items() if isinstance(value, dict) else [(name, value)]
print(json.dumps([entries, PyPI.simple_url, "https://" + PyPI.file_storage_domain]))
"""
"""Pip has no public way to say which index it uses by default."""


def open_environments(settings: Settings) -> CachedEnvironments:
    """The folder of prepared packages; pip is asked for its index only when something must be built.

    Raises `SandboxError` when the folder cannot be made.
    """
    return CachedEnvironments(
        EnvironmentsConfig(folder=settings.packages_dir, **dict(settings.environments)), index=index_of
    )


def index_of(config: EnvironmentsConfig) -> EnvironmentsConfig:
    """The configuration with an index: its own, else the one that pip would use; None where there is no pip.

    Takes about half a second when pip has to be asked. Raises `ConfigurationError` when it does not answer.
    """
    if config.index_url is not None:
        return config
    try:
        done = subprocess.run(
            [sys.executable, "-c", _ASK_PIP], capture_output=True, timeout=_PIP_TIMEOUT_S, check=False
        )
        entries, default, files = json.loads(done.stdout) if done.returncode == 0 else ([], None, None)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise ConfigurationError(
            f"pip does not say which index it uses: {error}", hint="set QLAYER_ENVIRONMENTS__INDEX_URL"
        ) from None
    return config.model_copy(update=_from_pip(config, entries, default, files))


def _from_pip(
    config: EnvironmentsConfig, entries: list[list[str]], default: str | None, files: str | None
) -> dict[str, Any]:
    """Later entries win over earlier ones, as in pip: global, user, site, environment."""
    last = {name.rpartition(".")[2]: value for name, value in entries if _is_for_installing(name)}
    url = last.get("index-url", default)
    update: dict[str, Any] = {"index_url": url}
    if url == default and files is not None and not config.file_origins:
        update["file_origins"] = (files,)
    if config.ca_file is None and last.get("cert"):
        update["ca_file"] = Path(last["cert"])
    if config.proxy_url is None and last.get("proxy"):
        update["proxy_url"] = last["proxy"]
    return update


def _is_for_installing(name: str) -> bool:
    return name.rpartition(".")[0] in ("global", "install", ":env:")
