// Asking a question; only where the page is served, for an answer needs a model.

function startAsk() {
  if (!data.live) return;
  $("tab-ask").hidden = false;
  if (data.live.review) Object.assign($("review"), { hidden: false, href: data.live.review });
  const input = el("input", { "aria-label": "Your question", placeholder: "Where did Anna live in spring 1912?", required: true, maxlength: "500" });
  const button = el("button", { type: "submit" }, "Ask");
  const answer = el("div", { class: "answer", "aria-live": "polite" });
  const form = el("form", { submit: (event) => { event.preventDefault(); ask(); } }, input, button);
  $("ask").append(el("div", { class: "asking" }, form, answer));

  async function ask() {
    button.disabled = true;
    answer.replaceChildren(el("p", { class: "quiet-line" }, "Reading the journal …"));
    try {
      const body = JSON.stringify({ question: input.value, as_of: state.day });
      const reply = await fetch(data.live.ask, { method: "POST", headers: { "Content-Type": "application/json" }, body });
      const told = await reply.json();
      if (!reply.ok) throw new Error(told.error?.message ?? `the server said ${reply.status}`);
      answer.replaceChildren(...told.sentences.map(sentence), sources(told.citations));
    } catch (error) {
      answer.replaceChildren(el("p", { class: "problem" }, `No answer: ${error.message}.`));
    }
    button.disabled = false;
  }

  function sentence({ text, citations }) {
    return el("p", { class: "sentence" }, text, citations.map((number) => el("sup", {}, ` ${number}`)));
  }

  function sources(citations) {
    return el("ol", {}, citations.map((cited) => el("li", { class: "fact" },
      el("div", { class: "when" }, `${cited.number} · ${cited.date ? say(cited.date) : "undated"}${cited.file ? ` · ${cited.file}` : ""}`),
      el("div", { class: "says" }, cited.fact ?? ""), cited.words && el("blockquote", { class: "quote" }, cited.words))));
  }
}
