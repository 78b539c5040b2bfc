// What the product is laid on, as far as the chosen marketplace leaves it open.
import { $, say } from './dom.js';
import { chosen } from './preset.js';
import { t } from './words.js';

const kind = () => $('scene-kind');
const backdrop = () => $('scene-backdrop');

// Scenes that bring a background of their own.
const OWN = ['white', 'studio'];

const takesBackdrop = () => !backdrop().disabled && !OWN.includes(kind().value);

function rules() {
  const { scenes, backdrop: free } = chosen().dataset;
  return { scenes: scenes.split(' '), free: free === 'yes' };
}

// Takes back what the marketplace forbids, so that nothing is asked for that would be left out.
function permit() {
  const { scenes, free } = rules();
  for (const option of kind().options) option.disabled = !scenes.includes(option.value);
  if (kind().selectedOptions[0]?.disabled) kind().value = 'auto';
  backdrop().disabled = !free;
  if (!free) backdrop().value = 'none';
  $('scene-rule').hidden = free;
  show();
}

function show() {
  const open = takesBackdrop();
  const chosen = open ? backdrop().value : 'none';
  $('scene-behind').hidden = !open;
  $('scene-colors').hidden = !['color', 'gradient'].includes(chosen);
  $('scene-bottom-field').hidden = chosen !== 'gradient';
  say($('scene-top-name'), t(chosen === 'gradient' ? 'scene.color.top' : 'scene.color'));
  $('scene-picture').hidden = chosen !== 'picture';
  say($('scene-sum'), sum(chosen));
}

function sum(chosen) {
  const words = [];
  if (kind().value !== 'auto') words.push(kind().selectedOptions[0].textContent);
  if (chosen !== 'none') words.push(backdrop().selectedOptions[0].textContent);
  for (const name of ['straighten', 'normalize']) {
    if ($(`scene-${name}`).checked) words.push(t(`scene.${name}`));
  }
  return words.join(', ') || t('make.prompt.note');
}

function colors() {
  const chosen = takesBackdrop() ? backdrop().value : 'none';
  if (chosen === 'color') return $('scene-top').value;
  if (chosen === 'gradient') return `${$('scene-top').value},${$('scene-bottom').value}`;
  return '';
}

function picture() {
  return takesBackdrop() && backdrop().value === 'picture' ? $('scene-picture').files[0] : undefined;
}

// A backdrop picture was wished for and none is chosen yet.
export function lacksPicture() {
  return Boolean($('scene')) && takesBackdrop() && backdrop().value === 'picture' && !picture();
}

// Fields of POST /api/generate; what is left at its usual is left out.
export function wish() {
  if (!$('scene')) return {};
  return {
    scene: kind().value === 'auto' ? '' : kind().value,
    backdrop: colors(),
    straighten: $('scene-straighten').checked ? 'true' : '',
    normalize: $('scene-normalize').checked ? 'true' : '',
    backdropPicture: picture() ?? '',
  };
}

export function start() {
  if (!$('scene')) return;
  $('scene').addEventListener('change', show);
  $('preset').addEventListener('change', permit);
  permit();
}
