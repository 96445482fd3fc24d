// A phone: one person in one chat, or that person looking at the list of chats.

import { offerActions } from "./actions.js";
import { act, get, quietly, send } from "./api.js";
import { attach, moveOn, stopSharing } from "./attaching.js";
import { ChatList, seatOf, seats, titleOf } from "./chatlist.js";
import { Conversation } from "./conversation.js";
import { button, element, face, nameOf, once, signButton } from "./dom.js";
import { Inline } from "./inline.js";
import { press } from "./keys.js";
import { Notices } from "./notices.js";
import { newCustomer, newGroup } from "./people.js";
import { inShort } from "./media.js";
import { follow, openMenuApp, start, tap } from "./taps.js";
import { Topics } from "./topics.js";
import { Writing } from "./writing.js";

const TYPING = 5000; // ms that "typing…" lasts (Bot API, sendChatAction)

export class Phone {
  constructor(section, side, chats) {
    this.section = section;
    this.side = side; // "left" for a customer's phone at first, "right" for the staff's
    this.chats = chats;
    this.seat = localStorage.getItem(`phone-${side}`) ?? "";
    this.build();
    this.show = this.soon(() => this.draw());
    this.markRead = once(() => this.read());
    this.choose = quietly((seat) => this.open(seat));
    this.writing.enter(this.seat);
  }

  build() {
    const screen = element("div", "screen");
    this.conversation = new Conversation(this, {
      key: (message, key, where) => tap(this, message, key, where),
      command: (text) => this.write(text),
      link: (address) => follow(this, address),
      end: () => this.markRead(),
      more: (message) => offerActions(this, message),
      move: (message) => moveOn(this, message),
      stop: (message) => stopSharing(this, message),
    });
    this.inline = new Inline(this);
    this.writing = new Writing({
      write: (text, replyTo) => this.write(text, replyTo),
      command: (name) => this.write(this.isGroup ? `/${name}@${this.bot.username}` : `/${name}`),
      edit: (number, text) => this.perform("edit", { ...this.whose, message_id: number, text }),
      key: (key) => press(this, key),
      attach: async (kind) => (await attach(this, kind)) && this.writing.about.clear(),
      typed: (text) => this.inline.typed(text),
      leave: () => this.inline.close(),
      menu: () => openMenuApp(this),
      results: this.inline.box,
      up: () => this.conversation.focusKeys(),
    });
    this.list = new ChatList({
      choose: (seat) => this.choose(seat),
      close: () => this.closeList(),
      customer: () => newCustomer(this),
      group: (kind) => newGroup(this, kind),
      join: (room, person) => this.join(room, person),
      start: (bot, person) => start(this, bot, "", person),
    });
    this.pinned = button("pinned", "", () => this.conversation.find(this.room?.pinned?.[0])?.scrollIntoView());
    this.banner = element("p", "banner", "📵 This phone is offline");
    this.unblock = button("unblock", "Unblock", () => this.act("block", { user: this.person, bot: String(this.bot.id), blocked: false }));
    this.front = element("div", "front");
    const { menu, kinds, about, form, keys } = this.writing;
    this.topics = new Topics(this);
    this.leave = button("unblock", "Leave the channel", () => this.perform("leave", { user: this.person, chat: this.room.chat.id }));
    const above = [menu, kinds.box, this.inline.box, about.box];
    this.front.append(this.topics.box, this.pinned, this.banner, this.conversation.box, ...above, form, keys, this.unblock, this.leave);
    screen.append(this.buildHead(), this.list.box, this.front);
    this.section.replaceChildren(screen);
    this.notices = new Notices(this.section, screen);
  }

  buildHead() {
    this.holder = element("span", "holder");
    this.back = signButton("back", "", "Chats", () => (this.list.box.hidden ? this.openList() : this.closeList()));
    this.badge = element("span", "badge");
    this.face = face("?", 0);
    this.title = element("strong");
    this.status = element("small");
    const names = element("div", "names");
    names.append(this.title, this.status);
    const head = element("header", "bar");
    this.back.append(element("span", "arrow", "‹"), this.badge);
    head.append(this.back, this.face, names, this.holder);
    return head;
  }

