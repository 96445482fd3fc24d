// What goes on behind the bots: the product's notes by thread, its gauges, and the requests to the Bot API.

import { button, element, get, tell } from "./api.js";

const GLYPHS = { order_placed: "🛒", restaurant_notified: "🔔", order_accepted: "👩‍🍳", user_notified: "💬", order_ready: "🛎", order_fulfilled: "✅" };
const THREADS = 20; // the newest ones
const CALLS = 60;

const exactly = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], { hour12: false });
const delay = (seconds) => (seconds < 60 ? `+${seconds.toFixed(2)} s` : `+${Math.round(seconds / 60)} min`);

export class Timeline {
  constructor(list, gauges, log) {
    this.list = list;
    this.gaugeBox = gauges;
    this.log = log;
    this.threads = new Map();
    this.seq = 0;
    this.logSeq = 0;
  }

  async load() {
    for (const note of await get(`notes?after=${this.seq}`)) this.add(note);
    this.gauges((await get("gauges")).values);
    await this.calls();
  }

  add(note) {
    if (note.seq <= this.seq) return;
    this.seq = note.seq;
    this.list.querySelector(".empty")?.remove();
    const thread = this.threadOf(note.thread);
    const row = element("li", note.thread ? "" : "trouble");
    const since = thread.last === undefined ? "" : delay(Math.max(0, note.at - thread.last));
    if (note.thread) thread.last = note.at;
    row.append(
      element("span", "glyph", note.thread ? GLYPHS[note.title] ?? "•" : "⚡"),
      element("span", "what", note.title),
      element("time", "", exactly(note.at)),
      element("span", "delay", note.thread ? since : ""),
    );
    const raw = button("raw", "{ }", () => tell(note.title, JSON.stringify(note.details, null, 2), true));
    raw.setAttribute("aria-label", `The raw event ${note.title}`);
    if (Object.keys(note.details).length) row.append(raw);
    thread.rows.append(row);
    row.scrollIntoView({ block: "nearest" });
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
      gauge.append(element("b", "", String(number)), document.createTextNode(` ${name}`));
      return gauge;
    }));
  }

  async calls() {
    for (const entry of await get(`log?after=${this.logSeq}`)) {
      this.logSeq = entry.seq;
      if (!entry.method || entry.method.toLowerCase() === "getupdates") continue;
      const row = element("li", entry.status === 200 ? "" : "trouble");
      row.append(
        element("span", "what", entry.method),
        element("time", "", exactly(entry.at)),
        element("span", "delay", entry.status ? String(entry.status) : "cut off"),
      );
      const raw = button("raw", "{ }", () => tell(entry.method, JSON.stringify(entry, null, 2), true));
      raw.setAttribute("aria-label", `The request ${entry.method}`);
      row.append(raw);
      this.log.prepend(row);
      if (this.log.children.length > CALLS) this.log.lastChild.remove();
    }
  }
}
