// All there is to know of the chosen node.

function showPanel(timeline) {
  const { model, graph, node, target, panel } = timeline;
  const hadFocus = panel.contains(document.activeElement);
  panel.hidden = false;
  panel.tabIndex = -1;
  panel.replaceChildren(
    make(
      'div',
      { class: 'around' },
      drawAround(model, graph, node, target, (other) => timeline.choose(other)),
    ),
    make('div', { class: 'facts' }, ...facts(timeline)),
  );
  if (hadFocus) panel.querySelector('.box.chosen').focus({ preventScroll: true });
  centre(panel.querySelector('.around'));
}

/** Scroll a drawing so that the chosen node is in the middle. */
function centre(around) {
  const chosen = around.querySelector('.box.chosen');
  const [frame, box] = [around.getBoundingClientRect(), chosen.getBoundingClientRect()];
  around.scrollLeft += box.left + box.width / 2 - frame.left - frame.width / 2;
}

function facts(timeline) {
  const { model, graph, node } = timeline;
  const own = model.graphs[graph];
  const name = own.name[node];
  const list = make('dl');
  const row = (label, ...children) =>
    list.append(make('div', {}, make('dt', {}, label), make('dd', {}, ...children)));
  if (name) row('name', make('bdi', {}, name));
  row('reads', ...operands(timeline));
  row('writes', ...model.results(graph, node).map((text) => make('code', {}, text)));
  row('multiplies', own.macs[node] === 0 ? 'nothing' : macs(own.macs[node]));
  if (own.alive) row('alive then', size(own.alive[node]));
  return [
    make(
      'header',
      {},
      make('h4', {}, make('span', {}, `node ${node}`), ' ', make('code', {}, make('bdi', {}, model.op(graph, node)))),
      step(timeline, -1, 'Previous node', '←'),
      step(timeline, 1, 'Next node', '→'),
    ),
    list,
    verdicts(timeline),
  ];
}

function step(timeline, by, label, sign) {
  const next = timeline.node + by;
  return make(
    'button',
    {
      type: 'button',
      'aria-label': label,
      'data-step': by,
      disabled: next < 0 || next >= timeline.length,
      onclick: () => {
        timeline.choose(next);
        const again = timeline.panel.querySelector(`[data-step="${by}"]`);
        (again.disabled ? timeline.panel : again).focus({ preventScroll: true });
      },
    },
    sign,
  );
}

function operands(timeline) {
  const { model, graph, node } = timeline;
  const flat = model.graphs[graph].in[node];
  const found = [];
  for (let at = 0; at < flat.length; at += 2) {
    const [origin, text] = [flat[at], model.texts[flat[at + 1]]];
    if (origin === -3) {
      found.push(make('span', { class: 'quiet' }, 'left out'));
      continue;
    }
    const from =
      origin >= 0
        ? make(
            'button',
            { type: 'button', class: 'link', onclick: () => timeline.choose(origin) },
            `node ${origin}`,
          )
        : make('span', { class: 'quiet' }, origin === -1 ? 'constant' : 'input');
    found.push(make('span', {}, make('code', {}, text), ' ', from));
  }
  return found.length ? found : [make('span', { class: 'quiet' }, 'nothing')];
}

function verdicts(timeline) {
  const { model, graph, node } = timeline;
  const list = make('ul', { class: 'verdicts' });
  model.targets.forEach((target, number) => {
    const kind = model.kind(number, graph, node);
    const [status, said] = model.why(number, graph, node);
    const piece = target.graphs[graph].piece[node];
    const how = [kind.label];
    if (piece >= 0) how.push(`piece ${piece + 1} of ${count(target.graphs[graph].pieces.length)}`);
    if (status === 'unsupported') how.push('refused');
    list.append(
      make(
        'li',
        { 'aria-current': number === timeline.target ? 'true' : null },
        make(
          'p',
          {},
          make(
            'button',
            {
              type: 'button',
              class: 'link',
              'aria-label': `Look at ${target.name}`,
              onclick: () => {
                timeline.choose(node, number);
                timeline.panel.querySelectorAll('.verdicts button')[number].focus({ preventScroll: true });
              },
            },
            target.name,
          ),
          ' ',
          make('span', { class: 'how', title: kind.meaning }, patch(kind), ` ${how.join(', ')}`),
        ),
        ...said.map(([word, message, source]) =>
          make(
            'p',
            { class: word ? 'caution' : 'reason' },
            word && make('b', {}, `${word} `),
            message,
            ' ',
            cited(source),
          ),
        ),
      ),
    );
  });
  return list;
}
