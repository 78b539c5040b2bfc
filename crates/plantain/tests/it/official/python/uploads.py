"""Uploads: small, large, in parts, within inputs; and what comes back from the CDN."""

import os
import tempfile

import fal_client
from support import SIMULATED, Picture, digest, fetch

MIB = 1024 * 1024

# The client splits what is larger than this.
PARTS_FROM = 100 * MIB

# What is served is what the bytes are, so these begin as a film does.
FILM = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + os.urandom(MIB - 24)

# A fallback would hide that the first way is broken.
FIRST_WAY = {"fallback_repository": []}


def photo():
    with open(os.environ["PHOTO"], "rb") as file:
        return file.read()


def case_a_small_file_with_its_name_and_type():
    url = fal_client.upload(b"hello, world", "text/plain", "hello world.txt", **FIRST_WAY)
    data, headers = fetch(url)
    assert data == b"hello, world" and "hello" in url, url
    assert headers["content-type"].startswith("text/plain")
    assert fetch(fal_client.upload("text", "text/plain", **FIRST_WAY))[0] == b"text"


def case_a_small_file_by_the_way_of_the_other_client():
    url = fal_client.upload(b"hello", "text/plain", "hello.txt", repository="fal")
    assert fetch(url)[0] == b"hello"


def case_a_file_that_is_to_expire():
    lifecycle = fal_client.StorageSettings(expires_in="1h", initial_acl=fal_client.StorageACL(default="allow"))
    url = fal_client.upload(b"soon gone", "text/plain", lifecycle=lifecycle, **FIRST_WAY)
    assert fetch(url)[0] == b"soon gone"


def case_a_large_file_in_one_piece():
    data = os.urandom(30 * MIB)
    url = fal_client.upload(data, "application/octet-stream", **FIRST_WAY)
    assert digest(fetch(url)[0]) == digest(data)
    assert fetch(url, Range="bytes=1048576-1048585")[0] == data[MIB : MIB + 10]


def case_a_file_from_disk_so_large_that_the_client_sends_it_in_parts():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "film.mp4")
        data = FILM * 100 + b"the odd end of it"
        with open(path, "wb") as file:
            file.write(data)
        url = fal_client.upload_file(path)
    got, headers = fetch(url)
    assert digest(got) == digest(data)
    assert headers["content-type"] == "video/mp4"


def case_bytes_so_many_that_the_client_sends_them_in_parts():
    data = FILM * 100 + b"the odd end of it"
    assert digest(fetch(fal_client.upload(data, "video/mp4", "film.mp4"))[0]) == digest(data)


def case_an_image_and_a_file():
    url = fal_client.upload_image(Picture(photo()), **FIRST_WAY)
    assert fetch(url)[0] == photo()
    url = fal_client.upload_file(os.environ["PHOTO"], **FIRST_WAY)
    data, headers = fetch(url)
    assert data == photo() and headers["content-type"] == "image/jpeg"


def case_encoded_data_passes_through_an_input():
    encoded = [fal_client.encode("one", "text/plain"), fal_client.encode_file(os.environ["PHOTO"])]
    encoded.append(fal_client.encode_image(Picture(photo())))
    result = fal_client.subscribe(SIMULATED, {"duration_ms": 1, "output": {"data": encoded}}, interval=0.02)
    assert result == {"data": encoded}


def case_a_stranger_uploads_nothing():
    # The client asks for its token outside of what it turns into errors of its own.
    try:
        fal_client.SyncClient(key="stranger:0123456789abcdef").upload(b"x", "text/plain", **FIRST_WAY)
    except Exception as error:
        assert getattr(error, "response", None) is not None and error.response.status_code == 401, error
    else:
        raise AssertionError("a stranger uploaded a file")
