// The card on the right: an entity, a fact, or how much there is.

const FEW = 12; // of a list before "show all"

function startCard() {
  onChange((now, changed) => {
    if (!["entity", "fact", "day", "start"].some((name) => changed.has(name))) return;
    const content = now.entity !== null ? entityCard(now.entity) : now.fact !== null ? factCard(now.fact) : overview();
    refill($("card"), ...content.filter(Boolean));
    if (!changed.has("entity") && !changed.has("fact")) return;
    $("card").scrollTop = 0;
    // On a narrow screen the list lies below the card.
    const head = document.querySelector(".top").getBoundingClientRect().bottom;
    if ($("card").getBoundingClientRect().top < head - 1) $("card").scrollIntoView();
  });
}

function closeButton() {
  return el("button", { class: "quiet close", "aria-label": "Close", click: () => go("") }, "✕");
}

function heading(words, number) {
  return el("h3", {}, words, number !== undefined && el("span", {}, number.toLocaleString("en")));
}

/** A list that shows its first few items and can be opened. */
function openable(items, draw, attributes = {}) {
  const list = el("div", attributes, items.slice(0, FEW).map(draw));
  if (items.length <= FEW) return [list];
  const button = el("button", { class: "more", click: () => {
    list.append(...items.slice(FEW).map(draw));
    button.remove();
    const first = list.children[FEW];
    (first.querySelector("a") ?? first).focus({ preventScroll: true });
  } }, `Show all ${items.length.toLocaleString("en")}`);
  return [list, button];
}

function entityCard(id) {
  const entity = entities[id];
  const [open, ended] = [factsOf[id].filter((fact) => !facts[fact].to), factsOf[id].filter((fact) => facts[fact].to)];
  const company = [...neighbours[id]].map((other) => [other, pairs.get(id < other ? `${id} ${other}` : `${other} ${id}`).facts.length]).sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  const summary = entity.summary.length > 360 ? `${entity.summary.slice(0, 360).replace(/\s+\S*$/, "")} …` : entity.summary;
  return [
    closeButton(),
    el("p", { class: "kind" }, el("span", { class: `dot ${entity.type}` }), entity.type),
    el("h2", {}, entity.name),
    entity.aliases.length > 0 && el("p", { class: "also" }, "also ", entity.aliases.join(", ")),
    summary && el("p", { class: "summary" }, summary),
    open.length > 0 && heading("Facts", open.length),
    ...(open.length ? openable(open, factRow) : []),
    ended.length > 0 && heading("No longer true", ended.length),
    ...(ended.length ? openable(ended, factRow) : []),
    company.length > 0 && heading("Told of with", company.length),
    ...(company.length ? openable(company, ([other, number]) => chip(other, number > 1 ? number : null), { class: "with" }) : []),
    namesOf[id].length > 0 && heading("Named in the journal", namesOf[id].length),
    ...openable(namesOf[id], (place) => quote(place, `#/t${place.entry}`)),
  ];
}

function factRow(id) {
  const fact = facts[id];
  const faded = held(fact, state.day) ? "" : " then";
  return el("div", { class: `fact${fact.to ? " ended" : ""}${faded}` },
    el("a", { class: "says", href: `#/f${id}` }, fact.fact), el("div", { class: "when" }, span(fact)));
}

function factCard(id) {
  const fact = facts[id];
  const ends = fact.source === fact.target ? [fact.source] : [fact.source, fact.target];
  return [
    closeButton(),
    el("p", { class: "kind" }, "Fact, ", span(fact)),
    el("h2", { class: "statement" }, fact.fact),
    el("div", { class: "with" }, ends.map((end) => chip(end))),
    heading(sentencesOf[id].length === 1 ? "The sentence it was read from" : "The sentences it was read from"),
    ...openable(sentencesOf[id], (place) => quote(place, `#/t${place.entry}f${id}`, true)),
    endingsOf[id].length > 0 && heading("What ended it"),
    ...openable(endingsOf[id], (place) => quote(place, `#/t${place.entry}`, true)),
  ];
}

function chip(id, number = null) {
  return el("a", { class: "chip", href: `#/e${id}` },
    el("span", { class: `dot ${entities[id].type}` }), el("span", { class: "name" }, entities[id].name),
    number !== null && el("small", { title: plural(number, "fact") }, number));
}

/** Words of the journal with their day; `whole` gives the span alone, else the line around a name. */
function quote({ entry, start, end }, href, whole = false) {
  const { text, date, file } = entries[entry];
  const small = el("small", {}, say(date), file ? `, ${file}` : "");
  if (whole) return el("a", { class: "quote", href }, text.slice(start, end), small);
  const from = start <= 60 ? 0 : text.indexOf(" ", start - 60) + 1;
  const stop = text.length - end <= 70 ? text.length : text.lastIndexOf(" ", end + 70);
  const words = [from > 0 && "… ", text.slice(from, Math.max(from, start)), el("b", {}, text.slice(start, end)), text.slice(end, Math.max(end, stop)), stop < text.length && " …"];
  return el("a", { class: "quote", href }, words, small);
}

function overview() {
  const top = entities.slice(0, 8).map((_, id) => id);
  const figures = [["entries", entries.length], ["facts", facts.length], ["people", entities.filter((entity) => entity.type === "Person").length], ["places", entities.filter((entity) => entity.type === "Place").length]];
  return [
    el("h2", {}, FIRST && FIRST.slice(0, 4) !== LAST.slice(0, 4) ? `${Number(FIRST.slice(0, 4))} to ${Number(LAST.slice(0, 4))}` : FIRST ? String(Number(FIRST.slice(0, 4))) : "An empty journal"),
    FIRST && el("p", { class: "also" }, `${say(FIRST, long)} to ${say(LAST, long)}`),
    el("dl", { class: "figures" }, figures.map(([name, number]) => el("div", {}, el("dt", {}, name), el("dd", {}, number.toLocaleString("en"))))),
    top.length > 0 && heading("Most often named"),
    el("div", { class: "with" }, top.map((id) => chip(id, entities[id].mentions))),
    el("p", { class: "hint" }, el("kbd", {}, "/"), " search  ", el("kbd", {}, "1"), " ", el("kbd", {}, "2"), " ", el("kbd", {}, "3"), " views  ", el("kbd", {}, "Esc"), " close"),
  ];
}
