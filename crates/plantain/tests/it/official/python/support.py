"""What all groups need."""

import hashlib
import os
import time
import urllib.request

import fal_client

# Serves whatever the input says.
SIMULATED = "plantain/simulated"
HOOK = os.environ.get("HOOK")

# Requests that were told to report to the receiver, and what must come.
WEBHOOKS = {}


def thrown(kind, call, *arguments, **named):
    """What a call raises; a call that succeeds is a failure here."""
    try:
        call(*arguments, **named)
    except kind as error:
        return error
    raise AssertionError("the call was expected to fail")


def refused(call, *arguments, **named):
    return thrown(fal_client.client.FalClientHTTPError, call, *arguments, **named)


def until(handle, wanted):
    """Waits until a request has the wanted kind of status."""
    while True:
        status = handle.status(with_logs=True)
        if isinstance(status, wanted):
            return status
        assert not isinstance(status, fal_client.Completed), f"{wanted} was expected, it is over: {status}"
        time.sleep(0.02)


def fetch(url, **headers):
    """A file as anybody gets it, without a key."""
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
        return answer.read(), answer.headers


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Picture:
    """As much of a Pillow image as the client uses of one, which does not depend on Pillow."""

    def __init__(self, data):
        self.data = data

    def save(self, file, format):
        assert format == "jpeg"
        file.write(self.data)
