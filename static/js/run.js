// The run page: what its tab tells, the picture in the frame, the panels beside it.
import { $, $$, everySecond, keys, now, onClick, say, setText, stored, word } from "./core.js";

const page = $(".run-page");

// The tab tells the status first, because a tab shows only the first words; its icon takes the status's colour.
let saidStatus = "";
const tellInTab = () => {
  const pill = $("#run-status");
  const status = $(".word", pill).textContent;
  const activeFor = $("[data-now-in]")?.textContent.trim();
  const telling = activeFor ? `● ${status} ${activeFor}` : status;
  const title = [telling, known.left, page.dataset.title, "Gigawatch"].filter(Boolean).join(" · ");
  if (document.title !== title) document.title = title;
  if (status === saidStatus) return;
  if (saidStatus) say(word("status", status));
  saidStatus = status;
  $("#favicon").href = pill.dataset.icon;
};

// What a person may want to hear of while looking elsewhere: the desktop is there, the run is over, somebody is
// needed, the time runs out. The browser shows it only to those who asked for it, in this browser.
let known; // the last news
const wantsToHear = () => window.Notification?.permission === "granted" && stored((store) => store.getItem("gigawatch-tell"));
const tell = (text) => {
  say(text);
  if (!wantsToHear() || document.hasFocus()) return;
  try {
    new Notification(text, { body: page.dataset.title, tag: location.pathname });
  } catch {
    // Phones show notifications of service workers only.
  }
};
const tellNews = () => {
  const until = Date.parse($("[data-warn] [data-left-until]")?.dataset.leftUntil);
  const minutes = [1, 5, 15].find((mark) => until - now() <= mark * 60000);
  const news = {
    // A desktop that was there before this page is no news.
    desktop: known?.desktop || ($(known ? "#desktop-frame.is-shown" : "#desktop-frame") && word("desktop_live")),
    ended: !$("[data-now-in]") && (known?.ended || word("status", $("#run-status .word").textContent)),
    needs: $("#run-flag").dataset.needs,
    left: minutes && word("left_min", minutes),
  };
  $("#time-warning").hidden = !news.left;
  setText($("#time-warning span"), news.left || "");
  for (const key in news) if (known && news[key] && news[key] !== known[key]) tell(news[key]);
  known = news;
  for (const button of $$("[data-tell]")) {
    button.hidden = !window.Notification;
    button.ariaPressed = !!wantsToHear();
  }
};
const chooseToHear = async () => {
  if (wantsToHear()) stored((store) => store.removeItem("gigawatch-tell"));
  else if ((await Notification.requestPermission()) === "granted") stored((store) => store.setItem("gigawatch-tell", 1));
  else document.dispatchEvent(new CustomEvent("toast", { detail: { text: word("tell_refused"), tone: "amber" } }));
  tellNews();
};
everySecond(tellNews);
everySecond(tellInTab);

// How long the present step takes, beside what is usual: its bar ends at twice that, then the row turns amber.
everySecond(() => {
  for (const step of $$("[data-usual]")) {
    const share = (now() - Date.parse(step.dataset.since)) / step.dataset.usual / 20;
    $(".fill", step).setAttribute("width", `${Math.max(0, Math.min(100, share))}%`);
    step.classList.toggle("is-late", share > 100);
  }
  for (const count of $$("[data-count-of]")) setText(count, String($(`#${count.dataset.countOf}`).children.length || ""));
});

// The viewer in its frame tells how the picture is doing; what shows it is the style sheet's business. Only our own
// frame is believed, and only words. Of Giga's page the page around it knows that it was loaded, and no more.
let changedAt = 0;
const showState = (frame, state) => {
  frame.dataset.state = state;
  if (state === "live" || state === "loaded") frame.classList.add("is-shown");
};
const tellTheme = () => {
  const theme = document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  $("#desktop-frame")?.contentWindow.postMessage({ source: "gigawatch", theme }, "*");
};
addEventListener("message", ({ source, data }) => {
  const frame = $("#desktop-frame");
  if (!frame || source !== frame.contentWindow || data?.source !== "gigawatch-desktop") return;
  showState(frame, data.state);
  if (data.state === "connecting") tellTheme();
  if (data.state === "live") changedAt = performance.now();
  else setText($("#frame-age"), String(data.detail || "").slice(0, 200));
});
everySecond(() => {
  const frame = $("#desktop-frame");
  const around = frame?.dataset.state === "loading" && frame.contentDocument;
  if (around?.readyState === "complete" && around.URL !== "about:blank") showState(frame, "loaded");
  if (frame?.dataset.state !== "live") return;
  const age = Math.floor((performance.now() - changedAt) / 1000);
  setText($("#frame-age"), age < 2 ? word("picture_now") : age < 60 ? word("changed_s", age) : word("changed_min", Math.floor(age / 60)));
});

// Full screen, and control of a desktop shown by Giga's own page: looking only until a person asks for more.
const fullScreen = () => (document.fullscreenElement ? document.exitFullscreen() : $("#desktop iframe") && $("#desktop").requestFullscreen?.());
const toggleControl = (button) => {
  const frame = $("#desktop-frame");
  if (!frame) return;
  frame.inert = !frame.inert;
  button.ariaPressed = !frame.inert;
};

// Tabs beside the desktop. Without script the panels stand below each other.
const tabs = $$('[role="tab"]');
const openTab = (tab) => {
  for (const other of tabs) {
    const isOpen = other === tab;
    other.ariaSelected = isOpen;
    other.tabIndex = isOpen ? 0 : -1;
    $(`#${other.getAttribute("aria-controls")}`).hidden = !isOpen;
  }
};
openTab(tabs[0]);
$('[role="tablist"]').addEventListener("keydown", ({ key }) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
  if (!step) return;
  const next = tabs.at((tabs.indexOf(document.activeElement) + step) % tabs.length);
  openTab(next);
  next.focus();
});

// Where one says what Giga answered.
onClick("[data-raw-answer]", () => {
  if ($("#side-fold").checked) $("#side-fold").click();
  openTab($("#tab-details"));
  $("#raw-answer").open = true;
});

onClick("[data-tell]", chooseToHear);
onClick("[data-fit]", (button) => {
  const isFit = button.ariaPressed === "false";
  button.ariaPressed = isFit;
  $("#desktop-frame").contentWindow.postMessage({ source: "gigawatch", isFit }, "*");
});
addEventListener("theme", tellTheme);
// To the list this run was opened from.
onClick("[data-back]", (link) => (link.href = stored((_, tab) => tab.getItem("gigawatch-list")) || link.href));
onClick("[data-control]", toggleControl);
onClick("[data-fullscreen]", fullScreen);
onClick('[role="tab"]', openTab);
keys.f = fullScreen;
