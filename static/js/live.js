// What moves by the clock, and the page's own connection: live, or honest about it.
import { $, $$, about, ago, clock, duration, everySecond, now, rows, say, setText, takeTime, tick, word } from "./core.js";

const live = $("#live");

// Durations, time left and the strip move by the clock; only what changed about a run comes from the server.
const tickTimeLeft = (element) => {
  const left = Math.max(0, Date.parse(element.dataset.leftUntil) - now());
  setText(element.firstElementChild, about(left));
  $(".fill", element)?.setAttribute("width", `${Math.min(100, left / (element.dataset.leftHours * 36000))}%`);
  element.classList.toggle("tone-red", left < 300000);
  element.classList.toggle("tone-amber", left >= 300000 && left < 900000);
};
const tickStrip = (svg) => {
  const { from, to, x, least } = svg.dataset;
  const at = Math.max(least, Math.min(100, (100 * (now() - from)) / (to - from)));
  svg.parentNode.style = `--x: ${x}%; --at: ${at}%`;
  // What "now" comes near makes room for it.
  const [mark, ...ticks] = $$("text", svg.nextElementSibling);
  setText(mark.lastChild, clock(now()).slice(0, 5));
  mark.setAttribute("x", `${Math.max(4, Math.min(96, at))}%`);
  for (const tick of ticks) tick.toggleAttribute("hidden", Math.abs(parseFloat(tick.getAttribute("x")) - at) * svg.clientWidth < 8000);
};
everySecond(() => {
  for (const element of $$("[data-tick-since]")) setText(element, duration(now() - Date.parse(element.dataset.tickSince)));
  for (const element of $$("[data-due]")) {
    const left = Date.parse(element.dataset.due) - now();
    setText(element, left > 0 ? word("in", duration(left)) : word("now"));
  }
  $$("[data-left-until]").forEach(tickTimeLeft);
  $$("[data-strip]").forEach(tickStrip);
  for (const element of $$("time[data-relative]")) setText(element, ago(Date.parse(element.dateTime)));
});

// The page's own connection. It is up to date while its socket is heard and no fetch is owed. Otherwise a banner
// says so after two seconds, and the page asks for itself over plain HTTP every ten, whatever the socket does.
// Its times are the page's own, which nobody sets.
const twoBeats = 2000 * live?.dataset.heartbeat + 1000;
let state = ""; // live, catching or offline
let notLiveSince = 0;
let lastAnswer = performance.now();
let askedAt = 0;
let isOpen = false; // the socket
let isCrowded = false;
let heardAt = performance.now(); // of the socket; and how long the page waits for its next sign
let patience = 10000;
let shown = Number(live?.dataset.event); // the newest event whose change this page shows
let shownPage = live?.dataset.page; // and the address of which it shows the rows
let owed = 0; // how often there was a reason to fetch, and how many of these a fetch has answered
let paid = 0;
const passed = (since, ms) => performance.now() - since >= ms;
const timeOf = (at) => clock(now() + at - performance.now());
const expect = (ms) => {
  heardAt = performance.now();
  patience = ms;
};
const isBehind = () => owed > paid;

// Everything that looks different by it is the style sheets' business.
const show = (next) => {
  if (next === "offline") say(word("paused"));
  else if (state === "offline") say(word("live_again"));
  state = document.body.dataset.live = next;
};
const judge = () => {
  if (isOpen && !isBehind()) {
    notLiveSince = 0;
    lastAnswer = heardAt;
    if (state !== "live") show("live");
    return;
  }
  notLiveSince ||= performance.now();
  if (state !== "offline" && passed(notLiveSince, 2000)) {
    show("offline");
    ask();
  } else if (!state || (state === "live" && passed(notLiveSince, 500))) show("catching");
};
const lost = () => {
  isOpen = false;
  owed++;
  judge();
};
const clockLead = () => Date.now() - performance.now();
let lead = clockLead();
const tickConnection = () => {
  // The machine slept, or its clock was set: neither the time nor the socket is to be believed.
  if (Math.abs(clockLead() - lead) > 2000) {
    lead = clockLead();
    reconnect();
  }
  // Two heartbeats missed, or no hello in ten seconds: dead, however open it looks. Pages that lost theirs in the
  // same moment do not come back in the same moment.
  if (passed(heardAt, patience)) {
    expect(10000);
    lost();
    setTimeout(retry, Math.random() * 5000);
  }
  judge();
  if (state !== "offline") return;
  if (passed(askedAt, 10000)) ask();
  const next = Math.max(0, Math.ceil((askedAt + 10000 - performance.now()) / 1000));
  setText($('[data-banner="since"]'), isCrowded ? word("crowded") : word("paused_since", timeOf(notLiveSince)));
  setText($('[data-banner="last"]'), word("last_answer", timeOf(lastAnswer), next));
  setText($("#as-of span"), word("as_of", timeOf(lastAnswer)));
};
// The extension opens a socket once for each element: a fresh element is a fresh try, and swapping it in closes
// what the old one still holds.
const reconnect = () => {
  const fresh = live.cloneNode();
  fresh.removeAttribute("data-htmx-powered");
  window.htmx.swap({ sourceElement: $("#live"), target: "#live", swap: "outerHTML", text: fresh.outerHTML, transition: false });
  ask();
};
const retry = () => isOpen || reconnect();
// Another address of the same page: its rows, and from now on what is told of them.
const move = () => {
  const { pathname, search } = location;
  live.dataset.page = pathname + search;
  live.setAttribute("hx-ws:connect", `/ws${pathname}${search}`);
  owed++;
  reconnect();
};
// What this page shows is not for its reader any longer, or not like this: its address says it in words.
const leave = () => location.replace(live.dataset.page);

