// What this page is, told to who comes for the first time; and whose times it shows.

const SEEN = "intro-seen";
const SMALL = "(max-height: 500px)"; // a phone on its side has no room for it

export function offerIntro(text, toggle) {
  const show = (shown) => {
    text.hidden = !shown;
    toggle.setAttribute("aria-expanded", String(shown));
  };
  show(!localStorage.getItem(SEEN) && !matchMedia(SMALL).matches);
  for (const button of [toggle, text.querySelector("button")]) {
    button.addEventListener("click", () => {
      localStorage.setItem(SEEN, "yes");
      show(text.hidden);
      toggle.focus();
    });
  }
}

// All times on this page are the browser's.
export function showZone(box) {
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
  const parts = new Intl.DateTimeFormat("en", { timeZoneName: "longOffset" }).formatToParts(new Date());
  const offset = parts.find((one) => one.type === "timeZoneName").value.replace("GMT", "UTC");
  const name = timeZone.replaceAll("_", " ");
  box.textContent = name === "UTC" ? "Times in UTC" : `Times in ${name} (${offset})`;
}
