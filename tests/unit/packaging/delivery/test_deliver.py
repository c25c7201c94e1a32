"""The delivery files of real families: which there are, that they work, that nothing of a project is lost."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from qlayer.generation.intake import parse_spec
from qlayer.generation.templates import TEMPLATES
from qlayer.packaging.delivery.deliver import HEADING, Bases, deliver
from qlayer.packaging.delivery.families import FAMILIES, Part, parts_of
from qlayer.packaging.delivery.pins import ACTIONS
from qlayer.packaging.delivery.project import MAX_NAME, project_of
from qlayer.types.source import SourceTree

REQUESTS = Path(__file__).parents[4] / "examples"
PROGRAM = {"Makefile", "Dockerfile", ".dockerignore", ".github/workflows/ci.yml"}
PINNED = Bases(python="python:3.13-slim@sha256:" + "a" * 64)


def skeleton(family: str) -> SourceTree:
    spec = parse_spec((REQUESTS / f"{family}.md").read_text(), template=family)
    return TEMPLATES[family].instantiate(spec).tree


@pytest.mark.parametrize("family", ["function", "cli", "data", "service"])
def test_a_family_gets_its_files_and_nothing_of_the_project_changes(family: str) -> None:
    before = skeleton(family)
    delivered = deliver(family, before, Bases())
    assert set(delivered.added) >= PROGRAM
    assert any(path.startswith("deploy/") for path in delivered.added) == (family == "service")
    assert {p: d for p, d in delivered.tree.files.items() if p in before and p != "README.md"} == {
        p: d for p, d in before.files.items() if p != "README.md"
    }
    readme = delivered.tree.text("README.md")
    assert readme.startswith(before.text("README.md").rstrip()) and readme.count(HEADING) == 1
    assert "`Makefile`" in readme and ("Helm" in readme) == (family == "service")


def test_the_same_tree_gives_the_same_bytes_and_a_second_time_nothing_new() -> None:
    once = deliver("service", skeleton("service"), Bases())
    assert once.tree.digest == deliver("service", skeleton("service"), Bases()).tree.digest
    twice = deliver("service", once.tree, Bases())
    assert twice.tree.digest == once.tree.digest and twice.added == () and set(twice.kept) == set(once.added)


def test_a_file_of_the_project_s_own_stays() -> None:
    own = skeleton("function").with_files({"Makefile": "test:\n\ttrue\n"})
    delivered = deliver("function", own, Bases())
    assert delivered.tree.text("Makefile") == "test:\n\ttrue\n" and delivered.kept == ("Makefile",)


def test_a_tree_that_does_not_say_how_it_is_built_stays_as_it_is() -> None:
    tree = SourceTree().with_files({"main.py": "print()\n"})
    assert deliver("function", tree, Bases()).tree is tree
    assert deliver("free", skeleton("function"), Bases()).added == ()


def test_a_family_that_is_not_listed_gets_a_makefile_and_a_pipeline() -> None:
    assert parts_of("a-family-of-a-user") == (Part.MAKE, Part.PIPELINE)
    assert parts_of("model_serving") == FAMILIES["model-serving"]


def test_every_action_is_pinned_by_commit_and_every_job_has_its_own_permissions_and_an_end() -> None:
    for family in ("function", "service"):
        text = deliver(family, skeleton(family), Bases()).tree.text(".github/workflows/ci.yml")
        workflow = yaml.safe_load(text)
        assert workflow["permissions"] == {} and "concurrency" in workflow
        assert list(workflow["jobs"]) == ["test", "scan", "build", "sign", "release"]
        for job in workflow["jobs"].values():
            assert job["timeout-minutes"] <= 20 and "permissions" in job
            for step in job["steps"]:
                if "uses" in step:
                    assert len(step["uses"].partition("@")[2]) == 40
        writing = {name for name, job in workflow["jobs"].items() if "write" in job["permissions"].values()}
        assert writing == {"sign", "release"}
    assert all(" # v" in action for action in ACTIONS.values())


def test_a_base_without_a_digest_is_told_in_the_dockerfile() -> None:
    tree = skeleton("function")
    assert "Pin it before you ship" in deliver("function", tree, Bases()).tree.text("Dockerfile")
    pinned = deliver("function", tree, PINNED).tree.text("Dockerfile")
    assert "Pin it" not in pinned and pinned.count(f"FROM {PINNED.python}") == 2


@pytest.mark.parametrize("given", ["Größe 2", "", "9-lives", "x" * 200, "a.b_c--", "-"])
def test_a_name_is_fit_for_images_and_kubernetes(given: str) -> None:
    tree = SourceTree().with_files({"pyproject.toml": f'[project]\nname = "{given}"\n'})
    project = project_of("function", tree)
    assert project is not None and len(project.name) <= MAX_NAME
    assert project.name[0].isalpha() and project.name[-1] != "-"
    assert set(project.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_a_node_project_gets_commands_of_npm() -> None:
    files = {
        "package.json": '{"name": "@me/page", "scripts": {"build": "tsc", "start": "node dist/server.js"}}',
        "src/app.ts": 'if (path === "/healthz") return ok;',
    }
    delivered = deliver("node-service", SourceTree().with_files(files), Bases()).tree
    assert "npm test" in delivered.text("Makefile") and "npm install" in delivered.text("Makefile")
    assert "setup-node" in delivered.text(".github/workflows/ci.yml")
    dockerfile = delivered.text("Dockerfile")
    assert "npm run build" in dockerfile and "USER 65532:65532" in dockerfile
    assert 'ENTRYPOINT ["node", "dist/server.js"]' in dockerfile and "PORT=8000" in dockerfile
    assert "/healthz" in dockerfile and "/healthz" in delivered.text("deploy/kubernetes/workload.yaml")


def laid_out(tree: SourceTree, folder: Path) -> Path:
    for path, data in tree.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


@pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine")
def test_the_makefile_tests_and_lints_a_function(tmp_path: Path) -> None:
    """With the skeleton's empty function `make test` must fail, with a right one pass: it really tests."""
    tree = deliver("function", skeleton("function"), Bases()).tree
    folder = laid_out(tree, tmp_path)

    def make(*targets: str) -> subprocess.CompletedProcess[str]:
        command = ["make", *targets, f"PYTHON={sys.executable}"]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)

    failed = make("test")
    assert failed.returncode != 0 and "failed" in failed.stdout
    core = folder / "src/second_smallest/core.py"
    core.write_text(
        "def second_smallest(values: list[int]) -> int | None:\n"
        "    found = sorted(set(values))\n"
        "    return found[1] if len(found) > 1 else None\n"
    )
    passed = make("test", "lint")
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "passed" in passed.stdout
    helped = make()
    assert helped.returncode == 0 and "Build the container image" in helped.stdout
