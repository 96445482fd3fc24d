// A phone: one person in one chat.

import { act, button, element, get, isSafe, nameOf, tell, toast } from "./api.js";
import { dayOf, messageOf } from "./message.js";
import { rooms, roomOf } from "./rooms.js";

const SHOWN = 100; // messages at first; earlier ones on request
const TYPING = 5000; // ms that "typing…" lasts (Bot API, sendChatAction)

export class Phone {
  constructor(section, side) {
    this.section = section;
    this.side = side; // "left" for a customer's phone at first, "right" for the staff's
    this.shown = new Map(); // message id -> what stands in the chat for it
    this.limit = SHOWN;
    this.build();
    this.value = localStorage.getItem(`phone-${side}`) ?? "";
  }

  build() {
    this.face = element("span", "face");
    this.title = element("strong");
    this.status = element("small");
    this.choice = element("select");
    this.choice.setAttribute("aria-label", `Whose phone (${this.side})`);
    this.choice.addEventListener("change", () => this.choose(this.choice.value));
    const names = element("div", "names");
    names.append(this.title, this.status);
    const head = element("header", "bar");
    head.append(this.face, names, this.choice);
    this.pinned = button("pinned", "", () => this.shown.get(this.pinnedId)?.node.scrollIntoView());
    this.banner = element("p", "banner", "📵 This phone is offline");
    this.chat = element("div", "chat");
    Object.assign(this.chat, { role: "log", tabIndex: 0 });
    this.keys = element("div", "reply-keys");
    this.menu = element("div", "menu");
    this.buildForm();
    this.section.replaceChildren(head, this.pinned, this.banner, this.chat, this.menu, this.form, this.keys);
  }

