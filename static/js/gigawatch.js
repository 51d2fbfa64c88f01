// What HTML cannot say by itself. Launching and reading work without any of it.
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const page = $("#main");
  const live = $("#live");

  // The clocks of people's machines are wrong often enough: every duration counts by the server's.
  const clockOffset = Date.parse(document.documentElement.dataset.now) - Date.now() || 0;
  const now = () => Date.now() + clockOffset;
  const pad = (number) => String(number).padStart(2, "0");
  const clock = (ms) => new Date(ms).toLocaleTimeString("en-GB");

  const duration = (ms) => {
    const s = Math.max(0, Math.floor(ms / 1000));
    const [h, m] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
    return h ? `${h}:${pad(m)}:${pad(s % 60)}` : `${m}:${pad(s % 60)}`;
  };
  const about = (ms) => {
    const minutes = Math.round(ms / 60000);
    const [h, m] = [Math.floor(minutes / 60), minutes % 60];
    return "~" + [h && `${h} h`, (m || !h) && `${m} min`].filter(Boolean).join(" ");
  };
  const ago = (ms) => {
    const minutes = Math.floor((now() - ms) / 60000);
    if (minutes < 1) return "now";
    if (minutes < 60) return `${minutes} min ago`;
    return minutes < 1440 ? `${Math.floor(minutes / 60)} h ago` : null;
  };
  const setText = (element, text) => {
    if (element && text !== null && element.textContent !== text) element.textContent = text;
  };
  const say = (text) => setText($("#said"), text);

  // Durations, time left and the strip move by the clock; only what changed about a run comes from the server.
  const tickTimeLeft = (element) => {
    const left = Math.max(0, Date.parse(element.dataset.leftUntil) - now());
    setText(element.firstElementChild, about(left));
    $(".fill", element)?.setAttribute("width", `${Math.min(100, left / (element.dataset.leftHours * 36000))}%`);
    element.classList.toggle("tone-red", left < 300000);
    element.classList.toggle("tone-amber", left >= 300000 && left < 900000);
  };
  const tickStrip = (svg) => {
    const grows = $("[data-grows]", svg);
    const rest = $(".seg-rest", svg);
    if (!grows || !rest) return;
    const share = Math.min(100, (100 * (now() - svg.dataset.from)) / (svg.dataset.to - svg.dataset.from));
    const x = parseFloat(grows.getAttribute("x"));
    const width = Math.max(parseFloat(grows.getAttribute("width")), share - x);
    grows.setAttribute("width", `${width}%`);
    rest.setAttribute("x", `${x + width + 0.17}%`);
    rest.setAttribute("width", `${Math.max(0, 100 - x - width - 0.17)}%`);
    const mark = $("#run-strip text.now");
    if (!mark) return;
    setText(mark, `now ${clock(now()).slice(0, 5)}`);
    if (mark.getAttribute("text-anchor") === "middle") mark.setAttribute("x", `${x + width}%`);
  };
  const tick = () => {
    for (const element of $$("[data-tick-since]")) setText(element, duration(now() - Date.parse(element.dataset.tickSince)));
    for (const element of $$("[data-due]")) {
      const left = Date.parse(element.dataset.due) - now();
      setText(element, left > 0 ? `in ${duration(left)}` : "now");
    }
    $$("[data-left-until]").forEach(tickTimeLeft);
    $$("[data-strip]").forEach(tickStrip);
    for (const element of $$("time[data-relative]")) setText(element, ago(Date.parse(element.dateTime)));
    for (const element of $$("[data-count-of]")) setText(element, String($(`#${element.dataset.countOf}`).children.length));
    tellInTab();
    letGo();
    tickConnection();
    tickFrame();
  };

  // The tab tells the status first, because a tab shows only the first words; its icon takes the status's colour.
  const statusOfPage = { word: "", icon: $("#favicon")?.href };
  const tellInTab = () => {
    const run = $("[data-run]");
    const pill = $("#run-status");
    if (!run || !pill) return;
    const word = $(".word", pill).textContent;
    const isActive = $("[data-now-in]");
    const parts = [`${isActive ? "● " : ""}${word}${isActive ? ` ${isActive.textContent.trim()}` : ""}`, run.dataset.title, "Gigawatch"];
    const title = parts.join(" · ");
    if (document.title !== title) document.title = title;
    if (word === statusOfPage.word) return;
    if (statusOfPage.word) say(`Status: ${word}`);
    statusOfPage.word = word;
    const tone = getComputedStyle($(".icon", pill)).color;
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8.6" fill="#14191B"/><circle cx="16" cy="16" r="8" fill="${tone}"/></svg>`;
    $("#favicon").href = `data:image/svg+xml,${encodeURIComponent(svg)}`;
  };

  // The page's own connection. It is up to date while its socket is heard and no fetch is owed. Otherwise a banner
  // says so after two seconds, and the page asks for itself over plain HTTP every ten, whatever the socket does.
  const twoBeats = 2000 * live?.dataset.heartbeat + 1000;
  const connection = {
    state: "", since: 0, lastAnswer: now(), askedAt: 0, isOpen: false,
    heardAt: now(), patience: 10000, // since when, and how long, the page waits for a sign of its socket
    shown: Number(live?.dataset.event), // the newest event whose change this page shows
    owed: 0, paid: 0, // how often there was a reason to fetch, and how many of these a fetch has answered
  };
  // Either way round: a clock that was set back must not make the page wait for hours.
  const passed = (since, ms) => Math.abs(now() - since) >= ms;
  const expect = (ms) => {
    connection.heardAt = now();
    connection.patience = ms;
  };
  const isBehind = () => connection.owed > connection.paid;
  const owe = () => connection.owed++;

  const showConnection = (state) => {
    const wasOffline = connection.state === "offline";
    connection.state = state;
    const word = { live: "Live", catching: "Catching up", offline: "Offline" }[state];
    for (const dot of $$("[data-live]")) {
      dot.hidden = false;
      dot.dataset.live = state;
      setText(dot, word);
    }
    const isOffline = state === "offline";
    document.body.classList.toggle("is-stale", isOffline);
    $("#banner").hidden = !isOffline;
    const asOf = $("#as-of");
    if (asOf) asOf.hidden = !isOffline;
    if (isOffline) say("Live updates are paused. This page asks every ten seconds.");
    else if (wasOffline) say("Live again.");
  };
  const judge = () => {
    if (connection.isOpen && !isBehind()) {
      connection.since = 0;
      connection.lastAnswer = connection.heardAt;
      if (connection.state !== "live") showConnection("live");
      return;
    }
    connection.since ||= now();
    if (connection.state !== "offline" && passed(connection.since, 2000)) {
      showConnection("offline");
      ask();
    } else if (!connection.state || (connection.state === "live" && passed(connection.since, 500))) showConnection("catching");
  };
  const lost = () => {
    connection.isOpen = false;
    owe();
    judge();
  };
  const tickConnection = () => {
    if (!live) return;
    // Two heartbeats missed, or no hello in ten seconds: dead, however open it looks. Pages that lost theirs in the
    // same moment do not come back in the same moment.
    if (passed(connection.heardAt, connection.patience)) {
      expect(10000);
      lost();
      setTimeout(retry, Math.random() * 5000);
    }
    judge();
    if (connection.state !== "offline") return;
    if (passed(connection.askedAt, 10000)) ask();
    const next = Math.max(0, Math.ceil((connection.askedAt + 10000 - now()) / 1000));
    setText($('[data-banner="since"]'), clock(connection.since));
    setText($('[data-banner="last"]'), `Last answer ${clock(connection.lastAnswer)}, next in ${next} s.`);
    setText($("#as-of span"), `as of ${clock(connection.lastAnswer)}`);
  };
  // The extension opens a socket once for each element: a fresh element is a fresh try, and swapping it in closes
  // what the old one still holds.
  const reconnect = () => {
    const fresh = live.cloneNode();
    fresh.removeAttribute("data-htmx-powered");
    window.htmx.swap({ sourceElement: $("#live"), target: "#live", swap: "outerHTML", text: fresh.outerHTML, transition: false });
    ask();
  };
  const retry = () => connection.isOpen || reconnect();
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
  const fetchParts = async () => {
    const owed = connection.owed;
    const end = endOfList();
    connection.askedAt = now();
    try {
      const response = await fetch(live.dataset.page, {
        headers: { "X-Live-Parts": "1", ...(end && { "X-Down-To": end }) },
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
      // Longer by "Load more" meanwhile: the answer is to reach down to there.
      if (end !== endOfList()) return true;
      await window.htmx.swap({ sourceElement: $("#live"), target: "#live", swap: "none swapEmpty:false", text: holdingBack(text), transition: false });
      connection.shown = Number(event);
      connection.paid = owed;
      connection.lastAnswer = now();
      return true;
    } catch {
      return false; // The banner says since when, and the next question comes in ten seconds.
    }
  };

  // Rows come on top when the list is at its top, else they wait behind a button; rows that fit the filters no
  // longer go when the pointer has left the table. Nothing moves under the pointer.
  const newRows = new Set();
  const leaving = new Set();
  const before = Number(new URLSearchParams(location.search).get("before")) || Infinity;
  const isAtTop = () => page.scrollTop < 8 && window.scrollY < 8;
  const rowIds = () => $$('#rows > tr[id^="run-"]').map((row) => Number(row.id.slice(4)));
  const endOfList = () => rowIds().at(-1);
  const showNewRows = () => {
    const button = $("#new-rows");
    if (!button) return;
    button.hidden = !newRows.size;
    button.textContent = `${newRows.size} new`;
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
    const isNewest = run > ids[0];
    if (!matches) newRows.delete(run);
    else if (isNewest && before === Infinity && !isAtTop()) newRows.add(run);
    else if (isNewest && before === Infinity) {
      const place = document.createElement("tr");
      place.id = `run-${run}`;
      $("#rows").prepend(place);
      return content;
    } else if (run < before && !(run < ids.at(-1) && $("#more-rows"))) owe();
    showNewRows();
    return without;
  };
  const letGo = () => {
    for (const id of leaving) {
      const row = $(`#run-${id}`);
      if (row && ($("#rows:hover") || row.contains(document.activeElement))) continue;
      row?.remove();
      leaving.delete(id);
      if (!rowIds().length) owe();
    }
  };

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
      connection.isOpen = true;
      expect(twoBeats);
      if (message.type === "hello" && message.standing !== live.dataset.standing) return leave();
      if (message.type !== "run.changed") {
        // Pushes come in order, so one that is missing here was missed for good.
        if (message.event > connection.shown) owe();
        if (isBehind()) ask();
        judge();
      }
      const fit = async () => {
        while (asking) await asking;
        // The fetch was answered later than this was sent, and has what it says.
        if (message.event < connection.shown) detail.cancelled = true;
        else detail.message.data = JSON.stringify({ ...message, content: inItsPlace(message) });
      };
      if (message.content !== undefined) detail.waitUntil(fit());
    });
    on("htmx:ws:after:message:incoming", ({ detail }) => {
      const message = read(detail);
      if (message.type === "run.changed") connection.shown = Math.max(connection.shown, message.event);
      if (isBehind()) ask();
      tick();
    });
    on("htmx:ws:close", ({ detail }) => {
      if (detail.reason === "removed") return;
      expect(twoBeats); // the extension tries again, at growing intervals
      lost();
      if (detail.code === 4403) leave();
      // Closed for cause: the answer to a plain question says what is the matter. If there is none (a new login in
      // another tab, say), a socket is tried once more.
      if ([4401, 4404].includes(detail.code)) {
        ask();
        setTimeout(retry, 10000);
      }
    });
    on("htmx:ws:error", lost);
    // Rows loaded by "Load more" may have been rendered before something that was pushed since.
    on("htmx:after:swap", ({ detail }) => {
      const event = detail.ctx?.response?.headers.get("X-Newest-Event");
      if (event && Number(event) < connection.shown) {
        owe();
        ask();
      }
    });
  };
  if (live) {
    listen();
    addEventListener("offline", lost);
    addEventListener("online", retry);
    $("[data-reconnect]").addEventListener("click", reconnect);
  }
  // A page from the browser's memory has a dead socket and old rows.
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  $("#new-rows")?.addEventListener("click", () => location.reload());

  // The viewer in its frame tells how the picture is doing. Only our own frame is believed, and only words.
  const picture = { at: 0, renewed: 0 };
  const showPicture = (state, text, tone) => {
    const mark = $("#frame-state");
    if (!mark) return;
    mark.dataset.state = state;
    mark.className = `frame-state tone-${tone}${state === "live" ? "" : " toned"}`;
    setText(mark, text);
    if (state !== "live") setText($("#frame-age"), "");
  };
  const tickFrame = () => {
    const mark = $("#frame-state");
    if (!mark || mark.dataset.state !== "live") return;
    const age = Math.floor((Date.now() - picture.at) / 1000);
    setText($("#frame-age"), age < 2 ? "picture now" : `last change ${age < 60 ? `${age} s` : `${Math.floor(age / 60)} min`} ago`);
  };
  const tellTheme = () => {
    const theme = document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    $("#desktop-frame")?.contentWindow.postMessage({ source: "gigawatch", theme }, "*");
  };
  addEventListener("message", (event) => {
    const frame = $("#desktop-frame");
    if (!frame || event.source !== frame.contentWindow || event.data?.source !== "gigawatch-desktop") return;
    const { state, detail, final, renew } = event.data;
    if (state === "connecting") {
      tellTheme();
      if (!picture.at) showPicture("connecting", "Connecting", "violet");
    } else if (state === "connected") showPicture("connecting", "Connected", "violet");
    else if (state === "first-picture" || state === "frame") {
      picture.at = Date.now();
      showPicture("live", "Live", "green");
    } else if (state === "closed") {
      showPicture("closed", final ? "Closed" : "Not live", "amber");
      setText($("#frame-age"), String(detail || "").slice(0, 200));
      // A fresh address for the socket comes with a fresh frame; not more than once in ten seconds.
      if (renew && Date.now() - picture.renewed > 10000) {
        picture.renewed = Date.now();
        frame.src = frame.getAttribute("src");
      }
    }
  });

  // Full screen, and control of a desktop shown by Giga's own page: looking only until a person asks for more.
  const fullScreen = () => (document.fullscreenElement ? document.exitFullscreen() : $("#desktop iframe") && $("#desktop").requestFullscreen?.());
  const toggleControl = (button) => {
    const frame = $("#desktop-frame");
    if (!frame) return;
    frame.inert = !frame.inert;
    button.setAttribute("aria-pressed", String(!frame.inert));
    setText($("span", button), frame.inert ? "View only" : "In control");
  };

  const copy = async (button) => {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.classList.add("is-done");
      say("Copied.");
      setTimeout(() => button.classList.remove("is-done"), 1500);
    } catch {
      say("Copying is not allowed here.");
    }
  };

  const chooseTheme = (theme) => {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem("gigawatch-theme", theme);
    } catch {
      // Then the choice lasts as long as this page.
    }
    showTheme();
    tellTheme();
  };
  const showTheme = () => {
    const chosen = document.documentElement.dataset.theme || "system";
    for (const button of $$("[data-theme-choice]")) button.setAttribute("aria-pressed", String(button.dataset.themeChoice === chosen));
  };

  // Tabs beside the desktop. Without script the three panels stand below each other.
  const openTab = (tab) => {
    for (const other of $$('[role="tab"]', tab.parentElement)) {
      const isOpen = other === tab;
      other.setAttribute("aria-selected", String(isOpen));
      other.tabIndex = isOpen ? 0 : -1;
      $(`#${other.getAttribute("aria-controls")}`).hidden = !isOpen;
    }
  };
  const firstTab = $('[data-tabs] [role="tab"]');
  if (firstTab) {
    openTab(firstTab);
    firstTab.parentElement.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const tabs = $$('[role="tab"]', firstTab.parentElement);
      const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
      openTab(next);
      next.focus();
    });
  }

  document.addEventListener("click", (event) => {
    const hit = (selector) => event.target.closest?.(selector);
    let found;
    if ((found = hit("[data-copy]"))) copy(found);
    else if ((found = hit("[data-theme-choice]"))) chooseTheme(found.dataset.themeChoice);
    else if ((found = hit('[data-tabs] [role="tab"]'))) openTab(found);
    else if ((found = hit("[data-control]"))) toggleControl(found);
    else if (hit("[data-fullscreen]")) fullScreen();
    else if (hit("[data-help]")) $("#help").showModal();
    if (!hit("[data-menu]")) for (const menu of $$("[data-menu][open]")) menu.open = false;
  });

  // Parts that came by a push were rendered for everybody and carry no CSRF token: their forms get the page's.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.elements.csrfmiddlewaretoken?.value) return;
    const headers = JSON.parse(document.body.getAttribute("hx-headers:inherited") || "{}");
    form.elements.csrfmiddlewaretoken?.remove();
    const field = Object.assign(document.createElement("input"), { type: "hidden", name: "csrfmiddlewaretoken", value: headers["X-CSRFToken"] });
    form.append(field);
  });

  // A filter takes effect when it is chosen; empty ones stay out of the address.
  const filters = $("[data-filters]");
  filters?.addEventListener("change", (event) => event.target.matches("select") && filters.requestSubmit());
  filters?.addEventListener("submit", () => {
    for (const field of filters.elements) if (field.name && !field.value) field.disabled = true;
  });

  // The launch form: what it will cost, when it will end, and a draft that survives until it is launched.
  const launch = $("#launch");
  if (launch) {
    const hours = launch.elements.duration_hours;
    const slider = $("#slider input");
    const marks = [1, 2, 4, 8, 24];
    const draftKey = `gigawatch-draft-${launch.dataset.draftOf}`;
    const sentKey = "gigawatch-draft-sent";

    // The five usual durations stand at equal distances; between two of them the scale is even.
    const hoursAt = (place) => {
      const i = Math.min(3, Math.floor(place));
      return Math.round(marks[i] + (place - i) * (marks[i + 1] - marks[i]));
    };
    const placeOf = (value) => {
      const i = Math.max(0, marks.findLastIndex((mark) => mark <= value && mark < 24));
      return i + (value - marks[i]) / (marks[i + 1] - marks[i]);
    };
    const setHours = (value) => {
      hours.value = String(value);
      showSums();
    };
    const showSums = () => {
      const value = Number(hours.value);
      slider.value = placeOf(value);
      slider.style.setProperty("--fill", `${placeOf(value) * 25}%`);
      for (const mark of $$(".marks button")) mark.setAttribute("aria-pressed", String(Number(mark.value) === value));
      const end = new Date(now() + value * 3600000);
      const day = end.toDateString() === new Date(now()).toDateString() ? "" : `${end.toLocaleDateString("en-GB", { weekday: "short" })} `;
      setText($("#ends-about"), `${day}${clock(end).slice(0, 5)}`);
      const rate = Number($('[name="sandbox_template"]:checked', launch)?.dataset.credits);
      const estimate = $("#estimate");
      estimate.replaceChildren();
      if (!rate) return estimate.append("rate not published");
      const sum = document.createElement("b");
      sum.textContent = `${rate * value} credits`;
      estimate.append(sum, " runtime only, AI tokens extra");
    };
    const showCounts = () => {
      for (const counter of $$("[data-counter]")) {
        const length = $(`#${counter.dataset.counter}`).value.length;
        setText(counter, length ? `${length.toLocaleString("en")} character${length === 1 ? "" : "s"}` : "");
      }
    };
    slider.addEventListener("input", () => setHours(hoursAt(Number(slider.value))));
    $(".marks").addEventListener("click", (event) => event.target.value && setHours(event.target.value));
    launch.addEventListener("change", showSums);
    launch.elements.other_template?.addEventListener("focus", () => {
      $("#other-computer").checked = true;
      showSums();
    });

    const drafted = $$("[data-draft]", launch);
    const storage = (action) => {
      try {
        return action(localStorage);
      } catch {
        setText($("[data-draft-note]"), "");
        return null;
      }
    };
    launch.addEventListener("input", () => {
      showCounts();
      storage((store) => store.setItem(draftKey, JSON.stringify(Object.fromEntries(drafted.map((field) => [field.name, field.value])))));
    });
    if (!("answered" in launch.dataset)) {
      const kept = storage((store) => JSON.parse(store.getItem(draftKey)));
      for (const field of kept ? drafted : []) if (kept[field.name]) field.value = kept[field.name];
      const rules = launch.elements.system_prompt;
      if (rules.value) rules.closest("details").open = true;
    } else $('[aria-invalid="true"]', launch)?.focus();

    launch.addEventListener("submit", (event) => {
      const button = $("[data-launch]");
      if (button.disabled) return event.preventDefault();
      storage((store) => store.setItem(sentKey, draftKey));
      // After the browser has taken the fields: a disabled button would not be the one that was pressed.
      setTimeout(() => {
        button.disabled = true;
        setText($("span", button), "Launching …");
      });
    });
    launch.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        launch.requestSubmit($("[data-launch]"));
      }
    });
    setInterval(showSums, 20000);
    showSums();
    showCounts();
  }
  // On the run's page the launch has succeeded: only now is the draft let go.
  if ($("[data-run]")) {
    try {
      const sent = localStorage.getItem("gigawatch-draft-sent");
      if (sent) localStorage.removeItem(sent);
      localStorage.removeItem("gigawatch-draft-sent");
    } catch {
      // Without storage there was no draft.
    }
  }

  // Keys, as listed under "?"; off while a field, a dialog or the desktop has the focus.
  const help = $("#help");
  const go = (address) => address && location.assign(address);
  const moveRow = (step) => {
    const rows = $$("tbody#rows tr[id]:not(.more-row)");
    if (!rows.length) return;
    const current = rows.findIndex((row) => row.classList.contains("is-current"));
    rows[current]?.classList.remove("is-current");
    const row = rows[Math.max(0, Math.min(rows.length - 1, current + step))];
    row.classList.add("is-current");
    $(".row-link", row).focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  };
  let waitsForGo = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const active = document.activeElement;
    if (active?.matches("input, textarea, select, iframe, [contenteditable]") || $("dialog[open]")) {
      if (event.key === "Escape" && active?.matches("input, textarea")) active.blur();
      return;
    }
    const isGo = Date.now() - waitsForGo < 1500;
    waitsForGo = 0;
    const keys = {
      "?": () => help.showModal(),
      n: () => $(`a[href="${help.dataset.new}"]`) && go(help.dataset.new),
      "/": () => $(".search input")?.focus(),
      g: () => (waitsForGo = Date.now()),
      r: () => isGo && go(help.dataset.runs),
      s: () => isGo && go(help.dataset.sessions),
      j: () => moveRow(1),
      k: () => moveRow(-1),
      f: fullScreen,
    };
    if (!keys[event.key] || event.repeat && !"jk".includes(event.key)) return;
    if ("?/njk".includes(event.key)) event.preventDefault();
    keys[event.key]();
  });

  showTheme();
  tick();
  setInterval(tick, 1000);
})();
