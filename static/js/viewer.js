// The desktop inside its sandboxed frame: shows an RFB stream, view only, and tells the page around it how it goes.
// It has no cookies and no origin of its own; the signed address of its socket is all it holds.
(() => {
  const screen = document.getElementById("screen");
  const note = document.getElementById("note");
  const address = new URL(screen.dataset.socket, location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";

  let rfb = null;
  let failures = 0;
  let sawPicture = false;
  let lastFrameSaid = 0;
  let isShaken = false;

  const WORDS = JSON.parse(screen.dataset.words);
  // What would not be otherwise a moment later.
  const FINAL_CODES = [4400, 4403, 4404, 4406, 4413];
  const RENEW_CODES = [4401, 4409];

  // The page around cannot be named exactly, because this frame has no origin; nothing secret is ever said.
  const say = (state, more = {}) => parent.postMessage({ source: "gigawatch-desktop", state, ...more }, "*");

  const show = (text) => {
    note.textContent = text;
    note.hidden = !text;
  };

  // This frame cannot see the choice of theme, nor of the picture's size, so the page around tells it.
  addEventListener("message", (event) => {
    if (event.source !== parent || event.data?.source !== "gigawatch") return;
    const { theme, isFit } = event.data;
    if (theme) document.documentElement.dataset.theme = theme;
    if (isFit === undefined) return;
    document.body.classList.toggle("is-unscaled", !isFit);
    if (rfb) rfb.scaleViewport = isFit;
  });

  // A picture has come when something was drawn: noVNC's display flushes after each update.
  const watchPicture = (display) => {
    const flip = display.flip.bind(display);
    display.flip = (...args) => {
      flip(...args);
      if (!isShaken) return;
      if (!sawPicture) show("");
      const now = performance.now();
      if (sawPicture && now - lastFrameSaid < 1000) return;
      sawPicture = true;
      lastFrameSaid = now;
      say("live");
    };
  };

  const connect = () => {
    isShaken = false;
    if (!sawPicture) {
      say("connecting");
      show(WORDS.connecting);
    }
    const socket = new WebSocket(address, ["binary"]);
    socket.binaryType = "arraybuffer";
    let isOpen = false;
    let problem = "";
    let needsPassword = false;

    socket.addEventListener("open", () => {
      isOpen = true;
    });
    socket.addEventListener("close", (event) => {
      failures = isOpen && sawPicture ? 1 : failures + 1;
      const text = problem || WORDS[event.code] || event.reason || (isOpen ? WORDS.broke : WORDS.away);
      const isFinal = needsPassword || FINAL_CODES.includes(event.code);
      // After a few tries in vain the address itself may have expired: the page around loads this frame anew.
      const isExpired = RENEW_CODES.includes(event.code) || failures > 4;
      say(isFinal ? "closed" : "broken", { detail: text, renew: isExpired });
      if (isFinal || isExpired) return show(text);
      const wait = Math.min(15000, 500 * 2 ** failures) * (0.85 + Math.random() * 0.3);
      show(WORDS.again.replace("%s", text));
      setTimeout(connect, wait);
    });

    screen.replaceChildren();
    rfb = new window.noVNC.RFB(screen, socket, { shared: true });
    rfb.viewOnly = true;
    rfb.scaleViewport = !document.body.classList.contains("is-unscaled");
    rfb.background = "transparent";
    rfb.focusOnClick = false;
    watchPicture(rfb._display);
    rfb.addEventListener("connect", () => (isShaken = true));
    rfb.addEventListener("securityfailure", (event) => {
      problem = event.detail.reason ? WORDS.refused_because.replace("%s", event.detail.reason) : WORDS.refused;
    });
    rfb.addEventListener("credentialsrequired", () => {
      problem = WORDS.password;
      needsPassword = true;
      rfb.disconnect();
    });
  };

  if (window.noVNC) connect();
  else addEventListener("novnc", connect, { once: true });
})();
