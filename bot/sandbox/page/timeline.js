// What the product told by its notes, thread by thread, with the trouble on the way, and its gauges.

import { get } from "./api.js";
import { element } from "./dom.js";
import { exactly, rawLink } from "./raw.js";

const GLYPHS = {
  order_placed: "🛒", restaurant_notified: "🔔", order_accepted: "👩‍🍳", user_notified: "💬", order_ready: "🛎",
  order_fulfilled: "✅", order_declined: "🙅", order_cancelled: "✖", order_expired: "⌛", order_not_collected: "🚫",
  reminder_due: "⏰", answer_time_extended: "⏳", user_unreachable: "📵", restaurant_unreachable: "📵",
};
const ALARMING = /unreachable|expired|declined|cancelled|not_collected/;
const THREADS = 20; // the newest ones
const TROUBLES = 200; // at first, the newest ones

// `order_placed` as people would write it; `sendMessage` is a name.
const words = (title) => (/^[a-z]+[A-Z]/.test(title) ? title : title[0].toUpperCase() + title.slice(1)).replaceAll("_", " ");

// The same trouble again, though the seconds to wait may be others.
const kindOf = (title) => title.replace(/ in [\d.]+ s$/, "");

function delay(seconds) {
  if (seconds < 1) return `+${Math.round(seconds * 1000)} ms`;
  return seconds < 60 ? `+${seconds.toFixed(2)} s` : `+${Math.round(seconds / 60)} min`;
}

export class Timeline {
  constructor(list, gauges) {
    this.list = list;
    this.empty = list.querySelector(".empty");
    this.gaugeBox = gauges;
    this.forget();
  }

  // Another sandbox counts anew.
  forget() {
    this.threads = new Map(); // by name, the one of the newest event last
    this.seen = { notes: 0, troubles: 0 };
    this.list.replaceChildren(this.empty);
  }

  async load() {
    this.meanwhile = []; // what the answers may not know of yet
    const [notes, troubles, gauges] = await Promise.all(["notes", "troubles", "gauges"].map((path) => get(path)));
    const missed = this.meanwhile;
    this.meanwhile = undefined;
    this.forget();
    const told = [...notes.map((one) => ["notes", one]), ...troubles.slice(-TROUBLES).map((one) => ["troubles", one])];
    told.sort(([, one], [, other]) => one.at - other.at);
    // All are told before any is counted as seen: by their times they are not in the order of their numbers.
    const rows = told.map(([, one]) => this.tell(one));
    const newest = [...this.threads.values()].at(-1);
    this.threads.forEach((thread) => (thread.box.open = thread === newest));
    rows.at(-1)?.scrollIntoView({ block: "nearest" });
    this.seen = { notes: notes.at(-1)?.seq ?? 0, troubles: troubles.at(-1)?.seq ?? 0 };
    missed.forEach(([journal, one]) => this.hear(journal, one));
    this.gauges(gauges.values);
  }

  get isEmpty() { return !this.seen.notes; }

  add(note) { this.hear("notes", note); }
  addTrouble(trouble) { this.hear("troubles", trouble); }

  hear(journal, one) {
    if (this.meanwhile) return this.meanwhile.push([journal, one]);
    if (one.seq <= this.seen[journal]) return;
    this.seen[journal] = one.seq;
    this.tell(one).scrollIntoView({ block: "nearest" });
  }

  // Returns the row where it stands.
  tell(one) {
    const thread = this.threadOf(one.thread);
    if (!one.thread && thread.trouble?.kind === kindOf(one.title)) return this.again(thread.trouble, one);
    const row = this.row(one, thread.last);
    if (one.thread) thread.last = one.at;
    thread.trouble = one.thread ? undefined : { kind: kindOf(one.title), row, times: 1 };
    thread.rows.append(row);
    return row;
  }

  // What repeats is one row, with how often and when last.
  again(trouble, { title, at }) {
    trouble.times += 1;
    trouble.row.querySelector(".what").textContent = words(title);
    trouble.row.querySelector("time").replaceWith(moment(at));
    trouble.row.querySelector(".delay").textContent = `× ${trouble.times}`;
    return trouble.row;
  }

  // `last` is when the event before it was, if there was one.
  row(one, last) {
    const row = element("li", !one.thread ? "trouble" : ALARMING.test(one.title) ? "alarm" : "");
    const glyph = element("span", "glyph", one.thread ? GLYPHS[one.title] ?? "•" : "⚡");
    glyph.setAttribute("aria-hidden", "true");
    const since = one.thread && last !== undefined ? delay(Math.max(0, one.at - last)) : "";
    const links = element("span", "links");
    if (one.link) links.append(Object.assign(element("a", "raw", "↗"), { href: one.link, target: "_blank", rel: "noopener noreferrer", ariaLabel: `More on ${one.title}` }));
    if (Object.keys(one.details ?? {}).length) links.append(rawLink(one.title, one, `/control/notes/${one.seq}`));
    const what = element("span", "what", words(one.title));
    what.title = one.title; // exactly as it is called
    row.append(glyph, what, moment(one.at), element("span", "delay", since), links);
    return row;
  }

  // The thread, open and on top. What belongs to no order stands in the newest one, where it happened.
  threadOf(name) {
    const newest = [...this.threads.keys()].at(-1);
    const title = name || newest || "What people did";
    if (!this.threads.has(title)) this.begin(title);
    else if (title !== newest) this.raise(title);
    const thread = this.threads.get(title);
    thread.box.open = true;
    return thread;
  }

  begin(title) {
    this.empty.remove();
    const newest = [...this.threads.values()].at(-1);
    if (newest) newest.box.open = false;
    const box = element("details");
    const rows = element("ol", "events");
    box.append(element("summary", "", title), rows);
    this.list.prepend(box);
    this.threads.set(title, { box, rows });
    if (this.threads.size > THREADS) this.forgetOldest();
  }

  raise(title) {
    const thread = this.threads.get(title);
    this.threads.delete(title);
    this.threads.set(title, thread);
    const focused = thread.box.contains(document.activeElement) && document.activeElement;
    this.list.prepend(thread.box);
    if (focused) focused.focus({ preventScroll: true }); // moving it took the focus away
  }

  forgetOldest() {
    const [title, { box }] = this.threads.entries().next().value;
    box.remove();
    this.threads.delete(title);
  }

  gauges(values) {
    this.gaugeBox.replaceChildren(...Object.entries(values).map(([name, number]) => {
      const gauge = element("span", number ? "gauge busy" : "gauge");
      gauge.append(element("b", "", String(number)), ` ${name}`);
      return gauge;
    }));
  }
}

function moment(at) {
  const time = element("time", "", exactly(at));
  time.dateTime = new Date(at * 1000).toISOString();
  return time;
}
