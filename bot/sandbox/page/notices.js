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
    this.finish("");
    const row = element("div", "answers");
    row.append(...answers.map((answer) => button("", answer, () => this.finish(answer))));
    this.dialog.setAttribute("aria-label", title);
    this.dialog.replaceChildren(element("h2", "", title), element("p", "", text), row);
    this.before = document.activeElement;
    this.behind.inert = true;
    this.dialog.show();
    row.lastChild.focus();
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
