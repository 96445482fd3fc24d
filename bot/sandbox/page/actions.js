// What a person can do with a message that is there.

import { inShort } from "./media.js";
import { namesOf, seats } from "./chatlist.js";

const EMOJI = ["👍", "❤", "😁", "🎉", "🤔", "👎"];

export async function offerActions(phone, message) {
  const mine = message.from?.id === phone.person;
  const own = phone.isGroup ? mine : true;
  const editable = mine && !message.forward_origin && !message.via_bot && !message.location && !message.contact;
  const all = { Delete: own, React: true, Forward: !message.has_protected_content, Edit: editable, Reply: phone.mayWrite };
  const offered = Object.keys(all).filter((name) => all[name]);
  const answer = await phone.notices.ask("Message", `“${inShort(message).slice(0, 80)}”`, ["Cancel", ...offered]);
  if (answer && answer !== "Cancel") return ACTIONS[answer](phone, message);
}

const ACTIONS = {
  Reply: (phone, message) => phone.writing.reply(message),
  Edit: (phone, message) => phone.writing.edit(message),
  Forward: forward,
  Delete: (phone, { message_id: number }) => phone.perform("delete", { ...phone.whose, message_id: number }),
  React: react,
};

async function react(phone, message) {
  const answer = await phone.notices.ask("React", "With which emoji?", ["None", ...EMOJI]);
  if (answer) return phone.perform("react", { ...phone.whose, message_id: message.message_id, ...(answer === "None" ? {} : { emoji: answer }) });
}

async function forward(phone, message) {
  const own = seats(phone.chats.rooms).find(([first]) => first.person.id === phone.person) ?? [];
  const rooms = own.map(({ room }) => room);
  const names = namesOf(rooms);
  const answer = await phone.notices.ask("Forward", "To which chat?", ["Cancel", ...names]);
  const room = rooms[names.indexOf(answer)];
  if (!room) return;
  const there = room.chat.type === "private" ? { to_bot: String(room.bots[0].id) } : { to_chat: room.chat.id };
  const sent = await phone.perform("forward", { ...phone.whose, message_id: message.message_id, ...there });
  if (sent && room !== phone.room) phone.offer(room, phone.person);
}
