"""Versions of named capsules, pointers to them, and signatures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def _position() -> sa.Column[int]:
    whole = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    return sa.Column("position", whole, autoincrement=True, nullable=False)


def upgrade() -> None:
    op.create_table(
        "releases",
        _position(),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("version", sa.String(128), nullable=False),
        sa.Column("capsule", sa.String(71), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_releases"),
        sa.UniqueConstraint("name", "version", name="uq_releases_name_version"),
    )
    op.create_index("ix_releases_capsule", "releases", ["capsule"])
    op.create_table(
        "pointer_moves",
        _position(),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("pointer", sa.String(64), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_pointer_moves"),
    )
    op.create_index("ix_pointer_moves_name_pointer", "pointer_moves", ["name", "pointer"])
    op.create_table(
        "attestations",
        _position(),
        sa.Column("capsule", sa.String(71), nullable=False),
        sa.Column("envelope", sa.String(71), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_attestations"),
        sa.UniqueConstraint("capsule", "envelope", name="uq_attestations_capsule_envelope"),
    )
