"""An ASGI application served in a thread of this process: the sandbox EHR, the SMS gateway, the plugins' pages."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn

from chartside.errors import ConfigError


@contextmanager
def serving(app: Any, *, host: str = "127.0.0.1", port: int = 0, grace: bool = False) -> Iterator[str]:
    """Serve until the block is left; yield the origin, ``http://127.0.0.1:8080``. Port 0 takes a free one.

    ``grace``: answers under way are waited for at the end, at most 10 s. Raises ConfigError where the port is taken.
    """
    # asyncio turns Nagle's delay (40 ms an answer) off only where the protocol number is given
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            mend = "stop what listens there, or choose another port"
            raise ConfigError(f"{host}:{port}", f"cannot be served ({error.strerror})", mend=mend) from None
        listener.listen(128)
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
        server = _Server(config, grace=grace)
        thread = threading.Thread(target=server.run, args=([listener],), name="chartside-http", daemon=True)
        thread.start()
        server.ready.wait(10)
        try:
            yield f"http://{host}:{listener.getsockname()[1]}"
        finally:
            server.end()
            thread.join(10)


class _Server(uvicorn.Server):
    """Tells when it listens, leaves the process's signals alone, and ends at once: a test run starts hundreds."""

    def __init__(self, config: uvicorn.Config, *, grace: bool) -> None:
        super().__init__(config)
        self.ready, self._grace = threading.Event(), grace

    def end(self) -> None:
        """From any thread."""
        self.should_exit = True
        with suppress(AttributeError, RuntimeError):  # it has not begun, or has ended by itself
            self._loop.call_soon_threadsafe(self._ending.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._ending = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        """Until the end; ``on_tick`` counts tenths of seconds."""
        counter = 0
        while not await self.on_tick(counter):
            counter += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), 0.1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close everything; without grace at once."""
        if self._grace:
            await super().shutdown(sockets)
            return
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        await asyncio.sleep(0)  # the connections learn that they are lost before their tasks end
        for task in list(self.server_state.tasks):
            task.cancel()

    def install_signal_handlers(self) -> None:
        """Do nothing: a thread must not."""
