// Small helpers for the page's elements. What people or bots wrote goes into the page as text, never as HTML.

export const element = (tag, className = "", text = "") =>
  Object.assign(document.createElement(tag), { className, textContent: text });

export function button(className, text, onClick) {
  const made = element("button", className, text);
  made.type = "button";
  made.addEventListener("click", onClick);
  return made;
}

// A button that shows a sign only, and says what it does.
export function signButton(className, sign, label, onClick) {
  const made = button(className, sign, onClick);
  made.setAttribute("aria-label", label);
  made.title = label;
  return made;
}

export function face(name, number) {
  const made = element("span", `face c${Math.abs(number) % 7}`, [...name][0]?.toUpperCase() ?? "?");
  made.setAttribute("aria-hidden", "true");
  return made;
}

export const nameOf = (person) => [person.first_name, person.last_name].filter(Boolean).join(" ");

export const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };

export const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], CLOCK);

// A date in the middle of the chat.
export function dayOf(seconds) {
  const day = new Date(seconds * 1000).toDateString();
  const before = new Date(Date.now() - 86_400_000).toDateString();
  return day === new Date().toDateString() ? "Today" : day === before ? "Yesterday" : day;
}

export const isSafe = (link) => /^(https?|tel|mailto|tg):/i.test(link); // never javascript:, which would run

// Lets the arrow keys move the focus among what `selector` finds in the box; left and right too if `sideways`.
export function arrowKeys(box, selector, sideways = false) {
  const steps = { ArrowDown: 1, ArrowUp: -1, ...(sideways ? { ArrowRight: 1, ArrowLeft: -1 } : {}) };
  box.addEventListener("keydown", (event) => {
    const all = [...box.querySelectorAll(selector)];
    const next = all[all.indexOf(document.activeElement) + steps[event.key]];
    if (!next || !all.includes(document.activeElement)) return;
    event.preventDefault();
    next.focus();
  });
}

// Runs `work` once at a time, and once more when it was asked for meanwhile.
export function once(work) {
  let running, again;
  return async function run() {
    if (running) return void (again = true);
    running = true;
    try {
      await work();
    } finally {
      running = false;
      if (again) run(void (again = false));
    }
  };
}
