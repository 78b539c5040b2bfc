"""The same calls through the asynchronous client."""

import asyncio

import fal_client
from support import SIMULATED


async def refused(call):
    try:
        await call
    except fal_client.client.FalClientHTTPError as error:
        return error
    raise AssertionError("the call was expected to fail")


async def until(handle, wanted):
    while True:
        status = await handle.status(with_logs=True)
        if isinstance(status, wanted):
            return status
        assert not isinstance(status, fal_client.Completed), f"{wanted} was expected, it is over: {status}"
        await asyncio.sleep(0.02)


async def case_submit_events_and_result():
    handle = await fal_client.submit_async(SIMULATED, {"duration_ms": 250, "output": {"n": 1}}, priority="low", hint="h")
    events = [event async for event in handle.iter_events(with_logs=True, interval=0.02)]
    assert isinstance(events[-1], fal_client.Completed) and events[-1].logs
    assert await handle.get() == {"n": 1}
    assert await fal_client.result_async(SIMULATED, handle.request_id) == {"n": 1}
    status = await fal_client.status_async(SIMULATED, handle.request_id, with_logs=False)
    assert status.logs is None


async def case_eight_subscribers_at_once():
    seen = []

    async def job(n):
        arguments = {"duration_ms": 150 + 10 * n, "output": {"n": n}}
        return await fal_client.subscribe_async(SIMULATED, arguments, interval=0.05, on_enqueue=seen.append)

    results = await asyncio.gather(*(job(n) for n in range(8)))
    assert [result["n"] for result in results] == list(range(8)) and len(set(seen)) == 8


async def case_cancel():
    handle = await fal_client.submit_async(SIMULATED, {"duration_ms": 30000})
    await until(handle, fal_client.InProgress)
    await fal_client.cancel_async(SIMULATED, handle.request_id)
    assert (await until(handle, fal_client.Completed)).error_type == "client_cancelled"
    assert (await refused(handle.get())).status_code == 499
    assert (await refused(handle.cancel())).status_code == 400


async def case_a_client_that_gives_up_cancels_its_request():
    started = []
    try:
        arguments = {"duration_ms": 30000}
        await fal_client.subscribe_async(SIMULATED, arguments, on_enqueue=started.append, client_timeout=1.2)
    except fal_client.FalClientTimeoutError as error:
        assert error.request_id == started[0]
    else:
        raise AssertionError("the client was expected to give up")
    handle = await fal_client.AsyncClient().get_handle(SIMULATED, started[0])
    assert (await until(handle, fal_client.Completed)).error_type == "client_cancelled"


async def case_errors():
    error = await refused(fal_client.subscribe_async("fal-ai/nano-banana", {}, interval=0.02))
    assert error.status_code == 422 and error.message[0]["loc"][0] == "body"
    error = await refused(fal_client.AsyncClient(key="stranger:0123456789abcdef").submit(SIMULATED, {}))
    assert error.status_code == 401
    error = await refused(fal_client.submit_async("nobody/nothing", {}))
    assert error.status_code == 404


async def case_run():
    assert await fal_client.run_async(SIMULATED, {"duration_ms": 100, "output": {"n": 1}}) == {"n": 1}


async def case_stream():
    partials = [{"n": 1}, {"n": 2}]
    arguments = {"duration_ms": 60, "partials": partials, "output": {"n": 3}}
    assert [event async for event in fal_client.stream_async(SIMULATED, arguments)] == [*partials, {"n": 3}]
