// What was typed into a form that was not taken, as its sender had to show first who they are, or had signed in anew:
// kept in this tab until its page is back, and for no other page and person. Secrets and files are typed anew. It
// stands alone: the admin's pages have nothing else of ours.
const NAME = "gigawatch-typed";
const LEFT_OUT = ["hidden", "password", "file", "submit", "button"];
const forms = () => [...document.querySelectorAll("form[method=post]:not([data-draft])")];
const fields = (form) => [...form.elements].filter(({ name, type }) => name && !LEFT_OUT.includes(type));
const here = () => [location.pathname, document.body.dataset.person].join();
// A page on the way back: what is typed there is another matter.
const isBetween = () => "keepsTyped" in document.body.dataset;

const read = (field) => {
  if (field.options) return [...field.options].map((option) => option.selected);
  return /checkbox|radio/.test(field.type) ? field.checked : field.value;
};
const write = (field, typed) => {
  if (field.options) [...field.options].forEach((option, i) => (option.selected = typed[i]));
  else if (/checkbox|radio/.test(field.type)) field.checked = typed;
  else field.value = typed;
};

const keep = ({ target }) => {
  const number = forms().indexOf(target);
  if (number < 0 || isBetween()) return;
  const typed = fields(target).map((field) => [field.name, read(field)]);
  sessionStorage.setItem(NAME, JSON.stringify({ page: here(), number, typed }));
};
// Its sender goes to where they sign in, and comes back.
export const keepUntilBack = (form) => {
  keep({ target: form });
  want();
};
const want = () => {
  const kept = sessionStorage.getItem(NAME);
  sessionStorage.setItem(NAME, JSON.stringify({ ...JSON.parse(kept), isWanted: true }));
};
const bringBack = () => {
  if (isBetween()) {
    want();
    const next = document.querySelector("[data-go-on]");
    return next && location.replace(next.href);
  }
  const kept = JSON.parse(sessionStorage.getItem(NAME)) || {};
  sessionStorage.removeItem(NAME);
  if (!kept.isWanted || kept.page !== here()) return;
  fields(forms()[kept.number]).forEach((field, i) => field.name === kept.typed[i]?.[0] && write(field, kept.typed[i][1]));
};

const tried = (act) => (event) => {
  try {
    act(event);
  } catch {
    // Storage may be forbidden; then it is typed again.
  }
};
tried(bringBack)();
addEventListener("submit", tried(keep));
