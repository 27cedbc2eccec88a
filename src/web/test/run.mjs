// run: the unit tests of the page, test/*.test.ts, bundled by esbuild and run by node.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as esbuild from "esbuild";

const here = new URL(".", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "sonde-web-"));
let failed = true;
try {
  const names = readdirSync(here).filter((n) => n.endsWith(".test.ts"));
  await esbuild.build({
    entryPoints: names.map((n) => join(here, n)),
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "error",
  });
  const files = names.map((n) => join(folder, n.replace(/\.ts$/, ".mjs")));
  failed = spawnSync(process.execPath, ["--test", ...files], { stdio: "inherit" }).status !== 0;
} finally {
  rmSync(folder, { recursive: true });
}
process.exit(failed ? 1 : 0);
