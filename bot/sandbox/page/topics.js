// The topics of a forum above its chat: one is in front, and what is written goes there.

import { arrowKeys, button, element, signButton } from "./dom.js";
import { text } from "./fields.js";

const GENERAL = 1;

export const topicOf = (message) => message.message_thread_id ?? GENERAL;

// What of a chat's changes is about its topics.
export const isAboutTopics = (message) => Object.keys(message).some((name) => name.includes("forum_topic"));

export class Topics {
  constructor(phone) {
    this.phone = phone;
    this.box = element("nav", "topics");
    this.box.setAttribute("aria-label", "Topics");
    this.tabs = element("div", "tabs");
    arrowKeys(this.tabs, "button", true);
    const more = signButton("", "⋯", "What to do with this topic", () => this.offer());
    this.box.append(this.tabs, signButton("", "+", "New topic", () => this.open()), more);
    this.current = GENERAL;
  }

  // The topic that is written to, if there are any.
  get place() { return this.all.length ? { topic: this.current } : {}; }
  get all() { return this.phone.room?.topics ?? []; }

  patch() {
    this.box.hidden = !this.all.length;
    if (!this.all.some((one) => one.topic === this.current)) this.current = GENERAL;
    const focused = this.tabs.contains(document.activeElement);
    this.tabs.replaceChildren(...this.all.map((one) => this.tab(one)));
    if (focused) this.tabs.querySelector('[aria-pressed="true"]').focus();
  }

  // The messages of the topic in front.
  only(messages) {
    return this.all.length ? messages.filter((one) => topicOf(one) === this.current) : messages;
  }

  tab({ topic, name, closed }) {
    const tab = button("", `${closed ? "🔒 " : ""}${name}`, () => this.choose(topic));
    tab.setAttribute("aria-pressed", String(topic === this.current));
    return tab;
  }

  choose(topic) {
    this.current = topic;
    this.phone.conversation.clear();
    this.phone.draw();
  }

  async open() {
    const { phone } = this;
    const filled = await phone.notices.fill("New topic", "What is it about?", [text("name", "Name")], "Create");
    if (!filled) return;
    const opened = await phone.perform("create_topic", { user: phone.person, ...phone.place, ...filled });
    if (!opened) return;
    await phone.chats.refresh();
    this.choose(opened.message_thread_id);
  }

  async offer() {
    const { phone, current } = this;
    const { name, closed } = this.all.find((one) => one.topic === current);
    const answer = await phone.notices.ask(name, "What to do with it?", ["Cancel", "Delete", closed ? "Reopen" : "Close"]);
    const which = { user: phone.person, ...phone.place, topic: current };
    if (answer === "Delete") await phone.perform("delete_topic", which);
    else if (answer && answer !== "Cancel") await phone.perform("edit_topic", { ...which, closed: !closed });
  }
}
