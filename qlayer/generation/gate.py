"""The static gate: what can be known about a candidate without running it, in a few milliseconds.

A fatal diagnosis means that running the code cannot pass or is not allowed; other diagnoses are for people.
The gate is no wall: what a program can do is decided by the sandbox.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator

from pyflakes import checker, messages

from qlayer.generation.base import Slot
from qlayer.generation.context import context_names
from qlayer.generation.edits import find_function, is_stub
from qlayer.generation.imports import is_allowed
from qlayer.types.candidate import Diagnosis
from qlayer.types.ids import Digest, digest_of

MAX_CODE_BYTES = 32 * 1024
MAX_NESTING = 100
"""Deepest bracket nesting that is parsed at all."""

_FATAL_FLAKES: dict[type[messages.Message], str] = {
    messages.UndefinedName: "F821",
    messages.UndefinedLocal: "F823",
    messages.DuplicateArgument: "F831",
    messages.ImportStarNotPermitted: "F406",
    messages.FutureFeatureNotDefined: "F407",
    messages.ReturnOutsideFunction: "F706",
    messages.YieldOutsideFunction: "F704",
    messages.ContinueOutsideLoop: "F702",
    messages.BreakOutsideLoop: "F701",
}
_DENIED_CALLS = frozenset({"__import__", "breakpoint"})
_NOTED_CALLS = frozenset({"eval", "exec", "compile", "open", "input"})


def inspect(code: str, slot: Slot) -> tuple[Diagnosis, ...]:
    """Everything the gate has to say about a slot's filling, fatal findings first."""
    size = len(code.encode())
    if size > MAX_CODE_BYTES:
        return (Diagnosis(rule="size", message=f"{size} bytes of code; at most {MAX_CODE_BYTES}"),)
    if not code.strip():
        return (Diagnosis(rule="no-code", message="the answer holds no code"),)
    module, problem = _compiled(code)
    if module is None:
        return (problem,) if problem else ()
    found = [
        *([problem] if problem else []),
        *_shape(module, slot),
        *_imports(module, slot),
        *_calls(module),
        *_flakes(module, slot),
    ]
    return tuple(sorted(found, key=lambda item: (not item.fatal, item.line or 0)))


def ast_digest(code: str) -> Digest | None:
    """The digest of the syntax tree without docstrings and positions; None when the code does not parse."""
    module, _ = _compiled(code)
    if module is None:
        return None
    for node in ast.walk(module):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)) and (
            ast.get_docstring(node, clean=False) is not None
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return digest_of(ast.dump(module))


def _compiled(code: str) -> tuple[ast.Module | None, Diagnosis | None]:
    """The tree, and what the compiler says. A tree with a complaint parses but does not compile."""
    module = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = ast.parse(code)
            compile(code, "<candidate>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return module, Diagnosis(rule="syntax", message=error.msg, line=error.lineno)
    except (ValueError, RecursionError, MemoryError) as error:
        return None, Diagnosis(rule="syntax", message=f"cannot be compiled: {type(error).__name__}")
    return module, None


def _shape(module: ast.Module, slot: Slot) -> Iterator[Diagnosis]:
    """The function is there, has a body, and can be called as its signature says."""
    name = slot.name.rpartition(".")[2]
    function = find_function(module, name)
    if function is None:
        yield Diagnosis(rule="missing-function", message=f"the code does not define {name}")
        return
    if is_stub(function):
        yield Diagnosis(rule="empty", message=f"{name} has no body", line=function.lineno)
    wanted = ast.parse(f"{slot.signature}: ...").body[0]
    assert isinstance(wanted, (ast.FunctionDef, ast.AsyncFunctionDef))
    if type(wanted) is not type(function):
        kind = "async def" if isinstance(wanted, ast.AsyncFunctionDef) else "def"
        yield Diagnosis(rule="async", message=f"{name} must be a plain `{kind}`", line=function.lineno)
    mismatch = _mismatch(wanted.args, function.args)
    if mismatch:
        yield Diagnosis(rule="signature", message=f"{name} {mismatch}", line=function.lineno)
    elif _names(wanted.args) != _names(function.args)[: len(_names(wanted.args))]:
        message = f"{name} names its parameters {', '.join(_names(function.args))}"
        yield Diagnosis(rule="parameter-names", message=message, line=function.lineno, fatal=False)


def _mismatch(wanted: ast.arguments, got: ast.arguments) -> str | None:
    """Why callers of `wanted` could not call `got`; None when they can."""
    names, given = _names(wanted), _names(got)
    required = len(given) - len(got.defaults)
    if (len(given) < len(names) and got.vararg is None) or required > len(names):
        return f"takes {len(given)} positional arguments, the signature has {len(names)}"
    if wanted.vararg is not None and got.vararg is None:
        return f"lacks *{wanted.vararg.arg}"
    keywords = {item.arg for item in wanted.kwonlyargs}
    known = {*given, *(item.arg for item in got.kwonlyargs)}
    if got.kwarg is None and (missing := sorted(keywords - known)):
        return f"lacks the keyword {missing[0]}"
    return None


def _names(given: ast.arguments) -> list[str]:
    """The positional parameters."""
    return [item.arg for item in (*given.posonlyargs, *given.args)]


def _imports(module: ast.Module, slot: Slot) -> Iterator[Diagnosis]:
    for node in ast.walk(module):
        names: list[str] = []
        line = getattr(node, "lineno", None)
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = ["." * node.level + (node.module or "")]
            if any(is_allowed(f"{node.module}.{alias.name}", slot.allowed_imports) for alias in node.names):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            if not is_allowed(name, slot.allowed_imports):
                yield Diagnosis(rule="denied-import", message=f"imports {name}", line=line)


def _calls(module: ast.Module) -> Iterator[Diagnosis]:
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in _DENIED_CALLS:
                yield Diagnosis(rule="denied-call", message=f"calls {node.func.id}", line=node.lineno)
            elif node.func.id in _NOTED_CALLS:
                yield Diagnosis(
                    rule="risky-call", message=f"calls {node.func.id}", line=node.lineno, fatal=False
                )


def _flakes(module: ast.Module, slot: Slot) -> Iterator[Diagnosis]:
    known = context_names(slot)
    for message in checker.Checker(module, filename="<candidate>", builtins=known).messages:
        rule = _FATAL_FLAKES.get(type(message))
        if rule is not None:
            text = message.message % message.message_args
            yield Diagnosis(rule=rule, message=text, line=message.lineno)
