/** The desk begins here: it asks for the project, and ties buttons to what they do. */
import {change, on, openVideo, refreshVideo, reload, say, state, tell, travel} from './store.js';
import {nextZoom} from './picture.js';
import * as player from './player.js';
import * as marking from './marking.js';
import {lookAll, lookMoment, zoom} from './timeline.js';
import {coders, openDialog} from './dialogs.js';
import {lookFor, open} from './list.js';
import {toggleSound} from './sound.js';
import './moments.js';
import './code.js';
import './keys.js';

const get = (id) => document.getElementById(id);

const BUTTONS = {
  undo: () => travel('undo'), redo: () => travel('redo'),
  back10: () => player.step(-10), back: () => player.step(-1), play: player.toggle, ahead: () => player.step(1), ahead10: () => player.step(10),
  loop: player.toggleLoop, magnify: toggleReplay, zoom: nextZoom, difference: player.toggleDifference, sound: toggleSound,
  'zoom-in': () => zoom(0.6), 'zoom-out': () => zoom(1 / 0.6), 'zoom-all': lookAll, 'zoom-moment': lookMoment,
  new: marking.create, 'set-onset': () => marking.mark('onset'), 'set-apex': () => marking.mark('apex'), 'set-offset': () => marking.mark('offset'),
  split: marking.split, join: marking.join, delete: marking.remove, done: marking.toggleDone,
};
for (const [id, work] of Object.entries(BUTTONS)) get(id).addEventListener('click', () => work());

get('speed').addEventListener('change', () => {
  if (!player.isPlaying()) return;
  player.stop();
  player.play();
});

const coder = get('coder');
coder.value = state.coder;
coder.addEventListener('change', () => become(coder.value.replace(/\s+/g, ' ').trim()));

/** @param {string} name @returns {string} as the project has it: capitals make no difference */
function spelled(name) {
  const known = coders();
  return known.includes(name) ? name : known.find((one) => one.toLowerCase() === name.toLowerCase()) ?? name;
}

/** Code as somebody. @param {string} name */
async function become(name) {
  state.coder = state.project?.open ? spelled(name) : name;
  if (state.coder !== name) say(`You code as ${state.coder}, who is in the project already.`);
  coder.value = state.coder;
  localStorage.setItem('coder', state.coder);
  if (state.video) await refreshVideo().catch((error) => say(error.message, true));
  tell('project');
}
coder.addEventListener('keydown', (event) => event.key === 'Enter' && coder.blur());

on('nameless', () => {
  say('Write your name at the top first: each moment says who coded it.', true);
  coder.focus();
});

on('said', ({text, bad, quiet}) => {
  if (quiet) return void (get('whispered').textContent = text);
  const line = Object.assign(document.createElement('p'), {textContent: text, className: bad ? 'bad' : ''});
  get('said').append(line);
  while (get('said').children.length > 2) get('said').firstChild.remove();
  setTimeout(() => line.remove(), bad ? 9000 : 3500);
});

on('saving', (busy) => {
  get('saved').textContent = busy ? 'saving …' : 'saved';
  get('saved').className = busy ? 'busy' : '';
});
on('unseen', (error) => error instanceof TypeError || say(error.message, true)); // a TypeError: the program is gone
on('gone', () => {
  get('saved').textContent = 'not saved';
  get('saved').className = 'bad';
});

on('history', () => {
  for (const how of ['undo', 'redo']) {
    const what = state.project?.[how];
    get(how).disabled = !what || Boolean(state.project.readonly);
    get(how).title = what ? `${how === 'undo' ? 'Undo' : 'Redo'}: ${what}` : `Nothing to ${how}`;
  }
});

on('project', () => {
  const {project} = state;
  if (!project?.open) return;
  if (spelled(state.coder) !== state.coder) return void become(state.coder); // it tells the project again
  document.querySelectorAll('[inert]').forEach((part) => (part.inert = false)); // nothing can be pressed before, and so nothing is lost
  get('project').textContent = project.name;
  get('project').title = project.folder;
  document.title = `${project.name}: the desk`;
  const warnings = [project.readonly, ...project.notes].filter(Boolean);
  get('warning').hidden = !warnings.length;
  get('warning').textContent = warnings.join(' ');
  get('legend').replaceChildren(...project.parts.flatMap((part) => [legend(part)]));
});

function legend(part) {
  const made = document.createElement('span');
  const sample = document.createElement('i');
  sample.className = `legend-${part}`;
  made.append(sample, part);
  return made;
}

