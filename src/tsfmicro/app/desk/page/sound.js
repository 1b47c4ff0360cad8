/** The file itself, as the browser plays it, with its sound. Frames are exact in the picture beside it, not here. */
import {videoAt} from './api.js';
import {on, state, timeOf} from './store.js';
import {seek, stop} from './player.js';

const figure = document.getElementById('original');
const video = figure.querySelector('video');
const words = figure.querySelector('figcaption');
const button = document.getElementById('sound');

/** Show it at the cursor, or put it away. */
export function toggleSound() {
  if (!state.video) return;
  if (!figure.hidden) return close();
  stop();
  figure.hidden = false;
  button.setAttribute('aria-pressed', 'true');
  words.textContent = 'With sound. Where you stop it, the cursor stands.';
  video.hidden = false;
  video.src = `${videoAt(state.video.name)}/file`;
}

function close() {
  figure.hidden = true;
  button.setAttribute('aria-pressed', 'false');
  video.removeAttribute('src');
  video.load();
}

video.addEventListener('loadedmetadata', () => (video.currentTime = timeOf(state.frame)));
for (const kind of ['timeupdate', 'pause']) video.addEventListener(kind, () => !video.seeking && video.played.length && seek(video.currentTime));
video.addEventListener('error', () => {
  if (!video.hasAttribute('src')) return;
  video.hidden = true;
  words.textContent = 'This browser does not play this file (HEVC and AVI it mostly does not). The frames beside it are shown all the same; for sound, convert it to MP4 (H.264) or WebM.';
});
on('opened', close);
