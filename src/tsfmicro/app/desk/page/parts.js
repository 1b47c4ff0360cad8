/** Small parts of which dialogs are made. */

/** @param {string} tag @param {string} text @param {string} [kind] class @returns {HTMLElement} */
export const element = (tag, text, kind = '') => Object.assign(document.createElement(tag), {textContent: text, className: kind});

/** @param {string} words @param {Record<string, any>} [options] of the input @returns {{label: HTMLElement, input: HTMLInputElement}} */
export function field(words, options = {}) {
  const input = Object.assign(document.createElement('input'), options);
  const label = element('label', words);
  label.append(input);
  return {label, input};
}

/** @param {string} words @param {boolean} on @returns {{label: HTMLElement, input: HTMLInputElement}} */
export function tick(words, on) {
  const input = Object.assign(document.createElement('input'), {type: 'checkbox', checked: on});
  const label = document.createElement('label');
  label.append(input, ` ${words}`);
  return {label, input};
}

/** @param {string} words @param {Array<[string, string]>} options value, words @returns {{label: HTMLElement, input: HTMLSelectElement}} */
export function choice(words, options) {
  const input = document.createElement('select');
  input.append(...options.map(([value, shown]) => new Option(shown, value)));
  const label = element('label', words);
  label.append(input);
  return {label, input};
}

/** @param {string} words @param {() => any} work @param {string} [kind] */
export function button(words, work, kind = '') {
  const made = Object.assign(document.createElement('button'), {type: 'button', textContent: words, className: kind});
  made.addEventListener('click', work);
  return made;
}

/** @param {...HTMLElement} parts */
export function row(...parts) {
  const made = element('div', '', 'row');
  made.append(...parts);
  return made;
}

/** @returns {HTMLElement} a line in which a mistake is told */
export function problem() {
  const said = element('p', '', 'problem');
  said.setAttribute('role', 'alert');
  return said;
}

/** @param {string} title @param {string[]} heads @param {Array<Array<string|HTMLElement>>} rows @returns {HTMLElement} */
export function table(title, heads, rows) {
  const made = document.createElement('table');
  made.createCaption().textContent = title;
  const head = made.createTHead().insertRow();
  head.append(...heads.map((words) => Object.assign(element('th', words), {scope: 'col'})));
  const lines = made.createTBody();
  for (const cells of rows) {
    const line = lines.insertRow();
    for (const cell of cells) line.insertCell().append(cell);
  }
  const wide = element('div', '', 'wide');
  wide.append(made);
  return wide;
}
