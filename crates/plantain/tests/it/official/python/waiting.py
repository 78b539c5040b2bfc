"""What happens while a queue of one slot is full. In order, since every case fills it."""

from contextlib import contextmanager

import fal_client
from support import SIMULATED, refused, until

IN_ORDER = True


@contextmanager
def full():
    """Keeps the one slot busy."""
    busy = fal_client.submit(SIMULATED, {"duration_ms": 60000})
    until(busy, fal_client.InProgress)
    try:
        yield
    finally:
        busy.cancel()
        until(busy, fal_client.Completed)


def case_positions_count_who_is_ahead():
    with full():
        low = fal_client.submit(SIMULATED, {"duration_ms": 1}, priority="low")
        first = fal_client.submit(SIMULATED, {"duration_ms": 1})
        second = fal_client.submit(SIMULATED, {"duration_ms": 1}, priority="normal")
        positions = [handle.status(with_logs=True) for handle in (low, first, second)]
        assert positions == [fal_client.Queued(2), fal_client.Queued(0), fal_client.Queued(1)], positions
    for handle in (first, second, low):
        until(handle, fal_client.Completed)


def case_a_waiting_request_is_cancelled_and_never_runs():
    with full():
        waiting = fal_client.submit(SIMULATED, {"duration_ms": 1})
        waiting.cancel()
        done = until(waiting, fal_client.Completed)
        assert done.error_type == "client_cancelled" and not done.metrics.get("inference_time")
        error = refused(waiting.get)
        assert (error.status_code, error.error_type) == (499, "client_cancelled")
        assert refused(waiting.cancel).status_code == 400


def case_a_start_deadline_that_passes_is_the_users_own_timeout():
    with full():
        error = refused(fal_client.subscribe, SIMULATED, {"duration_ms": 1}, start_timeout=1.2)
        assert (error.status_code, error.error_type) == (504, "request_timeout")
        assert error.response_headers["x-fal-request-timeout-type"] == "user"