// The same parts as a push brings, fetched. Pushes wait meanwhile, so that neither overwrites something newer.
let asking = null;
const ask = () => {
  asking ||= fetchParts().then((hasAnswer) => {
    asking = null;
    judge();
    if (hasAnswer && isBehind()) ask();
  });
};
const pay = () => {
  owed++;
  ask();
};
const fetchParts = async () => {
  const paying = owed;
  const { page } = live.dataset;
  const isMoved = page !== shownPage;
  const end = rows.end();
  askedAt = performance.now();
  try {
    const response = await fetch(page, {
      headers: isMoved ? { "X-Live-Parts": "all" } : { "X-Live-Parts": "1", ...(end && { "X-Down-To": end }) },
      cache: "no-store",
      redirect: "manual",
      signal: AbortSignal.timeout(8000),
    });
    const text = await response.text();
    // A sign-in page, no workspace, no such run. A proxy that misses us says 404 too: only our page is believed.
    const isRefused = [403, 404, 410].includes(response.status) && text.includes("Gigawatch");
    const isAnotherReader = response.ok && response.headers.get("X-Standing") !== live.dataset.standing;
    if (response.type === "opaqueredirect" || isRefused || isAnotherReader) return leave();
    const event = response.headers.get("X-Newest-Event");
    if (!response.ok || event === null) return false;
    // Longer by "Load more" meanwhile: the answer is to reach down to there. Or the next address was typed.
    if (end !== rows.end() || page !== live.dataset.page) return true;
    await window.htmx.swap({ sourceElement: $("#live"), target: "#live", swap: "none swapEmpty:false", text: rows.hold(text), transition: false });
    takeTime(response.headers.get("X-Now"), performance.now() - askedAt + 1000);
    shown = Number(event);
    shownPage = page;
    paid = paying;
    lastAnswer = performance.now();
    return true;
  } catch {
    return false; // The banner says since when, and the next question comes in ten seconds.
  }
};

let drawing = 0;
const listen = () => {
  const on = (name, handler) => document.addEventListener(name, handler);
  const read = (detail) => {
    try {
      return JSON.parse(detail.message.data);
    } catch {
      return {};
    }
  };
  on("htmx:ws:before:connection", () => expect(10000));
  on("htmx:ws:before:message:incoming", ({ detail }) => {
    const message = read(detail);
    isOpen = true;
    isCrowded = false;
    takeTime(message.now);
    expect(twoBeats);
    if (message.type === "hello" && message.standing !== live.dataset.standing) return leave();
    if (message.type !== "run.changed") {
      // Pushes come in order, so one that is missing here was missed for good.
      if (message.event > shown) owed++;
      if (isBehind()) ask();
      judge();
    }
    const fit = async () => {
      while (asking) await asking;
      // The fetch was answered later than this was sent, and has what it says.
      if (message.event < shown) detail.cancelled = true;
      else detail.message.data = JSON.stringify({ ...message, content: message.type === "run.changed" ? rows.place(message) : message.content });
    };
    if (message.content !== undefined) detail.waitUntil(fit());
  });
  on("htmx:ws:after:message:incoming", ({ detail }) => {
    const message = read(detail);
    if (message.type === "run.changed") shown = Math.max(shown, message.event);
    if (isBehind()) ask();
    // Once for all that came since the last frame was drawn; a hidden tab draws none.
    if (document.hidden) return tick();
    cancelAnimationFrame(drawing);
    drawing = requestAnimationFrame(tick);
  });
  on("htmx:ws:close", ({ detail }) => {
    if (detail.reason === "removed") return;
    expect(twoBeats); // the extension tries again, at growing intervals
    isCrowded = detail.code === 4429;
    lost();
    if (detail.code === 4403) leave();
    // Closed for cause: the answer to a plain question says what is the matter. If there is none (a new login in
    // another tab, say), a socket is tried once more.
    if ([4401, 4404, 4429].includes(detail.code)) {
      ask();
      setTimeout(retry, 10000);
    }
  });
  on("htmx:ws:error", lost);
  // Rows loaded by "Load more" may have been rendered before something that was pushed since.
  on("htmx:after:swap", ({ detail }) => {
    const event = detail.ctx?.response?.headers.get("X-Newest-Event");
    if (event && Number(event) < shown) pay();
  });
};
if (live) {
  listen();
  everySecond(tickConnection);
  if (document.documentElement.dataset.zoneOfBrowser) pay();
  addEventListener("offline", lost);
  addEventListener("online", retry);
  addEventListener("behind", pay);
  addEventListener("moved", move);
  $("[data-reconnect]").addEventListener("click", reconnect);
}
// A page from the browser's memory has a dead socket and old rows.
addEventListener("pageshow", (event) => event.persisted && location.reload());
