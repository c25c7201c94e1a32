"""The order of slots, and what a slot sees of those before it."""

from __future__ import annotations

from generation_slots import make_slot

from qlayer.generation.base import Slot
from qlayer.generation.neighbours import in_dependency_order, with_neighbours
from qlayer.types.source import SourceTree


def slot(name: str, uses: tuple[str, ...] = (), like: tuple[str, ...] = ()) -> Slot:
    made = make_slot(f"def {name}(x: int) -> int", name=name)
    return made.model_copy(update={"uses": uses, "like": like})


def names(*slots: Slot) -> list[str]:
    return [one.name for one in in_dependency_order(slots)]


def test_what_is_used_comes_first_and_the_rest_keeps_its_place() -> None:
    assert names(slot("a", uses=("c",)), slot("b"), slot("c")) == ["b", "c", "a"]
    assert names(slot("a", like=("b",)), slot("b", uses=("c", "nobody")), slot("c")) == ["c", "b", "a"]


def test_slots_that_use_each_other_stay_as_they_are() -> None:
    assert names(slot("b", uses=("a",)), slot("a", uses=("b",))) == ["b", "a"]


def test_a_slot_sees_the_heads_of_what_it_uses_and_the_code_of_what_it_shares_data_with() -> None:
    source = (
        'def size(x: int) -> int:\n    """How large.\n\n    More.\n    """\n    return secret(x)\n\n\n'
        "def kept(x: int) -> int:\n    return {'title': x}\n"
    )
    tree = SourceTree().with_files({"src/sums/core.py": source})
    others = (slot("size"), slot("kept"), slot("other"))
    shown = with_neighbours(slot("main", uses=("size",), like=("kept",)), others, tree).context
    assert 'def size(x: int) -> int:\n    """How large."""\n    ...' in shown
    assert "return {'title': x}" in shown
    assert "secret" not in shown and "other" not in shown
