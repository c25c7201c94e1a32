"""Small repairs that cost no tokens: what models get wrong in form, never what they get wrong in substance.

Each fix has a name and returns the better code, or None when it has nothing to do. The order matters: first
the text is made to parse, then the tree is tidied. About a tenth of a small model's answers needs one.
"""

from __future__ import annotations

import ast
import builtins
import re
import textwrap
from collections.abc import Callable

from pyflakes import checker, messages

from qlayer.generation.base import Slot
from qlayer.generation.context import context_names
from qlayer.generation.edits import (
    FUNCTIONS,
    Edit,
    apply,
    bound_names,
    find_function,
    functions_of,
    line_starts,
    lines_in_strings,
    parse,
    without,
)
from qlayer.generation.imports import import_for, is_allowed
from qlayer.generation.learned import learned_fix
from qlayer.generation.reshape import close_brackets, match_async, unwrap_method
from qlayer.generation.wording import MARK

Fix = Callable[[str, Slot], str | None]

MAX_CUTS = 60
"""How many places are tried for the cut of a broken tail."""

_PROMPTED_CODE = re.compile(r"^>>> ?(?:def|import|from|class|async def|@)", re.M)
_UNCHOSEN = re.compile(r"arg\d+\Z")
_DATETIME_CLASS = re.compile(
    r"(?<![.\w])datetime\.(?:now|utcnow|today|strptime|fromisoformat|fromtimestamp|combine|min|max)\b|(?<![.\w])datetime\("
)


def autofix(code: str, slot: Slot) -> tuple[str, tuple[str, ...]]:
    """The code after all fixes that applied, and their names in order; those that people taught come last."""
    applied: list[str] = []
    for fix in (*FIXES, *map(learned_fix, slot.rules)):
        fixed = fix(code, slot)
        if fixed is not None and fixed != code and (parse(fixed) is not None or parse(code) is None):
            code = fixed
            applied.append(fix.__name__)
    return code, tuple(applied)


def expand_tabs(code: str, slot: Slot) -> str | None:
    """Tabs at the start of lines become four spaces; lines inside strings stay when that is known."""
    if "\t" not in code:
        return None
    inside = lines_in_strings(code) if parse(code) is not None else set[int]()
    lines = code.split("\n")
    for at, line in enumerate(lines):
        rest = line.lstrip(" \t")
        if at + 1 not in inside:
            lines[at] = line[: len(line) - len(rest)].expandtabs(4) + rest
    return "\n".join(lines)


def drop_mark(code: str, slot: Slot) -> str | None:
    """The mark of a repair prompt, copied into the answer."""
    return re.sub(rf"[ \t]*{re.escape(MARK.strip())}[ \t]*$", "", code, flags=re.M)


def strip_prompts(code: str, slot: Slot) -> str | None:
    """``>>>`` remains: before the code itself they go, elsewhere they start an example, which goes."""
    if ">>>" not in code or parse(code) is not None:
        return None
    if _PROMPTED_CODE.search(code):
        return re.sub(r"^(?:>>>|\.\.\.) ?", "", code, flags=re.M)
    return re.sub(r"^>>>.*(?:\n(?!def |import |from |class |@|>>>|[ \t]).+)*\n?", "", code, flags=re.M)


def dedent(code: str, slot: Slot) -> str | None:
    """Code that stands indented as a whole, or whose first line alone lost its indentation."""
    if parse(code) is not None:
        return None
    dedented = textwrap.dedent(code)
    return dedented if parse(dedented) is not None else None


def wrap_body(code: str, slot: Slot) -> str | None:
    """Only the function's body was given: put the head above it."""
    if "def " in code or not re.search(r"^\s*(?:return|yield|raise)\b", code, re.M):
        return None
    first, _, rest = textwrap.dedent(code).partition("\n")
    body = textwrap.dedent(code)
    for attempt in (body, f"{first}\n{textwrap.dedent(rest)}"):
        wrapped = f"{slot.signature}:\n{textwrap.indent(attempt, '    ')}"
        if parse(wrapped) is not None:
            return wrapped
    return None


def cut_tail(code: str, slot: Slot) -> str | None:
    """What follows the finished function and does not parse: prose, or code that the token limit cut off."""
    if parse(code) is not None:
        return None
    lines = code.splitlines(keepends=True)
    margins = [at for at, line in enumerate(lines) if at and line.strip() and not line[0].isspace()]
    for at in reversed(margins[-MAX_CUTS:]):
        head = "".join(lines[:at])
        module = parse(head)
        if module is not None and find_function(module, slot.function_name) is not None:
            return head.rstrip() + "\n"
    return None


def rename_function(code: str, slot: Slot) -> str | None:
    """The only function has another name than the slot."""
    module, name = parse(code), slot.function_name
    if module is None or find_function(module, name) is not None:
        return None
    functions = functions_of(module)
    if len(functions) != 1 or name in bound_names(module.body):
        return None
    return _renamed(code, functions[0], {functions[0].name: name}, head=True)


