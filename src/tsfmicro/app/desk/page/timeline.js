/** The timeline: curves of the face, a lane for each person, the program's and others' moments, and what is no expression. */
import {get, videoAt} from './api.js';
import {chosen, clamp, frameOf, on, select, state, tell, timeOf} from './store.js';
import {seek, stop} from './player.js';
import {moveEdge} from './marking.js';

const RULER = 20, CURVES = 84, LANE = 24, MARKS = 16, GAP = 3;
const LEAST = 8; // pixels of a band, however short
const GRIP = 9; // pixels around an edge in which it can be taken
const SHORTEST = 0.05; // seconds that fill the timeline at most zoom

const canvas = document.getElementById('timeline');
const overview = document.getElementById('overview');
const height = document.getElementById('height');
let ink = {};
/** @type {{faces: any[], from: number, to: number}} */
let curves = {faces: [], from: 0, to: 0};
/** @type {Array<{x: number, y: number, w: number, h: number, id: string, own: boolean}>} */
let bands = [];
/** @type {any} */
let drag = null;
let pending = 0;
let known = 0; // seconds of the video, as far as it was known

const length = () => Math.max(state.video?.seconds || 1, 0.01);
const x = (seconds) => ((seconds - state.view.from) / (state.view.to - state.view.from)) * canvas.clientWidth;
const timeAt = (px) => state.view.from + (px / canvas.clientWidth) * (state.view.to - state.view.from);

/** Show a stretch. @param {number} from seconds @param {number} to */
export function look(from, to) {
  const most = length();
  const wide = clamp(to - from, Math.min(SHORTEST, most), most);
  const begin = clamp(from, 0, most - wide);
  state.view = {from: begin, to: begin + wide};
  draw();
  askCurves();
}

/** @param {number} factor below 1 zooms in @param {number} [around] seconds */
export function zoom(factor, around = timeOf(state.frame)) {
  const {from, to} = state.view;
  look(around - (around - from) * factor, around + (to - around) * factor);
}

/** The whole video. */
export const lookAll = () => look(0, length());

/** The selected moment, with as much around it. */
export function lookMoment() {
  const moment = chosen();
  if (!moment) return;
  const margin = Math.max(0.1, moment.offset - moment.onset);
  look(moment.onset - margin, moment.offset + margin);
}

/** Lanes from the top: name, moments as [id, moment, own]. */
function lanes() {
  const own = new Map(), others = new Map();
  for (const person of state.video.people ?? []) own.set(person, []);
  for (const [id, m] of state.moments) {
    const mine = m.coder === state.coder || !m.coder;
    const key = mine ? m.person : m.coder;
    const of = mine ? own : others;
    if (!of.has(key)) of.set(key, []);
    of.get(key).push([id, m, mine]);
  }
  if (!own.size) own.set('', []);
  const told = [...own].map(([name, moments]) => ({name: name || 'moments', moments, own: true}));
  for (const [name, moments] of others) told.push({name, moments, own: false});
  const program = state.video.program?.moments;
  const several = state.video.program?.faces.length > 1, found = new Map();
  program?.forEach((m, n) => {
    const name = ['program', m.person || (several ? `face ${m.face}` : '')].filter(Boolean).join(': ');
    if (!found.has(name)) found.set(name, []);
    found.get(name).push([`program:${n}`, {onset: m.onset_s, apex: m.apex_s, offset: m.offset_s, kind: m.kind}, false]);
  });
  for (const [name, moments] of found) told.push({name, moments, own: false});
  return told;
}

function draw() {
  if (pending) return;
  pending = requestAnimationFrame(() => {
    pending = 0;
    paint();
    paintOverview();
  });
}

function sized(of, h) {
  const dense = window.devicePixelRatio || 1;
  const w = of.clientWidth;
  if (of.style.height !== `${h}px`) of.style.height = `${h}px`;
  if (of.width !== Math.round(w * dense) || of.height !== Math.round(h * dense)) {
    Object.assign(of, {width: Math.round(w * dense), height: Math.round(h * dense)});
  }
  const c = of.getContext('2d');
  c.setTransform(dense, 0, 0, dense, 0, 0);
  c.clearRect(0, 0, w, h);
  return [c, w];
}

