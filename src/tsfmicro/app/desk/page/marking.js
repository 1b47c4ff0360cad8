/** Moments made and changed: what the keys, the buttons and the timeline do. */
import {change, chosen, exact, frameOf, newName, on, say, select, state, suggested, tell, timeOf, whisper} from './store.js';
import {seek} from './player.js';
import {parse, written} from './units.js';

const LONG = 0.2; // seconds of a new moment
const MICRO = 0.5; // seconds up to which a moment is taken for a micro-expression at first

/** @typedef {import('./store.js').Moment} Moment */

/**
 * A moment with one of its times elsewhere; the others give way.
 * @param {Moment} m @param {'onset'|'apex'|'offset'} edge @param {number} t seconds @returns {Moment}
 */
export function moveEdge(m, edge, t) {
  const now = {...m, [edge]: exact(t)};
  if (edge === 'onset') now.offset = Math.max(now.offset, now.onset);
  if (edge === 'offset') now.onset = Math.min(now.onset, now.offset);
  if (edge === 'apex') {
    now.onset = Math.min(now.onset, now.apex);
    now.offset = Math.max(now.offset, now.apex);
  } else if (now.apex !== null && (now.apex < now.onset || now.apex > now.offset)) now.apex = null;
  return now;
}

/** A new moment at the cursor, selected. */
export function create() {
  if (!state.video?.frames) return;
  const onset = timeOf(state.frame);
  const last = timeOf(state.video.frames - 1);
  const before = chosen();
  const person = before?.person ?? (state.video.people?.length === 1 ? state.video.people[0] : lastPerson());
  const offset = timeOf(frameOf(Math.min(onset + LONG, last)));
  add('new moment', {
    video: state.video.name, onset, apex: null, offset: Math.max(onset, offset), person, kind: 'micro', units: '', emotion: '',
    certainty: null, note: '', coder: state.coder,
  });
}

const lastPerson = () => [...state.moments.values()].filter((m) => m.coder === state.coder).at(-1)?.person ?? '';

function add(what, moment) {
  if (!state.coder) return tell('nameless');
  const name = newName();
  state.moments.set(name, moment);
  select(name);
  change(what, [['moment', name, moment]]);
}

/** Set a time of the selected moment to the cursor. @param {'onset'|'apex'|'offset'} edge */
export function mark(edge) {
  const moment = editable();
  if (!moment) {
    if (edge === 'onset' && !state.selected) create();
    return;
  }
  const now = moveEdge(moment, edge, timeOf(state.frame));
  save(`${edge} of a moment`, edge === 'offset' && freshKind(moment) ? {...now, kind: kindOf(now)} : now);
  whisper(`${edge} at ${now[edge].toFixed(3)} seconds`);
}

// A moment that has no code yet takes the kind of its length.
const freshKind = (m) => !m.units && !m.emotion && m.kind !== 'other';
const kindOf = (m) => (m.offset - m.onset <= MICRO ? 'micro' : 'macro');

/** Change the selected moment. @param {string} what @param {Partial<Moment>} values */
export function save(what, values) {
  const moment = editable();
  if (!moment) return;
  const now = {...moment, ...values};
  if (JSON.stringify(now) !== JSON.stringify(moment)) change(what, [['moment', state.selected, now]]);
}

/** @returns {Moment|null} the selected moment, where it may be changed */
export function editable() {
  const moment = chosen();
  if (!moment) {
    say(state.selected ? 'This is the program’s. Take it first (Y).' : 'Choose a moment first, or make one (N).');
    return null;
  }
  if (moment.coder && moment.coder !== state.coder) {
    say(`This moment is ${moment.coder}’s. Copy it first (Y).`);
    return null;
  }
  return moment;
}

/** Delete the selected moment, and select the next one. */
export function remove() {
  const moment = editable();
  if (!moment) return;
  const id = state.selected, ids = ordered().map(([name]) => name), at = ids.indexOf(id);
  change('deleted a moment', [['moment', id, null]]);
  select(ids[at + 1] ?? ids[at - 1] ?? null);
}

