"""A real model with a real photo: uploaded as an image, and encoded into the input."""

import os

import fal_client
from support import Picture, fetch


def case_a_photo_becomes_pictures():
    with open(os.environ["PHOTO"], "rb") as file:
        uploaded = fal_client.upload_image(Picture(file.read()), fallback_repository=[])
    encoded = fal_client.encode_file(os.environ["PHOTO"])
    result = fal_client.subscribe(
        "fal-ai/nano-banana/edit",
        {
            "prompt": "studio white catalog photo",
            "image_urls": [uploaded, encoded],
            "num_images": 1,
            "output_format": "png",
        },
    )
    (image,) = result["images"]
    data, headers = fetch(image["url"])
    assert data[1:4] == b"PNG" and len(data) == image["file_size"]
    assert headers["content-type"] == image["content_type"] == "image/png"
    assert int.from_bytes(data[16:20], "big") == image["width"]
