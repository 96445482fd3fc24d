// New people and groups, with names that nobody has yet.

import { nameOf } from "./dom.js";

const NAMES = ["Carla", "Dino", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kofi", "Lena"];

function unused(rooms, not = "") {
  const taken = new Set(rooms.flatMap((room) => room.members.map((one) => one.first_name)));
  return NAMES.find((name) => !taken.has(name) && name !== not) ?? `Person ${taken.size + 1}`;
}

// Somebody who writes to the first bot that people have chats with.
export async function newCustomer(phone) {
  const { rooms } = phone.chats;
  const bot = rooms.find((room) => room.chat.type === "private")?.bots[0];
  if (!bot) return phone.notices.toast("Start a bot first: its first request makes it appear");
  const user = await phone.act("user", { first_name: unused(rooms) });
  const sent = user && (await phone.act("send", { user: user.id, bot: String(bot.id), text: "/start" }));
  if (sent) return phone.choose(`${bot.id}:${user.id}|${user.id}`);
}

// Two people with the bot that is in a group already, or with the first one.
export async function newGroup(phone) {
  const { rooms } = phone.chats;
  const bot = rooms.find((room) => room.chat.type !== "private" && room.bots.length)?.bots[0] ?? rooms[0]?.bots[0];
  if (!bot) return phone.notices.toast("Start a bot first: its first request makes it appear");
  const one = await phone.act("user", { first_name: unused(rooms) });
  const other = one && (await phone.act("user", { first_name: unused(rooms, one.first_name) }));
  const group = other && (await phone.act("group", { title: `${nameOf(one)} and ${nameOf(other)}`, members: [one.id, other.id], bots: [String(bot.id)] }));
  if (group) return phone.choose(`${group.id}|${one.id}`);
}
