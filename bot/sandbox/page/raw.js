// An event or a request as it is, word for word.

import { CLOCK, element } from "./dom.js";

const dialog = document.getElementById("raw");

function open(title, details, address) {
  dialog.querySelector("h2").textContent = title;
  dialog.querySelector("pre").textContent = JSON.stringify(details, null, 2);
  dialog.querySelector("a").href = address;
  dialog.showModal();
}

// A link to it, which shows it here unless it is opened in another tab.
export function rawLink(title, details, address) {
  const link = Object.assign(element("a", "raw", "{ }"), { href: address, title: "As it is" });
  link.setAttribute("aria-label", `${title} as it is`);
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open(title, details, address);
  });
  return link;
}

export function exactly(seconds) {
  const at = new Date(seconds * 1000);
  return `${at.toLocaleTimeString([], { ...CLOCK, second: "2-digit" })}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}
