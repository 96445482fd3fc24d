// Talking to the sandbox, and small helpers. Whatever people or bots wrote goes into the page as text, never as HTML.

export class Away extends Error {}

async function ask(path, options) {
  try {
    return await fetch(`/control/${path}`, options);
  } catch {
    throw new Away("The sandbox does not answer.");
  }
}

export async function get(path) {
  const answer = await ask(path);
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error);
  return body;
}

// Carries out a verb. Returns its result, or null after telling why it was refused.
export async function act(verb, body) {
  const answer = await ask(verb, { method: "POST", body: JSON.stringify(body) });
  const result = await answer.json();
  if (!answer.ok) toast(result.error);
  return answer.ok ? result : null;
}

export const clearFaults = () => ask("faults", { method: "DELETE" });

export const element = (tag, className = "", text = "") =>
  Object.assign(document.createElement(tag), { className, textContent: text });

export function button(className, text, onClick) {
  const made = element("button", className, text);
  made.type = "button";
  made.addEventListener("click", onClick);
  return made;
}

export const nameOf = (person) => [person.first_name, person.last_name].filter(Boolean).join(" ");

export const clock = (seconds) =>
  new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

export const isSafe = (link) => /^(https?|tel|mailto|tg):/i.test(link); // never javascript:, which would run

let toastTimer;
export function toast(text) {
  const box = document.getElementById("toast");
  box.textContent = text;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => (box.textContent = ""), 4000);
}

export function tell(title, text, preformatted = false) {
  const dialog = document.getElementById("dialog");
  dialog.querySelector("h2").textContent = title;
  const box = dialog.querySelector("pre");
  box.textContent = text;
  box.classList.toggle("plain", !preformatted);
  if (!dialog.open) dialog.showModal();
}
