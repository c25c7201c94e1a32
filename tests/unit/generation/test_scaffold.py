"""Families without a slot, the shipped ones and a stranger's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jinja2 import Environment

from qlayer.errors import ConfigurationError, InputError
from qlayer.generation.intake import parse_spec
from qlayer.generation.templates.mobile import MOBILE
from qlayer.generation.templates.node_service import NODE_SERVICE
from qlayer.generation.templates.own import MAX_FILE_BYTES, load_family
from qlayer.generation.templates.scaffold import Scaffold
from qlayer.generation.templates.web import WEB

_MANIFEST = """
name = "leaflet"
summary = "a leaflet of one page"
words = ["leaflet"]
slots = "none"
tests = "none"
runtimes = ["a reader"]
licence = "MIT"

[[parameters]]
name = "colour"
said = "a line `colour: red`"
default = "blue"
"""
_ESCAPE = "{{ ''.__class__.__mro__[1].__subclasses__() }}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "leaflet"
    (made / "files").mkdir(parents=True)
    (made / "family.toml").write_text(_MANIFEST)
    (made / "sample.md").write_text("# Summer\n\nA leaflet.\n")
    (made / "reference.py").write_text("")
    (made / "files" / "page.txt.j2").write_text("{{ title }} in {{ colour }}\n")
    return made


def _page(family: Scaffold, request: str) -> str:
    return family.instantiate(parse_spec(request, template=family.name)).tree.text("page.txt")


@pytest.mark.parametrize("family", [NODE_SERVICE, WEB, MOBILE], ids=lambda family: str(family.name))
def test_a_shipped_scaffold_names_only_tests_and_files_that_it_has(family: Scaffold) -> None:
    spec = parse_spec((family.folder / "sample.md").read_text())
    assert family.fit(spec).score > 0.9
    skeleton = family.instantiate(spec)
    tests = "".join(skeleton.tree.text(path) for path in skeleton.tree.paths() if path.endswith(".test.ts"))
    for plan in (*skeleton.boot, *skeleton.final):
        assert plan.kind == "program" and plan.expected_tests
        assert {plan.path, *plan.argv} <= set(skeleton.tree.paths())
        assert all(f'test("{name}"' in tests for name in plan.expected_tests)
    for path in ("package.json", "tsconfig.json"):
        assert json.loads(skeleton.tree.text(path))


def test_text_of_a_request_stays_text_in_json_and_source() -> None:
    spec = parse_spec('# A "quoted" </script> title\n\nA mobile app with Expo.\n')
    tree = MOBILE.instantiate(spec).tree
    assert json.loads(tree.text("app.json"))["expo"]["name"] == 'A "quoted" </script> title'
    assert "</script>" not in WEB.instantiate(spec).tree.text("index.html").partition("</head>")[0]


def test_a_parameter_is_said_in_the_request_or_has_its_default(folder: Path) -> None:
    family = load_family(folder)
    assert _page(family, "# Summer\n\nA leaflet.\n") == "Summer in blue\n"
    assert _page(family, "# Summer\n\nA leaflet.\n\n- colour: red\n") == "Summer in red\n"
    with pytest.raises(InputError) as caught:
        _page(family, "# Summer\n\nA leaflet.\n\n- colour: ${red};\n")
    assert caught.value.field == "colour" and caught.value.limit


def test_a_template_does_not_reach_the_interpreter(folder: Path) -> None:
    assert "class" in Environment(autoescape=False).from_string(_ESCAPE).render()
    (folder / "files" / "page.txt.j2").write_text(_ESCAPE)
    with pytest.raises(ConfigurationError, match="unsafe"):
        _page(load_family(folder), "# Summer\n\nA leaflet.\n")


@pytest.mark.parametrize("text", ["{{ 'x' * 999999999 }}", "{{ 9 ** 99999999 }}", "{{ 10000000 * 2 }}"])
def test_a_template_cannot_ask_for_a_huge_text_at_once(folder: Path, text: str) -> None:
    (folder / "files" / "page.txt.j2").write_text(text)
    with pytest.raises(ConfigurationError, match="multiply"):
        _page(load_family(folder), "# Summer\n\nA leaflet.\n")


def test_no_file_outside_the_folder_is_read(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    (folder / "files" / "page.txt.j2").write_text("{% include '../../secret.txt' %}")
    with pytest.raises(ConfigurationError):
        _page(load_family(folder), "# Summer\n\nA leaflet.\n")
    (folder / "files" / "page.txt.j2").unlink()
    (folder / "files" / "page.txt.j2").symlink_to(secret)
    assert _page(Scaffold(folder), "# Summer\n\nA leaflet.\n") == "secret"
    with pytest.raises(ConfigurationError, match=r"files/page\.txt\.j2 is a link"):
        load_family(folder)


def test_no_file_outside_the_project_is_written(folder: Path) -> None:
    (folder / "files" / "__title__.txt.j2").write_text("here")
    with pytest.raises(ConfigurationError, match="must be relative"):
        load_family(folder).instantiate(parse_spec("# ../../outside\n\nA leaflet.\n", template="leaflet"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('licence = ""\nsize = 3', "size"),
        ('name = "Not A Name"', "name"),
        ("boot = [{kind = 'program', path = 'a', language = 'cobol'}]", "boot"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused_with_the_field(folder: Path, line: str, said: str) -> None:
    key = line.partition(" ")[0]
    kept = [one for one in _MANIFEST.splitlines() if not one.startswith(f"{key} =")]
    at = next(number for number, one in enumerate(kept) if one.startswith("[["))
    (folder / "family.toml").write_text("\n".join([*kept[:at], line, *kept[at:]]))
    with pytest.raises(ConfigurationError, match=rf"family\.toml: {said}"):
        load_family(folder)


def test_a_large_file_is_refused_with_the_limit(folder: Path) -> None:
    (folder / "files" / "large.j2").write_bytes(b"x" * (MAX_FILE_BYTES + 1))
    with pytest.raises(ConfigurationError, match=str(MAX_FILE_BYTES)):
        load_family(folder)
