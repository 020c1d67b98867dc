"""Reads in threads that nobody waits for."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

Result = TypeVar("Result")


async def in_thread(read: Callable[[], Result]) -> Result:
    """What `read` returns or raises. As asyncio.to_thread, but where a file system does not answer, the thread that
    waits for it takes no place from the others, and the console can still be left. So only for what may be broken off.
    """
    outcome: Future[Result] = Future()
    outcome.set_running_or_notify_cancel()  # a thread cannot be cancelled

    def work() -> None:
        try:
            outcome.set_result(read())
        except BaseException as error:  # noqa: BLE001  (whatever it is, it is the caller's)
            outcome.set_exception(error)

    Thread(target=work, daemon=True).start()
    return await asyncio.wrap_future(outcome)
