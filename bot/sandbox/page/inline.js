// Inline mode: what a bot offers while somebody types `@bot words` into the field.

import { get, quietly } from "./api.js";
import { arrowKeys, button, element } from "./dom.js";
import { start } from "./taps.js";

const PAUSE = 250; // ms without a letter before the bot is asked
const PATIENCE = 20; // seconds for its answer
const ASKS = /^@([A-Za-z0-9_]{3,32})\s([^]*)$/;

export class Inline {
  constructor(phone) {
    this.phone = phone;
    this.box = element("div", "menu results");
    this.box.hidden = true;
    this.box.setAttribute("role", "group");
    arrowKeys(this.box, "button");
    this.box.addEventListener("keydown", (event) => event.key === "Escape" && this.close(true));
    this.ask = quietly((bot, query) => this.load(bot, query));
  }

  // What stands in the field now. Returns whether it is meant for a bot.
  typed(text) {
    clearTimeout(this.timer);
    const [, name, query] = text.match(ASKS) ?? [];
    const bot = name && this.phone.chats.bots.find((one) => one.username.toLowerCase() === name.toLowerCase());
    this.text = text;
    if (!bot) return this.close();
    if (bot.inline === null) this.offerToSwitchOn(bot, text);
    else this.timer = setTimeout(() => this.ask(bot, query), PAUSE);
  }

  async load(bot, query) {
    const { text } = this;
    const { phone } = this;
    const asked = await phone.perform("ask_inline", { ...phone.whose, of: String(bot.id), query });
    const answer = asked && (await get(`inline/${asked.inline_query_id}?wait=${PATIENCE}`));
    if (this.text !== text) return; // somebody has typed on
    if (asked) this.show(bot, asked.inline_query_id, answer);
  }

  show(bot, query, answer) {
    const rows = [];
    if (answer?.button) rows.push(this.row(answer.button.text, "", () => this.press(bot, answer.button)));
    for (const result of answer?.results ?? []) {
      const title = result.title ?? result.first_name ?? result.type;
      rows.push(this.row(title, result.description ?? result.address ?? "", () => this.choose(query, result.id)));
    }
    const nothing = answer ? `@${bot.username} offers nothing` : `@${bot.username} does not answer`;
    if (!rows.length) rows.push(element("p", "empty", nothing));
    this.list(bot, rows);
  }

  list(bot, rows) {
    this.box.setAttribute("aria-label", `What @${bot.username} offers`);
    this.box.replaceChildren(...rows);
    this.box.hidden = false;
  }

  row(title, about, onClick) {
    const made = button("", "", onClick);
    made.append(element("b", "", title), element("span", "", about));
    return made;
  }

  offerToSwitchOn(bot, text) {
    const row = this.row("Inline mode is off: turn it on here", "On Telegram @BotFather does it, by /setinline", async () => {
      if (!(await this.phone.act("set_inline", { bot: String(bot.id), feedback: true }))) return;
      bot.inline = "";
      this.typed(text);
      this.phone.writing.input.focus();
    });
    this.list(bot, [row]);
  }

  async choose(query, result) {
    const { phone } = this;
    phone.conversation.toEnd();
    const sent = await phone.perform("choose_inline", { ...phone.whereToWrite, inline_query_id: query, result });
    if (!sent) return;
    phone.writing.strike(this.text);
    this.close(true);
  }

  // The button above the results leads to the chat with the bot.
  press(bot, { start_parameter: payload }) {
    this.close(true);
    if (payload !== undefined) return start(this.phone, bot, payload);
    return this.phone.notices.toast("Web apps of inline mode don’t open on this page");
  }

  close(backToField = false) {
    this.text = "";
    this.box.hidden = true;
    if (backToField) this.phone.writing.input.focus();
  }
}
