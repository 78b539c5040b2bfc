// A ZIP of files that stay where they are: the archive is a list of small headers and of the files themselves, which the browser
// reads from the disk while it sends them. Nothing is packed tighter, for photos are already.

const TABLE = new Uint32Array(256).map((_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit += 1) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});

// The checksum stands before the bytes, so each file is read once for it, piece by piece.
async function checksum(file, seen) {
  let crc = 0xffffffff;
  const reader = file.stream().getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return (crc ^ 0xffffffff) >>> 0;
    for (let at = 0; at < value.length; at += 1) crc = TABLE[(crc ^ value[at]) & 0xff] ^ (crc >>> 8);
    seen(value.length);
  }
}

// Numbers of two or four bytes, as [bytes, number].
function fields(...all) {
  const view = new DataView(new ArrayBuffer(all.reduce((sum, [bytes]) => sum + bytes, 0)));
  let at = 0;
  for (const [bytes, number] of all) {
    if (bytes === 2) view.setUint16(at, number, true);
    else view.setUint32(at, number, true);
    at += bytes;
  }
  return view;
}

const UTF8 = 0x0800;
const FIRST_DAY = 0x21;

// What both headers of a file say alike.
const common = (crc, size, name) => [
  [2, 20], [2, UTF8], [2, 0], [2, 0], [2, FIRST_DAY], [4, crc], [4, size], [4, size], [2, name.length], [2, 0],
];

// `files` are {path, file}; `seen` is told the bytes that were read. A signal ends it between two files.
export async function pack(files, seen, signal) {
  const [parts, contents] = [[], []];
  let offset = 0;
  for (const { path, file } of files) {
    signal?.throwIfAborted();
    const name = new TextEncoder().encode(path);
    const crc = await checksum(file, seen);
    parts.push(fields([4, 0x04034b50], ...common(crc, file.size, name)), name, file);
    contents.push(
      fields([4, 0x02014b50], [2, 20], ...common(crc, file.size, name), [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]),
      name,
    );
    offset += 30 + name.length + file.size;
  }
  const list = new Blob(contents);
  const end = fields(
    [4, 0x06054b50], [2, 0], [2, 0], [2, files.length], [2, files.length], [4, list.size], [4, offset], [2, 0],
  );
  return new Blob([...parts, list, end], { type: 'application/zip' });
}