on('opened video-facts', () => {
  const {video} = state;
  get('trouble').hidden = !video?.trouble;
  get('trouble').firstElementChild.textContent = video?.trouble ?? '';
  const done = Boolean(video?.done && state.coder in video.done);
  get('done').setAttribute('aria-pressed', String(done));
  get('done').textContent = done ? '✓ Done' : 'Done';
  get('legend').hidden = !video?.program;
  get('height').parentElement.hidden = !video?.program;
  drawProgram();
  if (video && video.counted < 1 && !video.trouble) setTimeout(() => state.video === video && refreshVideo().catch(() => {}), 1500);
});

/** What there is of the program's, and what may be done about it. */
function drawProgram() {
  const {video, project} = state, place = get('program');
  place.replaceChildren();
  place.hidden = !video || Boolean(video.trouble);
  if (place.hidden) return;
  const offer = (text, work) => {
    const made = Object.assign(document.createElement('button'), {textContent: text});
    made.addEventListener('click', work);
    place.append(made);
  };
  if (video.counted < 1) place.append(`Counting frames: ${Math.round(video.counted * 100)} %. You can begin. `);
  if (video.found === null || video.found === undefined) {
    place.append('The program has not looked for moments here.');
    if (!project.readonly) offer('Look for moments', () => lookFor([video.name]));
  } else if (!video.sees) {
    place.append('The program has looked, and its moments are hidden until you press Done.');
    offer('Show them now', () => {
      if (!state.coder) return tell('nameless');
      const peeked = {...video.peeked, [state.coder]: new Date().toISOString()};
      change('saw the program’s moments', [['video', video.name, {peeked}]]).then(refreshVideo);
    });
  } else {
    const [moments, notes] = [video.program?.moments.length ?? 0, video.program?.notes ?? []];
    place.append(`The program found ${moments} moments${notes.length ? `; ${notes.join('; ')}` : ''}.`);
    if (moments && !project.readonly) offer('Take all that I lack', marking.takeAll);
  }
}

on('done-changed', () => refreshVideo().catch((error) => say(error.message, true)));

on('zoomed', (by) => (get('zoom').textContent = `Zoom ${by}`));
on('differing', (is) => get('difference').setAttribute('aria-pressed', String(is)));

on('playing', (now) => {
  get('play').textContent = now && !now.loop ? '❚❚ Stop' : '▶ Play';
  get('play').setAttribute('aria-label', now && !now.loop ? 'Stop' : 'Play');
  get('loop').setAttribute('aria-pressed', String(Boolean(now?.loop)));
});

let replaying = false;
function toggleReplay() {
  replaying = !replaying;
  get('magnify').setAttribute('aria-pressed', String(replaying));
  drawReplay();
}

let timer = 0;
function drawReplay() {
  const figure = get('replay'), image = figure.querySelector('img'), words = figure.querySelector('figcaption');
  const address = replaying && state.video && !state.video.trouble ? player.replayAddress() : null;
  figure.hidden = !address;
  if (!address || image.getAttribute('src') === address) return;
  words.textContent = 'Making it …';
  clearTimeout(timer);
  timer = setTimeout(() => {
    image.onload = () => (words.textContent = 'Eight times slower; right: its movement made up to four times larger');
    image.onerror = () => (words.textContent = 'It could not be made here.');
    image.src = address;
  }, 250);
}
on('selected moments opened', drawReplay);

on('selected moments opened project', () => {
  const none = !state.video, unable = none || Boolean(state.project?.readonly);
  for (const id of ['back10', 'back', 'play', 'ahead', 'ahead10', 'zoom-in', 'zoom-out', 'zoom-all', 'zoom', 'difference', 'sound']) get(id).disabled = none;
  for (const id of ['new', 'done']) get(id).disabled = unable;
  for (const id of ['set-onset', 'set-apex', 'set-offset', 'split', 'join', 'delete']) get(id).disabled = unable || !state.moments.has(state.selected ?? '');
  for (const id of ['loop', 'magnify', 'zoom-moment']) get(id).disabled = none || !state.selected;
});

async function begin() {
  try {
    await reload();
  } catch (error) {
    get('warning').hidden = false;
    get('warning').textContent = error.message;
    return;
  }
  if (!state.project.open) return openDialog('start');
  const asked = inAddress(); // before the address tells that none is open
  tell('opened');
  tell('selected');
  const first = asked ?? state.project.videos.find((v) => !(state.coder in v.done)) ?? state.project.videos[0];
  if (first) await openVideo(first.name).catch((error) => say(error.message, true));
  tell('project');
}
const addressOf = (name) => `#${encodeURIComponent(name)}`;
const inAddress = () => state.project.videos.find((v) => addressOf(v.name) === location.hash);
on('opened', () => history.replaceState(null, '', state.video ? addressOf(state.video.name) : '#'));
addEventListener('hashchange', () => {
  const asked = state.project?.open && inAddress();
  if (asked) open(asked.name);
});
begin();
