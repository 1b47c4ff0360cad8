/**
 * What the page knows: the project, the open video, its moments. Everything that changes codes goes through `change`,
 * which shows it at once and has it saved, one change after another.
 */
import {get, post, videoAt} from './api.js';

/**
 * @typedef {{video: string, onset: number, apex: number|null, offset: number, person: string, kind: string, units: string,
 *   emotion: string, certainty: number|null, note: string, coder: string}} Moment times are seconds
 */

export const state = {
  /** @type {any} */ project: null,
  /** @type {any} the open video */ video: null,
  /** @type {Map<string, Moment>} */ moments: new Map(),
  /** @type {string|null} name of the selected moment, or 'program:3' */ selected: null,
  frame: 0,
  view: {from: 0, to: 1},
  coder: localStorage.getItem('coder') || '',
};

/** @type {Map<string, Set<Function>>} */
const listeners = new Map();

/** @param {string} names of events, e.g. 'moments selected' @param {Function} work */
export function on(names, work) {
  for (const name of names.split(' ')) {
    if (!listeners.has(name)) listeners.set(name, new Set());
    listeners.get(name).add(work);
  }
}

/** @param {string} name @param {any} [told] */
export const tell = (name, told) => listeners.get(name)?.forEach((work) => work(told));

/** @param {string} text for the eyes and for a screen reader @param {boolean} [bad] */
export const say = (text, bad = false) => tell('said', {text, bad});

/** @param {string} text what the eyes see already, for a screen reader alone */
export const whisper = (text) => tell('said', {text, quiet: true});

/** @param {number} seconds @returns {number} to the microsecond, as it is saved */
export const exact = (seconds) => Math.round(seconds * 1e6) / 1e6;

/** @param {number} frame @returns {number} seconds */
export function timeOf(frame) {
  const {times, fps} = state.video;
  return exact(times ? times[Math.min(frame, times.length - 1)] : frame / fps);
}

/** @param {number} seconds @returns {number} the nearest frame */
export function frameOf(seconds) {
  const {times, fps, frames} = state.video;
  if (!times) return clamp(Math.round(seconds * fps), 0, frames - 1);
  let low = 0, high = times.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < seconds) low = middle + 1; else high = middle;
  }
  return low > 0 && seconds - times[low - 1] < times[low] - seconds ? low - 1 : low;
}

/** @param {number} value @param {number} low @param {number} high */
export const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

/** @returns {Moment|null} the selected moment, where it is the coder's own or somebody's */
export const chosen = () => state.moments.get(state.selected ?? '') ?? null;

/** @returns {any|null} the selected moment of the program */
export const suggested = () =>
  state.selected?.startsWith('program:') ? state.video?.program?.moments[Number(state.selected.slice(8))] ?? null : null;

/** @param {string|null} id */
export function select(id) {
  const field = document.activeElement;
  if (id !== state.selected && field?.closest('#code')) field.blur(); // what is written there is of the moment before, and is saved
  state.selected = id;
  tell('selected');
}

/** Milliseconds after which what could not be saved, or seen, is tried again. */
export const AGAIN = 1500;
let queue = Promise.resolve();
let waiting = 0; // changes that are not saved yet
let made = 0; // changes so far: what was asked for before one is old

/**
 * Change things, and save.
 * @param {string} what in words, e.g. 'onset of a moment'
 * @param {Array<[string, string, any]>} things kind, name, value or null
 * @returns {Promise<void>} when it is saved
 */
export function change(what, things) {
  if (!state.coder) {
    tell('nameless');
    return Promise.resolve();
  }
  const differing = things.map(([kind, name, value]) => [kind, name, kind === 'moment' ? difference(name, value) : value]);
  put(things);
  return ordered(() => post('api/change', {coder: state.coder, what, things: differing, revision: state.project.revision}));
}

/** What of a moment is not as it was; the server keeps the rest. */
function difference(name, value) {
  const before = state.moments.get(name);
  if (!value || !before || before === value) return value;
  return Object.fromEntries(Object.entries(value).filter(([part, now]) => now !== before[part]));
}

