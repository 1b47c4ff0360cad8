/** The picture: fitted into its place, or larger and moved with the pointer; as it is, or what has changed in it. */
import {clamp, state, tell} from './store.js';

const ZOOMS = [1, 1.5, 2, 3, 4];
const STRONGER = 3; // doublings of a difference: it is shown eight times as strong

const canvas = document.getElementById('picture');
const context = canvas.getContext('2d');
let zoom = 1;
let centre = {x: 0.5, y: 0.5}; // of the picture, what is in the middle of its place

/** @param {ImageBitmap} picture @param {ImageBitmap|null} before what it is compared with */
export function paint(picture, before) {
  const dense = window.devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * dense), height = Math.round(canvas.clientHeight * dense);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, {width, height});
  const scale = Math.min(width / picture.width, height / picture.height) * zoom;
  const [w, h] = [picture.width * scale, picture.height * scale];
  const place = [within(width / 2 - centre.x * w, width, w), within(height / 2 - centre.y * h, height, h), w, h];
  context.globalCompositeOperation = 'source-over';
  context.clearRect(0, 0, width, height);
  context.drawImage(picture, ...place);
  if (before) {
    context.globalCompositeOperation = 'difference';
    context.drawImage(before, ...place);
    context.globalCompositeOperation = 'lighter';
    for (let n = 0; n < STRONGER; n += 1) context.drawImage(canvas, 0, 0);
  }
  canvas.dataset.frame = String(state.frame);
}

/** No empty edge where the picture is larger than its place; in the middle where it is smaller. */
const within = (at, room, size) => (size <= room ? (room - size) / 2 : clamp(at, room - size, 0));

/** Nothing is shown. */
export function clear() {
  delete canvas.dataset.frame;
  context.clearRect(0, 0, canvas.width, canvas.height);
}

/** @returns {boolean} whether nothing is shown */
export const isClear = () => canvas.dataset.frame === undefined;

/** The next size, or again the first. */
export function nextZoom() {
  zoom = ZOOMS[(ZOOMS.indexOf(zoom) + 1) % ZOOMS.length];
  if (zoom === 1) centre = {x: 0.5, y: 0.5};
  tell('zoomed', zoom);
  tell('repaint');
}

let drag = null;
canvas.addEventListener('pointerdown', (event) => {
  if (zoom === 1) return;
  canvas.setPointerCapture(event.pointerId);
  drag = {x: event.clientX, y: event.clientY, centre: {...centre}};
});
canvas.addEventListener('pointermove', (event) => {
  if (!drag) return;
  const size = zoom * Math.min(canvas.clientWidth, canvas.clientHeight);
  centre = {
    x: clamp(drag.centre.x - (event.clientX - drag.x) / size, 0, 1),
    y: clamp(drag.centre.y - (event.clientY - drag.y) / size, 0, 1),
  };
  tell('repaint');
});
for (const end of ['pointerup', 'pointercancel']) canvas.addEventListener(end, () => (drag = null));
new ResizeObserver(() => tell('repaint')).observe(canvas);
