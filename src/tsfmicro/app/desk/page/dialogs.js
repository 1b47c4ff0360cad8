/** What opens over the desk: adding and finding videos, export and import, settings, keys. */
import {address, get, getFile, post, send} from './api.js';
import {change, on, openVideo, refreshVideo, reload, say, state, tell} from './store.js';
import {fillAgree} from './agree.js';
import {fillPeople} from './people.js';
import {KEYS} from './keys.js';
import {button, choice, element, field, problem, row, tick} from './parts.js';
import {lookFor} from './list.js';

const dialog = document.getElementById('dialog');
const body = document.getElementById('dialog-body');
let opener = null;

/** @type {Record<string, [string, (body: HTMLElement) => void]>} */
const DIALOGS = {
  start: ['Open a project', fillStart], add: ['Add videos', fillAdd], find: ['Find the video', fillFind],
  export: ['Export codes', fillExport], import: ['Import codes', fillImport], agree: ['Do two coders see the same?', fillAgree],
  people: ['Who is who', fillPeople], report: ['Print a report', fillReport],
  settings: ['Settings', fillSettings], keys: ['Keys', fillKeys],
};

/** @param {string} name of DIALOGS */
export function openDialog(name) {
  const [title, fill] = DIALOGS[name];
  opener = document.activeElement;
  document.getElementById('dialog-title').textContent = title;
  body.replaceChildren();
  dialog.classList.toggle('large', ['agree', 'people'].includes(name));
  fill(body);
  if (!dialog.open) dialog.showModal();
  body.querySelector('input, select, button')?.focus();
}

/** Close it, and be where one was. */
export const closeDialog = () => dialog.close();

dialog.addEventListener('close', () => opener?.focus?.());
document.addEventListener('click', (event) => {
  const name = event.target.closest?.('[data-dialog]')?.dataset.dialog;
  if (name && (state.project?.open || name === 'start')) openDialog(name);
});
on('close-dialog', closeDialog);

function fillStart(place) {
  const folder = field('Folder of the project', {placeholder: '/home/anna/faces', autocomplete: 'off'});
  const said = problem();
  const go = async () => {
    try {
      state.project = await post('api/open', {folder: folder.input.value});
      closeDialog();
      tell('project');
      tell('history');
    } catch (error) {
      said.textContent = error.message;
    }
  };
  place.append(
    element('p', 'A project is one folder on this machine, with your videos or links to them, and with what you code. Give one that is there, or the name of a new one.'),
    folder.label, said, row(button('Open or make', go, 'main')),
  );
  folder.input.addEventListener('keydown', (event) => event.key === 'Enter' && go());
}

function fillAdd(place) {
  const said = problem();
  const path = field('Path of a video, or of a folder with all its videos or numbered images', {placeholder: '/data/clip.mp4', autocomplete: 'off'});
  const fps = field('Frames per second (of images only)', {inputMode: 'decimal'});
  const link = tick('Leave it where it is, and link it', true);
  const drop = element('div', 'Drop video files here, or ', 'drop');
  const files = Object.assign(document.createElement('input'), {type: 'file', multiple: true, accept: 'video/*,.avi,.mkv,.mov,.mp4,.webm,.mpg'});
  files.setAttribute('aria-label', 'Video files');
  drop.append(files);
  const bar = Object.assign(document.createElement('progress'), {hidden: true, max: 1});
  const upload = async (list) => {
    bar.hidden = false;
    for (const [n, file] of [...list].entries()) {
      bar.value = n / list.length;
      said.textContent = `Copying ${file.name} …`;
      try {
        await added(await send('api/upload', {name: file.name, coder: state.coder}, file), n === 0);
        said.textContent = '';
      } catch (error) {
        said.textContent = error.message;
        bar.hidden = true;
        return;
      }
    }
    bar.hidden = true;
    closeDialog();
  };
  files.addEventListener('change', () => upload(files.files));
  for (const kind of ['dragover', 'drop']) drop.addEventListener(kind, (event) => event.preventDefault());
  drop.addEventListener('drop', (event) => upload(event.dataTransfer.files));
  const byPath = async () => {
    said.textContent = '';
    try {
      const rate = fps.input.value.trim() ? Number(fps.input.value.replace(',', '.')) : null;
      const told = await post('api/add', {path: path.input.value, link: link.input.checked, fps: rate, coder: state.coder});
      await added(told, true);
      if (told.notes.length) said.textContent = told.notes.join(' '); else closeDialog();
    } catch (error) {
      said.textContent = error.message;
    }
  };
  path.input.addEventListener('keydown', (event) => event.key === 'Enter' && byPath());
  if (state.project.local) place.append(path.label, link.label, fps.label, row(button('Add', byPath, 'main')), document.createElement('hr'));
  place.append(drop, bar, said, element('p', 'Uploaded files are copied into the project’s folder on this machine. Nothing goes anywhere else.', 'quiet'));
}

