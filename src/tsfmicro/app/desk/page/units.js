/** Action units as buttons and chips, beside the line in which they can be written. */

/** @type {Array<[number, string]>} those that coders of the face use most */
export const UNITS = [
  [1, 'inner brow raiser'], [2, 'outer brow raiser'], [4, 'brow lowerer'], [5, 'upper lid raiser'], [6, 'cheek raiser'],
  [7, 'lid tightener'], [9, 'nose wrinkler'], [10, 'upper lip raiser'], [11, 'nasolabial deepener'], [12, 'lip corner puller'],
  [14, 'dimpler'], [15, 'lip corner depressor'], [16, 'lower lip depressor'], [17, 'chin raiser'], [18, 'lip puckerer'],
  [20, 'lip stretcher'], [22, 'lip funneler'], [23, 'lip tightener'], [24, 'lip pressor'], [25, 'lips part'], [26, 'jaw drop'],
  [28, 'lip suck'], [43, 'eyes closed'], [45, 'blink'],
];
const NAMES = new Map(UNITS);
const UNIT = /^([LRTBA]?)(\d{1,2})([A-E]?)(\??)$/;

/**
 * @typedef {{side: string, number: number, intensity: string, doubt: boolean}} Unit
 * @param {string} text as the server writes it: 'R12B+4?' @returns {Unit[]}
 */
export function parse(text) {
  const told = text.toUpperCase().split('+').map((part) => UNIT.exec(part.trim())).filter(Boolean);
  return told.map(([, side, number, intensity, doubt]) => ({side, number: Number(number), intensity, doubt: Boolean(doubt)}));
}

/** @param {Unit[]} units @returns {string} each once, as the server keeps them */
export function written(units) {
  /** @type {Map<string, Unit>} */
  const once = new Map();
  const less = (u, than) => u.intensity < than.intensity || (u.intensity === than.intensity && u.doubt && !than.doubt);
  for (const u of units) {
    const key = `${u.side}${u.number}`, before = once.get(key);
    if (!before || less(before, u)) once.set(key, u);
  }
  return [...once.values()].map((u) => `${u.side}${u.number}${u.intensity}${u.doubt ? '?' : ''}`).join('+');
}

/**
 * Fill a place with a chip for each unit, where side, intensity and doubt are chosen.
 * @param {HTMLElement} place @param {Unit[]} units @param {(units: Unit[]) => void} changed
 */
export function chips(place, units, changed) {
  place.replaceChildren(...units.map((unit, n) => {
    const with_ = (values) => changed(units.map((u, k) => (k === n ? {...u, ...values} : u)));
    const chip = document.createElement('div');
    chip.className = 'chip';
    const name = document.createElement('b');
    name.textContent = `AU ${unit.number}`;
    const words = document.createElement('i');
    words.textContent = NAMES.get(unit.number) ?? '';
    const side = choice(`Side of ${unit.number}`, [['', 'both'], ['L', 'left'], ['R', 'right'], ['T', 'top'], ['B', 'bottom']], unit.side, (v) => with_({side: v}));
    const grade = choice(`Intensity of ${unit.number}`, [['', '–'], ...'ABCDE'.split('').map((l) => [l, l])], unit.intensity, (v) => with_({intensity: v}));
    const doubt = document.createElement('label');
    const box = Object.assign(document.createElement('input'), {type: 'checkbox', checked: unit.doubt});
    box.setAttribute('aria-label', `Doubt about ${unit.number}`);
    box.addEventListener('change', () => with_({doubt: box.checked}));
    doubt.append(box, '?');
    const off = Object.assign(document.createElement('button'), {type: 'button', textContent: '✕'});
    off.setAttribute('aria-label', `Remove ${unit.number}`);
    off.addEventListener('click', () => changed(units.filter((_, k) => k !== n)));
    chip.append(name, words, side, grade, doubt, off);
    return chip;
  }));
}

function choice(label, options, value, changed) {
  const select = document.createElement('select');
  select.setAttribute('aria-label', label);
  if (value && !options.some(([v]) => v === value)) options = [...options, [value, value]];
  select.append(...options.map(([v, words]) => new Option(words, v, v === value, v === value)));
  select.addEventListener('change', () => changed(select.value));
  return select;
}

/**
 * Fill a place with a button for each common unit.
 * @param {HTMLElement} place @param {() => Unit[]} current @param {(units: Unit[]) => void} changed
 */
export function palette(place, current, changed) {
  place.replaceChildren(...UNITS.map(([number, words]) => {
    const button = Object.assign(document.createElement('button'), {type: 'button', textContent: String(number), title: words});
    button.setAttribute('aria-label', `${number}, ${words}`);
    button.dataset.unit = String(number);
    button.addEventListener('click', () => {
      const units = current();
      const there = units.some((u) => u.number === number);
      changed(there ? units.filter((u) => u.number !== number) : [...units, {side: '', number, intensity: '', doubt: false}]);
    });
    return button;
  }));
}

/** @param {HTMLElement} place @param {Unit[]} units */
export function press(place, units) {
  for (const button of place.querySelectorAll('button')) {
    button.setAttribute('aria-pressed', String(units.some((u) => u.number === Number(button.dataset.unit))));
  }
}
