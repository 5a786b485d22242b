// Makes graph.js, the one file of other people's code in the page: `npm ci --ignore-scripts && npm run build`.
// Versions and checksums are pinned in package-lock.json; every licence stands in the file's head.
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const packages = ["sigma", "graphology", "graphology-utils", "events"];

const built = await build({
  stdin: {
    contents: 'export { default as Sigma } from "sigma"; export { UndirectedGraph } from "graphology";',
    resolveDir: import.meta.dirname,
  },
  bundle: true,
  minify: true,
  write: false,
  format: "iife",
  globalName: "GraphLibrary",
  target: "es2022",
  charset: "ascii",
  define: { "process.env.NODE_ENV": '"production"' },
  legalComments: "none",
});

const licences = packages.map((name) => {
  const folder = `${import.meta.dirname}/node_modules/${name}`;
  const { version } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const file = name === "events" ? "LICENSE" : "LICENSE.txt";
  return `${name} ${version}\n\n${readFileSync(`${folder}/${file}`, "utf8").trim()}`;
});
const head = `/*!\nBuilt by build.mjs from packages of the npm registry.\n\n${licences.join("\n\n---\n\n")}\n*/\n`;
writeFileSync(`${import.meta.dirname}/graph.js`, head + built.outputFiles[0].text);
