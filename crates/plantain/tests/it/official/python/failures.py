"""Every class of error that fal documents, as the client shows it."""

import fal_client
from support import SIMULATED, refused, until

INFRASTRUCTURE = {
    "runner_scheduling_failure": 503,
    "runner_connection_timeout": 503,
    "runner_disconnected": 503,
    "runner_connection_refused": 503,
    "runner_connection_error": 503,
    "runner_incomplete_response": 502,
    "runner_server_error": 500,
    "startup_timeout": 504,
    "internal_error": 500,
}


def failing(fail, **headers):
    """Submits something that fails; gives the last status and what the result call raises."""
    handle = fal_client.submit(SIMULATED, {"duration_ms": 1, "fail": fail}, headers=headers)
    status = until(handle, fal_client.Completed)
    error = refused(handle.get)
    assert error.response_headers["x-fal-request-id"] == handle.request_id
    return status, error


def case_the_infrastructure_fails():
    for word, http in INFRASTRUCTURE.items():
        status, error = failing(word, **{"X-Fal-No-Retry": "1"})
        assert (error.status_code, error.error_type) == (http, word), (word, error.status_code, error.error_type)
        assert error.message == error.response.json()["detail"]
        assert error.response_headers["x-fal-error-type"] == word
        assert status.error_type == word and status.error, status


def case_a_model_answers_an_error_itself():
    body = {"detail": [{"loc": ["body", "prompt"], "msg": "no", "type": "content_policy_violation", "url": "u"}], "n": 1}
    for http in (400, 403, 404, 413, 422, 500, 502):
        status, error = failing({"status": http, "body": body}, **{"X-Fal-No-Retry": "1"})
        assert (error.status_code, error.response.json()) == (http, body)
        assert error.message == body["detail"]
        assert status.error, status


def case_a_bad_input_names_its_fields():
    endpoint = "fal-ai/nano-banana/edit"
    error = refused(fal_client.subscribe, endpoint, {"num_images": 9}, interval=0.02)
    assert error.status_code == 422
    assert ["body", "prompt"] in [entry["loc"] for entry in error.message]
    for entry in error.message:
        assert isinstance(entry["msg"], str) and isinstance(entry["type"], str) and isinstance(entry["url"], str)


def case_an_unknown_key_is_refused():
    stranger = fal_client.SyncClient(key="stranger:0123456789abcdef")
    mine = fal_client.submit(SIMULATED, {"duration_ms": 1})
    for call, arguments in (
        (stranger.submit, (SIMULATED, {})),
        (stranger.status, (SIMULATED, mine.request_id)),
        (stranger.result, (SIMULATED, mine.request_id)),
        (stranger.cancel, (SIMULATED, mine.request_id)),
    ):
        error = refused(call, *arguments)
        assert (error.status_code, error.message) == (401, "No user found for Key ID and Secret")


def case_a_key_that_is_none_is_refused():
    error = refused(fal_client.SyncClient(key="hunter2").submit, SIMULATED, {})
    assert error.status_code == 401 and isinstance(error.message, str)


def case_an_unknown_application_is_named():
    error = refused(fal_client.submit, "nobody/nothing", {})
    assert error.status_code == 404
    assert error.message.startswith("Application ") and "nothing" in error.message


def case_a_start_timeout_that_is_none_is_refused():
    error = refused(fal_client.submit, SIMULATED, {}, headers={"X-Fal-Request-Timeout": "soon"})
    assert (error.status_code, error.error_type) == (400, "bad_request")