function paint() {
  bands = [];
  if (!state.video) return sized(canvas, 120);
  const all = lanes();
  const hasCurves = Boolean(state.video.program);
  const top = RULER + (hasCurves ? CURVES + GAP : 0);
  const total = top + all.length * (LANE + GAP) + (hasCurves ? MARKS + GAP : 0) + 4;
  const [c, w] = sized(canvas, total);
  c.font = '11px system-ui, sans-serif';
  c.textBaseline = 'middle';
  paintRuler(c, w, total);
  if (hasCurves) paintCurves(c, w);
  all.forEach((lane, n) => paintLane(c, w, lane, top + n * (LANE + GAP)));
  if (hasCurves) paintMarks(c, w, total - MARKS - 4);
  const at = x(timeOf(state.frame));
  c.strokeStyle = ink.ink;
  c.lineWidth = 1.5;
  line(c, at, 0, at, total);
  c.fillStyle = ink.ink;
  c.beginPath(); c.moveTo(at - 5, 0); c.lineTo(at + 5, 0); c.lineTo(at, 7); c.fill();
}

function paintRuler(c, w, total) {
  const {from, to} = state.view;
  const rough = ((to - from) / w) * 90;
  const power = 10 ** Math.floor(Math.log10(rough));
  const tick = power * ([1, 2, 5, 10].find((k) => k * power >= rough));
  c.fillStyle = ink.soft;
  c.strokeStyle = ink.line;
  c.lineWidth = 1;
  for (let t = Math.ceil(from / tick) * tick; t <= to; t += tick) {
    const at = x(t);
    line(c, at, RULER - 5, at, total);
    c.fillText(clock(t, tick), at + 4, RULER / 2);
  }
}

function clock(t, tick) {
  const digits = Math.max(0, -Math.floor(Math.log10(tick) + 1e-9));
  if (length() < 120) return `${t.toFixed(digits)} s`;
  const minutes = Math.floor(t / 60), seconds = (t - minutes * 60).toFixed(digits);
  return `${minutes}:${seconds.padStart(digits ? digits + 3 : 2, '0')}`;
}

function paintCurves(c, w) {
  const most = Number(height.value), base = RULER + CURVES;
  const y = (value) => base - (Math.min(value, most) / most) * (CURVES - 8);
  c.strokeStyle = ink.line;
  c.fillStyle = ink.soft;
  for (const part of [0, 0.5, 1]) {
    line(c, 0, y(part * most), w, y(part * most));
    if (part) c.fillText(`${part * most} %`, 4, y(part * most) + (part === 1 ? 7 : -6));
  }
  c.save();
  c.beginPath(); c.rect(0, RULER, w, CURVES + 1); c.clip();
  c.lineWidth = 1.2;
  for (const face of curves.faces) {
    for (const part of state.project.parts) {
      c.strokeStyle = ink[part];
      c.beginPath();
      face.seconds.forEach((t, n) => (n ? c.lineTo(x(t), y(face[part][n])) : c.moveTo(x(t), y(face[part][n]))));
      c.stroke();
    }
  }
  c.restore();
}

function paintLane(c, w, lane, y) {
  c.fillStyle = ink.ground;
  c.fillRect(0, y, w, LANE);
  for (const [id, m, own] of lane.moments) {
    const left = x(m.onset), right = x(m.offset);
    if (right < -LEAST || left > w + LEAST) continue;
    const wide = Math.max(LEAST, right - left), at = wide === LEAST ? (left + right - LEAST) / 2 : left;
    const chosen_ = id === state.selected;
    c.fillStyle = c.strokeStyle = ink[m.kind];
    c.globalAlpha = own ? (chosen_ ? 0.95 : 0.55) : chosen_ ? 0.4 : 0.14;
    c.beginPath(); c.roundRect(at, y + 2, wide, LANE - 4, 3); c.fill();
    c.globalAlpha = 1;
    c.lineWidth = chosen_ ? 2 : 1;
    if (!own) c.setLineDash([4, 3]);
    c.stroke();
    c.setLineDash([]);
    if (m.apex !== null && wide > LEAST) {
      c.strokeStyle = own ? ink.panel : ink[m.kind];
      line(c, x(m.apex), y + 3, x(m.apex), y + LANE - 3);
    }
    if (chosen_ && own) grips(c, [at, at + wide, ...(m.apex === null ? [] : [x(m.apex)])], y);
    bands.push({x: at, y, w: wide, h: LANE, id, own, onset: left, offset: right, apex: m.apex === null ? null : x(m.apex)});
  }
  c.fillStyle = ink.soft;
  c.globalAlpha = 0.9;
  c.fillText(lane.name, 5, y + LANE / 2);
  c.globalAlpha = 1;
}

