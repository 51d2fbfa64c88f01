// The place in a list: who comes back to it finds as many rows as there were, where they stood, which were picked, and
// the glance. It is kept in the entry of the browser's history, for Back and for loading anew, and in the tab, for the
// links of a run's page that lead back. Numbers of rows, and nothing that stands in them.
import { $, $$, everySecond, onClick, stored } from "./core.js";
import { allRows, current, idOf, makeCurrent, openPeek, rowOf, showPicked } from "./list.js";

const page = $("#main");
const peek = $("#peek");
// Below what sticks to the top of the page.
const firstInSight = () => allRows().find((row) => row.getBoundingClientRect().bottom > 150);
const topOf = (row) => Math.round(row.getBoundingClientRect().top);

const place = () => {
  const row = firstInSight();
  return (
    row && {
      row: idOf(row),
      top: topOf(row),
      end: idOf(allRows().at(-1)),
      current: current()?.id,
      picked: $$('#rows [name="run"]:checked').map(({ value }) => value),
      hasPeek: Boolean(peek && !peek.hidden),
    }
  );
};
let kept = history.state?.place;
if (!kept && location.hash)
  kept = stored((_, tab) => tab.getItem("gigawatch-list") === location.href && JSON.parse(tab.getItem("gigawatch-place")));

let beginsAnew = false;
const keep = () => {
  if (beginsAnew) return;
  const now = place();
  if (JSON.stringify(now) === JSON.stringify(history.state?.place)) return;
  history.replaceState({ ...history.state, place: now }, "");
};
const loadAsFarAs = async (end) => {
  for (let count = 0; allRows().length > count && idOf(allRows().at(-1)) > end; ) {
    count = allRows().length;
    const more = $("#more-rows a");
    if (more) await window.htmx.ajax("GET", more.href, { source: more, swap: "none" });
  }
};
// Where rows are gone by now, the next older one stands for them.
const bringTo = (id, top) => {
  const row = allRows().find((one) => idOf(one) <= id);
  if (!row) return;
  page.scrollTop += topOf(row) - top;
  scrollBy(0, topOf(row) - top); // on a phone it is the window that scrolls
};
const restore = async () => {
  await loadAsFarAs(kept.end);
  for (const box of $$('#rows [name="run"]')) box.checked = kept.picked.includes(box.value);
  showPicked();
  const row = document.getElementById(kept.current);
  if (row) makeCurrent(row);
  if (row && kept.hasPeek) openPeek(row);
  bringTo(kept.row, kept.top);
};
// A link to where one is begins at the top. Browsers go on with the same entry there, and what is kept in it.
const keepOrBeginAnew = ({ target, ctrlKey, metaKey, shiftKey }) => {
  const link = target.closest("a[href]:not([href^='#'])");
  const isHere = link?.pathname === location.pathname && link.search === location.search;
  if (!isHere || ctrlKey || metaKey || shiftKey) return keep();
  beginsAnew = true;
  history.replaceState({ ...history.state, place: null }, "");
};
const begin = async () => {
  if (kept && allRows().length) await restore();
  document.addEventListener("click", keepOrBeginAnew, true);
  everySecond(keep);
};
history.scrollRestoration = "manual";
document.addEventListener("DOMContentLoaded", begin);

onClick(".row-link, .peek-foot a", (link) => {
  if (rowOf(link)) makeCurrent(rowOf(link));
  history.replaceState({ ...history.state, place: place() }, "", `#${current()?.id}`);
  stored((_, tab) => {
    tab.setItem("gigawatch-list", location.href);
    tab.setItem("gigawatch-place", JSON.stringify(place()));
  });
});
