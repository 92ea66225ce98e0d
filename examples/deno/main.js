// deno run --allow-net --allow-read main.js MODEL.gguf 'What is a ternary weight?'
import { BitNet } from 'bitnet-web';

const [file, question = 'What is a ternary weight?'] = Deno.args;

// Deno has no storage for a model: it is read from a file, as a stream.
const { readable } = await Deno.open(file);
await using model = await BitNet.load(readable);
for await (const { text } of model.generate([{ role: 'user', content: question }])) {
  await Deno.stdout.write(new TextEncoder().encode(text));
}
