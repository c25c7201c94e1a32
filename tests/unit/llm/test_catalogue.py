"""The catalogue: the shipped entries are sound, and a wrong file is named with its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from qlayer.errors import ConfigurationError, NotFoundError
from qlayer.llm.catalogue import Catalogue, HubSource, WheelSource

SHIPPED = Path(__file__).parents[3] / "models"

ENTRY = """
id: tiny
name: Tiny
family: tiny
parameters_b: 0.1
revision: main
licence: Apache-2.0
context_tokens: 2048
tier: cpu-0.5b
resources: {cpus: 1, memory_bytes: 1000000}
files:
  - name: tiny.gguf
    sources: [{kind: hub, repo: a/b, file: tiny.gguf}]
"""


def write(folder: Path, text: str, name: str = "tiny.yaml") -> Path:
    (folder / name).write_text(text)
    return folder


def test_the_shipped_catalogue_has_every_promised_model() -> None:
    catalogue = Catalogue.load(SHIPPED)
    sizes = {
        "qwen2.5-coder-0.5b",
        "qwen2.5-coder-1.5b",
        "qwen2.5-coder-7b",
        "qwen2.5-coder-14b",
        "qwen2.5-coder-32b",
    }
    assert sizes | {"qwen3-coder-30b-a3b"} == set(catalogue.entries)
    assert all(entry.licence == "Apache-2.0" for entry in catalogue.entries.values())


def test_entries_come_smallest_first() -> None:
    sizes = [entry.parameters_b for entry in Catalogue.load(SHIPPED).entries.values()]
    assert sizes == sorted(sizes)


@pytest.mark.parametrize("model", ["qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"])
def test_models_of_the_laptop_are_pinned_and_have_the_hub_first_and_a_mirror(model: str) -> None:
    [file] = Catalogue.load(SHIPPED).get(model).files
    assert file.digest is not None
    assert file.size_bytes
    assert [type(source) for source in file.sources] == [HubSource, WheelSource]


def test_a_wheel_source_names_its_parts() -> None:
    source = WheelSource(package="big-model-part", parts=12, version="1.0")
    assert source.distribution(3) == "big-model-part3"
    assert source.member_of(3) == "big_model_part3/data/part03.bin"


def test_an_unknown_model_is_refused_naming_those_there_are(tmp_path: Path) -> None:
    catalogue = Catalogue.load(write(tmp_path, ENTRY))
    with pytest.raises(NotFoundError, match="'huge'") as caught:
        catalogue.get("huge")
    assert caught.value.kind == "model"
    assert "tiny" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ENTRY + "colour: red\n", ["tiny.yaml", "colour"]),
        (ENTRY.replace("cpus: 1", "cpus: many"), ["tiny.yaml", "resources.cpus"]),
        (ENTRY.replace("kind: hub", "kind: floppy"), ["tiny.yaml", "files.0.sources.0", "floppy"]),
        (ENTRY.replace("tiny.gguf\n", "../tiny.gguf\n"), ["tiny.yaml", "files.0.name"]),
        (ENTRY.replace("id: tiny", "id: other"), ["tiny.yaml", "id", "other"]),
        (ENTRY.replace("family: tiny", "family: [tiny"), ["tiny.yaml", "not valid YAML"]),
        ("- a\n- b\n", ["tiny.yaml", "mapping"]),
        (
            ENTRY.replace(
                "{kind: hub, repo: a/b, file: tiny.gguf}",
                '{kind: wheels, package: p, parts: 2, version: "1", member: "{where}/x"}',
            ),
            ["files.0.sources.0.wheels.member", "where"],
        ),
    ],
)
def test_a_wrong_file_is_named_with_its_key(tmp_path: Path, text: str, words: list[str]) -> None:
    write(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        Catalogue.load(tmp_path)
    for word in words:
        assert word in caught.value.message


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match=r"tiny\.yaml"):
        Catalogue.load(tmp_path)


@pytest.mark.parametrize("make", [False, True])
def test_no_folder_and_an_empty_folder_are_refused(tmp_path: Path, make: bool) -> None:
    folder = tmp_path / "models"
    if make:
        folder.mkdir()
    with pytest.raises(ConfigurationError, match="catalogue"):
        Catalogue.load(folder)
