// Fields of a dialog that people fill in: each has a name, its node, and its value.

import { element } from "./dom.js";

function labelled(label, control) {
  const node = element("label", "field", label);
  node.append(control);
  return node;
}

export function text(name, label, value = "") {
  const input = Object.assign(element("input"), { value, autocomplete: "off" });
  return { name, node: labelled(label, input), value: () => input.value.trim() };
}

export function number(name, label, value, [min, max]) {
  const input = Object.assign(element("input"), { type: "number", step: "any", value, min, max, required: true });
  return { name, node: labelled(label, input), value: () => Number(input.value) };
}

// Files from the person's own machine.
export function files(name, label, accept, multiple, required) {
  const input = Object.assign(element("input"), { type: "file", accept, multiple, required });
  return { name, node: labelled(label, input), value: () => [...input.files] };
}

// One of several: pairs of what it is and how it is called.
export function choice(name, label, options) {
  const select = element("select");
  select.append(...options.map(([value, words]) => Object.assign(element("option", "", words), { value })));
  return { name, node: labelled(label, select), value: () => select.value };
}

// Some of several.
export function choices(name, label, options) {
  const node = element("fieldset", "field");
  const boxes = options.map(([value, words]) => {
    const box = Object.assign(element("input"), { type: "checkbox", value });
    const line = element("label", "line");
    line.append(box, words);
    node.append(line);
    return box;
  });
  node.prepend(element("legend", "", label));
  return { name, node, value: () => boxes.filter((box) => box.checked).map((box) => box.value) };
}
