// Files with their paths, from a folder that was chosen or dropped.

// What systems leave in folders; the server pays it no heed either.
const left = (path) => path.split('/').some((part) => part.startsWith('.') || part === '__MACOSX')
  || /(^|\/)(thumbs\.db|desktop\.ini)$/i.test(path);

export const chosen = (files) =>
  [...files].map((file) => ({ path: file.webkitRelativePath || file.name, file })).filter(({ path }) => !left(path));

const fileOf = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));
const some = (reader) => new Promise((resolve, reject) => reader.readEntries(resolve, reject));

async function walk(entry, found) {
  const path = entry.fullPath.replace(/^\//, '');
  if (left(path)) return;
  if (entry.isFile) {
    found.push({ path, file: await fileOf(entry) });
    return;
  }
  const reader = entry.createReader();
  // A hundred at a time, until none are left.
  for (let entries = await some(reader); entries.length > 0; entries = await some(reader)) {
    for (const one of entries) await walk(one, found);
  }
}

// To be called while the drop is handled: its entries are gone afterwards.
export async function dropped(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === 'file');
  const entries = items.map((item) => item.webkitGetAsEntry?.() ?? null);
  if (entries.length === 0 || entries.includes(null)) return chosen(transfer.files);
  const found = [];
  for (const entry of entries) await walk(entry, found);
  return found;
}
