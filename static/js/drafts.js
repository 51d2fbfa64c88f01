// Texts that take long to type: a draft of them is kept, and their field grows with them.
import { $, $$, now, setText, stored, word, written } from "./core.js";

// Where a form's draft is kept: one for each person.
export const draftOf = ({ dataset }) => `gigawatch-draft ${document.body.dataset.person} ${dataset.draft}`;

// What is typed is kept in this browser until it has arrived: a login may end, a launch may be refused.
document.addEventListener("input", ({ target: { form } }) => {
  if (!form?.dataset.draft) return;
  const typed = [...new FormData(form)].filter(([name]) => !name.endsWith("token"));
  stored((store) => store.setItem(draftOf(form), JSON.stringify({ typed, since: now() })));
});
// A draft that is brought back says so, and can be thrown away: then the form is as it came.
const bringBack = (form, { typed, since }) => {
  let isOther = false;
  for (const [name, value] of typed) {
    const field = form.elements[name];
    isOther ||= field && field.value !== value;
    Object.assign(field || {}, { value });
  }
  const note = $("[data-draft-note]", form);
  if (!note || !isOther) return;
  const day = now() - since < 12 * 3600000 ? {} : { day: "numeric", month: "short" };
  setText($("span", note), word("draft_from", written(since, { ...day, hour: "2-digit", minute: "2-digit" })));
  note.hidden = false;
};
const forget = (form) => stored((store) => store.removeItem(draftOf(form)));
document.addEventListener("reset", ({ target }) => {
  if (!target.dataset.draft) return;
  forget(target);
  $("[data-draft-note]", target)?.toggleAttribute("hidden", true);
});
// The page of a launch says by its token that the form has arrived.
stored((store) => {
  const token = $("[data-launched]")?.dataset.launched;
  store.removeItem(store.getItem(token));
  store.removeItem(token);
  for (const form of $$("[data-draft]:not([data-answered])")) {
    const draft = JSON.parse(store.getItem(draftOf(form)));
    if (draft?.typed) bringBack(form, draft);
  }
});
document.addEventListener("htmx:finally:request", ({ detail: { ctx: { sourceEvent, response } } }) => {
  const isTaken = response?.raw.ok && !response.raw.headers.has("HX-Retarget");
  if (isTaken && sourceEvent?.type === "submit") forget(sourceEvent.target);
});

// Where style sheets cannot say that a field is as high as its text (`field-sizing`), it grows by script.
const grow = ({ target: field }) => {
  if (!field.matches?.("textarea")) return;
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight + field.offsetHeight - field.clientHeight}px`;
};
if (!CSS.supports("field-sizing: content")) {
  document.addEventListener("input", grow);
  for (const target of $$("textarea")) grow({ target });
}
