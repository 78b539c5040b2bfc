// Brings the page to life: what the server has rendered stays, and is kept up to date from here on.
import * as api from './api.js';
import { Card, compact } from './card.js';
import * as composer from './composer.js';
import { $, surely } from './dom.js';
import { ended } from './live.js';
import * as recent from './recent.js';
import { startSheet } from './result.js';

document.documentElement.classList.remove('no-script');
startSheet();

const rendered = [...document.querySelectorAll('#job-list > [data-id]')];

async function adopt(element) {
  const card = new Card(element);
  recent.remember(card.id);
  try {
    const view = await api.job(card.id);
    card.show(view);
    if (ended(view)) return;
  } catch {
    // The stream tells, as soon as the server can be reached again.
  }
  card.follow();
}

async function bringBack() {
  try {
    const views = await api.jobs(recent.ids());
    for (const view of views) {
      const card = new Card();
      card.element.dataset.id = view.jobId;
      card.slot('link').href = `/jobs/${encodeURIComponent(view.jobId)}`;
      $('job-list').append(card.element);
      card.show(view);
      if (!ended(view)) card.follow();
    }
    if (views.length > 0) $('jobs').hidden = false;
    compact([...$('job-list').children].slice(1));
  } catch {
    // Older jobs are an extra; making new ones works without them.
  }
}

// A page that was left by Generate and come back to shows the same jobs under either address.
addEventListener('popstate', () => {
  const wanted = location.pathname.startsWith('/jobs/') ? decodeURIComponent(location.pathname.slice(6)) : '';
  const known = !wanted || document.querySelector(`[data-id="${CSS.escape(wanted)}"]`);
  if (!known) location.reload();
});

rendered.forEach(adopt);
$('anything')?.addEventListener('toggle', () => surely('anything.js'), { once: true });
if ($('composer')) {
  composer.start();
  bringBack();
}
