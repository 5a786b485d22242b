// The start: every part draws itself once, then only what changed.

function startViews() {
  const tabs = [...document.querySelectorAll('[role="tab"]')];
  onChange(({ view }, changed) => {
    if (!changed.has("view") && !changed.has("start")) return;
    for (const tab of tabs) {
      const isOpen = tab.dataset.view === view;
      tab.setAttribute("aria-selected", String(isOpen));
      tab.tabIndex = isOpen ? 0 : -1;
      $(tab.dataset.view).hidden = !isOpen;
    }
  });
  for (const tab of tabs) {
    tab.addEventListener("click", () => go(tab.dataset.view));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const open = tabs.filter((one) => !one.hidden);
      const next = open[(open.indexOf(tab) + step + open.length) % open.length];
      next.focus();
      next.click();
    });
  }
}

function startKeys() {
  document.addEventListener("keydown", (event) => {
    const isTyping = /^(INPUT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "range";
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping) return;
    if (event.key === "/") {
      event.preventDefault();
      $("search").focus();
      $("search").select();
    } else if (event.key === "Escape") go("");
    else if (/^[1-5]$/.test(event.key) && !$(`tab-${VIEWS[event.key - 1]}`).hidden) go(VIEWS[event.key - 1]);
  });
}

function startTheme() {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const redraw = () => listeners.forEach((draw) => draw(state, new Set(["theme"])));
  dark.addEventListener("change", redraw);
  $("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const isDark = root.dataset.theme ? root.dataset.theme === "dark" : dark.matches;
    root.dataset.theme = isDark ? "light" : "dark";
    redraw();
  });
}

startViews();
for (const start of [startSearch, startPeople, startTime, startCard, startTimeline, startJournal, startAsk, startReview, startKeys, startTheme, startGraph]) start();
listeners.forEach((draw) => draw(state, new Set(["start", "view", "day", "types"])));
readAddress();
