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

  const WORDS = {
    1000: "The desktop closed the connection.",
    1001: "The dashboard is restarting.",
    4400: "The desktop speaks in a way this viewer does not know.",
    4401: "This view has expired.",
    4403: "You may no longer see this desktop.",
    4404: "This desktop is gone.",
    4409: "This view has expired, or the desktop is gone.",
    4502: "The desktop could not be reached.",
    4504: "The desktop did not answer in time.",
  };
  const FINAL_CODES = [4403, 4404];
  const RENEW_CODES = [4401, 4409];

  // The page around cannot be named exactly, because this frame has no origin; nothing secret is ever said.
  const say = (state, more = {}) => parent.postMessage({ source: "gigawatch-desktop", state, ...more }, "*");

  const show = (text) => {
    note.textContent = text;
    note.hidden = !text;
  };

  // This frame cannot see the choice of theme, so the page around tells it.
  addEventListener("message", (event) => {
    if (event.source === parent && event.data?.source === "gigawatch") document.documentElement.dataset.theme = event.data.theme;
  });

  // A picture has come when something was drawn: noVNC's display flushes after each update.
  const watchPicture = (display) => {
    const flip = display.flip.bind(display);
    display.flip = (...args) => {
      flip(...args);
      if (!isShaken) return;
      if (!sawPicture) {
        sawPicture = true;
        say("first-picture", { width: display.width, height: display.height });
        show("");
      }
      const now = Date.now();
      if (now - lastFrameSaid >= 1000) {
        lastFrameSaid = now;
        say("frame");
      }
    };
  };

  const connect = () => {
    isShaken = false;
    say("connecting");
    if (!sawPicture) show("Connecting to the desktop …");
    const socket = new WebSocket(address, ["binary"]);
    socket.binaryType = "arraybuffer";
    let isOpen = false;
    let problem = "";

    socket.addEventListener("open", () => {
      isOpen = true;
    });
    socket.addEventListener("close", (event) => {
      failures = isOpen && sawPicture ? 1 : failures + 1;
      const text = problem || WORDS[event.code] || event.reason || (isOpen ? "The connection to the desktop broke." : "The desktop could not be reached.");
      const isFinal = FINAL_CODES.includes(event.code);
      // After a few tries in vain the address itself may have expired: the page around loads this frame anew.
      const isExpired = RENEW_CODES.includes(event.code) || failures > 4;
      say("closed", { detail: text, code: event.code, final: isFinal, renew: isExpired });
      if (isFinal || isExpired) return show(text);
      const wait = Math.min(15000, 500 * 2 ** failures) * (0.85 + Math.random() * 0.3);
      show(`${text} Trying again …`);
      setTimeout(connect, wait);
    });

    screen.replaceChildren();
    try {
      rfb = new window.noVNC.RFB(screen, socket, { shared: true });
    } catch (error) {
      problem = `The viewer could not start: ${error.message}`;
      socket.close();
      return;
    }
    rfb.viewOnly = true;
    rfb.scaleViewport = true;
    rfb.background = "transparent";
    rfb.focusOnClick = false;
    watchPicture(rfb._display);
    rfb.addEventListener("connect", () => {
      isShaken = true;
      say("connected");
    });
    rfb.addEventListener("securityfailure", (event) => {
      problem = `The desktop refused the connection${event.detail.reason ? `: ${event.detail.reason}` : "."}`;
    });
    rfb.addEventListener("credentialsrequired", () => {
      problem = "The desktop asks for a password, which Giga did not give.";
      rfb.disconnect();
    });
  };

  if (window.noVNC) connect();
  else addEventListener("novnc", connect, { once: true });
})();
