// Search: names first, then facts, then words of the journal, as one types.

const MOST = 6; // results of each kind
const haystacks = {
  entities: entities.map((entity) => [entity.name, ...entity.aliases].map(fold)),
  facts: facts.map((fact) => fold(fact.fact)),
  entries: null, // folded when first needed: it may be megabytes
};

/** Addresses and words of what matches, best first. */
function search(query) {
  const wanted = fold(query).trim();
  if (!wanted) return [];
  haystacks.entries ??= entries.map((entry) => entry.text.toLowerCase());
  const named = entities
    .map((entity, id) => ({ id, entity, rank: Math.min(...haystacks.entities[id].map((name) => rank(name, wanted))) }))
    .filter((hit) => hit.rank < 4)
    .sort((a, b) => a.rank - b.rank || b.entity.mentions - a.entity.mentions || a.id - b.id)
    .slice(0, MOST)
    .map(({ id, entity }) => ({ group: "People and things", address: `e${id}`, type: entity.type, words: entity.name, side: entity.type }));
  const told = pick(haystacks.facts, wanted).map((id) => ({ group: "Facts", address: `f${id}`, words: facts[id].fact, side: facts[id].from ? say(facts[id].from) : "" }));
  const written = pick(haystacks.entries, query.toLowerCase().trim()).map((id) => {
    const at = haystacks.entries[id].indexOf(query.toLowerCase().trim());
    const from = Math.max(0, at - 24);
    const words = `${from ? "…" : ""}${entries[id].text.slice(from, at + 90).replace(/\s+/g, " ")}`;
    return { group: "Journal", address: `t${id}`, words, side: say(entries[id].date) };
  });
  return [...named, ...told, ...written];
}

/** 0 the whole name, 1 its beginning, 2 a word's beginning, 3 inside, 4 not at all */
function rank(name, wanted) {
  const at = name.indexOf(wanted);
  if (at < 0) return 4;
  if (at === 0) return name.length === wanted.length ? 0 : 1;
  return /[\p{L}\p{N}]/u.test(name[at - 1]) ? 3 : 2;
}

function pick(texts, wanted) {
  const found = [];
  for (let id = 0; id < texts.length && found.length < MOST; id += 1) if (texts[id].includes(wanted)) found.push(id);
  return found;
}

/** Text with the searched words in bold. */
function emphasised(text, query) {
  const at = text.toLowerCase().indexOf(query.toLowerCase());
  if (at < 0) return [text];
  return [text.slice(0, at), el("b", {}, text.slice(at, at + query.length)), text.slice(at + query.length)];
}

function startSearch() {
  const input = $("search");
  const list = $("found");
  let hits = [];
  let chosen = -1;

  function show() {
    const query = input.value.trim();
    hits = search(query);
    chosen = hits.length ? 0 : -1;
    const rows = hits.map((hit, i) => [
      hit.group !== hits[i - 1]?.group && el("h2", { role: "presentation" }, hit.group),
      el("div", { id: `hit-${i}`, class: "hit", role: "option", mousedown: (event) => { event.preventDefault(); open(i); } },
        hit.type && el("span", { class: `dot ${hit.type}` }),
        el("span", { class: "words" }, emphasised(hit.words, query)),
        el("span", { class: "side" }, hit.side)),
    ]);
    list.replaceChildren(...rows.flat().filter(Boolean));
    if (query && !hits.length) list.append(el("p", { class: "empty" }, `Nothing in this journal matches “${query}”.`));
    list.hidden = !query;
    input.setAttribute("aria-expanded", String(Boolean(query)));
    point();
  }

  function point() {
    list.querySelectorAll(".hit").forEach((row, i) => row.setAttribute("aria-selected", String(i === chosen)));
    if (chosen < 0) input.removeAttribute("aria-activedescendant");
    else input.setAttribute("aria-activedescendant", `hit-${chosen}`);
    $(`hit-${chosen}`)?.scrollIntoView({ block: "nearest" });
  }

  function close() {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function open(i) {
    if (!hits[i]) return;
    go(hits[i].address);
    input.value = "";
    close();
    input.blur();
  }

  input.addEventListener("input", show);
  input.addEventListener("focus", () => input.value.trim() && show());
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!hits.length) return;
      chosen = (chosen + (event.key === "ArrowDown" ? 1 : hits.length - 1)) % hits.length;
      point();
    } else if (event.key === "Enter") open(chosen);
    else if (event.key === "Escape") input.value ? ((input.value = ""), close()) : input.blur();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}
