'use strict';
const known = JSON.parse(document.getElementById('clip-data').textContent);
const form = document.getElementById('filters');
const cards = document.getElementById('cards');
const more = document.getElementById('more');
const matrix = document.getElementById('matrix');
const AT_ONCE = 60;
const bytes = code => Uint8Array.from(atob(code), letter => letter.charCodeAt(0));
const colours = bytes(known.colours);
const share = p => `${(100 * p).toFixed(0)} %`;

const everything = known.runs.flatMap(run => run.clips.map((clip, n) => ({
  run, n, clip: known.clips[clip], person: known.people[clip],
  truth: run.classes[run.truth[n]], answer: run.classes[run.answer[n]], right: run.truth[n] === run.answer[n],
  sure: run.thousandths[n][run.answer[n]] / 1000,
  picture: run.pictures === null ? null : known.pictures[run.pictures][clip],
})));

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function fill(select, values, all) {
  const before = select.value;
  select.replaceChildren(...(all ? [element('option', all, { value: '' })] : []),
    ...values.map(([value, text]) => element('option', text, { value })));
  if (values.some(([value]) => value === before)) select.value = before;
}

function drawHeat(canvas, heat, n) {
  const [height, width] = heat.size;
  heat.bytes ??= bytes(heat.code);
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  for (let place = 0; place < width * height; place++) {
    const value = 3 * heat.bytes[n * width * height + place];
    image.data.set([colours[value], colours[value + 1], colours[value + 2], 255], 4 * place);
  }
  canvas.getContext('2d').putImageData(image, 0, 0);
}

function card({ run, n, clip, truth, answer, right, sure, picture }) {
  const made = document.getElementById('card').content.firstElementChild.cloneNode(true);
  const find = selector => made.querySelector(selector);
  made.classList.toggle('wrong', !right);
  find('h3').textContent = known.runs.length > 1 && !chosen().run ? `${clip} · ${run.label}` : clip;
  find('.verdict').append(element('b', right ? '✓ right' : '✗ wrong'),
    right ? ` · ${truth}` : ` · ${truth} → ${answer}`,
    run.right[n] % run.seeds ? ` · right in ${run.right[n]} of ${run.seeds} seeds` : ''); // where they differ
  find('.strip').alt = `onset, apex and their difference of ${clip}`;
  if (picture) {
    find('.strip').src = find('.heat img').src = picture;
  } else {
    find('.strip').remove();
    find('.heat img').hidden = true;
    find('.names').remove();
  }
  if (run.heat) {
    const spoken = run.classes[run.heat.answer[n]];
    drawHeat(find('canvas'), run.heat, n);
    find('canvas').setAttribute('aria-label', `heat map for ${spoken}`);
    find('.heat-name').textContent = `heat: ${spoken}`;
  } else {
    find('.heat').remove();
    find('.heat-name').remove();
  }
  find('.pictures').hidden = !picture && !run.heat;
  find('.said').append(...run.classes
    .map((name, c) => [name, run.thousandths[n][c] / 1000]).sort((a, b) => b[1] - a[1]).map(([name, p]) => {
      const row = element('tr', '', name === truth ? { class: 'truth', title: 'the truth' } : {});
      const bar = element('div', '', { class: 'bar', style: `width:${100 * p}%` });
      row.append(element('th', name, { scope: 'row' }), element('td', ''), element('td', share(p)));
      row.children[1].append(bar);
      return row;
    }));
  return made;
}

const chosen = () => Object.fromEntries(['run', 'truth', 'answer', 'person', 'clip', 'order'].map(name => [name, form[name].value]));

const orders = {
  sure: (a, b) => b.sure - a.sure || (a.clip < b.clip ? -1 : 1),
  unsure: (a, b) => a.sure - b.sure || (a.clip < b.clip ? -1 : 1),
  name: (a, b) => (a.clip < b.clip ? -1 : a.clip > b.clip ? 1 : 0),
};

let left = [];

function showMore() {
  cards.append(...left.splice(0, AT_ONCE).map(card));
  more.hidden = !left.length;
  more.textContent = `show ${Math.min(AT_ONCE, left.length)} more of ${left.length}`;
}