/** Two moments of one, parted at the cursor. */
export function split() {
  const moment = editable();
  if (!moment) return;
  const at = timeOf(state.frame);
  if (at <= moment.onset || at >= moment.offset) return say('Put the cursor inside the moment first.');
  const first = {...moment, offset: at, apex: moment.apex !== null && moment.apex <= at ? moment.apex : null};
  const second = {...moment, onset: at, apex: moment.apex !== null && moment.apex > at ? moment.apex : null};
  change('split a moment', [['moment', state.selected, first], ['moment', newName(), second]]);
}

/** One moment of the selected one and the next of the same person. */
export function join() {
  const moment = editable();
  if (!moment) return;
  const next = ordered().find(([id, m]) => id !== state.selected && m.person === moment.person && m.coder === moment.coder && m.onset >= moment.onset);
  if (!next) return say('There is no later moment of the same person.');
  const [id, other] = next;
  const now = {
    ...moment, offset: Math.max(moment.offset, other.offset), apex: moment.apex ?? other.apex,
    units: written(parse(`${moment.units}+${other.units}`)), emotion: moment.emotion || other.emotion,
    note: [moment.note, other.note].filter(Boolean).join('; '),
  };
  change('joined two moments', [['moment', state.selected, now], ['moment', id, null]]);
}

/** The program's moment, or another coder's, as one's own. */
export function take() {
  const told = suggested(), other = chosen();
  if (told) {
    const t = (s) => timeOf(frameOf(s));
    add('took the program’s moment', {
      video: state.video.name, onset: t(told.onset_s), apex: t(told.apex_s), offset: t(told.offset_s), person: told.person || lastPerson(),
      kind: told.kind, units: '', emotion: '', certainty: null, note: '', coder: state.coder,
    });
  } else if (other && other.coder && other.coder !== state.coder) add('copied a moment', {...other, coder: state.coder});
}

/** All moments of the program that no moment of one's own overlaps. */
export function takeAll() {
  const own = [...state.moments.values()].filter((m) => m.coder === state.coder);
  const t = (s) => timeOf(frameOf(s));
  const things = state.video.program.moments
    .filter((p) => !own.some((m) => m.onset < p.offset_s && p.onset_s < m.offset))
    .map((p) => ['moment', newName(), {
      video: state.video.name, onset: t(p.onset_s), apex: t(p.apex_s), offset: t(p.offset_s), person: p.person, kind: p.kind,
      units: '', emotion: '', certainty: null, note: '', coder: state.coder,
    }]);
  if (things.length) change(`took ${things.length} moments of the program`, things);
  else say('All of the program’s moments overlap one of yours.');
}

/** @returns {Array<[string, Moment]>} by time */
export const ordered = () => [...state.moments].sort(([, a], [, b]) => a.onset - b.onset || a.offset - b.offset);

/** The next kind. */
export function nextKind() {
  const moment = editable();
  const kinds = ['micro', 'macro', 'other'];
  if (moment) save('kind of a moment', {kind: kinds[(kinds.indexOf(moment.kind) + 1) % 3]});
}

/** Say that the video is done, or that it is not. */
export async function toggleDone() {
  if (!state.video) return;
  if (!state.coder) return tell('nameless');
  const {[state.coder]: was, ...others} = state.video.done;
  const now = new Date().toISOString();
  const blind = state.project.settings.blind && !(state.coder in (state.video.peeked ?? {}));
  const done = was ? others : {...others, [state.coder]: blind ? `${now} blind` : now};
  const peeked = was && state.video.found ? {...state.video.peeked, [state.coder]: now} : state.video.peeked;
  await change(was ? 'not done after all' : 'done', [['video', state.video.name, {done, peeked: peeked ?? {}}]]);
  tell('done-changed');
}

on('dragged', ({id, edge, now}) => {
  select(id);
  change(`${edge} of a moment`, [['moment', id, now]]);
});
on('chosen', () => {
  const moment = chosen(), told = suggested();
  if (moment) seek(moment.apex ?? moment.onset);
  else if (told) seek(told.apex_s);
});
