"""For all tests: the signals as a terminal gives them."""

import functools
import signal
from collections.abc import Callable, Iterator

import pytest

from qlayer.sandbox import capabilities


@pytest.fixture(autouse=True)
def terminal_signals() -> None:
    """SIGINT raises, as it does for a command at a terminal.

    A runner that was started in the background hands down an ignored SIGINT, and a uvicorn that served an
    earlier test from an async fixture puts back the handler of an event loop which is gone.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def first_probe() -> Callable[[], capabilities.Host]:
    return functools.cache(capabilities.probe)


@pytest.fixture(scope="module")
def one_probe(first_probe: Callable[[], capabilities.Host]) -> Iterator[None]:
    """Finds out once what this host can do for isolation; it takes as long as the start of a sandbox."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(capabilities, "probe", first_probe)
        yield
