// The page: phones, what goes on behind, and the stream of changes that keeps them up to date.

import { Away, act, nameOf, toast } from "./api.js";
import { Phone } from "./phone.js";
import { refreshRooms, roomOf, rooms } from "./rooms.js";
import { Timeline } from "./timeline.js";
import { Trouble } from "./trouble.js";

const id = (name) => document.getElementById(name);

const phones = [...document.querySelectorAll(".phone")].map((section) => new Phone(section, section.dataset.side));
const timeline = new Timeline(id("threads"), id("gauges"), id("calls"));
const trouble = new Trouble(id("switches"), phones);

async function look() {
  await refreshRooms();
  await Promise.all(phones.map((phone) => phone.offer()));
  trouble.show();
}

// One look at a time, and one more when something happened meanwhile.
function once(work) {
  let running, again;
  return async function run() {
    if (running) return void (again = true);
    running = true;
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Away)) throw error; // that one the stream tells
    } finally {
      running = false;
      if (again) run(void (again = false));
    }
  };
}

const lookAgain = once(look);
const callsAgain = once(() => timeline.calls());
const showAgain = new Map(phones.map((phone) => [phone, once(() => phone.show())]));

function onChange(change) {
  callsAgain();
  switch (change.kind) {
    case "note": return timeline.add(change.note);
    case "gauges": return timeline.gauges(change.values);
    case "offers": trouble.actions = change.actions; return trouble.show();
    case "faults": return trouble.loadFaults();
    case "checkout": return toast(change.error);
    case "update": case "answer": case "ask": return;
    case "typing": return phones.filter((phone) => phone.room?.room === change.room).forEach((phone) => phone.typing());
  }
  if (!roomOf(change.room) || ["room", "user", "bot"].includes(change.kind) || !roomOf(change.room).started) return lookAgain();
  for (const phone of phones) {
    if (phone.room?.room !== change.room) continue;
    phone.typingUntil = 0;
    showAgain.get(phone)();
    document.querySelector(`[data-tab=${phone.side}]`).classList.add("unread");
  }
}

function connect() {
  const stream = new EventSource("/control/stream");
  stream.addEventListener("message", (event) => onChange(JSON.parse(event.data)));
  stream.addEventListener("open", () => {
    id("away").hidden = true;
    Promise.all([lookAgain(), timeline.load(), trouble.load()]).catch((error) => toast(error.message));
  });
  stream.addEventListener("error", () => (id("away").hidden = false));
}

// One panel at a time on a small screen.
function openTab(name) {
  document.body.dataset.open = name;
  for (const tab of document.querySelectorAll("[data-tab]")) {
    tab.setAttribute("aria-pressed", String(tab.dataset.tab === name));
    if (tab.dataset.tab === name) tab.classList.remove("unread");
  }
}
for (const tab of document.querySelectorAll("[data-tab]")) tab.addEventListener("click", () => openTab(tab.dataset.tab));
openTab("left");

function theme(name) {
  document.documentElement.style.colorScheme = name;
  localStorage.setItem("theme", name);
}
const stored = localStorage.getItem("theme");
if (stored) theme(stored);
id("theme").addEventListener("click", () => {
  const now = document.documentElement.style.colorScheme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  theme(now === "dark" ? "light" : "dark");
});

id("show-log").addEventListener("click", () => {
  const log = id("log");
  log.hidden = !log.hidden;
  id("threads").hidden = !log.hidden;
  id("show-log").setAttribute("aria-pressed", String(!log.hidden));
});

const NAMES = ["Carla", "Dino", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas"];
const unused = () => NAMES.find((name) => !rooms.some((room) => room.members.some((one) => one.first_name === name))) ?? `Customer ${rooms.length}`;

id("new-customer").addEventListener("click", async () => {
  const bot = rooms.find((room) => room.chat.type === "private")?.bots[0];
  const user = bot && (await act("user", { first_name: unused() }));
  if (!user) return toast("Start a bot first");
  await act("send", { user: user.id, bot: String(bot.id), text: "/start" });
  await look();
  phones[0].choose(`${bot.id}:${user.id}|${user.id}`);
  openTab("left");
});

id("new-group").addEventListener("click", async () => {
  const bot = rooms.find((room) => room.chat.type !== "private")?.bots[0] ?? rooms[0]?.bots[0];
  const people = bot && [await act("user", { first_name: unused() }), await act("user", { first_name: "Ben" })];
  if (!people) return toast("Start a bot first");
  const group = await act("group", { title: `${nameOf(people[0])} and Ben`, members: people.map((one) => one.id), bots: [String(bot.id)] });
  await look();
  phones[1].choose(`${group.id}|${people[0].id}`);
  openTab("right");
});

document.addEventListener("chosen", () => trouble.show());
connect();
