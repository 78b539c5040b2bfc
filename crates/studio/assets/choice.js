// The marks on a photo that say which thing in it is the product, as its tile offers them and as they are sent.
import { announce, later, say } from './dom.js';
import { many, t } from './words.js';

// What is sent with the photo.
export function fields({ choice }) {
  if (!choice) return {};
  return {
    box: choice.box ? choice.box.join(',') : '',
    include: choice.include.map((at) => at.join(',')),
    exclude: choice.exclude.map((at) => at.join(',')),
    keep: choice.all ? 'all' : '',
  };
}

export const count = ({ choice }) =>
  choice ? Number(Boolean(choice.box)) + choice.include.length + choice.exclude.length : 0;

// Something was said of the product, in places or as a whole.
export const isMade = (photo) => count(photo) > 0 || Boolean(photo.choice?.all);

function label(photo) {
  const marks = count(photo);
  if (marks > 0) return many('choose.chosen', marks);
  return t(isMade(photo) ? 'choose.chosen.all' : 'choose.offer');
}

// What is drawn with comes once there is something to draw on.
const drawing = () => later('choose.js', 'easel.js');

async function show(photo, image, chosen) {
  const choose = await drawing();
  if (choose) choose.show(photo, image, chosen);
  else announce(t('trouble.lost'));
}

// A button on a photo's tile. Where the browser can't show the photo, there is nothing to point at.
export function offer(item, photo) {
  const [image, button] = [item.querySelector('img'), item.querySelector('.photo__choose')];
  const chosen = () => say(button, label(photo));
  chosen();
  const shown = () => {
    button.hidden = false;
    drawing();
  };
  image.addEventListener('load', shown, { once: true });
  button.addEventListener('click', () => show(photo, image, chosen));
}
