// The messages of a chat on a phone. Only what has changed is touched, so that focus and place stay.

import { arrowKeys, button, dayOf, element } from "./dom.js";
import { messageOf } from "./message.js";

const SHOWN = 100; // messages at first; earlier ones on request
const NEAR = 80; // px from the end that count as the end

export class Conversation {
  // `view` is whose eyes see it (`person`, `isGroup`), `on` carries out what is tapped; on.end() when the newest is seen.
  constructor(view, on) {
    this.view = view;
    this.on = on;
    this.shown = new Map(); // message id -> what stands in the chat for it
    this.list = element("div", "chat");
    Object.assign(this.list, { role: "log", tabIndex: 0 });
    this.down = button("down", "", () => this.toEnd());
    this.down.hidden = true;
    this.box = element("div", "conversation");
    this.box.append(this.list, this.down);
    this.clear();
    arrowKeys(this.list, ".more-of-it");
    this.list.addEventListener("scroll", () => this.scrolled());
    this.list.addEventListener("load", () => this.settle(), true); // a picture
    // A keyboard that comes up below, or a panel that is opened, leaves the newest message in sight.
    new ResizeObserver(() => this.settle()).observe(this.list);
  }

  clear() {
    this.shown.clear();
    this.list.replaceChildren();
    this.limit = SHOWN;
    this.atEnd = true;
    this.top = 0;
  }

  get isSeen() { return this.list.clientHeight > 0; }

  scrolled() {
    if (!this.isSeen) return;
    const { scrollTop: top, scrollHeight, clientHeight } = this.list;
    const isUp = top < this.top; // what comes late, as a picture, moves the end away from who was there
    this.atEnd = scrollHeight - top - clientHeight < NEAR || (this.atEnd && !isUp);
    this.top = top;
    this.showDown();
    if (this.atEnd) this.on.end();
  }

  settle() {
    if (this.isSeen && this.atEnd) this.toEnd();
  }

  toEnd() {
    this.atEnd = true;
    this.list.scrollTop = this.list.scrollHeight;
    this.showDown();
    if (this.isSeen) this.on.end();
  }

  showDown(unread = this.unread) {
    this.unread = unread;
    this.down.hidden = this.atEnd;
    this.down.textContent = unread ? `↓ ${unread} new` : "↓";
    this.down.setAttribute("aria-label", unread ? `Down to ${unread} new` : "Down to the newest message");
  }

  // Shows the messages, oldest first; `foot` stands below them, if any.
  patch(messages, unread, foot) {
    const last = messages.slice(-this.limit);
    const nodes = [];
    if (messages.length > last.length) {
      nodes.push(button("earlier", "Earlier messages", () => { this.limit += SHOWN; this.patch(messages, unread, foot); }));
    }
    let day = "";
    for (const message of last) {
      const today = dayOf(message.date);
      if (today !== day) nodes.push(element("p", "service day", (day = today)));
      nodes.push(this.node(message));
    }
    if (foot) nodes.push(foot);
    const kept = new Set(last.map((one) => one.message_id));
    for (const id of this.shown.keys()) if (!kept.has(id)) this.shown.delete(id);
    this.place(nodes);
    this.showDown(unread);
    this.settle();
    this.letTab();
  }

  // Of all that is offered for messages one can be reached by Tab, the newest; the arrow keys lead to the others.
  letTab() {
    const all = [...this.list.querySelectorAll(".more-of-it")];
    all.forEach((one, index) => (one.tabIndex = index === all.length - 1 ? 0 : -1));
  }

  // What goes goes first: then nothing that stays has to be moved, which would take the focus from it.
  place(nodes) {
    const had = this.list.contains(document.activeElement);
    const wanted = new Set(nodes);
    for (const child of [...this.list.children]) if (!wanted.has(child)) child.remove();
    nodes.forEach((node, index) => {
      const there = this.list.children[index];
      if (there !== node) this.list.insertBefore(node, there ?? null);
    });
    if (had && !this.list.contains(document.activeElement)) (this.focusNext ?? this.list).focus({ preventScroll: true });
    this.focusNext = undefined;
  }

  node(message) {
    const signature = JSON.stringify(message);
    const known = this.shown.get(message.message_id);
    if (known?.signature === signature) return known.node;
    const node = messageOf(message, this.view, this.on);
    if (known) node.classList.add("changed");
    if (known?.node.contains(document.activeElement)) this.focusNext = node.querySelector(".key") ?? undefined;
    this.shown.set(message.message_id, { node, signature });
    return node;
  }

  find(number) {
    return this.shown.get(number)?.node;
  }

  // The newest buttons, for whoever comes from the field below.
  focusKeys() {
    [...this.list.querySelectorAll(".keyboard")].at(-1)?.querySelector(".key")?.focus();
  }
}
