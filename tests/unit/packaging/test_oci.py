"""Images: the same bytes twice, on a base and without, and nothing damaged is taken for one."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest
from image_samples import MANIFEST, TREE, sample_image

from qlayer.errors import InputError
from qlayer.packaging.oci import (
    USER_ID,
    Start,
    artifact,
    build_image,
    project_layer,
    read_layout,
    write_layout,
)
from qlayer.packaging.reference import Reference
from qlayer.types.source import SourceTree


def test_the_same_capsule_gives_the_same_digest() -> None:
    assert sample_image().digest == sample_image().digest
    again = SourceTree(files=dict(reversed(TREE.files.items())))
    assert project_layer(again) == project_layer(TREE)
    other = build_image(MANIFEST, TREE, None, Start(command=("python3",)))
    assert other.digest != sample_image().digest


def test_the_layer_holds_the_project_for_one_user_without_times() -> None:
    with tarfile.open(fileobj=io.BytesIO(project_layer(TREE))) as tar:
        entries = {entry.name: entry for entry in tar}
        files = {
            name: tar.extractfile(entry).read()  # type: ignore[union-attr]
            for name, entry in entries.items()
            if entry.isfile()
        }
    assert files == {f"app/{path}": data for path, data in TREE.files.items()}
    assert list(entries) == sorted(entries)
    assert {entry.mtime for entry in entries.values()} == {0}
    assert {(entry.uid, entry.gid) for entry in entries.values()} == {(USER_ID, USER_ID)}
    assert {entry.mode for entry in entries.values() if entry.isfile()} == {0o644}


def test_a_base_gives_its_layers_and_its_environment() -> None:
    below = build_image(
        MANIFEST,
        SourceTree(files={"base": b""}),
        None,
        Start(command=("sh",), environment={"PATH": "/bin", "A": "1"}),
    )
    image = build_image(
        MANIFEST, TREE, below, Start(command=("python3",), environment={"A": "2"}, ports=(80,))
    )
    config = image.config
    assert config["rootfs"]["diff_ids"][:1] == below.config["rootfs"]["diff_ids"]
    assert config["config"]["Env"] == ["A=2", "PATH=/bin"]
    assert config["config"]["User"] == f"{USER_ID}:{USER_ID}"
    assert config["config"]["ExposedPorts"] == {"80/tcp": {}}
    assert config["config"]["Labels"]["io.qlayer.capsule"] == MANIFEST.id
    assert set(below.parsed["layers"][0]) == {"mediaType", "digest", "size"}


def test_a_layout_comes_back_whole(tmp_path: Path) -> None:
    image = sample_image()
    write_layout(image, (artifact(image, "a/b", b"x", "a/b"),), tmp_path / "out", "1.0")
    assert read_layout(tmp_path / "out") == image
    index = json.loads((tmp_path / "out" / "index.json").read_bytes())
    first, _ = (one["digest"] for one in index["manifests"])
    assert first == image.digest
    with pytest.raises(InputError, match="not empty"):
        write_layout(image, (), tmp_path / "out", "1.0")


@pytest.mark.parametrize("damage", ["blob", "index", "missing", "odd digest"])
def test_a_damaged_layout_is_no_base(tmp_path: Path, damage: str) -> None:
    image = sample_image()
    folder = tmp_path / "out"
    write_layout(image, (), folder, "1.0")
    layer = folder / "blobs" / "sha256" / image.parsed["layers"][0]["digest"].removeprefix("sha256:")
    index = folder / "index.json"
    match damage:
        case "blob":
            layer.write_bytes(layer.read_bytes() + b"\0")
        case "index":
            index.write_text("[]")
        case "missing":
            layer.unlink()
        case _:
            index.write_text(index.read_text().replace(image.digest, "sha256:../../etc/passwd"))
    with pytest.raises(InputError, match="no OCI image layout"):
        read_layout(folder)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("localhost:5000/books", ("localhost:5000", "books", "latest", None)),
        ("r.example/a/b-c:1.0", ("r.example", "a/b-c", "1.0", None)),
        (f"r.example/a@sha256:{'0' * 64}", ("r.example", "a", "latest", f"sha256:{'0' * 64}")),
    ],
)
def test_references(text: str, parts: tuple[str | None, ...]) -> None:
    found = Reference.parse(text)
    assert (found.host, found.name, found.tag, found.digest) == parts


@pytest.mark.parametrize(
    "text", ["", "books", "host/", "host/UPPER", "host/a:", "host/../a", "http://host/a"]
)
def test_what_is_no_reference(text: str) -> None:
    with pytest.raises(InputError, match="no image reference"):
        Reference.parse(text)