  buildForm() {
    this.input = element("input");
    this.input.placeholder = "Message";
    this.input.setAttribute("aria-label", "Message");
    this.input.autocomplete = "off";
    this.input.addEventListener("input", () => this.offerCommands(this.input.value));
    this.slash = button("slash", "/", () => this.offerCommands(this.menu.hidden ? "/" : ""));
    this.slash.setAttribute("aria-label", "Commands");
    const send = element("button", "send", "➤");
    send.setAttribute("aria-label", "Send");
    this.form = element("form", "write");
    this.form.append(this.slash, this.input, send);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.input.value.trim()) this.write(this.input.value, this.replyTo);
      this.input.value = "";
      this.replyTo = undefined;
      this.offerCommands("");
    });
  }

  get room() { return roomOf(this.value.split("|")[0]); }
  get person() { return Number(this.value.split("|")[1]); }
  get me() { return this.room?.members.find((one) => one.id === this.person); }
  get isGroup() { return this.room?.chat.type !== "private"; }
  get bot() { return this.room?.bots[0]; }

  // Names the bot or the group, as the control API wants it.
  get place() {
    return this.isGroup ? { chat: this.room.chat.id } : { bot: String(this.bot.id) };
  }

  // What can be chosen: each chat once for each person in it.
  offer() {
    const options = rooms.flatMap((room) => room.members.map((person) => {
      const where = room.chat.type === "private" ? room.bots[0]?.first_name ?? "a bot" : room.chat.title;
      return Object.assign(element("option", "", `${nameOf(person)} · ${where}`), { value: `${room.room}|${person.id}` });
    }));
    this.choice.replaceChildren(...options);
    const values = options.map((option) => option.value);
    if (!values.includes(this.value)) this.value = this.preferred() ?? "";
    this.choice.value = this.value;
    return this.show();
  }

  // At first the left phone is a customer's, the right one the staff's: a group, or somebody's chat with another bot.
  preferred() {
    const first = rooms.find((room) => room.chat.type === "private");
    const staff = rooms.find((room) => room.chat.type !== "private") ?? rooms.find((room) => room.bots[0]?.id !== first?.bots[0]?.id);
    const room = (this.side === "left" ? first : staff) ?? rooms[0];
    return room && room.members.length ? `${room.room}|${room.members[0].id}` : undefined;
  }

  choose(value) {
    this.value = value;
    localStorage.setItem(`phone-${this.side}`, value);
    this.shown.clear();
    this.chat.replaceChildren();
    this.limit = SHOWN;
    this.choice.value = value;
    this.section.dispatchEvent(new Event("chosen", { bubbles: true }));
    return this.show();
  }

  write(text, replyTo) {
    return act("send", { user: this.person, text, ...this.place, ...(replyTo ? { reply_to: replyTo } : {}) });
  }

  async show() {
    this.showHead();
    const room = this.room;
    if (!room) return this.chat.replaceChildren(element("p", "service", "Nobody is here yet: a bot's first request makes it appear."));
    if (this.me?.offline && this.shown.size) return; // it has not heard of anything since
    const turn = (this.turn = Symbol());
    const all = await get(`messages?room=${encodeURIComponent(room.room)}`);
    const hidden = this.me?.offline ? await this.missed() : new Set();
    if (this.turn !== turn) return; // a later look is under way
    this.patch(all.filter((one) => !one.deleted && !hidden.has(one.message_id)));
  }

  async missed() {
    const changes = await get(`changes?after=${this.me.offline_since_seq}`);
    return new Set(changes.filter((one) => one.kind === "message" && one.room === this.room.room).map((one) => one.message.message_id));
  }

  showHead() {
    const { room, bot } = this;
    const title = !room ? "No chat" : this.isGroup ? room.chat.title : bot?.first_name ?? "Bot";
    this.title.textContent = title;
    this.face.textContent = title.slice(0, 1).toUpperCase();
    this.face.className = `face c${Math.abs(room?.chat.id ?? 0) % 7}`;
    const quiet = !room ? "" : this.isGroup ? `${room.members.length + room.bots.length} members` : "bot";
    this.status.textContent = this.typingUntil > Date.now() ? "typing…" : quiet;
    this.banner.hidden = !this.me?.offline;
    this.section.classList.toggle("offline", Boolean(this.me?.offline));
    this.pinnedId = room?.pinned?.[0];
    this.slash.hidden = !bot?.commands?.length;
    this.form.hidden = !room;
    this.menu.hidden = true;
  }

  // Changes only what has changed, so that focus and place stay.
  patch(messages) {
    const atEnd = this.chat.scrollHeight - this.chat.scrollTop - this.chat.clientHeight < 120;
    const last = messages.slice(-this.limit);
    const nodes = [];
    if (messages.length > last.length) {
      nodes.push(button("earlier", "Earlier messages", () => { this.limit += SHOWN; this.patch(messages); }));
    }
    let day = "";
    for (const message of last) {
      const today = dayOf(message.date);
      if (today !== day) nodes.push(element("p", "service day", (day = today)));
      nodes.push(this.node(message));
    }
    if (!this.isGroup && !this.room.started) nodes.push(this.startButton());
    const kept = new Set(last.map((one) => one.message_id));
    for (const id of this.shown.keys()) if (!kept.has(id)) this.shown.delete(id);
    this.placeNodes(nodes);
    this.showPinned(messages);
    this.showReplyKeys(messages);
    if (atEnd) this.chat.scrollTop = this.chat.scrollHeight;
  }

  placeNodes(nodes) {
    const focus = this.chat.contains(document.activeElement) ? document.activeElement : null;
    nodes.forEach((node, index) => {
      const there = this.chat.children[index];
      if (there !== node) this.chat.insertBefore(node, there ?? null);
    });
    while (this.chat.children.length > nodes.length) this.chat.lastChild.remove();
    if (focus && !focus.isConnected) this.chat.focus();
  }

  node(message) {
    const signature = JSON.stringify(message);
    const known = this.shown.get(message.message_id);
    if (known?.signature === signature) return known.node;
    const node = messageOf(message, this, {
      key: (one, key, where) => this.tap(one, key, where),
      command: (text) => this.write(text),
      link: (address) => this.follow(address),
    });
    if (known) node.classList.add("changed");
    if (known?.node.contains(document.activeElement)) requestAnimationFrame(() => (node.querySelector("button") ?? this.chat).focus());
    this.shown.set(message.message_id, { node, signature });
    return node;
  }

  startButton() {
    return button("start", "START", () => act("start", { user: this.person, bot: String(this.bot.id) }));
  }

  showPinned(messages) {
    const message = messages.find((one) => one.message_id === this.pinnedId);
    this.pinned.hidden = !message;
    this.pinned.textContent = message ? `📌 ${message.text ?? message.caption ?? "Media"}` : "";
  }

  // The keyboard that the newest message with one has set or removed.
  showReplyKeys(messages) {
    const last = messages.findLast((one) => {
      const markup = one.reply_markup ?? {};
      return one.from.is_bot && (markup.keyboard || markup.remove_keyboard || markup.force_reply);
    });
    const markup = last?.reply_markup ?? {};
    const used = markup.one_time_keyboard && messages.some((one) => one.from.id === this.person && one.message_id > last.message_id);
    this.replyTo = markup.force_reply && messages.at(-1) === last ? last.message_id : undefined;
    this.input.placeholder = markup.input_field_placeholder ?? (this.replyTo ? "Reply" : "Message");
    this.keys.replaceChildren(...(used ? [] : markup.keyboard ?? []).map((row) => {
      const line = element("div", "row");
      line.append(...row.map((key) => button("key", key.text ?? key, () => this.pressReplyKey(key))));
      return line;
    }));
  }

  pressReplyKey(key) {
    if (!key.request_contact) return this.write(key.text ?? key);
    if (confirm("Share your phone number with this bot?")) act("send_contact", { user: this.person, bot: String(this.bot.id) });
  }

  offerCommands(typed) {
    const commands = typed.startsWith("/") ? this.bot?.commands ?? [] : [];
    const fitting = commands.filter((one) => `/${one.command}`.startsWith(typed.split(" ")[0]));
    this.menu.hidden = !fitting.length;
    this.menu.replaceChildren(...fitting.map((one) => {
      const line = button("", "", () => { this.menu.hidden = true; this.input.value = ""; this.write(this.isGroup ? `/${one.command}@${this.bot.username}` : `/${one.command}`); });
      line.append(element("b", "", `/${one.command}`), element("span", "", one.description));
      return line;
    }));
  }

  async tap(message, key, where) {
    if (key.copy_text) {
      await navigator.clipboard?.writeText(key.copy_text.text).catch(() => {});
      return toast(`Copied ${key.copy_text.text}`);
    }
    if (key.url) return this.follow(key.url) || (isSafe(key.url) && window.open(key.url, "_blank", "noopener"));
    const place = { ...this.place, user: this.person, message_id: message.message_id };
    if (key.pay) return act("pay", place);
    where.classList.add("waiting");
    const tapped = await act("tap", { ...place, button: key.callback_data ?? key.text });
    const answer = tapped && (await get(`callback/${tapped.callback_query_id}?wait=20`));
    where.classList.remove("waiting");
    if (answer?.text) answer.show_alert ? tell(this.title.textContent, answer.text) : toast(answer.text);
  }

  // A link to a bot of this sandbox opens here. Returns whether it was one.
  follow(address) {
    if (!URL.canParse(address)) return false;
    const link = new URL(address);
    const name = link.protocol === "tg:" ? link.searchParams.get("domain") : link.hostname === "t.me" ? link.pathname.slice(1) : "";
    const bot = name && rooms.flatMap((room) => room.bots).find((one) => one.username?.toLowerCase() === name.toLowerCase());
    if (!bot) return false;
    if (link.searchParams.has("startgroup")) {
      const group = rooms.find((one) => one.chat.type !== "private" && one.members.some((member) => member.id === this.person));
      if (!group) toast("Make a group first: + Group");
      else act("add_bot", { chat: group.chat.id, bot: String(bot.id), by: this.person, start: link.searchParams.get("startgroup") });
      return true;
    }
    const payload = link.searchParams.get("start") ?? "";
    act("start", { user: this.person, bot: String(bot.id), payload }).then((done) => done && this.choose(`${bot.id}:${this.person}|${this.person}`));
    return true;
  }

  typing() {
    this.typingUntil = Date.now() + TYPING;
    this.showHead();
    setTimeout(() => this.showHead(), TYPING + 50);
  }
}
