// Keys of a reply keyboard: what each asks the person for before it is pressed.

import { nameOf } from "./dom.js";
import { choices } from "./fields.js";
import { namesOf } from "./chatlist.js";
import { open } from "./webapp.js";

export async function press(phone, key) {
  const given = await agreed(phone, key);
  if (!given) return;
  phone.conversation.toEnd();
  const done = await phone.perform("press_key", { ...phone.whose, key: key.text, ...given });
  if (done?.web_app) open(phone, done, key.text);
}

// What goes along with the key, or nothing if the person does not want it.
async function agreed({ notices, heading, chats, person }, key) {
  if (key.request_contact) return (await notices.confirm("Share your phone number?", `${heading} will see it.`, "Share")) && {};
  if (key.request_location) return (await notices.confirm("Share your place?", `${heading} will see where you are.`, "Share")) && {};
  if (key.request_users) return people(notices, key, chats);
  if (key.request_chat) return chat(notices, key, chats, person);
  return {};
}

async function people(notices, key, { rooms, bots }) {
  const everybody = new Map(rooms.flatMap((room) => room.members).map((one) => [one.id, one]));
  const asked = key.request_users.user_is_bot;
  const offered = [...(asked === true ? [] : everybody.values()), ...(asked === false ? [] : bots)];
  const field = choices("chosen", "People", offered.map((one) => [String(one.id), nameOf(one)]));
  const filled = await notices.fill(key.text, `Up to ${key.request_users.max_quantity ?? 1}`, [field], "Share");
  return filled && { shared_users: filled.chosen.map(Number) };
}

async function chat(notices, key, { rooms }, person) {
  const wanted = key.request_chat.chat_is_channel ? ["channel"] : ["group", "supergroup"];
  const offered = rooms.filter((room) => wanted.includes(room.chat.type) && room.members.some((one) => one.id === person));
  if (!offered.length) return notices.toast(`There is no ${wanted[0]} that you are in`);
  const names = namesOf(offered);
  const answer = await notices.ask(key.text, "Which one?", ["Cancel", ...names]);
  const room = offered[names.indexOf(answer)];
  return room && { shared_chat: room.chat.id };
}
