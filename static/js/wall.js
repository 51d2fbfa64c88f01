// The wall: which tiles are large and live, in which order they stand; kiosk; keys. A frame that is moved in the
// document loads anew, so tiles stay where they are in it: their order is the grid's, and Tab follows it by
// `reading-flow`. Where that is not known, they are moved in the one way that leaves frames alone.
import { $, $$, clock, everySecond, keys, now, onClick, rows, setText, word, written } from "./core.js";

const wall = $("#wall");
const page = wall.parentElement;
const phone = matchMedia("(max-width: 640px)");
let chosen = []; // tiles by people, the last first

const tileOf = (place) => place.firstElementChild;
const frameOf = (place) => $("iframe", place);
const pictureOf = (place) => $("[data-frame]", place);
const movesTiles = wall.moveBefore && !CSS.supports("reading-flow: grid-order");
const isWaiting = (place) => ["queued", "sending"].includes(tileOf(place).dataset.status);
const isLarge = (place) => place.classList.contains("is-large");
const isKiosk = () => page.classList.contains("is-kiosk");

// Where a tile stands, and from when on, the server has said: since, need, order within it.
const standing = (place) => JSON.parse(tileOf(place).dataset.places || "[[0,9,0]]").findLast(([since]) => since <= now());
const sorted = (places, ...keys) => places.map((place) => [place, ...keys.map((key) => key(place))])
  .sort((a, b) => a[1] - b[1] || a[2] - b[2] || 0).map(([place]) => place);
// The chosen and the needed come in for the least needed; else who is in stays in, and others come while there is room.
const seated = (places, isIn, count) => sorted(places, (place) => {
  const choice = chosen.indexOf(tileOf(place));
  return choice >= 0 ? choice - 9 : $(".needs", place) ? 0 : isIn(place) ? 1 : 2;
}).slice(0, count);

const setLive = (place, isLive) => {
  if (!isLive || frameOf(place)) return isLive || frameOf(place)?.remove();
  const { frame, src, title } = pictureOf(place).dataset;
  pictureOf(place).prepend(Object.assign($(`#frame-${frame}`).content.cloneNode(true).firstElementChild, { src, title }));
};
const arrange = () => {
  for (const place of $$(".place")) if (Date.parse(tileOf(place).dataset.until) < now()) place.remove();
  const all = sorted($$(".place"), (place) => standing(place)[1], (place) => standing(place)[2]);
  const { slots, most } = wall.dataset;
  const open = phone.matches ? all.filter((place) => chosen.includes(tileOf(place))) : all;
  // Words are large while there is room; those that need somebody, or tell how it ended, keep theirs.
  const words = open.filter((place) => !pictureOf(place) && !isWaiting(place));
  const kept = words.filter((place) => $(".needs", place) || (isLarge(place) && tileOf(place).dataset.until));
  const live = seated(open.filter(pictureOf), frameOf, Math.max(0, Math.min(most, slots - kept.length)));
  const large = [...live, ...seated(words, (place) => kept.includes(place), slots - live.length)];
  // Nothing moves under the pointer.
  const isHeld = !isKiosk() && $(".place:hover");
  all.forEach((place, i) => {
    if (!isHeld || !place.style.order) place.style.order = (large.includes(place) ? 0 : 2000) + i;
    place.classList.toggle("is-large", large.includes(place));
    setLive(place, live.includes(place));
  });
  const seen = sorted(all, (place) => place.style.order);
  if (movesTiles && seen.some((place, i) => place !== $$(".place")[i])) for (const place of seen) wall.moveBefore(place, null);
  for (const count of $$("[data-wall-count]")) setText(count, word("live_of", live.length, $$('[data-until=""]').length));
  setText($("#wall-needs"), String($$(".needs").length));
  setText($("#wall-date"), written(now(), { weekday: "short", day: "numeric", month: "short", timeZoneName: "short" }));
  setText($("#wall-clock"), clock(now()).slice(0, 5));
  wall.style.setProperty("--as-of", JSON.stringify($("#as-of").innerText));
};

// A tile that is pushed or fetched finds its place by its id; a new one gets an empty place at the end.
const makePlace = (id) => {
  if ($(`#${id}`)) return;
  const place = wall.appendChild(Object.assign(document.createElement("li"), { className: "place" }));
  place.append(Object.assign(document.createElement("article"), { id }));
};
rows.place = ({ run, matches, content }) => {
  if (matches) makePlace(`tile-${run}`);
  else $(`#tile-${run}`)?.parentElement.remove();
  return content;
};
rows.hold = (text) => {
  const told = [...text.matchAll(/hx-target="#(tile-\d+)"/g)].map(([, id]) => id);
  for (const place of $$(".place")) if (!told.includes(tileOf(place).id)) place.remove();
  told.forEach(makePlace);
  return text;
};

// Kiosk: tiles and one line. Leaving full screen leaves it too.
onClick("[data-kiosk]", (link, event) => {
  event.preventDefault();
  page.classList.toggle("is-kiosk", link.dataset.kiosk);
  history.replaceState(history.state, "", link.href);
  if (link.dataset.kiosk) document.documentElement.requestFullscreen?.().catch(() => {});
  else if (document.fullscreenElement) document.exitFullscreen();
});
document.addEventListener("fullscreenchange", () => document.fullscreenElement || $("#leave-kiosk").click());

// Keys move the focus from tile to tile, as they stand on the screen.
const current = () => document.activeElement.closest(".place");
const visible = () => sorted($$(".place").filter((place) => place.offsetParent), (place) => place.style.order);
const go = (place) => place && $(frameOf(place) || !pictureOf(place) ? ".tile-link" : "[data-watch]", place).focus();
const step = (by) => () => go(visible().at(Math.max(0, visible().indexOf(current()) + by)) ?? current());
const climb = (sign) => () => {
  const { offsetTop, offsetLeft } = current() ?? wall;
  const below = (place) => sign * (place.offsetTop - offsetTop);
  go(sorted(visible().filter((place) => below(place) > 8), below, (place) => Math.abs(place.offsetLeft - offsetLeft))[0]);
};
Object.assign(keys, {
  ArrowRight: step(1), ArrowLeft: step(-1), ArrowDown: climb(1), ArrowUp: climb(-1),
  e: () => current() && $(".more-time", current())?.click(),
  Escape: () => $(isKiosk() ? "#leave-kiosk" : '[data-key="g r"]').click(),
});
for (let n = 1; n < 10; n++) keys[n] = () => go(visible()[n - 1]);

onClick("[data-watch]", (button) => {
  const tile = button.closest(".tile");
  chosen = [tile, ...chosen.filter((other) => other !== tile)].slice(0, wall.dataset.most);
  arrange();
  go(tile.parentElement);
});
everySecond(arrange);
