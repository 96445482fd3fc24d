// What a message holds besides words: pictures, sounds, films, files, places, persons.

import { button, clock, element, nameOf } from "./dom.js";

const address = (file) => `/control/file/${file.file_id}`;

export function money({ total_amount: amount, currency }) {
  if (currency === "XTR") return `${amount} ⭐`;
  const { maximumFractionDigits: digits } = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions();
  return `${(amount / 10 ** digits).toFixed(digits)} ${currency}`;
}

// The nodes of a message's content. `on` carries out what is tapped in it; only the own live place can be moved.
export function media(message, mine, on) {
  if (message.photo) return [picture(message.photo)];
  if (message.animation) return [moving(message.animation)];
  if (message.voice) return [player("audio", message.voice, "Voice note")];
  if (message.audio) return [player("audio", message.audio, [message.audio.performer, message.audio.title].filter(Boolean).join(" – ") || message.audio.file_name)];
  if (message.video) return [player("video", message.video, "Video")];
  if (message.video_note) return [player("video", message.video_note, "Video message")];
  if (message.document) return [file(message.document, "📄", message.document.file_name)];
  if (message.dice) return [card(message.dice.emoji, String(message.dice.value))];
  if (message.venue) return [map(message.location), card("📍", `${message.venue.title}\n${message.venue.address}`)];
  if (message.location) return place(message, mine, on);
  if (message.contact) return [card("👤", `${nameOf(message.contact)}\n${message.contact.phone_number}`)];
  if (message.invoice) {
    const { title, description } = message.invoice;
    return [card("🧾", `${title}\n${description}\n${money(message.invoice)}`)];
  }
  return [card("❔", "This page can’t show this kind of message")];
}

function picture(sizes) {
  const size = sizes.at(-1);
  const { width, height } = size;
  return Object.assign(element("img", "photo"), { src: address(size), alt: "A photo", width, height, loading: "lazy" });
}

function moving(animation) {
  if (!animation.mime_type.startsWith("image/")) return player("video", animation, "Animation");
  const { width, height } = animation;
  return Object.assign(element("img", "photo small"), { src: address(animation), alt: "An animation", width, height, loading: "lazy" });
}

// A player where there is something to play, else what it would be. What the browser can't play can be saved.
function player(tag, recording, name) {
  if (!recording.file_size) return card(tag === "audio" ? "🎵" : "🎬", name);
  const box = element("div", "player");
  const sound = Object.assign(element(tag), { controls: true, preload: "metadata", src: address(recording) });
  sound.setAttribute("aria-label", name);
  sound.addEventListener("error", () => sound.replaceWith(file(recording, tag === "audio" ? "🎵" : "🎬", `${name}, ${recording.duration} s`)));
  box.append(element("span", "", `${name}${recording.duration ? ` · ${recording.duration} s` : ""}`), sound);
  return box;
}

function file(document, glyph, name) {
  return card(glyph, name, document.file_size ? address(document) : undefined); // of an address nothing has come
}

function card(glyph, text, href) {
  const box = element(href ? "a" : "div", "card");
  if (href) Object.assign(box, { href, download: "" });
  box.append(element("span", "glyph", glyph), element("span", "", text));
  return box;
}

const degrees = ({ latitude, longitude }) => `${latitude.toFixed(4)}, ${longitude.toFixed(4)}`;

// Streets that move below a pin: where exactly is said in words.
function map({ latitude, longitude, heading }) {
  const box = element("div", "map");
  box.style.setProperty("--east", `${Math.round(-longitude * 20_000) % 600}px`);
  box.style.setProperty("--north", `${Math.round(latitude * 20_000) % 600}px`);
  const pin = element("span", "pin", heading ? "▲" : "📍");
  if (heading) pin.style.rotate = `${heading}deg`;
  box.append(pin);
  box.setAttribute("aria-hidden", "true");
  return box;
}

function place(message, mine, on) {
  const { location } = message;
  const period = location.live_period;
  const until = period === 0x7fffffff ? "" : ` until ${clock(message.date + period)}`;
  const text = `${degrees(location)}${period ? `\nLive${until}` : ""}`;
  const nodes = [map(location), card(period ? "🧭" : "📍", text)];
  if (period && mine) {
    const keys = element("div", "row");
    keys.append(button("key", "Move on", () => on.move(message)), button("key", "Stop sharing", () => on.stop(message)));
    nodes.push(keys);
  }
  return nodes;
}

const KINDS = {
  photo: "🖼 Photo", animation: "🎞 Animation", voice: "🎤 Voice note", audio: "🎵 Music", video: "🎬 Video", video_note: "🎬 Video message",
  document: "📄 File", venue: "📍 Place", location: "📍 Place", contact: "👤 Contact", invoice: "🧾 Invoice", dice: "🎲 Dice",
};

// A message in a few words.
export const inShort = (message) =>
  message.text ?? message.caption ?? KINDS[Object.keys(KINDS).find((kind) => message[kind])] ?? "…";
