// What Telegram tells in the middle of a chat.

import { nameOf } from "./dom.js";
import { inShort, money } from "./media.js";

// The words, or "" for an ordinary message.
export function service(message) {
  const who = message.from ? nameOf(message.from) : message.sender_chat?.title ?? "";
  const kind = Object.keys(TOLD).find((one) => message[one] !== undefined);
  return kind ? TOLD[kind](message[kind], who, message) : "";
}

const TOLD = {
  new_chat_members: (come, who, { from }) => (come[0].id === from.id ? `${who} joined the group` : `${who} added ${come.map(nameOf).join(", ")}`),
  left_chat_member: (gone, who, { from }) => (gone.id === from.id ? `${who} left the group` : `${who} removed ${nameOf(gone)}`),
  migrate_to_chat_id: () => "The group became a supergroup",
  migrate_from_chat_id: () => "The group became a supergroup",
  pinned_message: (pinned, who) => `${who} pinned “${inShort(pinned).slice(0, 40)}”`,
  successful_payment: (paid, who) => `${who} paid ${money(paid)}`,
  users_shared: ({ users }, who) => `${who} shared ${users.length === 1 ? "a person" : `${users.length} people`}`,
  chat_shared: (shared, who) => `${who} shared a chat${shared.title ? `, ${shared.title}` : ""}`,
  web_app_data: ({ button_text: key }, who) => `${who} sent data from “${key}”`,
  forum_topic_created: ({ name }, who) => `${who} created the topic “${name}”`,
  forum_topic_edited: ({ name }, who) => (name ? `${who} renamed the topic to “${name}”` : `${who} changed the topic’s icon`),
  forum_topic_closed: (_, who) => `${who} closed the topic`,
  forum_topic_reopened: (_, who) => `${who} reopened the topic`,
  general_forum_topic_hidden: (_, who) => `${who} hid the General topic`,
  general_forum_topic_unhidden: (_, who) => `${who} showed the General topic`,
  new_chat_photo: (_, who) => `${who} changed the picture`,
  delete_chat_photo: (_, who) => `${who} removed the picture`,
  new_chat_title: (title, who) => `${who} changed the title to “${title}”`,
};
