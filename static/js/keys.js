// Keys: which letter is meant, whose a key is, and what it does on a page, as listed under "?".
import { $, $$, isComposing, keys } from "./core.js";

// On a keyboard whose letters are not Latin the letter that stands on the key counts. Some of its keys give a sign in
// place of a letter (Hebrew), or another one for a question (Arabic), so what was typed before tells. Caps Lock changes
// nothing, Shift does; a wide letter is the letter.
const OTHER_SCRIPT = /[^\p{Script=Latin}\p{Script=Common}\p{Script=Inherited}]|؟/u;
let isOtherScript = false;
const keyOf = ({ key: said, code, shiftKey }) => {
  if (/^[A-Z]\w+$/.test(said)) return said; // Enter, ArrowDown, Dead
  const key = said.normalize("NFKC");
  if (OTHER_SCRIPT.test(key)) isOtherScript = true;
  else if (/\p{Script=Latin}/u.test(key)) isOtherScript = false;
  if (isOtherScript && code === "Slash") return shiftKey ? "?" : "/";
  const letter = isOtherScript && code.startsWith("Key") ? code.slice(3) : key;
  return shiftKey ? letter.toUpperCase() : letter.toLowerCase();
};

// What has the focus comes first. Where something is typed or chosen every key is its own; what can be pressed or
// scrolled keeps the keys that do it. The page's keys are for the page itself, its rows and its tiles.
const PAGE = "html, body, main, .row-link, .tile-link";
const FIELDS = "input, textarea, select, iframe, audio, video, [role^=menu], [role=listbox], [role=option], [role=textbox]";
const isField = (element) => element.matches(FIELDS) || element.isContentEditable;
const isItsOwn = (element, key) => {
  if (element.matches(PAGE) || key === "Escape") return false;
  return key === " " || key === "Enter" || (key.startsWith("Arrow") && !element.matches("a, summary, button:not([role])"));
};

const isOverlaid = () => $("dialog[open], :popover-open");
// Ctrl+Enter sends the form of the field that has the focus; where none has, the one the page is for.
const send = (element) => {
  if (element.matches("input, select, textarea")) element.form?.requestSubmit();
  else if (element.matches(PAGE) && !isOverlaid()) $("[data-launch]")?.form.requestSubmit();
};
const press = (target) => {
  if (target.matches("input")) target.focus();
  // What would cost is asked first: the server says the price.
  else if (target.dataset.ask) window.htmx.ajax("GET", target.dataset.ask, { target: "#question", swap: "innerHTML" });
  else target.click();
};

let goUntil = 0;
document.addEventListener("keydown", (event) => {
  // A browser that fills in a form sends keys without a name.
  if (!event.key || event.defaultPrevented || isComposing(event)) return;
  const element = event.target.matches ? event.target : document.body;
  const isEnter = event.key === "Enter";
  const isAlt = event.altKey || event.getModifierState("AltGraph");
  const isControl = event.ctrlKey || event.metaKey;
  if (isEnter && event.repeat && element.matches("button, summary, input")) return event.preventDefault();
  if (isEnter && isControl && !isAlt) return event.repeat || send(element);
  const key = keyOf(event);
  if (isControl && !isAlt && key === "k") {
    event.preventDefault();
    return $("[data-palette]").click();
  }
  if (isControl || isAlt) return;
  // Only the innermost closes by Esc: a dialog or a popover by the browser, then a menu; then a field is left.
  const menu = $$("[data-menu][open]").at(-1);
  if (isOverlaid() || menu || isField(element)) {
    if (key !== "Escape" || isOverlaid()) return;
    if (menu) {
      menu.open = false;
      $("summary", menu).focus();
    } else if (element.matches("input, textarea")) element.blur();
    return;
  }
  if ("noKeys" in document.body.dataset || isItsOwn(element, key)) return;
  const isGo = performance.now() < goUntil;
  goUntil = key === "g" ? performance.now() + 1500 : 0;
  const act = !isGo && keys[key];
  const target = $(`[data-key="${isGo ? "g " : ""}${CSS.escape(key)}"]`);
  // A key that is held down acts once, but for those that walk.
  if (!(act || target) || (event.repeat && !/^([jk]|Arrow.*)$/.test(key))) return;
  event.preventDefault();
  if (act) act();
  else press(target);
});
