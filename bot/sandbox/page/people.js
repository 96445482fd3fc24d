// New people and groups, with names that nobody has yet.

import { nameOf } from "./dom.js";

const NAMES = ["Carla", "Dino", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kofi", "Lena"];

function unused(rooms, not = "") {
  const taken = new Set(rooms.flatMap((room) => room.members.map((one) => one.first_name)));
  return NAMES.find((name) => !taken.has(name) && name !== not) ?? `Person ${taken.size + 1}`;
}

// The bot, or the one that is chosen. Undefined when there is none, or none was.
async function someBot(phone, title) {
  const { bots } = phone.chats;
  if (!bots.length) return phone.notices.toast("Start a bot first: its first request makes it appear");
  if (bots.length === 1) return bots[0];
  const names = bots.map((bot) => `${bot.first_name} (@${bot.username})`);
  const answer = await phone.notices.ask(title, "With which bot?", ["Cancel", ...names.toReversed()]);
  return bots[names.indexOf(answer)];
}

// Somebody who writes to a bot.
export async function newCustomer(phone) {
  const bot = await someBot(phone, "New customer");
  const user = bot && (await phone.act("user", { first_name: unused(phone.chats.rooms) }));
  const sent = user && (await phone.act("start", { user: user.id, bot: String(bot.id) }));
  if (sent) return phone.choose(`${bot.id}:${user.id}|${user.id}`);
}

// The kinds of chats that people make, and what becomes of a new one.
export const GROUPS = {
  group: (phone, about) => phone.act("group", about),
  forum: makeForum,
  channel: (phone, about) => phone.act("channel", about),
};

async function makeForum(phone, about) {
  const group = await phone.act("group", about);
  const made = group && (await phone.act("migrate", { chat: group.id }));
  return made && phone.act("forum", { chat: made.id });
}

// Two people with a bot; it is the first one's.
export async function newGroup(phone, kind) {
  const { rooms } = phone.chats;
  const bot = await someBot(phone, `New ${kind}`);
  const one = bot && (await phone.act("user", { first_name: unused(rooms) }));
  const other = one && (await phone.act("user", { first_name: unused(rooms, one.first_name) }));
  const title = other && `${kind === "channel" ? "News of " : ""}${nameOf(one)} and ${nameOf(other)}`;
  const made = other && (await GROUPS[kind](phone, { title, members: [one.id, other.id], bots: [String(bot.id)] }));
  if (made) return phone.choose(`${made.id}|${one.id}`);
}
