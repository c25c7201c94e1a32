"""A capsule as an OCI image, built without docker: the same capsule on the same base gives the same digest.

The project is one layer on top of a base image: sorted, owned by one unprivileged user, with no time in it
and not compressed, for compressors differ between machines. The shapes are those of the OCI image
specification 1.1 (opencontainers/image-spec).
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import Field

from qlayer.errors import InputError
from qlayer.packaging.folder import written_whole
from qlayer.types.capsule import CapsuleManifest
from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest, canonical_json, is_digest, sha256
from qlayer.types.source import SourceTree

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
EMPTY = b"{}"

PROJECT_DIR = "/app"
USER_ID = 65532
"""``nonroot`` of the distroless images; nobody's on most systems."""
MAX_LAYOUT_FILE_BYTES = 512 * 1024 * 1024


class Descriptor(Frozen):
    """Content named by type, digest and size, as everywhere in OCI."""

    media_type: str
    digest: Digest
    size: int
    annotations: Mapping[str, str] = Field(default={})

    def as_json(self) -> dict[str, Any]:
        plain: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        return {**plain, "annotations": dict(self.annotations)} if self.annotations else plain


class Image(Frozen):
    """An image as its manifest and every blob that the manifest names."""

    manifest: bytes
    blobs: Mapping[Digest, bytes]

    @property
    def digest(self) -> Digest:
        return sha256(self.manifest)

    @property
    def parsed(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.manifest)
        return found

    @property
    def config(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.blobs[Digest(self.parsed["config"]["digest"])])
        return found


class Start(Frozen):
    """How a container of the image starts."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = Field(default={})
    ports: tuple[int, ...] = ()


def build_image(manifest: CapsuleManifest, tree: SourceTree, base: Image | None, start: Start) -> Image:
    """The project in ``/app`` on top of `base` (None: on nothing). Pure and deterministic."""
    layer = project_layer(tree)
    below = base.config if base is not None else {"architecture": "amd64", "os": "linux"}
    config = canonical_json(_config(manifest, below, sha256(layer), start))
    inherited = base.parsed["layers"] if base is not None else []
    top = _descriptor(LAYER_TYPE, layer).as_json()
    written = canonical_json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": _descriptor(CONFIG_TYPE, config).as_json(),
            "layers": [*inherited, top],
            "annotations": _labels(manifest),
        }
    )
    kept = {one["digest"]: base.blobs[one["digest"]] for one in inherited} if base is not None else {}
    return Image(manifest=written, blobs={**kept, sha256(config): config, sha256(layer): layer})


def project_layer(tree: SourceTree) -> bytes:
    """An uncompressed tar: sorted paths, mode 0644 and 0755, one owner, no time."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        root = PurePosixPath(PROJECT_DIR.lstrip("/"))
        folders = {root, *(root / parent for path in tree.paths() for parent in _parents(path))}
        entries: dict[str, bytes | None] = {str(folder): None for folder in folders}
        entries.update({str(root / path): data for path, data in tree.files.items()})
        for name, data in sorted(entries.items()):
            tar.addfile(_entry(name, data), io.BytesIO(data) if data is not None else None)
    return buffer.getvalue()


def artifact(subject: Image, kind: str, content: bytes, media_type: str) -> Image:
    """Something attached to an image, such as its provenance (image-spec 1.1, artifacts with a subject)."""
    written = canonical_json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": kind,
            "config": _descriptor(EMPTY_TYPE, EMPTY).as_json(),
            "layers": [_descriptor(media_type, content).as_json()],
            "subject": _descriptor(MANIFEST_TYPE, subject.manifest).as_json(),
        }
    )
    return Image(manifest=written, blobs={sha256(EMPTY): EMPTY, sha256(content): content})


def write_layout(image: Image, attached: Iterable[Image], destination: Path, tag: str) -> None:
    """Write an OCI image layout to a new folder, whole or not at all.

    Raises `InputError` (it is there already), `StoreFull`, `StoreError`.
    """
    written_whole(layout_files(image, attached, tag), destination)


