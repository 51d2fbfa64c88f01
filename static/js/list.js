// The runs list: new rows, rows that leave, filters, the glance beside it, picking rows, moving by keys.
import { $, $$, everySecond, fetchAnew, isComposing, keys, onClick, rows, say, setText, word } from "./core.js";

const page = $("#main");
// Rows come on top when the list is at its top, else they wait behind a button; rows that fit the filters no
// longer go when the pointer has left the table. Nothing moves under the pointer.
const newRows = new Set();
const leaving = new Set();
const before = () => Number(new URLSearchParams(location.search).get("before")) || Infinity;
const isAtTop = () => page.scrollTop < 8 && window.scrollY < 8;
export const allRows = () => $$("#rows > tr[id]");
export const idOf = (row) => Number(row.id.split("-")[1]);
const rowIds = () => allRows().map(idOf);
const endOfList = () => rowIds().at(-1);
const showNewRows = () => {
  const button = $("#new-rows");
  if (!button) return;
  const text = newRows.size && word("new_rows", newRows.size > 99 ? "99+" : newRows.size);
  if (text && button.hidden) say(text);
  button.hidden = !text;
  setText(button, text || "");
};
// A fetched list as it is, but for the new rows that wait.
const holdingBack = (text) => {
  const [top] = rowIds();
  newRows.clear();
  leaving.clear();
  if (top && !isAtTop())
    text = text.replace(/<tr id="run-(\d+)"[^]*?<\/tr>/g, (row, id) => {
      if (Number(id) <= top) return row;
      newRows.add(Number(id));
      return "";
    });
  showNewRows();
  return text;
};
// A pushed row finds its place by its id. One that is not there gets an empty place on top; what is not as simple
// as that is fetched.
const inItsPlace = ({ run, matches, content }) => {
  if (!$("#list") || !run) return content;
  const ids = rowIds();
  if (ids.includes(run)) {
    if (matches) leaving.delete(run);
    else leaving.add(run);
    return content;
  }
  const without = content.replace(/<hx-partial hx-target="#run-[^]*?<\/hx-partial>/, "");
  const isNewest = run > ids[0] && before() === Infinity;
  if (!matches) newRows.delete(run);
  else if (isNewest && !isAtTop()) newRows.add(run);
  else if (isNewest) {
    const place = document.createElement("tr");
    place.id = `run-${run}`;
    $("#rows").prepend(place);
    return content;
  } else if (run < before() && !(run < ids.at(-1) && $("#more-rows"))) fetchAnew();
  showNewRows();
  return without;
};
const letGo = () => {
  for (const id of leaving) {
    const row = $(`#run-${id}`);
    if (row && ($("#rows:hover") || row.contains(document.activeElement))) continue;
    row?.remove();
    leaving.delete(id);
    if (!rowIds().length) fetchAnew();
  }
};
Object.assign(rows, { place: inItsPlace, hold: holdingBack, end: endOfList });
everySecond(letGo);
const goToTop = () => {
  page.scrollTop = 0;
  scrollTo(0, 0);
};
onClick("#new-rows", () => {
  goToTop();
  fetchAnew();
});

// The glance: beside the list where there is room, and as live as its row.
const peek = $("#peek");
// By its id: a push draws the row anew, without the mark.
let at = location.hash.slice(1);
export const current = () => (at ? document.getElementById(at) : null);
export const makeCurrent = (row) => {
  current()?.classList.remove("is-current");
  at = row.id;
  row.classList.add("is-current");
  $(".row-link", row).focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
};
const fillPeek = () => {
  const row = current();
  if (row) window.htmx.ajax("GET", `${$(".row-link", row).pathname}peek/`, { target: "#peek", swap: "innerMorph" });
};
export const openPeek = (row) => {
  if (!peek || !row || innerWidth < 861) return;
  makeCurrent(row);
  peek.hidden = false;
  fillPeek();
};
const emptyPeek = () => {
  peek.hidden = true;
  peek.replaceChildren();
};
// Another search: other rows.
addEventListener("moved", () => {
  goToTop();
  $("#bulk")?.reset();
  if (peek) emptyPeek();
});
const closePeek = () => {
  if (peek.hidden) return;
  emptyPeek();
  if (current()) $(".row-link", current()).focus();
};
const moveRow = (step) => {
  const all = allRows();
  if (!all.length) return;
  makeCurrent(all[Math.max(0, Math.min(all.length - 1, all.indexOf(current()) + step))]);
  if (peek && !peek.hidden) fillPeek();
};
export const rowOf = (element) => element.closest("tr");
const focused = () => $("#rows tr:focus-within") || current() || allRows()[0];
onClick("[data-peek-at]", (button) => openPeek(rowOf(button)));
onClick("[data-peek-close]", closePeek);
onClick("[data-peek-step]", (button) => moveRow(Number(button.dataset.peekStep)));
keys.j = keys.ArrowDown = () => moveRow(1);
keys.k = keys.ArrowUp = () => moveRow(-1);
document.addEventListener("htmx:ws:after:message:incoming", ({ detail }) => {
  const row = current();
  row?.classList.add("is-current");
  if (row && peek && !peek.hidden && detail.message.data.includes(`"run":${idOf(row)},`)) fillPeek();
});
if (peek) {
  keys[" "] = () => (peek.hidden ? openPeek(focused()) : closePeek());
  keys.Escape = closePeek;
}

if (current()) makeCurrent(current());

// Picking rows: the bar shows itself (list.css); here the numbers on it are kept.
const picked = () => $$('#rows [name="run"]:checked').length;
export const showPicked = () => {
  const all = $("#bulk")?.elements.everything.checked && $("#everything").textContent;
  setText($("#picked"), word("picked", all || picked()));
  if (!picked() && $("#bulk")) $("#bulk").elements.everything.checked = false;
};
document.addEventListener("change", (event) => event.target.form?.id === "bulk" && showPicked());
// How many "all matching" are comes from the server.
document.addEventListener("htmx:after:swap", ({ target }) => target.closest?.("#bulk") && showPicked());
document.addEventListener("reset", ({ target }) => target.id === "bulk" && setTimeout(showPicked));
keys.x = () => $('[name="run"]', focused())?.click();
// Enter in the field of the tag adds it; anywhere else in the form it does nothing.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !isComposing(event) && event.target.matches("#bulk [name=tag]")) $("#bulk [value=tag]").click();
});

// What says all when it is hovered lies over the link of its row, and leads there all the same.
onClick("#rows [title]:not(a, button)", (part, { ctrlKey, isTrusted, metaKey, shiftKey, target }) => {
  if (!isTrusted || target.closest("a, button, label")) return;
  $(".row-link", rowOf(part)).dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, ctrlKey, metaKey, shiftKey }));
});

// One menu for all rows.
const menu = $("#row-menu");
onClick("[data-row-menu]", (button) => {
  const link = $(".row-link", rowOf(button)).href;
  const again = $("[data-menu-relaunch]", menu);
  if (again) again.search = `?from=${rowOf(button).dataset.session}`;
  $("[data-menu-open]", menu).href = $("[data-menu-copy]", menu).dataset.copy = link;
  const { right, bottom } = button.getBoundingClientRect();
  menu.style.setProperty("left", `${right - 216}px`);
  menu.style.setProperty("top", `${Math.min(bottom + 4, innerHeight - 120)}px`);
  menu.showPopover();
  $("a", menu).focus();
});
