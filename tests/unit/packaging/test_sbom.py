"""The bill of materials: complete, valid by the standard's schema, the same bytes twice, never silent."""

from __future__ import annotations

import json

import pytest
from capsule_samples import FILES, sample_manifest, sample_tree
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from qlayer.packaging.components import components
from qlayer.packaging.sbom import bill_of_materials
from qlayer.types.source import SourceTree

PYPROJECT = b'[project]\nname = "x"\ndependencies = ["FastAPI>=0.115", "idna"]\n'
LOCK = b"""# a comment
--index-url https://example.invalid
idna==3.10 \\
    --hash=sha256:%s \\
    --hash=sha256:%s  # two files
""" % (b"a" * 64, b"b" * 64)
NPM_LOCK = {
    "lockfileVersion": 3,
    "packages": {
        "": {"name": "root"},
        "node_modules/@scope/left": {
            "version": "1.0.0",
            "license": "MIT",
            "integrity": "sha512-" + "AAAA" * 21 + "AA==",
        },
        "node_modules/only-for-tests": {"version": "2.0.0", "dev": True},
    },
}


def tree_with(**files: bytes) -> SourceTree:
    return sample_tree({**FILES, **{name.replace("__", "."): data for name, data in files.items()}})


def test_locked_packages_replace_declared_ones() -> None:
    found = components(SourceTree(files={"pyproject.toml": PYPROJECT, "requirements.txt": LOCK}))
    assert [(one.purl, one.specifier) for one in found.dependencies] == [
        ("pkg:pypi/fastapi", ">=0.115"),
        ("pkg:pypi/idna@3.10", "==3.10"),
    ]
    assert found.dependencies[1].hashes == (("sha256", "a" * 64), ("sha256", "b" * 64))
    assert not found.unreadable


def test_npm_locks_give_hashes_and_licences() -> None:
    files = {
        "web/package.json": b'{"dependencies": {"@scope/left": "^1.0.0", "right": "*"}}',
        "web/package-lock.json": json.dumps(NPM_LOCK).encode(),
    }
    left, right = components(SourceTree(files=files)).dependencies
    assert left.purl == "pkg:npm/%40scope/left@1.0.0" and left.licence == "MIT"
    assert left.hashes == (("sha512", "00" * 64),)
    assert (right.purl, right.version) == ("pkg:npm/right", None)


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("pyproject.toml", b"[project"),
        ("requirements.txt", b"not a requirement at all"),
        ("requirements.txt", b"\xff\xfe"),
        ("package.json", b"[]"),
        ("package-lock.json", b'{"lockfileVersion": 1}'),
    ],
)
def test_a_file_that_cannot_be_read_is_told(path: str, data: bytes) -> None:
    (problem,) = components(SourceTree(files={path: data})).unreadable
    assert problem.path == path and problem.problem
    tree = sample_tree({path: data})
    assert "qlayer:unreadable" in bill_of_materials(sample_manifest(tree), tree).decode()


def test_the_bill_is_valid_whole_and_the_same_twice() -> None:
    tree = tree_with(pyproject__toml=PYPROJECT, requirements__txt=LOCK)
    manifest = sample_manifest(tree)
    bill = bill_of_materials(manifest, tree)
    assert bill == bill_of_materials(manifest, tree)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill.decode()) is None
    written = json.loads(bill)
    files = written["metadata"]["component"]["components"]
    hashes = {one["name"]: one["hashes"][0]["content"] for one in files if one["type"] == "file"}
    assert hashes == {path: digest.removeprefix("sha256:") for path, digest in manifest.files.items()}
    listed = written["components"]
    (model,) = (one for one in listed if one["type"] == "machine-learning-model")
    assert model["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    packages = {one["purl"]: one for one in listed if one["type"] == "library"}
    assert set(packages) == {"pkg:pypi/fastapi", "pkg:pypi/idna@3.10"}
