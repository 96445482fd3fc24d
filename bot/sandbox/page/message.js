// One message as a bubble, a service line, or a card, with its keyboard.

import { arrowKeys, button, clock, element, nameOf, signButton } from "./dom.js";
import { styled } from "./entities.js";
import { inShort, media } from "./media.js";
import { service } from "./services.js";

// Who speaks: in a channel the channel itself.
export const senderOf = (message) => message.from ?? { id: message.sender_chat.id, first_name: message.sender_chat.title };

// `view` is whose eyes see it, `on` carries out what is tapped.
export function messageOf(message, view, on) {
  const told = service(message);
  if (told) return element("p", "service", told);
  const sender = senderOf(message);
  const mine = sender.id === view.person;
  const box = element("article", `message${mine ? " mine" : ""}${message.media_group_id ? " album" : ""}`);
  box.setAttribute("aria-label", `${nameOf(sender)}, ${clock(message.date)}`);
  const bubble = element("div", "bubble");
  if (!mine && view.isGroup) bubble.append(element("b", `sender c${Math.abs(sender.id) % 7}`, nameOf(sender)));
  if (message.via_bot) bubble.append(element("small", "about-it", `via @${message.via_bot.username}`));
  if (message.forward_origin) bubble.append(element("small", "about-it", `Forwarded from ${originOf(message.forward_origin)}`));
  if (message.reply_to_message) bubble.append(quote(message.reply_to_message));
  const text = message.text ?? message.caption;
  bubble.append(...(message.text ? [] : media(message, mine, on)));
  if (text) {
    const words = element("span", "words");
    words.append(...styled(text, message.entities ?? message.caption_entities ?? [], on));
    bubble.append(words);
  }
  if (message.reactions?.length) bubble.append(element("span", "reactions", message.reactions.map((one) => one.emoji ?? "⭐").join(" ")));
  const rows = message.reply_markup?.inline_keyboard ?? [];
  const edited = message.edit_date && !rows.length && !message.location ? "edited " : ""; // Telegram does not say it of what has buttons
  const foot = element("span", "foot");
  foot.append(signButton("more-of-it", "⋯", "What to do with this message", () => on.more(message)));
  foot.append(element("span", "meta", `${edited}${clock(message.date)}${mine ? " ✓✓" : ""}`));
  bubble.append(foot);
  bubble.addEventListener("contextmenu", (event) => {
    if (event.target.closest("a, button, audio, video")) return;
    event.preventDefault();
    on.more(message);
  });
  box.append(bubble);
  if (rows.length) box.append(keyboard(message, rows, on));
  return box;
}

const originOf = ({ sender_user: user, sender_user_name: name, sender_chat: group, chat }) =>
  user ? nameOf(user) : name ?? (group ?? chat)?.title ?? "somebody";

function quote(original) {
  const box = element("div", "quote");
  box.append(element("b", "", nameOf(senderOf(original))), element("span", "", service(original) || inShort(original)));
  return box;
}

function keyboard(message, rows, on) {
  const keys = element("div", "keyboard");
  arrowKeys(keys, ".key", true);
  for (const row of rows) {
    const line = element("div", "row");
    for (const key of row) {
      const made = button(`key ${key.style ?? ""}`, key.text, (event) => on.key(message, key, event.currentTarget));
      const corner = key.url ? "↗" : key.copy_text ? "📋" : key.web_app ? "▣" : key.switch_inline_query_current_chat !== undefined ? "@" : "";
      if (corner) made.append(Object.assign(element("span", "corner", corner), { ariaHidden: "true" }));
      line.append(made);
    }
    keys.append(line);
  }
  return keys;
}
