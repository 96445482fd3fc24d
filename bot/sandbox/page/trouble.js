// Switches for trouble: of Telegram, of people's phones, and whatever the product offers.

import { act, button, clearFaults, element, get, nameOf } from "./api.js";

const SLOW_DOWN = { kind: "429", method: "sendMessage", times: null, retry_after: 3 };

export class Trouble {
  constructor(box, phones) {
    this.box = box;
    this.phones = phones;
    this.actions = [];
    this.faults = [];
  }

  async load() {
    this.actions = (await get("offers")).actions;
    await this.loadFaults();
  }

  async loadFaults() {
    this.faults = (await get("faults")).faults;
    this.show();
  }

  show() {
    const tooMany = this.faults.some((fault) => fault.kind === "429");
    const switches = [
      ...this.phones.filter((phone) => phone.me).map((phone) => this.offlineSwitch(phone)),
      ...this.phones.filter((phone) => phone.room && !phone.isGroup).slice(0, 1).map((phone) => this.blockSwitch(phone)),
      this.switch("Telegram answers 429", "Messages wait until Telegram takes them again.", tooMany, () =>
        tooMany ? clearFaults() : act("fault", SLOW_DOWN)),
      ...this.actions.map((one) => this.switch(one.label, one.about, one.toggle ? one.on : null, () => act("ask", { name: one.name }))),
    ];
    const focused = [...this.box.children].indexOf(document.activeElement?.closest?.(".switch"));
    this.box.replaceChildren(...switches);
    if (focused >= 0) this.box.children[focused]?.focus();
  }

  offlineSwitch(phone) {
    const { offline, id } = phone.me;
    return this.switch(`${nameOf(phone.me)}'s phone is offline`, "It hears nothing and sends nothing until it is back.", offline,
      () => act("offline", { user: id, offline: !offline }));
  }

  blockSwitch(phone) {
    const blocked = phone.room.blocked;
    return this.switch(`${nameOf(phone.me)} blocked the bot`, "The bot can't write there. The order goes on, and staff are told.", blocked,
      () => act("block", { user: phone.person, bot: String(phone.bot.id), blocked: !blocked }));
  }

  // `on` is null for what has no state.
  switch(label, about, on, onClick) {
    const made = button("switch", "", onClick);
    made.append(element("b", "", label), element("small", "", about));
    if (on !== null) made.setAttribute("aria-pressed", String(Boolean(on)));
    return made;
  }
}
