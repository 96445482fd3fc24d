// A text with its entities as nodes. Offsets count UTF-16 units, as JavaScript's strings do.

import { button, element, isSafe } from "./api.js";

const TAGS = { bold: "b", italic: "i", underline: "u", strikethrough: "s", code: "code", pre: "code" };

// `on` says what happens: on.command(text) when a command is tapped, on.link(address) when a link is.
export function styled(text, entities, on) {
  const cuts = [...new Set([0, text.length, ...entities.flatMap(({ offset, length }) => [offset, offset + length])])]
    .filter((cut) => cut <= text.length)
    .sort((a, b) => a - b);
  return cuts.slice(0, -1).map((from, index) => {
    const to = cuts[index + 1];
    const inside = entities.filter(({ offset, length }) => offset <= from && to <= offset + length);
    return inside.reduceRight((child, entity) => {
      const node = marked(entity, text.slice(entity.offset, entity.offset + entity.length), on);
      node.append(child);
      return node;
    }, document.createTextNode(text.slice(from, to)));
  });
}

function marked({ type, url }, text, on) {
  if (type === "bot_command") return button("command", "", () => on.command(text));
  if (type === "spoiler") return button("spoiler", "", (event) => event.currentTarget.classList.add("shown"));
  const address = { url: text, email: `mailto:${text}`, phone_number: `tel:${text}` }[type] ?? url;
  if (address && isSafe(address)) {
    const link = Object.assign(element("a"), { href: address, target: "_blank", rel: "noopener noreferrer" });
    link.addEventListener("click", (event) => on.link(address) && event.preventDefault());
    return link;
  }
  return element(TAGS[type] ?? "span", type);
}
