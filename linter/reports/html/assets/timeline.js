// The figure of a graph in file order: pointing, going from node to node, zooming.

const WIDTH = 20000;
const ROOM = 2; // the least width of a run, in dots of the screen
const ZOOMS = [1, 2, 4, 8, 16, 32, 64];

class Timeline {
  static #all = new Map();

  static find(model, graph) {
    return Timeline.#all.get(`${model}-${graph}`);
  }

  constructor(figure, model) {
    this.figure = figure;
    this.model = model;
    this.graph = Number(figure.dataset.graph);
    this.length = model.nodes(this.graph);
    this.tracks = figure.querySelector('.tracks');
    this.scroll = figure.querySelector('.scroll');
    this.cursor = figure.querySelector('.cursor');
    this.panel = figure.querySelector('.panel');
    this.ribbons = [...figure.querySelectorAll('.ribbon')];
    this.node = null;
    this.target = 0;
    this.zoom = 0;
    Timeline.#all.set(`${model.number}-${this.graph}`, this);
    this.ribbons.forEach((ribbon, target) => this.#bind(ribbon, target));
    figure.querySelector('.memory')?.addEventListener('click', (event) => {
      this.choose(this.#under(event), this.target);
    });
    this.#bindControls();
    this.#bindTip();
  }

  #bind(ribbon, target) {
    const name = this.model.targets[target].name;
    ribbon.setAttribute('role', 'slider');
    ribbon.setAttribute('tabindex', '0');
    ribbon.setAttribute('aria-label', `${name}, node by node`);
    ribbon.setAttribute('aria-valuemin', '0');
    ribbon.setAttribute('aria-valuemax', this.length - 1);
    this.#value(ribbon, target, 0);
    ribbon.addEventListener('click', (event) => this.choose(this.#under(event), target));
    ribbon.addEventListener('keydown', (event) => this.#key(event, target));
  }

  #bindControls() {
    for (const radio of this.figure.querySelectorAll('input[type=radio]')) {
      radio.addEventListener('change', () => this.#place());
    }
    for (const button of this.figure.querySelectorAll('[data-zoom]')) {
      button.addEventListener('click', () => {
        this.#zoomTo(this.zoom + (button.dataset.zoom === 'in' ? 1 : -1));
      });
    }
    this.#zoomTo(0);
    new ResizeObserver(() => this.#settle()).observe(this.scroll);
  }

  #zoomTo(step) {
    this.zoom = Math.min(Math.max(step, 0), ZOOMS.length - 1);
    const factor = ZOOMS[this.zoom];
    this.tracks.style.width = `${factor * 100}%`;
    this.figure.querySelector('.zoom output').textContent = `${factor}×`;
    this.figure.querySelector('[data-zoom=out]').disabled = this.zoom === 0;
    this.figure.querySelector('[data-zoom=in]').disabled = this.zoom === ZOOMS.length - 1;
    this.#settle();
    if (this.node !== null) this.#reveal(true);
  }

  /** Draw runs where there is room for them, and shares where there is not. */
  #settle() {
    for (const ribbon of this.ribbons) {
      const room = ribbon.getBoundingClientRect().width / Number(ribbon.dataset.runs);
      const shares = ribbon.querySelector('.shares') !== null;
      ribbon.classList.toggle('crowded', shares && room < ROOM);
    }
  }

  /** Where nodes begin and end, in the width that is shown. */
  get edges() {
    if (this.figure.querySelector('input[value=macs]')?.checked) {
      return this.model.graphs[this.graph].edges;
    }
    return Array.from({ length: this.length + 1 }, (_, at) => (at * WIDTH) / this.length);
  }

  #under(event) {
    const box = this.tracks.getBoundingClientRect();
    const place = ((event.clientX - box.left) / box.width) * WIDTH;
    const { edges } = this;
    let [low, high] = [0, this.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (edges[middle] <= place) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #key(event, target) {
    const moves = {
      ArrowRight: () => this.node + 1,
      ArrowUp: () => this.node + 1,
      ArrowLeft: () => this.node - 1,
      ArrowDown: () => this.node - 1,
      PageUp: () => this.#border(target, 1),
      PageDown: () => this.#border(target, -1),
      Home: () => 0,
      End: () => this.length - 1,
    };
    if (event.key === 'Enter' && this.node !== null) {
      event.preventDefault();
      this.panel.focus();
      return;
    }
    if (!(event.key in moves) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    // The first key chooses the first node, or the last: there is none to move from yet.
    const next = this.node === null && event.key !== 'End' ? 0 : moves[event.key]();
    this.choose(Math.min(Math.max(next, 0), this.length - 1), target);
  }

  /** The first node of the next piece, or of this or the one before. */
  #border(target, step) {
    const pieces = this.model.targets[target].graphs[this.graph].piece;
    let at = this.node;
    if (step < 0 && at > 0) at -= 1;
    while (pieces[at + step] === pieces[at]) at += step;
    return step < 0 ? at : at + 1;
  }

  /** Choose a node: the cursor goes there, and the panel tells of it. */
  choose(node, target = this.target) {
    this.node = node;
    this.target = target;
    this.ribbons.forEach((ribbon, number) => {
      this.#value(ribbon, number, node);
      ribbon.closest('.lane').classList.toggle('chosen', number === target);
    });
    this.cursor.hidden = false;
    this.#place();
    this.#reveal(false);
    showPanel(this);
  }

  #value(ribbon, target, node) {
    const kind = this.model.kind(target, this.graph, node);
    const piece = this.model.targets[target].graphs[this.graph].piece[node];
    const said = [`node ${node}`, this.model.op(this.graph, node), kind.label];
    if (piece >= 0) said.push(`piece ${piece + 1}`);
    if (this.model.refused(target, this.graph, node)) said.push('refused');
    ribbon.setAttribute('aria-valuenow', node);
    ribbon.setAttribute('aria-valuetext', said.join(', '));
  }

  #place() {
    if (this.node === null) return;
    const { edges } = this;
    const percent = (place) => `${(place / WIDTH) * 100}%`;
    this.cursor.style.left = percent(edges[this.node]);
    this.cursor.style.width = percent(edges[this.node + 1] - edges[this.node]);
  }

  /** Bring the cursor into view; into the middle after zooming. */
  #reveal(middle) {
    const { edges, scroll } = this;
    const width = this.tracks.getBoundingClientRect().width;
    const left = (edges[this.node] / WIDTH) * width;
    const inside = left >= scroll.scrollLeft && left <= scroll.scrollLeft + scroll.clientWidth;
    if (middle || !inside) scroll.scrollLeft = left - scroll.clientWidth / 2;
  }

