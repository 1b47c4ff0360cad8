/**
 * Every key. In a field of text only Escape is ours; a control that was come to by keys has those that choose in it; one that the mouse
 * chose in has none, so that an arrow is a frame again and no other code.
 */
import {state, travel} from './store.js';
import * as player from './player.js';
import * as marking from './marking.js';
import {look, lookAll, lookMoment, zoom} from './timeline.js';
import {goMoment} from './moments.js';
import {openDialog} from './dialogs.js';

const press = (id) => document.getElementById(id).click();
const focus = (name) => document.getElementById('code').elements.namedItem(name)?.focus();

/** @type {Array<[string, string, string, () => void]>} group, key as it is shown, what it does, the doing */
export const KEYS = [
  ['Player', '←', 'one frame back', () => player.step(-1)],
  ['Player', '→', 'one frame on', () => player.step(1)],
  ['Player', 'Shift ←', 'ten frames back', () => player.step(-10)],
  ['Player', 'Shift →', 'ten frames on', () => player.step(10)],
  ['Player', 'Home', 'to the first frame', () => player.step(-1e9)],
  ['Player', 'End', 'to the last frame', () => player.step(1e9)],
  ['Player', 'Space', 'play, or stop', player.toggle],
  ['Player', '1', 'at its own speed', () => speed('1')],
  ['Player', '2', 'at half of it', () => speed('0.5')],
  ['Player', '8', 'at an eighth of it', () => speed('0.125')],
  ['Player', 'L', 'loop the moment at an eighth of its speed', player.toggleLoop],
  ['Player', 'G', 'the moment slowly, and magnified', () => press('magnify')],
  ['Player', 'Z', 'the picture larger, up to four times; drag to move it', () => press('zoom')],
  ['Player', 'X', 'what is not as it was at the onset', player.toggleDifference],
  ['Player', 'V', 'the file with its sound, as the browser plays it', () => press('sound')],
  ['Moments', 'N', 'a new moment at the cursor', marking.create],
  ['Moments', 'I', 'its onset is here', () => marking.mark('onset')],
  ['Moments', 'A', 'its apex is here', () => marking.mark('apex')],
  ['Moments', 'O', 'its offset is here', () => marking.mark('offset')],
  ['Moments', '↑', 'the moment before', () => goMoment(-1)],
  ['Moments', '↓', 'the next moment', () => goMoment(1)],
  ['Moments', 'S', 'split it at the cursor', marking.split],
  ['Moments', 'J', 'join it with the next one of the same person', marking.join],
  ['Moments', 'Delete', 'delete it', marking.remove],
  ['Moments', 'Y', 'take the program’s or another coder’s moment', marking.take],
  ['Code', 'K', 'the next kind: micro, macro, other', marking.nextKind],
  ['Code', 'U', 'write action units', () => focus('units')],
  ['Code', 'E', 'write an emotion', () => focus('emotion')],
  ['Code', 'P', 'write who it is', () => focus('person')],
  ['Code', 'C', 'how certain it is', () => focus('certainty')],
  ['Code', 'T', 'write a note', () => focus('note')],
  ['Code', 'Escape', 'leave the field, back to the video', () => document.getElementById('timeline').focus()],
  ['Timeline', '+', 'zoom in', () => zoom(0.6)],
  ['Timeline', '−', 'zoom out', () => zoom(1 / 0.6)],
  ['Timeline', '0', 'the whole video', lookAll],
  ['Timeline', 'F', 'the moment', lookMoment],
  ['Timeline', ',', 'further left', () => pan(-0.5)],
  ['Timeline', '.', 'further right', () => pan(0.5)],
  ['Project', 'Ctrl Z', 'undo', () => travel('undo')],
  ['Project', 'Ctrl Shift Z', 'redo', () => travel('redo')],
  ['Project', 'D', 'this video is done, or not', marking.toggleDone],
  ['Project', 'PageUp', 'the video before', () => goVideo(-1)],
  ['Project', 'PageDown', 'the next video', () => goVideo(1)],
  ['Project', '?', 'these keys', () => openDialog('keys')],
];

const OTHERS = {'Ctrl Y': 'Ctrl Shift Z', Backspace: 'Delete', '-': '−', '=': '+'};
const NAMES = {ArrowLeft: '←', ArrowRight: '→', ArrowUp: '↑', ArrowDown: '↓', ' ': 'Space'};
const DOING = new Map(KEYS.map(([, key, , work]) => [key, work]));
const ALWAYS = new Set(['?', 'Ctrl Z', 'Ctrl Shift Z']);

function speed(value) {
  const select = document.getElementById('speed');
  select.value = value;
  select.dispatchEvent(new Event('change'));
}

function pan(by) {
  const wide = state.view.to - state.view.from;
  look(state.view.from + by * wide, state.view.to + by * wide);
}

function goVideo(by) {
  const links = [...document.querySelectorAll('#video-list button[data-video]')];
  const at = links.findIndex((link) => link.getAttribute('aria-current') === 'true');
  links[Math.max(0, Math.min(links.length - 1, at + by))]?.click();
}

/** @param {KeyboardEvent} event @returns {string} as KEYS writes it */
function named(event) {
  const key = NAMES[event.key] ?? (event.key.length === 1 ? event.key.toUpperCase() : event.key);
  const bare = /^[^A-Z0-9]$/.test(key) && !'←→↑↓'.includes(key); // of ? + and their like, Shift is a part
  return `${event.ctrlKey || event.metaKey ? 'Ctrl ' : ''}${event.shiftKey && !bare ? 'Shift ' : ''}${key}`;
}

const isWriting = (target) => target.matches('textarea, input:not([type=radio]):not([type=checkbox]):not([type=range])');

/** @param {Element} target @param {string} name @returns {boolean} whether a key chooses in the control that has the focus, or presses it */
function isTheirs(target, name) {
  if (target.matches('select')) return name !== 'Escape' && !name.startsWith('Ctrl ');
  if (target.matches('[type=radio], [type=range]') && /^[←→↑↓]$/.test(name)) return true;
  if (target.matches('[type=range]') && /^(Home|End|Page.+)$/.test(name)) return true;
  return name === 'Space' && target.matches('button, summary, [type=radio], [type=checkbox], a');
}

let byMouse = false; // whether what has the focus has it from the mouse, or from a finger
document.addEventListener('pointerdown', () => (byMouse = true), true);

document.addEventListener('keydown', (event) => {
  if (event.altKey || document.querySelector('dialog[open]') || event.isComposing) return;
  if (['Shift', 'Control', 'Meta'].includes(event.key)) return; // another key follows
  const {target} = event, timeline = document.getElementById('timeline');
  const left = byMouse && event.key !== 'Tab' && target.matches('button, summary, a, select, input');
  byMouse = false;
  if (isWriting(target)) {
    if (event.key === 'Escape') {
      target.blur();
      timeline.focus();
    }
    return;
  }
  if (left) timeline.focus({preventScroll: true});
  const key = named(event), name = OTHERS[key] ?? key;
  const work = DOING.get(name);
  if (!work || !state.project?.open || (!left && isTheirs(target, name))) return;
  if (!state.video && !ALWAYS.has(name) && !name.startsWith('Page')) return;
  event.preventDefault();
  work();
});
