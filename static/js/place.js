// The place on a page: who comes back finds it where it was left. It is kept in the entry of the browser's history, for
// Back and for loading anew. Browsers do so for windows; here the page scrolls inside of one.
import { $, everySecond } from "./core.js";

const page = $("#main");
// There is more to the place in a list (list-place.js).
export const place = {
  now: () => ({ top: page.scrollTop }),
  bring: ({ top }) => (page.scrollTop = top),
  elsewhere: () => null, // kept for who comes by a link that leads back
};
let beginsAnew = false;
const keep = () => {
  const now = place.now();
  if (beginsAnew || JSON.stringify(now) === JSON.stringify(history.state?.place)) return;
  history.replaceState({ ...history.state, place: now }, "");
};
// A link to where one is begins at the top. Browsers go on with the same entry there, and what is kept in it.
const keepOrBeginAnew = ({ target, ctrlKey, metaKey, shiftKey }) => {
  const link = target.closest("a[href]:not([href^='#'])");
  const isHere = link?.pathname === location.pathname && link.search === location.search;
  if (!isHere || ctrlKey || metaKey || shiftKey) return keep();
  beginsAnew = true;
  history.replaceState({ ...history.state, place: null }, "");
};
document.addEventListener("DOMContentLoaded", async () => {
  const kept = history.state?.place ?? place.elsewhere();
  if (kept) await place.bring(kept);
  document.addEventListener("click", keepOrBeginAnew, true);
  everySecond(keep);
});
