// Findings: their places as buttons, what is around each as a picture, commands to copy.

const CHIPS = 24;

/** Make a finding's places ones to go to, and draw the first when the finding is opened. */
class FindingCard {
  static all = [];

  constructor(details, model) {
    this.details = details;
    this.model = model;
    this.where = details.querySelector('.where');
    this.around = details.querySelector('.around');
    if (this.where === null || this.where.dataset.places === '[]') {
      this.around.remove();
      return;
    }
    FindingCard.all.push(this);
    details.addEventListener('toggle', () => this.show());
    this.show();
  }

  show() {
    if (!this.details.open || this.places) return;
    const unique = new Map(
      JSON.parse(this.where.dataset.places)
        .reverse()
        .map(([graph, node, target]) => [`${graph}:${node}`, { graph, node, target }]),
    );
    this.places = [...unique.values()].sort((a, b) => a.graph - b.graph || a.node - b.node);
    this.chips = this.places.slice(0, CHIPS).map((place, number) => this.#chip(place, number));
    const left = this.places.length - this.chips.length;
    this.where.replaceChildren(...this.chips, left ? ` and ${count(left)} more` : '');
    this.go(0);
  }

  #chip({ graph, node }, number) {
    const text = this.model.graphs.length > 1 ? `${graph}:${node}` : `${node}`;
    return make(
      'button',
      {
        type: 'button',
        class: 'chip',
        'aria-label': `Show node ${text}`,
        onclick: () => this.go(number),
      },
      text,
    );
  }

  /** Draw what is around one of the places. */
  go(number) {
    const { graph, node, target } = this.places[number];
    this.chips.forEach((chip, each) => chip.setAttribute('aria-pressed', each === number));
    const hadFocus = this.around.contains(document.activeElement);
    const on = target < 0 ? '' : ` on ${this.model.targets[target].name}`;
    this.around.replaceChildren(
      make(
        'p',
        { class: 'caption' },
        make('span', {}, `around node ${node}${on}`),
        this.#step(number, -1, 'Previous place', '←'),
        this.#step(number, 1, 'Next place', '→'),
        make(
          'a',
          { href: `#m${this.model.number}-g${graph}-n${node}`, 'data-target': target },
          'show in the ribbon',
        ),
      ),
      make(
        'div',
        { class: 'picture' },
        drawAround(this.model, graph, node, target, (other) => choose(this.model, graph, other, target)),
      ),
    );
    if (hadFocus) this.around.querySelector('button:not(:disabled), a').focus();
    centre(this.around.querySelector('.picture'));
  }

  #step(number, by, label, sign) {
    const next = number + by;
    return this.places.length < 2
      ? null
      : make(
          'button',
          {
            type: 'button',
            'aria-label': label,
            disabled: next < 0 || next >= this.places.length,
            onclick: () => this.go(next),
          },
          sign,
        );
  }
}

/** Bring the text of a command to the clipboard, and say that it is there. */
async function copyCommand(button) {
  const text = button.previousElementSibling.textContent;
  const done = await copied(text, button.previousElementSibling);
  button.textContent = done ? 'Copied' : 'Selected';
  setTimeout(() => {
    button.textContent = 'Copy';
  }, 1600);
}

async function copied(text, element) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Not allowed here: the reader's own keys will do.
    getSelection().selectAllChildren(element);
    return false;
  }
}
