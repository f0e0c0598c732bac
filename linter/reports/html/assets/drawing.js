// The few nodes around one node, as a picture.

const BOX = { width: 152, height: 42, column: 176, row: 88, top: 22 };
const LETTER = 6.7; // the width of a letter of a tensor's label

/** Draw what is around a node; `pick` is called with a node that the reader chooses there. */
function drawAround(model, graph, node, target, pick) {
  const [offsets, columns, ranks, edges, leftOut] =
    model.sketches[model.graphs[graph].sketch[node]];
  const at = (number) => ({
    x: 4 + columns[number] * BOX.column,
    y: BOX.top + ranks[number] * BOX.row,
  });
  const told = labels(model, graph, node, offsets, edges, at);
  const bends = edges.flatMap(([, , , ...columns]) => columns);
  const width = Math.max(
    8 + Math.max(...columns, ...bends) * BOX.column + BOX.width,
    ...told.map((text) => Number(text.getAttribute('x')) + LETTER * text.textContent.length + 4),
  );
  const height = 2 * BOX.top + Math.max(...ranks) * BOX.row + BOX.height;
  const picture = draw('svg', {
    class: 'drawing',
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    role: 'group',
    'aria-label': `The nodes around node ${node}`,
  });
  picture.append(...lines(edges, at, ranks), ...told);
  for (const [number, above, below] of leftOut) picture.append(...stubs(at(number), above, below));
  offsets.forEach((offset, number) => {
    picture.append(box(model, graph, node + offset, target, at(number), offset === 0, pick));
  });
  return picture;
}

/** Edges; where several end at one box they end side by side. */
function lines(edges, at, ranks) {
  const readers = new Map();
  edges.forEach(([source, reader], number) => {
    if (!readers.has(reader)) readers.set(reader, []);
    readers.get(reader).push([at(source).x, number]);
  });
  const ends = new Map();
  for (const arriving of readers.values()) {
    arriving.sort((one, other) => one[0] - other[0]);
    const step = Math.min(26, BOX.width / (arriving.length + 1));
    arriving.forEach(([, number], place) => {
      ends.set(number, (place - (arriving.length - 1) / 2) * step);
    });
  }
  return edges.map(([source, reader, , ...bends], number) => {
    const from = at(source);
    const to = at(reader);
    const points = [[from.x + BOX.width / 2, from.y + BOX.height]];
    bends.forEach((column, step) => {
      const x = 4 + column * BOX.column + BOX.width / 2;
      const y = BOX.top + (ranks[source] + 1 + step) * BOX.row;
      points.push([x, y], [x, y + BOX.height]);
    });
    points.push([to.x + BOX.width / 2 + ends.get(number), to.y]);
    return draw('path', { class: 'edge', d: curve(points) });
  });
}

function curve(points) {
  let path = `M${points[0].join(' ')}`;
  for (let at = 1; at < points.length; at += 1) {
    const [[x, y], [nextX, nextY]] = [points[at - 1], points[at]];
    const middle = (y + nextY) / 2;
    path += x === nextX ? `V${nextY}` : `C${x} ${middle} ${nextX} ${middle} ${nextX} ${nextY}`;
  }
  return path;
}

/** The tensors, each once, where it leaves its producer. */
function labels(model, graph, node, offsets, edges, at) {
  const told = new Map();
  for (const [source, , slot] of edges) {
    const text = model.results(graph, node + offsets[source])[slot].replace(' float32', '');
    if (!told.has(source)) told.set(source, new Set());
    told.get(source).add(text);
  }
  return [...told].map(([source, texts]) => {
    const { x, y } = at(source);
    const [text, ...more] = texts;
    const said = more.length ? `${text} and ${more.length} more` : text;
    const place = { class: 'tensor', x: x + BOX.width / 2 + 7, y: y + BOX.height + 15 };
    return draw('text', place, clipped(said, 24));
  });
}

/** What is not drawn: a short line with its number. */
function stubs({ x, y }, above, below) {
  const middle = x + BOX.width - 24;
  const found = [];
  for (const [number, start, end, line] of [
    [above, y - 12, y, y - 8],
    [below, y + BOX.height, y + BOX.height + 12, y + BOX.height + 15],
  ]) {
    if (number) {
      found.push(
        draw('path', { class: 'stub', d: `M${middle} ${start}V${end}` }),
        draw('text', { class: 'stub', x: middle + 5, y: line }, `+${number}`),
      );
    }
  }
  return found;
}

function box(model, graph, node, target, { x, y }, chosen, pick) {
  const op = model.op(graph, node);
  const kind = target >= 0 ? model.kind(target, graph, node) : null;
  const refused = target >= 0 && model.refused(target, graph, node);
  const said = [`node ${node}`, op, kind?.label, refused ? 'refused' : null];
  const choose = () => pick(node);
  return draw(
    'g',
    {
      class: ['box', chosen && 'chosen', refused && 'refused'].filter(Boolean).join(' '),
      transform: `translate(${x} ${y})`,
      role: 'button',
      tabindex: '0',
      'aria-current': chosen ? 'true' : null,
      onclick: choose,
      onkeydown: (event) => {
        if (event.key === 'Enter' || event.key === ' ') {
          event.preventDefault();
          choose();
        }
      },
    },
    draw('title', {}, said.filter(Boolean).join(', ')),
    draw('rect', { class: 'frame', width: BOX.width, height: BOX.height, rx: 5 }),
    kind && draw('rect', { class: `k-${kind.name}`, x: 0, y: 5, width: 4, height: BOX.height - 10 }),
    draw('text', { class: 'op', x: 12, y: 18 }, clipped(op, 19)),
    draw('text', { class: 'number', x: 12, y: 33 }, `node ${node}`),
    refused && draw('text', { class: 'badge', x: BOX.width - 8, y: 33 }, 'refused'),
  );
}

const clipped = (text, room) => (text.length > room ? `${text.slice(0, room - 1)}…` : text);
