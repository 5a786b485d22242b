// The journal: every entry as it was written, its sentences marked where a fact points to them, names underlined.

function startJournal() {
  const articles = [];

  function build() {
    const list = $("journal");
    if (!entries.length) list.append(el("p", { class: "empty" }, "No entry has been read yet."));
    entries.forEach((entry, id) => {
      const title = say(entry.date, long);
      articles[id] = el("article", { class: "entry", "aria-label": title },
        el("header", {}, el("h2", {}, title), el("small", {}, [entry.title !== title && entry.title, entry.file].filter(Boolean).join(" · "))),
        el("div", { class: "text" }, marked(entry, id)));
    });
    list.append(...articles);
    list.addEventListener("click", (event) => {
      const mark = event.target.closest("mark");
      const isPlain = !event.target.closest("a") && String(window.getSelection()) === "";
      if (mark?.dataset.fact && isPlain) go(`f${mark.dataset.fact}`);
    });
  }

  /** The entry's text as nodes: cut wherever a mark begins or ends, each piece wrapped in what it stands for. */
  function marked({ text, marks }, id) {
    const cuts = [...new Set([0, text.length, ...marks.flatMap(([start, end]) => [start, end])])].sort((a, b) => a - b);
    const nodes = [];
    let sentence = { key: "", nodes };
    let number = 0; // of the facts of this entry, like footnotes
    const openAt = (start, end) => marks.filter((mark) => mark[0] <= start && mark[1] >= end);
    for (let i = 0; i + 1 < cuts.length; i += 1) {
      const [start, end] = [cuts[i], cuts[i + 1]];
      const here = openAt(start, end);
      const told = here.filter(([, , kind]) => kind === "fact");
      const over = here.filter(([, , kind]) => kind === "ending");
      const name = here.find(([, , kind]) => kind === "mention");
      const words = text.slice(start, end);
      const piece = name ? el("a", { class: `name ${entities[name[3]].type}`, href: `#/e${name[3]}`, title: entities[name[3]].name }, words) : words;
      const key = [...told, ...over].map(([, , kind, index]) => `${kind}${index}`).join();
      if (!key) {
        sentence = { key: "", nodes };
        nodes.push(piece);
      } else {
        if (sentence.key !== key) {
          const ids = told.map((mark) => mark[3]);
          sentence = { key, nodes: el("mark", { class: told.length ? "" : "ending", "data-fact": ids[0] ?? over[0][3], "data-facts": ` ${ids.join(" ")} ` }) };
          nodes.push(sentence.nodes);
        }
        sentence.nodes.append(piece);
      }
      for (const [, , , index] of told.filter((mark) => mark[1] === end)) {
        number += 1;
        nodes.push(el("a", { class: "ref", href: `#/t${id}f${index}`, title: facts[index].fact, "aria-label": `Fact: ${facts[index].fact}` }, number));
      }
    }
    return nodes;
  }

  onChange((now, changed) => {
    if (now.view !== "journal") return;
    if (!$("journal").hasChildNodes()) build();
    if (!["fact", "entry", "view"].some((name) => changed.has(name))) return;
    $("journal").querySelectorAll("mark.chosen").forEach((mark) => mark.classList.remove("chosen"));
    const place = now.fact === null ? null : sentencesOf[now.fact].find(({ entry }) => now.entry === null || entry === now.entry);
    const article = articles[place?.entry ?? now.entry];
    const chosen = place ? [...article.querySelectorAll("mark")].filter((mark) => mark.dataset.facts.includes(` ${now.fact} `)) : [];
    chosen.forEach((mark) => mark.classList.add("chosen"));
    (chosen[0] ?? article)?.scrollIntoView({ block: chosen[0] ? "center" : "start" });
  });
}
