// JSON made readable as text. It is never turned into values: numbers keep every digit, keys their order and repetition.

const TOKEN = /"(?:[^"\\]|\\[\s\S])*"?|[{}[\],:]|[^\s{}[\],:"]+/g;
const DEPTH_MAX = 200;

// Pieces `{ kind, text }`, whose texts in a row are the readable form. What is cut off or no JSON still comes out whole.
export function pieces(source) {
  const tokens = source.match(TOKEN) ?? [];
  const out = [];
  let depth = 0;
  const line = () => out.push({ kind: 'space', text: `\n${'  '.repeat(Math.min(depth, DEPTH_MAX))}` });
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at];
    const next = tokens[at + 1];
    if (token === '{' || token === '[') {
      const close = token === '{' ? '}' : ']';
      if (next === close) {
        out.push({ kind: 'mark', text: token + close });
        at += 1;
        continue;
      }
      out.push({ kind: 'mark', text: token });
      depth += 1;
      line();
    } else if (token === '}' || token === ']') {
      depth = Math.max(0, depth - 1);
      line();
      out.push({ kind: 'mark', text: token });
    } else if (token === ',') {
      out.push({ kind: 'mark', text: token });
      line();
    } else if (token === ':') {
      out.push({ kind: 'mark', text: ': ' });
    } else {
      out.push({ kind: kind(token, next), text: token });
    }
  }
  return out;
}

function kind(token, next) {
  if (token[0] === '"') return next === ':' ? 'key' : 'string';
  if (/^-?\d/.test(token)) return 'number';
  return 'word';
}

export const pretty = (source) => pieces(source).map((piece) => piece.text).join('');

// Whether it looks like JSON at all; anything else is shown as it is.
export const looksLikeJson = (source) => /^\s*[[{"\d-]|^\s*(true|false|null)\s*$/.test(source);

// The addresses among the strings.
export function addresses(source) {
  const found = pieces(source).filter((piece) => piece.kind === 'string' && /^"https?:/.test(piece.text));
  return [...new Set(found.map((piece) => text(piece.text)).filter((address) => address !== null))];
}

// One string alone is safe to read as a value.
function text(quoted) {
  try {
    return JSON.parse(quoted);
  } catch {
    return null;
  }
}
