// The page of the sandbox: two phones, each showing one chat as one person sees it. Everything that people or bots
// wrote is put in as text, never as HTML.

const state = { rooms: [] };

async function get(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error((await answer.json()).error);
  return answer.json();
}

async function act(verb, body) {
  const answer = await fetch(`/control/${verb}`, { method: "POST", body: JSON.stringify(body) });
  const result = await answer.json();
  if (!answer.ok) alertBox(result.error);
  return answer.ok ? result : null;
}

const element = (tag, className = "", text = "") =>
  Object.assign(document.createElement(tag), { className, textContent: text });

const nameOf = (person) => [person.first_name, person.last_name].filter(Boolean).join(" ");

class Phone {
  constructor(section) {
    this.choice = element("select");
    this.choice.setAttribute("aria-label", "Which chat");
    this.chat = element("div", "chat");
    this.chat.setAttribute("role", "log");
    this.chat.tabIndex = 0;
    this.form = element("form", "write");
    this.input = element("input");
    this.input.placeholder = "Message";
    this.input.setAttribute("aria-label", "Message");
    this.form.append(this.input, element("button", "primary", "Send"));
    section.replaceChildren(this.choice, this.chat, this.form);
    this.choice.addEventListener("change", () => this.choose(this.choice.value));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.input.value) this.write(this.input.value);
      this.input.value = "";
    });
  }

  // What can be chosen: each chat once for each person in it. At first the left phone is a customer's, the right one
  // the staff's: a group, or else somebody's chat with another bot.
  offer(isLeft) {
    const chosen = this.choice.value;
    const options = state.rooms.flatMap((room) =>
      room.members.map((person) => {
        const option = element("option", "", room.chat.type === "private"
          ? `${nameOf(person)} with ${room.bots[0]?.first_name ?? "a bot"}`
          : `${nameOf(person)} in ${room.chat.title}`);
        option.value = `${room.room}|${person.id}`;
        return option;
      }));
    this.choice.replaceChildren(...options);
    const values = options.map((option) => option.value);
    const first = state.rooms.find((room) => room.chat.type === "private");
    const staff = state.rooms.find((room) => room.chat.type !== "private")
      ?? state.rooms.find((room) => room.bots[0]?.id !== first?.bots[0]?.id) ?? first;
    const prefer = (isLeft ? first : staff) ?? state.rooms[0];
    const fallback = values.find((value) => value.startsWith(`${prefer?.room}|`)) ?? "";
    this.choice.value = this.chosen && values.includes(chosen) ? chosen : fallback;
    if (this.choice.value !== chosen) this.show();
  }

  choose(value) {
    this.chosen = true; // from now on this phone stays with what a person chose
    this.choice.value = value;
    return this.show();
  }

  get room() {
    return state.rooms.find((room) => room.room === this.choice.value.split("|")[0]);
  }

  get person() {
    return Number(this.choice.value.split("|")[1]);
  }

  // Where this person writes: names the bot or the group, as the control API wants it.
  get place() {
    return this.room.chat.type === "private" ? { bot: this.room.room.split(":")[0] } : { chat: this.room.chat.id };
  }

  write(text) {
    return act("send", { user: this.person, text, ...this.place });
  }

  async show() {
    if (!this.room) return;
    const room = this.room.room;
    const turn = (this.turn = Symbol());
    const all = await get(`/control/messages?room=${encodeURIComponent(room)}`);
    if (this.turn !== turn) return; // a later look is under way
    const messages = all.filter((message) => !message.deleted);
    const atEnd = this.chat.scrollHeight - this.chat.scrollTop - this.chat.clientHeight < 80;
    this.chat.replaceChildren(...messages.map((message) => this.message(message)));
    if (!messages.length) {
      const start = element("button", "start", "Start");
      start.addEventListener("click", () => this.write("/start"));
      this.chat.append(start);
    }
    if (atEnd) this.chat.scrollTop = this.chat.scrollHeight;
  }

  message(message) {
    const mine = message.from.id === this.person;
    const box = element("article", `message${mine ? " mine" : ""}`);
    const bubble = element("div", "bubble");
    if (message.reply_to_message) bubble.append(element("div", "quote", message.reply_to_message.text ?? "…"));
    const text = message.text ?? message.caption;
    if (text === undefined) {
      box.classList.add("service");
      box.textContent = service(message);
      return box;
    }
    if (!mine && this.room.chat.type !== "private") bubble.append(element("b", "", `${nameOf(message.from)}\n`));
    bubble.append(...this.styled(text, message.entities ?? message.caption_entities ?? []));
    const time = new Date(message.date * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    bubble.append(element("span", "meta", message.edit_date ? `edited ${time}` : time));
    box.append(bubble);
    const rows = message.reply_markup?.inline_keyboard ?? [];
    if (rows.length) box.append(this.keyboard(message, rows));
    return box;
  }

  // A text with its entities as nodes. Offsets count UTF-16 units, as JavaScript's strings do.
  styled(text, entities) {
    const cuts = [...new Set([0, text.length, ...entities.flatMap(({ offset, length }) => [offset, offset + length])])]
      .filter((cut) => cut <= text.length)
      .sort((a, b) => a - b);
    return cuts.slice(0, -1).map((from, index) => {
      const to = cuts[index + 1];
      const inside = entities.filter(({ offset, length }) => offset <= from && to <= offset + length);
      return inside.reduceRight((child, entity) => {
        const node = this.marked(entity, text.slice(entity.offset, entity.offset + entity.length));
        node.append(child);
        return node;
      }, document.createTextNode(text.slice(from, to)));
    });
  }

  marked({ type, url }, text) {
    if (type === "bot_command") {
      const command = element("button", "command");
      command.type = "button";
      command.addEventListener("click", () => this.write(text));
      return command;
    }
    const href = type === "url" ? text : url;
    if (href && LINK.test(href)) {
      return Object.assign(element("a"), { href, target: "_blank", rel: "noopener noreferrer" });
    }
    return element(TAGS[type] ?? "span", type);
  }

  keyboard(message, rows) {
    const keyboard = element("div", "keyboard");
    for (const row of rows) {
      const line = element("div", "row");
      for (const button of row) {
        const key = element("button", button.style ?? "", button.text);
        key.type = "button";
        key.addEventListener("click", () => this.tap(message, button));
        line.append(key);
      }
      keyboard.append(line);
    }
    return keyboard;
  }

  async tap(message, button) {
    if (button.copy_text) {
      await navigator.clipboard?.writeText(button.copy_text.text);
      return toast(`Copied ${button.copy_text.text}`);
    }
    if (button.url) return LINK.test(button.url) && window.open(button.url, "_blank", "noopener");
    const place = { ...this.place, user: this.person, message_id: message.message_id };
    const tapped = await act("tap", { ...place, button: button.callback_data });
    if (!tapped) return;
    const answer = await get(`/control/callback/${tapped.callback_query_id}?wait=10`);
    if (answer?.text) (answer.show_alert ? alertBox : toast)(answer.text);
  }
}

