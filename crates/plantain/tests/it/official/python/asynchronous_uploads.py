"""Uploads through the asynchronous client."""

import os

import fal_client
from support import digest, fetch

MIB = 1024 * 1024
FIRST_WAY = {"fallback_repository": []}


async def case_small_and_large():
    for data in (b"hello", os.urandom(30 * MIB)):
        url = await fal_client.upload_async(data, "application/octet-stream", **FIRST_WAY)
        assert digest(fetch(url)[0]) == digest(data)


async def case_in_parts():
    data = os.urandom(MIB) * 100 + b"the odd end of it"
    url = await fal_client.upload_async(data, "video/mp4", "film.mp4")
    assert digest(fetch(url)[0]) == digest(data)


async def case_a_file_from_disk():
    url = await fal_client.upload_file_async(os.environ["PHOTO"], **FIRST_WAY)
    with open(os.environ["PHOTO"], "rb") as file:
        assert fetch(url)[0] == file.read()
