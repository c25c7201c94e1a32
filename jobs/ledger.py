"""The ledger of the jobs: `qlayer.executor.ledger`, under the name that the jobs know it by."""

from qlayer.executor.ledger import Ledger, LedgerRow, open_ledger

__all__ = ["Ledger", "LedgerRow", "open_ledger"]
