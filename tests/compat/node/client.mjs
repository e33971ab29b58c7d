// Calls of a JavaScript client: reads them from a file, prints the answers as JSON.
import { readFile } from "node:fs/promises";

const request = JSON.parse(await readFile(process.argv[2], "utf8"));
const { connect } = await import(`./${request.library}.mjs`);
const verbs = connect(request);
const answers = [];
for (const { verb, arguments: given } of request.calls) answers.push((await verbs[verb](given)) ?? null);
process.stdout.write(JSON.stringify(answers));