async function added({names}, show) {
  await reload();
  if (show) await openVideo(names[0]);
  say(names.length === 1 ? `${names[0]} was added.` : `${names.length} videos were added.`);
}

function fillFind(place) {
  const said = problem();
  const path = field(`Where is ${state.video.name} now?`, {placeholder: '/data/clip.mp4', autocomplete: 'off'});
  const other = tick('Take this file even if it is not the one that was coded', false);
  const go = async () => {
    try {
      await post('api/find', {video: state.video.name, path: path.input.value, other: other.input.checked});
      await reload();
      await openVideo(state.video.name, true);
      closeDialog();
    } catch (error) {
      said.textContent = error.message;
    }
  };
  path.input.addEventListener('keydown', (event) => event.key === 'Enter' && go());
  place.append(element('p', state.video.trouble), path.label, other.label, said, row(button('Take it', go, 'main')));
}

function fillExport(place) {
  const said = problem();
  const form = choice('As', state.project.formats.map((f) => [f.name, f.title]));
  const which = choice('Of', [...(state.video ? [['this', `this video, ${state.video.name}`]] : []), ['all', 'all videos']]);
  const whose = choice('Whose', [['', 'everybody’s'], ...coders().map((c) => [c, c])]);
  if (coders().includes(state.coder)) whose.input.value = state.coder;
  const go = async () => {
    try {
      const video = which.input.value === 'this' ? state.video.name : null;
      const told = await get('api/export', {as: form.input.value, video, by: whose.input.value || null, coder: state.coder});
      for (const file of told.files) download(file);
      said.textContent = told.notes.join('. ');
      say(`${told.files.length === 1 ? told.files[0].name : `${told.files.length} files`} exported.`);
      if (!told.notes.length) closeDialog();
    } catch (error) {
      said.textContent = error.message;
    }
  };
  place.append(form.label, which.label, whose.label, said, row(button('Download', go, 'main')));
  place.append(element('p', `All that is coded is also in codes.csv in ${state.project.folder}, which tsfmicro trains on: tsfmicro data check coded ${state.project.folder}`, 'quiet'),
    element('p', 'Where you code blind, others’ moments are left out of the file.', 'quiet'));
}

const download = (file) => keep(new Blob([Uint8Array.from(atob(file.base64), (letter) => letter.charCodeAt(0))]), file.name);

