"""The tables of the records, as SQLAlchemy Core sees them.

A change here needs a new file in `migrations/versions`; a test compares the two. JSON is kept as text, so
that SQLite and PostgreSQL store the same bytes.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


class Instant(TypeDecorator[datetime]):
    """A moment in UTC. SQLite has no time zones, so they are taken off there and put back on."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


runs = Table(
    "runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("origin", String(16), nullable=False),
    Column("title", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("request_digest", String(71), nullable=False),
    Column("idempotency_key", String(200), unique=True),
    Column("created_at", Instant, nullable=False),
    Column("status", String(16), nullable=False),
    Column("capsule", String(71)),
    Column("last_seq", Integer, nullable=False),
    Column("lease_owner", Text),
    Column("lease_until", Instant),
    Index(None, "origin", "status"),
)
"""One row per run. `status`, `capsule` and `last_seq` repeat what the events say, for listings and locks."""

run_events = Table(
    "run_events",
    metadata,
    Column("run_id", String(64), ForeignKey("runs.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("step", String(71)),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("run_id", "seq"),
    UniqueConstraint("run_id", "step"),
)
"""Append-only. `seq` counts from 1 without gaps within a run."""

capsules = Table(
    "capsules",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", String(71), nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("level", String(8)),
    Column("allow", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("run_id", String(64), nullable=False),
)
"""The index of capsules; `position` is the order in which they were added."""

corrections = Table(
    "corrections",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("body", Text, nullable=False),
)
"""What people corrected; `position` is the order in which it was recorded."""

correction_vectors = Table(
    "correction_vectors",
    metadata,
    Column("correction", String(32), ForeignKey("corrections.id", ondelete="CASCADE"), nullable=False),
    Column("embedder", String(100), nullable=False),
    Column("vector", LargeBinary, nullable=False),
    PrimaryKeyConstraint("correction", "embedder"),
)
"""What a correction is found by: little-endian float32, one vector for each embedder."""

memory_uses = Table(
    "memory_uses",
    metadata,
    Column("memory", String(32), nullable=False),
    Column("run_id", String(64), nullable=False),
    PrimaryKeyConstraint("memory", "run_id"),
)
"""In which runs a correction or a rule was used."""

forgotten_rules = Table("forgotten_rules", metadata, Column("id", String(32), primary_key=True))
"""Rules that a person removed: their evidence may stay, they do not come back."""

releases = Table(
    "releases",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("name", String(64), nullable=False),
    Column("version", String(128), nullable=False),
    Column("capsule", String(71), nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("name", "version"),
    Index(None, "capsule"),
)
"""Append-only: what each version of a name stands for, in the order of publishing."""

pointer_moves = Table(
    "pointer_moves",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("name", String(64), nullable=False),
    Column("pointer", String(64), nullable=False),
    Column("body", Text, nullable=False),
    Index(None, "name", "pointer"),
)
"""Append-only: the newest move of a pointer says where it points."""

attestations = Table(
    "attestations",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("capsule", String(71), nullable=False),
    Column("envelope", String(71), nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("capsule", "envelope"),
)
"""Signatures over capsules, in the order of signing."""
