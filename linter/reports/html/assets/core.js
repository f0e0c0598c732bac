// What all parts share: making elements, and asking the data of a model.

const SVG = 'http://www.w3.org/2000/svg';
const shared = JSON.parse(document.getElementById('shared').textContent);
const KINDS = new Map(
  shared.kinds.map(([letter, name, label, meaning]) => [letter, { name, label, meaning }]),
);

/** Make an element; properties that start with `on` are listeners. Text is never markup. */
function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Make an element of a drawing. */
function draw(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null && child !== '' && child !== false));
  return element;
}

const count = (number) => number.toLocaleString('en-US');
const plural = (number, noun) => `${count(number)} ${noun}${number === 1 ? '' : 's'}`;

/** Bytes in binary magnitude, as the rest of the page has them. */
function size(bytes) {
  if (bytes == null) return 'unknown size';
  const steps = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
  let step = 0;
  let scaled = bytes;
  while (scaled >= 1023.5 && step < steps.length - 1) {
    scaled /= 1024;
    step += 1;
  }
  return step ? `${Number(scaled.toPrecision(3))} ${steps[step]}B` : `${bytes} B`;
}

/** Multiply-accumulates in their natural magnitude. */
function macs(number) {
  if (number == null) return 'unknown';
  const steps = ['', 'K', 'M', 'G', 'T', 'P', 'E'];
  let step = 0;
  let scaled = number;
  while (scaled >= 999.5 && step < steps.length - 1) {
    scaled /= 1000;
    step += 1;
  }
  return `${step ? Number(scaled.toPrecision(3)) : number} ${steps[step]}MAC`;
}

/** Pairs of a number and how often it comes in a row, as the numbers. */
function unrolled(pairs) {
  const found = [];
  for (let at = 0; at < pairs.length; at += 2) {
    for (let left = pairs[at + 1]; left > 0; left -= 1) found.push(pairs[at]);
  }
  return found;
}

/** One model's data; read when it is first asked for. */
class Model {
  static #known = new Map();

  static of(number) {
    if (!Model.#known.has(number)) Model.#known.set(number, new Model(number));
    return Model.#known.get(number);
  }

  constructor(number) {
    this.number = number;
    Object.assign(this, JSON.parse(document.getElementById(`data-${number}`).textContent));
    for (const target of this.targets) {
      for (const graph of target.graphs) {
        graph.piece = unrolled(graph.piece);
        graph.why = unrolled(graph.why);
      }
    }
  }

  nodes(graph) {
    return this.graphs[graph].op.length;
  }

  op(graph, node) {
    return this.ops[this.graphs[graph].op[node]];
  }

  kind(target, graph, node) {
    return KINDS.get(this.targets[target].graphs[graph].who[node]);
  }

  /** What a target says of a node: its status, and reasons and cautions with their sources. */
  why(target, graph, node) {
    const number = this.targets[target].graphs[graph].why[node];
    return number < 0 ? ['supported', []] : this.reasons[number];
  }

  refused(target, graph, node) {
    return this.why(target, graph, node)[0] === 'unsupported';
  }

  /** Results of a node, as texts. */
  results(graph, node) {
    return this.graphs[graph].out[node].map((text) => this.texts[text]);
  }
}

/** A source as text with links. */
function cited(parts) {
  return make(
    'cite',
    {},
    ...parts.map(([text, address]) =>
      address ? make('a', { href: address, rel: 'noopener noreferrer' }, text) : text,
    ),
  );
}

/** A patch of the colour of who runs something. */
function patch(kind) {
  return draw(
    'svg',
    { width: 10, height: 10, 'aria-hidden': 'true' },
    draw('rect', { class: `k-${kind.name}`, width: 10, height: 10 }),
  );
}
