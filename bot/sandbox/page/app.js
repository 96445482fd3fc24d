// The page: phones, what goes on behind, and the stream of changes that keeps them up to date.

import { quietly } from "./api.js";
import { Calls } from "./calls.js";
import { Chats } from "./chats.js";
import { once } from "./dom.js";
import { offerIntro, showZone } from "./intro.js";
import { Notices } from "./notices.js";
import { Phone } from "./phone.js";
import { Tabs } from "./tabs.js";
import { offerTheme } from "./theme.js";
import { Timeline } from "./timeline.js";
import { Trouble } from "./trouble.js";

const id = (name) => document.getElementById(name);

const chats = new Chats();
const phones = [...document.querySelectorAll(".phone")].map((section) => new Phone(section, section.dataset.side, chats));
const staffPhone = phones.at(-1);
const notices = new Notices(id("behind"), id("panels"));
const timeline = new Timeline(id("threads"), id("gauges"));
const calls = new Calls(id("log"), id("calls"));
const trouble = new Trouble(id("switches"), phones, notices);
const tabs = new Tabs(document.querySelector("body > nav"), phones);
offerTheme(id("theme"));
offerIntro(id("intro"), id("help"));
showZone(id("zone"));

function show() {
  phones.forEach((phone) => phone.show());
  tabs.show();
}

// The list of chats anew, for what no single change tells.
const look = once(quietly(async () => {
  await chats.refresh();
  await Promise.all(phones.filter((phone) => !phone.isUpToDate).map((phone) => phone.load()));
  show();
  trouble.show();
}));

// Everything anew, for the stream has begun.
const begin = once(quietly(async () => {
  chats.forget();
  calls.forget();
  await chats.refresh();
  await Promise.all([...phones.map((phone) => phone.load()), timeline.load(), trouble.load()]);
  show();
  showWhatThereIs();
}));

function onChange(change) {
  calls.look();
  switch (change.kind) {
    case "note":
      timeline.add(change.note);
      return showWhatThereIs();
    case "trouble": return timeline.addTrouble(change.trouble);
    case "gauges": return timeline.gauges(change.values);
    case "offers":
      trouble.actions = change.actions;
      showWhatThereIs();
      return trouble.show();
    case "faults": return quietly(() => trouble.loadFaults())();
    case "update": case "answer": case "inline": case "ask": return;
  }
  if (!chats.apply(change)) look();
  if (change.kind === "message") offer(change);
  for (const phone of phones) {
    if (phone.room?.room === change.room) phone.heard(change);
    else phone.show();
  }
  tabs.show();
}

// A message in a chat that nobody has in front: a phone of somebody who is in it offers to open it.
function offer({ room: key, message }) {
  const room = chats.roomOf(key);
  if (!room || phones.some((phone) => phone.room === room)) return;
  const theirs = phones.findLast((phone) => room.members.some((one) => one.id === phone.person && one.id !== message.from?.id));
  if (theirs) theirs.offer(room, theirs.person);
  else if (room.chat.type !== "private" && message.from?.is_bot) staffPhone.offer(room, room.members[0].id);
}

function connect() {
  const stream = new EventSource("/control/stream");
  stream.addEventListener("message", (event) => onChange(JSON.parse(event.data)));
  stream.addEventListener("open", () => {
    id("away").hidden = true;
    begin();
  });
  stream.addEventListener("error", () => (id("away").hidden = false));
}

// A bot of somebody's own tells no events: then the requests are what there is to see, unless somebody has chosen.
let chosen = false;
function showWhatThereIs() {
  if (!chosen) showLog(timeline.isEmpty && !trouble.actions.length);
}

function showLog(shown) {
  id("log").hidden = !shown;
  id("threads").hidden = shown;
  id("show-log").setAttribute("aria-pressed", String(shown));
  id("shown").textContent = shown ? "API log" : "Timeline";
  calls.look();
}
id("show-log").addEventListener("click", () => {
  chosen = true;
  showLog(id("log").hidden);
});

document.addEventListener("chosen", () => {
  trouble.show();
  tabs.show();
});
connect();
