// The launch form: what it will cost, and when it will end.
import { $, $$, now, number, setText, stored, word, written } from "./core.js";
import { draftOf } from "./drafts.js";

const launch = $("#launch");
const hours = launch.elements.duration_hours;
const slider = $("#slider input");
const marks = [1, 2, 4, 8, 24];

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
  hours.value = value;
  hours.dispatchEvent(new Event("input", { bubbles: true }));
};
const show = () => {
  const value = Number(hours.value);
  slider.value = placeOf(value);
  slider.style.setProperty("--fill", `${placeOf(value) * 25}%`);
  for (const mark of $$(".marks button")) mark.ariaPressed = Number(mark.value) === value;
  const end = now() + value * 3600000;
  const [today, day] = [now(), end].map((ms) => written(ms, { weekday: "short" }));
  const time = written(end, { hour: "2-digit", minute: "2-digit", timeZoneName: "short" });
  setText($("#ends-about"), day === today ? time : `${day} ${time}`);
  const rate = Number($('[name="sandbox_template"]:checked', launch)?.dataset.credits);
  setText($("#estimate b"), rate ? word("credits", number(rate * value)) : "");
  setText($("#estimate span"), word(rate ? "runtime_only" : "no_rate"));
  for (const counter of $$("[data-counter]")) {
    const length = $(`#${counter.dataset.counter}`).value.length;
    setText(counter, length ? word(length === 1 ? "character" : "characters", number(length)) : "");
  }
};
slider.addEventListener("input", () => setHours(hoursAt(Number(slider.value))));
// Its own steps are too small for an hour: arrows go by hours, Page up and down by the usual durations.
slider.addEventListener("keydown", (event) => {
  const value = Number(hours.value);
  const next = {
    ArrowRight: value + 1, ArrowUp: value + 1, ArrowLeft: value - 1, ArrowDown: value - 1,
    PageUp: marks.find((mark) => mark > value), PageDown: marks.findLast((mark) => mark < value),
  };
  if (!(event.key in next)) return;
  event.preventDefault();
  setHours(Math.max(marks[0], Math.min(marks.at(-1), next[event.key] ?? value)));
});
$(".marks").addEventListener("click", (event) => event.target.value && setHours(event.target.value));
launch.addEventListener("input", show);
launch.elements.other_template.addEventListener("focus", () => $("#other-computer").click());

// A draft may have filled what is folded away.
for (const fold of $$(".fold", launch)) fold.open ||= $("textarea, input", fold).value;
$('[aria-invalid="true"]', launch)?.focus();
// Its draft was discarded.
launch.addEventListener("reset", () => setTimeout(() => {
  launch.dispatchEvent(new Event("change", { bubbles: true }));
  show();
  launch.elements.user_prompt.focus();
}));

// A large sum is looked at twice; a rate nobody knows counts as that of the standard computer.
const secondLook = $("#second-look");
const isLarge = () => {
  const rate = Number($('[name="sandbox_template"]:checked', launch)?.dataset.credits) || 20;
  return rate * hours.value >= secondLook.dataset.from;
};
const lookAgain = ({ name = "", value = "" }) => {
  setText($("h2", secondLook), word("launch_for", hours.value));
  setText($("p", secondLook), $("#estimate").innerText);
  Object.assign($("[form]", secondLook), { name, value });
  secondLook.showModal();
};
launch.addEventListener("submit", (event) => {
  const { submitter } = event;
  if (submitter?.formMethod === "dialog") return; // Enter in a box: nothing is sent
  const button = $("[data-launch]");
  if (button.disabled) return event.preventDefault();
  if (isLarge() && !secondLook.contains(submitter)) {
    event.preventDefault();
    return lookAgain(submitter ?? {});
  }
  secondLook.close();
  stored((store) => store.setItem(launch.elements.launch_token.value, draftOf(launch)));
  // After the browser has taken the fields: a disabled button would not be the one that was pressed.
  setTimeout(() => (button.disabled = true));
});
setInterval(show, 20000);
show();
