"""Every family with its own sample: it is the one that is chosen, and its adapters do as they are asked."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from qlayer.errors import ConfigurationError, InputError
from qlayer.generation.intake import parse_spec
from qlayer.generation.reference import filled
from qlayer.generation.templates import TEMPLATES, choose
from qlayer.generation.templates.manifest import load_manifest
from qlayer.types.spec import Spec

ADAPTED = ("worker", "serverless", "model-serving")


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_the_sample_is_given_to_its_own_family_and_the_reference_fills_it(name: str) -> None:
    template = TEMPLATES[name]
    manifest = load_manifest(template.folder)
    assert (manifest.name, manifest.summary) == (name, template.summary)
    chosen, reason = choose(parse_spec(manifest.sample))
    assert chosen.name == name, reason
    skeleton = template.instantiate(parse_spec(manifest.sample))
    assert skeleton.tree == template.instantiate(parse_spec(manifest.sample)).tree
    tree = filled(skeleton, manifest.reference)
    for path in (path for path in tree.paths() if path.endswith(".py")):
        ast.parse(tree.text(path))
    assert all("NotImplementedError" not in tree.text(slot.path) for slot in skeleton.slots)


def worker(text: str) -> Spec:
    return parse_spec(f"{text}\n\n```python\ndef f(a: int) -> int:\n    ...\n```\n\n- f(1) == 1\n")


def test_a_worker_takes_its_subjects_from_the_request() -> None:
    said = worker("A worker that takes messages from the subject `a.b` and publishes results to `c.d`.")
    unsaid = worker("A NATS worker.")
    for spec, subject, results in ((said, "a.b", "c.d"), (unsaid, "f.jobs", "f.results")):
        source = TEMPLATES["worker"].instantiate(spec).tree.text("src/f/worker.py")
        assert f'subject: str = "{subject}"' in source and f'results: str = "{results}"' in source
        assert 'ARGUMENTS = ("a",)' in source


@pytest.mark.parametrize("name", ADAPTED)
def test_what_cannot_be_called_by_name_is_refused(name: str) -> None:
    for head, told in (("", "no head"), ("def f(*values: int) -> int", "any number")):
        block = f"\n\n```python\n{head}:\n    ...\n```\n" if head else ""
        with pytest.raises(InputError, match=told):
            TEMPLATES[name].instantiate(parse_spec(f"Something about numbers.{block}"))


def test_a_plain_function_is_no_worker() -> None:
    assert choose(worker("Add one to a number."))[0].name == "function"


def test_a_manifest_that_is_wrong_names_the_field(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"family\.toml"):
        load_manifest(tmp_path)
    (tmp_path / "sample.md").write_text("x")
    (tmp_path / "reference.py").write_text("")
    for text, field in (('name = "UP"', "name"), ("name = ", "family.toml"), ('name = "a"', "summary")):
        (tmp_path / "family.toml").write_text(text)
        with pytest.raises(ConfigurationError, match=field):
            load_manifest(tmp_path)
