// One message as a bubble, a service line, or a card, with its keyboard.

import { arrowKeys, button, clock, element, nameOf } from "./dom.js";
import { styled } from "./entities.js";

function money({ total_amount: amount, currency }) {
  if (currency === "XTR") return `${amount} ⭐`;
  const { maximumFractionDigits: digits } = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions();
  return `${(amount / 10 ** digits).toFixed(digits)} ${currency}`;
}

// `view` is whose eyes see it, `on` carries out what is tapped.
export function messageOf(message, view, on) {
  const told = service(message);
  if (told) return element("p", "service", told);
  const mine = message.from.id === view.person;
  const box = element("article", mine ? "message mine" : "message");
  box.setAttribute("aria-label", `${nameOf(message.from)}, ${clock(message.date)}`);
  const bubble = element("div", "bubble");
  if (!mine && view.isGroup) bubble.append(element("b", `sender c${message.from.id % 7}`, nameOf(message.from)));
  if (message.reply_to_message) bubble.append(quote(message.reply_to_message));
  const text = message.text ?? message.caption;
  bubble.append(...(message.text ? [] : media(message)));
  if (text) {
    const words = element("span", "words");
    words.append(...styled(text, message.entities ?? message.caption_entities ?? [], on));
    bubble.append(words);
  }
  if (message.reactions?.length) bubble.append(element("span", "reactions", message.reactions.map((one) => one.emoji ?? "⭐").join(" ")));
  const rows = message.reply_markup?.inline_keyboard ?? [];
  const edited = message.edit_date && !rows.length ? "edited " : ""; // Telegram does not say it of what has buttons
  bubble.append(element("span", "meta", `${edited}${clock(message.date)}${mine ? " ✓✓" : ""}`));
  box.append(bubble);
  if (rows.length) box.append(keyboard(message, rows, on));
  return box;
}

function quote(original) {
  const box = element("div", "quote");
  box.append(element("b", "", nameOf(original.from)), element("span", "", original.text ?? original.caption ?? "Media"));
  return box;
}

function media(message) {
  if (message.photo) return [picture(message.photo)];
  if (message.document) {
    const { file_name: name, file_id: id, file_size: size } = message.document;
    return [card("📄", name, size ? `/control/file/${id}` : undefined)]; // of an address nothing has come
  }
  if (message.dice) return [card(message.dice.emoji, String(message.dice.value))];
  if (message.venue) return [card("📍", `${message.venue.title}\n${message.venue.address}`)];
  if (message.location) return [card("📍", `${message.location.latitude}, ${message.location.longitude}`)];
  if (message.contact) return [card("👤", `${nameOf(message.contact)}\n${message.contact.phone_number}`)];
  if (message.invoice) {
    const { title, description } = message.invoice;
    return [card("🧾", `${title}\n${description}\n${money(message.invoice)}`)];
  }
  return [card("❔", "This page can’t show this kind of message")];
}

function picture(sizes) {
  const size = sizes.at(-1);
  const image = element("img", "photo");
  Object.assign(image, { src: `/control/file/${size.file_id}`, alt: "A photo", width: size.width, height: size.height });
  image.loading = "lazy";
  return image;
}

function card(glyph, text, href) {
  const box = element(href ? "a" : "div", "card");
  if (href) Object.assign(box, { href, download: "" });
  box.append(element("span", "glyph", glyph), element("span", "", text));
  return box;
}

function keyboard(message, rows, on) {
  const keys = element("div", "keyboard");
  arrowKeys(keys, ".key", true);
  for (const row of rows) {
    const line = element("div", "row");
    for (const key of row) {
      const made = button(`key ${key.style ?? ""}`, key.text, (event) => on.key(message, key, event.currentTarget));
      const corner = key.url ? "↗" : key.copy_text ? "📋" : "";
      if (corner) made.append(Object.assign(element("span", "corner", corner), { ariaHidden: "true" }));
      line.append(made);
    }
    keys.append(line);
  }
  return keys;
}

// What Telegram tells in the middle of the chat, or "" for an ordinary message.
function service(message) {
  const who = nameOf(message.from);
  const { new_chat_members: come, left_chat_member: gone } = message;
  if (come) return come[0].id === message.from.id ? `${who} joined the group` : `${who} added ${come.map(nameOf).join(", ")}`;
  if (gone) return gone.id === message.from.id ? `${who} left the group` : `${who} removed ${nameOf(gone)}`;
  if (message.migrate_to_chat_id || message.migrate_from_chat_id) return "The group became a supergroup";
  if (message.pinned_message) return `${who} pinned “${(message.pinned_message.text ?? "a message").slice(0, 40)}”`;
  if (message.successful_payment) return `${who} paid ${money(message.successful_payment)}`;
  return "";
}