function show() {
  const { run, truth, answer, person, clip, order } = chosen();
  const among = everything.filter(one => (!run || one.run.name === run) && (!person || one.person === person)
    && one.clip.toLowerCase().includes(clip.trim().toLowerCase()));
  left = among.filter(one => (!truth || one.truth === truth) && (!answer || one.answer === answer)
    && !(form.wrong.checked && one.right)).sort(orders[order]);
  const wrong = left.filter(one => !one.right).length;
  const all = everything.filter(one => !run || one.run.name === run).length;
  document.getElementById('counter').textContent =
    `${left.length} of ${all} ${run ? 'clips' : 'answers'}: ${left.length - wrong} right, ${wrong} wrong`;
  cards.replaceChildren();
  showMatrix(among, run, truth, answer);
  showMore();
}

function showMatrix(among, run, truth, answer) {
  matrix.hidden = !run;
  if (!run) return;
  const { classes, seeds } = known.runs.find(one => one.name === run);
  const table = element('table', '');
  const head = element('tr', '');
  head.append(element('th', 'truth ↓ · answer →', { class: 'name' }), ...classes.map(name => element('th', name, { scope: 'col' })));
  table.append(element('thead', ''), element('tbody', ''));
  table.tHead.append(head);
  for (const row of classes) {
    const line = element('tr', '');
    line.append(element('th', row, { scope: 'row', class: 'name' }), ...classes.map(column => {
      const count = among.filter(one => one.truth === row && one.answer === column).length;
      if (!count) return element('td', '·', { class: 'none' });
      const cell = element('td', '');
      const pressed = truth === row && answer === column;
      cell.append(element('button', count, { type: 'button', 'aria-pressed': pressed, 'data-truth': row, 'data-answer': column,
        'aria-label': `truth ${row}, answer ${column}: ${count}` }));
      return cell;
    }));
    table.tBodies[0].append(line);
  }
  matrix.replaceChildren(table, element('p', `${seeds > 1 ? 'Answers by the mean over seeds. ' : ''}Choose a number to see its clips.`));
}

function offer() {
  const runs = known.runs.filter(run => !form.run.value || run.name === form.run.value);
  const classes = [...new Set(runs.flatMap(run => run.classes))].map(name => [name, name]);
  const people = [...new Set(runs.flatMap(run => run.clips.map(clip => known.people[clip])))].sort();
  fill(form.truth, classes, 'every class');
  fill(form.answer, classes, 'every class');
  fill(form.person, people.map(name => [name, name]), 'everybody');
}

matrix.addEventListener('click', event => {
  const { truth, answer } = event.target.dataset;
  if (!truth) return;
  const again = form.truth.value === truth && form.answer.value === answer;
  form.truth.value = again ? '' : truth;
  form.answer.value = again ? '' : answer;
  show();
  matrix.querySelector(`[data-truth="${CSS.escape(truth)}"][data-answer="${CSS.escape(answer)}"]`)?.focus();
});
form.addEventListener('input', event => {
  if (event.target === form.run) offer();
  show();
});
form.addEventListener('submit', event => event.preventDefault());
document.getElementById('all').addEventListener('click', () => {
  form.reset();
  form.run.value = known.runs[0].name;
  offer();
  show();
});
more.addEventListener('click', () => {
  const first = cards.children.length;
  showMore();
  cards.children[first].setAttribute('tabindex', '-1');
  cards.children[first].focus();
});

const shut = [];
addEventListener('beforeprint', () => document.querySelectorAll('details:not([open])').forEach(one => { shut.push(one); one.open = true; }));
addEventListener('afterprint', () => shut.splice(0).forEach(one => { one.open = false; }));
function openTarget() {
  const target = document.getElementById(location.hash.slice(1));
  if (target instanceof HTMLDetailsElement) target.open = true;
}
addEventListener('hashchange', openTarget);

fill(form.run, known.runs.map(run => [run.name, run.label]), known.runs.length > 1 ? 'every run' : '');
form.run.value = known.runs[0].name;
form.hidden = false;
offer();
show();
openTarget();
