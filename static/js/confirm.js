// Whoever signed in a while ago shows again who they are where they are. Then what they pressed is done: nothing that
// was typed leaves its page.
import { $ } from "./core.js";
import { keepUntilBack } from "./typed.js";

const { confirmAt, keyScript, keepsTyped } = document.body.dataset;
const box = document.createElement("dialog");
box.className = "help question confirm-box";
box.setAttribute("aria-labelledby", "confirm-title");
document.body.append(box);
let waiting; // what was pressed: the form that was sent, if one was, and how it goes on
let isConfirmed = false;

const goOn = () => {
  box.close();
  isConfirmed = true;
  waiting.go();
  isConfirmed = false;
};
// An answer that is empty, none, or another page's: the server knows what to do.
const ask = async (query = "") => {
  const answer = await fetch(confirmAt + query).catch(() => null);
  const html = answer?.ok && !answer.redirected && (await answer.text());
  if (!html) return goOn();
  box.innerHTML = html;
  if (!box.open) box.showModal();
  $("input:not([type=hidden]), .btn", box)?.focus();
};

// Before anybody else hears of it.
const hold = (event, go, form) => {
  event.preventDefault();
  event.stopImmediatePropagation();
  waiting = { go, form };
  ask();
};
document.addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  if (isConfirmed || !confirmAt || keepsTyped !== undefined || form.method !== "post" || !form.closest("main")) return;
  hold(event, () => form.requestSubmit(submitter), form);
}, true);
// Files and pages that are for them alone.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-asks]");
  if (link && !isConfirmed && !(event.ctrlKey || event.metaKey || event.shiftKey)) hold(event, () => link.click());
}, true);

const answerOfKey = async (form) => {
  if (!window.webauthnJSON)
    await new Promise((onload, onerror) => document.head.append(Object.assign(document.createElement("script"), { src: keyScript, onload, onerror })));
  return JSON.stringify(await window.webauthnJSON.get(JSON.parse($("script", form).textContent)));
};
box.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.method === "dialog") return;
  event.preventDefault();
  event.submitter.disabled = true;
  try {
    if ("passkey" in form.dataset) form.elements.credential.value = await answerOfKey(form);
    await fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual" });
  } catch {
    // Said by what the server answers next.
  }
  ask("?tried");
});
box.addEventListener("click", ({ target }) => target.closest("[data-elsewhere]") && waiting.form && keepUntilBack(waiting.form));
