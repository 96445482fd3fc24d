// What a person can send besides words, behind 📎.

import { arrowKeys, button, element } from "./dom.js";
import { choice, files, number, text } from "./fields.js";

const HERE = { latitude: 45.0703, longitude: 7.6869 }; // Turin
const STEP = 0.001; // degrees: some hundred metres
const PERIODS = [["900", "15 minutes"], ["3600", "1 hour"], ["28800", "8 hours"]];
const LATITUDES = [-90, 90], LONGITUDES = [-180, 180];

// By what the menu calls them: the kind, what a browser offers to choose from, and whether there may be several.
const FILES = {
  "🖼 Photo": ["photo", "image/*", true],
  "📄 File": ["document", "", true],
  "🎤 Voice note": ["voice", "audio/*", false],
  "🎵 Music": ["audio", "audio/*", true],
  "🎬 Video": ["video", "video/*", true],
  "🎞 Animation": ["animation", "image/gif,video/mp4", false],
};
const OTHERS = { "📍 Place": sendPlace, "🧭 Live place": sendLivePlace, "👤 Contact": sendContact };

export class AttachMenu {
  constructor(onChoose) {
    this.box = element("div", "menu kinds");
    this.box.hidden = true;
    this.box.setAttribute("role", "group");
    this.box.setAttribute("aria-label", "What to send");
    const choose = (kind) => {
      this.box.hidden = true;
      onChoose(kind);
    };
    this.box.append(...[...Object.keys(FILES), ...Object.keys(OTHERS)].map((kind) => button("", kind, () => choose(kind))));
    arrowKeys(this.box, "button", true);
    this.box.addEventListener("keydown", (event) => event.key === "Escape" && (this.box.hidden = true));
  }

  toggle() {
    this.box.hidden = !this.box.hidden;
    if (!this.box.hidden) this.box.querySelector("button").focus();
  }
}

export function attach(phone, kind) {
  return OTHERS[kind] ? OTHERS[kind](phone) : sendFiles(phone, kind);
}

async function sendFiles(phone, title) {
  const [kind, accept, several] = FILES[title];
  const needed = kind === "video"; // of all others there are small made-up ones
  const words = `Choose a file.${needed ? "" : " Without one a small made-up one is sent."}`;
  const fields = [files("chosen", several ? "Files" : "File", accept, several, needed), text("caption", "Caption")];
  const filled = await phone.notices.fill(title, words, fields, "Send");
  if (!filled) return;
  const { chosen, caption } = filled;
  if (chosen.length > 1) return sendAlbum(phone, kind, chosen, caption);
  phone.conversation.toEnd();
  const about = { ...phone.whereToWrite, kind, ...(caption ? { caption } : {}) };
  if (!chosen.length) return phone.perform("send_file", about);
  return phone.perform("send_file", about, chosen[0]);
}

async function sendAlbum(phone, kind, chosen, caption) {
  const contents = await Promise.all(chosen.map(inBase64));
  const given = chosen.map(({ name }, index) => ({ kind, name, content: contents[index], ...(caption && !index ? { caption } : {}) }));
  return phone.perform("send_album", { ...phone.whereToWrite, files: given });
}

function inBase64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result.split(",")[1] ?? ""));
    reader.addEventListener("error", () => reject(reader.error));
    reader.readAsDataURL(file);
  });
}

const whereabouts = () => [number("latitude", "Latitude", HERE.latitude, LATITUDES), number("longitude", "Longitude", HERE.longitude, LONGITUDES)];

async function sendPlace(phone) {
  const fields = [...whereabouts(), text("title", "Name (if it has one)"), text("address", "Address")];
  const place = await phone.notices.fill("Place", "Where is it?", fields, "Send");
  if (!place) return;
  const { title, address, ...where } = place;
  if (!title) return phone.perform("send_location", { ...phone.whereToWrite, ...where });
  return phone.perform("send_venue", { ...phone.whereToWrite, ...where, title, address: address || title });
}

async function sendLivePlace(phone) {
  const fields = [...whereabouts(), choice("period", "For", PERIODS)];
  const place = await phone.notices.fill("Live place", "The bot hears of each movement, until you stop.", fields, "Share");
  if (!place) return;
  const { period, ...where } = place;
  return phone.perform("send_location", { ...phone.whereToWrite, ...where, live_period: Number(period) });
}

async function sendContact(phone) {
  const agreed = await phone.notices.confirm("Share your phone number?", `${phone.heading} will see it.`, "Share");
  if (agreed) return phone.perform("send_contact", { ...phone.whereToWrite });
}

// A step to the north-east.
export function moveOn(phone, { message_id: number, location }) {
  const there = { latitude: Math.min(location.latitude + STEP, 90), longitude: Math.min(location.longitude + STEP, 180) };
  return phone.perform("move_location", { ...phone.whose, message_id: number, ...there, heading: 45 });
}

export function stopSharing(phone, { message_id: number }) {
  return phone.perform("stop_location", { ...phone.whose, message_id: number });
}
