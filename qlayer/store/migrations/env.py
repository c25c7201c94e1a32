"""Alembic's entry: it executes this file for `upgrade`, on the connection that is given there."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
