// One photo to 2000 px on white and JPEG, with sharp. Prints the CPU milliseconds of one, of all threads together.
import { readFileSync, writeFileSync } from "node:fs";
import sharp from "sharp";

const [photo, out, rounds] = process.argv.slice(2);
const input = readFileSync(photo);

function once() {
  return sharp(input)
    .rotate()
    .resize(2000, 2000, { fit: "contain", background: "#ffffff", kernel: "lanczos3" })
    .jpeg({ quality: 95, chromaSubsampling: "4:4:4" })
    .toBuffer();
}

writeFileSync(out, await once());
const before = process.cpuUsage();
for (let round = 0; round < Number(rounds); round++) {
  await once();
}
const { user, system } = process.cpuUsage(before);
console.log(((user + system) / 1000 / Number(rounds)).toFixed(1));
