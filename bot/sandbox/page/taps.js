// What tapping a button or a link in a chat does.

import { get, quietly } from "./api.js";
import { isSafe } from "./dom.js";
import { open } from "./webapp.js";

const PATIENCE = 20; // seconds for the bot's answer to a tap

export async function tap(phone, message, key, where) {
  const { notices } = phone;
  if (key.copy_text) {
    await navigator.clipboard?.writeText(key.copy_text.text).catch(() => {});
    return notices.toast(`Copied ${key.copy_text.text}`);
  }
  const address = key.url ?? key.login_url?.url;
  if (address) return follow(phone, address) || (isSafe(address) && window.open(address, "_blank", "noopener"));
  if (message.chat.id !== phone.room.chat.id) return notices.toast("That was before the group became a supergroup");
  const place = { ...phone.whose, message_id: message.message_id };
  if (key.pay) return phone.perform("pay", place);
  if (key.web_app) return openApp(phone, { message_id: message.message_id, button: key.text }, key.text);
  if (key.switch_inline_query_current_chat !== undefined) return phone.ask(message, key.switch_inline_query_current_chat);
  if (!key.callback_data) return notices.toast("Only Telegram’s own apps can do that");
  where.classList.add("waiting");
  where.setAttribute("aria-busy", "true");
  const title = phone.heading;
  const tapped = await phone.perform("tap", { ...place, button: key.callback_data });
  const answer = tapped && (await answerTo(tapped.callback_query_id));
  where.classList.remove("waiting");
  where.removeAttribute("aria-busy");
  if (answer?.text) answer.show_alert ? notices.alert(title, answer.text) : notices.toast(answer.text);
}

const answerTo = quietly((query) => get(`callback/${query}?wait=${PATIENCE}`));

async function openApp(phone, which, title) {
  const opened = await phone.perform("open_web_app", { ...phone.whose, ...which });
  if (opened) open(phone, opened, title);
}

export const openMenuApp = (phone) => openApp(phone, {}, phone.bot.menu_button.text);

// A link to a bot of this sandbox opens here. Returns whether it was one.
export function follow(phone, address) {
  if (!URL.canParse(address)) return false;
  const link = new URL(address);
  if (link.hostname === "t.me" && link.pathname.startsWith("/+")) return Boolean(followInvite(phone, address));
  const name = link.protocol === "tg:" ? link.searchParams.get("domain") : link.hostname === "t.me" ? link.pathname.slice(1) : "";
  const bot = name && phone.chats.bots.find((one) => one.username.toLowerCase() === name.toLowerCase());
  if (!bot) return false;
  if (link.searchParams.has("startgroup")) startInGroup(phone, bot, link.searchParams.get("startgroup"));
  else start(phone, bot, link.searchParams.get("start") ?? "");
  return true;
}

async function followInvite(phone, link) {
  const followed = await phone.act("follow", { user: phone.person, link });
  if (!followed) return;
  if (followed.joined) return phone.enterRoom(followed.chat.id, phone.person);
  phone.notices.toast(`You asked to be let into ${followed.chat.title}`);
}

export async function start(phone, bot, payload, person = phone.person) {
  const key = `${bot.id}:${person}`;
  const done = await phone.perform("start", { user: person, bot: String(bot.id), payload }, undefined, key);
  if (done) phone.choose(`${key}|${person}`);
}

function startInGroup(phone, bot, payload) {
  const group = phone.chats.rooms.find((one) => one.chat.type.endsWith("group") && one.members.some((member) => member.id === phone.person));
  if (!group) return phone.notices.toast("Make a group first, in the list of chats");
  return phone.act("add_bot", { chat: group.chat.id, bot: String(bot.id), by: phone.person, start: payload });
}
