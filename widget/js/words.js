// Puts lines into the reader's language: the browser's Intl does all the formatting.

import { messages } from './messages.js';

const MINUTE = 60_000;
const UNITS = [
  ['year', 365 * 24 * 60 * MINUTE],
  ['month', 30 * 24 * 60 * MINUTE],
  ['week', 14 * 24 * 60 * MINUTE, 7 * 24 * 60 * MINUTE],
  ['day', 24 * 60 * MINUTE],
  ['hour', 60 * MINUTE],
  ['minute', MINUTE],
];

const made = new Map();
/** Formatters are costly to make: one per kind, locale and options. */
function format(kind, locale, options) {
  const key = `${kind}|${locale}|${JSON.stringify(options)}`;
  if (!made.has(key)) made.set(key, new Intl[kind](locale, options));
  return made.get(key);
}

/** The locale if the browser knows its form, else what the browser prefers. */
export function accept(locale) {
  try {
    return Intl.getCanonicalLocales(locale)[0];
  } catch {
    return undefined;
  }
}

export class Words {
  /** @param {() => number} now the server's time in milliseconds */
  constructor(now) {
    this.now = now;
    this.locale = 'en';
    this.overrides = {};
  }

  /** @param {string} key @param {unknown[]} slots name, kind and value in turn */
  say(key, slots = []) {
    let row = this.overrides[key] ?? messages[key] ?? key;
    const gaps = {};
    let count = 0;
    for (let i = 0; i + 2 < slots.length; i += 3) {
      const [name, kind, value] = slots.slice(i, i + 3);
      if (name === 'count') count = value;
      gaps[name] = kind === 'text' ? value : kind === 'number' ? format('NumberFormat', this.locale).format(value) : this.time(value, kind);
    }
    if (typeof row === 'function') row = row(gaps);
    if (typeof row === 'object') row = row[format('PluralRules', this.locale).select(count)] ?? row.other ?? key;
    return String(row).replace(/\{(\w+)\}/g, (gap, name) => gaps[name] ?? gap);
  }

  /** @param {number} at @param {string} style day, moment, clock, distance, full or iso */
  time(at, style) {
    const date = new Date(at);
    if (style === 'iso') return date.toISOString();
    if (style === 'distance') return this.distance(at);
    if (style === 'full') return format('DateTimeFormat', this.locale, { dateStyle: 'full', timeStyle: 'long' }).format(date);
    const clock = { hour: 'numeric', minute: '2-digit' };
    const day = { day: 'numeric', month: style === 'day' ? 'long' : 'short' };
    if (date.getFullYear() !== new Date(this.now()).getFullYear()) day.year = 'numeric';
    const options = style === 'clock' ? clock : style === 'moment' ? { ...day, ...clock } : day;
    return format('DateTimeFormat', this.locale, options).format(date);
  }

  distance(at) {
    const away = at - this.now();
    const relative = format('RelativeTimeFormat', this.locale, { numeric: 'auto' });
    for (const [unit, least, length = least] of UNITS) {
      if (Math.abs(away) >= least) return relative.format(Math.trunc(away / length), unit);
    }
    return relative.format(0, 'second');
  }
}
