/** Two coders of the project side by side, or one and the program; each disagreement leads to its place. */
import {get} from './api.js';
import {say, state, tell} from './store.js';
import {coders} from './dialogs.js';
import {open} from './list.js';
import {seek} from './player.js';
import {look} from './timeline.js';
import {button, choice, element, problem, row, table} from './parts.js';

const PROGRAM = 'the program';
const SHOWN = 200; // disagreements; the command line writes all

/** @param {HTMLElement} place */
export function fillAgree(place) {
  const known = [...coders(), ...(state.project.videos.some((v) => v.found) ? [PROGRAM] : [])].map((name) => [name, name]);
  if (known.length < 2) {
    place.append(element('p', 'Two coders are needed, or one and the program. A second coder writes another name at the top and codes the same videos; or import their file.'));
    return;
  }
  const [one, other] = [choice('A', known), choice('B', known)];
  other.input.value = known[1][0];
  const said = problem(), found = element('div', '');
  const go = async () => {
    said.textContent = '';
    try {
      show(found, await get('api/agree', {one: one.input.value, other: other.input.value, coder: state.coder}));
    } catch (error) {
      found.replaceChildren();
      said.textContent = error.message;
    }
  };
  place.append(row(one.label, other.label), row(button('Compare', go, 'main')), said, found);
}

function show(place, told) {
  const parts = told.about.map((text) => element('p', text));
  parts.push(table('Occurrence', ...told.occurrence));
  if (told.timing[1].length) parts.push(table('Times', ...told.timing));
  parts.push(element('p', told.intensity));
  const shown = told.disagreements.slice(0, SHOWN).map((d) => [
    button('Show', () => go(d)), d.video, d.person, d.what, d.one, d.other, seconds(d.onset_one), seconds(d.onset_other),
  ]);
  if (!shown.length) parts.push(element('p', 'No disagreement.'));
  else parts.push(table(`${told.disagreements.length} disagreements`, ['', 'video', 'person', 'what', 'A', 'B', 'onset A, s', 'onset B, s'], shown));
  if (told.disagreements.length > SHOWN) parts.push(element('p', `The first ${SHOWN} are shown.`));
  place.replaceChildren(...parts);
}

const seconds = (value) => (value === null ? '–' : value.toFixed(3));

async function go(d) {
  tell('close-dialog');
  if (state.video?.name !== d.video) await open(d.video);
  if (state.video?.name !== d.video) return;
  const onsets = [d.onset_one, d.onset_other].filter((t) => t !== null), offsets = [d.offset_one, d.offset_other].filter((t) => t !== null);
  look(Math.min(...onsets) - 0.3, Math.max(...offsets) + 0.3);
  seek(Math.min(...onsets));
  say(`${d.what}: A ${d.one || '–'}, B ${d.other || '–'}`);
}
