// One panel at a time on a small screen: the tabs below say whose phones there are, and what nobody has seen.

import { element, nameOf } from "./dom.js";

export class Tabs {
  constructor(nav, phones) {
    this.tabs = new Map([...nav.querySelectorAll("[data-tab]")].map((tab) => [tab.dataset.tab, tab]));
    this.phones = phones;
    for (const [name, tab] of this.tabs) tab.addEventListener("click", () => this.open(name));
    this.open("left");
  }

  open(name) {
    document.body.dataset.open = name;
    for (const [other, tab] of this.tabs) tab.setAttribute("aria-pressed", String(other === name));
  }

  show() {
    for (const phone of this.phones) {
      if (!phone.me) continue;
      const { here, others } = phone.unread;
      const words = [element("span", "", nameOf(phone.me)), element("small", "", phone.heading)];
      const badge = element("span", "badge", String(here + others || ""));
      badge.setAttribute("role", "img");
      badge.setAttribute("aria-label", `${here + others} unread`);
      this.tabs.get(phone.side).replaceChildren(...words, ...(here + others ? [badge] : []));
    }
  }
}
