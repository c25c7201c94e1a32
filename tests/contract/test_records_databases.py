"""What the records promise of a database: one schema, many processes, clear words when it is not there."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from store_servers import PASSWORD, PostgresServer, free_ports

from qlayer.errors import ConfigurationError, StoreError
from qlayer.store.database import open_database
from qlayer.store.records import open_records
from qlayer.store.tables import metadata
from qlayer.types.ids import RunId
from qlayer.types.run import RunRequest, Started

RUN = RunId("run-000000000001-aaaaaaaa")
REQUEST = RunRequest(text="anything")
WORKER_S = 240

APPEND = """
import asyncio, sys
from qlayer.store.records import open_records
from qlayer.types.run import Started

async def main(url, run_id, name, count):
    print("ready", flush=True)
    sys.stdin.readline()
    records = await open_records(url)
    print("open", flush=True)
    sys.stdin.readline()
    for number in range(int(count)):
        event = await records.append(run_id, Started(owner=f"{name}-{number}"))
        print(event.seq, flush=True)
    await records.aclose()

asyncio.run(main(*sys.argv[1:]))
"""


def worker(url: str, name: str, count: int) -> subprocess.Popen[str]:
    """Another process: waits for a line, opens the records, waits for a line, appends `count` events."""
    return subprocess.Popen(
        [sys.executable, "-c", APPEND, url, RUN, name, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def told(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def go_on(processes: list[subprocess.Popen[str]], when_all_said: str) -> None:
    """Let all go on at the same time, once each of them has said this."""
    for process in processes:
        assert told(process) == when_all_said
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()


def finish(process: subprocess.Popen[str]) -> list[str]:
    output, errors = process.communicate(timeout=WORKER_S)
    assert process.returncode == 0, errors
    return output.split()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite+aiosqlite:///{tmp_path / 'runs.db'}"


async def test_migrating_gives_the_tables_that_the_code_uses(url: str) -> None:
    def differences(connection: Connection) -> list[object]:
        options = {"compare_type": True, "compare_server_default": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    database = await open_database(url)
    try:
        async with database.read() as connection:
            assert await connection.run_sync(differences) == []
        async with database.write() as connection:
            await connection.execute(text("ALTER TABLE capsules ADD COLUMN surprise INTEGER"))
        async with database.read() as connection:
            assert len(await connection.run_sync(differences)) == 1, "the comparison sees a difference"
    finally:
        await database.aclose()


async def test_opening_again_keeps_what_is_there(url: str) -> None:
    records = await open_records(url)
    await records.submit(RUN, REQUEST)
    await records.aclose()
    records = await open_records(url)
    assert (await records.run(RUN)).request == REQUEST
    await records.aclose()


async def test_a_database_of_a_newer_version_is_refused(url: str) -> None:
    database = await open_database(url)
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await database.aclose()
    with pytest.raises(ConfigurationError, match="newer version of qlayer") as raised:
        await open_records(url)
    assert "9999" in raised.value.message
    assert PASSWORD not in raised.value.message


def test_processes_that_open_a_new_database_at_once_all_succeed(url: str) -> None:
    processes = [worker(url, str(number), 0) for number in range(4)]
    go_on(processes, "ready")
    go_on(processes, "open")
    assert [finish(process) for process in processes] == [[]] * 4


async def test_writers_in_several_processes_leave_no_gap(url: str) -> None:
    records = await open_records(url)
    await records.submit(RUN, REQUEST)
    processes = [worker(url, str(number), 25) for number in range(4)]
    go_on(processes, "ready")
    go_on(processes, "open")
    own = [await records.append(RUN, Started(owner=f"own-{number}")) for number in range(25)]
    outputs = [await asyncio.to_thread(finish, process) for process in processes]
    numbers = [int(seq) for output in outputs for seq in output] + [event.seq for event in own]
    assert sorted(numbers) == list(range(2, 127)), "every writer was told a number of its own"
    events = (await records.run(RUN)).events
    assert [event.seq for event in events] == list(range(1, 127))
    owners = [event.body.owner for event in events if isinstance(event.body, Started)]
    writers = [owner.partition("-")[0] for owner in owners]
    turns = sum(one != other for one, other in pairwise(writers))
    assert turns > 4, "they wrote at the same time, not one after the other"
    for name in ("0", "1", "2", "3", "own"):
        mine = [owner for owner in owners if owner.startswith(f"{name}-")]
        assert mine == [f"{name}-{number}" for number in range(25)], "each writer's own order is kept"
    await records.aclose()


async def test_what_was_acknowledged_survives_a_kill(url: str) -> None:
    records = await open_records(url)
    await records.submit(RUN, REQUEST)
    process = worker(url, "victim", 1_000_000)
    go_on([process], "ready")
    go_on([process], "open")
    acknowledged = [int(await asyncio.to_thread(told, process)) for _ in range(20)]
    process.send_signal(signal.SIGKILL)
    await asyncio.to_thread(process.communicate)
    events = (await records.run(RUN)).events
    assert {event.seq for event in events} >= set(acknowledged)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    after = await records.append(RUN, Started(owner="next"))
    assert after.seq == len(events) + 1
    await records.aclose()


@pytest.mark.server
async def test_a_server_that_refuses_says_so_without_the_password(postgres_server: PostgresServer) -> None:
    right = postgres_server.new_database()
    wrong_password = right.replace(PASSWORD, "hunter-two")
    no_database = right.rpartition("/")[0] + "/absent"
    (closed,) = free_ports(1)
    nobody_there = right.replace(f":{postgres_server.port}/", f":{closed}/")
    for url in (wrong_password, no_database, nobody_there):
        with pytest.raises(StoreError) as raised:
            await open_records(url)
        assert raised.value.retryable
        assert "127.0.0.1" in raised.value.message
        for secret in (PASSWORD, "hunter-two"):
            assert secret not in raised.value.message + str(raised.value.hint)


async def test_sqlite_is_kept_durable(tmp_path: Path) -> None:
    database = await open_database(f"sqlite+aiosqlite:///{tmp_path / 'runs.db'}")
    async with database.write() as connection:
        found = {
            name: (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    await database.aclose()
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


async def test_a_locked_database_is_a_retryable_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qlayer.store.database.LOCK_WAIT_S", 0.2)
    path = tmp_path / "runs.db"
    records = await open_records(f"sqlite+aiosqlite:///{path}")
    await records.submit(RUN, REQUEST)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked by another process") as raised:
        await records.append(RUN, Started(owner="a"))
    assert raised.value.retryable
    assert len(await records.history(RUN)) == 1, "readers are not held up"
    other.execute("ROLLBACK")
    other.close()
    assert (await records.append(RUN, Started(owner="a"))).seq == 2
    await records.aclose()


async def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("buy milk\n" * 1_000)
    with pytest.raises(StoreError, match="is not a database") as raised:
        await open_records(f"sqlite+aiosqlite:///{path}")
    assert not raised.value.retryable
    assert path.read_text() == "buy milk\n" * 1_000


async def test_a_folder_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"runs\.db"):
        await open_records(f"sqlite+aiosqlite:///{tmp_path}/file/runs.db")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "sqlite+aiosqlite://",
        "sqlite+aiosqlite:///:memory:",
        "sqlite:///x.db",
        "mysql://u:pw@h/d",
    ],
)
async def test_a_url_that_cannot_work_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        await open_records(url)
    assert "pw" not in raised.value.message
