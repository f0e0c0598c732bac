// Lists that are too long to write down: nodes of a model, pieces of a cut, places of a finding.

const PAGE = 100;
const FIGURES = new Set(['node', 'MACs']);

/** The nodes of a model, a page at a time. */
class NodeList {
  static all = [];

  constructor(details, model) {
    this.details = details;
    this.model = model;
    this.box = details.querySelector('.list');
    this.page = 0;
    this.filter = { words: '', who: '', key: '' };
    NodeList.all.push(this);
    details.addEventListener('toggle', () => this.show());
  }

  narrow(filter) {
    this.filter = filter;
    this.page = 0;
    this.show();
  }

  #passing() {
    const { words, who, key } = this.filter;
    const named = key === '' ? null : shared.targets[key];
    const targets = this.model.targets.flatMap((target, number) =>
      named === null || target.name === named ? [number] : [],
    );
    const found = [];
    this.model.graphs.forEach((graph, number) => {
      graph.op.forEach((op, node) => {
        const text = `${node} ${this.model.ops[op]} ${graph.name[node]}`.toLowerCase();
        const there = (target) => this.model.kind(target, number, node).name === who;
        if (text.includes(words) && (!who || targets.some(there))) found.push([number, node]);
      });
    });
    return [found, targets];
  }

  show() {
    if (!this.details.open) return;
    const [found, targets] = this.#passing();
    const start = this.page * PAGE;
    const rows = found.slice(start, start + PAGE).map(([graph, node]) => this.#row(graph, node, targets));
    const names = targets.map((target) => this.model.targets[target].name);
    const head = ['node', 'operator', 'name', 'result', 'MACs', ...names].map((text) =>
      make('th', { scope: 'col', class: FIGURES.has(text) ? 'number' : null }, text),
    );
    const table = make(
      'table',
      {},
      make('thead', {}, make('tr', {}, ...head)),
      make('tbody', {}, ...rows),
    );
    const label = `Nodes ${rows.length ? start + 1 : 0} to ${start + rows.length} of ${count(found.length)}`;
    this.box.replaceChildren(
      make('div', { class: 'pager' }, make('span', { role: 'status' }, label), ...(found.length > PAGE ? [this.#turn(-1, this.page > 0), this.#turn(1, start + PAGE < found.length)] : [])),
      make('div', { class: 'table', role: 'region', tabindex: '0', 'aria-label': label }, table),
    );
  }

  #turn(by, more) {
    return make(
      'button',
      {
        type: 'button',
        disabled: !more,
        onclick: () => {
          this.page += by;
          this.show();
          this.box.querySelector('button:not(:disabled)')?.focus();
        },
      },
      by < 0 ? 'Previous' : 'Next',
    );
  }

  #row(graph, node, targets) {
    const { model } = this;
    const own = model.graphs[graph];
    const place = model.graphs.length > 1 ? `${graph}:${node}` : `${node}`;
    return make(
      'tr',
      {},
      make('td', { class: 'number' }, make('a', { href: `#m${model.number}-g${graph}-n${node}` }, place)),
      make('td', {}, make('code', {}, make('bdi', {}, model.op(graph, node)))),
      make('td', { class: 'name' }, make('bdi', {}, own.name[node])),
      make('td', {}, ...model.results(graph, node).map((text) => make('code', {}, text))),
      make('td', { class: 'number' }, own.macs[node] === 0 ? '' : macs(own.macs[node])),
      ...targets.map((target) => {
        const kind = model.kind(target, graph, node);
        return make('td', { class: 'who' }, patch(kind), ` ${kind.label}`);
      }),
    );
  }
}

/** Write down all pieces of a cut in place of the first few. */
function showAllPieces(button, model) {
  const cut = button.closest('.target');
  const table = button.closest('.more').previousElementSibling.querySelector('table');
  const graph = Number(table.dataset.graph);
  const own = model.targets[Number(cut.dataset.target)].graphs[graph];
  const nodes = own.pieces.map(() => []);
  own.piece.forEach((piece, node) => {
    if (piece >= 0) nodes[piece].push(node);
  });
  const body = table.tBodies[0];
  const written = body.rows.length;
  const figure = (text) => make('td', { class: 'number' }, text);
  own.pieces.slice(written).forEach(([letter, bytesIn, bytesOut], number) => {
    const piece = written + number;
    const kind = KINDS.get(letter);
    const called = { cpu: 'CPU', left: 'CPU (left behind)' }[kind.name] ?? own.path;
    const where = make(
      'a',
      { class: 'goto', href: `#m${model.number}-g${graph}-n${nodes[piece][0]}` },
      ranges(nodes[piece], 6),
    );
    body.append(
      make(
        'tr',
        {},
        figure(count(piece + 1)),
        make('td', {}, patch(kind), ` ${called}`),
        figure(count(nodes[piece].length)),
        make('td', {}, where),
        figure(size(bytesIn)),
        figure(size(bytesOut)),
      ),
    );
  });
  button.closest('.more').remove();
  body.rows[written].querySelector('a').focus();
}

/** Ascending positions in short form, cut after some entries. */
function ranges(numbers, limit) {
  const found = [];
  for (const number of numbers) {
    const last = found.at(-1);
    if (last && number === last[1] + 1) last[1] = number;
    else found.push([number, number]);
  }
  const shown = found.slice(0, limit);
  const text = shown.map(([a, b]) => (a === b ? `${a}` : `${a}-${b}`)).join(', ');
  const left = found.slice(limit).reduce((sum, [a, b]) => sum + b - a + 1, 0);
  return left ? `${text} and ${count(left)} more` : text;
}