function service(message) {
  if (message.new_chat_members) return `${nameOf(message.from)} added ${message.new_chat_members.map(nameOf).join(", ")}`;
  if (message.left_chat_member) return `${nameOf(message.from)} removed ${nameOf(message.left_chat_member)}`;
  if (message.migrate_to_chat_id || message.migrate_from_chat_id) return "The group became a supergroup";
  return message.photo ? "A photo" : "";
}

const TAGS = { bold: "b", italic: "i", underline: "u", strikethrough: "s", code: "code", pre: "code" };
const LINK = /^(https?|tel|mailto|tg):/i; // never javascript:, which would run

let toastTimer;
function toast(text) {
  const box = document.getElementById("toast");
  box.textContent = text;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => (box.textContent = ""), 3000);
}

function alertBox(text) {
  const dialog = document.getElementById("alert");
  dialog.querySelector("p").textContent = text;
  if (!dialog.open) dialog.showModal();
}

const phones = [...document.querySelectorAll(".phone")].map((section) => new Phone(section));

async function refreshRooms() {
  state.rooms = await get("/control/chats");
  phones.forEach((phone, index) => phone.offer(index === 0));
}

document.getElementById("new-customer").addEventListener("click", async () => {
  const name = `Customer ${state.rooms.length + 1}`;
  const bot = state.rooms.find((room) => room.chat.type === "private")?.bots[0];
  const user = bot && (await act("user", { first_name: name }));
  if (!user) return toast("Start a bot first");
  await act("send", { user: user.id, bot: String(bot.id), text: "/start" });
  await refreshRooms();
  phones[0].choose(`${bot.id}:${user.id}|${user.id}`);
});

await refreshRooms();
new EventSource("/control/stream").addEventListener("message", async (event) => {
  const change = JSON.parse(event.data);
  if (!change.room && change.kind !== "user") return;
  if (!state.rooms.some((room) => room.room === change.room) || change.kind === "room") await refreshRooms();
  for (const phone of phones) if (phone.room?.room === change.room) phone.show();
});
