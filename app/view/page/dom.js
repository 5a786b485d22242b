// Making elements. Text stays text: nothing that a journal says is ever parsed as markup.

const $ = (id) => document.getElementById(id);

/** An element of attributes and children; a function is a listener, a child of null or false is left out. */
function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(key, value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

function plural(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}
