// What was typed into a form whose sender had to show first who they are: kept in this tab until the page is back,
// and for no other page. Secrets and files are typed anew. It stands alone: the admin's pages have nothing else of ours.
const NAME = "gigawatch-typed";
const LEFT_OUT = ["hidden", "password", "file", "submit", "button"];
const forms = () => [...document.querySelectorAll("form[method=post]:not([data-draft])")];
const fields = (form) => [...form.elements].filter(({ name, type }) => name && !LEFT_OUT.includes(type));

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
  if (number < 0) return;
  const typed = fields(target).map((field) => [field.name, read(field)]);
  sessionStorage.setItem(NAME, JSON.stringify([location.pathname, number, typed]));
};
const bringBack = () => {
  const [path, number, typed] = JSON.parse(sessionStorage.getItem(NAME)) || [];
  sessionStorage.removeItem(NAME);
  if (path !== location.pathname || !document.referrer.includes("/reauthenticate/")) return;
  fields(forms()[number]).forEach((field, i) => field.name === typed[i]?.[0] && write(field, typed[i][1]));
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
