// Runs before the first paint, so that a chosen theme does not flash. Without a choice the system's counts.
document.documentElement.dataset.js = "";
try {
  const theme = localStorage.getItem("gigawatch-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be forbidden; then the system's theme it is.
}
