"""``qlayer doctor``: whether this machine can do the work, part by part, and what to do where it cannot."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

import typer
from rich.text import Text

from qlayer import __version__
from qlayer.app.settings import Settings, load_settings
from qlayer.app.stack import stack_status
from qlayer.cli.models import open_weights, weights_state
from qlayer.cli.options import Json
from qlayer.cli.render import out, print_json, size, table
from qlayer.errors import QlayerError
from qlayer.llm.catalogue import Catalogue
from qlayer.sandbox import helper
from qlayer.sandbox.config import WarmConfig
from qlayer.sandbox.survey import BackendReport, survey
from qlayer.types.frozen import Frozen

MIN_FREE_BYTES = 1_000_000_000
"""Below this a capsule or a download may not fit."""


class Finding(Frozen):
    """One thing that was looked at."""

    name: str
    state: Literal["ok", "optional", "missing"]
    """`optional`: not there, and only some commands need it. `missing`: nothing works without it."""
    detail: str


def doctor(as_json: Json = False) -> None:
    """Look at everything that qlayer needs here. Ends with status 1 when something needed is missing."""
    found = tuple(examine(load_settings()))
    if as_json:
        print_json(found)
    else:
        styles = {"ok": "green", "optional": "yellow", "missing": "red"}
        rows = ((each.name, Text(each.state, style=styles[each.state]), each.detail) for each in found)
        out().print(table("part", "", "detail", rows=rows))
    raise typer.Exit(1 if any(each.state == "missing" for each in found) else 0)


def examine(settings: Settings) -> Iterator[Finding]:
    """All findings. Nothing is changed; each part that breaks becomes a finding."""
    yield Finding(
        name="python",
        state="ok",
        detail=f"{platform.python_version()} at {sys.executable}, qlayer {__version__}",
    )
    yield _attempt("data folder", lambda: _data_folder(settings))
    yield from _sandbox(settings)
    yield from _models(settings)
    yield _package("ray", "a local stack (`qlayer up`) and jobs", "ray")
    yield _attempt("stack", lambda: _stack(settings), broken="optional")


def _data_folder(settings: Settings) -> str:
    folder = settings.data_dir
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-"):
        free = shutil.disk_usage(folder).free
    if free < MIN_FREE_BYTES:
        raise OSError(f"{folder} has only {size(free)} free")
    return f"{folder} can be written, {size(free)} free"


def _sandbox(settings: Settings) -> Iterator[Finding]:
    """The backend that is configured, what it enforces, and which others could be asked for."""
    seen = survey(settings.sandbox)
    for report in sorted(seen.backends, key=lambda report: not report.configured):
        yield _backend(report, settings)
        for each in report.capabilities if report.configured else ():
            state: Literal["ok", "optional"] = "ok" if each.available else "optional"
            detail = f"emulated: {each.detail}" if each.emulated else each.detail
            yield Finding(name=f"  {each.name}", state=state, detail=detail)
    if isinstance(settings.sandbox, WarmConfig) and settings.sandbox.helper:
        built = helper.find()
        state = "ok" if built.path else "optional"
        detail = built.detail if built.path else f"{built.detail}; the same is done in Python, more slowly"
        yield Finding(name="  compiled_helper", state=state, detail=detail)
    for language in seen.languages:
        state = "ok" if language.available else "optional"
        yield Finding(name=f"language: {language.language.value}", state=state, detail=language.detail)


def _backend(report: BackendReport, settings: Settings) -> Finding:
    name = "sandbox" if report.configured else f"sandbox: {report.backend}"
    if report.available and report.tier is not None:
        asked = settings.sandbox.minimum_tier.value if isinstance(settings.sandbox, WarmConfig) else "full"
        more = f"; at least {asked} is asked for" if report.configured else ""
        return Finding(name=name, state="ok", detail=f"{report.backend}, tier {report.tier.value}{more}")
    why = "; ".join(part for part in (report.reason, report.hint) if part)
    return Finding(name=name, state="missing" if report.configured else "optional", detail=why)


def _models(settings: Settings) -> Iterator[Finding]:
    if settings.uses_remote_llm:
        yield Finding(name="model", state="ok", detail=f"{settings.model} at {settings.llm_url}")
        return
    yield _package("xllamacpp", "running a model in this process", "local")
    weights = open_weights(settings)
    try:
        entries = Catalogue.load(settings.catalogue).entries
    except QlayerError as error:
        yield Finding(name="catalogue", state="missing", detail=error.message)
        return
    ready = [entry.id for entry in entries.values() if weights_state(entry, weights) == "ready"]
    if settings.model in ready:
        yield Finding(name="model", state="ok", detail=f"{settings.model} is ready in {weights.folder}")
    else:
        detail = f"{settings.model} is not ready here; `qlayer models pull {settings.model}`"
        yield Finding(name="model", state="missing", detail=detail)
    yield Finding(name="weights", state="ok", detail=", ".join(ready) or "none on this machine")


def _package(module: str, purpose: str, extra: str) -> Finding:
    if importlib.util.find_spec(module) is None:
        detail = f'not installed; needed for {purpose}: pip install "qlayer[{extra}]"'
        return Finding(name=module, state="optional", detail=detail)
    try:
        found = version(module)
    except PackageNotFoundError:
        found = "of unknown version"
    return Finding(name=module, state="ok", detail=f"{found}, for {purpose}")


def _stack(settings: Settings) -> str:
    status = stack_status(settings)
    where = f" at {status.stack.url}" if status.stack else ""
    return f"{status.health}{where}; {os.cpu_count()} CPUs here"


def _attempt(
    name: str, look: Callable[[], str], broken: Literal["optional", "missing"] = "missing"
) -> Finding:
    try:
        return Finding(name=name, state="ok", detail=look())
    except QlayerError as error:
        return Finding(name=name, state=broken, detail=error.message)
    except OSError as error:
        return Finding(name=name, state=broken, detail=str(error))
