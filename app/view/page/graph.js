// The map: sigma draws it with WebGL, its places were computed when the page was written.

const pairs = new Map(); // "3 17" -> { a, b, facts }: one line for two entities, however many facts join them
facts.forEach((fact, id) => {
  if (fact.source === fact.target) return;
  const [a, b] = fact.source < fact.target ? [fact.source, fact.target] : [fact.target, fact.source];
  const key = `${a} ${b}`;
  if (!pairs.has(key)) pairs.set(key, { a, b, facts: [] });
  pairs.get(key).facts.push(id);
});
const neighbours = entities.map(() => new Set());
for (const { a, b } of pairs.values()) neighbours[a].add(b), neighbours[b].add(a);

/** Colours of the page as they are now, light or dark. */
function palette() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  return { types: Object.fromEntries(TYPES.map((type) => [type, read(`--${type}`) || read("--Thing")])), ink: read("--ink"), faint: read("--line"), line: read("--line-strong"), sheet: read("--sheet"), accent: read("--accent") };
}

function startGraph() {
  if (!entities.length) return sayInstead("No people or things yet. Read a journal with load_journals.py, then make this page again.");
  if (!document.createElement("canvas").getContext("webgl2")) return sayInstead("This browser draws no WebGL, so the map stays empty. The list on the left, the timeline and the journal hold everything it would show.");
  const { UndirectedGraph, Sigma } = GraphLibrary;
  const graph = new UndirectedGraph();
  let colours = palette();
  let hovered = null;
  let lively = new Set(); // entities with a fact that holds on the chosen day

  const room = Math.min(1, Math.sqrt(300 / entities.length)); // many share the same disc
  entities.forEach((entity, id) => {
    const weight = entity.mentions + factsOf[id].length;
    graph.addNode(id, { x: entity.x, y: entity.y, size: Math.max(2, Math.min(20, 3 + 1.5 * Math.sqrt(weight)) * room), label: entity.name });
  });
  for (const [key, { a, b, facts: joined }] of pairs) graph.addEdgeWithKey(key, a, b, { size: Math.min(4, 0.8 + 0.35 * joined.length) * room ** 0.7 });

  /** What is looked at: the hovered or the chosen entity, or both ends of the chosen fact; null for the whole map. */
  function inFocus() {
    if (hovered !== null || state.entity !== null) return [hovered ?? state.entity];
    return state.fact === null ? null : [facts[state.fact].source, facts[state.fact].target];
  }
  const isNear = (id, focus) => focus === null || focus.includes(id) || (focus.length === 1 && neighbours[focus[0]].has(id));

  function drawNode(key, attributes) {
    const id = Number(key);
    const focus = inFocus();
    const { type } = entities[id];
    if (!state.types.has(type)) return { ...attributes, hidden: true };
    const faded = !isNear(id, focus) || (state.day !== null && !lively.has(id));
    if (faded) return { ...attributes, color: colours.faint, label: null, zIndex: 0 };
    const isChosen = focus !== null && focus.includes(id);
    return { ...attributes, color: colours.types[type], zIndex: 1, highlighted: isChosen, forceLabel: isChosen || (focus !== null && neighbours[focus[0]].size <= 24) };
  }

  function drawEdge(key, attributes) {
    const { a, b, facts: joined } = pairs.get(key);
    const focus = inFocus();
    if (!joined.some((id) => held(facts[id], state.day))) return { ...attributes, hidden: true };
    if (focus === null) return { ...attributes, color: colours.line };
    const isNearby = focus.length === 1 ? a === focus[0] || b === focus[0] : joined.includes(state.fact);
    return isNearby ? { ...attributes, color: colours.accent, zIndex: 1 } : { ...attributes, color: colours.faint, size: 0.5, zIndex: 0 };
  }

  /** The hovered or chosen name, on a quiet plate in the page's colours. */
  function drawHover(context, node, settings) {
    context.font = `600 ${settings.labelSize}px ${settings.labelFont}`;
    const width = context.measureText(node.label ?? "").width;
    const [x, y, r] = [node.x, node.y, node.size + 3];
    context.fillStyle = colours.sheet;
    context.shadowColor = "#0004";
    context.shadowBlur = 8;
    context.beginPath();
    context.arc(x, y, r, 0, 2 * Math.PI);
    if (node.label) context.roundRect(x, y - 12, r + width + 14, 24, 12);
    context.fill();
    context.shadowBlur = 0;
    context.fillStyle = node.color;
    context.beginPath();
    context.arc(x, y, node.size, 0, 2 * Math.PI);
    context.fill();
    context.fillStyle = colours.ink;
    if (node.label) context.fillText(node.label, x + r + 5, y + settings.labelSize / 3);
  }

  const renderer = new Sigma(graph, $("canvas"), {
    allowInvalidContainer: true, // the map may be behind another view
    labelFont: getComputedStyle(document.body).fontFamily,
    labelSize: 13,
    labelColor: { color: colours.ink },
    labelDensity: 0.7,
    labelGridCellSize: 120,
    labelRenderedSizeThreshold: 7 * Math.max(0.5, room),
    zIndex: true,
    stagePadding: 56,
    minCameraRatio: 0.03,
    maxCameraRatio: 2.5,
    nodeReducer: drawNode,
    edgeReducer: drawEdge,
    defaultDrawNodeHover: drawHover,
  });
  const camera = renderer.getCamera();
  const move = (to) => camera.animate(to, { duration: calm.matches ? 0 : 450, easing: "cubicInOut" });

  renderer.on("clickNode", ({ node }) => go(`e${node}`));
  renderer.on("clickStage", () => state.entity !== null && go(""));
  renderer.on("enterNode", ({ node }) => { hovered = Number(node); renderer.refresh({ skipIndexation: true }); });
  renderer.on("leaveNode", () => { hovered = null; renderer.refresh({ skipIndexation: true }); });
  $("zoom-in").addEventListener("click", () => move({ ratio: camera.ratio / 1.6 }));
  $("zoom-out").addEventListener("click", () => move({ ratio: Math.min(2.5, camera.ratio * 1.6) }));
  $("zoom-all").addEventListener("click", () => move({ x: 0.5, y: 0.5, ratio: 1, angle: 0 }));

  onChange((now, changed) => {
    if (changed.has("day")) lively = new Set(facts.filter((fact) => held(fact, now.day)).flatMap((fact) => [fact.source, fact.target]));
    if (changed.has("theme")) {
      colours = palette();
      renderer.setSetting("labelColor", { color: colours.ink });
    }
    renderer.refresh({ skipIndexation: !changed.has("types") });
    const focus = now.entity ?? (now.fact === null ? null : facts[now.fact].source);
    if ((changed.has("entity") || changed.has("fact")) && focus !== null && now.view === "graph" && hovered !== focus) {
      const { x, y } = renderer.getNodeDisplayData(String(focus)) ?? { x: 0.5, y: 0.5 };
      move({ x, y, ratio: Math.min(camera.ratio, 0.6) });
    }
  });
  document.documentElement.dataset.map = "drawn";
}

function sayInstead(words) {
  $("graph-empty").textContent = words;
  $("graph-empty").hidden = false;
  document.querySelector(".zoom").hidden = true;
}
