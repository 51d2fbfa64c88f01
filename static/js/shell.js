// What every page has: theme, menus, messages, the palette, what its tab tells.
import { $, $$, everySecond, isComposing, onClick, say, setText, stored, word } from "./core.js";

const chooseTheme = (theme) => {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  stored((store) => store.setItem("gigawatch-theme", theme));
  showTheme();
  dispatchEvent(new Event("theme"));
};
const showTheme = () => {
  const chosen = document.documentElement.dataset.theme || "system";
  for (const button of $$(".theme button")) button.ariaPressed = button.dataset.themeChoice === chosen;
};

onClick("[data-theme-choice]", (button) => chooseTheme(button.dataset.themeChoice));
document.addEventListener("click", (event) => {
  for (const menu of $$("[data-menu][open]")) if (!menu.contains(event.target)) menu.open = false;
});
// What opens takes the focus, so that what is typed is its own. An item that was pressed closes its menu, and what it
// opens gives the focus back to where the menu was opened.
const FOCUSABLE = "a[href], button, input, select, textarea, [tabindex]";
const takeFocus = (box) => {
  if ($$(FOCUSABLE, box).includes(document.activeElement)) return;
  const first = $$(FOCUSABLE, box).find((one) => one.checkVisibility() && !one.disabled);
  if (!first) box.tabIndex = -1;
  (first ?? box).focus();
};
document.addEventListener("toggle", ({ target, newState }) => {
  if (newState === "open" && target.matches("[data-menu], [popover]")) takeFocus(target);
}, true);
// What was loaded into it took the place of what had the focus.
document.addEventListener("htmx:after:swap", () => {
  const box = $("[data-menu][open], :popover-open");
  if (box && document.activeElement === document.body) takeFocus(box);
});
onClick("[data-menu] .item", (item) => {
  const menu = item.closest("[data-menu]");
  menu.open = false;
  $("summary", menu).focus();
});
addEventListener("copied", ({ detail }) => say(word(detail ? "copied" : "copy_refused")));

// A filter takes effect when it is chosen; empty ones stay out of the address.
document.addEventListener("change", ({ target }) => target.matches("[data-filters] select") && target.form.requestSubmit());
document.addEventListener("submit", ({ target }) => {
  if ("filters" in target.dataset) for (const field of target.elements) if (field.name && !field.value) field.disabled = true;
});

// Messages: what the page came with and what happens later, in one stack that is read out. What only informs goes
// by itself, unless somebody is looking at it; what went wrong stays until it is dismissed.
const toasts = $("#toasts");
const letGo = (toast) =>
  toast.matches(":hover, :focus-within") ? setTimeout(letGo, 3000, toast) : toast.remove();
const show = (toast) => {
  toasts.append(toast); // also one that stands there: only what is added is read out
  if (toast.matches(".tone-green, .tone-slate")) setTimeout(letGo, 12000, toast);
};
const showText = (text, tone = "slate") => {
  const toast = $("#toast").content.firstElementChild.cloneNode(true);
  toast.classList.replace("tone-slate", `tone-${tone}`);
  setText($("p", toast), text);
  show(toast);
};
document.addEventListener("toast", ({ detail }) => showText(detail.text, detail.tone));
$$(".toast", toasts).forEach(show);
// What was pressed and did not happen is said; a form that was refused says it itself.
document.addEventListener("htmx:finally:request", ({ detail: { ctx: { sourceEvent, response } } }) => {
  if (!/click|submit/.test(sourceEvent?.type) || response?.status === 422 || response?.raw.headers.has("HX-Retarget")) return;
  if (!response?.raw.ok) showText(word("failed"), "red");
});
onClick("[data-dismiss]", (button) => button.closest(".toast").remove());

// The palette: a field and a list; the focus stays in the field, the chosen option is pressed by Enter.
const palette = $("#palette");
const field = $("[role=combobox]", palette);
const options = () => $$("[role=option]:not([aria-disabled])", palette);
// Whether the list is for what stands in the field now.
const isAnswered = () => $("[data-for]", palette)?.dataset.for === field.value.trim();
const isChosen = (option) => option.id === field.getAttribute("aria-activedescendant");
let wantsFirst = false;
let hasMoved = false; // by arrows, since it was opened or typed in
const choose = (option) => {
  for (const other of options()) other.ariaSelected = other === option;
  option?.scrollIntoView({ block: "nearest" });
  field.setAttribute("aria-activedescendant", option?.id || "");
};
const openPalette = () => {
  if (palette.open) return palette.close();
  $("dialog[open]")?.close();
  palette.showModal();
  field.select();
  field.nextElementSibling.value = $("[data-run]")?.dataset.run || $("tr.is-current")?.id.slice(4) || "";
  choose(options()[0]);
  hasMoved = false;
  ask();
};
const ask = () => palette.open && field.dispatchEvent(new Event("opened"));
// Opened, and typed in, before htmx had begun to listen.
field.addEventListener("htmx:after:init", ask);
// Enter may be faster than the answer: it waits for the list of what was typed.
field.addEventListener("htmx:finally:request", () => {
  if (!isAnswered()) return;
  choose((hasMoved && options().find(isChosen)) || options()[0]);
  if (wantsFirst) options()[0]?.click();
  wantsFirst = false;
});
field.addEventListener("keydown", (event) => {
  const all = options();
  const at = all.findIndex(isChosen);
  hasMoved = event.key.startsWith("Arrow");
  if (event.key === "ArrowDown") choose(all[(at + 1) % all.length]);
  else if (event.key === "ArrowUp") choose(all.at(at < 1 ? -1 : at - 1));
  else if (event.key !== "Enter" || isComposing(event)) return;
  else if (isAnswered()) all[at]?.click();
  else wantsFirst = true;
  event.preventDefault();
});
onClick("[data-palette]", openPalette);
onClick("#palette [role=option]", () => palette.close());
onClick("[data-help]", () => $("#help").showModal());

// A question of the server's before money is spent: what it costs, and the focus on the answer that spends nothing.
const question = $("#question");
document.addEventListener("htmx:after:swap", () => {
  const fresh = $("[data-fresh]", question);
  if (!fresh) return;
  delete fresh.dataset.fresh;
  if (!question.open) question.showModal();
});
document.addEventListener("submit", ({ submitter }) => question.contains(submitter) && question.close());

// The tab tells how many runs need somebody; the tab of a run tells of that run instead.
const title = document.title.replace(/^\(\d+\) /, "");
const tellInTab = () => {
  const count = $("#needs-count b")?.textContent;
  const telling = count ? `(${count}) ${title}` : title;
  if (document.title === telling) return;
  document.title = telling;
  const icon = $("#favicon");
  icon.href = count ? icon.dataset.needs : icon.dataset.calm;
};
if (!$(".run-page")) everySecond(tellInTab);

showTheme();
