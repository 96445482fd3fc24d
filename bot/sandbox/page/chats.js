// The chats of this sandbox, kept up to date by single changes. Nothing here is shown.

import { get } from "./api.js";
import { isAboutTopics } from "./topics.js";

// The messages of one chat. A supergroup's begin with those of the group that it was (`former`).
class History {
  constructor({ room, former }) {
    this.room = room;
    this.rooms = former ? [former, room] : [room];
    this.messages = new Map(); // by id, oldest first
  }

  async load() {
    this.meanwhile = []; // changes that the answer may not know of yet
    const all = await Promise.all(this.rooms.map((room) => get(`messages?room=${encodeURIComponent(room)}`)));
    const shown = all.flat().filter((one) => !one.deleted && !one.migrate_to_chat_id).map(({ edits, deleted, ...message }) => [message.message_id, message]);
    this.messages = new Map(shown);
    const missed = this.meanwhile;
    this.meanwhile = undefined;
    missed.forEach((change) => this.apply(change));
  }

  apply(change) {
    this.meanwhile?.push(change);
    const { kind, message } = change;
    const known = this.messages.get(message?.message_id);
    const { reactions } = kind === "reaction" ? message : known ?? {};
    if (kind === "message" || kind === "edit") this.messages.set(message.message_id, { ...message, ...(reactions ? { reactions } : {}) });
    if (kind === "reaction" && known) this.messages.set(message.message_id, { ...known, reactions });
    if (kind === "delete") this.messages.delete(message.message_id);
  }
}

export class Chats {
  rooms = []; // as the control API lists them
  bots = [];
  histories = new Map(); // of the chats that were opened, by room
  refreshing = new Set(); // for each look at the list: changes that its answer may not know of yet

  roomOf(key) {
    return this.rooms.find((room) => room.room === key || (room.former && room.former === key));
  }

  async history(key) {
    if (!this.histories.has(key)) this.histories.set(key, new History(this.roomOf(key)));
    const history = this.histories.get(key);
    history.loaded ??= history.load();
    await history.loaded;
    return history;
  }

  async refresh() {
    const missed = [];
    this.refreshing.add(missed);
    try {
      [this.rooms, this.bots] = await Promise.all([get("chats"), get("bots")]);
    } finally {
      this.refreshing.delete(missed);
    }
    missed.forEach((change) => this.applyToRoom(change));
  }

  // After the stream was away: whatever was known may be of another sandbox.
  forget() {
    this.histories.clear();
  }

  // Applies a change of the stream. Returns whether that was enough, or the list of chats has to be looked at anew.
  apply(change) {
    this.refreshing.forEach((missed) => missed.push(change));
    this.histories.get(change.room)?.apply(change);
    return this.applyToRoom(change);
  }

  applyToRoom({ kind, room: key, message, user, unread }) {
    const room = this.roomOf(key);
    if (!room || kind === "room") return false;
    const number = message?.message_id;
    switch (kind) {
      case "message": return heard(room, message) && !isAboutTopics(message);
      case "edit":
        if (room.last?.message_id === number) room.last = message;
        return true;
      case "delete":
        return room.last?.message_id !== number && room.members.every((member) => number <= member.read);
      case "read": {
        const member = room.members.find((one) => one.id === user);
        if (member) Object.assign(member, { read: number, unread });
        return true;
      }
      default: return true;
    }
  }
}

function heard(room, message) {
  if (message.message_id <= room.newest) return true; // told again by a stream that was interrupted
  room.newest = message.message_id;
  room.last = message;
  room.started = true;
  for (const member of room.members) if (member.id !== message.from?.id) member.unread += 1;
  return true;
}
