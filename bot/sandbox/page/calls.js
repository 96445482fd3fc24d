// The requests to the Bot API, newest first, while somebody looks.

import { get, quietly } from "./api.js";
import { element, once } from "./dom.js";
import { exactly, rawLink } from "./raw.js";

const SHOWN = 60;
const EVERY = 2000; // ms: what was refused changes nothing that the stream would tell

export class Calls {
  constructor(box, list) {
    this.box = box;
    this.list = list;
    this.seq = 0;
    this.look = once(quietly(() => this.load()));
    setInterval(() => this.look(), EVERY);
  }

  // Another sandbox counts anew.
  forget() {
    this.seq = 0;
    this.list.replaceChildren();
  }

  async load() {
    if (this.box.hidden) return;
    const { seq } = this;
    const entries = (await get(`log?after=${seq}`)).filter((one) => one.seq > seq);
    if (!entries.length || this.seq !== seq) return; // forgotten meanwhile
    this.seq = entries.at(-1).seq;
    const calls = entries.filter((one) => one.method && one.method.toLowerCase() !== "getupdates");
    this.list.prepend(...calls.slice(-SHOWN).map((one) => this.row(one)).reverse());
    while (this.list.children.length > SHOWN) this.list.lastChild.remove();
  }

  row(entry) {
    const row = element("li", entry.status === 200 ? "" : "trouble");
    const said = entry.answer?.description;
    const what = element("span", "what", entry.method);
    if (said) what.append(element("small", "", said));
    row.append(
      what,
      element("time", "", exactly(entry.at)),
      element("span", "delay", entry.status ? String(entry.status) : "cut off"),
      rawLink(entry.method, entry, `/control/log?after=${entry.seq - 1}`),
    );
    return row;
  }
}
