// Filters: what passes is shown, everything else is put away.

class Filters {
  constructor(form) {
    this.form = form;
    this.said = form.querySelector('.found');
    this.findings = [...document.querySelectorAll('.finding')].map((details) => ({
      details,
      text: ['summary', '.told']
        .map((part) => details.querySelector(part).textContent.toLowerCase())
        .join(' '),
      number: Number(details.dataset.number),
      keys: details.dataset.keys.split(' ').filter(Boolean),
      who: details.dataset.who.split(' '),
    }));
    let waiting = 0;
    for (const kind of ['input', 'change']) {
      form.addEventListener(kind, () => {
        clearTimeout(waiting);
        waiting = setTimeout(() => this.apply(), 80);
      });
    }
    form.addEventListener('reset', () => setTimeout(() => this.apply()));
    form.addEventListener('submit', (event) => event.preventDefault());
    this.apply();
  }

  apply() {
    const wanted = Object.fromEntries(new FormData(this.form));
    const words = wanted.text.trim().toLowerCase();
    const shown = this.findings.filter((each) => {
      const { severity, rule } = each.details.dataset;
      const passes =
        each.text.includes(words) &&
        (!wanted.severity || severity === wanted.severity) &&
        (!wanted.rule || rule === wanted.rule) &&
        (!wanted.target || !each.keys.length || each.keys.includes(wanted.target)) &&
        (!wanted.who || each.who.includes(wanted.who));
      each.details.hidden = !passes;
      return passes;
    });
    for (const rule of document.querySelectorAll('.rule')) {
      rule.hidden = rule.querySelector('.finding:not([hidden])') === null;
    }
    const about = Boolean(words || wanted.severity || wanted.rule || wanted.who);
    for (const model of document.querySelectorAll('.model')) {
      const none = model.querySelector('.finding:not([hidden])') === null;
      const nothing = model.querySelector('.nothing');
      if (nothing) nothing.hidden = !none || model.querySelector('.finding') === null;
      // Of many models those are left of which there is something to say.
      const away = model.tagName === 'DETAILS' && about && none;
      model.hidden = away;
      const row = document.querySelector(`.overview tr[data-model="${model.dataset.model}"]`);
      if (row) row.hidden = away;
    }
    for (const element of document.querySelectorAll('[data-key]')) {
      element.hidden = wanted.target !== '' && element.dataset.key !== wanted.target;
    }
    document.documentElement.dataset.who = wanted.who;
    for (const list of NodeList.all) {
      list.narrow({ words, who: wanted.who, key: wanted.target });
    }
    const active = Object.values(wanted).some((value) => value !== '');
    this.form.classList.toggle('active', active);
    const sum = (some) => some.reduce((total, each) => total + each.number, 0);
    this.said.textContent = active
      ? `${count(sum(shown))} of ${plural(sum(this.findings), 'finding')}`
      : '';
  }
}
