"""Capsules as folders: written whole or not at all, never through a link, and checked again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from capsule_samples import FILES, sample_manifest, sample_tree

from qlayer.errors import InputError, StoreError
from qlayer.packaging.folder import MANIFEST_PATH, Exported, write_folder
from qlayer.packaging.offline import verify_folder
from qlayer.packaging.verification import Verification
from qlayer.types.ids import CapsuleId, sha256
from qlayer.types.source import SourceTree

TREE = sample_tree()
MANIFEST = sample_manifest(TREE)


def write(destination: Path, *, force: bool = False, tree: SourceTree = TREE) -> Exported:
    return write_folder(sample_manifest(tree), tree, destination, force=force)


def content(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def failed(result: Verification) -> list[str]:
    return [step.name for step in result.steps if not step.ok]


def test_the_project_and_its_manifest_are_written(tmp_path: Path) -> None:
    out = tmp_path / "made" / "on" / "the" / "way"
    exported = write(out)
    assert exported.path == out
    assert (exported.capsule, exported.files) == (MANIFEST.id, len(FILES))
    assert exported.bytes == sum(len(data) for data in FILES.values())
    written = content(out)
    assert sha256(written.pop(MANIFEST_PATH)) == MANIFEST.id, "the manifest's bytes are what the id digests"
    assert written == dict(FILES)
    assert [path.name for path in out.parent.iterdir()] == ["way"], "no temporary folder is left"


def test_no_file_is_executable_and_others_may_read(tmp_path: Path) -> None:
    umask = os.umask(0o022)
    try:
        write(tmp_path / "out")
    finally:
        os.umask(umask)
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert modes == {0o644}


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write(tmp_path / "out")
    assert verify_folder(tmp_path / "out").ok


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_with_other_things_is_left_alone(tmp_path: Path, force: bool) -> None:
    out = tmp_path / "home"
    out.mkdir()
    (out / "thesis.txt").write_text("ten years of work")
    with pytest.raises(InputError) as raised:
        write(out, force=force)
    assert raised.value.field == "destination"
    assert content(out) == {"thesis.txt": b"ten years of work"}
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_an_earlier_export_is_replaced_only_by_force(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out)
    (out / "extra.py").write_text("x = 1")
    other = sample_tree({"main.py": b"print('new')\n"})
    with pytest.raises(InputError, match="not empty"):
        write(out, tree=other)
    assert "extra.py" in content(out)
    write(out, tree=other, force=True)
    assert sorted(content(out)) == [MANIFEST_PATH, "main.py"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_earlier_export_comes_back_when_it_cannot_be_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    write(out)
    before = content(out)
    rename = Path.rename

    def fails_for_fresh(self: Path, target: Path) -> Path:
        if self.name == "fresh":
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails_for_fresh)
    with pytest.raises(StoreError, match="Input/output error"):
        write(out, tree=sample_tree({"main.py": b""}), force=True)
    assert content(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="symbolic link"):
        write(tmp_path / "out", force=True)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_destination_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(InputError, match="not a folder"):
        write(tmp_path / "out", force=True)


def test_a_parent_that_is_a_file_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        write(tmp_path / "file" / "out")


def test_an_export_verifies_step_by_step(tmp_path: Path) -> None:
    write(tmp_path / "out")
    result = verify_folder(tmp_path / "out", MANIFEST.id)
    assert result.ok
    assert result.capsule == MANIFEST.id
    names = [(step.number, step.name) for step in result.steps]
    assert names == list(
        enumerate(
            ("manifest", "files", "nothing else", "tree", "spec", "level", "decision", "signature"), start=1
        )
    )


def test_another_capsule_than_expected_is_said(tmp_path: Path) -> None:
    write(tmp_path / "out")
    assert failed(verify_folder(tmp_path / "out", CapsuleId(sha256(b"other")))) == ["manifest"]


def test_tampering_with_files_is_found(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out)
    (out / "src/add.py").write_text("def add(a, b):\n    return 42\n")
    (out / "README.md").unlink()
    (out / "conftest.py").write_text("")
    (out / "linked").symlink_to("/")
    result = verify_folder(out)
    assert failed(result) == ["files", "nothing else"]
    details = {step.name: step.detail for step in result.steps}
    assert details["files"] == "missing: README.md; changed: src/add.py"
    assert details["nothing else"] == "not in the manifest: conftest.py, linked"


def test_the_same_bytes_behind_a_link_do_not_count(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out)
    (out / "src").rename(tmp_path / "outside")
    (out / "src").symlink_to(tmp_path / "outside")
    result = verify_folder(out)
    assert failed(result) == ["files", "nothing else"]


def test_a_pipe_in_place_of_a_file_does_not_hang(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out)
    (out / "README.md").unlink()
    os.mkfifo(out / "README.md")
    assert failed(verify_folder(out)) == ["files"]


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff", None])
def test_a_folder_without_a_readable_manifest_has_no_name(tmp_path: Path, damage: bytes | None) -> None:
    write(tmp_path / "out")
    path = tmp_path / "out" / MANIFEST_PATH
    path.unlink()
    if damage is not None:
        path.write_bytes(damage)
    result = verify_folder(tmp_path / "out")
    assert failed(result) == ["manifest"]
    assert result.capsule is None
