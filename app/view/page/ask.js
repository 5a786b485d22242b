// Asking a question; only where the page is served, for an answer needs a model.

/** What our own server answers, to a body if there is one; throws what it says when it refuses. */
async function send(path, body) {
  const post = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  let reply;
  try {
    reply = await fetch(path, body ? post : {});
  } catch {
    throw new Error("The server does not answer; is it still running?");
  }
  const told = await reply.json();
  if (!reply.ok) throw new Error(told.error?.message ?? `The server said ${reply.status}.`);
  return told;
}

function startAsk() {
  if (!data.live) return;
  $("tab-ask").hidden = false;
  const input = el("input", { "aria-label": "Your question", placeholder: "Where did Anna live in spring 1912?", required: true, maxlength: "500" });
  const button = el("button", { type: "submit" }, "Ask");
  const answer = el("div", { class: "answer", "aria-live": "polite" });
  const form = el("form", { submit: (event) => { event.preventDefault(); ask(); } }, input, button);
  $("ask").append(el("div", { class: "asking" }, form, answer));

  async function ask() {
    button.disabled = true;
    answer.replaceChildren(el("p", { class: "quiet-line" }, "Reading the journal …"));
    try {
      const told = await send(data.live.ask, { question: input.value, as_of: state.day });
      const asOf = state.day && el("p", { class: "quiet-line" }, `As of ${say(state.day, long)}`);
      answer.replaceChildren(...[asOf, ...told.sentences.map(sentence), sources(told.citations)].filter(Boolean));
    } catch (error) {
      answer.replaceChildren(el("p", { class: "problem" }, error.message));
    }
    button.disabled = false;
  }

  function sentence({ text, citations }) {
    return el("p", { class: "sentence" }, text, citations.length > 0 && el("sup", {}, ` ${citations.join(", ")}`));
  }

  function sources(citations) {
    return el("ol", {}, citations.map((cited) => el("li", { class: "fact" },
      el("div", { class: "when" }, `${cited.number} · ${cited.date ? say(cited.date) : "undated"}${cited.file ? ` · ${cited.file.split(/[/\\]/).at(-1)}` : ""}`),
      el("div", { class: "says" }, cited.fact ?? ""), cited.words && el("blockquote", { class: "quote" }, cited.words))));
  }
}
