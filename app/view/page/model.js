// What the page knows: the data block, and what follows from it. An entity, a fact, an entry is its place in its list.

const data = JSON.parse($("data").textContent);
const { entities, facts, entries } = data;
const TYPES = ["Person", "Place", "Organisation", "Work", "Project", "Thing"];
for (const entity of entities) if (!TYPES.includes(entity.type)) TYPES.push(entity.type);

const factsOf = entities.map(() => []); // facts by entity, in order of time
facts.forEach((fact, id) => new Set([fact.source, fact.target]).forEach((end) => factsOf[end].push(id)));

/** An entry's marks in the units that slice counts: the data counts characters, and an emoji is two units. */
function inUnits({ text, marks }) {
  if (!/[\ud800-\udbff]/.test(text)) return marks; // as most entries are
  const at = [0];
  for (const character of text) at.push(at.at(-1) + character.length);
  return marks.map(([start, end, ...what]) => [at[start], at[end], ...what]);
}

const sentencesOf = facts.map(() => []); // where a fact is told: { entry, start, end }
const endingsOf = facts.map(() => []); // where its end is told
const namesOf = entities.map(() => []); // where an entity is named
entries.forEach((entry, id) => {
  entry.marks = inUnits(entry);
  for (const [start, end, kind, index] of entry.marks) {
    ({ fact: sentencesOf, ending: endingsOf, mention: namesOf })[kind][index].push({ entry: id, start, end });
  }
});

const days = facts.flatMap((fact) => [fact.from, fact.to]).concat(entries.map((entry) => entry.date));
const dated = days.filter(Boolean).sort();
const FIRST = dated[0] ?? null;
const LAST = dated.at(-1) ?? null;

const DAY_MS = 86_400_000;
const toNumber = (iso) => Math.round(Date.parse(`${iso}T00:00:00Z`) / DAY_MS);
const toIso = (number) => new Date(number * DAY_MS).toISOString().slice(0, 10);
const long = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
const short = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const month = new Intl.DateTimeFormat("en-GB", { month: "long", timeZone: "UTC" });
const say = (iso, format = short) => format.format(new Date(`${iso}T00:00:00Z`));

/** Whether a fact held on a day; without a day every fact counts. */
function held(fact, day) {
  return day === null || ((fact.from === null || fact.from <= day) && (fact.to === null || fact.to > day));
}

/** "3 May 1912 to 4 June 1913", "since 3 May 1912", "undated" */
function span(fact) {
  if (fact.from && fact.to) return `${say(fact.from)} to ${say(fact.to)}`;
  if (fact.to) return `until ${say(fact.to)}`;
  return fact.from ? `since ${say(fact.from)}` : "undated";
}

/** Text as it is compared: without accents, capitals and surplus blanks. */
const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/\s+/g, " ");
