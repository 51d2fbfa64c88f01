// A search takes effect while it is typed: the page goes on under the address of what stands in its form, and the field
// stays as it is. A list that is live fetches its parts (live.js); over any other the page of that address is laid.
import { $, isComposing, word } from "./core.js";

const form = $("[data-filters]:has([type=search])");
const isText = ({ target }) => target.matches("[type=search], [type=text]");

const takePage = async () => {
  const { href } = location;
  const answer = await fetch(href).catch(() => null);
  const text = answer && (await answer.text());
  if (href !== location.href) return; // more was typed meanwhile
  if (!answer) return document.dispatchEvent(new CustomEvent("toast", { detail: { text: word("failed"), tone: "red" } }));
  if (!answer.ok || answer.redirected) return location.reload();
  window.htmx.swap({ sourceElement: form, target: "#main", select: "#main", swap: "outerMorph", text, transition: false });
};
let typed = 0;
const searchNow = () => {
  clearTimeout(typed);
  const asked = [...new FormData(form)].filter(([, value]) => value);
  const address = asked.length ? `?${new URLSearchParams(asked)}` : location.pathname;
  if (address === (location.search || location.pathname)) return;
  history.replaceState(history.state, "", address);
  dispatchEvent(new Event("moved"));
  if (!$("#live")) takePage();
};
form.addEventListener("input", (event) => {
  clearTimeout(typed);
  if (isText(event)) typed = setTimeout(searchNow, 300);
});
form.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || isComposing(event) || !isText(event)) return;
  event.preventDefault();
  searchNow();
});
