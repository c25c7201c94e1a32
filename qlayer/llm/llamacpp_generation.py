"""One generation of llama.cpp: its thread, and the bridge from there to the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from qlayer.errors import InputError, LLMError, LLMUnavailable


class Generation:
    """One generation: a thread inside llama.cpp, and the values that it hands out.

    The thread is no daemon: one killed inside llama.cpp at interpreter exit is a segmentation fault. It
    leaves by itself at the next piece when the reader or the main thread is gone.
    """

    def __init__(self, server: Any, body: dict[str, Any], on_end: Callable[[Generation], None]) -> None:
        self._server = server
        self._body = body
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._values: asyncio.Queue[object | None] = asyncio.Queue()
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self.ended = asyncio.Event()

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    def start(self) -> None:
        try:
            threading.Thread(target=self._generate, name="llama.cpp generation").start()
        except RuntimeError as error:
            self._error = LLMUnavailable(f"no thread for a generation: {error}")
            self._end()

    def stop(self) -> None:
        self._stop.set()

    async def next(self) -> object | None:
        """The next value, or None at the end. Raises what llama.cpp raised."""
        value = await self._values.get()
        if value is None and self._error is not None:
            raise self._error
        return value

    def _generate(self) -> None:
        try:
            self._server.handle_chat_completions(self._body, self._on_value)
        except ValueError as error:  # llama.cpp's std::invalid_argument: the request was at fault
            self._error = InputError(f"llama.cpp refused the request: {error}", field="request")
        except RuntimeError as error:
            self._error = LLMError(f"llama.cpp failed: {error}")
        finally:
            self._post(self._end)

    def _on_value(self, value: object) -> bool:
        """Called by llama.cpp for each piece; True ends the generation."""
        if self._stop.is_set() or not threading.main_thread().is_alive():
            return True
        self._post(self._values.put_nowait, value)
        return False

    def _post(self, call: Callable[..., None], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *args)
        except RuntimeError:  # the loop was closed with the generation still running: nobody reads any more
            self._stop.set()

    def _end(self) -> None:
        self._server = None
        self._values.put_nowait(None)
        self.ended.set()
        self._on_end(self)
