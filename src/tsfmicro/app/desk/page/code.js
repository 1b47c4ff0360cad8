/** The code of the selected moment. A field is saved when it is left, and a note, which may be long, at each pause, too. */
import {chosen, exact, frameOf, on, say, state, suggested, timeOf} from './store.js';
import {moveEdge, save, take} from './marking.js';
import {chips, palette, parse, press, written} from './units.js';

const form = document.getElementById('code');
const suggestion = document.getElementById('suggestion');
const field = (name) => form.elements.namedItem(name);
const buttons = document.getElementById('unit-buttons');
const sure = form.querySelector('.sure output');
const PAUSE = 600; // milliseconds without a letter, after which a note is saved
let pause = 0;

function draw() {
  const moment = chosen();
  form.hidden = !moment;
  drawSuggestion();
  if (!moment) return;
  const theirs = Boolean(moment.coder) && moment.coder !== state.coder;
  for (const part of form.elements) part.disabled = theirs || Boolean(state.project.readonly);
  for (const edge of ['onset', 'apex', 'offset']) put(edge, moment[edge] === null ? '' : moment[edge].toFixed(3));
  for (const name of ['units', 'emotion', 'person', 'note']) put(name, moment[name]);
  for (const radio of form.querySelectorAll('[name=kind]')) radio.checked = radio.value === moment.kind;
  field('certainty').value = String(moment.certainty ?? 0.5);
  sure.value = moment.certainty === null ? 'not told' : `${Math.round(moment.certainty * 100)} %`;
  drawUnits(parse(moment.units), theirs);
}

function drawUnits(units, theirs) {
  const place = document.getElementById('unit-chips');
  const focused = place.contains(document.activeElement) ? document.activeElement.getAttribute('aria-label') : null;
  chips(place, theirs ? [] : units, saveUnits);
  if (focused) place.querySelector(`[aria-label="${focused}"]`)?.focus();
  press(buttons, units);
}

function put(name, value) {
  if (document.activeElement !== field(name)) field(name).value = value;
}

const saveUnits = (units) => save('action units of a moment', {units: written(units)});

form.addEventListener('change', (event) => {
  const {name, value} = event.target;
  clearTimeout(pause);
  if (['onset', 'apex', 'offset'].includes(name)) return saveTime(name, value);
  if (name === 'certainty') return save('certainty of a moment', {certainty: Number(value)});
  if (name === 'kind') return save('kind of a moment', {kind: value});
  if (name === 'units') return saveUnitLine(value);
  if (['emotion', 'person', 'note'].includes(name)) saveText(event.target);
});

const saveText = ({name, value}) => save(`${name} of a moment`, {[name]: value.replace(/\s+/g, ' ').trim()});

function saveUnitLine(value) {
  const plain = value.replace(/\b(AU|AD)\s*/gi, '').replace(/[\s,;]+/g, '+').replace(/^\++|\++$/g, '');
  const units = parse(plain);
  if (plain && units.length !== plain.split('+').filter(Boolean).length) {
    say(`“${value}” is not all action units. Write them as R12B+4?`, true);
    return;
  }
  field('units').value = written(units);
  saveUnits(units);
}

function saveTime(edge, value) {
  const moment = chosen();
  if (!moment) return;
  const seconds = Number(value.replace(',', '.'));
  if (value.trim() === '' && edge === 'apex') save('apex of a moment', {apex: null});
  else if (value.trim() === '' || !(seconds >= 0)) say('A time is a number of seconds from the first frame.', true);
  else save(`${edge} of a moment`, moveEdge(moment, edge, exact(timeOf(frameOf(seconds)))));
  field(edge).value = chosen()?.[edge]?.toFixed(3) ?? '';
}

form.addEventListener('input', (event) => {
  if (event.target.name === 'certainty') sure.value = `${Math.round(event.target.value * 100)} %`;
  if (event.target.name !== 'note') return;
  clearTimeout(pause);
  pause = setTimeout(saveText, PAUSE, event.target);
});
form.addEventListener('submit', (event) => event.preventDefault());
form.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && event.target.tagName === 'INPUT') event.target.blur();
});
document.getElementById('unsure').addEventListener('click', () => save('certainty of a moment', {certainty: null}));

/** What the program says of a moment of its own, or that a moment is another coder's. */
function drawSuggestion() {
  const told = suggested(), moment = chosen();
  const theirs = moment && moment.coder && moment.coder !== state.coder;
  suggestion.hidden = !told && !theirs;
  if (suggestion.hidden) return;
  const lines = theirs
    ? [`${moment.coder} marked this moment.`]
    : [
        `The program${told.person ? `, ${told.person}` : state.video.program.faces.length > 1 ? `, face ${told.face}` : ''}: ${told.kind}, ${told.onset_s.toFixed(3)} to ${told.offset_s.toFixed(3)} s, apex ${told.apex_s.toFixed(3)} s.`,
        `Most moved: ${told.region}, ${told.motion.toFixed(1)} % of the eyes’ distance. How clear: ${told.confidence.toFixed(2)} of 1${told.doubt ? `; in doubt: ${told.doubt}` : ''}.`,
        ...(told.unit_candidates?.length ? [`By the place alone, perhaps AU ${told.unit_candidates.join(' or ')}.`] : []),
        ...(told.probabilities ? [emotionLine(told)] : []),
      ];
  const button = Object.assign(document.createElement('button'), {type: 'button', className: 'main', textContent: theirs ? 'Copy it as mine (Y)' : 'Take it as mine (Y)'});
  button.addEventListener('click', take);
  suggestion.replaceChildren(...lines.map((text) => Object.assign(document.createElement('p'), {textContent: text})), button);
}

function emotionLine(told) {
  const all = Object.entries(told.probabilities).sort(([, a], [, b]) => b - a).map(([name, p]) => `${name} ${Math.round(p * 100)} %`);
  const what = state.project.demonstration ? 'The demonstration model, which has only seen drawn faces' : 'The model';
  return `${what}: ${told.emotion ? '' : 'not sure; '}${all.join(', ')}.`;
}

function drawLists() {
  const emotions = new Set([...state.project.emotions, ...[...state.moments.values()].map((m) => m.emotion)]);
  fill('emotions', emotions);
  fill('people', new Set([...state.project.people, ...state.project.videos.flatMap((v) => v.people), ...[...state.moments.values()].map((m) => m.person)]));
}

function fill(id, words) {
  document.getElementById(id).replaceChildren(...[...words].filter(Boolean).map((word) => new Option(word)));
}

palette(buttons, () => parse(chosen()?.units ?? ''), saveUnits);
on('selected', () => clearTimeout(pause)); // what is written belongs to the moment before
on('selected moments', draw);
on('project opened moments', () => state.project?.open && drawLists());
