/** Who is who: the faces of a video get names, and a person's videos share where the person rests. */
import {address, videoAt} from './api.js';
import {change, on, refreshVideo, say, state} from './store.js';
import {button, element, field, row} from './parts.js';
import {lookFor} from './list.js';

/** @param {HTMLElement} place */
export function fillPeople(place) {
  const {video, project} = state;
  if (!video) return void place.append(element('p', 'Open a video first.'));
  const names = field('Who is seen, with or without a moment, separated by commas', {value: (video.people ?? []).join(', '), disabled: Boolean(project.readonly)});
  names.input.addEventListener('change', () => save('people of a video', {people: names.input.value.split(',').map((p) => p.trim()).filter(Boolean)}));
  place.append(
    element('p', 'A name must stand for one person in all videos: moments belong to it, a person’s videos share where the person rests, and people are left out by it when a model is tested.', 'quiet'),
    element('h3', `Faces in ${video.name}`),
  );
  if (video.found === null || video.found === undefined) {
    place.append(element('p', 'The program has not followed the faces here yet.'));
    if (!project.readonly) place.append(row(button('Look for faces and moments', () => lookFor([video.name]).then(() => say('The program looks at it now.')))));
  }
  const faces = element('div', '', 'faces');
  faces.append(...video.faces.map((face) => portrait(face)));
  place.append(faces, names.label, ...Object.entries(video.rests).map(([name, rest]) => resting(name, rest)));
}

function portrait(face) {
  const made = element('figure', '');
  const name = field(`Face ${face.face}, ${clock(face.from)} to ${clock(face.to)}`, {value: state.video.who?.[face.face] ?? face.name, placeholder: 'who is it?', disabled: Boolean(state.project.readonly)});
  name.input.setAttribute('list', 'people');
  name.input.addEventListener('change', () =>
    save('name of a face', {who: {...state.video.who, [face.face]: name.input.value.trim()}}));
  const picture = Object.assign(document.createElement('img'), {
    alt: `face ${face.face}`, src: address(`${videoAt(state.video.name)}/faces/${face.face}`, {v: state.video.key}), width: 160, height: 160,
  });
  made.append(picture, name.label);
  return made;
}

/** How somebody rests: where, who says so, and whether the program has used it here. */
function resting(name, {is, used, stale}) {
  const made = element('section', '');
  made.append(element('h3', `How ${name} rests`));
  const where = is && `${is.video}, ${is.from.toFixed(1)} to ${is.to.toFixed(1)} s`;
  made.append(element('p', !is ? 'Nobody has said where, and the program has found nothing.'
    : `${where}, ${is.byCoder ? 'as a coder said' : 'as the program found'}. What the face does there is no expression in ${name}’s other videos either.`));
  if (is && !is.measured) made.append(element('p', 'The program has yet to look there; it does so before it looks here again.', 'quiet'));
  if (stale) made.append(element('p', used ? `Here the program took ${used.video}, ${used.from.toFixed(1)} to ${used.to.toFixed(1)} s.` : 'Here the program has not used it yet.'));
  made.append(Object.assign(element('a', `Report of ${name}`), {href: address('api/report', {person: name, coder: state.coder}), target: '_blank', rel: 'noopener'}));
  if (state.project.readonly) return made;
  const here = is?.video === state.video.name ? is : null;
  const [from, to] = [['From', here?.from], ['to', here?.to]].map(([words, value]) => field(`${words}, s`, {inputMode: 'decimal', value: value === undefined ? '' : value.toFixed(2)}));
  const set = () => {
    const [a, b] = [from, to].map(({input}) => Number(input.value.replace(',', '.')));
    if (!(from.input.value.trim() && to.input.value.trim() && a >= 0 && b > a)) return say('A rest has two times in seconds, the first one before the second.', true);
    savePerson(name, {rest: {video: state.video.name, from: a, to: b}});
  };
  const controls = row(from.label, to.label, button(`${name} rests here`, set));
  if (is?.byCoder) controls.append(button('As the program finds it', () => savePerson(name, null)));
  if (stale || (is && !is.measured)) controls.append(button('Look again with it', () => lookFor([state.video.name]).then(() => say('The program looks again.'))));
  made.append(controls);
  return made;
}

const clock = (seconds) => (seconds < 120 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`);

const save = (what, values) => saved(change(what, [['video', state.video.name, values]]));
const savePerson = (name, value) => saved(change('where somebody rests', [['person', name, value]]));
const saved = (change) => change.then(refreshVideo).catch((error) => say(error.message, true));

/** The dialog as things are now, with the cursor in the field where it was. */
on('video-facts', () => {
  const place = document.getElementById('dialog-body');
  if (!document.getElementById('dialog').open || !place.querySelector('.faces')) return;
  const inputs = () => [...place.querySelectorAll('input')], at = inputs().indexOf(document.activeElement);
  place.replaceChildren();
  fillPeople(place);
  inputs()[at]?.focus();
});
