// What the product told by its notes, thread by thread, and its gauges.

import { get } from "./api.js";
import { element } from "./dom.js";
import { exactly, rawLink } from "./raw.js";

const GLYPHS = { order_placed: "🛒", restaurant_notified: "🔔", order_accepted: "👩‍🍳", user_notified: "💬", order_ready: "🛎", order_fulfilled: "✅" };
const THREADS = 20; // the newest ones

// `order_placed` as people would write it.
const words = (title) => title[0].toUpperCase() + title.slice(1).replaceAll("_", " ");

function delay(seconds) {
  if (seconds < 1) return `+${Math.round(seconds * 1000)} ms`;
  return seconds < 60 ? `+${seconds.toFixed(2)} s` : `+${Math.round(seconds / 60)} min`;
}

export class Timeline {
  constructor(list, gauges) {
    this.list = list;
    this.gaugeBox = gauges;
    this.threads = new Map();
    this.seq = 0;
  }

  async load() {
    for (const note of await get(`notes?after=${this.seq}`)) this.add(note);
    this.gauges((await get("gauges")).values);
  }

  get isEmpty() { return !this.threads.size; }

  add(note) {
    if (note.seq <= this.seq) return;
    this.seq = note.seq;
    this.list.querySelector(".empty")?.remove();
    const thread = this.threadOf(note.thread);
    const row = this.row(note, thread.last);
    if (note.thread) thread.last = note.at;
    thread.rows.append(row);
    row.scrollIntoView({ block: "nearest" });
  }

  // `last` is when the event before it was, if there was one.
  row(note, last) {
    const row = element("li", note.thread ? "" : "trouble");
    const glyph = element("span", "glyph", note.thread ? GLYPHS[note.title] ?? "•" : "⚡");
    glyph.setAttribute("aria-hidden", "true");
    const time = element("time", "", exactly(note.at));
    time.dateTime = new Date(note.at * 1000).toISOString();
    const since = note.thread && last !== undefined ? delay(Math.max(0, note.at - last)) : "";
    const links = element("span", "links");
    if (note.link) links.append(Object.assign(element("a", "raw", "↗"), { href: note.link, target: "_blank", rel: "noopener noreferrer", ariaLabel: `More on ${note.title}` }));
    if (Object.keys(note.details).length) links.append(rawLink(note.title, note, `/control/notes/${note.seq}`));
    const what = element("span", "what", words(note.title));
    what.title = note.title; // exactly as it is called
    row.append(glyph, what, time, element("span", "delay", since), links);
    return row;
  }

  // What belongs to no order stands in the newest one, where it happened.
  threadOf(name) {
    const newest = [...this.threads.values()].at(-1);
    if (!name && newest) return newest;
    const title = name || "What people did";
    if (!this.threads.has(title)) {
      if (newest) newest.box.open = false;
      const box = element("details");
      box.open = true;
      const rows = element("ol", "events");
      box.append(element("summary", "", title), rows);
      this.list.prepend(box);
      this.threads.set(title, { box, rows });
      if (this.threads.size > THREADS) this.forgetOldest();
    }
    return this.threads.get(title);
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
