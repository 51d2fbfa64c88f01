// What the page's scripts share: finding elements, the server's clock, words for times, the second hand, keys.

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

// What a script says stands in the page, in the language of its reader.
const words = JSON.parse(document.body.dataset.words);
export const word = (key, ...values) => words[key].replace(/%s/g, () => values.shift());

// The runs list and the wall say how what is pushed finds its place; any other page takes it as it comes.
export const rows = { place: ({ content }) => content, hold: (text) => text, end: () => undefined };
// What this page shows is not all there is: it fetches its live parts.
export const fetchAnew = () => dispatchEvent(new Event("behind"));

// The clocks of people's machines are wrong often enough, and set while a page is open: every duration counts by the
// server's, taken anew from each answer that tells it, and goes on by the page's own, which nobody sets.
let serverLead = Date.parse(document.documentElement.dataset.now) - performance.now() || performance.timeOrigin;
export const now = () => performance.now() + serverLead;
// `took`: how long the answer was on its way, at most. Nearer than that nothing is known.
export const takeTime = (told, took = 1000) => {
  const lead = Date.parse(told) - performance.now();
  if (!(serverLead < lead - 1000 || serverLead > lead + took)) return;
  serverLead = lead;
  tick();
};
const pad = (number) => String(number).padStart(2, "0");
// In the language and zone of the reader's pages, which need not be the browser's. English days precede months.
const { lang, dataset } = document.documentElement;
export const number = (value) => value.toLocaleString(lang);
// A zone may be younger than the browser: then its own counts.
export const written = (ms, format) => {
  const inZone = (timeZone) => new Date(ms).toLocaleString(lang.replace(/^en$/, "en-GB"), { timeZone, ...format });
  try {
    return inZone(dataset.zone);
  } catch {
    return inZone();
  }
};
export const clock = (ms) => written(ms, { timeStyle: "medium" });

export const duration = (ms) => {
  const s = Math.max(0, Math.floor(ms / 1000));
  const [h, m] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
  return h ? `${h}:${pad(m)}:${pad(s % 60)}` : `${m}:${pad(s % 60)}`;
};
export const about = (ms) => {
  const minutes = Math.round(ms / 60000);
  const [h, m] = [Math.floor(minutes / 60), minutes % 60];
  return "~" + [h && `${h} h`, (m || !h) && `${m} min`].filter(Boolean).join(" ");
};
export const ago = (ms) => {
  const minutes = Math.floor((now() - ms) / 60000);
  if (minutes < 1) return word("now");
  if (minutes < 60) return word("min_ago", minutes);
  return minutes < 1440 ? word("h_ago", Math.floor(minutes / 60)) : null;
};
export const setText = (element, text) => {
  if (element && text !== null && element.textContent !== text) element.textContent = text;
};
export const say = (text) => setText($("#said"), text);

// What moves by the clock. A part that was just put in place does not wait for the next second.
const hands = [];
export const everySecond = (hand) => {
  hands.push(hand);
  hand();
};
export const tick = () => hands.forEach((hand) => hand());
setInterval(tick, 1000);

// One listener for all clicks: what is pushed into the page later is heard as well.
export const onClick = (selector, act) =>
  document.addEventListener("click", (event) => {
    const hit = event.target.closest?.(selector);
    if (hit) act(hit, event);
  });

// Storage, the browser's and the tab's. It may be forbidden; then a choice lasts as long as its page.
export const stored = (act) => {
  try {
    return act(localStorage, sessionStorage);
  } catch {
    return null;
  }
};

// A desktop's viewer whose address has expired gets a fresh one with a fresh frame, every ten seconds at most.
addEventListener("message", ({ source, data }) => {
  const frame = data?.renew && $$("iframe").find(({ contentWindow }) => contentWindow === source);
  if (!frame || performance.now() - frame.dataset.renewed < 10000) return;
  frame.dataset.renewed = performance.now();
  frame.src = frame.src;
});

// Keys and what they do on this page, beside what carries one in `data-key`.
export const keys = {};
// A key that belongs to a letter still being put together; the one that ends it is told apart by its code alone.
export const isComposing = (event) => event.isComposing || event.keyCode === 229;