def layout_files(image: Image, attached: Iterable[Image], tag: str) -> dict[str, bytes]:
    """The files of an OCI image layout by their paths. Pure."""
    everything = [image, *attached]
    main = Descriptor(
        media_type=MANIFEST_TYPE,
        digest=image.digest,
        size=len(image.manifest),
        annotations={"org.opencontainers.image.ref.name": tag},
    )
    others = [_descriptor(MANIFEST_TYPE, one.manifest) for one in everything[1:]]
    index = {
        "schemaVersion": 2,
        "mediaType": INDEX_TYPE,
        "manifests": [one.as_json() for one in (main, *others)],
    }
    blobs = {digest: data for one in everything for digest, data in one.blobs.items()}
    blobs.update({one.digest: one.manifest for one in everything})
    files = {f"blobs/sha256/{digest.removeprefix('sha256:')}": data for digest, data in blobs.items()}
    files["index.json"] = canonical_json(index)
    files["oci-layout"] = canonical_json({"imageLayoutVersion": "1.0.0"})
    return files


def read_layout(folder: Path) -> Image:
    """The first image of a layout, every blob checked. Raises `InputError` saying what is wrong."""
    try:
        index = json.loads(_bounded(folder / "index.json"))
        wanted = next(one for one in index["manifests"] if one["mediaType"] == MANIFEST_TYPE)
        manifest = _blob(folder, wanted["digest"])
        parsed = json.loads(manifest)
        digests = [parsed["config"]["digest"], *(layer["digest"] for layer in parsed["layers"])]
        return Image(manifest=manifest, blobs={Digest(one): _blob(folder, one) for one in digests})
    except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise InputError(
            f"{folder} is no OCI image layout with an image: {type(error).__name__}: {error}", field="base"
        ) from None


def _blob(folder: Path, digest: str) -> bytes:
    if not is_digest(digest):
        raise ValueError(f"{digest!r} is no digest")
    data = _bounded(folder / "blobs" / "sha256" / digest.removeprefix("sha256:"))
    if sha256(data) != digest:
        raise ValueError(f"blob {digest} is damaged")
    return data


def _bounded(path: Path) -> bytes:
    if path.stat().st_size > MAX_LAYOUT_FILE_BYTES:
        raise ValueError(f"{path.name} has more than {MAX_LAYOUT_FILE_BYTES} bytes")
    return path.read_bytes()


def _config(manifest: CapsuleManifest, base: dict[str, Any], layer: Digest, start: Start) -> dict[str, Any]:
    ran = dict(base.get("config") or {})
    environment = dict(entry.split("=", 1) for entry in ran.get("Env") or [])
    environment.update(start.environment)
    ran.update(
        {
            "User": f"{USER_ID}:{USER_ID}",
            "WorkingDir": PROJECT_DIR,
            "Entrypoint": list(start.command),
            "Env": [f"{name}={value}" for name, value in sorted(environment.items())],
            "Labels": _labels(manifest),
        }
    )
    ran.pop("Cmd", None)
    if start.ports:
        ran["ExposedPorts"] = {f"{port}/tcp": {} for port in start.ports}
    layers = [*(base.get("rootfs") or {}).get("diff_ids", []), layer]
    return {
        "architecture": base["architecture"],
        "os": base["os"],
        "config": ran,
        "rootfs": {"type": "layers", "diff_ids": layers},
    }


def _labels(manifest: CapsuleManifest) -> dict[str, str]:
    """https://github.com/opencontainers/image-spec/blob/v1.1.0/annotations.md"""
    return {
        "org.opencontainers.image.title": manifest.title,
        "org.opencontainers.image.version": manifest.id.removeprefix("sha256:")[:12],
        "org.opencontainers.image.created": f"{manifest.created_at:%Y-%m-%dT%H:%M:%SZ}",
        "io.qlayer.capsule": manifest.id,
        "io.qlayer.level": str(manifest.decision.level or "none"),
    }


def _entry(name: str, data: bytes | None) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type = tarfile.DIRTYPE if data is None else tarfile.REGTYPE
    entry.mode = 0o755 if data is None else 0o644
    entry.size = 0 if data is None else len(data)
    entry.uid = entry.gid = USER_ID
    return entry


def _parents(path: str) -> list[PurePosixPath]:
    return [parent for parent in PurePosixPath(path).parents if str(parent) != "."]


def _descriptor(media_type: str, data: bytes) -> Descriptor:
    return Descriptor(media_type=media_type, digest=sha256(data), size=len(data))
