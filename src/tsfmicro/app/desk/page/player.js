/** The video, frame by frame. Pictures come from the server one at a time, so any video that it can read is exact here. */
import {address, videoAt} from './api.js';
import {clear, isClear, paint} from './picture.js';
import {AGAIN, chosen, clamp, frameOf, on, state, suggested, tell, timeOf} from './store.js';

const KEPT = 240; // pictures in memory
const AT_ONCE = 4; // requests
const AHEAD = 10, BEHIND = 4;
const SMOOTH = 30; // pictures a second, more the eye does not need

const where = document.getElementById('where');

/** @type {Map<number, ImageBitmap>} */
let pictures = new Map();
/** @type {Set<number>} */
let asked = new Set();
/** Frames that did not come: a program that is gone would else be asked without a pause. @type {Set<number>} */
let failed = new Set();
let direction = 1;
let differing = false;
/** @type {null|{from: number, to: number, at: number, speed: number, last: number, loop: boolean}} */
let playing = null;

/** Show a frame. @param {number} frame */
export function show(frame) {
  if (!state.video?.frames) return;
  frame = clamp(Math.round(frame), 0, state.video.frames - 1);
  if (frame !== state.frame) direction = frame > state.frame ? 1 : -1;
  state.frame = frame;
  failed.clear();
  draw();
  fetchAround();
  tell('frame');
}

/** @param {number} by frames */
export function step(by) {
  stop();
  show(state.frame + by);
}

/** @param {number} seconds */
export const seek = (seconds) => show(frameOf(seconds));

/** Play from the cursor, or a stretch again and again. @param {{from?: number, to?: number, loop?: boolean, speed?: number}} how */
export function play(how = {}) {
  if (!state.video?.frames) return;
  const last = state.video.frames - 1;
  let from = how.from ?? state.frame;
  if (from >= last) from = 0;
  const speed = how.speed ?? Number(document.getElementById('speed').value);
  playing = {from, to: how.to ?? last, at: timeOf(from), speed, last: performance.now(), loop: !!how.loop};
  show(from);
  tell('playing', playing);
  requestAnimationFrame(tick);
}

/** Stop playing. */
export function stop() {
  if (!playing) return;
  playing = null;
  tell('playing', null);
}

/** @returns {boolean} */
export const isPlaying = () => playing !== null;

/** Play, or stop. */
export const toggle = () => (playing ? stop() : play());

/** Loop the selected moment at 1/8 speed, or stop. */
export function toggleLoop() {
  if (playing?.loop) return stop();
  const moment = chosen() ?? suggestedTimes();
  if (!moment) return;
  stop();
  play({from: frameOf(moment.onset), to: frameOf(moment.offset), loop: true, speed: 1 / 8});
}

/** @returns {{onset: number, offset: number, face: number}|null} */
export function suggestedTimes() {
  const told = suggested();
  return told ? {onset: told.onset_s, offset: told.offset_s, face: told.face} : null;
}

/** @returns {string|null} address of the selected moment's slow, magnified picture */
export function replayAddress() {
  const moment = chosen() ?? suggestedTimes();
  return moment && address(`${videoAt(state.video.name)}/replay`, {onset: moment.onset, offset: moment.offset, face: moment.face, person: moment.person});
}

function tick(now) {
  if (!playing) return;
  const stride = Math.max(1, Math.round((state.video.fps * playing.speed) / SMOOTH));
  const end = timeOf(playing.to);
  let at = playing.at + Math.min(0.25, (now - playing.last) / 1000) * playing.speed;
  playing.last = now;
  if (at > end) {
    if (!playing.loop) {
      show(playing.to);
      return stop();
    }
    at = timeOf(playing.from);
  }
  const frame = playing.from + Math.floor((frameOf(at) - playing.from) / stride) * stride;
  if (pictures.has(frame) || frame === state.frame) playing.at = at; // else the clock waits for the picture
  if (frame !== state.frame && pictures.has(frame)) {
    state.frame = frame;
    draw();
    tell('frame');
  }
  for (let n = frame; n <= Math.min(playing.to, frame + 12 * stride); n += stride) ask(n);
  if (playing.loop) ask(playing.from);
  requestAnimationFrame(tick);
}

function fetchAround() {
  ask(state.frame);
  for (let n = 1; n <= AHEAD; n += 1) {
    ask(state.frame + n * direction);
    if (n <= BEHIND) ask(state.frame - n * direction);
  }
}

function ask(frame) {
  if (frame < 0 || frame >= state.video.frames || pictures.has(frame) || asked.has(frame) || failed.has(frame)) return;
  if (asked.size >= AT_ONCE && frame !== state.frame) return;
  asked.add(frame);
  const {name, key} = state.video, mine = pictures, missed = failed;
  fetch(address(`${videoAt(name)}/frames/${frame}`, {v: key}))
    .then((response) => (response.ok ? response.blob() : response.json().then((told) => Promise.reject(new Error(told.error)))))
    .then((blob) => createImageBitmap(blob))
    .then((picture) => {
      if (mine !== pictures) return picture.close(); // another video is open by now
      pictures.set(frame, picture);
      forget();
      if (frame === state.frame || differing) draw();
    })
    .catch((error) => {
      missed.add(frame);
      setTimeout(() => missed.delete(frame), AGAIN);
      if (mine === pictures && frame === state.frame) tell('unseen', error);
    })
    .finally(() => {
      if (mine !== pictures) return;
      asked.delete(frame);
      if (!playing && pictures.has(state.frame)) fetchAround();
      else if (!pictures.has(state.frame) && frame !== state.frame) ask(state.frame);
    });
}

function forget() {
  while (pictures.size > KEPT) {
    const kept = differing ? reference() : -1;
    const far = [...pictures.keys()].filter((n) => n !== kept).reduce((a, b) => (Math.abs(a - state.frame) > Math.abs(b - state.frame) ? a : b));
    pictures.get(far).close();
    pictures.delete(far);
  }
}

function draw() {
  const picture = pictures.get(state.frame);
  tellWhere();
  if (!picture) return;
  const from = differing ? reference() : -1;
  if (from >= 0 && !pictures.has(from)) ask(from);
  paint(picture, pictures.get(from) ?? null);
}

on('opened', () => {
  stop();
  pictures.forEach((picture) => picture.close());
  pictures = new Map();
  asked = new Set();
  failed = new Set();
  clear();
  document.getElementById('empty').hidden = Boolean(state.video);
  if (state.video) show(0); else tellWhere();
});
on('video-facts', () => {
  tellWhere();
  if (isClear()) show(state.frame); // a file that does not say how many frames it has was counted
});
on('moments selected', () => differing && state.video && draw());
on('repaint', () => state.video && draw());

/** Show what is not as it was at the onset of the moment (or on the first frame), or the picture itself. */
export function toggleDifference() {
  differing = !differing;
  tell('differing', differing);
  if (state.video) draw();
}

/** The frame that differences are from. */
const reference = () => {
  const moment = chosen() ?? suggestedTimes();
  return moment ? frameOf(moment.onset) : 0;
};

function tellWhere() {
  const {video, frame} = state;
  where.value = video?.frames ? `${timeOf(frame).toFixed(3)} s · ${frame} of ${video.frames - 1}` : '–';
  where.title = video?.frames ? `frame ${frame} of 0 to ${video.frames - 1}, ${video.fps} frames per second` : '';
}