  #bindTip() {
    const tip = make('div', { class: 'tip', hidden: true, 'aria-hidden': 'true' });
    this.figure.append(tip);
    this.tracks.addEventListener('pointermove', (event) => {
      const lane = event.target.closest('.lane');
      tip.hidden = lane === null || event.target.closest('.name') !== null;
      if (tip.hidden) return;
      tip.replaceChildren(...this.#tipLines(this.#under(event), lane.dataset.target));
      const box = this.figure.getBoundingClientRect();
      const left = Math.min(event.clientX - box.left + 14, box.width - tip.offsetWidth - 4);
      tip.style.left = `${Math.max(left, 4)}px`;
      tip.style.top = `${lane.getBoundingClientRect().bottom - box.top + 6}px`;
    });
    this.tracks.addEventListener('pointerleave', () => {
      tip.hidden = true;
    });
  }

  #tipLines(node, target) {
    const { model, graph } = this;
    const lines = [make('b', {}, `${node} `, make('bdi', {}, model.op(graph, node)))];
    if (target === undefined) {
      lines.push(make('span', {}, `${size(model.graphs[graph].alive[node])} alive`));
      return lines;
    }
    const kind = model.kind(target, graph, node);
    const piece = model.targets[target].graphs[graph].piece[node];
    lines.push(make('span', {}, patch(kind), ` ${kind.label}`));
    if (piece >= 0) lines.push(make('span', {}, `piece ${piece + 1}`));
    if (model.refused(target, graph, node)) lines.push(make('span', {}, 'refused'));
    return lines;
  }
}
