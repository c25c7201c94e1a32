"""What is written down about a stack, and who may change it."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from qlayer.app.proc import boot_id, read_process
from qlayer.app.stack.ports import StackPorts
from qlayer.app.stack.state import (
    StackState,
    Supervisor,
    forget_state,
    load_state,
    save_state,
    stack_lock,
    state_path,
)
from qlayer.errors import ConfigurationError, ConflictError
from qlayer.types.ids import ModelId

PORTS = StackPorts(**{name: number for number, name in enumerate(StackPorts.model_fields, start=20_000)})


def stack(tmp_path: Path) -> StackState:
    return StackState(
        id="0123456789abcdef",
        phase="starting",
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        host="127.0.0.1",
        ports=PORTS,
        model=ModelId("m"),
        llm_url="http://127.0.0.1:1/llm/v1",
        serves_llm=True,
        token_path=tmp_path / "token",
        temp_dir=tmp_path / "ray",
    )


def test_what_is_saved_is_loaded_until_it_is_forgotten(tmp_path: Path) -> None:
    assert load_state(tmp_path) is None
    save_state(tmp_path, stack(tmp_path))
    assert load_state(tmp_path) is not None
    assert [path.name for path in tmp_path.iterdir()] == ["stack.json"], "no temporary file stays"
    forget_state(tmp_path)
    assert load_state(tmp_path) is None


@pytest.mark.parametrize("content", ["", "{", '{"schema_version": 2}'])
def test_a_file_that_is_no_state_is_said_to_be_none(tmp_path: Path, content: str) -> None:
    state_path(tmp_path).write_text(content)
    with pytest.raises(ConfigurationError, match="is not a stack description"):
        load_state(tmp_path)


def test_a_held_lock_names_its_holder_and_its_stack(tmp_path: Path) -> None:
    state = stack(tmp_path)
    save_state(tmp_path, state)
    with stack_lock(tmp_path):
        with pytest.raises(ConflictError) as refused, stack_lock(tmp_path):
            pass
        assert str(os.getpid()) in refused.value.message
        assert state.url in refused.value.message
    with stack_lock(tmp_path):
        pass


def test_a_killed_process_holds_no_lock(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom qlayer.app.stack.state import stack_lock\n"
        "with stack_lock(Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(ConflictError), stack_lock(tmp_path):
            pass
        holder.kill()
    with stack_lock(tmp_path):
        pass


def test_a_data_directory_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ConfigurationError, match="cannot be written"),
        stack_lock(tmp_path / "file" / "below"),
    ):
        pass


def test_a_supervisor_of_an_earlier_boot_is_not_running() -> None:
    own = read_process(os.getpid())
    assert own is not None
    here = Supervisor(pid=own.pid, started=own.started, boot=boot_id())
    assert here.running
    assert not here.model_copy(update={"boot": "earlier"}).running
    assert here.model_copy(update={"boot": "earlier"}).session_members() == []
    assert here.model_copy(update={"started": own.started - 1}).session_members() == []
