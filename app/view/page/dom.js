// Making elements. Text stays text: nothing that a journal says is ever parsed as markup.

// Marks that turn round whatever follows them, to the end of the line.
const TURNING = /[\u202a-\u202e\u2066-\u2069]/g;

const $ = (id) => document.getElementById(id);

/** An element of attributes and children; a function is a listener, a child of null or false is left out. */
function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(key, value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  const shown = children.flat(2).filter((child) => child !== null && child !== undefined && child !== false);
  element.append(...shown.map((child) => (child instanceof Node ? child : String(child).replace(TURNING, ""))));
  return element;
}

/** Put other content into a container; focus that was within stays with it, else it would fall to the body. */
function refill(container, ...content) {
  const isWithin = container.contains(document.activeElement);
  container.replaceChildren(...content);
  if (isWithin) container.focus({ preventScroll: true });
}

const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

function plural(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}