def rename_parameters(code: str, slot: Slot) -> str | None:
    """As many parameters as the signature has, under other names: callers may use the signature's.

    Names that nobody chose (``arg1``, from intake) give way to the model's.
    """
    module = parse(code)
    function = find_function(module, slot.function_name) if module else None
    wanted = ast.parse(f"{slot.signature}: ...").body[0]
    assert isinstance(wanted, FUNCTIONS)
    if function is None:
        return None
    old = [item.arg for item in (*function.args.posonlyargs, *function.args.args)]
    new = [item.arg for item in (*wanted.args.posonlyargs, *wanted.args.args)]
    names = {a: b for a, b in zip(old, new, strict=False) if a != b}
    clash = set(names.values()) & ({n.id for n in ast.walk(function) if isinstance(n, ast.Name)} | set(old))
    if len(old) != len(new) or not names or clash or all(_UNCHOSEN.match(name) for name in new):
        return None
    return _renamed(code, function, names, head=False)


def drop_example_code(code: str, slot: Slot) -> str | None:
    """Prints, asserts, main blocks, tests and whatever else the function does not use."""
    module, name = parse(code), slot.function_name
    if module is None or find_function(module, name) is None:
        return None
    needed = _needed(module, name)
    gone = [node for node in module.body if not _is_kept(node, needed, name)]
    return without(code, gone).strip("\n") + "\n" if gone else None


def drop_unused_imports(code: str, slot: Slot) -> str | None:
    """Imports at the margin that nothing uses; a numpy that is imported and forgotten would be refused."""
    module = parse(code)
    if module is None:
        return None
    used = {node.id for node in ast.walk(module) if isinstance(node, ast.Name)}
    edits, starts = [], line_starts(code)
    for node in module.body:
        if not isinstance(node, (ast.Import, ast.ImportFrom)) or any(a.name == "*" for a in node.names):
            continue
        kept = [alias for alias in node.names if (alias.asname or alias.name).split(".")[0] in used]
        if len(kept) == len(node.names) or (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            continue
        node.names = kept
        end = starts[min(node.end_lineno or node.lineno, len(starts) - 1)]
        edits.append(Edit(starts[node.lineno - 1], end, ast.unparse(node) + "\n" if kept else ""))
    return apply(code, edits).lstrip("\n") if edits else None


def drop_platform_imports(code: str, slot: Slot) -> str | None:
    """Imports of what the platform's own code above the function defines already, from modules made up."""
    module = parse(code)
    if module is None:
        return None
    given = context_names(slot)
    gone = [
        node
        for node in module.body
        if isinstance(node, ast.ImportFrom)
        and not is_allowed(node.module or "", slot.allowed_imports)
        and bound_names([node]) <= given
    ]
    return without(code, gone).lstrip("\n") if gone else None


def add_imports(code: str, slot: Slot) -> str | None:
    """Well-known names that were used without their import."""
    module = parse(code)
    if module is None:
        return None
    found = checker.Checker(module, filename="<candidate>", builtins=context_names(slot)).messages
    missing = sorted({m.message_args[0] for m in found if isinstance(m, messages.UndefinedName)})
    lines = [line for name in missing if (line := _import_line(name, code, slot)) is not None]
    return "\n".join(lines) + "\n\n" + code if lines else None


FIXES: tuple[Fix, ...] = (
    expand_tabs,
    drop_mark,
    strip_prompts,
    dedent,
    wrap_body,
    cut_tail,
    close_brackets,
    unwrap_method,
    rename_function,
    match_async,
    rename_parameters,
    drop_example_code,
    drop_unused_imports,
    drop_platform_imports,
    add_imports,
)
"""In the order in which they are tried."""


def _renamed(code: str, function: ast.AST, names: dict[str, str], *, head: bool) -> str:
    """The names changed where the function uses them; `head` changes the function's own name too."""
    starts = line_starts(code)
    edits = []
    for node in ast.walk(function):
        old = node.id if isinstance(node, ast.Name) else node.arg if isinstance(node, ast.arg) else None
        if old in names and isinstance(node, (ast.Name, ast.arg)):
            at = starts[node.lineno - 1] + node.col_offset
            edits.append(Edit(at, at + len(old.encode()), names[old]))
    code = apply(code, edits)
    if head:
        (old, new), *_ = names.items()
        code = re.sub(rf"^((?:async\s+)?def\s+){re.escape(old)}\b", rf"\g<1>{new}", code, count=1, flags=re.M)
    return code


def _needed(module: ast.Module, name: str) -> set[str]:
    """All names that the function uses, directly or through what it uses."""
    needed: set[str] = {name}
    before = 0
    while len(needed) > before:
        before = len(needed)
        for node in module.body:
            if _is_kept(node, needed, name):
                needed |= _used_by(node)
    return needed


def _used_by(node: ast.stmt) -> set[str]:
    return {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}


def _bound_by(node: ast.stmt) -> set[str]:
    if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        return {node.name}
    return bound_names([node])


def _is_kept(node: ast.stmt, needed: set[str], name: str) -> bool:
    """Imports, what binds a needed name, and what fills a needed variable without calling the function."""
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.ClassDef)):
        return True
    used = _used_by(node)
    if isinstance(node, FUNCTIONS):
        return node.name in needed
    if name in used or isinstance(node, ast.Assert) or "__name__" in used or "print" in used:
        return False
    return bool({n for n in _bound_by(node) | used if not hasattr(builtins, n)} & needed)


def _import_line(name: str, code: str, slot: Slot) -> str | None:
    line = import_for(name)
    if name == "datetime" and _DATETIME_CLASS.search(code):
        line = "from datetime import datetime"
    if line is None:
        return None
    module = line.split()[1]
    return line if is_allowed(module, slot.allowed_imports) else None
