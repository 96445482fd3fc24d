// Light or dark: as the system has it, until somebody chooses.

function set(name) {
  document.documentElement.style.colorScheme = name;
  localStorage.setItem("theme", name);
}

export function offerTheme(toggle) {
  const stored = localStorage.getItem("theme");
  if (stored) set(stored);
  toggle.addEventListener("click", () => {
    const now = document.documentElement.style.colorScheme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    set(now === "dark" ? "light" : "dark");
  });
}
