// Looking through what was read, one thing at a time; only where the page is served. The keys are the terminal's.

function startReview() {
  if (!data.live?.review) return;
  $("tab-review").hidden = false;
  const panel = $("review");
  const told = el("p", { class: "quiet-line", role: "status" });
  const asked = el("p", { class: "unseen", role: "status" }); // heard wherever the focus is, for keys work anywhere
  const sheet = el("div", { class: "sheet", tabindex: "-1", role: "group", "aria-label": "Question" });
  const back = el("button", { class: "quiet", click: undo, hidden: true }, "Take back ", el("kbd", { "aria-hidden": "true" }, "u"));
  const again = el("button", { class: "quiet", click: () => location.reload(), hidden: true }, "Show it on the map");
  const problem = el("p", { class: "problem", role: "alert", hidden: true });
  panel.append(el("div", { class: "reviewing" }, el("div", { class: "review-top" }, told, el("span", {}, again, back)), sheet, asked, problem));
  let queue = [];
  let later = new Set();
  let left = 0;
  let isBusy = false;

  onChange(({ view }, changed) => {
    if (view === "review" && changed.has("view")) work(() => send(data.live.review));
  });

  async function work(ask) {
    if (isBusy) return;
    isBusy = true;
    panel.setAttribute("aria-busy", "true");
    problem.hidden = true;
    try {
      hear(await ask());
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    }
    isBusy = false;
    panel.removeAttribute("aria-busy");
  }

  function hear({ items, left: waiting, decided, last }) {
    queue = items.filter((item) => !later.has(item.uuid));
    left = waiting;
    if (!last && document.activeElement === back) sheet.focus(); // a button that is hidden would lose it
    back.hidden = !last;
    back.title = last ? `${last.verb}: ${last.about}` : "";
    told.textContent = `${left.toLocaleString("en")} left to look at${decided ? `, ${decided.toLocaleString("en")} decided` : ""}`;
    show();
  }

  function decide(verb, how = {}) {
    const { uuid } = queue[0];
    work(async () => {
      const told = await send(data.live.review, { uuid, verb, ...how });
      if (verb !== "accept") again.hidden = false;
      return told;
    });
  }

  function undo() {
    work(async () => {
      const told = await send(data.live.undo, {});
      again.hidden = false;
      return told;
    });
  }

  function wait() {
    later.add(queue.shift().uuid);
    show();
  }

  function show() {
    const item = queue[0];
    if (!item) {
      const words = left ? "What is left you put off for later." : "Everything is decided.";
      const anew = () => { later = new Set(); work(() => send(data.live.review)); };
      refill(sheet, el("p", { class: "empty" }, words, " ", left > 0 && el("button", { class: "more", click: anew }, "Look at it now")));
      asked.replaceChildren(words);
      return;
    }
    const isFact = item.kind === "fact";
    const { type } = item;
    const question = isFact ? "Is this true?" : `Is this a ${type.toLowerCase()}?`;
    const thing = isFact ? item.fact : item.name;
    const about = isFact
      ? [`${item.source} · ${words(item.relation)} · ${item.target}`, span({ from: item.valid_at, to: item.invalid_at }) + (item.confidence === null ? "" : ` · ${Math.round(item.confidence * 100)}% sure`)]
      : [];
    refill(
      sheet,
      el("p", { class: "kind" }, el("span", { class: `dot ${isFact ? "fact-dot" : type}` }), question),
      el("h2", { class: isFact ? "statement" : null }, thing),
      ...about.map((line) => el("p", { class: "about" }, line)),
      el("blockquote", { class: "quote" }, item.words, el("small", {}, say(item.day, long))),
      el("div", { class: "choices" }, ...choices(item)),
    );
    asked.replaceChildren(el("span", {}, `${question} ${thing}`));
  }

  const words = (relation) => relation.toLowerCase().replaceAll("_", " ");
  const key = (letter) => el("kbd", { "aria-hidden": "true" }, letter);
  const button = (text, letter, click, kind = "") => el("button", { class: `choice ${kind}`, "data-key": letter, click }, text, key(letter));

  function choices(item) {
    const isFact = item.kind === "fact";
    const common = [
      button(isFact ? "True" : "Right", "a", () => decide("accept"), "main"),
      button(isFact ? "Not true" : "No such thing", "r", () => decide("reject")),
    ];
    const own = isFact
      ? [button("Dates", "d", () => edit(dates(item)))]
      : [button("Name", "n", () => edit(naming(item))), button("Is another", "m", () => edit(merging(item)))];
    return [...common, ...own, button("Later", "s", wait)];
  }

  function edit(form) {
    sheet.querySelector("form")?.remove();
    sheet.append(form);
    form.querySelector("input, button").focus();
  }

  const field = (label, attributes) => el("label", {}, el("span", {}, label), el("input", attributes));
  const submit = (act) => (event) => { event.preventDefault(); act(new FormData(event.target)); };

  function dates(item) {
    return el("form", { submit: submit((given) => decide("date", { valid_at: given.get("from") || null, invalid_at: given.get("to") || null })) },
      field("True since", { type: "date", name: "from", value: item.valid_at }),
      field("until", { type: "date", name: "to", value: item.invalid_at }),
      el("button", { type: "submit", class: "choice main" }, "Keep"));
  }

  function naming(item) {
    return el("form", { submit: submit((given) => decide("rename", { to: given.get("name") })) },
      field("The right name", { name: "name", value: item.name, required: true, autocomplete: "off" }),
      el("button", { type: "submit", class: "choice main" }, "Keep"));
  }

  function merging(item) {
    return el("form", { submit: submit((given) => decide("merge", { into: given.get("name") })) },
      item.near.length > 0 && el("div", { class: "near" }, item.near.map((name) =>
        el("button", { type: "button", class: "chip", click: () => decide("merge", { into: name }) }, el("span", { class: "name" }, name)))),
      field("The same as", { name: "name", required: true, autocomplete: "off", list: "every-name" }),
      el("datalist", { id: "every-name" }, entities.slice(0, 500).map(({ name }) => el("option", { value: name }))),
      el("button", { type: "submit", class: "choice main" }, "Make them one"));
  }

  document.addEventListener("keydown", (event) => {
    if (state.view !== "review" || isBusy || event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "INPUT") return;
    if (event.key === "u" && !back.hidden) undo();
    else sheet.querySelector(`[data-key="${CSS.escape(event.key)}"]`)?.click();
  });
}
