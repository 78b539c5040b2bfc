"""Synchronous runs and streams of a model's partial answers."""

import fal_client
from support import SIMULATED, refused


def case_run_answers_on_the_same_connection():
    assert fal_client.run(SIMULATED, {"duration_ms": 100, "output": {"n": 1}}) == {"n": 1}
    assert fal_client.run(SIMULATED, {"duration_ms": 1, "output": {}}, hint="lora-7", start_timeout=30, timeout=30) == {}


def case_run_keeps_big_integers():
    seed = 17454220438242315174
    assert fal_client.run(SIMULATED, {"duration_ms": 1, "output": {"seed": seed}})["seed"] == seed


def case_run_raises_what_the_model_says():
    body = {"detail": [{"loc": ["body"], "msg": "no", "type": "missing"}]}
    error = refused(fal_client.run, SIMULATED, {"duration_ms": 1, "fail": {"status": 422, "body": body}})
    assert (error.status_code, error.message) == (422, body["detail"])
    assert error.response_headers["x-fal-request-id"]


def case_run_raises_what_the_infrastructure_says():
    for word, http in (("runner_server_error", 500), ("runner_disconnected", 503), ("runner_incomplete_response", 502)):
        error = refused(fal_client.run, SIMULATED, {"duration_ms": 1, "fail": word})
        assert (error.status_code, error.error_type) == (http, word)


def case_run_of_an_unknown_application():
    assert refused(fal_client.run, "nobody/nothing", {}).status_code == 404


def case_stream_gives_partial_answers_and_ends_with_the_last():
    partials = [{"n": 1}, {"n": 2}, {"n": 3}]
    events = fal_client.stream(SIMULATED, {"duration_ms": 60, "partials": partials, "output": {"n": 4}})
    assert list(events) == [*partials, {"n": 4}]
