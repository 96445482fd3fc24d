// The chats of this sandbox as they were last looked at.

import { get } from "./api.js";

export let rooms = [];

export async function refreshRooms() {
  rooms = await get("chats");
}

export const roomOf = (key) => rooms.find((room) => room.room === key);
