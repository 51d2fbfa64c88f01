// What every page has, also one that only says what went wrong. It runs before the first paint, so that a chosen
// theme does not flash; without a choice the system's counts.
document.documentElement.dataset.js = "";
try {
  const theme = localStorage.getItem("gigawatch-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  document.documentElement.dataset.store = "";
} catch {
  // Storage may be forbidden; then the system's theme it is.
}

// Times are told in the browser's zone until its reader chooses another one. The first page of all was made before
// the server knew: what moves by the clock is right at once, and what is live is fetched (live.js).
try {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const said = `gigawatch-zone=${timeZone}`;
  if (!document.cookie.split("; ").includes(said)) {
    document.cookie = `${said}; path=/; max-age=31536000; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;
    const { dataset } = document.documentElement;
    if ("zoneOfBrowser" in dataset && dataset.zone !== timeZone) dataset.zone = dataset.zoneOfBrowser = timeZone;
  }
} catch {
  // Cookies may be forbidden; then it is the zone of this Gigawatch.
}

// Copying by a button: what it carries, else the page's address.
document.addEventListener("click", async ({ target }) => {
  const button = target.closest?.("[data-copy]");
  if (!button) return;
  const copied = await navigator.clipboard?.writeText(button.dataset.copy || location.href).then(() => true, () => false);
  button.classList.toggle("is-done", !!copied);
  if (copied) setTimeout(() => button.classList.remove("is-done"), 1500);
  dispatchEvent(new CustomEvent("copied", { detail: copied }));
});
