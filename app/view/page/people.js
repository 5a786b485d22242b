// The list of people and things, with the types that are shown: everything the map shows, for keyboard and reader too.

function startPeople() {
  const rows = entities.map((entity, id) => {
    const link = el("a", { class: "person", href: `#/e${id}` },
      el("span", { class: `dot ${entity.type}` }),
      el("span", { class: "name" }, entity.name),
      el("span", { class: "unseen" }, `, ${entity.type},`),
      el("span", { class: "count" }, entity.mentions, el("span", { class: "unseen" }, " mentions")));
    return { entity, link, row: el("li", {}, link), holds: factsOf[id] };
  });
  $("people-list").append(...rows.map(({ row }) => row));

  const present = TYPES.filter((type) => entities.some((entity) => entity.type === type));
  for (const type of present) {
    const box = el("input", { type: "checkbox", checked: true, value: type, change: () => {
      const types = new Set(state.types);
      if (box.checked) types.add(type);
      else types.delete(type);
      change({ types });
    } });
    $("types").append(el("label", {}, box, el("span", { class: `dot ${type}` }), type));
  }

  onChange((now, changed) => {
    if (changed.has("types")) for (const { entity, row } of rows) row.hidden = !now.types.has(entity.type);
    if (changed.has("types") || changed.has("start")) {
      const shown = entities.filter((entity) => now.types.has(entity.type)).length;
      $("people-count").textContent = shown === entities.length ? plural(shown, "person or thing", "people and things") : `${shown} of ${plural(entities.length, "person or thing", "people and things")}`;
    }
    if (changed.has("day")) for (const { link, holds } of rows) link.classList.toggle("then", now.day !== null && !holds.some((id) => held(facts[id], now.day)));
    if (changed.has("entity")) {
      $("people-list").querySelector("[aria-current]")?.removeAttribute("aria-current");
      if (now.entity !== null) {
        rows[now.entity].link.setAttribute("aria-current", "true");
        // On a narrow screen it would take the whole page along, away from the map.
        if (window.matchMedia("(min-width: 761px)").matches) rows[now.entity].row.scrollIntoView({ block: "nearest" });
      }
    }
  });
}
