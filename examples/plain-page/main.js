import { BitNet } from 'bitnet-web'; // the import map in index.html says where that is

const MODEL = 'hf:microsoft/bitnet-b1.58-2B-4T-gguf/ggml-model-i2_s.gguf'; // 1.18 GB, which the browser keeps

const form = document.querySelector('form');
const stop = document.querySelector('#stop');
const status = document.querySelector('output');
const answer = document.querySelector('#answer');
let model;

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const abort = new AbortController();
  const { signal } = abort;
  stop.onclick = () => abort.abort();
  stop.disabled = false;
  answer.textContent = '';
  try {
    model ??= await BitNet.load(MODEL, { signal, onProgress: ({ loaded, total }) => (status.textContent = `${loaded} of ${total ?? '?'} bytes`) });
    status.textContent = `${model.info.threads} threads`;
    const messages = [{ role: 'user', content: form.elements.prompt.value }];
    for await (const { text } of model.generate(messages, { signal })) answer.append(text);
  } catch (error) {
    status.textContent = signal.aborted ? 'Stopped.' : error.message;
  }
  stop.disabled = true;
});
