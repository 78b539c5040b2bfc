"""Submit, status, events, subscribe, result, cancel."""

from concurrent.futures import ThreadPoolExecutor

import fal_client
from support import HOOK, SIMULATED, WEBHOOKS, refused, thrown, until

HUGE = 17454220438242315174
UNKNOWN = "019d9e0b-6eb0-7920-827a-868d042ec76e"


def case_submit_gives_a_handle_with_addresses_that_lead_back():
    handle = fal_client.submit(SIMULATED, {"duration_ms": 1, "output": {"n": 1}})
    assert handle.request_id
    for url in (handle.response_url, handle.status_url, handle.cancel_url):
        assert url.startswith("http") and handle.request_id in url, url
    assert handle.get(interval=0.02) == {"n": 1}


def case_a_request_goes_through_its_states_with_logs_and_without():
    handle = fal_client.submit(SIMULATED, {"duration_ms": 1500, "output": {}})
    running = until(handle, fal_client.InProgress)
    assert isinstance(running.logs, list)
    assert handle.status().logs is None
    done = until(handle, fal_client.Completed)
    assert done.error is None and done.error_type is None
    assert done.metrics["inference_time"] >= 1.4, done.metrics
    assert done.logs
    for line in done.logs:
        assert isinstance(line["message"], str) and line["timestamp"] and line["level"] == "INFO", line
        assert line["labels"]["level"] == "INFO", line
    assert handle.status(with_logs=False).logs is None


def case_events_are_iterated_until_the_end():
    handle = fal_client.submit(SIMULATED, {"duration_ms": 1500, "output": {}})
    events = list(handle.iter_events(with_logs=True, interval=0.02))
    kinds = [type(event) for event in events]
    order = [fal_client.Queued, fal_client.InProgress, fal_client.Completed]
    assert [order.index(kind) for kind in kinds] == sorted(order.index(kind) for kind in kinds)
    assert fal_client.InProgress in kinds and kinds.count(fal_client.Completed) == 1
    # Polled logs are cumulative: what was there stays there.
    logs = [event.logs for event in events if not isinstance(event, fal_client.Queued)]
    assert all(later[: len(former)] == former for former, later in zip(logs, logs[1:]))


def case_subscribe():
    seen, enqueued = [], []
    result = fal_client.subscribe(
        SIMULATED,
        {"duration_ms": 1500, "output": {"n": 1}},
        with_logs=True,
        interval=0.02,
        on_enqueue=enqueued.append,
        on_queue_update=seen.append,
    )
    assert result == {"n": 1}
    assert len(enqueued) == 1
    assert isinstance(seen[-1], fal_client.Completed) and seen[-1].logs
    assert any(isinstance(event, fal_client.InProgress) for event in seen)


def case_status_result_and_cancel_by_name_and_id():
    handle = fal_client.submit(SIMULATED, {"duration_ms": 1, "output": {"n": 2}})
    assert fal_client.result(SIMULATED, handle.request_id) == {"n": 2}
    assert isinstance(fal_client.status(SIMULATED, handle.request_id, with_logs=True), fal_client.Completed)
    assert refused(fal_client.cancel, SIMULATED, handle.request_id).status_code == 400


def case_big_integers_arrive_as_they_were_sent():
    output = {"seed": HUGE, "negative": -HUGE, "deep": [{"n": HUGE * HUGE}], "half": 0.5}
    assert fal_client.subscribe(SIMULATED, {"duration_ms": 1, "output": output}, interval=0.02) == output


def case_text_of_all_kinds():
    output = {"text": "ü 🍌 \u2028 \\ \"", "nothing": None, "": []}
    assert fal_client.subscribe(SIMULATED, {"duration_ms": 1, "output": output}, interval=0.02) == output


def case_a_running_request_is_cancelled():
    handle = fal_client.submit(SIMULATED, {"duration_ms": 150000})
    until(handle, fal_client.InProgress)
    handle.cancel()
    done = until(handle, fal_client.Completed)
    assert done.error_type == "client_cancelled" and done.error
    error = refused(handle.get)
    assert (error.status_code, error.error_type) == (499, "client_cancelled")
    assert error.response_headers["x-fal-request-id"] == handle.request_id


def case_a_finished_request_is_not_cancelled():
    handle = fal_client.submit(SIMULATED, {"duration_ms": 1, "output": {}})
    assert handle.get(interval=0.02) == {}
    error = refused(handle.cancel)
    assert error.status_code == 400
    assert error.response.json() == {"status": "ALREADY_COMPLETED"}


def case_nobodys_request_is_not_found_whatever_is_asked_of_it():
    handle = fal_client.SyncClient().get_handle(SIMULATED, UNKNOWN)
    for call in (handle.status, handle.cancel, handle.get):
        error = refused(call)
        assert error.status_code == 404
        assert error.response.json()["status"] == "NOT_FOUND"


def case_a_client_that_gives_up_cancels_its_request():
    started = []
    error = thrown(
        fal_client.FalClientTimeoutError,
        fal_client.SyncClient().subscribe,
        SIMULATED,
        {"duration_ms": 150000},
        on_enqueue=started.append,
        client_timeout=1.5,
    )
    assert error.request_id == started[0]
    handle = fal_client.SyncClient().get_handle(SIMULATED, started[0])
    assert until(handle, fal_client.Completed).error_type == "client_cancelled"


def case_everything_that_can_be_said_about_a_request_is_accepted():
    result = fal_client.subscribe(
        SIMULATED,
        {"duration_ms": 1, "output": {"ok": True}},
        interval=0.02,
        hint="lora-7",
        priority="low",
        start_timeout=60,
        client_timeout=90,
        headers={
            "X-Fal-Store-IO": "1",
            "X-Fal-No-Retry": "1",
            "X-Fal-Object-Lifecycle-Preference": '{"expiration_duration_seconds": 3600}',
            "x-app-fal-disable-fallback": "true",
        },
    )
    assert result == {"ok": True}


def case_paths_below_an_application_are_one_application():
    handle = fal_client.submit("fal-ai/nano-banana", {"prompt": 7}, path="/edit")
    for name in ("fal-ai/nano-banana", "fal-ai/nano-banana/edit"):
        assert isinstance(fal_client.status(name, handle.request_id), fal_client.client.Status)
    until(handle, fal_client.Completed)


def case_eight_jobs_at_once():
    def job(n):
        return fal_client.subscribe(SIMULATED, {"duration_ms": 150 + 10 * n, "output": {"n": n}}, interval=0.05)

    with ThreadPoolExecutor(8) as pool:
        assert [result["n"] for result in pool.map(job, range(8))] == list(range(8))


def case_webhooks_are_owed_for_what_ends_well_and_for_what_does_not():
    if HOOK is None:
        return
    good = fal_client.submit(SIMULATED, {"duration_ms": 1, "output": {"n": HUGE}}, webhook_url=f"{HOOK}/py?job=1&x=%20y")
    WEBHOOKS[good.request_id] = {"status": "OK", "at": "/py?job=1&x=%20y", "payload": {"n": HUGE}}
    fail = {"status": 422, "body": {"detail": "no"}}
    bad = fal_client.submit(SIMULATED, {"fail": fail, "duration_ms": 1}, webhook_url=f"{HOOK}/py?job=2")
    WEBHOOKS[bad.request_id] = {"status": "ERROR", "at": "/py?job=2", "payload": fail["body"]}
    cancelled = fal_client.submit(SIMULATED, {"duration_ms": 150000}, webhook_url=f"{HOOK}/py")
    cancelled.cancel()
    WEBHOOKS[cancelled.request_id] = {"status": "ERROR", "at": "/py"}
