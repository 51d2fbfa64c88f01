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
    tickBanner();
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

  // The page's own connection: a dot while it works; after two seconds without, a banner, and plain questions
  // every ten seconds until the socket is back.
  const connection = { state: "", since: 0, lastAnswer: now(), nextAsk: 0, timer: 0, seen: Number(live?.dataset.event || 0), wasOpen: false };

  const showConnection = (state) => {
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
    if (isOffline) tickBanner();
  };
  const tickBanner = () => {
    if (connection.state !== "offline") return;
    const next = Math.max(0, Math.ceil((connection.nextAsk - now()) / 1000));
    setText($('[data-banner="since"]'), clock(connection.since));
    setText($('[data-banner="last"]'), `Last answer ${clock(connection.lastAnswer)}, next in ${next} s.`);
    setText($("#as-of span"), `as of ${clock(connection.lastAnswer)}`);
  };
  const lostConnection = () => {
    if (connection.since) return;
    connection.since = now();
    showConnection("catching");
    connection.timer = setTimeout(() => {
      showConnection("offline");
      say("Live updates are paused. This page asks every ten seconds.");
      askAgain();
    }, 2000);
  };
  const askAgain = () => {
    if (connection.state !== "offline") return;
    connection.nextAsk = now() + 10000;
    connection.timer = setTimeout(async () => {
      await askForParts();
      askAgain();
    }, 10000);
  };
  const haveConnection = () => {
    clearTimeout(connection.timer);
    if (connection.state === "offline") say("Live again.");
    connection.since = 0;
    showConnection("live");
  };
  const reconnect = () => {
    // The extension opens a socket once for each element: a fresh element is a fresh try.
    const fresh = live.cloneNode();
    $("#live").replaceWith(fresh);
    listen(fresh);
    window.htmx.process(fresh);
    askForParts();
  };

  // The same parts as a push brings, fetched: after an absence, and whenever an event went by unseen.
  let asking = null;
  const askForParts = () => {
    asking ||= (async () => {
      try {
        const response = await fetch(location.href, { headers: { "X-Live-Parts": "1" }, cache: "no-store", signal: AbortSignal.timeout(8000) });
        if (response.redirected || response.status === 404) return location.reload();
        const event = response.headers.get("X-Newest-Event");
        if (!response.ok || event === null) return;
        await place(await response.text(), true);
        connection.seen = Math.max(connection.seen, Number(event));
        connection.lastAnswer = now();
      } catch {
        // No answer: the banner says since when, and the next question comes in ten seconds.
      } finally {
        asking = null;
      }
    })();
    return asking;
  };
  const place = (content, matches) =>
    window.htmx.swap({ sourceElement: $("#live"), target: $("#live"), swap: "none swapEmpty:false", text: withoutStrangers(content, matches), transition: false });

  // Rows of a pushed list find their place by id. A row that is not in the table gets an empty place at the top,
  // but only when nobody has scrolled away from there: rows never move under the pointer.
  const newRows = new Set();
  const isAtTop = () => page.scrollTop < 8 && window.scrollY < 8;
  const rowsBody = () => $("tbody#rows");
  const withoutStrangers = (content, matches) => {
    if (matches && $("[data-reload-on-new]") && content.includes("#run-")) {
      location.reload();
      return "";
    }
    const table = rowsBody();
    if (!table) return content;
    const idOf = (row) => Number(row.id.slice(4));
    return content.replace(/<hx-partial hx-target="#run-(\d+)"[^]*?<\/hx-partial>/g, (partial, id) => {
      if ($(`#run-${id}`)) return partial;
      const rows = $$('tr[id^="run-"]', table);
      const isTop = !rows.length || Number(id) > idOf(rows[0]);
      if (!matches || !table.dataset.head) return "";
      if (isTop && !isAtTop()) {
        newRows.add(id);
        showNewRows();
        return "";
      }
      const before = rows.find((row) => idOf(row) < Number(id));
      if (!before && $("#more-rows")) return "";
      const place = document.createElement("tr");
      place.id = `run-${id}`;
      table.insertBefore(place, before || $("#more-rows"));
      $("#empty")?.remove();
      return partial;
    });
  };
  const showNewRows = () => {
    const button = $("#new-rows");
    button.hidden = !newRows.size;
    button.textContent = `${newRows.size} new`;
  };

  const listen = (element) => {
    const on = (name, handler) => element.addEventListener(name, handler);
    on("htmx:ws:before:message:incoming", (event) => {
      let message;
      try {
        message = JSON.parse(event.detail.message.data);
      } catch {
        return;
      }
      const isBack = message.type === "hello" && connection.wasOpen;
      if (message.type === "hello") connection.wasOpen = true;
      haveConnection();
      connection.lastAnswer = now();
      const missed = message.event > connection.seen && message.content === undefined;
      if (message.content !== undefined) {
        message.content = withoutStrangers(message.content, message.matches);
        event.detail.message.data = JSON.stringify(message);
        connection.seen = Math.max(connection.seen, message.event);
      }
      if (isBack || missed) {
        connection.seen = Math.max(connection.seen, message.event);
        askForParts();
      }
    });
    on("htmx:ws:after:message:incoming", tick);
    on("htmx:ws:close", (event) => {
      // Signed out, or no longer allowed: the page itself says what is the matter.
      if ([4401, 4403, 4404].includes(event.detail.code)) return location.reload();
      if (event.detail.reason !== "removed") lostConnection();
    });
    on("htmx:ws:error", lostConnection);
  };
  if (live) {
    listen(live);
    lostConnection();
    addEventListener("offline", lostConnection);
    addEventListener("online", () => connection.state === "offline" && reconnect());
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
