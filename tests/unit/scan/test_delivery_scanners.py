"""Tools for pipelines, charts and manifests: silent on what we make, loud on each planted defect."""

from __future__ import annotations

from pathlib import Path

import pytest

from qlayer.generation.intake import parse_spec
from qlayer.generation.templates import TEMPLATES
from qlayer.packaging.delivery.deliver import Bases, deliver
from qlayer.scan import helm, kubernetes
from qlayer.scan.base import NOT_SCANNED
from qlayer.scan.helm import Helm
from qlayer.scan.kubernetes import Kubernetes
from qlayer.scan.run import scan
from qlayer.scan.spawned import HADOLINT
from qlayer.scan.workflows import ACTIONLINT
from qlayer.types.finding import Severity
from qlayer.types.scan import ScanReport
from qlayer.types.source import SourceTree

EXAMPLES = Path(__file__).parents[3] / "examples"
WORKFLOW = ".github/workflows/ci.yml"
WORKLOAD, NETWORK = "deploy/kubernetes/workload.yaml", "deploy/kubernetes/network.yaml"
CHART = "deploy/chart"
DELIVERY = (ACTIONLINT, HADOLINT, Helm(), Kubernetes())


def project(family: str) -> SourceTree:
    spec = parse_spec((EXAMPLES / f"{family}.md").read_text(), template=family)
    return deliver(family, TEMPLATES[family].instantiate(spec).tree, Bases()).tree


@pytest.fixture(scope="module")
def service() -> SourceTree:
    return project("service")


def changed(tree: SourceTree, path: str, old: str, new: str) -> SourceTree:
    assert old in tree.text(path)
    return tree.with_files({path: tree.text(path).replace(old, new)})


def found(report: ScanReport) -> set[tuple[str, str, str]]:
    assert [tool.problem for tool in report.tools] == [None] * len(report.tools)
    return {(one.tool, one.rule, one.path) for one in report.findings}


async def test_what_we_deliver_has_no_findings(service: SourceTree) -> None:
    report = await scan(service, DELIVERY)
    assert found(report) == set()
    assert all(tool.files for tool in report.tools)
    for family in ("function", "cli", "data"):
        assert found(await scan(project(family), DELIVERY)) == set()


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("runs-on: ubuntu-24.04", "runs-on: ubuntu-2404", "runner-label"),
        ("needs: [test, scan]", "needs: [tests]", "job-needs"),
        ("permissions: {}", "permission: {}", "syntax-check"),
    ],
)
async def test_actionlint_finds_a_planted_defect(service: SourceTree, old: str, new: str, rule: str) -> None:
    tree = changed(service, WORKFLOW, old, new)
    configured = tree.with_files({".github/actionlint.yaml": "paths:\n  '**':\n    ignore: ['.*']\n"})
    for one in (tree, configured):
        report = await scan(one, [ACTIONLINT])
        assert ("actionlint", rule, WORKFLOW) in found(report)
        assert report.findings[0].line is not None and report.findings[0].hint


@pytest.mark.parametrize(
    ("path", "old", "new", "rule"),
    [
        (WORKLOAD, "replicas: 1", "replicas: one", "schema"),
        (WORKLOAD, "replicas: 1", "replica: 1", "schema"),
        (WORKLOAD, "kind: Service", "kind: Servise", "unknown-kind"),
        (WORKLOAD, "kind: Service", "kind: ../service", "unknown-kind"),
        (WORKLOAD, "drop: [ALL]", "drop: []", "restricted/capabilities"),
        (NETWORK, "podSelector:", "podSelektor:", "schema"),
        (NETWORK, "kind: NetworkPolicy", "kind: [", "yaml"),
    ],
)
async def test_manifests_are_held_to_schema_and_pod_security(
    service: SourceTree, path: str, old: str, new: str, rule: str
) -> None:
    report = await scan(changed(service, path, old, new), [Kubernetes()])
    assert ("kubernetes", rule, path) in found(report)
    assert all(one.line for one in report.findings if one.path == path)


@pytest.mark.parametrize(
    ("file", "old", "new", "rule", "where"),
    [
        ("templates/workload.yaml", "{{ .Values.replicas }}", "{{ .Values.replicas", "render", None),
        ("templates/workload.yaml", "drop: [ALL]", "drop: []", "restricted/capabilities", None),
        ("templates/network.yaml", "podSelector:", "podSelektor:", "schema", None),
        ("Chart.yaml", "version: 0.1.0", "version: one", "lint", None),
        ("values.yaml", "replicas: 1", "replicas: many", "values", None),
        ("values.yaml", "replicas: 1", "replicas: 1\nreplika: 2", "values", None),
        ("values.schema.json", '"type": "object"', '"type": "objekt"', "values-schema", None),
    ],
)
async def test_a_chart_is_linted_rendered_and_checked(
    service: SourceTree, file: str, old: str, new: str, rule: str, where: str | None
) -> None:
    path = f"{CHART}/{file}"
    report = await scan(changed(service, path, old, new), [Helm()])
    assert ("helm", rule, where or path) in found(report)


async def test_a_chart_stays_restricted_whatever_its_values_say(service: SourceTree) -> None:
    """The values cannot reach the security settings, so no values file can take them away."""
    given = changed(
        service, f"{CHART}/values.yaml", "replicas: 1", "replicas: 1\nsecurityContext: {privileged: true}"
    )
    rules = {rule for _, rule, _ in found(await scan(given, [Helm()]))}
    assert "values" in rules and not any(rule.startswith("restricted/") for rule in rules)


@pytest.mark.parametrize("module", [helm, kubernetes])
async def test_a_tool_that_is_missing_is_a_finding(
    service: SourceTree, module: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    scanner = Helm() if module is helm else Kubernetes()
    monkeypatch.setattr(type(scanner), "version", lambda self: None)
    report = await scan(service, [scanner])
    (finding,) = report.findings
    assert (finding.rule, finding.severity) == (NOT_SCANNED, Severity.HIGH)
    assert "not installed" in finding.message and "qlayer[scan]" in finding.hint
