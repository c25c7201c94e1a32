"""Fits a spec to the `function` family and instantiates it."""

from __future__ import annotations

from pathlib import Path

from qlayer.errors import InputError
from qlayer.generation.base import Fit, Skeleton, Slot
from qlayer.generation.naming import function_name, package_name
from qlayer.generation.templates.function.source import docstring_block, signature_imports
from qlayer.generation.templates.function.tests import case_of, test_of
from qlayer.generation.templates.render import render_folder
from qlayer.types.check import BootPlan, CasesPlan, PytestPlan
from qlayer.types.source import SourceTree
from qlayer.types.spec import Signature, Spec

_FILES = Path(__file__).parent / "files"


class FunctionTemplate:
    """A library module with one function that the model writes."""

    name = "function"
    summary = "a typed library module with one function and its tests"

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
        brief = signature.docstring or spec.description or spec.title
        values = {
            "package": package,
            "distribution": package.replace("_", "-"),
            "title": spec.title,
            "title_line": " ".join(spec.title.split()).replace("\\", "/").replace('"', "'").rstrip(".") + ".",
            "description": spec.description,
            "function": signature.name,
            "signature": signature.source,
            "docstring": docstring_block(brief),
            "header": "\n".join(part for part in (*imports, signature.preamble) if part),
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
        slot = Slot(
            name=signature.name,
            path=path,
            module=module,
            signature=signature.source,
            brief=brief,
            context=values["header"],
            examples=spec.examples,
            checks=examples,
        )
        return Skeleton(
            template=self.name,
            tree=SourceTree().with_files(render_folder(_FILES, values)),
            slots=(slot,),
            boot=(BootPlan(module=package),),
            final=(*examples, project_tests),
        )


def _signature_from_title(title: str) -> Signature:
    """For a request that shows neither a head nor an example."""
    name = function_name(title)
    return Signature(name=name, source=f"def {name}(value)")
