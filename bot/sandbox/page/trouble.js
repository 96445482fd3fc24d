// Switches for trouble: of Telegram, of people's phones, and whatever the product offers.

import { act, get, liftFault } from "./api.js";
import { button, element, nameOf } from "./dom.js";

const TOO_MANY = "page-429"; // the name of this page's own fault; those of others are none of its business

export class Trouble {
  constructor(box, phones, notices) {
    this.box = box;
    this.phones = phones;
    this.notices = notices;
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

  refused = (why) => this.notices.toast(why);

  act(verb, body) {
    return act(verb, body, this.refused);
  }

  show() {
    const people = new Map(this.phones.filter((phone) => phone.me).map((phone) => [phone.person, phone]));
    const blocker = this.phones.find((phone) => phone.room && !phone.isGroup);
    const deeds = element("div", "deeds");
    deeds.append(...this.actions.filter((one) => !one.toggle).map((one) => this.deed(one)));
    const switches = [
      ...(deeds.hasChildNodes() ? [deeds] : []),
      this.tooManySwitch(),
      ...[...people.values()].map((phone) => this.offlineSwitch(phone)),
      ...(blocker ? [this.blockSwitch(blocker)] : []),
      ...this.actions.filter((one) => one.toggle).map((one) => this.switch(one.label, one.about, one.on, () => this.act("ask", { name: one.name }))),
      ...this.faults.filter((fault) => fault.name !== TOO_MANY).map((fault) => this.foreign(fault)),
    ];
    const focused = [...this.box.querySelectorAll("button")].indexOf(document.activeElement);
    this.box.replaceChildren(...switches);
    if (focused >= 0) this.box.querySelectorAll("button")[focused]?.focus({ preventScroll: true });
  }

  tooManySwitch() {
    const on = this.faults.some((fault) => fault.name === TOO_MANY);
    const about = "New messages are refused. None is lost.";
    const fault = { name: TOO_MANY, kind: "429", method: "sendMessage", times: null, retry_after: 3 };
    return this.switch("Telegram answers 429", about, on, () => (on ? liftFault(TOO_MANY, this.refused) : this.act("fault", fault)));
  }

  offlineSwitch(phone) {
    const { offline, id } = phone.me;
    const about = "It hears nothing and sends nothing.";
    return this.switch(`${nameOf(phone.me)}’s phone is offline`, about, offline, () => this.act("offline", { user: id, offline: !offline }));
  }

  blockSwitch(phone) {
    const { blocked } = phone.room;
    const about = "The bot can’t write there.";
    const change = { user: phone.person, bot: String(phone.bot.id), blocked: !blocked };
    return this.switch(`${nameOf(phone.me)} blocked the bot`, about, blocked, () => this.act("block", change));
  }

  switch(label, about, on, onClick) {
    const made = button("switch", "", onClick);
    made.setAttribute("role", "switch");
    made.setAttribute("aria-checked", String(Boolean(on)));
    const state = element("span", "state", on ? "On" : "Off");
    state.setAttribute("aria-hidden", "true"); // the role says it
    made.append(element("b", "", label), state, element("small", "", about));
    return made;
  }

  // What is done once.
  deed({ name, label, about }) {
    const made = button("deed", label, () => this.act("ask", { name }));
    made.title = about;
    return made;
  }

  foreign({ kind, method, times, struck }) {
    const made = element("p", "switch foreign");
    const how = times === null ? "until it is lifted there" : `${times - struck} times more`;
    made.append(element("b", "", `${kind} for ${method ?? "every method"}`), element("small", "", `Asked for by the control API, ${how}.`));
    return made;
  }
}
