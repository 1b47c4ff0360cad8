/** The videos of the project, with how far each is. */
import {get, post} from './api.js';
import {on, openVideo, refreshVideo, say, state, tell} from './store.js';

const list = document.getElementById('video-list');
const filter = document.getElementById('video-filter');
const all = document.getElementById('look-all');
let timer = 0;

/** @returns {{words: string, mood: string}} how far a video is */
function stage(video) {
  const own = video.coded[state.coder] ?? 0;
  const coded = own ? `${own} coded` : '';
  const seen = state.project.settings.blind && !(state.coder in video.done) ? 'read' : `${video.found} found`;
  const found = video.found === null || video.found === undefined ? '' : seen;
  if (video.trouble) return {words: 'not found, or changed', mood: 'bad'};
  if (video.job?.trouble) return {words: video.job.trouble, mood: 'bad'};
  if (state.coder in video.done) return {words: ['✓ done', coded, found].filter(Boolean).join(' · '), mood: 'ok'};
  return {words: [coded, found].filter(Boolean).join(' · ') || 'not read yet', mood: ''};
}

function draw() {
  const words = filter.value.toLowerCase();
  const videos = state.project.videos.filter((v) => v.name.toLowerCase().includes(words));
  list.replaceChildren(...videos.map(element));
  const done = state.project.videos.filter((v) => state.coder in v.done).length;
  document.getElementById('video-count').textContent = `${done} of ${state.project.videos.length} done`;
  all.hidden = !state.project.videos.some((v) => lacks(v)) || Boolean(state.project.readonly);
  clearTimeout(timer);
  if (state.project.videos.some((v) => v.job && !v.job.trouble)) timer = setTimeout(refresh, 700);
}

const lacks = (v) => (v.found === null || v.found === undefined) && !v.job && !v.trouble;

function element(video) {
  const item = document.createElement('li');
  const button = document.createElement('button');
  button.dataset.video = video.name;
  button.setAttribute('aria-current', String(video.name === state.video?.name));
  const name = Object.assign(document.createElement('b'), {textContent: video.name});
  const {words, mood} = stage(video);
  const small = Object.assign(document.createElement('small'), {className: mood, textContent: `${Number(video.seconds ?? 0).toFixed(1)} s · ${words}`});
  button.append(name, small);
  button.addEventListener('click', () => open(video.name));
  item.append(button);
  if (video.job && !video.job.trouble) item.append(...progress(video));
  return item;
}

function progress(video) {
  const bar = Object.assign(document.createElement('progress'), {max: 1, value: video.job.share});
  bar.setAttribute('aria-label', `${video.job.doing} of ${video.name}`);
  const cancel = Object.assign(document.createElement('button'), {className: 'cancel', textContent: `Cancel ${video.job.doing}`});
  cancel.addEventListener('click', () => post('api/cancel', {video: video.name}).then(refresh, (error) => say(error.message, true)));
  return [bar, cancel];
}

/** Ask again how far the videos are, and redraw what changed. */
async function refresh() {
  const before = state.project.videos.find((v) => v.name === state.video?.name)?.job;
  try {
    state.project = await get('api/project');
  } catch (error) {
    return tell('gone', error.message);
  }
  const now = state.project.videos.find((v) => v.name === state.video?.name)?.job;
  draw();
  tell('history');
  if (before && !now && state.video) await refreshVideo();
}

/** @param {string} name */
export async function open(name) {
  try {
    await openVideo(name);
    list.querySelector('[aria-current=true]')?.scrollIntoView({block: 'nearest'});
    if (!document.activeElement || document.activeElement === document.body || list.contains(document.activeElement)) {
      document.getElementById('timeline').focus({preventScroll: true});
    }
    if (matchMedia('(max-width: 999px)').matches) document.getElementById('stage').scrollIntoView();
  } catch (error) {
    say(error.message, true);
  }
}

/** Look for moments. @param {string[]} videos */
export async function lookFor(videos) {
  try {
    await post('api/look', {videos});
    await refresh();
  } catch (error) {
    say(error.message, true);
  }
}

all.addEventListener('click', () => lookFor(state.project.videos.filter(lacks).map((v) => v.name)));
filter.addEventListener('input', draw);
on('project opened', () => state.project?.open && draw());
on('elsewhere', open);
on('saving', (busy) => {
  if (busy || !state.video || !state.project.videos) return;
  const video = state.project.videos.find((v) => v.name === state.video.name);
  if (!video) return;
  const own = [...state.moments.values()].filter((m) => m.coder === state.coder).length;
  Object.assign(video, {coded: {...video.coded, [state.coder]: own}, done: state.video.done, people: state.video.people});
  draw();
});
