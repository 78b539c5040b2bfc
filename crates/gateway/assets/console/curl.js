// A request as the command that would submit it again. The secret is a shell variable, never a value.

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

export function curlOf(view, input, origin) {
  const webhook = view.webhook ? `?fal_webhook=${encodeURIComponent(view.webhook)}` : '';
  const address = `${origin.replace(/\/$/, '')}/queue/${view.endpoint}${webhook}`;
  const labels = Object.entries(view.options.labels).map(([key, value]) => `${key}=${value}`).join(',');
  const headers = [
    ['X-Fal-Runner-Hint', view.options.runnerHint],
    ['X-Fal-Store-IO', view.options.payloads === 'drop' ? '0' : null],
    ['X-Fal-Tags', labels],
  ].filter(([name, value]) => name && value);
  return [
    `curl -X POST ${quoted(address)}`,
    `-H "Authorization: Key $FAL_KEY"`,
    `-H 'Content-Type: application/json'`,
    ...headers.map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
    `-d ${quoted(input)}`,
  ].join(' \\\n  ');
}
