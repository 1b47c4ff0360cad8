/** The list of moments: filtered, sorted, and drawn only where it is seen, so that a thousand are as quick as ten. */
import {on, say, select, state, tell, timeOf} from './store.js';

const ROW = 34; // pixels
const list = document.getElementById('moment-list');
const room = document.getElementById('moment-room');
const filter = document.getElementById('moment-filter');
const sort = document.getElementById('moment-sort');
const count = document.getElementById('moment-count');
/** @type {Array<{id: string, m: any, own: boolean, program: boolean}>} */
let rows = [];

const ORDERS = {
  onset: (a, b) => a.m.onset - b.m.onset,
  kind: (a, b) => a.m.kind.localeCompare(b.m.kind) || a.m.onset - b.m.onset,
  emotion: (a, b) => (a.m.emotion || '~').localeCompare(b.m.emotion || '~') || a.m.onset - b.m.onset,
  certainty: (a, b) => (b.m.certainty ?? -1) - (a.m.certainty ?? -1) || a.m.onset - b.m.onset,
  length: (a, b) => b.m.offset - b.m.onset - (a.m.offset - a.m.onset),
};

/** All that may be seen, as the filter and the order want it. */
function gather() {
  const own = [...state.moments].map(([id, m]) => ({id, m, own: m.coder === state.coder || !m.coder, program: false}));
  const program = (state.video?.program?.moments ?? []).map((p, n) => ({
    id: `program:${n}`, own: false, program: true,
    m: {onset: p.onset_s, apex: p.apex_s, offset: p.offset_s, kind: p.kind, emotion: p.emotion ?? '', units: '', person: p.person, note: p.region, certainty: p.confidence, coder: 'program'},
  }));
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  const all = [...own, ...program];
  const fits = ({m}) => {
    const text = `${m.kind} ${m.units} ${m.emotion} ${m.person} ${m.note} ${m.coder}`.toLowerCase();
    return words.every((word) => (/^\d+$/.test(word) ? new RegExp(`(^|\\D)${word}(\\D|$)`).test(m.units) : text.includes(word)));
  };
  rows = all.filter(fits).sort(ORDERS[sort.value]);
  const mine = own.filter((row) => row.own).length, theirs = own.length - mine;
  const more = [theirs && `${theirs} of others`, program.length && `${program.length} of the program`, state.video?.hidden && `${state.video.hidden} hidden`].filter(Boolean);
  count.textContent = state.video ? [`${mine}`, ...more].join(' · ') : '';
}

function draw() {
  gather();
  room.style.height = `${Math.max(1, rows.length) * ROW}px`;
  paint();
}

function paint() {
  const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 4);
  const last = Math.min(rows.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + 4);
  const shown = rows.slice(first, last).map((row, n) => element(row, first + n));
  if (!rows.length) shown.push(nothing());
  room.replaceChildren(...shown);
  const selected = rows.findIndex((row) => row.id === state.selected);
  if (selected >= first && selected < last) list.setAttribute('aria-activedescendant', `moment-${selected}`);
  else list.removeAttribute('aria-activedescendant');
}

function nothing() {
  const said = document.createElement('p');
  said.className = 'nothing';
  said.textContent = !state.video ? '' : filter.value ? 'No moment fits the filter.' : 'No moment yet. Put the cursor at an onset and press N.';
  return said;
}

function element({id, m, own, program}, place) {
  const row = document.createElement('div');
  row.className = `moment ${m.kind}${own ? '' : ' theirs'}`;
  row.style.top = `${place * ROW}px`;
  row.id = `moment-${place}`;
  row.setAttribute('role', 'option');
  row.setAttribute('aria-selected', String(id === state.selected));
  row.setAttribute('aria-posinset', String(place + 1));
  row.setAttribute('aria-setsize', String(rows.length));
  row.dataset.id = id;
  const time = document.createElement('time');
  time.textContent = `${m.onset.toFixed(3)} s`;
  const what = document.createElement('span');
  what.textContent = [m.kind, m.units && `AU ${m.units}`, m.emotion].filter(Boolean).join(' · ');
  const whose = document.createElement('em');
  whose.textContent = program ? ['program', m.person, m.note].filter(Boolean).join(' · ') : own ? m.person : [m.coder, m.person].filter(Boolean).join(' · ');
  row.append(time, what, whose);
  row.addEventListener('click', () => {
    select(id);
    tell('chosen');
  });
  return row;
}

function reveal() {
  const at = rows.findIndex((row) => row.id === state.selected);
  if (at >= 0) {
    if (at * ROW < list.scrollTop) list.scrollTop = at * ROW;
    else if ((at + 1) * ROW > list.scrollTop + list.clientHeight) list.scrollTop = (at + 1) * ROW - list.clientHeight;
  }
  paint();
}

/** Select the next moment of the list or the one before, and go there; at first, the one that is next in time. @param {1|-1} by */
export function goMoment(by) {
  if (!state.video) return;
  const at = rows.findIndex((row) => row.id === state.selected), now = timeOf(state.frame);
  const near = by > 0 ? rows.find(({m}) => m.onset >= now) ?? rows.at(-1) : rows.findLast(({m}) => m.onset <= now) ?? rows[0];
  const next = at < 0 ? near : rows[at + by];
  if (!next) return say(by > 0 ? 'This is the last moment.' : 'This is the first moment.');
  select(next.id);
  tell('chosen');
}

list.addEventListener('scroll', paint, {passive: true});
filter.addEventListener('input', draw);
sort.addEventListener('change', draw);
on('moments video-facts', draw);
on('selected', reveal);
new ResizeObserver(paint).observe(list);
