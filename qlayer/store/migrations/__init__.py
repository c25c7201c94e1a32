"""Bringing a database to the schema that this version of qlayer knows: forward only, never back.

What belongs here: one file per step in `versions`, and `upgrade`, which runs what is missing. What never
does: the tables as the code uses them (`qlayer.store.tables`).
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from qlayer.errors import ConfigurationError

_LOCK = 0x716C61796572  # "qlayer" in ASCII: the key of PostgreSQL's advisory lock


def upgrade(connection: Connection, place: str) -> None:
    """Run the missing steps inside the connection's transaction, one process at a time.

    Raises `ConfigurationError` when the database was written by a newer version; `place` names it there.
    """
    if connection.dialect.name == "postgresql":  # SQLite's transaction has the write lock already
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    if current == scripts.get_current_head():
        return
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        raise ConfigurationError(
            f"{place} was written by a newer version of qlayer (schema {current}, this one knows up to "
            f"{scripts.get_current_head()})",
            hint="upgrade qlayer, or use another database",
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
