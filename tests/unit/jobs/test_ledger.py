from pathlib import Path

import pytest

from jobs.ledger import LedgerRow, open_ledger
from qlayer.errors import ConflictError, StoreError
from qlayer.types.ids import sha256


class Row(LedgerRow):
    value: int


def row(value: int) -> Row:
    return Row(key=sha256(str(value).encode()), value=value)


def test_a_reopened_ledger_holds_what_was_added(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "ledger.jsonl"
    with open_ledger(path, Row) as ledger:
        ledger.add(row(1))
        ledger.add(row(2))
    with open_ledger(path, Row) as ledger:
        assert [r.value for r in ledger.rows] == [1, 2]
        assert row(1).key in ledger
        assert row(3).key not in ledger


def test_a_line_cut_off_by_a_crash_is_done_again(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with open_ledger(path, Row) as ledger:
        ledger.add(row(1))
        ledger.add(row(2))
    path.write_bytes(path.read_bytes()[:-7])
    with open_ledger(path, Row) as ledger:
        assert [r.value for r in ledger.rows] == [1]
        ledger.add(row(2))
    with open_ledger(path, Row) as ledger:
        assert [r.value for r in ledger.rows] == [1, 2]


def test_an_item_is_never_counted_twice(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.jsonl", Row) as ledger:
        ledger.add(row(1))
        with pytest.raises(ConflictError):
            ledger.add(row(1))
        assert len(ledger.rows) == 1


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with (
        open_ledger(path, Row),
        pytest.raises(ConflictError, match="another process"),
        open_ledger(path, Row),
    ):
        pass


def test_a_foreign_file_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text('{"not": "ours"}\n')
    with pytest.raises(StoreError, match="line 1"), open_ledger(path, Row):
        pass
    assert path.read_text() == '{"not": "ours"}\n'
