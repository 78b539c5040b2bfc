// A real model with a real photo.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

import { fal } from "./run.mjs";

export default {
  async "a photo becomes pictures"() {
    const photo = new Blob([await readFile(process.env.PHOTO)], { type: "image/jpeg" });
    const { data } = await fal.subscribe("fal-ai/nano-banana/edit", {
      input: { prompt: "studio white catalog photo", image_urls: [photo], num_images: 1, output_format: "png" },
      mode: "streaming",
      logs: true,
    });
    assert.equal(data.images.length, 1);
    assert.equal(typeof data.description, "string");
    const [image] = data.images;
    assert.equal(image.content_type, "image/png");
    const picture = await fetch(image.url);
    const bytes = Buffer.from(await picture.arrayBuffer());
    assert.equal(bytes.length, image.file_size);
    assert.equal(bytes.subarray(1, 4).toString(), "PNG");
    assert.equal(bytes.readUInt32BE(16), image.width);
  },
};
