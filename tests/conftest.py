"""For all tests: the signals as a terminal gives them."""

import signal

import pytest


@pytest.fixture(autouse=True)
def terminal_signals() -> None:
    """SIGINT raises, as it does for a command at a terminal.

    A runner that was started in the background hands down an ignored SIGINT, and a uvicorn that served an
    earlier test from an async fixture puts back the handler of an event loop which is gone.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
