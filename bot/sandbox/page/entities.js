// A text with its entities as nodes. Offsets count UTF-16 units, as JavaScript's strings do.

import { button, element, isSafe } from "./dom.js";

const TAGS = { bold: "b", italic: "i", underline: "u", strikethrough: "s", code: "code", pre: "pre", blockquote: "blockquote" };

// `on` says what happens: on.command(text) when a command is tapped, on.link(address) when a link is.
export function styled(text, entities, on) {
  const outerFirst = [...entities].sort((a, b) => a.offset - b.offset || b.length - a.length);
  return inside(text, 0, text.length, outerFirst, on);
}

// The nodes from one place of the text to another. Entities lie within each other; what sticks out is cut off.
function inside(text, from, to, entities, on) {
  const nodes = [];
  let at = from;
  while (entities.length) {
    const [entity, ...others] = entities;
    const end = Math.min(entity.offset + entity.length, to);
    const { node, content = node } = marked(entity, text.slice(entity.offset, end), on);
    content.append(...inside(text, entity.offset, end, others.filter((one) => one.offset < end), on));
    nodes.push(text.slice(at, entity.offset), node);
    entities = others.filter((one) => one.offset >= end);
    at = end;
  }
  return [...nodes, text.slice(at, to)];
}

// The node of an entity, and where in it the text belongs if not at its end.
function marked({ type, url }, text, on) {
  if (type === "expandable_blockquote") return foldable();
  if (type === "bot_command") return { node: button("command", "", () => on.command(text)) };
  if (type === "spoiler") return { node: spoiler() };
  const address = { url: /^[a-z]+:/i.test(text) ? text : `https://${text}`, email: `mailto:${text}`, phone_number: `tel:${text}` }[type] ?? url;
  if (!address || !isSafe(address)) return { node: element(TAGS[type] ?? "span", type) };
  const link = Object.assign(element("a"), { href: address, target: "_blank", rel: "noopener noreferrer" });
  link.addEventListener("click", (event) => on.link(address) && event.preventDefault());
  return { node: link };
}

// Until it is tapped a spoiler's text is not even read aloud.
function spoiler() {
  const made = button("spoiler", "", () => {
    made.classList.add("shown");
    made.removeAttribute("aria-label");
  });
  made.setAttribute("aria-label", "Hidden text");
  return made;
}

// Some lines of a long quotation, and all of them on request.
function foldable() {
  const node = element("blockquote", "expandable folded");
  const content = element("div", "content");
  const toggle = button("fold", "", () => show(!node.classList.contains("folded")));
  const show = (folded) => {
    node.classList.toggle("folded", folded);
    toggle.setAttribute("aria-expanded", String(!folded));
    toggle.setAttribute("aria-label", folded ? "Show the whole quotation" : "Show less of the quotation");
  };
  show(true);
  node.append(content, toggle);
  // Only what is longer than its folded form needs the button.
  new ResizeObserver(() => {
    if (node.classList.contains("folded")) toggle.hidden = content.scrollHeight <= content.clientHeight + 1;
  }).observe(content);
  return { node, content };
}
