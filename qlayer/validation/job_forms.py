"""Jobs in the short forms that people and benchmarks write them in: one JSON object each.

| form | fields | judged |
|---|---|---|
| program | program, language, stdin, expected, match, argv, files | by its output, or its exit status |
| tests | code, tests, entry_point | by test code in another process |
| values | code, cases: function, args, expected | by the returned values |
| humaneval | prompt, completion, test, entry_point | as tests |
| mbpp | code, test_list, test_setup_code, challenge_test_list | as tests |
| job | job: any job of the sandbox in full | as it says |

Each may have an ``id``, a ``tenant`` and ``limits``; ``mode`` names the form and may be left out.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag, TypeAdapter

from qlayer.errors import InputError
from qlayer.sandbox.base import (
    Limits,
    OutputMatch,
    ProgramJob,
    SandboxJob,
    SplitJob,
    ValuesJob,
)
from qlayer.types.check import Case, Expectation
from qlayer.types.frozen import Frozen
from qlayer.types.language import SUFFIXES, Language
from qlayer.types.source import MAX_FILE_BYTES, SourceTree, TreePath

MODULE = "main"
"""What the judged code is called inside."""

_Code = Annotated[str, Field(max_length=MAX_FILE_BYTES)]


class _Form(Frozen):
    id: str | None = Field(default=None, min_length=1, max_length=256)
    """Comes back with the verdict; unique in its batch. Left out: the line's or the item's number."""
    tenant: str = Field(default="", max_length=128)
    """Tenants take turns."""
    limits: Limits = Limits()


class ProgramForm(_Form):
    """A program and its input; without `expected` it need only end with status 0."""

    mode: Literal["program"] = "program"
    program: _Code
    language: Language = Language.PYTHON
    stdin: str = ""
    expected: str | None = None
    match: OutputMatch = OutputMatch.LINES
    argv: tuple[str, ...] = ()
    files: Mapping[TreePath, str] = Field(default={})
    """More files beside it, as text."""

    def to_job(self) -> SandboxJob:
        path = MODULE + SUFFIXES[self.language][0]
        if path in self.files:
            raise InputError(f"files: {path} is the program's own name", field="files")
        return ProgramJob(
            tree=SourceTree().with_files({**self.files, path: self.program}),
            path=path,
            language=self.language,
            argv=self.argv,
            stdin=self.stdin.encode(),
            expected_stdout=None if self.expected is None else self.expected.encode(),
            output_match=self.match,
        )


class TestsForm(_Form):
    """Code and Python that raises unless `entry_point` is right; it runs in a process of its own."""

    __test__ = False  # pytest: not one of yours

    mode: Literal["tests"] = "tests"
    code: _Code
    tests: _Code
    entry_point: str

    def to_job(self) -> SandboxJob:
        return _split(self.code, self.tests, self.entry_point)


class ValueCase(Frozen):
    """One call. Both are Python literals as text, so that tuples stay tuples."""

    function: str
    args: str = "()"
    expected: str


class ValuesForm(_Form):
    """Code and calls whose returned values the host compares: the fastest form."""

    mode: Literal["values"] = "values"
    code: _Code
    cases: tuple[ValueCase, ...] = Field(min_length=1, max_length=10_000)

    def to_job(self) -> SandboxJob:
        cases = tuple(
            Case(
                name=f"case {number}",
                function=case.function,
                args=case.args,
                expected=Expectation(value=case.expected),
            )
            for number, case in enumerate(self.cases, start=1)
        )
        return ValuesJob(tree=_main(self.code), module=MODULE, cases=cases)


class _BenchmarkForm(_Form):
    # What else a benchmark's line says is no reason to refuse it.
    model_config = ConfigDict(extra="ignore")

    task_id: str | int | None = None
    """Stands in for `id`."""


class HumanEvalForm(_BenchmarkForm):
    """A line of HumanEval with the completion that is judged."""

    mode: Literal["humaneval"] = "humaneval"
    prompt: _Code
    completion: _Code
    """What follows the prompt."""
    test: _Code
    entry_point: str

    def to_job(self) -> SandboxJob:
        tests = "\n".join(
            [prelude(self.prompt, self.entry_point), self.test, f"check({self.entry_point})", ""]
        )
        return _split(self.prompt + self.completion, tests, self.entry_point)


class MbppForm(_BenchmarkForm):
    """A line of MBPP; `code` is what is judged."""

    mode: Literal["mbpp"] = "mbpp"
    code: _Code
    test_list: tuple[str, ...] = Field(min_length=1)
    test_setup_code: str = ""
    challenge_test_list: tuple[str, ...] = ()

    def to_job(self) -> SandboxJob:
        tests = [self.test_setup_code, *self.test_list, *self.challenge_test_list]
        return _split(self.code, "\n".join(tests) + "\n", _called(self.test_list[0], self.code))


class JobForm(_Form):
    """Any job of the sandbox in full; files are base64."""

    mode: Literal["job"] = "job"
    sandbox_job: SandboxJob = Field(alias="job")

    def to_job(self) -> SandboxJob:
        return self.sandbox_job


_MARKS = {
    "sandbox_job": "job",
    "job": "job",
    "test_list": "mbpp",
    "prompt": "humaneval",
    "cases": "values",
    "tests": "tests",
    "program": "program",
}
"""Fields that tell the form when `mode` does not, the telling ones first."""


def _form_of(value: Any) -> str | None:
    if not isinstance(value, dict):
        return getattr(value, "mode", None)
    given = value.get("mode")
    if given is not None:
        return str(given)
    return next((form for mark, form in _MARKS.items() if mark in value), None)


Form = Annotated[
    Annotated[ProgramForm, Tag("program")]
    | Annotated[TestsForm, Tag("tests")]
    | Annotated[ValuesForm, Tag("values")]
    | Annotated[HumanEvalForm, Tag("humaneval")]
    | Annotated[MbppForm, Tag("mbpp")]
    | Annotated[JobForm, Tag("job")],
    Discriminator(
        _form_of,
        custom_error_type="form",
        custom_error_message="no known form: give `mode` (program, tests, values, humaneval, mbpp, job) "
        "or the fields of one",
    ),
]
FORM: TypeAdapter[Form] = TypeAdapter(Form)


def id_of(form: Form, default: str) -> str:
    """The form's own id, the benchmark's, or the default."""
    if form.id is not None:
        return form.id
    task_id = form.task_id if isinstance(form, _BenchmarkForm) else None
    return default if task_id is None else str(task_id)


def _main(code: str) -> SourceTree:
    return SourceTree().with_files({f"{MODULE}.py": code})


def _split(code: str, tests: str, function: str) -> SplitJob:
    return SplitJob(tree=_main(code), module=MODULE, function=function, tests=tests)


def prelude(prompt: str, entry: str) -> str:
    """What stands in the prompt before the function: imports and helpers that the tests may call."""
    try:
        module = ast.parse(prompt + "    pass\n")
    except SyntaxError as error:
        raise InputError(f"prompt is no Python: {error.msg}", field="prompt") from None
    kept = [node for node in module.body if not (isinstance(node, ast.FunctionDef) and node.name == entry)]
    return "\n".join(ast.unparse(node) for node in kept)


def _called(test: str, code: str) -> str:
    """The function that an assert is about: called by name, no built-in, defined by the code if any is."""
    try:
        calls = [node for node in ast.walk(ast.parse(test)) if isinstance(node, ast.Call)]
    except SyntaxError as error:
        raise InputError(f"test_list.0 is no Python: {error.msg}", field="test_list.0") from None
    names = [call.func.id for call in calls if isinstance(call.func, ast.Name)]
    own = [name for name in names if not hasattr(builtins, name)]
    if not own:
        raise InputError("test_list.0 calls no function", field="test_list.0")
    return next((name for name in own if f"def {name}(" in code), own[0])
