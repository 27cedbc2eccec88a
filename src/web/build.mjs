// build: bundle the page into dist/, which is committed and goes into the program.
//
// usage: node build.mjs [OUTPUT-FOLDER] [--watch]
//
// app.js and app.css are the page of a profile that is served, trace.js and trace.css that of an
// execution trace; flame.js and flame.css are the flame
// graph alone, for the self-contained file that `sonde pprof -html` writes.
import { readFile, writeFile } from "node:fs/promises";
import * as esbuild from "esbuild";

const args = process.argv.slice(2);
const watch = args.includes("--watch");
const outdir = args.find((a) => !a.startsWith("--")) ?? new URL("dist", import.meta.url).pathname;

const options = {
  entryPoints: {
    app: "app.tsx",
    flame: "flame/alone.ts",
    trace: "trace/main.tsx",
  },
  absWorkingDir: new URL(".", import.meta.url).pathname,
  outdir,
  bundle: true,
  minify: true,
  charset: "ascii",
  target: "es2022",
  format: "iife",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "eof",
  logLevel: "info",
};

// The licences of what is bundled go with it.
async function writeLicences() {
  const { dependencies } = JSON.parse(await readFile(new URL("package.json", import.meta.url)));
  let text = "";
  for (const [name, version] of Object.entries(dependencies)) {
    const licence = await readFile(new URL(`node_modules/${name}/LICENSE`, import.meta.url), "utf8");
    text += `${name} ${version}\n\n${licence.trim()}\n\n\n`;
  }
  await writeFile(outdir + "/LICENSES.txt", text.trimEnd() + "\n");
}

await writeLicences();
if (watch) await (await esbuild.context(options)).watch();
else await esbuild.build(options);
