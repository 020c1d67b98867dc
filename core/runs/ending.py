"""How a process that owns a record comes to its end: whatever happens in it, the last event says what."""

import logging
from collections.abc import Callable

from core.runs.events import Failed
from core.runs.record import Record
from core.runs.stop_request import Stopped, StopRequest


def to_its_end(
    record: Record,
    stop: StopRequest,
    begin: Callable[[], None],
    work: Callable[[], int],
    explained: Callable[[Exception], Failed],
) -> int:
    """`begin` says who this process is; then `work` is done. Returns its exit code, or that of how it was ended.

    What `begin` raises is raised: whoever waits for its word writes the last event then.
    """
    try:
        begin()
        try:
            return work()
        except Exception as error:
            with stop.deferred():  # told to stop meanwhile, it still says why it failed
                logging.exception("failed")
                failed = explained(error)
                stop.close()
                record.write(failed)
            return failed.exit_code
    except Stopped:
        record.write(stop.cancelled())
        return stop.exit_code
    finally:
        stop.close()
