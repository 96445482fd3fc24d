// The chats to choose from: each person's, as that person's phone lists them.

import { arrowKeys, button, clock, dayOf, element, face, nameOf } from "./dom.js";
import { inShort } from "./media.js";
import { GROUPS } from "./people.js";
import { service } from "./services.js";

export const titleOf = (room) =>
  room.chat.type === "private" ? room.bots[0]?.first_name ?? "A bot" : room.chat.title;

// What to call each of several chats to choose from: two may have the same title.
export const namesOf = (rooms) =>
  rooms.map((room) => (rooms.some((one) => one !== room && titleOf(one) === titleOf(room)) ? `${titleOf(room)} (${room.chat.id})` : titleOf(room)));

export const seatOf = (room, person) => `${room.room}|${person.id}`;

// What everybody has in front of them: a chat of theirs, by whom.
export function seats(rooms) {
  const people = new Map();
  for (const room of rooms) {
    for (const person of room.members) {
      if (!people.has(person.id)) people.set(person.id, []);
      people.get(person.id).push({ room, person, seat: seatOf(room, person) });
    }
  }
  const newest = (one) => one.room.last?.date ?? 0;
  const inOrder = [...people.values()].sort(([a], [b]) => a.person.id - b.person.id);
  return inOrder.map((own) => own.sort((a, b) => newest(b) - newest(a)));
}

export class ChatList {
  // on.choose(seat), on.close(), on.customer() and on.group(kind) when a new one is wanted, on.start(bot, person),
  // on.join(room, person)
  constructor(on) {
    this.on = on;
    this.box = element("nav", "chats");
    this.box.setAttribute("aria-label", "Chats");
    this.box.hidden = true;
    this.people = element("div");
    const more = element("div", "more");
    const groups = Object.keys(GROUPS).map((kind) => button("", `+ New ${kind}`, () => on.group(kind)));
    more.append(button("", "+ New customer", on.customer), ...groups);
    this.box.append(this.people, more);
    arrowKeys(this.box, "button");
    this.box.addEventListener("keydown", (event) => event.key === "Escape" && on.close());
  }

  patch({ rooms, bots }, current) {
    const focused = this.people.querySelector(":focus")?.dataset.seat;
    this.people.replaceChildren(...seats(rooms).map((own) => this.person(own, bots, rooms, current)));
    if (focused) this.row(focused)?.focus();
  }

  row(seat) {
    return this.people.querySelector(`[data-seat="${CSS.escape(seat)}"]`);
  }

  focus(current) {
    (this.row(current) ?? this.box.querySelector("button")).focus();
  }

  person(own, bots, rooms, current) {
    const part = element("section");
    const { person } = own[0];
    part.append(element("h3", "", person.offline ? `${nameOf(person)} · offline` : nameOf(person)));
    part.append(...own.map(({ room, seat }) => this.chat(room, own[0].person, seat, seat === current)));
    const known = new Set(own.filter(({ room }) => room.chat.type === "private").map(({ room }) => room.bots[0].id));
    const others = element("div", "others");
    others.append(...bots.filter((bot) => !known.has(bot.id)).map((bot) => this.other(bot, person)));
    const foreign = rooms.filter((room) => room.chat.type === "channel" && !own.some((one) => one.room === room));
    others.append(...foreign.map((room) => this.foreign(room, person)));
    if (others.hasChildNodes()) part.append(others);
    return part;
  }

  // A bot that somebody has no chat with yet.
  other(bot, person) {
    const made = button("", `+ ${bot.first_name}`, () => this.on.start(bot, person.id));
    made.dataset.seat = `${bot.id}:${person.id}`;
    made.setAttribute("aria-label", `Let ${nameOf(person)} start ${bot.first_name}`);
    return made;
  }

  // A channel that somebody does not read yet.
  foreign(room, person) {
    const made = button("", `+ ${titleOf(room)}`, () => this.on.join(room, person.id));
    made.setAttribute("aria-label", `Let ${nameOf(person)} join ${titleOf(room)}`);
    return made;
  }

  chat(room, { id }, seat, isCurrent) {
    const { unread } = room.members.find((one) => one.id === id);
    const row = button("", "", () => this.on.choose(seat));
    row.dataset.seat = seat;
    if (isCurrent) row.setAttribute("aria-current", "true");
    const text = element("span", "about");
    text.append(element("b", "", titleOf(room)), element("span", "last", room.last ? summary(room) : "No messages yet"));
    const side = element("span", "side");
    if (room.last) side.append(element("time", "", when(room.last.date)));
    if (unread) {
      const badge = element("span", "badge", String(unread));
      badge.setAttribute("aria-label", `${unread} unread`);
      badge.setAttribute("role", "img");
      side.append(badge);
    }
    row.append(face(titleOf(room), room.chat.id), text, side);
    return row;
  }
}

const when = (seconds) => (dayOf(seconds) === "Today" ? clock(seconds) : dayOf(seconds));

function summary(room) {
  const told = service(room.last);
  if (told) return told;
  const said = inShort(room.last);
  return room.chat.type === "private" || !room.last.from ? said : `${nameOf(room.last.from)}: ${said}`;
}
