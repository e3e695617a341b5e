// What stands in the shadow root around Yew's card: the skeleton, the cards for when there is no WebAssembly, the live regions.

import css from './style.css';

let sheet;
/** One style sheet for all elements; a strict content security policy allows it, unlike <style>. */
function shared() {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
  }
  return sheet;
}

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const bars = (...names) => names.map((name) => make('span', { class: `bone ${name}` }));

export class Frame {
  #words;
  #skeleton;
  #slow;
  #failure = make('div', { hidden: '' });
  #stage = make('div', { class: 'stages' });
  #polite = make('div', { class: 'unseen', role: 'status' });
  #urgent = make('div', { class: 'unseen', role: 'alert' });
  #spoken = [];

  constructor(root, words) {
    this.#words = words;
    root.adoptedStyleSheets = [shared()];
    this.#slow = make('p', { class: 'slow', hidden: '' });
    this.#skeleton = make(
      'div',
      { class: 'card skeleton', part: 'skeleton', 'aria-busy': 'true', hidden: '' },
      make('div', { class: 'head', 'aria-hidden': 'true' }, ...bars('emblem'), make('div', { class: 'title' }, ...bars('long', 'short'))),
      make('div', { 'aria-hidden': 'true', class: 'bones' }, ...bars('headline', 'text', 'text', 'button')),
      this.#slow,
    );
    root.append(this.#skeleton, this.#stage, this.#failure, this.#polite, this.#urgent);
  }

  skeleton(isShown) {
    this.#skeleton.hidden = !isShown;
    if (isShown) this.slow(undefined);
    if (isShown) this.#failure.hidden = true;
  }

  /** Ten seconds have passed: says so, and offers to try again. */
  slow(retry) {
    this.#slow.hidden = !retry;
    this.#slow.replaceChildren();
    if (!retry) return;
    const button = make('button', { type: 'button', class: 'quiet', part: 'secondary-button' }, this.#words.say('action.retry'));
    button.addEventListener('click', retry);
    this.#slow.append(make('span', {}, this.#words.say('loading.slow')), button);
    this.announce(this.#words.say('loading.slow'));
  }

  /** The language of the words, which need not be the page's. */
  speak(lang) {
    for (const part of [this.#skeleton, this.#stage, this.#failure, this.#polite, this.#urgent]) part.lang = lang;
  }

  stage(host) {
    this.#stage.replaceChildren(host);
  }

  clear() {
    this.#stage.replaceChildren();
  }

  /** A card that needs no WebAssembly. The default slot holds what the operator offers instead. */
  fail(code, row, level, retry) {
    const title = make(`h${level}`, { class: 'name', id: 'failure-name', part: 'heading' }, this.#words.say(`error.${row}.title`));
    const text = make('p', { class: 'explanation', part: 'error' }, this.#words.say(`error.${row}.text`));
    const reference = make('p', { class: 'reference', part: 'error-code' }, this.#words.say('error.reference', ['code', 'text', code]));
    const card = make('section', { class: 'card neutral', part: 'base', 'aria-labelledby': 'failure-name' });
    card.append(make('header', { class: 'head', part: 'header' }, make('div', { class: 'title' }, title)), text, make('slot'));
    if (retry) {
      const button = make('button', { type: 'button', class: 'button secondary', part: 'secondary-button' }, this.#words.say(retry.label));
      button.addEventListener('click', retry.action);
      card.append(make('div', { class: 'buttons' }, button));
    }
    card.append(reference);
    this.skeleton(false);
    this.clear();
    this.#failure.replaceChildren(card);
    this.#failure.hidden = false;
    this.announce(title.textContent, true);
  }

  /** Speaks to a screen reader; what is said at about the same time is said together. */
  announce(text, isUrgent = false) {
    this.#spoken.push([text, isUrgent]);
    if (this.#spoken.length > 1) return;
    setTimeout(() => {
      const spoken = this.#spoken.splice(0);
      for (const [region, urgency] of [[this.#polite, false], [this.#urgent, true]]) {
        const lines = spoken.filter(([, isUrgent]) => isUrgent === urgency).map(([line]) => line);
        if (lines.length > 0) region.replaceChildren(make('p', {}, lines.join(' ')));
      }
    }, 100);
  }
}
