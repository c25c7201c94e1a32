"""Free layout: the model proposes the files as plain lines, then writes them one by one.

For models from 7B up (docs/decisions/0009-free-layout.md). Nothing but lines and one fenced block is asked
for; what does not keep to the bounds is refused with a sentence that the next try is told.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from pydantic import ValidationError

from qlayer.errors import InputError
from qlayer.generation.base import Slot
from qlayer.generation.edits import FUNCTIONS, parse
from qlayer.generation.prompt import ask, fenced
from qlayer.llm.base import Message
from qlayer.types.layout import Layout, PlannedFile
from qlayer.types.source import SourceTree
from qlayer.types.spec import Spec

MAX_FILES = 12
MAX_LINES = 120
"""Of one file: models up to 14B write whole files of this length reliably, longer ones not (LOOP.md)."""
MAX_REQUEST_CHARS = 6_000
_LINE = re.compile(r"^\s*(?:[-*]|\d+[.)])?\s*`?([\w./-]+\.\w{1,5})`?\s*[:—–-]+\s*(\S.*)$")
_FENCE = re.compile(r"^[ \t]*```[\w+-]*[ \t]*\n(.*?)^[ \t]*```", re.M | re.S)
_BLOCK = re.compile(r"^<{5,} SEARCH\n(.*?)^={5,}\n(.*?)^>{5,} REPLACE", re.M | re.S)
_ALLOWED = (".py", ".md", ".txt", ".json", ".csv", ".toml")


def layout_prompt(spec: Spec, problem: str = "") -> tuple[Message, ...]:
    """Asks for the list of files; `problem` says what was wrong with the last one."""
    wanted = (
        "List the files of a small Python project for this request, one a line as `path: purpose`, at most "
        f"{MAX_FILES}, in an order in which no file imports from a later one. No code, no other text."
    )
    told = f"Your last list was refused: {problem}" if problem else ""
    return ask("\n\n".join(part for part in (wanted, _request(spec), told) if part))


def read_layout(text: str) -> Layout:
    """The files of an answer. Raises `InputError` with what is wrong with them."""
    found: dict[str, PlannedFile] = {}
    for line in text.splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        try:
            planned = PlannedFile(path=match[1].removeprefix("./"), purpose=match[2].strip())
        except ValidationError as error:
            raise InputError(error.errors()[0]["msg"], field="layout") from None
        if not planned.path.endswith(_ALLOWED):
            raise InputError(f"{planned.path}: only {', '.join(_ALLOWED)} are written", field="layout")
        found.setdefault(planned.path, planned)
    if not any(planned.module for planned in found.values()):
        raise InputError("it names no Python file as `path: purpose`", field="layout")
    if len(found) > MAX_FILES:
        raise InputError(f"it names {len(found)} files", field="layout", limit=f"at most {MAX_FILES}")
    return Layout(files=tuple(found.values()))


def file_prompt(
    spec: Spec, layout: Layout, planned: PlannedFile, tree: SourceTree, problem: str = ""
) -> tuple[Message, ...]:
    """Asks for one whole file, with the heads of those that are written."""
    files = "\n".join(f"{one.path}: {one.purpose}" for one in layout.files)
    parts = [
        f"Write the file {planned.path} of this Python project: {planned.purpose}. At most {MAX_LINES} "
        "lines, the whole file in one fenced block. Of the project's own files import only from those shown "
        "below.",
        _request(spec),
        f"The files of the project:\n{files}",
        *[f"{path}, written already:\n{fenced(heads)}" for path, heads in written_heads(tree)],
        f"Your last try was refused: {problem}" if problem else "",
    ]
    return ask("\n\n".join(part for part in parts if part))


def edit_prompt(path: str, text: str, problem: str) -> tuple[Message, ...]:
    """Asks for search/replace blocks in a file that was refused: for models from 14B up."""
    form = "<<<<<<< SEARCH\nlines as they are\n=======\nlines as they must be\n>>>>>>> REPLACE"
    return ask(
        f"The file {path} was refused: {problem}\n\n{fenced(text)}\n\n"
        f"Correct it with as few blocks as needed, each of this form:\n\n{form}"
    )


def read_file(text: str) -> str:
    """The file in an answer. Raises `InputError`: no block, or more than `MAX_LINES` lines."""
    blocks = [match[1] for match in _FENCE.finditer(text.replace("\r\n", "\n"))]
    if not blocks:
        raise InputError("the answer has no closed fenced block", field="file")
    code = max(blocks, key=len).strip("\n") + "\n"
    if code.count("\n") > MAX_LINES:
        raise InputError(
            f"it has {code.count(chr(10))} lines", field="file", limit=f"at most {MAX_LINES} lines"
        )
    return code


def edited(source: str, answer: str) -> str:
    """The source with the answer's blocks applied; each must fit at one place. Raises `InputError`."""
    blocks = _BLOCK.findall(answer.replace("\r\n", "\n"))
    if not blocks:
        raise InputError("the answer has no search/replace block", field="file")
    for search, replacement in blocks:
        if not search.strip() or source.count(search) != 1:
            raise InputError(
                f"a block's search text occurs {source.count(search)} times, not once", field="file"
            )
        source = source.replace(search, replacement)
    return source


def written_heads(tree: SourceTree) -> list[tuple[str, str]]:
    """For each Python file its functions and classes as heads with their docstrings' first lines."""
    shown = []
    for path in tree.paths():
        module = parse(tree.text(path)) if path.endswith(".py") else None
        heads = "\n".join(_heads(module.body, "")) if module is not None else ""
        if heads:
            shown.append((path, heads))
    return shown


def step_slot(name: str) -> Slot:
    """What stands for a slot where a whole file, or the list of files, is asked for."""
    return Slot(name=name, path=name, module=name, signature="def _()", brief=name)


def _heads(body: Sequence[ast.stmt], pad: str) -> list[str]:
    lines: list[str] = []
    for node in body:
        if isinstance(node, FUNCTIONS):
            arrow = f" -> {ast.unparse(node.returns)}" if node.returns else ""
            said = (ast.get_docstring(node) or "").partition("\n")[0]
            note = f"  # {said}" if said else ""
            lines.append(f"{pad}def {node.name}({ast.unparse(node.args)}){arrow}: ...{note}")
        elif isinstance(node, ast.ClassDef):
            bases = f"({', '.join(map(ast.unparse, node.bases))})" if node.bases else ""
            inside = _heads(node.body, f"{pad}    ")
            lines += [f"{pad}class {node.name}{bases}:", *(inside or [f"{pad}    ..."])]
        elif isinstance(node, ast.AnnAssign) or (isinstance(node, ast.Assign) and not pad):
            lines.append(pad + ast.unparse(node).partition("\n")[0][:100])
    return lines


def _request(spec: Spec) -> str:
    text = f"{spec.title}\n\n{spec.description}".strip()
    head = f"It must define `{spec.signature.source}`." if spec.signature else ""
    return "The request:\n" + "\n\n".join(part for part in (text[:MAX_REQUEST_CHARS], head) if part)
