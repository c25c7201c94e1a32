"""Fits a spec to the `data` family and instantiates it."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qlayer.generation.base import Fit, Skeleton, Slot
from qlayer.generation.naming import function_name, package_name
from qlayer.generation.templates.data import tables
from qlayer.generation.templates.function.source import docstring_block
from qlayer.generation.templates.function.tests import case_of
from qlayer.generation.templates.playing import plan, play_files, project_tests, smoke
from qlayer.generation.templates.render import render_folder
from qlayer.types.check import BootPlan, CasesPlan
from qlayer.types.source import SourceTree
from qlayer.types.spec import Example, Spec
from qlayer.types.tool import Conversion, Invocation, TableFile

_FOLDER = Path(__file__).parent
_FILES = _FOLDER / "files"
_SPEAKS = re.compile(r"\bCSV\b|\bJSON (?:file|array|list|document)s?\b|\bspreadsheets?\b", re.I)
_ROWS = TableFile(name="rows", format="csv", value=[])
MAX_SHOWN_CHARS = 1_500
"""Of an example in the brief."""


class DataTemplate:
    """CSV or JSON in, CSV or JSON out; the model writes ``transform``."""

    name = "data"
    summary = "a tool that turns CSV or JSON into other data, with its tests"
    folder = _FOLDER

    def fit(self, spec: Spec) -> Fit:
        if spec.conversions:
            count = len(spec.conversions)
            return Fit(score=0.9, reason=f"the request shows data before and after ({count} examples)")
        if spec.signature is None and not spec.tool and _SPEAKS.search(f"{spec.title} {spec.description}"):
            return Fit(score=0.5, reason="the request speaks of files of data, and names no function")
        return Fit(score=0.0, reason="the request shows no data before and after")

    def instantiate(self, spec: Spec) -> Skeleton:
        inputs = spec.conversions[0].inputs if spec.conversions else (_ROWS,)
        output = spec.conversions[0].output if spec.conversions else _ROWS
        package = package_name(function_name(spec.title))
        parameters = ", ".join(
            f"{one.name}: {_kind(_values(spec, place))}" for place, one in enumerate(inputs)
        )
        returns = _kind([one.output.value for one in spec.conversions]) if spec.conversions else _kind([[]])
        signature = f"def transform({parameters}) -> {returns}"
        brief = _brief(spec)
        values = {
            "package": package,
            "program": package.replace("_", "-"),
            "title": spec.title,
            "title_line": " ".join(spec.title.split()).replace("\\", "/").replace('"', "'").rstrip(".") + ".",
            "summary": json.dumps(" ".join(spec.title.replace("%", "%%").split()), ensure_ascii=False),
            "inputs": inputs,
            "output_format": output.format,
            "columns": repr(output.columns).replace("'", '"'),
            "signature": signature,
            "docstring": docstring_block(brief),
        }
        calls = [_invocation(one) for one in spec.conversions]
        examples = tuple(_example(one) for one in spec.conversions)
        cases = tuple(case_of(example, number) for number, example in enumerate(examples, 1))
        checks = (CasesPlan(module=f"{package}.core", cases=cases),) if cases else ()
        slot = Slot(
            name="transform",
            path=f"src/{package}/core.py",
            module=f"{package}.core",
            signature=signature,
            brief=brief,
            examples=examples,
            checks=checks,
        )
        program = (
            [plan("program", package.replace("_", "-"), [(one, True) for one in calls])] if calls else []
        )
        return Skeleton(
            template=self.name,
            tree=SourceTree().with_files(
                {
                    **render_folder(_FILES, values),
                    **play_files(package, calls),
                    f"src/{package}/tables.py": inspect.getsource(tables),
                }
            ),
            slots=(slot,),
            boot=(BootPlan(module=f"{package}.cli"), smoke(())),
            final=(*checks, *program, project_tests(calls)),
        )


def _values(spec: Spec, place: int) -> list[Any]:
    return [one.inputs[place].value for one in spec.conversions] if spec.conversions else [[]]


def _kind(values: Sequence[Any]) -> str:
    """The annotation that fits all values."""
    if all(isinstance(value, list) for value in values):
        rows = all(isinstance(item, dict) for value in values for item in value)
        return "list[dict[str, Any]]" if rows else "list[Any]"
    if all(isinstance(value, dict) for value in values):
        return "dict[str, Any]"
    return "str" if all(isinstance(value, str) for value in values) else "Any"


def _brief(spec: Spec) -> str:
    lines = [spec.title, "", spec.description] if spec.description else [spec.title]
    for one in spec.conversions[:2]:
        given = ", ".join(f"{part.name} = {part.value!r}" for part in one.inputs)
        shown = f"For {given} it returns {one.output.value!r}."
        if len(shown) <= MAX_SHOWN_CHARS:
            lines += ["", shown]
    return "\n".join(lines)


def _example(one: Conversion) -> Example:
    return Example(
        function="transform",
        args=repr(tuple(part.value for part in one.inputs)),
        expected=repr(one.output.value),
        line=one.line,
    )


def _invocation(one: Conversion) -> Invocation:
    """The same through files and the command line. JSON and decimals have several spellings: not compared."""
    names = [f"{part.name}.{part.format}" for part in one.inputs]
    texts = [tables.write(part.value, part.format, part.columns) + "\n" for part in one.inputs]
    text = tables.write(one.output.value, one.output.format, one.output.columns)
    exact = one.output.format == "csv" and not re.search(r"\d\.\d", text)
    return Invocation(
        argv=tuple(names),
        files=dict(zip(names, texts, strict=True)),
        output="\n".join(line.rstrip() for line in text.splitlines()).strip("\n") if exact else None,
        line=one.line,
    )