  // Once for all that happens until the next picture.
  soon(work) {
    let waiting = false;
    return () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        work();
      });
    };
  }

  get room() { return this.chats.roomOf(this.seat.split("|")[0]); }
  get person() { return Number(this.seat.split("|")[1]); }
  get me() { return this.room?.members.find((one) => one.id === this.person); }
  get isGroup() { return this.room?.chat.type !== "private"; }
  get bot() { return this.room?.bots[0]; }
  // A customer's phone shows a group only until there is a customer.
  get isMakeshift() { return this.guessed && this.side === "left" && this.isGroup && this.seat !== this.preferred(); }
  get isUpToDate() { return Boolean(this.me) && !this.isMakeshift && this.history?.room === this.room.room; }
  get isListing() { return !this.list.box.hidden; }

  // Names the bot or the group, as the control API wants it.
  get place() {
    return this.isGroup ? { chat: this.room.chat.id } : { bot: String(this.bot.id) };
  }

  // Who does something, and where.
  get whose() {
    return { user: this.person, ...this.place };
  }

  // The same for a new message, with its topic and what it answers.
  get whereToWrite() {
    const { answered } = this.writing.about;
    return { ...this.whose, ...this.topics.place, ...(answered ? { reply_to: answered } : {}) };
  }

  // In a channel only administrators write.
  get onlyReads() { return this.room?.chat.type === "channel" && !["creator", "administrator"].includes(this.me?.status); }
  get mayWrite() { return Boolean(this.room) && !this.room.blocked && !this.onlyReads; }

  // How many messages this person has not seen, in this chat and in the others.
  get unread() {
    const own = seats(this.chats.rooms).find(([first]) => first.person.id === this.person) ?? [];
    const others = own.filter(({ seat }) => seat !== this.seat).reduce((sum, { person }) => sum + person.unread, 0);
    return { here: this.me?.unread ?? 0, others };
  }

  act(verb, body, file) {
    const refused = (why) => this.notices.toast(why);
    return file ? send(verb, body, file, refused) : act(verb, body, refused);
  }

  // As `act`, for what a person does in a chat. Why that can't be is known here: there is no need to ask.
  perform(verb, body, file, key = this.room.room) {
    const person = this.chats.rooms.flatMap((room) => room.members).find((one) => one.id === body.user);
    if (person?.offline) return this.notices.toast(`${nameOf(person)}’s phone is offline`);
    if (this.chats.roomOf(key)?.blocked) return this.notices.toast("Unblock the bot first");
    return this.act(verb, body, file);
  }

  write(text, replyTo) {
    this.inline.close();
    this.conversation.toEnd();
    return this.perform("send", { ...this.whereToWrite, text, ...(replyTo ? { reply_to: replyTo } : {}) });
  }

  // Which chat

  // At first the left phone is a customer's, the right one the staff's: a group, or somebody's chat with another bot.
  preferred() {
    const { rooms } = this.chats;
    const first = rooms.find((room) => room.chat.type === "private");
    const staff = rooms.find((room) => room.chat.type !== "private") ?? rooms.find((room) => room.bots[0]?.id !== first?.bots[0]?.id);
    const room = (this.side === "left" ? first : staff) ?? rooms[0];
    return room?.members.length ? seatOf(room, room.members[0]) : "";
  }

  openList() {
    this.list.box.hidden = false;
    this.front.hidden = true;
    this.draw();
    this.list.focus(this.seat);
  }

  closeList() {
    this.list.box.hidden = true;
    this.front.hidden = false;
    this.draw();
    this.back.focus();
  }

  async open(seat) {
    if (!this.chats.roomOf(seat.split("|")[0])) await this.chats.refresh(); // it is new
    localStorage.setItem(`phone-${this.side}`, seat);
    this.guessed = false;
    await this.enter(seat);
    if (this.isListing) this.closeList();
    this.section.dispatchEvent(new Event("chosen", { bubbles: true }));
  }

  enter(seat) {
    this.seat = seat;
    this.conversation.clear();
    this.inline.close();
    this.writing.enter(seat);
    return this.load();
  }

  async join(room, person) {
    if (await this.act("join", { chat: room.chat.id, user: person })) this.enterRoom(room.chat.id, person);
  }

  // Opens a chat that somebody has come into.
  async enterRoom(number, person) {
    await this.chats.refresh(); // who is in it is new
    this.choose(`${number}|${person}`);
  }

  // Offers to open another chat, which has something new.
  offer(room, person) {
    if (room.members.some((one) => one.id === person && one.offline)) return;
    this.notices.offer(`New in ${titleOf(room)}`, () => this.choose(`${room.room}|${person}`));
  }

  // Reads the chat anew. What follows comes by single changes.
  async load() {
    if (!this.me || this.isMakeshift) {
      this.guessed = true;
      this.seat = this.preferred();
      this.writing.enter(this.seat);
    }
    const { room } = this;
    if (!room) return this.show();
    const seat = (this.seat = seatOf(room, this.me)); // a group may have become a supergroup
    const [history, missed] = await Promise.all([this.chats.history(room.room), this.missed()]);
    if (this.seat !== seat) return; // another chat has been opened meanwhile
    Object.assign(this, { history, missing: missed });
    this.show();
  }

  // What has come since this phone went offline.
  async missed() {
    if (!this.me.offline) return new Set();
    const changes = await get(`changes?after=${this.me.offline_since_seq}`);
    return new Set(changes.filter((one) => one.kind === "message" && one.room === this.room.room).map((one) => one.message.message_id));
  }

  // Showing it

  draw() {
    const { room, me, bot } = this;
    this.drawHead();
    if (this.isListing) this.list.patch(this.chats, this.seat);
    if (!room) return this.conversation.list.replaceChildren(element("p", "service", "Nobody is here yet: a bot's first request makes it appear."));
    if (!this.isUpToDate) return; // still on its way
    if (me.offline && this.conversation.shown.size) return; // it has not heard of anything since
    const all = [...this.history.messages.values()];
    const seen = all.filter(({ message_id: id }) => id > room.cleared && !(me.offline && this.missing.has(id)));
    const messages = this.topics.only(seen);
    const begin = this.isGroup || room.started ? undefined : button("start", "START", () => start(this, bot, ""));
    this.conversation.patch(messages, me.unread, begin);
    this.writing.patch(messages, this.person, bot?.commands_of?.[this.person] ?? bot?.commands ?? []);
    this.writing.showMenuButton(this.isGroup ? undefined : bot?.menu_button);
    this.drawPinned(messages);
  }

  // Asks the bot that a message is of in inline mode, as if that had been typed.
  ask(message, query) {
    const { username } = message.via_bot ?? message.from;
    this.writing.input.value = `@${username} ${query}`;
    this.writing.input.focus();
    this.inline.typed(this.writing.input.value);
  }

  get heading() { return this.room ? titleOf(this.room) : "No chat"; }

  drawHead() {
    const { room, me, unread } = this;
    const title = this.heading;
    const members = room && room.members.length + room.bots.length;
    const quiet = this.isListing ? "Whose phone, and which chat?" : !room ? "" : this.isGroup ? `${members} ${room.chat.type === "channel" ? "subscribers" : "members"}` : "bot";
    this.title.textContent = this.isListing ? "Chats" : title;
    this.face.replaceWith((this.face = face(title, room?.chat.id ?? 0)));
    this.face.hidden = this.isListing || !room;
    this.status.textContent = this.typingUntil > Date.now() ? "typing…" : quiet;
    this.holder.textContent = me ? `${nameOf(me)}’s phone` : "";
    this.holder.hidden = this.isListing || !me;
    this.back.setAttribute("aria-expanded", String(this.isListing));
    this.back.setAttribute("aria-label", unread.others ? `Chats, ${unread.others} unread` : "Chats");
    this.badge.textContent = unread.others || "";
    this.banner.hidden = !me?.offline;
    this.section.classList.toggle("offline", Boolean(me?.offline));
    this.section.setAttribute("aria-label", me ? `${nameOf(me)}’s phone` : `Phone on the ${this.side}`);
    this.writing.allow(this.mayWrite);
    this.leave.hidden = !this.onlyReads;
    this.topics.patch();
    this.unblock.hidden = !room?.blocked;
    this.pinned.hidden ||= !room;
  }

  drawPinned(messages) {
    const message = messages.find((one) => one.message_id === this.room.pinned?.[0]);
    this.pinned.hidden = !message;
    this.pinned.textContent = message ? `📌 ${inShort(message)}` : "";
  }

  typing() {
    this.typingUntil = Date.now() + TYPING;
    this.show();
    setTimeout(this.show, TYPING + 50);
  }

  // A change of the stream in this phone's chat.
  heard(change) {
    if (change.kind === "typing") return this.typing();
    if (change.kind === "checkout") return this.notices.toast(change.error);
    if (change.kind === "message" && change.message.from?.id !== this.person) this.typingUntil = 0;
    this.show();
  }

  // Tells Telegram that the person has seen the newest message.
  async read() {
    const { room, me } = this;
    if (me?.unread && !me.offline && this.conversation.atEnd && this.conversation.isSeen && this.history?.room === room.room) {
      await this.act("read", { user: this.person, ...this.place, message_id: room.newest });
    }
  }
}
