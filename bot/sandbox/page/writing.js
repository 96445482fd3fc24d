// What people write with: the field, the bot's commands, and the reply keyboard. What is typed stays until it is sent.

import { About } from "./about.js";
import { AttachMenu } from "./attaching.js";
import { arrowKeys, button, element, signButton } from "./dom.js";

const draftOf = (seat) => `draft-${seat}`;

const LONGEST = 4096; // Bot API, sendMessage

export class Writing {
  // on.write(text, replyTo), on.edit(number, text) and on.command(name) resolve to what was sent, or null; on.key(key)
  // for a key of the reply keyboard, on.attach(kind), on.typed(text), on.leave(), on.up() from the empty field to the chat,
  // on.menu() for the bot's menu button
  constructor(on) {
    this.on = on;
    this.commands = [];
    this.menu = element("div", "menu");
    this.menu.hidden = true;
    this.menu.setAttribute("role", "group");
    this.menu.setAttribute("aria-label", "Commands of the bot");
    this.kinds = new AttachMenu((kind) => on.attach(kind));
    this.about = new About(() => this.plain());
    this.keys = element("div", "reply-keys");
    this.input = element("input");
    Object.assign(this.input, { placeholder: "Message", autocomplete: "off", maxLength: LONGEST });
    this.input.setAttribute("aria-label", "Message");
    this.slash = signButton("slash", "/", "Commands", () => this.toggleMenu());
    this.clip = signButton("clip", "📎", "Attach", () => this.kinds.toggle());
    this.open = button("open-app", "", () => on.menu());
    this.form = element("form", "write");
    const send = element("button", "send", "➤");
    send.setAttribute("aria-label", "Send");
    this.form.append(this.open, this.slash, this.clip, this.input, send);
    this.results = on.results;
    this.allow(false); // what is typed before a chat is there would be lost
    this.listen();
  }

  listen() {
    this.input.addEventListener("input", () => {
      this.keepDraft();
      this.offer(this.input.value);
      this.on.typed(this.input.value);
    });
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    arrowKeys(this.menu, "button");
    arrowKeys(this.keys, "button", true);
    this.menu.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.close();
      if (!this.sending) this.sending = this.submit().finally(() => (this.sending = undefined));
    });
  }

  // What can't be sent stays in the field, or with its chat when another one is in front meanwhile.
  async submit() {
    const { seat, about: { answered, edited }, input: { value: text } } = this;
    if (edited) return (await this.on.edit(edited, text)) && this.plain();
    if (!text.trim() || !(await this.on.write(text, answered ?? this.forced))) return;
    if (this.seat === seat) {
      this.about.clear();
      this.strike(text);
    } else if (sessionStorage.getItem(draftOf(seat)) === text) {
      sessionStorage.removeItem(draftOf(seat));
    }
  }

  // Takes what was sent out of the field. Who types fast has gone on behind it.
  strike(text) {
    if (this.input.value.startsWith(text)) this.input.value = this.input.value.slice(text.length);
    this.keepDraft();
  }

  onKey(event) {
    if (event.key === "Escape") {
      this.close();
      this.on.leave();
    }
    const menu = [this.menu, this.kinds.box, this.results].find((box) => !box.hidden && box.querySelector("button"));
    if (event.key === "ArrowDown" && menu) menu.querySelector("button").focus();
    else if (event.key === "ArrowUp" && !this.input.value) this.on.up();
    else return;
    event.preventDefault();
  }

  // Another chat is in front. What was typed there before is there again.
  enter(seat) {
    this.seat = seat;
    this.signature = undefined;
    this.menu.hidden = this.kinds.box.hidden = true;
    this.plain();
  }

  // What is typed next is a message of its own.
  plain() {
    this.about.clear();
    this.input.value = sessionStorage.getItem(draftOf(this.seat)) ?? "";
  }

  // What is sent next answers that message.
  reply(message) {
    this.plain();
    this.about.reply(message);
    this.input.focus();
  }

  // What is sent next takes the place of that message's text.
  edit(message) {
    this.about.edit(message);
    this.input.value = message.text ?? message.caption ?? "";
    this.input.focus();
  }

  keepDraft() {
    if (this.about.edited) return; // that is no draft
    sessionStorage.setItem(draftOf(this.seat), this.input.value);
  }

  patch(messages, person, commands) {
    this.commands = commands;
    this.slash.hidden = !commands.length;
    this.showKeys(messages, person);
  }

  // The keyboard that the newest message with one has set or removed.
  showKeys(messages, person) {
    const last = messages.findLast((one) => {
      const markup = one.reply_markup ?? {};
      return one.from?.is_bot && (markup.keyboard || markup.remove_keyboard || markup.force_reply);
    });
    const markup = last?.reply_markup ?? {};
    const used = markup.one_time_keyboard && messages.some((one) => one.from?.id === person && one.message_id > last.message_id);
    this.forced = markup.force_reply && messages.at(-1) === last ? last.message_id : undefined;
    this.input.placeholder = markup.input_field_placeholder ?? (this.forced ? "Reply" : "Message");
    const rows = used ? [] : markup.keyboard ?? [];
    const signature = JSON.stringify(rows);
    if (signature === this.signature) return;
    this.signature = signature;
    this.keys.replaceChildren(...rows.map((row) => {
      const line = element("div", "row");
      line.append(...row.map((key) => button("key", key.text, () => this.on.key(key))));
      return line;
    }));
  }

  // Where nobody can write there is no field.
  allow(allowed) {
    this.form.hidden = this.keys.hidden = !allowed;
    if (!allowed) this.menu.hidden = this.kinds.box.hidden = this.about.box.hidden = true;
  }

  // The bot's own menu button in place of the commands, where it has one.
  showMenuButton(menu) {
    this.open.hidden = menu?.type !== "web_app";
    this.open.textContent = menu?.text ?? "";
    this.slash.hidden ||= !this.open.hidden;
  }

  toggleMenu() {
    if (this.menu.hidden) this.offer("/");
    else this.close();
  }

  close() {
    const had = this.menu.contains(document.activeElement);
    this.menu.hidden = this.kinds.box.hidden = true;
    if (had) this.input.focus();
  }

  offer(typed) {
    const fitting = typed.startsWith("/") ? this.commands.filter((one) => `/${one.command}`.startsWith(typed.split(" ")[0])) : [];
    this.menu.hidden = !fitting.length;
    this.menu.replaceChildren(...fitting.map((one) => {
      const line = button("", "", () => this.send(one.command));
      line.append(element("b", "", `/${one.command}`), element("span", "", one.description));
      return line;
    }));
  }

  async send(command) {
    this.close();
    const typed = this.input.value;
    const sent = await this.on.command(command);
    if (sent && typed.startsWith("/")) this.strike(typed); // it was typed to find the command
  }
}
