// What a phone tells in front of its chat: words that go by themselves, and dialogs. Each phone has its own.

import { button, element } from "./dom.js";

const TOAST = 4000, OFFER = 10_000; // ms

export class Notices {
  // `behind` can't be used while a dialog is open; the other phone can.
  constructor(section, behind) {
    this.behind = behind;
    this.words = element("p", "toast");
    this.words.setAttribute("role", "status");
    this.dialog = element("dialog", "notice");
    this.dialog.addEventListener("keydown", (event) => event.key === "Escape" && this.finish(""));
    section.append(this.words, this.dialog);
  }

  toast(text) {
    this.show([text], TOAST);
  }

  // Words that can be tapped.
  offer(text, onTap) {
    this.show([button("", text, () => { this.words.replaceChildren(); onTap(); })], OFFER);
  }

  show(content, time) {
    this.words.replaceChildren(...content);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fade(content, time), time);
  }

  // Not from under somebody's hand.
  fade(content, time) {
    if (this.words.matches(":hover, :focus-within")) this.show(content, time);
    else this.words.replaceChildren();
  }

  alert(title, text) {
    return this.ask(title, text, ["OK"]);
  }

  // Resolves to whether the person agreed.
  async confirm(title, text, yes) {
    return (await this.ask(title, text, ["Cancel", yes])) === yes;
  }

  // Resolves to the answer, or to "" when the dialog was left by Escape or by another one.
  ask(title, text, answers) {
    const row = element("div", "answers");
    row.append(...answers.map((answer) => button("", answer, () => this.finish(answer))));
    return this.open(title, [element("p", "", text), row], row.lastChild);
  }

  // Resolves to what was filled in, by the names of the fields, or to "".
  fill(title, text, fields, yes) {
    const form = element("form");
    const row = element("div", "answers");
    row.append(button("", "Cancel", () => this.finish("")), element("button", "", yes));
    form.append(element("p", "", text), ...fields.map((field) => field.node), row);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.finish(Object.fromEntries(fields.map((field) => [field.name, field.value()])));
    });
    return this.open(title, [form], form.querySelector("input, select"));
  }

  open(title, nodes, first) {
    this.finish("");
    this.dialog.setAttribute("aria-label", title);
    this.dialog.replaceChildren(element("h2", "", title), ...nodes);
    this.before = document.activeElement;
    this.behind.inert = true;
    this.dialog.show();
    first.focus();
    return new Promise((resolve) => (this.resolve = resolve));
  }

  finish(answer) {
    if (!this.dialog.open) return;
    this.dialog.close();
    this.behind.inert = false;
    if (this.before?.isConnected) this.before.focus();
    this.resolve(answer);
  }
}
