// Shows what a page wants said, since phones let nobody else do it, and leads whoever touches that to the job. It answers no
// request and has no page in its charge.
addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(lead(event.notification.data?.path ?? '/'));
});

async function lead(path) {
  const open = await clients.matchAll({ type: 'window', includeUncontrolled: true });
  const there = open.find((page) => new URL(page.url).pathname === path);
  if (there) await there.focus();
  else await clients.openWindow(path);
}