function grips(c, places, y) {
  c.fillStyle = ink.panel;
  c.strokeStyle = ink.ink;
  c.lineWidth = 1.5;
  for (const at of places) {
    c.beginPath(); c.roundRect(at - 3, y + 5, 6, LANE - 10, 2); c.fill(); c.stroke();
  }
}

function paintMarks(c, w, y) {
  for (const mark of state.video.program.marks) {
    const left = x(mark.onset_s), wide = Math.max(2, x(mark.offset_s) - left);
    if (left + wide < 0 || left > w) continue;
    c.fillStyle = ink.strong;
    c.globalAlpha = 0.35;
    c.fillRect(left, y, wide, MARKS);
    c.globalAlpha = 1;
    if (c.measureText(mark.what).width + 6 < Math.max(wide, 40)) {
      c.fillStyle = ink.ink;
      c.fillText(mark.what, left + 3, y + MARKS / 2);
    }
  }
}

function paintOverview() {
  const [c, w] = sized(overview, 16);
  if (!state.video) return;
  const at = (t) => (t / length()) * w;
  c.fillStyle = ink.line;
  c.beginPath(); c.roundRect(0, 4, w, 8, 4); c.fill();
  for (const m of state.moments.values()) {
    c.fillStyle = ink[m.kind];
    c.fillRect(at(m.onset), 4, Math.max(1.5, at(m.offset - m.onset)), 8);
  }
  c.strokeStyle = ink.accent;
  c.lineWidth = 2;
  c.beginPath(); c.roundRect(at(state.view.from) + 1, 1, Math.max(6, at(state.view.to - state.view.from) - 2), 14, 5); c.stroke();
  c.fillStyle = ink.ink;
  c.fillRect(at(timeOf(state.frame)) - 1, 0, 2, 16);
}

const line = (c, x1, y1, x2, y2) => {
  c.beginPath(); c.moveTo(x1, y1); c.lineTo(x2, y2); c.stroke();
};

/** What is below a place: an edge of the selected band, or a band. */
function hit(px, py) {
  const near = bands.filter((b) => py >= b.y && py <= b.y + b.h);
  const open = near.find((b) => b.id === state.selected && b.own);
  if (open) {
    const edges = [['apex', open.apex], ['onset', open.x], ['offset', open.x + open.w]];
    const edge = edges.filter(([, at]) => at !== null && Math.abs(at - px) <= GRIP).sort((a, b) => Math.abs(a[1] - px) - Math.abs(b[1] - px))[0];
    if (edge) return {band: open, edge: edge[0]};
  }
  const inside = near.filter((b) => px >= b.x - 1 && px <= b.x + b.w + 1).sort((a, b) => a.w - b.w)[0];
  return inside ? {band: inside, edge: null} : null;
}

const fingers = new Map();

canvas.addEventListener('pointerdown', (event) => {
  if (!state.video) return;
  canvas.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, event.offsetX);
  const found = hit(event.offsetX, event.offsetY);
  stop();
  if (fingers.size === 2) drag = {pinch: spread(), view: {...state.view}};
  else if (found?.edge) drag = {edge: found.edge, id: found.band.id, before: {...state.moments.get(found.band.id)}};
  else if (event.shiftKey || event.button === 1) drag = {pan: event.offsetX, view: {...state.view}};
  else if (found) {
    select(found.band.id);
    drag = null;
    tell('chosen');
  } else {
    drag = {seek: true};
    seek(clamp(timeAt(event.offsetX), 0, length()));
  }
});

