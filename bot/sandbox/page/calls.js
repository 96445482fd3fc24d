// The requests to the Bot API, newest first, while somebody looks.

import { get } from "./api.js";
import { element, once } from "./dom.js";
import { exactly, rawLink } from "./raw.js";

const SHOWN = 60;
const EVERY = 2000; // ms: what was refused changes nothing that the stream would tell

export class Calls {
  constructor(box, list) {
    this.box = box;
    this.list = list;
    this.seq = 0;
    this.look = once(() => this.load());
    setInterval(() => this.look(), EVERY);
  }

  async load() {
    if (this.box.hidden) return;
    const entries = (await get(`log?after=${this.seq}`)).filter((one) => one.seq > this.seq);
    if (!entries.length) return;
    this.seq = entries.at(-1).seq;
    const calls = entries.filter((one) => one.method && one.method.toLowerCase() !== "getupdates");
    this.list.prepend(...calls.slice(-SHOWN).map((one) => this.row(one)).reverse());
    while (this.list.children.length > SHOWN) this.list.lastChild.remove();
  }

  row(entry) {
    const row = element("li", entry.status === 200 ? "" : "trouble");
    row.append(
      element("span", "what", entry.method),
      element("time", "", exactly(entry.at)),
      element("span", "delay", entry.status ? String(entry.status) : "cut off"),
      rawLink(entry.method, entry, `/control/log?after=${entry.seq - 1}`),
    );
    return row;
  }
}
