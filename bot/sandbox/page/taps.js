// What tapping a button or a link in a chat does.

import { act, get } from "./api.js";
import { isSafe } from "./dom.js";

const PATIENCE = 20; // seconds for the bot's answer to a tap

export async function tap(phone, message, key, where) {
  const { notices } = phone;
  if (key.copy_text) {
    await navigator.clipboard?.writeText(key.copy_text.text).catch(() => {});
    return notices.toast(`Copied ${key.copy_text.text}`);
  }
  if (key.url) return follow(phone, key.url) || (isSafe(key.url) && window.open(key.url, "_blank", "noopener"));
  const place = { ...phone.place, user: phone.person, message_id: message.message_id };
  if (key.pay) return phone.act("pay", place);
  where.classList.add("waiting");
  where.setAttribute("aria-busy", "true");
  const title = phone.heading;
  const tapped = await phone.act("tap", { ...place, button: key.callback_data ?? key.text });
  const answer = tapped && (await get(`callback/${tapped.callback_query_id}?wait=${PATIENCE}`));
  where.classList.remove("waiting");
  where.removeAttribute("aria-busy");
  if (answer?.text) answer.show_alert ? notices.alert(title, answer.text) : notices.toast(answer.text);
}

// A link to a bot of this sandbox opens here. Returns whether it was one.
export function follow(phone, address) {
  if (!URL.canParse(address)) return false;
  const link = new URL(address);
  const name = link.protocol === "tg:" ? link.searchParams.get("domain") : link.hostname === "t.me" ? link.pathname.slice(1) : "";
  const { rooms } = phone.chats;
  const bot = name && rooms.flatMap((room) => room.bots).find((one) => one.username?.toLowerCase() === name.toLowerCase());
  if (!bot) return false;
  if (link.searchParams.has("startgroup")) startInGroup(phone, bot, link.searchParams.get("startgroup"));
  else start(phone, bot, link.searchParams.get("start") ?? "");
  return true;
}

export async function start(phone, bot, payload) {
  const done = await phone.act("start", { user: phone.person, bot: String(bot.id), payload });
  if (done) phone.choose(`${bot.id}:${phone.person}|${phone.person}`);
}

function startInGroup(phone, bot, payload) {
  const group = phone.chats.rooms.find((one) => one.chat.type !== "private" && one.members.some((member) => member.id === phone.person));
  if (!group) return phone.notices.toast("Make a group first, in the list of chats");
  return phone.act("add_bot", { chat: group.chat.id, bot: String(bot.id), by: phone.person, start: payload });
}
