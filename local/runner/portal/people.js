// The table of people: one page at a time, by the API's cursors.

const LIMIT = 25;
const TYPING_MS = 250;
const TONES = 6;

const $ = (id) => document.getElementById(id);
const numbers = new Intl.NumberFormat('en');
const distances = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const UNITS = [['day', 86_400], ['hour', 3600], ['minute', 60]];

/** How long ago, as a person would say it. */
export function ago(from, now) {
  const seconds = (new Date(from) - now) / 1000;
  const [unit, length] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? [];
  return unit ? distances.format(Math.round(seconds / length), unit) : 'just now';
}

function initials(name) {
  const words = name.trim().split(/\s+/);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : words;
  return letters.map((word) => [...word][0] ?? '').join('').toUpperCase();
}

export function avatar(name, id) {
  const face = document.createElement('span');
  const tone = [...id].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 9973, 7) % TONES;
  face.className = `avatar tone-${tone}`;
  face.ariaHidden = 'true';
  face.textContent = initials(name);
  return face;
}

/** Puts the photo in place of the initials, where there is one. */
async function reveal(photo, face) {
  const picture = await photo.catch(() => undefined);
  if (!picture || !face.isConnected) return;
  const image = new Image();
  image.alt = '';
  image.src = URL.createObjectURL(picture);
  await image.decode().then(() => face.replaceChildren(image), () => {});
  URL.revokeObjectURL(image.src);
}

function cell(text) {
  const td = document.createElement('td');
  td.textContent = text ?? '–';
  td.className = text ? '' : 'none';
  td.dir = 'auto';
  return td;
}

function row({ id, attributes, manager, changed_at }, now) {
  const name = attributes.displayName ?? attributes.userPrincipalName ?? id;
  const tr = document.createElement('tr');
  const person = document.createElement('div');
  const words = document.createElement('div');
  const [bold, mail] = [document.createElement('b'), document.createElement('span')];
  bold.textContent = name;
  bold.dir = 'auto';
  mail.textContent = attributes.mail ?? attributes.userPrincipalName ?? '';
  mail.className = 'mail';
  mail.title = mail.textContent;
  words.append(bold, mail);
  person.className = 'person';
  person.append(avatar(name, id), words);
  const first = document.createElement('td');
  first.append(person);
  const changed = cell(ago(changed_at, now));
  changed.title = new Date(changed_at).toLocaleString('en');
  tr.append(first, cell(attributes.jobTitle), cell(attributes.department), cell(manager?.display_name), changed);
  tr.dataset.person = id;
  return tr;
}

export class People {
  #caller;
  #connection;
  /** Cursors of the pages before and of this one; the first has none. */
  #cursors = [undefined];
  #next;
  #asked = 0;
  #now = () => Date.now();

  constructor(now) {
    this.#now = now;
    let typing;
    $('people-search').addEventListener('input', () => {
      clearTimeout(typing);
      typing = setTimeout(() => this.#turn([undefined]), TYPING_MS);
    });
    $('people-next').addEventListener('click', () => this.#turn([...this.#cursors, this.#next]));
    $('people-previous').addEventListener('click', () => this.#turn(this.#cursors.slice(0, -1)));
  }

  /** Shows another customer's people. */
  show(caller) {
    this.#caller = caller;
    this.#connection = undefined;
    $('people-search').value = '';
    $('people').tBodies[0].replaceChildren();
    return this.#turn([undefined]);
  }

  reload() {
    return this.#turn(this.#cursors);
  }

  async #turn(cursors) {
    const asked = ++this.#asked;
    $('people').setAttribute('aria-busy', 'true');
    try {
      const page = await this.#fetch(cursors.at(-1));
      if (asked !== this.#asked) return;
      this.#cursors = cursors;
      this.#draw(page);
    } catch (error) {
      if (asked === this.#asked) this.#draw({ people: [], problem: `The people cannot be shown: ${error.message}.` });
    } finally {
      if (asked === this.#asked) $('people').setAttribute('aria-busy', 'false');
    }
  }

  /** A page may be short although more follow, where few of many match a search: it is filled up. */
  async #fetch(from) {
    const caller = this.#caller;
    this.#connection ??= (await caller.get('/v1/connections')).connections[0]?.id;
    if (!this.#connection) return { people: [] };
    const search = $('people-search').value.trim();
    const [people, query] = [[], new URLSearchParams({ ...(search && { search }) })];
    let page;
    let cursor = from;
    do {
      query.set('limit', LIMIT - people.length);
      if (cursor) query.set('cursor', cursor);
      page = await caller.get(`/v1/connections/${this.#connection}/people?${query}`);
      people.push(...page.people);
      cursor = page.next_cursor;
    } while (cursor && people.length < LIMIT);
    return { ...page, people };
  }

  #photo(person) {
    return this.#caller.picture(`/v1/connections/${this.#connection}/people/${person}/photo`);
  }

  #draw({ people, data, next_cursor: next, problem }) {
    const search = $('people-search').value.trim();
    const before = (this.#cursors.length - 1) * LIMIT;
    const shown = before + people.length;
    this.#next = next;
    $('people').tBodies[0].replaceChildren(...people.map((person) => row(person, this.#now())));
    for (const tr of $('people').tBodies[0].rows) reveal(this.#photo(tr.dataset.person), tr.querySelector('.avatar'));
    $('people').hidden = people.length === 0;
    $('people-empty').hidden = people.length > 0;
    $('people-empty').textContent = problem ?? (search ? `Nobody is called “${search}”.` : 'No people yet. They appear here once Microsoft 365 is connected.');
    $('people-count').textContent = search ? `${numbers.format(shown)}${next ? '+' : ''} found` : `${numbers.format(data?.people ?? 0)} people`;
    $('people-age').textContent = data?.as_of ? ` · as of ${ago(data.as_of, this.#now())}${data.stale_since ? ', not updated since' : ''}` : '';
    $('people-place').textContent = people.length > 0 ? `${numbers.format(before + 1)}–${numbers.format(shown)}${search ? '' : ` of ${numbers.format(data.people)}`}` : '';
    $('people-next').disabled = !next;
    $('people-previous').disabled = this.#cursors.length === 1;
  }
}
