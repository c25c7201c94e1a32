"""Fits a spec to the `function` family and instantiates it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

from qlayer.errors import InputError
from qlayer.generation.base import Fit, Skeleton, Slot
from qlayer.generation.edits import functions_of, without
from qlayer.generation.naming import function_name, package_name
from qlayer.generation.templates.function.source import docstring_block, signature_imports
from qlayer.generation.templates.function.tests import case_of, test_of
from qlayer.generation.templates.render import render_folder
from qlayer.types.check import BootPlan, Case, CasesPlan, PytestPlan
from qlayer.types.source import SourceTree
from qlayer.types.spec import Signature, Spec

_FOLDER = Path(__file__).parent
_FILES = _FOLDER / "files"


class FunctionTemplate:
    """A library module with one function that the model writes."""

    name = "function"
    summary = "a typed library module with one function and its tests"
    folder = _FOLDER

    def fit(self, spec: Spec) -> Fit:
        if spec.routes or spec.scenario:
            return Fit(score=0.1, reason="the request names HTTP routes, which one function does not serve")
        if spec.signature is not None:
            return Fit(score=0.9, reason=f"the request asks for the function {spec.signature.name}")
        return Fit(score=0.3, reason="the request names neither routes nor a signature: one function is made")

    def instantiate(self, spec: Spec) -> Skeleton:
        signature = spec.signature or _signature_from_title(spec.title)
        if signature.source.startswith("async "):
            raise InputError(
                f"{signature.name} is asynchronous, and examples of coroutines are not judged yet",
                field="text",
                limit="a plain def",
            )
        imports = signature_imports(signature)
        package = package_name(signature.name)
        path, module = f"src/{package}/core.py", f"{package}.core"
        tests_path = f"tests/test_{package}.py"
        tests = [test_of(example, number) for number, example in enumerate(spec.examples, 1)]
        header = "\n".join(part for part in (*imports, signature.preamble) if part)
        values = {
            "package": package,
            "distribution": package.replace("_", "-"),
            "title": spec.title,
            "title_line": " ".join(spec.title.split()).replace("\\", "/").replace('"', "'").rstrip(".") + ".",
            "description": spec.description,
            "function": signature.name,
            "exports": sorted([signature.name, *(helper.name for helper in spec.helpers)]),
            "signature": signature.source,
            "docstring": docstring_block(signature.docstring or spec.description or spec.title),
            "header": header,
            "tests": tests,
            "needs_approx": any("approx(" in test.assertion for test in tests),
            "needs_raises": any(test.raises for test in tests),
        }
        cases = tuple(case_of(example, number) for number, example in enumerate(spec.examples, 1))
        examples = (CasesPlan(module=module, cases=cases),) if cases else ()
        names = [test.name for test in tests] or ["test_is_callable"]
        project_tests = PytestPlan(
            paths=(tests_path,), expected_tests=tuple(f"{tests_path}::{name}" for name in names)
        )
        slots = [
            Slot(
                name=one.name,
                path=path,
                module=module,
                signature=one.source,
                brief=_brief(spec, signature, one),
                context=_without_own(header, one.name),
                examples=tuple(example for example in spec.examples if example.function == one.name),
                checks=_own_checks(module, cases, one.name),
            )
            for one in (*spec.helpers, signature)
        ]
        return Skeleton(
            template=self.name,
            tree=SourceTree().with_files(render_folder(_FILES, values)),
            slots=tuple(slots),
            boot=(BootPlan(module=package),),
            final=(*examples, project_tests),
        )


def _brief(spec: Spec, signature: Signature, one: Signature) -> str:
    """What one function must do: the request's words, then the function's own."""
    said = "" if spec.description == signature.docstring else spec.description
    return "\n\n".join(part for part in (said, one.docstring) if part) or spec.description or spec.title


def _without_own(header: str, name: str) -> str:
    """What stands above the function, without the function itself where it is one of several."""
    module = ast.parse(header)
    return without(header, [node for node in functions_of(module) if node.name == name]).strip("\n")


def _own_checks(module: str, cases: Sequence[Case], name: str) -> tuple[CasesPlan, ...]:
    own = tuple(case for case in cases if case.function == name)
    return (CasesPlan(module=module, cases=own),) if own else ()


def _signature_from_title(title: str) -> Signature:
    """For a request that shows neither a head nor an example."""
    name = function_name(title)
    return Signature(name=name, source=f"def {name}(value)")
