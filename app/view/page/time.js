// The time slider: which facts held on a day, over a pulse of when facts began.

const BARS = 160;

function startTime() {
  const slider = $("day");
  if (FIRST === null || FIRST === LAST) {
    $("time").hidden = true;
    return;
  }
  const [first, last] = [toNumber(FIRST), toNumber(LAST)];
  Object.assign(slider, { min: String(first), max: String(last), step: "1", value: String(last) });
  $("first-day").textContent = say(FIRST);
  $("last-day").textContent = say(LAST);

  const counts = new Array(BARS).fill(0);
  const barOf = (number) => Math.min(BARS - 1, Math.floor(((number - first) / (last - first)) * BARS));
  for (const fact of facts) if (fact.from) counts[barOf(toNumber(fact.from))] += 1;
  const most = Math.max(1, ...counts);
  const svg = "http://www.w3.org/2000/svg";
  const bars = counts.map((count, i) => {
    const bar = document.createElementNS(svg, "rect");
    const height = count ? 2 + 26 * Math.sqrt(count / most) : 0;
    for (const [name, value] of Object.entries({ x: i + 0.1, y: 28 - height, width: 0.8, height })) bar.setAttribute(name, String(value));
    return bar;
  });
  $("pulse").setAttribute("viewBox", `0 0 ${BARS} 28`);
  $("pulse").append(...bars);

  let waiting = 0;
  slider.addEventListener("input", () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => change({ day: toIso(Number(slider.value)) }));
  });
  $("all-time").addEventListener("click", () => {
    slider.value = String(last);
    change({ day: null });
    slider.focus();
  });

  onChange(({ day }, changed) => {
    if (!changed.has("day") && !changed.has("start")) return;
    const words = day === null ? ["All time", plural(facts.length, "fact")] : [say(day, long), `${facts.filter((fact) => held(fact, day)).length.toLocaleString("en")} of ${plural(facts.length, "fact")} held`];
    $("as-of").replaceChildren(el("b", {}, words[0]), words[1]);
    slider.setAttribute("aria-valuetext", words.join(", "));
    $("all-time").hidden = day === null;
    const until = day === null ? BARS : barOf(toNumber(day));
    bars.forEach((bar, i) => bar.classList.toggle("past", day !== null && i <= until));
  });
}