/** @param {'undo'|'redo'} how @returns {Promise<void>} */
export const travel = (how) =>
  ordered(async () => {
    const told = await post(`api/${how}`, {});
    say(told.what ? `${how === 'undo' ? 'Undone' : 'Done again'}: ${told.what}` : `Nothing to ${how}.`);
    if (told.videos.length && !told.videos.includes(state.video?.name)) tell('elsewhere', told.videos[0]);
    if (told.things.some(([kind]) => kind !== 'moment')) reload().catch(() => {});
    return {...told, travelled: true};
  });

/** @param {() => Promise<any>} work @returns {Promise<void>} */
function ordered(work) {
  waiting += 1;
  made += 1;
  tell('saving', true);
  queue = queue.then(async () => {
    try {
      const told = await insisting(work);
      Object.assign(state.project, {revision: told.revision, undo: told.undo, redo: told.redo});
      if (waiting === 1 || told.travelled) put(told.things); // what came later is shown already
      waiting -= 1;
      tell('saving', waiting > 0);
    } catch (error) {
      waiting -= 1;
      say(error.message, true);
      tell('saving', waiting > 0);
      reload().catch(() => {}); // not awaited: it waits for this queue
    }
  });
  return queue;
}

/** Do it; where the program is gone, again and again until it is back, so that nothing is lost. */
async function insisting(work) {
  for (let told = false; ; told = true) {
    try {
      return await work();
    } catch (error) {
      if (!error.gone) throw error;
      if (!told) say(error.message, true);
      tell('gone');
      await new Promise((done) => setTimeout(done, AGAIN));
    }
  }
}

addEventListener('beforeunload', (event) => {
  const field = document.activeElement;
  field?.blur(); // a field is saved when it is left
  field?.focus();
  if (waiting) event.preventDefault(); // the browser asks whether one wants to leave
});

/** @param {Array<[string, string, any]>} things */
function put(things) {
  let videos = false;
  for (const [kind, name, value] of things) {
    if (kind === 'moment') {
      const ours = value && value.video === state.video?.name;
      if (ours) state.moments.set(name, value); else state.moments.delete(name);
    } else if (kind === 'video' && name === state.video?.name && value) {
      Object.assign(state.video, value);
      videos = true;
    }
  }
  if (state.selected && !state.selected.startsWith('program:') && !state.moments.has(state.selected)) select(null);
  tell('moments');
  if (videos) tell('video-facts');
  tell('history');
}

/** Ask for the project and the open video again. */
export async function reload() {
  state.project = await get('api/project');
  if (state.project.open && state.video) {
    if (state.project.videos.some((v) => v.name === state.video.name)) await refreshVideo();
    else closeVideo();
  }
  tell('project');
  tell('history');
}

/** Ask for the open video again. What is being changed meanwhile is newer, and stays. */
export async function refreshVideo() {
  const {name} = state.video, before = made;
  const told = await get(videoAt(name), {coder: state.coder});
  if (state.video?.name !== name) return;
  if (made !== before || waiting) await queue.then(refreshVideo);
  else {
    take(told);
    tell('video-facts');
    tell('moments');
  }
}

let asked = 0;

/**
 * Of two that are asked for, the later is opened, whichever answer comes first. One that is open stays as it is, with its cursor and sound.
 * @param {string} name @param {boolean} again even if it is open @returns {Promise<void>}
 */
export async function openVideo(name, again = false) {
  const turn = ++asked;
  if (name === state.video?.name && !again) return;
  const told = await get(videoAt(name), {coder: state.coder});
  if (turn !== asked) return;
  state.selected = null;
  state.frame = 0;
  take(told);
  state.view = {from: 0, to: Math.max(told.seconds || 1, 0.01)};
  tell('opened');
  tell('selected');
  tell('moments');
  tell('history');
}

function take(told) {
  state.video = told;
  state.moments = new Map(Object.entries(told.moments));
  Object.assign(state.project, {revision: told.revision, undo: told.undo, redo: told.redo});
}

function closeVideo() {
  state.video = null;
  state.moments = new Map();
  state.selected = null;
  tell('opened');
  tell('selected');
  tell('moments');
}

/** @returns {string} a name for a new moment */
export const newName = () =>
  [...crypto.getRandomValues(new Uint8Array(6))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
