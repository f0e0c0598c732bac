// Sets everything going.

const started = new Set();

/** Choose a node from anywhere, and go there. */
function choose(model, graph, node, target) {
  const timeline = Timeline.find(model.number, graph);
  timeline.choose(node, target >= 0 ? target : timeline.target);
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  timeline.figure.scrollIntoView({ behavior: still ? 'auto' : 'smooth', block: 'start' });
  timeline.ribbons[timeline.target].focus({ preventScroll: true });
}

/** Go to the node that an address names: `#m0-g0-n28`. */
function follow(address, target = -1) {
  const named = /^#m(\d+)-g(\d+)-n(\d+)$/.exec(address);
  if (!named) return false;
  const [model, graph, node] = named.slice(1).map(Number);
  if (!document.getElementById(`data-${model}`)) return false;
  const section = document.getElementById(`m${model}`);
  if (section.tagName === 'DETAILS') section.open = true;
  startModel(section);
  const found = Model.of(model);
  if (!(graph in found.graphs) || node >= found.nodes(graph)) return false;
  choose(found, graph, node, target);
  return true;
}

/** Open whatever an address leads into, and what that is in. */
function open(address) {
  let element = address.length > 1 && document.getElementById(address.slice(1));
  while (element) {
    if (element.tagName === 'DETAILS') element.open = true;
    element = element.parentElement;
  }
}

/** Set one model going, once. */
function startModel(section) {
  const number = Number(section.dataset.model);
  if (started.has(number) || !document.getElementById(`data-${number}`)) return;
  started.add(number);
  const model = Model.of(number);
  for (const figure of section.querySelectorAll('.timeline')) {
    if (figure.querySelector('.tracks')) new Timeline(figure, model);
  }
  for (const details of section.querySelectorAll('.finding')) new FindingCard(details, model);
  for (const button of section.querySelectorAll('.all-pieces')) {
    button.addEventListener('click', () => showAllPieces(button, model));
  }
  new NodeList(section.querySelector('.nodes'), model);
}

for (const element of document.querySelectorAll('.needs-script')) element.hidden = false;
startTheme();
for (const section of document.querySelectorAll('.model')) {
  if (section.tagName === 'DETAILS') section.addEventListener('toggle', () => startModel(section));
  else startModel(section);
}
for (const button of document.querySelectorAll('.copy')) {
  button.addEventListener('click', () => copyCommand(button));
}
document.addEventListener('click', (event) => {
  const link = event.target.closest('a[href^="#"]');
  if (!link) return;
  const address = link.getAttribute('href');
  open(address);
  if (follow(address, Number(link.dataset.target ?? -1))) {
    event.preventDefault();
    history.replaceState(null, '', address);
  }
});
const unfolded = [];
addEventListener('beforeprint', () => {
  for (const section of document.querySelectorAll('section.model, .model[open]')) {
    startModel(section);
  }
  for (const each of document.querySelectorAll('.finding, .target')) {
    if (each.open) continue;
    each.open = true;
    unfolded.push(each);
  }
  for (const card of FindingCard.all) card.show();
});
addEventListener('afterprint', () => {
  for (const each of unfolded.splice(0)) each.open = false;
});
new Filters(document.querySelector('.filters'));
open(location.hash);
follow(location.hash);
