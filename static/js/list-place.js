// The place in a list: as many rows as there were, where they stood, which were picked, and the glance. The tab keeps it
// too, for the links of a run's page that lead back, and for what is sent from the list and answered by it. Numbers of
// rows, and nothing that stands in them.
import { $, $$, onClick, stored } from "./core.js";
import { allRows, current, idOf, makeCurrent, openPeek, rowOf, showPicked } from "./list.js";
import { place } from "./place.js";

const page = $("#main");
const peek = $("#peek");
// Below what sticks to the top of the page.
const firstInSight = () => allRows().find((row) => row.getBoundingClientRect().bottom > 150);
const topOf = (row) => Math.round(row.getBoundingClientRect().top);
const placeInList = () => {
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
const restore = async (kept) => {
  if (!allRows().length) return;
  await loadAsFarAs(kept.end);
  for (const box of $$('#rows [name="run"]')) box.checked = kept.picked.includes(box.value);
  showPicked();
  const row = kept.current && document.getElementById(kept.current);
  if (row) makeCurrent(row);
  if (row && kept.hasPeek) openPeek(row);
  bringTo(kept.row, kept.top);
};

const keepInTab = (more) =>
  stored((_, tab) => tab.setItem("gigawatch-place", JSON.stringify({ ...placeInList(), ...more, of: location.pathname + location.search })));
// An answer to what was sent comes by way of a redirect.
const isAnswer = () => performance.getEntriesByType("navigation")[0].redirectCount > 0;
const keptInTab = () =>
  stored((_, tab) => {
    const kept = JSON.parse(tab.getItem("gigawatch-place"));
    if (kept?.isSent) tab.removeItem("gigawatch-place");
    const isBack = kept?.isSent ? isAnswer() : location.hash && kept?.of === location.pathname + location.search;
    return isBack && kept;
  });

Object.assign(place, { now: placeInList, bring: restore, elsewhere: keptInTab });
history.scrollRestoration = "manual";
onClick(".row-link, .peek-foot a", (link) => {
  if (rowOf(link)) makeCurrent(rowOf(link));
  history.replaceState({ ...history.state, place: placeInList() }, "", `#${current()?.id}`);
  stored((_, tab) => tab.setItem("gigawatch-list", location.href));
  keepInTab();
});
addEventListener("submit", ({ target }) => target.method === "post" && target.closest("main") && keepInTab({ isSent: true }));
