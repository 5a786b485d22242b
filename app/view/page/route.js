// What is looked at, and how that is an address: #/graph, #/timeline, #/journal, #/e12 an entity, #/f3 a fact,
// #/t7 an entry, #/t7f3 the sentence of a fact in it. The browser's own back button goes back.

const VIEWS = ["graph", "timeline", "journal", "ask", "review"];
const state = { view: "graph", entity: null, fact: null, entry: null, day: null, types: new Set(TYPES) };
const listeners = [];

/** Call `draw(state, changed)` now and after every change; `changed` is a Set of names. */
function onChange(draw) {
  listeners.push(draw);
}

function change(values) {
  const changed = new Set(Object.keys(values).filter((name) => state[name] !== values[name]));
  Object.assign(state, values);
  if (changed.size) for (const draw of listeners) draw(state, changed);
}

function readAddress() {
  if (location.hash && !location.hash.startsWith("#/")) return; // a place on the page, such as the skip link's
  const address = location.hash.slice(2);
  if (VIEWS.includes(address) && !$(`tab-${address}`).hidden) return change({ view: address });
  const [, kind, first, fact] = /^([eft])(\d+)(?:f(\d+))?$/.exec(address) ?? [];
  const number = Number(first);
  if (kind === "e" && entities[number]) return change({ entity: number, fact: null, entry: null });
  if (kind === "f" && facts[number]) return change({ fact: number, entity: null, entry: null });
  if (kind === "t" && entries[number]) {
    const told = fact !== undefined && facts[Number(fact)] ? { fact: Number(fact), entity: null } : {};
    return change({ view: "journal", entry: number, ...told });
  }
  return change({ entity: null, fact: null, entry: null });
}

function go(address) {
  if (location.hash === `#/${address}`) readAddress();
  else location.hash = `/${address}`;
}

window.addEventListener("hashchange", readAddress);