canvas.addEventListener('pointermove', (event) => {
  if (!state.video) return;
  if (fingers.has(event.pointerId)) fingers.set(event.pointerId, event.offsetX);
  if (!drag) {
    const found = hit(event.offsetX, event.offsetY);
    canvas.style.cursor = found?.edge ? 'ew-resize' : found ? 'pointer' : 'crosshair';
    return;
  }
  const t = clamp(timeAt(event.offsetX), 0, length());
  if (drag.pinch) {
    const middle = state.view.from + (state.view.to - state.view.from) / 2;
    const wide = (drag.view.to - drag.view.from) * (drag.pinch / Math.max(10, spread()));
    look(middle - wide / 2, middle + wide / 2);
  } else if (drag.edge) {
    const frame = frameOf(t);
    state.moments.set(drag.id, moveEdge(drag.before, drag.edge, timeOf(frame)));
    seek(timeOf(frame));
    draw();
  } else if (drag.pan !== undefined) {
    const by = ((drag.pan - event.offsetX) / canvas.clientWidth) * (drag.view.to - drag.view.from);
    look(drag.view.from + by, drag.view.to + by);
  } else if (drag.seek) seek(t);
});

for (const end of ['pointerup', 'pointercancel']) {
  canvas.addEventListener(end, (event) => {
    fingers.delete(event.pointerId);
    const was = drag;
    drag = null;
    if (was?.edge) {
      const now = state.moments.get(was.id);
      state.moments.set(was.id, was.before);
      if (end === 'pointerup') tell('dragged', {id: was.id, edge: was.edge, now});
      else draw();
    }
  });
}

const spread = () => Math.abs([...fingers.values()][0] - [...fingers.values()][1]);

canvas.addEventListener('wheel', (event) => {
  if (!state.video) return;
  event.preventDefault();
  const {from, to} = state.view, sideways = event.shiftKey ? event.deltaY : event.deltaX;
  if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
    const by = (sideways / canvas.clientWidth) * (to - from);
    look(from + by, to + by);
  } else zoom(Math.exp(clamp(event.deltaY, -200, 200) * 0.002), timeAt(event.offsetX));
}, {passive: false});

overview.addEventListener('pointerdown', (event) => {
  overview.setPointerCapture(event.pointerId);
  slide(event);
});
overview.addEventListener('pointermove', (event) => event.buttons && slide(event));
function slide(event) {
  if (!state.video) return;
  const half = (state.view.to - state.view.from) / 2, middle = (event.offsetX / overview.clientWidth) * length();
  look(middle - half, middle + half);
}

/** Keep the cursor in sight. */
function follow() {
  const t = timeOf(state.frame), {from, to} = state.view, wide = to - from;
  if (t < from || t > to) look(t - wide * (t > to ? 0.1 : 0.9), t + wide * (t > to ? 0.9 : 0.1));
}

let timer = 0;
function askCurves() {
  clearTimeout(timer);
  if (!state.video?.program) return;
  timer = setTimeout(async () => {
    const {from, to} = state.view, name = state.video.name;
    const told = await get(`${videoAt(name)}/curves`, {coder: state.coder, from, to, points: Math.round(canvas.clientWidth)}).catch(() => null);
    if (told && state.video?.name === name) {
      curves = {...told, from, to};
      draw();
    }
  }, curves.faces.length ? 80 : 0);
}

function colours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ['ink', 'soft', 'line', 'strong', 'panel', 'ground', 'accent', 'micro', 'macro', 'other', 'brows', 'nose', 'cheeks', 'mouth', 'chin']) {
    ink[name] = style.getPropertyValue(`--${name}`).trim();
  }
  draw();
}

function announce() {
  if (!state.video?.frames) return;
  canvas.setAttribute('aria-valuemax', String(state.video.frames - 1));
  canvas.setAttribute('aria-valuenow', String(state.frame));
  canvas.setAttribute('aria-valuetext', `${timeOf(state.frame).toFixed(3)} seconds, frame ${state.frame}`);
}

on('frame', () => {
  follow();
  announce();
  draw();
});
on('opened', () => {
  known = state.view.to;
  curves = {faces: [], from: 0, to: 0};
  draw();
  askCurves();
});
on('video-facts', () => {
  if (!state.video) return;
  if (state.view.to > length() || (state.view.from === 0 && state.view.to === known)) lookAll();
  known = length();
  askCurves();
  draw();
});
on('moments selected project', draw);
height.addEventListener('change', draw);
new ResizeObserver(() => {
  draw();
  askCurves();
}).observe(canvas);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', colours);
colours();
