"""The workers of a prediction as it sees them: a process each, which gets the longest batches first."""

import signal
import subprocess
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Condition, Lock, Thread
from typing import Generic, TypeVar

from core.predict.errors import PredictionError
from core.predict.folder import PredictionFolder
from core.predict.protocol import WORKER, Answer, AnyMessage, NoRoom, Ready, Trouble, decode_message
from core.protocol import as_line
from core.runs.process import killed_for_memory

Task = TypeVar("Task")


class TaskQueue(Generic[Task]):
    """Tasks for several threads. What is taken is not done before it is said so, and can be given back."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._waiting = deque(tasks)
        self._taken = 0
        self._is_closed = False
        self._changed = Condition()

    def take(self) -> Task | None:
        """The next task; None once nothing is left. While others are at work on the last ones it waits: one of
        them may give its task back."""
        with self._changed:
            while not self._waiting and self._taken and not self._is_closed:
                self._changed.wait()
            if not self._waiting:
                return None
            self._taken += 1
            return self._waiting.popleft()

    def done(self) -> None:
        self._end()

    def give_back(self, task: Task) -> None:
        """Somebody else is to do it."""
        self._end(task)

    def close(self) -> None:
        """From here on there is nothing to take."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            self._changed.notify_all()

    def _end(self, *given_back: Task) -> None:
        with self._changed:
            self._waiting.extendleft(() if self._is_closed else given_back)
            self._taken -= 1
            self._changed.notify_all()


class WorkerLost(PredictionError):
    """A worker has ended before its time."""


class Worker:
    """One process with one member's model. Its errors go where this process's go: to the log."""

    def __init__(self, prediction: Path, member: int, card: str | None, name: str) -> None:
        """`card` is None where the worker is to choose: the first visible card, or the processor."""
        self.name = name
        self._prediction = PredictionFolder(prediction)
        self._process = subprocess.Popen(
            [*WORKER, str(prediction), str(member), *([] if card is None else [card])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def hear(self) -> AnyMessage:
        """The next message. Raises WorkerLost where there is none, or it says that the worker ends."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            code = self._process.wait()
            raise WorkerLost(*_end(self.name, code, killed_for_memory(self._prediction)))
        message: AnyMessage = decode_message(line)
        if isinstance(message, Trouble):
            raise WorkerLost(f"{self.name}: {message.cause}", message.advice, message.exit_code)
        return message

    def predict(self, ids: list[list[int]]) -> Answer | NoRoom:
        """Raises WorkerLost."""
        assert self._process.stdin is not None
        with suppress(OSError):  # where it has gone, what it said last tells why
            self._process.stdin.write(as_line(ids))
            self._process.stdin.flush()
        answer = self.hear()
        assert isinstance(answer, Answer | NoRoom)
        return answer

    def kill(self) -> None:
        """It holds nothing that would be lost."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Once nobody hears it any more."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(OSError):  # what it was not sent any more
                pipe.close()


def _end(name: str, code: int, is_out_of_memory: bool) -> tuple[str, str]:
    """What became of a worker that said nothing, and what to do, told from its exit code (negative: a signal's)."""
    log = "The end of console.log may say why."
    if code >= 0:
        return f"{name} ended with exit code {code}", log
    try:
        what = signal.Signals(-code).name
    except ValueError:  # of the kernel's own
        what = f"signal {-code}"
    if -code != signal.SIGKILL:
        return f"{name} was ended by {what}", log
    why = (
        "meanwhile the kernel killed processes because memory ran out"
        if is_out_of_memory
        else "usually because memory ran out"
    )
    return (
        f"{name} was killed by the system or by a user ({what}; {why})",
        "Free memory, or use fewer workers or a lower --batch-tokens; scored rows are kept, and the same command "
        "resumes.",
    )


class WorkerPool(Generic[Task]):
    """Workers that share one queue of tasks.

    `ids_of` gives the token ids of a task; `begin` is told of each worker that is ready, one at a time, and `take`
    each answer, all from several threads.
    """

    def __init__(
        self,
        workers: list[Worker],
        tasks: TaskQueue[Task],
        ids_of: Callable[[Task], list[list[int]]],
        begin: Callable[[Ready], None],
        take: Callable[[Task, Answer | NoRoom], None],
    ) -> None:
        self.lost: SimpleQueue[WorkerLost] = SimpleQueue()
        self.failed: SimpleQueue[Exception] = SimpleQueue()
        """What went wrong in this process."""
        self._workers = workers
        self._tasks = tasks
        self._ids_of = ids_of
        self._begin = begin
        self._beginning = Lock()
        self._take = take
        self._threads = [Thread(target=self._serve, args=(worker,), daemon=True) for worker in workers]

    def __enter__(self) -> "WorkerPool[Task]":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._tasks.close()
        for worker in self._workers:
            worker.kill()
        for thread in self._threads:  # one may be keeping an answer
            thread.join()
        for worker in self._workers:
            worker.close()

    def wait(self, seconds: float) -> bool:
        """Let them work so long; whether any of them is still at work."""
        for thread in self._threads:
            thread.join(seconds / len(self._threads))
        return any(thread.is_alive() for thread in self._threads)

    def _serve(self, worker: Worker) -> None:
        try:
            ready = worker.hear()
            assert isinstance(ready, Ready)
            with self._beginning:
                self._begin(ready)
            while (task := self._tasks.take()) is not None:
                try:
                    answer = worker.predict(self._ids_of(task))
                except WorkerLost:
                    self._tasks.give_back(task)
                    raise
                self._take(task, answer)
                self._tasks.done()
        except WorkerLost as lost:
            self.lost.put(lost)
        except Exception as error:  # noqa: BLE001  (raised again by who waits)
            self.failed.put(error)
            self._tasks.close()
