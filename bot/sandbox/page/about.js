// The line above the field: what is sent next answers a message, or takes the place of its text.

import { element, signButton } from "./dom.js";
import { inShort } from "./media.js";

export class About {
  // onEnd() when the person does not want it any more
  constructor(onEnd) {
    this.box = element("div", "pending");
    this.words = element("span");
    this.box.append(this.words, signButton("", "✕", "Not any more", onEnd));
    this.clear();
  }

  reply(message) {
    this.show({ answered: message.message_id }, `Reply to “${inShort(message).slice(0, 60)}”`);
  }

  edit(message) {
    this.show({ edited: message.message_id }, "Edit");
  }

  show({ answered, edited }, words) {
    Object.assign(this, { answered, edited });
    this.words.textContent = words;
    this.box.hidden = false;
  }

  clear() {
    this.answered = this.edited = undefined;
    this.box.hidden = true;
  }
}
