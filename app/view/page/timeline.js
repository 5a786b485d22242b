// The timeline: all dated facts under year and month, drawn when it is first opened.

function startTimeline() {
  const rows = [];

  function build() {
    const years = new Map();
    facts.forEach((fact, id) => {
      if (!fact.from) return;
      const year = fact.from.slice(0, 4);
      const within = fact.from.slice(0, 7);
      if (!years.has(year)) years.set(year, new Map());
      if (!years.get(year).has(within)) years.get(year).set(within, []);
      years.get(year).get(within).push(id);
    });
    const sections = [...years].map(([year, months]) => el("section", { class: "year" }, el("h2", {}, String(Number(year))),
      [...months].map(([, ids]) => {
        const section = el("section", { class: "month" }, el("h3", {}, say(facts[ids[0]].from, month)), el("div", {}, ids.map(row)));
        section.style.containIntrinsicSize = `auto ${ids.length * 36 + 12}px`;
        return section;
      })));
    $("timeline").append(...sections);
    if (!sections.length) $("timeline").append(el("p", { class: "empty" }, "No fact of this journal has a date yet."));
  }

  function row(id) {
    const fact = facts[id];
    rows[id] = el("a", { class: "moment", href: `#/f${id}` },
      el("span", { class: "day" }, Number(fact.from.slice(8))),
      el("span", { class: `dot ${entities[fact.source].type}` }),
      el("span", { class: "says" }, fact.fact, fact.to && el("small", {}, ` until ${say(fact.to)}`)));
    return rows[id];
  }

  onChange((now, changed) => {
    if (now.view !== "timeline") return;
    const isNew = !$("timeline").hasChildNodes();
    if (isNew) build();
    if (isNew || changed.has("types") || changed.has("day")) {
      rows.forEach((moment, id) => {
        const { source, target } = facts[id];
        moment.hidden = !now.types.has(entities[source].type) && !now.types.has(entities[target].type);
        moment.classList.toggle("then", !held(facts[id], now.day));
      });
    }
    if (isNew || changed.has("fact")) {
      $("timeline").querySelector(".chosen")?.classList.remove("chosen");
      const moment = now.fact === null ? null : rows[now.fact];
      moment?.classList.add("chosen");
      if (isNew || changed.has("view")) moment?.scrollIntoView({ block: "center" });
    }
    if (changed.has("day") && now.day !== null) {
      const next = facts.findIndex((fact) => fact.from && fact.from >= now.day);
      rows[next]?.scrollIntoView({ block: "center" });
    }
  });
}