function keep(content, name) {
  const link = Object.assign(document.createElement('a'), {href: URL.createObjectURL(content), download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function fillReport(place) {
  const said = problem();
  const here = state.video ? [[`video:${state.video.name}`, `this video, ${state.video.name}`]] : [];
  const which = choice('Of', [...here, ...state.project.people.map((name) => [`person:${name}`, `${name}, in all videos`])]);
  if (!which.input.options.length) return void place.append(element('p', 'Open a video first.'));
  const of = () => {
    const [, kind, name] = /^(video|person):(.*)$/.exec(which.input.value);
    return {name, params: {[kind]: name, coder: state.coder}};
  };
  const open = Object.assign(element('a', 'Open it', 'button main'), {target: '_blank', rel: 'noopener'});
  const address_ = () => (open.href = address('api/report', of().params));
  which.input.addEventListener('change', address_);
  address_();
  const paper = async () => {
    said.textContent = 'Printing …';
    try {
      keep(await getFile('api/report', {...of().params, as: 'pdf'}), `${of().name}.pdf`);
      said.textContent = '';
    } catch (error) {
      said.textContent = error.message;
    }
  };
  place.append(which.label, said, row(open, button('Save as PDF', paper)),
    element('p', 'What was marked, how often, when, by whom and how, and what it must not be used for. It opens in a page of its own and loads nothing. Where you code blind, others’ moments are left out of it.', 'quiet'));
}

function fillImport(place) {
  const said = problem();
  const file = field('File of ELAN, Praat, BORIS, Datavyu, OpenFace, the challenge, or codes.csv', {type: 'file', accept: '.eaf,.textgrid,.TextGrid,.csv,.tsv,.json'});
  const whose = field('Coder of moments that name none', {value: state.coder});
  const go = async () => {
    const [chosen] = file.input.files;
    if (!chosen) return void (said.textContent = 'Choose a file first.');
    try {
      const told = await send('api/import', {name: chosen.name, coder: whose.input.value, video: state.video?.name}, chosen);
      await reload();
      said.textContent = told.notes.join('. ');
      if (told.notes.length === 1) closeDialog();
      say(told.notes[0]);
    } catch (error) {
      said.textContent = error.message;
    }
  };
  place.append(file.label, whose.label, said, row(button('Import', go, 'main')));
  place.append(element('p', 'Moments are added to those that are there, and undo takes them away again.', 'quiet'));
}

function fillSettings(place) {
  const set = (name) => (event) =>
    change(`setting ${name}`, [['setting', name, {is: event.target.checked}]])
      .then(reload).then(() => state.video && refreshVideo()).catch((error) => say(error.message, true));
  const blind = tick('Blind: hide the program’s and other coders’ moments of a video until I have said that it is done', state.project.settings.blind);
  const names = tick('Let the model name emotions', state.project.names);
  blind.input.addEventListener('change', set('blind'));
  names.input.addEventListener('change', set('names'));
  place.append(blind.label, names.label);
  const words = element('p', '', 'quiet'), figures = element('p', '', 'quiet'), more = element('details', '');
  words.id = 'model';
  more.append(element('summary', 'The model in figures'), figures);
  get('api/model').then((told) => {
    words.textContent = told.words;
    figures.textContent = told.figures;
  }, (error) => (words.textContent = error.message));
  place.append(words, more, element('p', state.project.demonstration
    ? 'Start the page with --model for a real one.' : 'A model’s emotion is a hint where to look, never proof of what somebody felt.', 'quiet'));
  if (state.video) {
    place.append(document.createElement('hr'),
      row(
        button(state.video.found === null || state.video.found === undefined ? 'Look for moments' : 'Look for moments again', () => (closeDialog(), lookFor([state.video.name]))),
        button('Remove this video from the project', removeVideo),
      ));
  }
}

async function removeVideo() {
  try {
    await post('api/remove', {video: state.video.name, coder: state.coder});
    closeDialog();
    await reload();
    say('Removed. Its file stays, and undo brings it back with its codes.');
  } catch (error) {
    say(error.message, true);
  }
}

function fillKeys(place) {
  for (const group of new Set(KEYS.map(([name]) => name))) {
    const table = Object.assign(document.createElement('table'), {className: 'keys'});
    table.createCaption().textContent = group;
    for (const [, key, words] of KEYS.filter(([name]) => name === group)) {
      const line = table.insertRow();
      line.insertCell().append(...key.split(' ').flatMap((k, n) => [...(n ? [' '] : []), element('kbd', k)]));
      line.insertCell().textContent = words;
    }
    place.append(table);
  }
}

/** @returns {string[]} everybody who coded or said done */
export const coders = () =>
  [...new Set(state.project.videos.flatMap((v) => [...Object.keys(v.coded), ...Object.keys(v.done)]))].filter(Boolean);
