"""Corrections by people, what they are found by, and where they were used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "corrections",
        sa.Column(
            "position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_corrections"),
        sa.UniqueConstraint("id", name="uq_corrections_id"),
    )
    op.create_table(
        "correction_vectors",
        sa.Column("correction", sa.String(32), nullable=False),
        sa.Column("embedder", sa.String(100), nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("correction", "embedder", name="pk_correction_vectors"),
        sa.ForeignKeyConstraint(
            ["correction"], ["corrections.id"], name="fk_correction_vectors_correction", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "memory_uses",
        sa.Column("memory", sa.String(32), nullable=False),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("memory", "run_id", name="pk_memory_uses"),
    )
    op.create_table(
        "forgotten_rules",
        sa.Column("id", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_forgotten_rules"),
    )
